//! Templates against what Go makes of them, and the limits.

use eventer_core::Event;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Escaping, Pass, Scope, Template, TemplateError};

mod against_go;
mod checks;
mod docs;
mod enriched;
mod escaping;
mod event;
mod limits;

/// When the events of the tests were received, and rendered.
fn now() -> Timestamp {
    "2025-01-05T01:00:00Z".parse().unwrap()
}

fn event(json: &str) -> Event {
    let mut event: Event = serde_json::from_str(json).unwrap();
    event.received_at = now();
    event
}

fn backoff() -> Event {
    event(include_str!("../../../testdata/template/input-2-warning-backoff.json"))
}

fn render_as(text: &str, event: &Event, escaping: Escaping) -> Result<String, TemplateError> {
    let template = Template::parse(text).unwrap();
    template.render(event, &Scope { time_zone: &TimeZone::UTC, now: now(), escaping })
}
