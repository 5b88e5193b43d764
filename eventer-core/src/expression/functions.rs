//! The functions of expressions: those that answer a question of the event, and those of text, maps and lists.
//!
//! `matches`, `timestamp` and `duration` take a text that is written out, and are done when the expression is read
//! ([`check`](super::check)).

use std::borrow::Cow;

use jiff::SignedDuration;

use super::value::{Type, Value};
use crate::event::Event;

/// A function that cannot fail.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: &'static str,
    /// What it can be called on; nothing: it is asked of the event.
    pub(super) on: &'static [Type],
    /// What it is given besides.
    pub(super) takes: &'static [Type],
    pub(super) gives: Type,
    /// The values are what it is called on, and what it is given.
    pub(super) call: for<'e> fn(&'e Event, &[Value<'e>]) -> Value<'e>,
    #[cfg_attr(not(test), expect(dead_code, reason = "the documentation is held against it by a test"))]
    pub(super) help: &'static str,
}

/// Functions that are done when the expression is read, and the macro that is offered, as they are written.
pub(super) const BUILT_IN: [(&str, &str); 4] = [
    ("matches", r#"message.matches("regex")"#),
    ("timestamp", r#"timestamp("2026-11-21T06:00:00Z")"#),
    ("duration", r#"duration("1h30m")"#),
    ("has", "has(series.count)"),
];

/// Macros of CEL that go through lists and maps.
pub(super) const MACROS: [&str; 6] = ["all", "exists", "exists_one", "existsOne", "map", "filter"];

pub(super) const ALL: &[Function] = &[
    Function {
        name: "lastSeen",
        on: &[],
        takes: &[],
        gives: Type::Time,
        call: |event, _| Value::Time(event.last_seen()),
        help: "the latest time that the event tells of, from whichever fields are filled in",
    },
    Function {
        name: "age",
        on: &[],
        takes: &[],
        gives: Type::Duration,
        call: |event, _| Value::Duration(age(event)),
        help: "from `lastSeen()` to the receipt of the event",
    },
    Function {
        name: "count",
        on: &[],
        takes: &[],
        gives: Type::Int,
        call: |event, _| Value::Int(event.count().into()),
        help: "how often it was seen, in the old form or the new; at least 1",
    },
    Function {
        name: "component",
        on: &[],
        takes: &[],
        gives: Type::Text,
        call: |event, _| Value::text(event.component()),
        help: "who reported it, in the old form or the new",
    },
    Function {
        name: "objectNamespace",
        on: &[],
        takes: &[],
        gives: Type::Text,
        call: |event, _| Value::text(event.object_namespace()),
        help: "namespace of the object; empty for a Node and its like",
    },
    Function {
        name: "id",
        on: &[],
        takes: &[],
        gives: Type::Text,
        call: |event, _| Value::Text(Cow::Owned(event.id())),
        help: "the same for each delivery of the same version of the same Event",
    },
    Function {
        name: "contains",
        on: &[Type::Text],
        takes: &[Type::Text],
        gives: Type::Bool,
        call: |_, values| Value::Bool(values[0].as_text().contains(values[1].as_text())),
        help: "whether the other text stands in it",
    },
    Function {
        name: "startsWith",
        on: &[Type::Text],
        takes: &[Type::Text],
        gives: Type::Bool,
        call: |_, values| Value::Bool(values[0].as_text().starts_with(values[1].as_text())),
        help: "whether it begins with the other text",
    },
    Function {
        name: "endsWith",
        on: &[Type::Text],
        takes: &[Type::Text],
        gives: Type::Bool,
        call: |_, values| Value::Bool(values[0].as_text().ends_with(values[1].as_text())),
        help: "whether it ends with the other text",
    },
    Function {
        name: "lowerAscii",
        on: &[Type::Text],
        takes: &[],
        gives: Type::Text,
        call: |_, values| Value::Text(Cow::Owned(values[0].as_text().to_ascii_lowercase())),
        help: "with small letters for the capital ones of ASCII",
    },
    Function {
        name: "upperAscii",
        on: &[Type::Text],
        takes: &[],
        gives: Type::Text,
        call: |_, values| Value::Text(Cow::Owned(values[0].as_text().to_ascii_uppercase())),
        help: "with capital letters for the small ones of ASCII",
    },
    Function {
        name: "trim",
        on: &[Type::Text],
        takes: &[],
        gives: Type::Text,
        call: |_, values| Value::Text(Cow::Owned(values[0].as_text().trim().to_owned())),
        help: "without white space at its ends",
    },
    Function {
        name: "size",
        on: &[Type::Text, Type::Labels, Type::Texts, Type::Owners],
        takes: &[],
        gives: Type::Int,
        call: |_, values| Value::Int(size(&values[0])),
        help: "how many characters a text has, entries a map, or items a list",
    },
];

/// The function `name` of something of the type `on`, or of the event.
pub(super) fn find(name: &str, on: Option<Type>) -> Option<&'static Function> {
    ALL.iter().find(|function| {
        function.name == name && on.map_or(function.on.is_empty(), |on| function.on.contains(&on))
    })
}

fn age(event: &Event) -> SignedDuration {
    // What was never received has no age.
    if event.is_received() {
        event.received_at.duration_since(event.last_seen())
    } else {
        SignedDuration::ZERO
    }
}

fn size(value: &Value<'_>) -> i64 {
    let size = match value {
        Value::Text(text) => text.chars().count(),
        Value::Labels(labels) => labels.len(),
        Value::Texts(texts) => texts.len(),
        Value::Owners(owners) => owners.len(),
        _ => 0,
    };
    i64::try_from(size).unwrap_or(i64::MAX)
}
