//! The conditions of a filter in the order in which they are asked: the cheap ones first.
//!
//! What is asked of an event and what is told of it both go through [`ALL`], so that they cannot say different things.

use regex::Regex;

use super::options::*;
use super::{EventFilter, Level, NamespaceOf, Pattern};
use crate::event::Event;
use crate::expression::{EvaluationError, quoted};

/// One condition. An option that was not given sets none, and then it holds for every event.
pub(super) struct Condition {
    /// The option that sets it.
    pub(super) option: &'static str,
    /// Whether `event` meets it.
    pub(super) holds: fn(&EventFilter, &Event) -> Result<bool, EvaluationError>,
    /// Why `event` does not meet it, for people.
    pub(super) because: fn(&EventFilter, &Event) -> String,
}

pub(super) const ALL: &[Condition] = &[
    Condition {
        option: LEVEL.name,
        holds: |filter, event| {
            let is_high_enough = |least| Level::of(event).is_some_and(|level| level >= least);
            Ok(filter.level.is_none_or(is_high_enough))
        },
        because: |_, event| is("type", event.event_type.as_str()),
    },
    Condition {
        option: TYPES.name,
        holds: |filter, event| Ok(one_of(&filter.types, |name| name.matches(&event.event_type))),
        because: |_, event| is("type", event.event_type.as_str()),
    },
    Condition {
        option: KINDS.name,
        holds: |filter, event| Ok(one_of(&filter.kinds, |word| is_kind(word, event))),
        because: |_, event| is("object's kind", &event.involved_object.kind),
    },
    Condition {
        option: EXCLUDE_KINDS.name,
        holds: |filter, event| Ok(!filter.exclude_kinds.iter().any(|word| is_kind(word, event))),
        because: |_, event| is("object's kind", &event.involved_object.kind),
    },
    Condition {
        option: NAMESPACES.name,
        holds: |filter, event| {
            let namespace = namespace(filter, event);
            Ok(one_of(&filter.namespaces, |pattern: &Pattern| pattern.matches(namespace)))
        },
        because: |filter, event| is("namespace", namespace(filter, event)),
    },
    Condition {
        option: EXCLUDE_NAMESPACES.name,
        holds: |filter, event| {
            let namespace = namespace(filter, event);
            Ok(!filter.exclude_namespaces.iter().any(|pattern| pattern.matches(namespace)))
        },
        because: |filter, event| is("namespace", namespace(filter, event)),
    },
    Condition {
        option: MIN_COUNT.name,
        holds: |filter, event| Ok(event.count() >= filter.min_count),
        because: |_, event| format!("it was seen {} times", event.count()),
    },
    Condition {
        option: REASON.name,
        holds: |filter, event| Ok(one_found(&filter.reason, &event.reason)),
        because: |_, event| is("reason", &event.reason),
    },
    Condition {
        option: EXCLUDE_REASON.name,
        holds: |filter, event| Ok(none_found(&filter.exclude_reason, &event.reason)),
        because: |_, event| is("reason", &event.reason),
    },
    Condition {
        option: OBJECT_NAME.name,
        holds: |filter, event| Ok(one_found(&filter.object_name, &event.involved_object.name)),
        because: |_, event| is("object's name", &event.involved_object.name),
    },
    Condition {
        option: EXCLUDE_OBJECT_NAME.name,
        holds: |filter, event| Ok(none_found(&filter.exclude_object_name, &event.involved_object.name)),
        because: |_, event| is("object's name", &event.involved_object.name),
    },
    Condition {
        option: MESSAGE.name,
        holds: |filter, event| Ok(one_found(&filter.message, &event.message)),
        because: |_, event| is("message", &event.message),
    },
    Condition {
        option: EXCLUDE_MESSAGE.name,
        holds: |filter, event| Ok(none_found(&filter.exclude_message, &event.message)),
        because: |_, event| is("message", &event.message),
    },
    Condition {
        option: WHERE.name,
        holds: |filter, event| filter.expression.as_ref().map_or(Ok(true), |it| it.matches(event)),
        because: |filter, event| filter.expression.as_ref().map(|it| it.explain(event)).unwrap_or_default(),
    },
];

/// An empty list sets no condition.
fn one_of<T>(items: &[T], is_it: impl Fn(&T) -> bool) -> bool {
    items.is_empty() || items.iter().any(is_it)
}

fn one_found(regexes: &[Regex], text: &str) -> bool {
    one_of(regexes, |regex| regex.is_match(text))
}

fn none_found(regexes: &[Regex], text: &str) -> bool {
    !regexes.iter().any(|regex| regex.is_match(text))
}

fn is_kind(word: &str, event: &Event) -> bool {
    word.eq_ignore_ascii_case(&event.involved_object.kind)
}

fn namespace<'e>(filter: &EventFilter, event: &'e Event) -> &'e str {
    match filter.namespace_of {
        NamespaceOf::Object => event.object_namespace(),
        NamespaceOf::Event => &event.metadata.namespace,
    }
}

fn is(what: &str, value: &str) -> String {
    format!("the {what} is {}", quoted(value))
}
