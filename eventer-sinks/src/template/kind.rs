//! What is known of a value when the template is read, and the methods that go with it.

use super::shape::Shape;
use super::time::GoTime;
use super::value::Value;

/// The kind of a value, as far as it is known before there is an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// It depends on the event, or on a function that may answer with anything.
    Unknown,
    Bool,
    Int,
    Text,
    Time,
    /// `map[string]string`.
    Labels,
    List(&'static Kind),
    Record(Shape),
}

impl Kind {
    /// Its name in error messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Unknown => "a value",
            Self::Bool => "a boolean",
            Self::Int => "a number",
            Self::Text => "text",
            Self::Time => "a time",
            Self::Labels => "a map",
            Self::List(_) => "a list",
            Self::Record(shape) => shape.name(),
        }
    }
}

/// A method of a time.
pub(super) struct TimeMethod {
    pub(super) name: &'static str,
    /// How many values it takes; they are text.
    pub(super) takes: usize,
    pub(super) gives: Kind,
}

const fn method(name: &'static str, takes: usize, gives: Kind) -> TimeMethod {
    TimeMethod { name, takes, gives }
}

/// The methods of a time that templates use; `Time` is a field in Go, `metav1.Time` and its like hold Go's own in it.
pub(super) const TIME_METHODS: [TimeMethod; 19] = [
    method("Format", 1, Kind::Text),
    method("String", 0, Kind::Text),
    method("Unix", 0, Kind::Int),
    method("UnixMilli", 0, Kind::Int),
    method("UnixMicro", 0, Kind::Int),
    method("UnixNano", 0, Kind::Int),
    method("UTC", 0, Kind::Time),
    method("Local", 0, Kind::Time),
    method("Time", 0, Kind::Time),
    method("IsZero", 0, Kind::Bool),
    method("Year", 0, Kind::Int),
    method("Month", 0, Kind::Text),
    method("Day", 0, Kind::Int),
    method("YearDay", 0, Kind::Int),
    method("Weekday", 0, Kind::Text),
    method("Hour", 0, Kind::Int),
    method("Minute", 0, Kind::Int),
    method("Second", 0, Kind::Int),
    method("Nanosecond", 0, Kind::Int),
];

/// Methods of Go's times that compute with a second time or a duration, which templates have no way to write.
pub(super) const TIME_METHODS_NOT_OFFERED: [&str; 15] = [
    "Add",
    "AddDate",
    "After",
    "AppendFormat",
    "Before",
    "Compare",
    "Equal",
    "GoString",
    "ISOWeek",
    "In",
    "Location",
    "Round",
    "Sub",
    "Truncate",
    "Zone",
];

/// Calls the method `name` of `time`, if there is one; `layout` is what it was given.
pub(super) fn call_time_method<'e>(
    time: GoTime<'e>,
    name: &str,
    layout: &str,
    local: &'e jiff::tz::TimeZone,
) -> Option<Value<'e>> {
    let nanos = || time.at().map_or(i128::from(time.unix_seconds()) * 1_000_000_000, |at| at.as_nanosecond());
    // Go's numbers wrap round where a time is too far from 1970 for them.
    let units = |nanos_in_one: i128| Value::Int(nanos().div_euclid(nanos_in_one) as i64);
    let number = |number: i32| Value::Int(number.into());
    Some(match name {
        "Format" => Value::text(time.format(layout)),
        "String" => Value::text(time.to_string()),
        "Unix" => Value::Int(time.unix_seconds()),
        "UnixMilli" => units(1_000_000),
        "UnixMicro" => units(1_000),
        "UnixNano" => units(1),
        "UTC" => Value::Time(time.plain().in_utc()),
        "Local" => Value::Time(time.plain().in_zone(local)),
        "Time" => Value::Time(time.plain()),
        "IsZero" => Value::Bool(time.at().is_none()),
        "Month" => Value::text(time.format("January")),
        "Weekday" => Value::text(time.format("Monday")),
        "Year" => number(time.zoned().year().into()),
        "Day" => number(time.zoned().day().into()),
        "YearDay" => number(time.zoned().day_of_year().into()),
        "Hour" => number(time.zoned().hour().into()),
        "Minute" => number(time.zoned().minute().into()),
        "Second" => number(time.zoned().second().into()),
        "Nanosecond" => number(time.zoned().subsec_nanosecond()),
        _ => return None,
    })
}
