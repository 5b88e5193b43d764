//! Events as lines of text: what the sinks that write lines share.
//!
//! [`LineEncoder`] turns a batch into bytes; [`LineWriter`] puts them where they belong, without ever blocking the
//! runtime and without ever leaving half a line in front of the next one.

mod escape;
mod logfmt;
mod text;
mod writer;

use std::sync::Arc;

use eventer_core::{BuildError, Clock, Event, EventBatch, OptionSpec, OptionValue, SinkContext, UriReader};
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use crate::each;
use crate::layout::{LAYOUT, Layout};

pub(crate) use writer::{Failure, LineWriter, Output, write_counted};

/// The form of a line.
#[derive(Clone, Debug)]
pub(crate) enum LineFormat {
    /// Aligned columns, for people.
    Text,
    /// The event in the JSON of Kubernetes.
    Json,
    /// `key=value` pairs.
    Logfmt,
    /// The JSON that a user lays out.
    Layout(Layout),
}

/// The option that chooses a [`LineFormat`], still without a default.
pub(crate) const FORMAT: OptionSpec = OptionSpec::new(
    "format",
    "text|json|logfmt",
    "Form of a line: aligned columns, the event as JSON, or key=value pairs.",
);

/// Takes the format, which is `option`: [`FORMAT`] with a default. A [`LAYOUT`], which is to be among the sink's options too,
/// is JSON, and says so by itself.
pub(crate) fn take_format(uri: &mut UriReader<'_>, option: &OptionSpec) -> LineFormat {
    let layout: Option<Layout> = uri.take(&LAYOUT);
    let Some(layout) = layout else { return uri.take_or_default(option) };
    match uri.take(&OptionSpec { default: None, ..*option }) {
        None | Some(LineFormat::Json) => {}
        Some(_) => {
            uri.invalid(&LAYOUT, "it gives JSON, and format= asks for something else; leave one of them out")
        }
    }
    LineFormat::Layout(layout)
}

/// Turns events into lines.
#[derive(Clone, Debug)]
pub(crate) struct LineEncoder {
    format: LineFormat,
    zone: TimeZone,
    clock: Arc<dyn Clock>,
    is_colored: bool,
}

impl LineEncoder {
    /// Writes times for people in the zone of the context, and colours text if asked to.
    pub(crate) fn new(format: &LineFormat, context: &SinkContext, is_colored: bool) -> Self {
        let zone = &context.time_zone;
        let zone = if is_utc(zone) { TimeZone::UTC } else { zone.clone() };
        Self { format: format.clone(), zone, clock: context.clock.clone(), is_colored }
    }

    /// Adds a line for each event to `out`. No line holds a control character other than its newline. Gives back those that
    /// a layout cannot write, and why.
    pub(crate) fn encode(&self, batch: &EventBatch, out: &mut Vec<u8>) -> Vec<(usize, String)> {
        let mut rejections = Vec::new();
        for (index, event) in batch.iter().enumerate() {
            match self.encode_event(event, out) {
                Ok(()) => out.push(b'\n'),
                Err(reason) => rejections.push((index, reason)),
            }
        }
        rejections
    }

    fn encode_event(&self, event: &Event, out: &mut Vec<u8>) -> Result<(), String> {
        match &self.format {
            LineFormat::Text => text::encode(event, &self.zone, self.is_colored, out),
            LineFormat::Json => {
                serde_json::to_writer(out, event).expect("an event has only text for keys");
            }
            LineFormat::Logfmt => logfmt::encode(event, out),
            LineFormat::Layout(layout) => return layout.write(event, &self.zone, self.clock.now(), out),
        }
        Ok(())
    }

    /// The lines of `batch`, for people to look at.
    ///
    /// # Errors
    /// A layout cannot write one of the events.
    pub(crate) fn preview(&self, batch: &EventBatch) -> Result<Option<String>, BuildError> {
        each::show(batch, "line", |event| {
            let mut line = Vec::new();
            self.encode_event(event, &mut line).map(|()| line)
        })
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
