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
    out.extend_from_slice(b"{\"EventValue\":\"");
    go::quote_again(&json, out);
    out.extend_from_slice(b"\",\"EventTimestamp\":");
    go::compact(&event.kube_eventer_time(), out);
    out.extend_from_slice(b",\"EventTags\":");
    go::compact(&Tags::from(event), out);
    out.push(b'}');
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

impl<'a> From<&'a Event> for Tags<'a> {
    fn from(event: &'a Event) -> Self {
        let pod = Some(&event.involved_object).filter(|object| object.kind == "Pod");
        Self {
            event_id: &event.metadata.uid,
            hostname: &event.source.host,
            pod_id: pod.map(|pod| &pod.uid),
            pod_name: pod.map(|pod| &pod.name),
        }
    }
}
