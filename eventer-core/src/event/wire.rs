//! How the fields of an event stand in JSON: nulls where Go writes them, seconds or microseconds.

use std::fmt;

use jiff::Timestamp;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::EventType;
use crate::time::{rfc3339_micros, rfc3339_seconds};

/// Reads `null` as the default, as Go's decoder does.
pub(super) fn null_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Reads a time. The first moment of the year 1 is Go's zero time, which its tools take for none and write as `null`.
pub(super) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    const ZERO: i64 = -62_135_596_800;
    Ok(Option::deserialize(deserializer)?
        .filter(|at: &Timestamp| at.as_second() != ZERO || at.subsec_nanosecond() != 0))
}

pub(super) fn is_zero<T: Default + PartialEq>(number: &T) -> bool {
    *number == T::default()
}

pub(super) fn seconds_or_null<S: Serializer>(at: &Option<Timestamp>, s: S) -> Result<S::Ok, S::Error> {
    at.map(rfc3339_seconds).serialize(s)
}

pub(super) fn micros_or_null<S: Serializer>(at: &Option<Timestamp>, s: S) -> Result<S::Ok, S::Error> {
    at.map(rfc3339_micros).serialize(s)
}

pub(super) use micros_or_null as micros;
pub(super) use seconds_or_null as seconds;

impl Serialize for EventType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for EventType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;

        impl Visitor<'_> for Word {
            type Value = EventType;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event type such as Normal or Warning")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<EventType, E> {
                Ok(EventType::from(word))
            }
        }

        deserializer.deserialize_str(Word)
    }
}
