//! Secrets that stand in the input, on their way into a Secret of Kubernetes.

use std::collections::BTreeMap;
use std::fmt;

use super::yaml::{self, Yaml};

/// Where the Secret is mounted.
pub(super) const MOUNT: &str = "/etc/eventer/secrets";

/// The secrets, by the names of their files. `Debug` shows the names only.
#[derive(Default)]
pub(super) struct Secrets {
    values: BTreeMap<String, String>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

impl Secrets {
    /// Keeps a secret under a name that speaks of its sink and its option, and gives the path of its file.
    pub(super) fn keep(&mut self, sink: &str, option: &str, value: &str) -> String {
        let allowed =
            |c: char| if c.is_ascii_alphanumeric() || c == '.' { c.to_ascii_lowercase() } else { '-' };
        let wanted: String = format!("{sink}-{option}").chars().map(allowed).collect();
        let mut name = wanted.trim_matches(['-', '.']).to_owned();
        let mut number = 2;
        while self.values.get(&name).is_some_and(|other| other != value) {
            name = format!("{wanted}-{number}");
            number += 1;
        }
        let path = format!("{MOUNT}/{name}");
        self.values.insert(name, value.to_owned());
        path
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// The Secret's manifest, if there is a secret.
    pub(super) fn manifest(&self) -> Option<String> {
        if self.values.is_empty() {
            return None;
        }
        let name = |name: &str| ("name".to_owned(), Yaml::text(name));
        // What stands here is not expanded by anyone.
        let values: String = self
            .values
            .iter()
            .map(|(name, value)| format!("  {}: {}\n", yaml::scalar(name), yaml::scalar(value)))
            .collect();
        let metadata = [name("eventer-secrets"), ("namespace".to_owned(), Yaml::text("eventer"))];
        let head = [
            ("apiVersion".to_owned(), Yaml::text("v1")),
            ("kind".to_owned(), Yaml::text("Secret")),
            ("metadata".to_owned(), Yaml::Map(metadata.to_vec())),
            ("type".to_owned(), Yaml::text("Opaque")),
        ];
        Some(format!(
            "# To be mounted at {MOUNT}. Keep it out of version control.\n{}stringData:\n{values}",
            yaml::entries(&head, 0)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Node;

    #[test]
    fn each_secret_has_a_file_of_its_own_and_is_shown_nowhere_else() {
        let mut secrets = Secrets::default();
        assert_eq!(secrets.manifest(), None);
        assert_eq!(secrets.keep("Pager One", "header", "X=a: 'b'"), "/etc/eventer/secrets/pager-one-header");
        assert_eq!(secrets.keep("Pager One", "header", "X=a: 'b'"), "/etc/eventer/secrets/pager-one-header");
        assert_eq!(secrets.keep("pager.one", "header", "c"), "/etc/eventer/secrets/pager.one-header");
        assert_eq!(secrets.keep("pager one", "header", "${d}"), "/etc/eventer/secrets/pager-one-header-2");
        let manifest = Node::parse(&secrets.manifest().unwrap()).unwrap();
        let data = manifest.get("stringData").unwrap();
        assert_eq!(data.get("pager-one-header").unwrap().text(), Some("X=a: 'b'"));
        assert_eq!(data.get("pager-one-header-2").unwrap().text(), Some("${d}"));
        assert!(!format!("{secrets:?}").contains("X=a"));
    }
}
