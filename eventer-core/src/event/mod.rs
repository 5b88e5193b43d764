//! The event: core's own struct in the shape of a core/v1 Event, without `managedFields`.
//!
//! It is read from core/v1 and from events.k8s.io/v1 JSON alike ([`wire`] has the field forms), and written in the
//! order of keys that Kubernetes uses. The questions that people ask of an event are answered in [`answers`].

mod answers;
mod wire;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use wire::{is_zero, micros, micros_or_null, null_default, seconds, seconds_or_null, time};

/// One Event of a cluster, as the API server wrote it in one version.
///
/// Some things travel with it that the API server does not know of it: the name of its cluster, the user's own labels, what
/// was looked up around its object, and when it was received.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Event {
    /// Name, namespace, uid and version of the Event itself.
    #[serde(deserialize_with = "null_default")]
    pub metadata: Metadata,
    /// What the event is about. events.k8s.io calls it `regarding`.
    #[serde(alias = "regarding", deserialize_with = "null_default")]
    pub involved_object: ObjectReference,
    /// Why it happened, one word in camel case, such as `BackOff`.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "null_default")]
    pub reason: String,
    /// What happened, for people. events.k8s.io calls it `note`.
    #[serde(alias = "note", skip_serializing_if = "String::is_empty", deserialize_with = "null_default")]
    pub message: String,
    /// Who reported it, in the old form. Empty in events written through events.k8s.io.
    #[serde(alias = "deprecatedSource", deserialize_with = "null_default")]
    pub source: Origin,
    /// When it was first seen; whole seconds. Empty in events written through events.k8s.io.
    #[serde(
        alias = "deprecatedFirstTimestamp",
        serialize_with = "seconds_or_null",
        deserialize_with = "time"
    )]
    pub first_timestamp: Option<Timestamp>,
    /// When it was last seen; whole seconds. Empty in events written through events.k8s.io.
    #[serde(
        alias = "deprecatedLastTimestamp",
        serialize_with = "seconds_or_null",
        deserialize_with = "time"
    )]
    pub last_timestamp: Option<Timestamp>,
    /// How often it was seen, in the old form.
    #[serde(alias = "deprecatedCount", skip_serializing_if = "is_zero", deserialize_with = "null_default")]
    pub count: i32,
    /// `Normal` or `Warning`.
    #[serde(rename = "type", skip_serializing_if = "EventType::is_empty", deserialize_with = "null_default")]
    pub event_type: EventType,
    /// When it was first seen, in the new form; microseconds.
    #[serde(serialize_with = "micros_or_null", deserialize_with = "time")]
    pub event_time: Option<Timestamp>,
    /// The repetitions of the event, in the new form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<Series>,
    /// What was tried or done about the object, such as `Binding`.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "null_default")]
    pub action: String,
    /// A second object, for complex actions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub related: Option<Box<ObjectReference>>,
    /// Who reported it, in the new form. events.k8s.io calls it `reportingController`.
    #[serde(rename = "reportingComponent", alias = "reportingController", deserialize_with = "null_default")]
    pub reporting_component: String,
    /// Which instance of the reporting component, in the new form.
    #[serde(deserialize_with = "null_default")]
    pub reporting_instance: String,
    /// The cluster that the event is from, if it was given a name. Written after all that is Kubernetes' own, and only if
    /// there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Arc<str>>,
    /// Labels that the user of this program gave to all events. Written after the cluster, and only if there are some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub static_labels: Option<Arc<Labels>>,
    /// What the source looked up around the object, if it was asked to; the object's own labels, annotations and owners
    /// stand in [`involved_object`](Self::involved_object). Written last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enrichment: Option<Arc<Enrichment>>,
    /// When this process received it. It is not written; the Unix epoch, as which an event is read, says that it is not
    /// set: such an event never gets too old, and no timestamp of it counts as from the future.
    #[serde(skip)]
    pub received_at: Timestamp,
}

/// The metadata of an Event, without `managedFields`, which are a third of its bytes and tell nothing of what happened.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// Name of the Event, such as `web-0.17a1b2c3d4e5f602`.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "null_default")]
    pub name: String,
    /// Prefix that the name was generated from.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "null_default")]
    pub generate_name: String,
    /// Namespace that holds the Event; `default` for objects without one.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "null_default")]
    pub namespace: String,
    /// Link to the Event, in old clusters.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "null_default")]
    pub self_link: String,
    /// Identifies the Event over all its versions.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "null_default")]
    pub uid: String,
    /// The version. Opaque but for equality, and for comparison by the kubernetes source.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "null_default")]
    pub resource_version: String,
    /// Generation of the desired state; Events have none.
    #[serde(skip_serializing_if = "is_zero", deserialize_with = "null_default")]
    pub generation: i64,
    /// When the Event was created; whole seconds.
    #[serde(serialize_with = "seconds_or_null", deserialize_with = "time")]
    pub creation_timestamp: Option<Timestamp>,
    /// When the Event will be deleted, if it is being deleted; whole seconds.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "seconds", deserialize_with = "time")]
    pub deletion_timestamp: Option<Timestamp>,
    /// Grace period of a deletion, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_grace_period_seconds: Option<i64>,
    /// Labels of the Event itself.
    #[serde(skip_serializing_if = "Labels::is_empty", deserialize_with = "null_default")]
    pub labels: Labels,
    /// Annotations of the Event itself.
    #[serde(skip_serializing_if = "Labels::is_empty", deserialize_with = "null_default")]
    pub annotations: Labels,
    /// Owners of the Event itself.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_default")]
    pub owner_references: Vec<OwnerReference>,
    /// Finalizers of the Event itself.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_default")]
    pub finalizers: Vec<String>,
    /// Cluster of the Event, in old clusters.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "null_default")]
    pub cluster_name: String,
}

/// Points at an object of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectReference {
    /// Kind, such as `Pod`.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "null_default")]
    pub kind: String,
    /// Namespace; empty for objects without one, such as a Node.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "null_default")]
    pub namespace: String,
    /// Name.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "null_default")]
    pub name: String,
    /// Uid. The kubelet writes a Node's *name* here.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "null_default")]
    pub uid: String,
    /// API group and version.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "null_default")]
    pub api_version: String,
    /// Version of the object that the reporter had seen.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "null_default")]
    pub resource_version: String,
    /// Part of the object, such as `spec.containers{web}`.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "null_default")]
    pub field_path: String,
    /// Labels of the object, if they were looked up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Arc<Labels>>,
    /// Annotations of the object, if they were looked up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Arc<Labels>>,
    /// Owners that the object itself names, if they were looked up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_references: Option<Arc<[OwnerReference]>>,
    /// Whether the object is gone, or going, by what was looked up.
    #[serde(skip_serializing_if = "is_zero", deserialize_with = "null_default")]
    pub deleted: bool,
}

/// Labels or annotations: names with their values.
pub type Labels = BTreeMap<String, String>;

/// What a source looked up around the object of an event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Enrichment {
    /// Who owns the object: the controller that it names first, then that one's, up to the top workload.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<OwnerReference>,
    /// Labels of the object's namespace.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub namespace_labels: Labels,
    /// The node that the object is or runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeInfo>,
    /// Names of the Services, in the object's namespace, that select it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
}

/// A node of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeInfo {
    /// Its name.
    pub name: String,
    /// Its addresses by their types, such as `InternalIP`; the first of each type.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub addresses: BTreeMap<String, String>,
}

/// Who reported an event, in the old form (Kubernetes calls it EventSource).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Origin {
    /// Component, such as `kubelet`.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "null_default")]
    pub component: String,
    /// Node that the component runs on.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "null_default")]
    pub host: String,
}

/// The repetitions of an event, in the new form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Series {
    /// How often it was seen.
    #[serde(skip_serializing_if = "is_zero", deserialize_with = "null_default")]
    pub count: i32,
    /// When it was last seen; microseconds.
    #[serde(serialize_with = "micros", deserialize_with = "time")]
    pub last_observed_time: Option<Timestamp>,
    /// State of the series, in old clusters.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "null_default")]
    pub state: String,
}

/// Points at the owner of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OwnerReference {
    /// API group and version.
    pub api_version: String,
    /// Kind, such as `ReplicaSet`.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Uid.
    pub uid: String,
    /// Whether this owner manages the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller: Option<bool>,
    /// Whether the owner waits for the object's deletion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block_owner_deletion: Option<bool>,
}

/// The type of an event. Kubernetes knows two; other values are kept as they came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum EventType {
    /// Something went as it should.
    Normal,
    /// Something may need attention.
    Warning,
    /// Another word.
    Other(Box<str>),
    /// No type was given.
    #[default]
    Empty,
}

impl EventType {
    /// The word as Kubernetes writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
            Self::Other(word) => word,
            Self::Empty => "",
        }
    }

    /// Whether no type was given.
    pub fn is_empty(&self) -> bool {
        *self == Self::Empty
    }
}

impl From<&str> for EventType {
    fn from(word: &str) -> Self {
        match word {
            "Normal" => Self::Normal,
            "Warning" => Self::Warning,
            "" => Self::Empty,
            other => Self::Other(other.into()),
        }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests;
