//! Events as lines of text: what the sinks that write lines share.
//!
//! [`LineEncoder`] turns a batch into bytes; [`LineWriter`] puts them where they belong, without ever blocking the
//! runtime and without ever leaving half a line in front of the next one.

mod escape;
mod logfmt;
mod text;
mod writer;

use eventer_core::{EventBatch, OptionSpec, OptionValue};
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

pub(crate) use writer::{Failure, LineWriter, Output, write_counted};

/// The form of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineFormat {
    /// Aligned columns, for people.
    Text,
    /// The event in the JSON of Kubernetes.
    Json,
    /// `key=value` pairs.
    Logfmt,
}

/// The option that chooses a [`LineFormat`], still without a default.
pub(crate) const FORMAT: OptionSpec = OptionSpec::new(
    "format",
    "text|json|logfmt",
    "Form of a line: aligned columns, the event as JSON, or key=value pairs.",
);

/// Turns events into lines.
#[derive(Clone, Debug)]
pub(crate) struct LineEncoder {
    format: LineFormat,
    zone: TimeZone,
    is_colored: bool,
}

impl LineEncoder {
    /// Writes times for people in `zone`, and colours text if asked to.
    pub(crate) fn new(format: LineFormat, zone: &TimeZone, is_colored: bool) -> Self {
        let zone = if is_utc(zone) { TimeZone::UTC } else { zone.clone() };
        Self { format, zone, is_colored }
    }

    /// Adds a line for each event to `out`. No line holds a control character other than its newline.
    pub(crate) fn encode(&self, batch: &EventBatch, out: &mut Vec<u8>) {
        for event in batch {
            match self.format {
                LineFormat::Text => text::encode(event, &self.zone, self.is_colored, out),
                LineFormat::Json => {
                    serde_json::to_writer(&mut *out, event).expect("an event has only text for keys");
                }
                LineFormat::Logfmt => logfmt::encode(event, out),
            }
            out.push(b'\n');
        }
    }
}

/// Whether `zone` is UTC by whatever name, or by none, as systems without a setting have it.
fn is_utc(zone: &TimeZone) -> bool {
    let begin = Timestamp::UNIX_EPOCH;
    zone.to_offset(begin) == Offset::UTC && zone.following(begin).next().is_none()
}

impl OptionValue for LineFormat {
    fn parse_option(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            "logfmt" => Ok(Self::Logfmt),
            _ => Err(format!("\"{text}\" is none of text, json and logfmt")),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
