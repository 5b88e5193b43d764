//! The topic of an event: a fixed name, or a template over the event whose result is checked. Pure.

use std::borrow::Cow;

use eventer_core::Event;

/// The longest name that Kafka takes.
const LONGEST: usize = 249;

/// Where events go.
#[derive(Clone, Debug)]
pub(super) enum Topic {
    /// All to one topic.
    Fixed(String),
}

impl Default for Topic {
    fn default() -> Self {
        Self::Fixed("heapster-events".to_owned())
    }
}

impl Topic {
    /// Reads a name, or a template if it holds `{{`.
    ///
    /// # Errors
    /// Kafka takes no such name.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        check(text)?;
        Ok(Self::Fixed(text.to_owned()))
    }

    /// The topic of an event.
    ///
    /// # Errors
    /// Kafka takes no such name, or the template cannot be filled in.
    pub(super) fn of(&self, _event: &Event) -> Result<Cow<'_, str>, String> {
        match self {
            Self::Fixed(name) => Ok(Cow::Borrowed(name)),
        }
    }

    /// The topic, if it is the same for all events.
    pub(super) fn fixed(&self) -> Option<&str> {
        match self {
            Self::Fixed(name) => Some(name),
        }
    }
}

/// Kafka's rules for the name of a topic (`org.apache.kafka.common.internals.Topic`).
fn check(name: &str) -> Result<(), String> {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() {
        return Err("the name of a topic has at least one letter".to_owned());
    }
    if name.len() > LONGEST {
        return Err(format!("the name of a topic has at most {LONGEST} letters"));
    }
    if name == "." || name == ".." {
        return Err(format!("\"{name}\" is no name of a topic"));
    }
    match name.chars().find(|c| !is_letter(*c)) {
        Some(c) => Err(format!(
            "\"{}\" is no name of a topic: {c:?} is none of a-z, A-Z, 0-9, \".\", \"_\" and \"-\"",
            name.escape_default()
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_follows_kafkas_rules() {
        for name in ["heapster-events", "a", "...", "A_b.c-9", &"x".repeat(LONGEST)] {
            assert_eq!(check(name), Ok(()), "{name}");
        }
        for name in ["", ".", "..", "a b", "a/b", "ä", "a\n", &"x".repeat(LONGEST + 1)] {
            assert!(check(name).is_err(), "{name:?}");
        }
    }
}
