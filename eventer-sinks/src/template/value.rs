//! What a template computes with: Go's kinds of values as far as templates meet them, borrowed from the event where they
//! can be.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::rc::Rc;

use super::record::Record;
use super::time::GoTime;

/// Bytes that a value of fixed size counts for.
const SMALL: usize = 16;

/// A value. `'e` is the life of the event, of the scope and of the template, whichever ends first.
#[derive(Clone, Debug)]
pub(super) enum Value<'e> {
    /// Go's nil, and what is not there: `<no value>` where it is printed.
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Text<'e>),
    Time(GoTime<'e>),
    /// A struct of Kubernetes': the event itself, or a part of it.
    Record(Record<'e>),
    /// `map[string]string` of the event.
    Labels(&'e BTreeMap<String, String>),
    List(Rc<List<'e>>),
    Dict(Rc<Dict<'e>>),
}

/// A string: the event's or the template's own, or one that was made.
#[derive(Clone, Debug)]
pub(super) enum Text<'e> {
    Borrowed(&'e str),
    Made(Rc<str>),
}

/// A list, which knows how much it holds.
#[derive(Debug)]
pub(super) struct List<'e> {
    pub(super) items: Vec<Value<'e>>,
    weight: usize,
    depth: usize,
}

/// A map with strings for keys, which knows how much it holds.
#[derive(Debug)]
pub(super) struct Dict<'e> {
    pub(super) entries: BTreeMap<Text<'e>, Value<'e>>,
    weight: usize,
    depth: usize,
}

impl<'e> Value<'e> {
    /// A string that was made.
    pub(super) fn text(text: impl Into<Rc<str>>) -> Self {
        Self::Text(Text::Made(text.into()))
    }

    /// A string that is there already.
    pub(super) fn borrowed(text: &'e str) -> Self {
        Self::Text(Text::Borrowed(text))
    }

    pub(super) fn list(items: Vec<Self>) -> Self {
        let weight = items.iter().fold(SMALL, |sum: usize, item| sum.saturating_add(item.weight()));
        let depth = items.iter().map(Self::depth).max().unwrap_or_default() + 1;
        Self::List(Rc::new(List { items, weight, depth }))
    }

    pub(super) fn dict(entries: BTreeMap<Text<'e>, Self>) -> Self {
        let weight = entries.iter().fold(SMALL, |sum: usize, (key, value)| {
            sum.saturating_add(key.len()).saturating_add(value.weight())
        });
        let depth = entries.values().map(Self::depth).max().unwrap_or_default() + 1;
        Self::Dict(Rc::new(Dict { entries, weight, depth }))
    }

    /// About how many bytes it prints as. What is shared counts each time, since each time it would be printed.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Nil | Self::Bool(_) | Self::Int(_) | Self::Float(_) | Self::Time(_) => SMALL,
            Self::Text(text) => SMALL + text.len(),
            Self::Record(record) => SMALL + record.weight(),
            Self::Labels(map) => map.iter().fold(SMALL, |sum, (key, value)| sum + key.len() + value.len()),
            Self::List(list) => list.weight,
            Self::Dict(dict) => dict.weight,
        }
    }

    /// How many lists and maps lie in one another.
    pub(super) fn depth(&self) -> usize {
        match self {
            Self::List(list) => list.depth,
            Self::Dict(dict) => dict.depth,
            _ => 0,
        }
    }

    /// Whether an `if` takes it for true: structs and times always are, everything else unless it is empty.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(yes) => *yes,
            Self::Int(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::Time(_) | Self::Record(_) => true,
            Self::Labels(map) => !map.is_empty(),
            Self::List(list) => !list.items.is_empty(),
            Self::Dict(dict) => !dict.entries.is_empty(),
        }
    }

    /// Its kind, in the words of error messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Nil => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "a number",
            Self::Float(_) => "a number with a fraction",
            Self::Text(_) => "text",
            Self::Time(_) => "a time",
            Self::Record(record) => record.shape().name(),
            Self::Labels(_) | Self::Dict(_) => "a map",
            Self::List(_) => "a list",
        }
    }

    /// Its entries, if it is a map of either sort.
    pub(super) fn entries(&self) -> Option<Vec<(Text<'e>, Self)>> {
        match self {
            Self::Labels(map) => {
                let entry = |(key, value): (&'e String, &'e String)| {
                    (Text::Borrowed(key.as_str()), Self::borrowed(value))
                };
                Some(map.iter().map(entry).collect())
            }
            Self::Dict(dict) => Some(dict.entries.iter().map(|(k, v)| (k.clone(), v.clone())).collect()),
            _ => None,
        }
    }

    /// The entry of `key`, if it is a map of either sort and has one.
    pub(super) fn entry(&self, key: &str) -> Option<Self> {
        match self {
            Self::Labels(map) => map.get(key).map(|value| Self::borrowed(value)),
            Self::Dict(dict) => dict.entries.get(key).cloned(),
            _ => None,
        }
    }

    /// Whether both are the same value of the same kind, as Go's `reflect.DeepEqual` sees it.
    pub(super) fn is_deeply(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Nil, Self::Nil) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => **a == **b,
            (Self::Time(a), Self::Time(b)) => a.at() == b.at(),
            (Self::Record(a), Self::Record(b)) => a == b,
            (Self::List(a), Self::List(b)) => {
                a.items.len() == b.items.len() && a.items.iter().zip(&b.items).all(|(a, b)| a.is_deeply(b))
            }
            (Self::Labels(_) | Self::Dict(_), Self::Labels(_) | Self::Dict(_)) => {
                let (a, b) = (self.entries().unwrap_or_default(), other.entries().unwrap_or_default());
                a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| *a.0 == *b.0 && a.1.is_deeply(&b.1))
            }
            _ => false,
        }
    }
}

/// As Go's `%v` prints it, but for the outermost nil, which is the printer's matter.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("<nil>"),
            Self::Bool(yes) => write!(f, "{yes}"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Float(number) => write_float(f, *number),
            Self::Text(text) => f.write_str(text),
            Self::Time(time) => write!(f, "{time}"),
            Self::Record(record) => write!(f, "{record}"),
            Self::List(list) => {
                f.write_char('[')?;
                for (index, item) in list.items.iter().enumerate() {
                    let space = if index == 0 { "" } else { " " };
                    write!(f, "{space}{item}")?;
                }
                f.write_char(']')
            }
            Self::Labels(map) => write_map(f, map.iter().map(|(key, value)| (key.as_str(), value))),
            Self::Dict(dict) => write_map(f, dict.entries.iter().map(|(key, value)| (&**key, value))),
        }
    }
}

impl<'e> Text<'e> {
    /// A value as text; what is not there is empty text.
    pub(super) fn of(value: &Value<'e>) -> Self {
        match value {
            Value::Nil => Self::Borrowed(""),
            Value::Text(text) => text.clone(),
            other => Self::Made(other.to_string().into()),
        }
    }
}

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Made(text) => text,
        }
    }
}

impl std::borrow::Borrow<str> for Text<'_> {
    fn borrow(&self) -> &str {
        self
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text<'_> {}

impl PartialOrd for Text<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (**self).cmp(&**other)
    }
}

fn write_map<'a, V: fmt::Display + 'a>(
    f: &mut fmt::Formatter<'_>,
    entries: impl Iterator<Item = (&'a str, &'a V)>,
) -> fmt::Result {
    f.write_str("map[")?;
    for (index, (key, value)) in entries.enumerate() {
        let space = if index == 0 { "" } else { " " };
        write!(f, "{space}{key}:{value}")?;
    }
    f.write_char(']')
}

/// The shortest digits that say the number, with an exponent below 1e-4 and from 1e6 on, as Go's `%v` has it.
fn write_float(f: &mut fmt::Formatter<'_>, number: f64) -> fmt::Result {
    if number.is_nan() {
        return f.write_str("NaN");
    }
    if number.is_infinite() {
        return f.write_str(if number > 0.0 { "+Inf" } else { "-Inf" });
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        write!(f, "{number}")
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(f, "{digits}e{sign}{:02}", exponent.abs())
    }
}
