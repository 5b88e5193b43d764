//! JSON as Go's encoder writes it, base64 and digests.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use eventer_core::Event;
use ring::digest;

use super::super::exporter;
use super::super::kind::Kind;
use super::super::record::Record;
use super::super::value::{Text, Value};
use super::{Answer, Call, Function, fits, function, made};

pub(super) const FUNCTIONS: &[Function] = &[
    function("toJson", (1, 1), Kind::Text, to_json),
    function("mustToJson", (1, 1), Kind::Text, to_json),
    function("toPrettyJson", (1, 1), Kind::Text, to_pretty_json),
    function("mustToPrettyJson", (1, 1), Kind::Text, to_pretty_json),
    function("toRawJson", (1, 1), Kind::Text, to_raw_json),
    function("mustToRawJson", (1, 1), Kind::Text, to_raw_json),
    function("fromJson", (1, 1), Kind::Unknown, |call| Ok(from_json(call).unwrap_or(Value::Nil))),
    function("mustFromJson", (1, 1), Kind::Unknown, from_json),
    function("b64enc", (1, 1), Kind::Text, |call| made(STANDARD.encode(call.text(0).as_bytes()))),
    function("b64dec", (1, 1), Kind::Text, |call| {
        // Sprig says so in the text too, so that the event is not lost for it.
        match STANDARD.decode(call.text(0).as_bytes()) {
            Ok(decoded) => made(String::from_utf8_lossy(&decoded)),
            Err(_) => made("illegal base64 data"),
        }
    }),
    function("sha1sum", (1, 1), Kind::Text, |call| {
        made(hex_digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &call.text(0)))
    }),
    function("sha256sum", (1, 1), Kind::Text, |call| made(hex_digest(&digest::SHA256, &call.text(0)))),
    function("sha512sum", (1, 1), Kind::Text, |call| made(hex_digest(&digest::SHA512, &call.text(0)))),
];

/// Writes `value` as JSON in one line, as Go does: a map's keys in order, a struct's in Kubernetes' order.
///
/// # Errors
/// Says so if a number is no JSON number.
pub(in super::super) fn json(value: &Value<'_>) -> Result<String, String> {
    let mut json = String::new();
    // Go's decoder leaves a map that is not there nil.
    write_json(&mut json, value, "null")?;
    Ok(json)
}

/// Writes `value` as JSON in its own type: unlike in Go, a map of the event that is empty is an empty map.
///
/// # Errors
/// Says so if a number is no JSON number.
pub(in super::super) fn typed_json(value: &Value<'_>) -> Result<String, String> {
    let mut json = String::new();
    write_json(&mut json, value, "{}")?;
    Ok(json)
}

fn to_json<'e>(call: &Call<'_, 'e>) -> Answer<'e> {
    made(escape_html(&json(&call.value(0))?))
}

fn to_raw_json<'e>(call: &Call<'_, 'e>) -> Answer<'e> {
    made(json(&call.value(0))?)
}

fn to_pretty_json<'e>(call: &Call<'_, 'e>) -> Answer<'e> {
    made(indent(&escape_html(&json(&call.value(0))?))?)
}

fn write_json(json: &mut String, value: &Value<'_>, no_labels: &str) -> Result<(), String> {
    match value {
        Value::Nil => json.push_str("null"),
        Value::Labels(map) if map.is_empty() => json.push_str(no_labels),
        Value::Bool(_) | Value::Int(_) => json.push_str(&value.to_string()),
        Value::Float(number) => write_float(json, *number)?,
        Value::Text(text) => write_text(json, text)?,
        Value::Time(time) => json.push_str(&time.json()),
        Value::Record(record) => json.push_str(&record_json(record)?),
        Value::List(list) => {
            json.push('[');
            for (index, item) in list.items.iter().enumerate() {
                if index > 0 {
                    json.push(',');
                }
                write_json(json, item, no_labels)?;
            }
            json.push(']');
        }
        Value::Labels(_) | Value::Dict(_) => {
            json.push('{');
            for (index, (key, value)) in value.entries().unwrap_or_default().iter().enumerate() {
                if index > 0 {
                    json.push(',');
                }
                write_text(json, key)?;
                json.push(':');
                write_json(json, value, no_labels)?;
            }
            json.push('}');
        }
    }
    Ok(())
}

fn record_json(record: &Record<'_>) -> Result<String, String> {
    let written = match record {
        // Its time is the one that its fields show.
        Record::Event(event) if event.last_timestamp.is_none() => {
            let last_timestamp = Some(event.kube_eventer_time());
            serde_json::to_string(&Event { last_timestamp, ..(*event).clone() })
        }
        Record::Event(event) => serde_json::to_string(event),
        Record::Metadata(metadata) => serde_json::to_string(metadata),
        Record::Reference(object) => serde_json::to_string(object),
        Record::Source(source) => serde_json::to_string(source),
        Record::Series(series) => serde_json::to_string(series),
        Record::Owner(owner) => serde_json::to_string(owner),
        Record::TypeMeta => Ok("{}".to_owned()),
        Record::Enrichment(enrichment) => serde_json::to_string(enrichment),
        Record::Node(node) => serde_json::to_string(node),
        Record::Exported(event) => exporter::json(event).map(|json| escape_html(&json)),
    };
    written.map_err(|error| error.to_string())
}

fn write_text(json: &mut String, text: &str) -> Result<(), String> {
    json.push_str(&serde_json::to_string(text).map_err(|error| error.to_string())?);
    Ok(())
}

/// As Go's encoder: no fraction where there is none, an exponent below 1e-6 and from 1e21 on.
fn write_float(json: &mut String, number: f64) -> Result<(), String> {
    if !number.is_finite() {
        return Err(format!("{number} is no number in JSON"));
    }
    let size = number.abs();
    let written = if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let scientific = format!("{number:e}");
        if size >= 1e21 {
            write!(json, "{}", scientific.replace('e', "e+"))
        } else {
            write!(json, "{scientific}")
        }
    } else {
        write!(json, "{number}")
    };
    written.map_err(|error| error.to_string())
}

/// What Go's encoder escapes besides, so that JSON may stand in HTML.
fn escape_html(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                escaped.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// Breaks `json` into lines, two spaces a level.
fn indent(json: &str) -> Result<String, String> {
    let mut pretty = String::with_capacity(json.len() * 2);
    let mut depth = 0;
    let (mut is_string, mut is_escaped, mut is_opened) = (false, false, false);
    let break_line = |pretty: &mut String, depth: usize| {
        pretty.push('\n');
        pretty.extend(std::iter::repeat_n("  ", depth));
    };
    for c in json.chars() {
        fits(pretty.len())?;
        if is_string {
            pretty.push(c);
            is_string = is_escaped || c != '"';
            is_escaped = !is_escaped && c == '\\';
            continue;
        }
        let is_closing = matches!(c, ']' | '}');
        if is_opened && !is_closing {
            break_line(&mut pretty, depth);
        }
        if is_closing {
            depth -= 1;
            if !is_opened {
                break_line(&mut pretty, depth);
            }
        }
        is_opened = matches!(c, '[' | '{');
        pretty.push(c);
        match c {
            '"' => is_string = true,
            '[' | '{' => depth += 1,
            ',' => break_line(&mut pretty, depth),
            ':' => pretty.push(' '),
            _ => {}
        }
    }
    Ok(pretty)
}

fn from_json<'e>(call: &Call<'_, 'e>) -> Answer<'e> {
    let read: serde_json::Value =
        serde_json::from_str(&call.text(0)).map_err(|error| format!("it is not JSON: {error}"))?;
    Ok(from_json_value(read))
}

/// Every number is a fraction, as in Go.
fn from_json_value<'e>(json: serde_json::Value) -> Value<'e> {
    match json {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(yes) => Value::Bool(yes),
        serde_json::Value::Number(number) => Value::Float(number.as_f64().unwrap_or_default()),
        serde_json::Value::String(text) => Value::text(text),
        serde_json::Value::Array(items) => Value::list(items.into_iter().map(from_json_value).collect()),
        serde_json::Value::Object(entries) => {
            let entries = entries.into_iter();
            let entry = |(key, value): (String, _)| (Text::Made(key.into()), from_json_value(value));
            Value::dict(entries.map(entry).collect())
        }
    }
}

fn hex_digest(algorithm: &'static digest::Algorithm, text: &str) -> String {
    let sum = digest::digest(algorithm, text.as_bytes());
    sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
