//! The JSON against what kube-eventer sent, and against what Go wrote with the same structs.
//!
//! Beside each `*.input.json` of the test data stand what `encoding/json` makes of it with `k8s.io/api` 0.17.

use eventer_core::Event;
use eventer_core::event::ObjectReference;
use eventer_testkit::events::golden_input;
use serde::Deserialize;

use super::{write_compact, write_envelope, write_indented};

fn event(json: &str) -> Event {
    serde_json::from_str(json).unwrap()
}

fn text(event: &Event, write: fn(&Event, &mut Vec<u8>)) -> String {
    let mut out = b"before ".to_vec();
    write(event, &mut out);
    String::from_utf8(out).unwrap().strip_prefix("before ").unwrap().to_owned()
}

struct GoCase {
    name: &'static str,
    input: &'static str,
    compact: &'static str,
    indented: &'static str,
    envelope: &'static str,
}

macro_rules! go_case {
    ($name:literal) => {
        GoCase {
            name: $name,
            input: include_str!(concat!("../../testdata/kube_eventer/", $name, ".input.json")),
            compact: include_str!(concat!("../../testdata/kube_eventer/", $name, ".compact.json")),
            indented: include_str!(concat!("../../testdata/kube_eventer/", $name, ".indented.json")),
            envelope: include_str!(concat!("../../testdata/kube_eventer/", $name, ".envelope.json")),
        }
    };
}

const CASES: [GoCase; 13] = [
    go_case!("almost-nothing"),
    go_case!("control-characters"),
    go_case!("empty-objects"),
    go_case!("every-field"),
    go_case!("fractions-of-seconds"),
    go_case!("html-and-javascript"),
    go_case!("long-text"),
    go_case!("nulls"),
    go_case!("odd-type-and-counts"),
    go_case!("other-zone"),
    go_case!("quotes-and-backslashes"),
    go_case!("series-in-nanoseconds"),
    go_case!("wide-characters"),
];

#[test]
fn the_envelope_is_what_kube_eventer_sent() {
    let sent = [
        include_str!("../../testdata/kube_eventer/input-1.value.json"),
        include_str!("../../testdata/kube_eventer/input-2.value.json"),
        include_str!("../../testdata/kube_eventer/input-3.value.json"),
        include_str!("../../testdata/kube_eventer/input-4.value.json"),
    ];
    for (number, sent) in (1..).zip(sent) {
        assert_eq!(text(&event(golden_input(number)), write_envelope), sent, "input {number}");
    }
}

#[test]
fn every_form_is_what_go_writes() {
    for case in CASES {
        let event = event(case.input);
        assert_eq!(text(&event, write_compact), case.compact, "{}", case.name);
        assert_eq!(text(&event, write_indented), case.indented, "{}", case.name);
        assert_eq!(text(&event, write_envelope), case.envelope, "{}", case.name);
    }
}

#[test]
fn the_envelope_of_a_hostile_event_is_what_kube_eventer_sent() {
    #[derive(Deserialize)]
    struct Input {
        name: String,
        event: Event,
    }
    #[derive(Deserialize)]
    struct Sent {
        event: String,
        value: String,
    }
    fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Vec<T> {
        text.split_terminator('\n').map(|line| serde_json::from_str(line).unwrap()).collect()
    }
    let inputs: Vec<Input> = read(include_str!("../../testdata/kube_eventer/hostile-events.jsonl"));
    let sent: Vec<Sent> = read(include_str!("../../testdata/kafka/kube-eventer-hostile.jsonl"));
    assert_eq!(inputs.len(), sent.len());
    for (input, sent) in inputs.iter().zip(sent) {
        assert_eq!(input.name, sent.event);
        assert_eq!(text(&input.event, write_envelope), sent.value, "{}", sent.event);
    }
}

#[test]
fn what_travels_with_an_event_is_not_written() {
    let with = event(include_str!("../../testdata/template/enriched.json"));
    let object = ObjectReference {
        labels: None,
        annotations: None,
        owner_references: None,
        deleted: false,
        ..with.involved_object.clone()
    };
    let without = Event {
        involved_object: object,
        cluster: None,
        static_labels: None,
        enrichment: None,
        ..with.clone()
    };
    for write in [write_compact, write_indented, write_envelope] {
        assert_eq!(text(&with, write), text(&without, write));
    }
}

#[test]
fn managed_fields_are_left_out() {
    let event = event(include_str!("../../testdata/kube_eventer/every-field.input.json"));
    assert!(!text(&event, write_compact).contains("managedFields"));
}

#[test]
fn an_event_without_a_time_has_that_of_its_receipt() {
    let event = Event { received_at: "2026-11-21T06:00:00.5Z".parse().unwrap(), ..Event::default() };
    let envelope = text(&event, write_envelope);
    assert!(envelope.contains(r#""EventTimestamp":"2026-11-21T06:00:00.5Z""#), "{envelope}");
}
