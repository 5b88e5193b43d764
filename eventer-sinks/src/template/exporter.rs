//! What kubernetes-event-exporter's templates ask of an event by its methods: its JSON, its time, and keys without dots.
//! Pure.

use std::sync::Arc;

use eventer_core::Event;
use eventer_core::event::{
    Enrichment, EventType, Labels, Metadata, ObjectReference, Origin, OwnerReference, Series,
};
use eventer_core::time::{rfc3339_micros, rfc3339_seconds};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::time::{GoTime, TimeForm};

/// When the event began: `firstTimestamp`, else `eventTime`. Where neither is set, Go makes a number of the year 1 there;
/// here it is when it was last seen.
pub(super) fn time(event: &Event) -> Timestamp {
    event.first_timestamp.or(event.event_time).unwrap_or_else(|| event.last_seen())
}

/// In UTC, as its `Z` says. kubernetes-event-exporter writes the time of its own zone before the `Z`.
pub(super) fn iso8601(at: Timestamp) -> String {
    GoTime::new(Some(at), &TimeZone::UTC, TimeForm::Plain).format("2006-01-02T15:04:05.000Z")
}

/// The event as kubernetes-event-exporter writes it, and behind that what it does not know.
pub(super) fn json(event: &Event) -> serde_json::Result<String> {
    serde_json::to_string(&Exported::from(event))
}

/// A copy in which no key of a label or an annotation has a dot: `_` stands for each.
pub(super) fn de_dotted(event: &Event) -> Event {
    let mut event = event.clone();
    de_dot(&mut event.metadata.labels);
    de_dot(&mut event.metadata.annotations);
    let object = &mut event.involved_object;
    for shared in [&mut object.labels, &mut object.annotations, &mut event.static_labels] {
        shared.as_mut().map(Arc::make_mut).map(de_dot);
    }
    if let Some(enrichment) = &mut event.enrichment {
        de_dot(&mut Arc::make_mut(enrichment).namespace_labels);
    }
    event
}

fn de_dot(labels: &mut Labels) {
    if labels.keys().any(|key| key.contains('.')) {
        *labels = std::mem::take(labels).into_iter().map(|(k, v)| (k.replace('.', "_"), v)).collect();
    }
}

/// `EnhancedEvent` in <https://github.com/resmoio/kubernetes-event-exporter/blob/master/pkg/kube/event.go>: the fields of
/// the event, and then those of its own.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Exported<'a> {
    metadata: &'a Metadata,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    message: &'a str,
    source: &'a Origin,
    first_timestamp: Option<String>,
    last_timestamp: Option<String>,
    #[serde(skip_serializing_if = "is_zero")]
    count: i32,
    #[serde(rename = "type", skip_serializing_if = "is_untyped")]
    event_type: &'a EventType,
    event_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    series: Option<&'a Series>,
    #[serde(skip_serializing_if = "str::is_empty")]
    action: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    related: Option<&'a ObjectReference>,
    reporting_component: &'a str,
    reporting_instance: &'a str,
    cluster_name: &'a str,
    involved_object: Object<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    static_labels: Option<&'a Labels>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enrichment: Option<&'a Enrichment>,
}

/// An object, of which it is always said whether it is deleted.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Object<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    kind: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    namespace: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    uid: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    api_version: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    resource_version: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    field_path: &'a str,
    #[serde(skip_serializing_if = "has_none")]
    labels: Option<&'a Labels>,
    #[serde(skip_serializing_if = "has_none")]
    annotations: Option<&'a Labels>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    owner_references: &'a [OwnerReference],
    deleted: bool,
}

impl<'a> From<&'a Event> for Exported<'a> {
    fn from(event: &'a Event) -> Self {
        Self {
            metadata: &event.metadata,
            reason: &event.reason,
            message: &event.message,
            source: &event.source,
            first_timestamp: event.first_timestamp.map(rfc3339_seconds),
            last_timestamp: event.last_timestamp.map(rfc3339_seconds),
            count: event.count,
            event_type: &event.event_type,
            event_time: event.event_time.map(rfc3339_micros),
            series: event.series.as_ref(),
            action: &event.action,
            related: event.related.as_deref(),
            reporting_component: &event.reporting_component,
            reporting_instance: &event.reporting_instance,
            cluster_name: event.cluster.as_deref().unwrap_or_default(),
            involved_object: Object::from(&event.involved_object),
            static_labels: event.static_labels.as_deref(),
            enrichment: event.enrichment.as_deref(),
        }
    }
}

impl<'a> From<&'a ObjectReference> for Object<'a> {
    fn from(object: &'a ObjectReference) -> Self {
        Self {
            kind: &object.kind,
            namespace: &object.namespace,
            name: &object.name,
            uid: &object.uid,
            api_version: &object.api_version,
            resource_version: &object.resource_version,
            field_path: &object.field_path,
            labels: object.labels.as_deref(),
            annotations: object.annotations.as_deref(),
            owner_references: object.owner_references.as_deref().unwrap_or_default(),
            deleted: object.deleted,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(number: &i32) -> bool {
    *number == 0
}

fn is_untyped(event_type: &&EventType) -> bool {
    event_type.is_empty()
}

fn has_none(labels: &Option<&Labels>) -> bool {
    labels.is_none_or(Labels::is_empty)
}
