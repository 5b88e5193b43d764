//! The values that the options of a filter take.

use crate::event::{Event, EventType};
use crate::uri::{OptionValue, nearest};

/// How serious an event is, as kube-eventer's `level=` knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Normal and Warning.
    Normal,
    /// Warning only.
    Warning,
}

/// Where the namespace of an event is taken from: kube-eventer's sinks disagree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NamespaceOf {
    /// The object that the event is about; a Node has none.
    #[default]
    Object,
    /// The Event itself; a Node's stand in `default`.
    Event,
}

/// A name with `*` as a wildcard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Level {
    pub(super) fn of(event: &Event) -> Option<Self> {
        match event.event_type {
            EventType::Normal => Some(Self::Normal),
            EventType::Warning => Some(Self::Warning),
            EventType::Other(_) | EventType::Empty => None,
        }
    }
}

impl OptionValue for Level {
    /// `Normal` or `Warning` in any case; of a list of both, the lower holds.
    fn parse_option(text: &str) -> Result<Self, String> {
        let words = text.split(',').map(|word| match word.trim().to_ascii_lowercase().as_str() {
            "normal" => Ok(Self::Normal),
            "warning" => Ok(Self::Warning),
            _ => Err(format!("\"{text}\" is neither Normal nor Warning")),
        });
        words.reduce(|a, b| Ok(a?.min(b?))).unwrap_or(Ok(Self::Normal))
    }
}

impl Pattern {
    /// Whether `name` is of this pattern.
    pub fn matches(&self, name: &str) -> bool {
        let Some((head, tail)) = self.0.split_once('*') else { return self.0 == name };
        let Some(mut rest) = name.strip_prefix(head) else { return false };
        let mut parts: Vec<&str> = tail.split('*').collect();
        let last = parts.pop().unwrap_or_default();
        for part in parts {
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last)
    }
}

impl OptionValue for Pattern {
    fn parse_option(text: &str) -> Result<Self, String> {
        let is_of_a_name =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.' | '*');
        let text = text.trim();
        match text.chars().all(is_of_a_name) {
            true => Ok(Self(text.to_owned())),
            false => Err(format!("\"{text}\" is no name of a namespace, in which * stands for any text")),
        }
    }
}

/// A type of events as a user names it: in any case, and perhaps one that Kubernetes has not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeName(String);

impl TypeName {
    /// Whether `event_type` is of this name.
    pub fn matches(&self, event_type: &EventType) -> bool {
        self.0.eq_ignore_ascii_case(event_type.as_str())
    }
}

impl OptionValue for TypeName {
    fn parse_option(text: &str) -> Result<Self, String> {
        match nearest(text, ["Normal", "Warning"].into_iter()) {
            Some(known) if !known.eq_ignore_ascii_case(text) => {
                Err(format!("\"{text}\" is no type of events, did you mean \"{known}\"?"))
            }
            _ => Ok(Self(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_in_any_case_and_a_typo_is_refused() {
        assert_eq!(Level::parse_option("WARNING"), Ok(Level::Warning));
        assert_eq!(Level::parse_option("Warning,Normal"), Ok(Level::Normal));
        assert!(Level::parse_option("warnig").is_err());
        assert!(Level::parse_option("").is_err());
    }

    #[test]
    fn a_star_stands_for_any_text() {
        let matches = |pattern: &str, name: &str| Pattern(pattern.to_owned()).matches(name);
        assert!(matches("kube-*", "kube-system") && !matches("kube-*", "mykube-system"));
        assert!(matches("*", "") && matches("a*c*e", "abcde") && !matches("a*c*e", "abcd"));
        assert!(matches("*-prod", "eu-prod") && !matches("prod", "prod-1"));
    }
}
