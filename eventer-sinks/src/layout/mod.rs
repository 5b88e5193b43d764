//! The JSON of an event as a user lays it out: a JSON value whose strings are Go templates over the event.
//!
//! A layout is read once ([`read`]), into the JSON that is the same for every event and the [templates](crate::template)
//! between it. A string that is one action and nothing else gives what the action gives, in its own type; any other string
//! gives a string. What it writes is JSON whatever the event holds: a template fills a string or a value, never the JSON
//! around them. `docs/layouts.md` tells users of it.

mod read;

use std::fmt;
use std::sync::Arc;

use eventer_core::{Event, OptionSpec, OptionValue};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::template::{Escaping, OUTPUT_BYTES, Pass, Scope, Template};

/// The option that holds a layout.
pub(crate) const LAYOUT: OptionSpec = OptionSpec::new(
    "layout",
    "JSON",
    "What is written of an event: any JSON, whose strings are Go templates over the event.",
);

/// A layout that was read and checked. A clone shares it. `Debug` shows nothing of it.
#[derive(Clone)]
pub(crate) struct Layout {
    parts: Arc<[Part]>,
}

/// A piece of a layout.
enum Part {
    /// JSON that is the same for every event.
    Json(String),
    /// A value that is made of the event.
    Template {
        /// Where it stands, such as `layout.object.kind`.
        path: String,
        template: Template,
    },
}

impl Layout {
    /// Reads a layout, and checks its templates against what an event has.
    ///
    /// # Errors
    /// It is no JSON; or all that is wrong with its templates, each with its place.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        Ok(Self { parts: read::parts(text)?.into() })
    }

    /// Adds the JSON of `event` to `out`, its times told in `time_zone`.
    ///
    /// # Errors
    /// Says why there is none for this event, and adds nothing: a template that cannot be rendered, or a limit. It would
    /// fail in the same way again.
    pub(crate) fn write(
        &self,
        event: &Event,
        time_zone: &TimeZone,
        now: Timestamp,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        let begin = out.len();
        // A string is escaped as a whole, once it is rendered.
        let pass = Pass::new(Scope { time_zone, now, escaping: Escaping::None });
        let written = self.parts.iter().try_for_each(|part| {
            match part {
                Part::Json(json) => out.extend_from_slice(json.as_bytes()),
                Part::Template { path, template } => {
                    let json = template.render_json(event, &pass);
                    out.extend_from_slice(json.map_err(|error| format!("{path}: {error}"))?.as_bytes());
                }
            }
            match out.len() - begin {
                0..=OUTPUT_BYTES => Ok(()),
                _ => Err(format!("what the layout gives is longer than {OUTPUT_BYTES} bytes")),
            }
        });
        if written.is_err() {
            out.truncate(begin);
        }
        written
    }
}

impl OptionValue for Layout {
    fn parse_option(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
}

impl fmt::Debug for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layout").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
