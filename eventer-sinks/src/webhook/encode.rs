//! The body of a request: kube-eventer's default template, with its values escaped. Pure.

use eventer_core::Event;
use eventer_core::time::go_string;
use jiff::tz::TimeZone;
use serde_json::to_string as json;

/// Writes the body for `event`, its time in `zone`.
pub(super) fn body(event: &Event, zone: &TimeZone) -> String {
    let values = [
        ("EventType", event.event_type.as_str()),
        ("EventKind", &event.involved_object.kind),
        ("EventReason", &event.reason),
        ("EventTime", &go_string(event.kube_eventer_time(), zone)),
        ("EventMessage", &event.message),
    ];
    let lines = values.map(|(name, value)| {
        format!("\t\"{name}\": {}", json(value).expect("a string can always be written as JSON"))
    });
    format!("\n{{\n{}\n}}", lines.join(",\n"))
}
