//! A time as templates know it: `metav1.Time`, `metav1.MicroTime` or Go's own `time.Time`, and Go's layouts.

use std::fmt::{self, Write as _};

use eventer_core::time::{go_string, rfc3339_micros, rfc3339_seconds};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// How Go prints a time that was never set.
const ZERO: &str = "0001-01-01 00:00:00 +0000 UTC";

/// Seconds from the Unix epoch to the time that was never set.
const ZERO_SECONDS: i64 = -62_135_596_800;

static UTC: TimeZone = TimeZone::UTC;

/// A point in time, or none (Go's zero time), in a zone.
#[derive(Clone, Copy, Debug)]
pub(super) struct GoTime<'e> {
    at: Option<Timestamp>,
    zone: &'e TimeZone,
    form: TimeForm,
}

/// Which of Go's types a time has; they differ in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum TimeForm {
    /// `metav1.Time`: UTC and whole seconds.
    Seconds,
    /// `metav1.MicroTime`: UTC and microseconds.
    Micros,
    /// `time.Time`: as it is.
    Plain,
}

impl<'e> GoTime<'e> {
    /// The time `at`, told in `zone`; the time that was never set is told in UTC.
    pub(super) fn new(at: Option<Timestamp>, zone: &'e TimeZone, form: TimeForm) -> Self {
        Self { at, zone: if at.is_some() { zone } else { &UTC }, form }
    }

    pub(super) fn at(&self) -> Option<Timestamp> {
        self.at
    }

    /// The same as Go's own type.
    pub(super) fn plain(self) -> Self {
        Self { form: TimeForm::Plain, ..self }
    }

    pub(super) fn in_utc(self) -> Self {
        Self { zone: &UTC, ..self }
    }

    pub(super) fn in_zone(self, zone: &'e TimeZone) -> Self {
        Self::new(self.at, zone, self.form)
    }

    pub(super) fn zoned(&self) -> Zoned {
        let zero = || Timestamp::from_second(ZERO_SECONDS).unwrap_or(Timestamp::MIN);
        self.at.unwrap_or_else(zero).to_zoned(self.zone.clone())
    }

    pub(super) fn unix_seconds(&self) -> i64 {
        self.at.map_or(ZERO_SECONDS, |at| at.as_nanosecond().div_euclid(1_000_000_000) as i64)
    }

    /// As it stands in JSON, quotes and all.
    pub(super) fn json(&self) -> String {
        let text = match (self.form, self.at) {
            (TimeForm::Seconds | TimeForm::Micros, None) => return "null".to_owned(),
            (TimeForm::Seconds, Some(at)) => rfc3339_seconds(at),
            (TimeForm::Micros, Some(at)) => rfc3339_micros(at),
            (TimeForm::Plain, _) => self.format("2006-01-02T15:04:05.999999999Z07:00"),
        };
        format!("\"{text}\"")
    }

    /// Written as Go's `Time.Format` does: `layout` shows how 2006-01-02 15:04:05 would be written.
    pub(super) fn format(&self, layout: &str) -> String {
        let time = self.zoned();
        let mut text = String::with_capacity(layout.len() + 10);
        let mut rest = layout;
        while !rest.is_empty() {
            let Some((literal, part, after)) = next_part(rest) else {
                text.push_str(rest);
                break;
            };
            text.push_str(literal);
            write_part(&mut text, &time, part).expect("a string takes all");
            rest = after;
        }
        text
    }
}

/// As Go's `Time.String` does.
impl fmt::Display for GoTime<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some(at) => f.write_str(&go_string(at, self.zone)),
            None => f.write_str(ZERO),
        }
    }
}

/// What Go's layouts know, the longer before the shorter that it begins with. `_2006` is a `_` before `2006`.
const PARTS: [&str; 39] = [
    "January",
    "Jan",
    "Monday",
    "Mon",
    "MST",
    "2006",
    "Z070000",
    "Z07:00:00",
    "Z0700",
    "Z07:00",
    "Z07",
    "-070000",
    "-07:00:00",
    "-0700",
    "-07:00",
    "-07",
    "002",
    "01",
    "02",
    "03",
    "04",
    "05",
    "06",
    "15",
    "PM",
    "pm",
    "__2",
    "_2006",
    "_2",
    "1",
    "2",
    "3",
    "4",
    "5",
    ".0",
    ",0",
    ".9",
    ",9",
    "\0",
];

/// Cuts `layout` before and after its first part that stands for something.
fn next_part(layout: &str) -> Option<(&str, &str, &str)> {
    for (start, first) in layout.char_indices() {
        if !"JMZ-0123456_.,Pp".contains(first) {
            continue;
        }
        let rest = &layout[start..];
        let Some(part) = PARTS.iter().find(|part| rest.starts_with(**part)) else { continue };
        let mut end = start + part.len();
        match *part {
            // `Jan` in `January` is found above; in `Janet` Go sees a word.
            "Jan" | "Mon" if layout[end..].starts_with(|next: char| next.is_ascii_lowercase()) => continue,
            "_2006" => return Some((&layout[..start + 1], &layout[start + 1..end], &layout[end..])),
            ".0" | ",0" | ".9" | ",9" => {
                let digit = &part[1..];
                end = start + 1 + layout[start + 1..].len()
                    - layout[start + 1..].trim_start_matches(digit).len();
                if layout[end..].starts_with(|next: char| next.is_ascii_digit()) {
                    continue;
                }
            }
            _ => {}
        }
        return Some((&layout[..start], &layout[start..end], &layout[end..]));
    }
    None
}

fn write_part(text: &mut String, time: &Zoned, part: &str) -> fmt::Result {
    let hour12 = |hour: i8| if hour % 12 == 0 { 12 } else { hour % 12 };
    match part {
        "January" => text.push_str(&time.strftime("%B").to_string()),
        "Jan" => text.push_str(&time.strftime("%b").to_string()),
        "Monday" => text.push_str(&time.strftime("%A").to_string()),
        "Mon" => text.push_str(&time.strftime("%a").to_string()),
        "MST" => text.push_str(&time.strftime("%Z").to_string()),
        "2006" => write!(text, "{:04}", time.year())?,
        "06" => write!(text, "{:02}", time.year().rem_euclid(100))?,
        "01" => write!(text, "{:02}", time.month())?,
        "1" => write!(text, "{}", time.month())?,
        "02" => write!(text, "{:02}", time.day())?,
        "_2" => write!(text, "{:>2}", time.day())?,
        "2" => write!(text, "{}", time.day())?,
        "002" => write!(text, "{:03}", time.day_of_year())?,
        "__2" => write!(text, "{:>3}", time.day_of_year())?,
        "15" => write!(text, "{:02}", time.hour())?,
        "03" => write!(text, "{:02}", hour12(time.hour()))?,
        "3" => write!(text, "{}", hour12(time.hour()))?,
        "04" => write!(text, "{:02}", time.minute())?,
        "4" => write!(text, "{}", time.minute())?,
        "05" => write!(text, "{:02}", time.second())?,
        "5" => write!(text, "{}", time.second())?,
        "PM" => text.push_str(if time.hour() < 12 { "AM" } else { "PM" }),
        "pm" => text.push_str(if time.hour() < 12 { "am" } else { "pm" }),
        _ if part.starts_with(['Z', '-']) => write_offset(text, time.offset().seconds(), part)?,
        _ => write_fraction(text, time.subsec_nanosecond(), part),
    }
    Ok(())
}

/// `Z07:00` writes `Z` for UTC, `-07:00` never does.
fn write_offset(text: &mut String, seconds: i32, part: &str) -> fmt::Result {
    if part.starts_with('Z') && seconds == 0 {
        text.push('Z');
        return Ok(());
    }
    let colon = if part.contains(':') { ":" } else { "" };
    let sign = if seconds < 0 { '-' } else { '+' };
    let seconds = seconds.abs();
    write!(text, "{sign}{:02}", seconds / 3600)?;
    let digits = part.bytes().filter(u8::is_ascii_digit).count();
    if digits >= 4 {
        write!(text, "{colon}{:02}", seconds / 60 % 60)?;
    }
    if digits >= 6 {
        write!(text, "{colon}{:02}", seconds % 60)?;
    }
    Ok(())
}

/// `.000` writes so many digits of the second, `.999` leaves out the zeros at the end.
fn write_fraction(text: &mut String, nanos: i32, part: &str) {
    let digits = format!("{nanos:09}");
    let wanted = &digits[..(part.len() - 1).min(digits.len())];
    let shown = if part.ends_with('9') { wanted.trim_end_matches('0') } else { wanted };
    if !shown.is_empty() {
        text.push_str(&part[..1]);
        text.push_str(shown);
    }
}
