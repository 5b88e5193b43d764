//! An event as `key=value` pairs, as Go's logfmt packages read and write them.

use eventer_core::Event;

use super::escape::{is_active, write_escape};

/// Adds the line of `event`, without its newline. What the event does not tell is left out.
pub(super) fn encode(event: &Event, out: &mut Vec<u8>) {
    let object = &event.involved_object;
    out.extend_from_slice(format!("time={}", event.last_seen()).as_bytes());
    pair("type", event.event_type.as_str(), out);
    pair("reason", &event.reason, out);
    pair("namespace", &object.namespace, out);
    pair("kind", &object.kind, out);
    pair("name", &object.name, out);
    out.extend_from_slice(format!(" count={}", event.count()).as_bytes());
    pair("component", event.component(), out);
    pair("host", &event.source.host, out);
    pair("cluster", event.cluster.as_deref().unwrap_or_default(), out);
    for (name, value) in event.static_labels.iter().flat_map(|labels| labels.iter()) {
        pair(&format!("label_{}", key(name)), value, out);
    }
    pair("message", &event.message, out);
}

/// A name of the user's, with `_` for what a key cannot hold.
fn key(name: &str) -> String {
    name.replace(needs_quotes, "_")
}

fn pair(key: &str, value: &str, out: &mut Vec<u8>) {
    if value.is_empty() {
        return;
    }
    out.push(b' ');
    out.extend_from_slice(key.as_bytes());
    out.push(b'=');
    if value.chars().any(needs_quotes) {
        quoted(value, out);
    } else {
        out.extend_from_slice(value.as_bytes());
    }
}

fn needs_quotes(c: char) -> bool {
    matches!(c, ' ' | '=' | '"' | '\\') || c.is_whitespace() || is_active(c)
}

fn quoted(value: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for c in value.chars() {
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            c if is_active(c) => {
                write_escape(c, out);
            }
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}
