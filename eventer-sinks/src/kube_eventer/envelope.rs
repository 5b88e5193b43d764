//! The envelope in which kube-eventer sends an event to Kafka: its JSON as a string, its time, and some tags.

use eventer_core::Event;
use serde::Serialize;

use super::event::write_indented;
use super::go;

/// Adds `{"EventValue":"…","EventTimestamp":"…","EventTags":{…}}`.
///
/// The value is the indented JSON as a string; the timestamp is [`Event::kube_eventer_time`] in UTC, with as many digits
/// of a second as it has; the tags are sorted, as Go sorts the keys of a map, and `hostname` is there even if it is empty.
pub(crate) fn write_envelope(event: &Event, out: &mut Vec<u8>) {
    let mut json = Vec::with_capacity(event.json_size_hint());
    write_indented(event, &mut json);
    let json = String::from_utf8(json).expect("JSON is text");
    let object = &event.involved_object;
    let is_pod = object.kind == "Pod";
    let envelope = Envelope {
        value: &json,
        timestamp: event.kube_eventer_time().to_string(),
        tags: Tags {
            event_id: &event.metadata.uid,
            hostname: &event.source.host,
            pod_id: is_pod.then_some(&object.uid),
            pod_name: is_pod.then_some(&object.name),
        },
    };
    go::compact(&envelope, out);
}

#[derive(Serialize)]
struct Envelope<'a> {
    #[serde(rename = "EventValue")]
    value: &'a str,
    #[serde(rename = "EventTimestamp")]
    timestamp: String,
    #[serde(rename = "EventTags")]
    tags: Tags<'a>,
}

/// In the order of their names.
#[derive(Serialize)]
struct Tags<'a> {
    #[serde(rename = "eventID")]
    event_id: &'a str,
    hostname: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pod_id: Option<&'a String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pod_name: Option<&'a String>,
}
