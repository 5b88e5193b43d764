//! Records against what kube-eventer sent.

use std::sync::Arc;

use eventer_core::Event;
use eventer_testkit::events::golden_input;
use rdkafka::message::Headers as _;

use crate::kafka::encode::{Format, headers, key, timestamp, write_value};

fn golden_event(number: usize) -> Event {
    serde_json::from_str(golden_input(number)).unwrap()
}

fn value(event: &Event, format: Format) -> String {
    let mut out = Vec::new();
    write_value(event, format, &mut out);
    String::from_utf8(out).unwrap()
}

fn headers_of(event: &Event) -> Vec<(String, String)> {
    let headers = headers(event);
    let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap().to_vec()).unwrap();
    headers.iter().map(|header| (header.key.to_owned(), text(header.value))).collect()
}

#[test]
fn the_default_value_is_kube_eventers() {
    for (number, golden) in [
        (1, include_str!("../../../testdata/kafka/kube-eventer-input-1.json")),
        (2, include_str!("../../../testdata/kafka/kube-eventer-input-2.json")),
        (3, include_str!("../../../testdata/kafka/kube-eventer-input-3.json")),
        (4, include_str!("../../../testdata/kafka/kube-eventer-input-4.json")),
    ] {
        assert_eq!(value(&golden_event(number), Format::Eventer), golden, "input {number}");
    }
}

#[test]
fn the_other_value_is_the_event_itself() {
    let event = Event { cluster: Some("east".into()), ..golden_event(2) };
    let read: Event = serde_json::from_str(&value(&event, Format::Event)).unwrap();
    assert_eq!(read, event);
}

#[test]
fn the_key_is_the_objects_uid_or_else_its_name() {
    assert_eq!(key(&golden_event(2)), "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa2");
    assert_eq!(key(&golden_event(3)), "node-1");
    let mut event = golden_event(2);
    event.involved_object.uid.clear();
    assert_eq!(key(&event), "Pod/prod/web-0");
}

#[test]
fn the_headers_say_what_people_choose_by() {
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let expected = [
        pair("type", "Warning"),
        pair("reason", "BackOff"),
        pair("kind", "Pod"),
        pair("namespace", "prod"),
        pair("id", "22222222-2222-4222-8222-222222222222-2002"),
    ];
    let mut event = golden_event(2);
    assert_eq!(headers_of(&event), expected);
    event.cluster = Some(Arc::from("east"));
    assert_eq!(headers_of(&event).last(), Some(&pair("cluster", "east")));
    // A Node has no namespace, although its Event stands in one.
    assert!(headers_of(&golden_event(3)).contains(&pair("namespace", "")));
}

#[test]
fn the_timestamp_is_when_the_event_was_last_seen_and_never_in_the_future() {
    let millis = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
    assert_eq!(timestamp(&golden_event(2)), Some(millis("2024-05-06T07:08:10Z")));
    assert_eq!(timestamp(&golden_event(4)), Some(millis("2024-05-06T07:18:12.654Z")));
    let received = "2024-05-06T07:00:00Z";
    let ahead = Event {
        received_at: received.parse().unwrap(),
        last_timestamp: Some("2024-05-06T09:00:00Z".parse().unwrap()),
        ..Event::default()
    };
    assert_eq!(timestamp(&ahead), Some(millis(received)));
    assert_eq!(timestamp(&Event::default()), None);
}
