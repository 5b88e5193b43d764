//! Events as points, in kube-eventer's two shapes. Pure.

use std::io::Write as _;

use eventer_core::{Event, EventBatch};
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;

use super::line_protocol::{EARLIEST, FieldValue, LATEST, Point};
use crate::kube_eventer::write_indented;

/// The cluster's name where none is given.
const CLUSTER: &str = "default";

/// How an event becomes a point.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// What people look for stands in tags and the message in a field; else the whole event stands in one field.
    pub with_fields: bool,
    /// A field says how often the event was seen.
    pub with_count: bool,
    /// Name of the cluster; else the event's own.
    pub cluster_name: Option<String>,
}

/// The body of a request, which knows where each event stands in it.
#[derive(Debug, Default)]
pub struct Payload {
    text: Vec<u8>,
    /// Where the line of each event ends, with its line end.
    ends: Vec<usize>,
}

impl Shape {
    /// Writes a point for each event.
    pub fn payload(&self, batch: &EventBatch) -> Payload {
        let bytes = if self.with_fields { 0 } else { batch.iter().map(|event| event.json_size_hint()).sum() };
        let mut payload = Payload { text: Vec::with_capacity(bytes), ends: Vec::with_capacity(batch.len()) };
        let mut json = Vec::new();
        for event in batch {
            if self.with_fields {
                write_fields(event, self, &mut payload.text);
            } else {
                json.clear();
                write_indented(event, &mut json);
                let json = std::str::from_utf8(&json).expect("JSON is text");
                write_whole(event, json, self, &mut payload.text);
            }
            payload.ends.push(payload.text.len());
        }
        payload
    }
}

impl Payload {
    /// The lines, each with its line end.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The same, compressed.
    pub fn gzip(&self) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let written = encoder.write_all(&self.text).and_then(|()| encoder.finish());
        written.expect("memory takes every write")
    }

    /// How many events it holds.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The lines of the events, each without its line end. A text in one may hold further line ends.
    pub(super) fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        begins.zip(&self.ends).map(|(begin, end)| &self.text[begin..end - 1])
    }
}

/// kube-eventer's default shape: the event's JSON in one field.
fn write_whole(event: &Event, json: &str, shape: &Shape, out: &mut Vec<u8>) {
    let mut point = Point::new(out, "log/events");
    let object = &event.involved_object;
    point.tag("cluster_name", cluster(event, shape));
    point.tag("hostname", &event.source.host);
    static_labels(&mut point, event);
    if object.kind == "Pod" {
        point.tag("pod_id", &object.uid);
        point.tag("pod_name", &object.name);
    }
    point.tag("uid", &event.metadata.uid);
    point.field("value", FieldValue::Text(json));
    end(point, event, shape);
}

/// kube-eventer's shape for `withfields=true`.
fn write_fields(event: &Event, shape: &Shape, out: &mut Vec<u8>) {
    let mut point = Point::new(out, "events");
    let object = &event.involved_object;
    point.tag("cluster_name", cluster(event, shape));
    point.tag("component", &event.source.component);
    point.tag("hostname", &event.source.host);
    point.tag("kind", &object.kind);
    static_labels(&mut point, event);
    point.tag("namespace_name", &event.metadata.namespace);
    point.tag("object_name", &object.name);
    if object.kind == "Pod" {
        point.tag("pod_id", &object.uid);
    }
    point.tag("reason", &event.reason);
    point.tag("type", event.event_type.as_str());
    point.tag("uid", &event.metadata.uid);
    point.field("message", FieldValue::Text(&event.message));
    end(point, event, shape);
}

/// The labels that the user gave all events, among kube-eventer's tags where their prefix puts them in the order.
fn static_labels(point: &mut Point<'_>, event: &Event) {
    for (name, value) in event.static_labels.iter().flat_map(|labels| labels.iter()) {
        point.tag(&format!("label_{name}"), value);
    }
}

fn end(mut point: Point<'_>, event: &Event, shape: &Shape) {
    if shape.with_count {
        // Not unsigned, which InfluxDB 1 refuses.
        point.field("count", FieldValue::Integer(event.count().into()));
    }
    let has_field = point.end(nanoseconds(event));
    debug_assert!(has_field, "a text can always be written");
}

fn cluster<'a>(event: &'a Event, shape: &'a Shape) -> &'a str {
    shape.cluster_name.as_deref().or(event.cluster.as_deref()).unwrap_or(CLUSTER)
}

/// The time of the point: kube-eventer's, or that of the receipt where InfluxDB could not store it.
fn nanoseconds(event: &Event) -> i64 {
    let stored =
        |at: Timestamp| i64::try_from(at.as_nanosecond()).ok().filter(|at| (EARLIEST..=LATEST).contains(at));
    stored(event.kube_eventer_time()).or_else(|| stored(event.received_at)).unwrap_or_default()
}
