//! Line protocol, read back by InfluxData's own parser, that of InfluxDB 3.

use std::sync::Arc;

use eventer_core::event::EventType;
use eventer_core::{Event, EventBatch};
use influxdb_line_protocol::{FieldValue as Read, ParsedLine, parse_lines};
use proptest::prelude::*;

use super::super::encode::Shape;
use super::super::line_protocol::{EARLIEST, FieldValue, LATEST, Point};

/// What of a text arrives as a tag in InfluxDB 3, which reads two backslashes as one.
fn as_tag(text: &str) -> Option<String> {
    let mut tag = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = rest.trim_start_matches('\\');
        let backslashes = rest.len() - after.len();
        rest = if backslashes == 0 { &rest[c.len_utf8()..] } else { after };
        match c {
            '\\' if rest.is_empty() || rest.starts_with([',', '=', ' ', '\n', '\r', '\t', '\x0c', '\0']) => {}
            '\\' => tag.push_str(&"\\".repeat(backslashes.div_ceil(2))),
            '\n' => tag.push_str("\\n"),
            '\r' => tag.push_str("\\r"),
            '\t' => tag.push_str("\\t"),
            '\x0c' => tag.push_str("\\f"),
            '\0' => tag.push_str("\\0"),
            c => tag.push(c),
        }
    }
    (!tag.is_empty()).then_some(tag)
}

/// Texts that are made of what could break a line.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "\\", "\"", ",", "=", " ", "\n", "\r", "\t", "\0", "\x0c", "#", "{", "}", "\\n", "i", "u", "中",
            "🦀", "\u{2028}", "\u{7f}", "\u{1b}", "1", "-", ".", "'", "a",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn read(lines: &[u8]) -> Vec<ParsedLine<'_>> {
    parse_lines(std::str::from_utf8(lines).unwrap()).map(|line| line.expect("it is a line")).collect()
}

fn tags(line: &ParsedLine<'_>) -> Vec<(String, String)> {
    let tags = line.series.tag_set.iter().flatten();
    tags.map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

fn text_field(line: &ParsedLine<'_>, name: &str) -> String {
    match line.field_value(name) {
        Some(Read::String(text)) => text.to_string(),
        other => panic!("{name} is no text: {other:?}"),
    }
}

#[derive(Clone, Debug)]
struct Texts {
    kind: String,
    host: String,
    reason: String,
    message: String,
    name: String,
    event_type: String,
}

fn texts() -> impl Strategy<Value = Texts> {
    let kind = prop_oneof![Just("Pod".to_owned()), hostile()];
    (kind, hostile(), hostile(), hostile(), hostile(), hostile()).prop_map(
        |(kind, host, reason, message, name, event_type)| Texts {
            kind,
            host,
            reason,
            message,
            name,
            event_type,
        },
    )
}

fn event(n: usize, texts: &Texts) -> Event {
    let mut event = eventer_core::testing::event(n);
    event.last_timestamp = Some("2026-01-02T03:04:05.5Z".parse().unwrap());
    event.involved_object.kind.clone_from(&texts.kind);
    event.involved_object.name.clone_from(&texts.name);
    event.source.host.clone_from(&texts.host);
    event.reason.clone_from(&texts.reason);
    event.message.clone_from(&texts.message);
    event.event_type = EventType::from(texts.event_type.as_str());
    event
}

fn expected_tags(event: &Event, with_fields: bool) -> Vec<(String, String)> {
    let object = &event.involved_object;
    let pod = |text: &String| if object.kind == "Pod" { text.clone() } else { String::new() };
    let tags: Vec<(&str, String)> = if with_fields {
        vec![
            ("cluster_name", "a,b".to_owned()),
            ("component", event.source.component.clone()),
            ("hostname", event.source.host.clone()),
            ("kind", object.kind.clone()),
            ("namespace_name", event.metadata.namespace.clone()),
            ("object_name", object.name.clone()),
            ("pod_id", pod(&object.uid)),
            ("reason", event.reason.clone()),
            ("type", event.event_type.to_string()),
            ("uid", event.metadata.uid.clone()),
        ]
    } else {
        vec![
            ("cluster_name", "a,b".to_owned()),
            ("hostname", event.source.host.clone()),
            ("pod_id", pod(&object.uid)),
            ("pod_name", pod(&object.name)),
            ("uid", event.metadata.uid.clone()),
        ]
    };
    tags.into_iter().filter_map(|(key, value)| Some((key.to_owned(), as_tag(&value)?))).collect()
}

proptest! {
    #[test]
    fn a_batch_is_read_back_whatever_the_events_say(
        all in prop::collection::vec(texts(), 1..6),
        with_fields in any::<bool>(),
    ) {
        let events: Vec<Arc<Event>> = all.iter().enumerate().map(|(n, texts)| Arc::new(event(n, texts))).collect();
        let batch = EventBatch::new("test", jiff::Timestamp::UNIX_EPOCH, events.clone());
        let shape = Shape { with_fields, with_count: true, cluster_name: Some("a,b".to_owned()) };
        let payload = shape.payload(&batch);
        let lines = read(payload.text());
        prop_assert_eq!(lines.len(), events.len());
        prop_assert_eq!(payload.lines().count(), events.len());
        for (line, event) in lines.iter().zip(&events) {
            prop_assert_eq!(line.series.measurement.as_str(), if with_fields { "events" } else { "log/events" });
            prop_assert_eq!(tags(line), expected_tags(event, with_fields));
            prop_assert_eq!(line.timestamp, Some(1_767_323_045_500_000_000));
            prop_assert!(matches!(line.field_value("count"), Some(Read::I64(1))));
            if with_fields {
                prop_assert_eq!(&text_field(line, "message"), &event.message);
            } else {
                let read: Event = serde_json::from_str(&text_field(line, "value")).unwrap();
                prop_assert_eq!(&read.message, &event.message);
                prop_assert_eq!(&read.reason, &event.reason);
                prop_assert_eq!(&read.source.host, &event.source.host);
            }
        }
    }

    #[test]
    fn names_and_numbers_are_read_back(
        key in hostile(), value in hostile(),
        signed in any::<i64>(), unsigned in any::<u64>(), float in any::<f64>(), yes in any::<bool>(),
        at in EARLIEST..=LATEST,
    ) {
        // A name that is read back as it was written.
        let name = as_tag(&key).and_then(|key| as_tag(&key)).filter(|name| as_tag(name).as_ref() == Some(name));
        let Some(key) = name else { return Ok(()) };
        let mut out = Vec::new();
        let mut point = Point::new(&mut out, &format!("m{key}"));
        point.tag(&key, &value);
        point.field(&format!("{key}i"), FieldValue::Integer(signed));
        point.field(&format!("{key}u"), FieldValue::Unsigned(unsigned));
        point.field(&format!("{key}f"), FieldValue::Float(float));
        point.field(&format!("{key}b"), FieldValue::Boolean(yes));
        point.field(&format!("{key}t"), FieldValue::Text(&value));
        prop_assert!(point.end(at));
        let lines = read(&out);
        prop_assert_eq!(lines.len(), 1);
        let line = &lines[0];
        prop_assert_eq!(line.series.measurement.to_string(), format!("m{key}"));
        let expected: Vec<_> = as_tag(&value).map(|value| (key.clone(), value)).into_iter().collect();
        prop_assert_eq!(tags(line), expected);
        prop_assert_eq!(line.timestamp, Some(at));
        let fields: Vec<_> = line.field_set.iter().map(|(_, value)| value).collect();
        prop_assert!(matches!(fields[0], Read::I64(read) if *read == signed));
        prop_assert!(matches!(fields[1], Read::U64(read) if *read == unsigned));
        let rest = if float.is_finite() {
            prop_assert!(matches!(fields[2], Read::F64(read) if *read == float));
            3
        } else {
            2
        };
        prop_assert!(matches!(fields[rest], Read::Boolean(read) if *read == yes));
        prop_assert_eq!(text_field(line, &format!("{key}t")), value);
    }
}

#[test]
fn what_the_format_cannot_hold_is_written_as_documented() {
    let mut out = Vec::new();
    let mut point = Point::new(&mut out, "a, b=c");
    point.tag("empty", "");
    point.tag("backslashes", "\\\\");
    point.tag("k,e y=", "C:\\\\tmp\\x\\\n,\\,w\\");
    point.field("not a number", FieldValue::Float(f64::NAN));
    point.field("x", FieldValue::Float(-1e300));
    assert!(point.end(-5));
    let written = String::from_utf8(out).unwrap();
    assert_eq!(written, "a\\,\\ b=c,k\\,e\\ y\\==C:\\\\tmp\\x\\n\\,\\,w x=-1e300 -5\n");
}

#[test]
fn a_point_without_a_field_is_not_written() {
    let mut out = b"before\n".to_vec();
    let mut point = Point::new(&mut out, "m");
    point.tag("a", "b");
    point.field("infinite", FieldValue::Float(f64::INFINITY));
    assert!(!point.end(1));
    assert_eq!(out, b"before\n");
}

#[test]
fn the_cluster_is_the_users_or_else_the_sources() {
    let mut event = eventer_core::testing::event(1);
    event.cluster = Some("of-the-source".into());
    let tag = |shape: &Shape, event: &Event| {
        let batch = EventBatch::new("test", jiff::Timestamp::UNIX_EPOCH, vec![Arc::new(event.clone())]);
        tags(&read(shape.payload(&batch).text())[0]).remove(0).1
    };
    let given = Shape { cluster_name: Some("of-the-user".to_owned()), ..Shape::default() };
    assert_eq!(tag(&given, &event), "of-the-user");
    assert_eq!(tag(&Shape::default(), &event), "of-the-source");
    event.cluster = None;
    assert_eq!(tag(&Shape::default(), &event), "default");
}

#[test]
fn static_labels_are_tags_in_the_order_of_the_others() {
    let mut event = eventer_core::testing::event(1);
    let labels = [("uid", "no"), ("a b", "it, ="), ("empty", "")];
    let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
    event.static_labels = Some(Arc::new(labels.into()));
    let batch = EventBatch::new("test", jiff::Timestamp::UNIX_EPOCH, vec![Arc::new(event)]);
    for with_fields in [false, true] {
        let payload = Shape { with_fields, ..Shape::default() }.payload(&batch);
        let tags = tags(&read(payload.text())[0]);
        assert!(tags.is_sorted(), "{tags:?}");
        let labels: Vec<_> = tags.iter().filter(|(key, _)| key.starts_with("label_")).collect();
        let expected =
            [("label_a b", "it, ="), ("label_uid", "no")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(labels, expected.iter().collect::<Vec<_>>());
    }
}

#[test]
fn a_time_that_cannot_be_stored_is_that_of_the_receipt() {
    let mut event = eventer_core::testing::event(1);
    event.received_at = "2026-01-02T03:04:05Z".parse().unwrap();
    for (time, nanoseconds) in [
        ("2026-01-02T03:04:04.000000001Z", 1_767_323_044_000_000_001),
        ("1677-09-21T00:12:43.145224194Z", EARLIEST),
        ("2262-04-11T23:47:16.854775806Z", LATEST),
        ("9999-01-01T00:00:00Z", 1_767_323_045_000_000_000),
        ("0001-01-02T00:00:00Z", 1_767_323_045_000_000_000),
    ] {
        event.last_timestamp = Some(time.parse().unwrap());
        let batch = EventBatch::new("test", jiff::Timestamp::UNIX_EPOCH, vec![Arc::new(event.clone())]);
        let payload = Shape::default().payload(&batch);
        assert_eq!(read(payload.text())[0].timestamp, Some(nanoseconds), "{time}");
    }
}
