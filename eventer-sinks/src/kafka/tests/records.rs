//! Records against what kube-eventer sent.

use std::sync::Arc;

use eventer_core::{ComponentUri, Event, EventBatch, Registry, SinkContext};
use eventer_testkit::events::golden_input;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rdkafka::message::Headers as _;

use crate::kafka::KafkaConfig;
use crate::kafka::encode::{Format, headers, key, timestamp, write_value};
use crate::layout::Layout;
use crate::template::{Escaping, Scope};

fn golden_event(number: usize) -> Event {
    serde_json::from_str(golden_input(number)).unwrap()
}

fn value(event: &Event, format: &Format) -> String {
    let scope = Scope { time_zone: &TimeZone::UTC, now: Timestamp::UNIX_EPOCH, escaping: Escaping::None };
    let mut out = Vec::new();
    write_value(event, format, &scope, &mut out).unwrap();
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
        assert_eq!(value(&golden_event(number), &Format::Eventer), golden, "input {number}");
    }
}

#[test]
fn the_other_value_is_the_event_itself() {
    let event = Event { cluster: Some("east".into()), ..golden_event(2) };
    let read: Event = serde_json::from_str(&value(&event, &Format::Event)).unwrap();
    assert_eq!(read, event);
}

#[test]
fn a_value_may_be_laid_out() {
    let layout = Layout::parse(r#"{"why": "{{ .Reason }}", "n": "{{ .Count }}"}"#).unwrap();
    assert_eq!(value(&golden_event(2), &Format::Layout(layout)), r#"{"why":"BackOff","n":7}"#);
}

#[tokio::test]
async fn a_record_is_shown_without_a_broker() {
    let mut registry = Registry::new();
    registry.register_sink::<KafkaConfig>();
    let uri =
        "kafka:?brokers=a:1&user=u&password=hunter2&topic=k8s-{{ .InvolvedObject.Namespace }}&format=event";
    let plan = registry.plan_sink(&ComponentUri::parse("--sink", uri, &()).unwrap()).unwrap();
    let event = Event { cluster: Some("east".into()), ..golden_event(2) };
    let json = serde_json::to_string(&event).unwrap();
    let batch = EventBatch::new("test", Timestamp::UNIX_EPOCH, vec![Arc::new(event)]);
    let shown = plan.preview(&batch, &SinkContext::new("kafka")).await.unwrap().unwrap();
    let expected = "topic: k8s-prod\nkey: aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa2\nheader type: Warning\nheader reason: BackOff\n\
                    header kind: Pod\nheader namespace: prod\nheader id: 22222222-2222-4222-8222-222222222222-2002\n\
                    header cluster: east\n\n";
    assert_eq!(shown, format!("{expected}{json}\n\n"));
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
