//! What an expression computes with. Text, maps and lists are borrowed from the event.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::schema::{Record, Shape};
use crate::event::{Labels, OwnerReference};

/// A value while an expression is evaluated, or a constant in it.
#[derive(Clone, Debug)]
pub(super) enum Value<'e> {
    Bool(bool),
    Int(i64),
    /// Written out in an expression only: nothing in an event is one.
    Double(f64),
    Text(Cow<'e, str>),
    Time(Timestamp),
    Duration(SignedDuration),
    Labels(&'e Labels),
    Texts(&'e [String]),
    Owners(&'e [OwnerReference]),
    Record(Record<'e>),
}

/// What a value is; known of each part of an expression before there is an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Bool,
    Int,
    Double,
    Text,
    Time,
    Duration,
    Labels,
    Texts,
    Owners,
    Record(Shape),
}

impl Type {
    /// Whether values of both types can be compared with one another.
    pub(super) fn is_comparable_with(self, other: Self) -> bool {
        let is_number = |it| matches!(it, Self::Int | Self::Double);
        let is_simple = matches!(self, Self::Bool | Self::Text | Self::Time | Self::Duration);
        (is_number(self) && is_number(other)) || (is_simple && self == other)
    }
}

/// CEL's name of it.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Double => "double",
            Self::Text => "string",
            Self::Time => "timestamp",
            Self::Duration => "duration",
            Self::Labels => "map(string, string)",
            Self::Texts => "list(string)",
            Self::Owners => "list(owner)",
            Self::Record(shape) => shape.name(),
        })
    }
}

impl<'e> Value<'e> {
    /// The value of text.
    pub(super) fn text(text: &'e str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// The same value, which borrows what this one owns.
    pub(super) fn borrowed(&'e self) -> Self {
        match self {
            Self::Text(text) => Self::text(text),
            other => other.clone(),
        }
    }

    /// The text of a text; the checker has seen to it that it is one.
    pub(super) fn as_text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            _ => "",
        }
    }

    /// Whether a field that holds it was not filled in.
    pub(super) fn is_zero(&self) -> bool {
        match self {
            Self::Bool(it) => !it,
            Self::Int(it) => *it == 0,
            Self::Double(it) => *it == 0.0,
            Self::Text(it) => it.is_empty(),
            Self::Time(it) => *it == zero_time(),
            Self::Duration(it) => it.is_zero(),
            Self::Labels(it) => it.is_empty(),
            Self::Texts(it) => it.is_empty(),
            Self::Owners(it) => it.is_empty(),
            Self::Record(it) => it.is_zero(),
        }
    }

    /// How it stands to a value that it can be compared with.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Int(a), Self::Double(b)) => (*a as f64).partial_cmp(b),
            (Self::Double(a), Self::Int(b)) => a.partial_cmp(&(*b as f64)),
            (Self::Double(a), Self::Double(b)) => a.partial_cmp(b),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Time(a), Self::Time(b)) => Some(a.cmp(b)),
            (Self::Duration(a), Self::Duration(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

/// The timestamp of what has none: CEL's first.
pub(super) fn zero_time() -> Timestamp {
    const YEAR_1: i64 = -62_135_596_800;
    Timestamp::constant(YEAR_1, 0)
}

/// For people, as it would be written in an expression, and cut where it is long.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(it) => write!(f, "{it}"),
            Self::Int(it) => write!(f, "{it}"),
            Self::Double(it) => write!(f, "{it}"),
            Self::Text(it) => f.write_str(&quoted(it)),
            Self::Time(it) if *it == zero_time() => f.write_str("absent"),
            Self::Time(it) => write!(f, "{it}"),
            Self::Duration(it) => write!(f, "{it:#}"),
            Self::Labels(it) => list(f, it.iter().map(|(name, value)| format!("{name}={value}"))),
            Self::Texts(it) => list(f, it.iter().cloned()),
            Self::Owners(it) => list(f, it.iter().map(|owner| format!("{} {}", owner.kind, owner.name))),
            Self::Record(it) => f.write_str(if it.is_zero() { "absent" } else { "there" }),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, items: impl Iterator<Item = String>) -> fmt::Result {
    let joined: Vec<String> = items.collect();
    if joined.is_empty() { f.write_str("empty") } else { f.write_str(&cut(&joined.join(", "))) }
}

/// A text in quotes, cut where it is long.
pub(crate) fn quoted(text: &str) -> String {
    format!("{:?}", cut(text))
}

/// A text, cut where it is long.
pub(super) fn cut(text: &str) -> String {
    const LONGEST: usize = 100;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
