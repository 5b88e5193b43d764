//! InfluxDB's line protocol: a point is a line `measurement,tag=value field=value timestamp`. Pure.
//!
//! ```
//! use eventer_sinks::influxdb::line_protocol::{FieldValue, Point};
//!
//! let mut lines = Vec::new();
//! let mut point = Point::new(&mut lines, "events");
//! point.tag("node", "rack 1,left");
//! point.field("message", FieldValue::Text("it said \"no\""));
//! point.field("count", FieldValue::Integer(7));
//! point.end(1_714_979_290_000_000_000);
//! assert_eq!(lines, br#"events,node=rack\ 1\,left message="it said \"no\"",count=7i 1714979290000000000
//! "#);
//! ```
//!
//! # What the format cannot hold
//! - A tag without a value: such a tag is left out.
//! - A line end in a name or a tag. It is written as `\n`, two characters, and so are the other characters that some
//!   version takes for a boundary: tab, carriage return, form feed, NUL.
//! - Backslashes in a name or a tag that stand before a comma, a space, an equals sign, one of those characters, or at the
//!   end: the versions do not agree on what they escape, and they are left out. Others stay; InfluxDB 3 reads two as one.
//! - A floating point number that is none, or is infinite: such a field is left out.
//! - A measurement that begins with `#`, which is a comment.
//!
//! The text of a field can hold everything. Source:
//! <https://docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference/>; for what it leaves open, what
//! InfluxData's own agent does: <https://github.com/influxdata/line-protocol/blob/v1/escape.go>.

use std::io::Write as _;

/// The earliest time that InfluxDB stores, in nanoseconds; two less are kept for marks of its own.
pub const EARLIEST: i64 = i64::MIN + 2;
/// The latest time that InfluxDB stores, in nanoseconds.
pub const LATEST: i64 = i64::MAX - 1;

/// A point that is being written: first its tags, in the order of their keys, then its fields.
#[derive(Debug)]
pub struct Point<'a> {
    out: &'a mut Vec<u8>,
    begin: usize,
    has_field: bool,
}

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FieldValue<'a> {
    /// A text.
    Text(&'a str),
    /// A signed integer.
    Integer(i64),
    /// An unsigned integer. InfluxDB 1 refuses it, unless it was built with them.
    Unsigned(u64),
    /// A floating point number.
    Float(f64),
    /// Yes or no.
    Boolean(bool),
}

impl<'a> Point<'a> {
    /// Begins a point behind what `out` holds.
    pub fn new(out: &'a mut Vec<u8>, measurement: &str) -> Self {
        let begin = out.len();
        escape(measurement, b", ", out);
        Self { out, begin, has_field: false }
    }

    /// Adds a tag. One without a value is left out.
    ///
    /// # Panics
    /// In debug builds, if the point has a field already.
    pub fn tag(&mut self, key: &str, value: &str) {
        debug_assert!(!self.has_field, "tags stand before the fields");
        let begin = self.out.len();
        self.out.push(b',');
        escape(key, b",= ", self.out);
        self.out.push(b'=');
        let value_begin = self.out.len();
        escape(value, b",= ", self.out);
        if self.out.len() == value_begin {
            self.out.truncate(begin);
        }
    }

    /// Adds a field. A floating point number that the format cannot hold is left out.
    pub fn field(&mut self, key: &str, value: FieldValue<'_>) {
        if matches!(value, FieldValue::Float(number) if !number.is_finite()) {
            return;
        }
        self.out.push(if self.has_field { b',' } else { b' ' });
        self.has_field = true;
        escape(key, b",= ", self.out);
        self.out.push(b'=');
        let written = match value {
            FieldValue::Text(text) => {
                quote(text.as_bytes(), self.out);
                Ok(())
            }
            FieldValue::Integer(number) => write!(self.out, "{number}i"),
            FieldValue::Unsigned(number) => write!(self.out, "{number}u"),
            FieldValue::Float(number) => write!(self.out, "{number:?}"),
            FieldValue::Boolean(is) => write!(self.out, "{is}"),
        };
        written.expect("memory takes every write");
    }

    /// Ends the point with its time, in nanoseconds since the Unix epoch. False: it has no field, which no point can do
    /// without, and nothing of it was written.
    pub fn end(self, nanoseconds: i64) -> bool {
        if !self.has_field {
            self.out.truncate(self.begin);
            return false;
        }
        writeln!(self.out, " {nanoseconds}").expect("memory takes every write");
        true
    }
}

/// Adds a name or a tag, with a backslash before each of `special`.
fn escape(text: &str, special: &[u8], out: &mut Vec<u8>) {
    // Backslashes that wait for what follows them.
    let mut waiting = 0;
    for byte in text.bytes() {
        let boundary = match byte {
            b'\\' => {
                waiting += 1;
                continue;
            }
            b'\n' => Some(b'n'),
            b'\r' => Some(b'r'),
            b'\t' => Some(b't'),
            b'\x0c' => Some(b'f'),
            0 => Some(b'0'),
            _ => special.contains(&byte).then_some(byte),
        };
        match boundary {
            Some(escaped) => out.extend_from_slice(&[b'\\', escaped]),
            None => {
                out.extend(std::iter::repeat_n(b'\\', waiting));
                out.push(byte);
            }
        }
        waiting = 0;
    }
}

/// Adds the text of a field. Line ends stand in it as they are.
fn quote(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut begin = 0;
    for (at, byte) in text.iter().enumerate() {
        if matches!(byte, b'"' | b'\\') {
            out.extend_from_slice(&text[begin..at]);
            out.push(b'\\');
            begin = at;
        }
    }
    out.extend_from_slice(&text[begin..]);
    out.push(b'"');
}
