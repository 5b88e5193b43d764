//! An event in the order of fields of Kubernetes' Go client, version 0.17, which is what kube-eventer is built with.
//!
//! That is core's own order but for what travels with an event, which are no fields there: the cluster, static labels, and
//! what was looked up around the object. `kind` and `apiVersion` are absent: the typed client clears them. Source: `Event` in
//! <https://github.com/kubernetes/api/blob/v0.17.0/core/v1/types.go>.

use eventer_core::Event;
use eventer_core::event::{EventType, Metadata, ObjectReference, Origin, Series};
use eventer_core::time::{rfc3339_micros, rfc3339_seconds};
use serde::Serialize;

use super::go;

/// Adds the JSON of `event` without spaces.
pub(crate) fn write_compact(event: &Event, out: &mut Vec<u8>) {
    go::compact(&GoEvent::from(event), out);
}

/// Adds the JSON of `event`, indented by one space a level.
pub(crate) fn write_indented(event: &Event, out: &mut Vec<u8>) {
    go::indented(&GoEvent::from(event), out);
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GoEvent<'a> {
    metadata: &'a Metadata,
    involved_object: GoReference<'a>,
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
    related: Option<GoReference<'a>>,
    reporting_component: &'a str,
    reporting_instance: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GoReference<'a> {
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
}

impl<'a> From<&'a ObjectReference> for GoReference<'a> {
    fn from(object: &'a ObjectReference) -> Self {
        Self {
            kind: &object.kind,
            namespace: &object.namespace,
            name: &object.name,
            uid: &object.uid,
            api_version: &object.api_version,
            resource_version: &object.resource_version,
            field_path: &object.field_path,
        }
    }
}

impl<'a> From<&'a Event> for GoEvent<'a> {
    fn from(event: &'a Event) -> Self {
        Self {
            metadata: &event.metadata,
            involved_object: GoReference::from(&event.involved_object),
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
            related: event.related.as_deref().map(GoReference::from),
            reporting_component: &event.reporting_component,
            reporting_instance: &event.reporting_instance,
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
