//! Which events a sink wants. Pure.

use jiff::Timestamp;
use regex::Regex;

use crate::event::{Event, EventType};
use crate::uri::{OptionValue, nearest};

/// Which events a sink wants; all by default. The conditions are joined by AND, the values of each by OR.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// The least level; an event without a level never passes one.
    pub level: Option<Level>,
    /// Where the namespace that is compared is taken from.
    pub namespace_of: NamespaceOf,
    /// Namespaces, with `*` as a wildcard. Empty: all, also objects without a namespace.
    pub namespaces: Vec<Pattern>,
    /// Namespaces that are left out.
    pub exclude_namespaces: Vec<Pattern>,
    /// Kinds of the object, in any case.
    pub kinds: Vec<String>,
    /// Kinds that are left out.
    pub exclude_kinds: Vec<String>,
    /// Types, in any case.
    pub types: Vec<TypeName>,
    /// Regular expressions of which one must be found in the reason.
    pub reason: Vec<Regex>,
    /// Regular expressions of which none may be found in the reason.
    pub exclude_reason: Vec<Regex>,
    /// Regular expressions of which one must be found in the object's name.
    pub object_name: Vec<Regex>,
    /// Regular expressions of which none may be found in the object's name.
    pub exclude_object_name: Vec<Regex>,
    /// Regular expressions of which one must be found in the message.
    pub message: Vec<Regex>,
    /// Regular expressions of which none may be found in the message.
    pub exclude_message: Vec<Regex>,
    /// How often the event must have been seen.
    pub min_count: u32,
}

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

impl EventFilter {
    /// Whether the sink wants `event`. The cheap conditions are asked first.
    pub fn wants(&self, event: &Event) -> bool {
        let kind = event.involved_object.kind.as_str();
        let namespace = match self.namespace_of {
            NamespaceOf::Object => event.object_namespace(),
            NamespaceOf::Event => &event.metadata.namespace,
        };
        self.level.is_none_or(|least| Level::of(event).is_some_and(|level| level >= least))
            && (self.types.is_empty()
                || self.types.iter().any(|name| name.0.eq_ignore_ascii_case(event.event_type.as_str())))
            && any_word(&self.kinds, kind)
            && !self.exclude_kinds.iter().any(|word| word.eq_ignore_ascii_case(kind))
            && (self.namespaces.is_empty()
                || self.namespaces.iter().any(|pattern| pattern.matches(namespace)))
            && !self.exclude_namespaces.iter().any(|pattern| pattern.matches(namespace))
            && event.count() >= self.min_count
            && found(&self.reason, &self.exclude_reason, &event.reason)
            && found(&self.object_name, &self.exclude_object_name, &event.involved_object.name)
            && found(&self.message, &self.exclude_message, &event.message)
    }
}

fn any_word(words: &[String], value: &str) -> bool {
    words.is_empty() || words.iter().any(|word| word.eq_ignore_ascii_case(value))
}

fn found(included: &[Regex], excluded: &[Regex], text: &str) -> bool {
    (included.is_empty() || included.iter().any(|regex| regex.is_match(text)))
        && !excluded.iter().any(|regex| regex.is_match(text))
}

impl Level {
    fn of(event: &Event) -> Option<Self> {
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

/// Decides whether an event has become too old to be worth telling. One without a time of receipt never does.
pub(crate) fn is_expired(event: &Event, max_age: Option<std::time::Duration>, now: Timestamp) -> bool {
    event.is_received()
        && max_age.is_some_and(|max_age| {
            let age = now.duration_since(event.received_at);
            jiff::SignedDuration::try_from(max_age).is_ok_and(|max_age| age > max_age)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        serde_json::from_str(include_str!("../testdata/input-2-warning-backoff.json")).unwrap()
    }

    fn node_event() -> Event {
        serde_json::from_str(include_str!("../testdata/input-3-node-notready.json")).unwrap()
    }

    fn regex(text: &str) -> Vec<Regex> {
        vec![Regex::new(text).unwrap()]
    }

    fn pattern(text: &str) -> Vec<Pattern> {
        vec![Pattern::parse_option(text).unwrap()]
    }

    #[test]
    fn the_default_wants_everything() {
        assert!(EventFilter::default().wants(&event()));
        assert!(EventFilter::default().wants(&Event::default()));
    }

    #[test]
    fn a_level_lets_itself_and_higher_pass_and_no_unknown_type() {
        let filter = |level| EventFilter { level: Some(level), ..EventFilter::default() };
        let mut event = event();
        assert!(filter(Level::Warning).wants(&event));
        event.event_type = EventType::Normal;
        assert!(!filter(Level::Warning).wants(&event) && filter(Level::Normal).wants(&event));
        event.event_type = "Error".into();
        assert!(!filter(Level::Normal).wants(&event));
    }

    #[test]
    fn levels_are_read_in_any_case_and_a_typo_is_refused() {
        assert_eq!(Level::parse_option("WARNING"), Ok(Level::Warning));
        assert_eq!(Level::parse_option("Warning,Normal"), Ok(Level::Normal));
        assert!(Level::parse_option("warnig").is_err());
        assert!(Level::parse_option("").is_err());
    }

    #[test]
    fn the_namespace_is_the_objects_or_the_events() {
        let node = node_event();
        let of_object = EventFilter { namespaces: pattern("default"), ..EventFilter::default() };
        let of_event = EventFilter { namespace_of: NamespaceOf::Event, ..of_object.clone() };
        assert!(!of_object.wants(&node) && of_event.wants(&node));
    }

    #[test]
    fn regular_expressions_are_unanchored_and_can_exclude() {
        let wants = |filter: EventFilter| filter.wants(&event());
        assert!(wants(EventFilter { reason: regex("ack"), ..EventFilter::default() }));
        assert!(!wants(EventFilter { reason: regex("^ack"), ..EventFilter::default() }));
        assert!(!wants(EventFilter { exclude_message: regex("restarting"), ..EventFilter::default() }));
        assert!(!wants(EventFilter { object_name: regex("^db-"), ..EventFilter::default() }));
        assert!(wants(EventFilter { exclude_object_name: regex("^db-"), ..EventFilter::default() }));
        assert!(!wants(EventFilter { exclude_reason: regex("BackOff"), ..EventFilter::default() }));
    }

    #[test]
    fn kinds_types_and_counts() {
        let wants = |filter: EventFilter| filter.wants(&event());
        assert!(wants(EventFilter { kinds: vec!["pod".into()], ..EventFilter::default() }));
        assert!(!wants(EventFilter { exclude_kinds: vec!["Pod".into()], ..EventFilter::default() }));
        assert!(!wants(EventFilter {
            types: vec![TypeName::parse_option("normal").unwrap()],
            ..EventFilter::default()
        }));
        assert!(wants(EventFilter { min_count: 7, ..EventFilter::default() }));
        assert!(!wants(EventFilter { min_count: 8, ..EventFilter::default() }));
        assert!(!wants(EventFilter { exclude_namespaces: pattern("pr*"), ..EventFilter::default() }));
    }

    #[test]
    fn an_event_expires_by_its_receipt_and_never_without_one() {
        let max_age = Some(std::time::Duration::from_secs(60));
        let now: Timestamp = "2026-11-21T06:00:00Z".parse().unwrap();
        let mut event = event();
        assert!(!is_expired(&event, max_age, now));
        event.received_at = "2026-11-21T05:58:59Z".parse().unwrap();
        assert!(is_expired(&event, max_age, now) && !is_expired(&event, None, now));
        event.received_at = "2026-11-21T05:59:00Z".parse().unwrap();
        assert!(!is_expired(&event, max_age, now));
    }

    #[test]
    fn a_star_stands_for_any_text() {
        let matches = |pattern: &str, name: &str| Pattern(pattern.to_owned()).matches(name);
        assert!(matches("kube-*", "kube-system") && !matches("kube-*", "mykube-system"));
        assert!(matches("*", "") && matches("a*c*e", "abcde") && !matches("a*c*e", "abcd"));
        assert!(matches("*-prod", "eu-prod") && !matches("prod", "prod-1"));
    }
}
