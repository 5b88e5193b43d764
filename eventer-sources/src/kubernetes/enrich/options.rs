//! What is looked up around the objects of events.

use std::time::Duration;

use eventer_core::uri::nearest;

/// What is looked up around the objects of events. By default nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrichOptions {
    /// Labels and annotations of the object, and whether it is gone.
    pub labels: bool,
    /// The owners of the object, up to the top workload.
    pub owners: bool,
    /// The node that an event is about or comes from, with its addresses.
    pub node: bool,
    /// The labels of the object's namespace.
    pub namespace: bool,
    /// The Services that select the object, if it is a Pod.
    pub services: bool,
    /// How long an event waits for all that at most.
    pub wait: Duration,
    /// How much memory the objects take at most, in bytes.
    pub memory: usize,
}

impl Default for EnrichOptions {
    fn default() -> Self {
        Self {
            labels: false,
            owners: false,
            node: false,
            namespace: false,
            services: false,
            wait: Duration::from_millis(500),
            memory: 32 * 1024 * 1024,
        }
    }
}

impl EnrichOptions {
    /// The words of the option.
    const WORDS: [&str; 5] = ["labels", "owners", "node", "namespace", "services"];

    /// Whether there is anything to look up.
    pub fn is_any(&self) -> bool {
        self.labels || self.owners || self.node || self.namespace || self.services
    }

    /// Adds what a word names.
    pub(crate) fn add(&mut self, word: &str) -> Result<(), String> {
        match word {
            "labels" => self.labels = true,
            "owners" => self.owners = true,
            "node" => self.node = true,
            "namespace" => self.namespace = true,
            "services" => self.services = true,
            _ => {
                return Err(match nearest(word, Self::WORDS.into_iter()) {
                    Some(known) => format!("\"{word}\" is nothing to look up, did you mean \"{known}\"?"),
                    None => format!("\"{word}\" is nothing to look up; known are {}", Self::WORDS.join(", ")),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_one_thing() {
        for word in EnrichOptions::WORDS {
            let mut options = EnrichOptions::default();
            assert!(!options.is_any());
            options.add(word).unwrap();
            assert!(options.is_any());
            assert_ne!(options, EnrichOptions::default());
        }
    }

    #[test]
    fn a_word_that_is_none_is_told_with_the_one_that_was_meant() {
        let mut options = EnrichOptions::default();
        assert!(options.add("lables").unwrap_err().ends_with("did you mean \"labels\"?"));
        assert!(
            options.add("everything").unwrap_err().ends_with("labels, owners, node, namespace, services")
        );
        assert_eq!(options, EnrichOptions::default());
    }
}
