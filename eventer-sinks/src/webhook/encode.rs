//! Bodies of requests: kube-eventer's default one, and several in one request. Pure.

use eventer_core::Event;
use eventer_core::time::go_string;
use jiff::tz::TimeZone;
use serde_json::to_string as json;

/// Writes kube-eventer's default body for `event`, with its values escaped, and its time in `zone`.
pub(super) fn default_body(event: &Event, zone: &TimeZone) -> String {
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

/// Writes bodies that are JSON as an array, without the space around and in them.
pub(super) fn array(bodies: &[String]) -> String {
    let mut out = String::with_capacity(2 + bodies.iter().map(|body| body.len() + 1).sum::<usize>());
    for body in bodies {
        out.push(if out.is_empty() { '[' } else { ',' });
        push_compact(&mut out, body);
    }
    out.push(']');
    out
}

/// Writes bodies that are JSON one a line, without the space around and in them.
pub(super) fn ndjson(bodies: &[String]) -> String {
    let mut out = String::with_capacity(bodies.iter().map(|body| body.len() + 1).sum());
    for body in bodies {
        push_compact(&mut out, body);
        out.push('\n');
    }
    out
}

/// Appends `json` without the space between its tokens. Its strings hold no line end, which JSON does not allow there.
fn push_compact(out: &mut String, json: &str) {
    let (mut is_in_string, mut is_escaped) = (false, false);
    let mut kept = 0;
    for (at, byte) in json.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_in_string => is_escaped = true,
            b'"' => is_in_string = !is_in_string,
            b' ' | b'\t' | b'\r' | b'\n' if !is_in_string => {
                out.push_str(&json[kept..at]);
                kept = at + 1;
            }
            _ => {}
        }
    }
    out.push_str(&json[kept..]);
}
