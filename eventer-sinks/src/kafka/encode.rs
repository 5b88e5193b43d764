//! An event as a record: its value, key, headers and timestamp. Pure.

use std::borrow::Cow;

use eventer_core::{Event, OptionValue};
use jiff::Timestamp;
use rdkafka::message::{Header, OwnedHeaders};

use crate::kube_eventer::write_envelope;
use crate::layout::Layout;
use crate::template::Scope;

/// What the value of a record is.
#[derive(Clone, Debug)]
pub(super) enum Format {
    /// kube-eventer's envelope.
    Eventer,
    /// The event itself, in Kubernetes' own form.
    Event,
    /// JSON as a user lays it out.
    Layout(Layout),
}

impl OptionValue for Format {
    fn parse_option(text: &str) -> Result<Self, String> {
        match text {
            "eventer" => Ok(Self::Eventer),
            "event" => Ok(Self::Event),
            _ => Err(format!("\"{text}\" is no format; known are eventer and event")),
        }
    }
}

/// Adds the value of the record.
///
/// # Errors
/// The layout gives none for this event. It never will.
pub(super) fn write_value(
    event: &Event,
    format: &Format,
    scope: &Scope<'_>,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    match format {
        Format::Eventer => write_envelope(event, out),
        Format::Event => serde_json::to_writer(out, event)
            .expect("memory takes every write, and the keys of an event are strings"),
        Format::Layout(layout) => layout.write(event, scope.time_zone, scope.now, out)?,
    }
    Ok(())
}

/// The key, which decides over the partition: the uid of the object that the event is about, so that the events of one
/// object keep their order; where there is none, its kind, namespace and name.
pub(super) fn key(event: &Event) -> Cow<'_, str> {
    let object = &event.involved_object;
    if object.uid.is_empty() {
        Cow::Owned(format!("{}/{}/{}", object.kind, object.namespace, object.name))
    } else {
        Cow::Borrowed(&object.uid)
    }
}

/// What consumers can choose by without reading the value. `cluster` is there only if the cluster has a name.
pub(super) fn headers(event: &Event) -> OwnedHeaders {
    let id = event.id();
    let fields = [
        ("type", event.event_type.as_str()),
        ("reason", event.reason.as_str()),
        ("kind", &event.involved_object.kind),
        ("namespace", event.object_namespace()),
        ("id", &id),
    ];
    let cluster = event.cluster.as_deref().map(|cluster| ("cluster", cluster));
    let headers = OwnedHeaders::new_with_capacity(fields.len() + 1);
    fields
        .into_iter()
        .chain(cluster)
        .fold(headers, |headers, (key, value)| headers.insert(Header { key, value: Some(value) }))
}

/// The time of the record in milliseconds: when the event was last seen ([`Event::last_seen`]).
///
/// Brokers refuse a time that is far ahead of theirs, with the whole batch that it is in
/// (`message.timestamp.after.max.ms`); this one is never ahead of the event's receipt by more than some minutes. `None`
/// if the event tells no time: the record then has that of its sending.
pub(super) fn timestamp(event: &Event) -> Option<i64> {
    let at = event.last_seen();
    (at > Timestamp::UNIX_EPOCH).then(|| at.as_millisecond())
}
