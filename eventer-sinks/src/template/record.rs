//! The event and its parts as templates see them: Go's field names, and the getters that Kubernetes gives its objects.
//!
//! What a field is ([`Shape::field`]) and what it holds ([`Record::field`]) stand apart: the one is asked when a template
//! is read, the other for each event. A test holds them together.

use std::fmt;

use eventer_core::Event;
use eventer_core::event::{Metadata, ObjectReference, Origin, OwnerReference, Series};

use super::kind::Kind;
use super::scope::{Escaping, Scope};
use super::time::{GoTime, TimeForm};
use super::value::{Text, Value};

/// A struct of the event, borrowed from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Record<'e> {
    Event(&'e Event),
    Metadata(&'e Metadata),
    Reference(&'e ObjectReference),
    Source(&'e Origin),
    Series(&'e Series),
    Owner(&'e OwnerReference),
    /// `TypeMeta`: the kind and the API version, which Kubernetes' client empties.
    TypeMeta,
}

/// Which struct a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Shape {
    Event,
    Metadata,
    Reference,
    Source,
    Series,
    Owner,
    TypeMeta,
}

type Fields = &'static [(&'static str, Kind)];

const TYPE_META: Fields = &[("Kind", Kind::Text), ("APIVersion", Kind::Text)];
const METADATA: Fields = &[
    ("Name", Kind::Text),
    ("GenerateName", Kind::Text),
    ("Namespace", Kind::Text),
    ("SelfLink", Kind::Text),
    ("UID", Kind::Text),
    ("ResourceVersion", Kind::Text),
    ("Generation", Kind::Int),
    ("CreationTimestamp", Kind::Time),
    ("DeletionTimestamp", Kind::Time),
    ("DeletionGracePeriodSeconds", Kind::Int),
    ("Labels", Kind::Labels),
    ("Annotations", Kind::Labels),
    ("OwnerReferences", Kind::List(&Kind::Record(Shape::Owner))),
    ("Finalizers", Kind::List(&Kind::Text)),
    ("ClusterName", Kind::Text),
    ("ManagedFields", Kind::List(&Kind::Unknown)),
];
const EVENT: Fields = &[
    ("Type", Kind::Text),
    ("Reason", Kind::Text),
    ("Message", Kind::Text),
    ("Count", Kind::Int),
    ("Action", Kind::Text),
    ("InvolvedObject", Kind::Record(Shape::Reference)),
    ("Source", Kind::Record(Shape::Source)),
    ("FirstTimestamp", Kind::Time),
    ("LastTimestamp", Kind::Time),
    ("EventTime", Kind::Time),
    ("Series", Kind::Record(Shape::Series)),
    ("Related", Kind::Record(Shape::Reference)),
    ("ReportingController", Kind::Text),
    ("ReportingInstance", Kind::Text),
    ("ObjectMeta", Kind::Record(Shape::Metadata)),
    ("TypeMeta", Kind::Record(Shape::TypeMeta)),
    ("Cluster", Kind::Text),
    ("ID", Kind::Text),
    ("LastSeen", Kind::Time),
    ("Occurrences", Kind::Int),
    ("Reporter", Kind::Text),
];
const REFERENCE: Fields = &[
    ("Kind", Kind::Text),
    ("Namespace", Kind::Text),
    ("Name", Kind::Text),
    ("UID", Kind::Text),
    ("APIVersion", Kind::Text),
    ("ResourceVersion", Kind::Text),
    ("FieldPath", Kind::Text),
];
const SOURCE: Fields = &[("Component", Kind::Text), ("Host", Kind::Text)];
const SERIES: Fields = &[("Count", Kind::Int), ("LastObservedTime", Kind::Time), ("State", Kind::Text)];
const OWNER: Fields = &[
    ("APIVersion", Kind::Text),
    ("Kind", Kind::Text),
    ("Name", Kind::Text),
    ("UID", Kind::Text),
    ("Controller", Kind::Bool),
    ("BlockOwnerDeletion", Kind::Bool),
];

/// The getters of `metav1.Object` that answer with a field of the metadata: `GetName` with `Name`.
const GETTERS: [&str; 13] = [
    "Name",
    "GenerateName",
    "Namespace",
    "SelfLink",
    "UID",
    "ResourceVersion",
    "Generation",
    "CreationTimestamp",
    "DeletionTimestamp",
    "Labels",
    "Annotations",
    "OwnerReferences",
    "Finalizers",
];

impl Shape {
    /// Its name in error messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Event => "the event",
            Self::Metadata => "the event's ObjectMeta",
            Self::Reference => "an object reference",
            Self::Source => "the event's source",
            Self::Series => "the event's series",
            Self::Owner => "an owner reference",
            Self::TypeMeta => "the event's TypeMeta",
        }
    }

    /// What the field or getter `name` holds, if there is one. An event has those of its metadata too.
    pub(super) fn field(self, name: &str) -> Option<Kind> {
        let name = self.getter(name).unwrap_or(name);
        self.names().find(|(known, _)| *known == name).map(|(_, kind)| kind)
    }

    /// Its fields.
    pub(super) fn names(self) -> impl Iterator<Item = (&'static str, Kind)> {
        let (own, embedded, more): (Fields, Fields, Fields) = match self {
            Self::Event => (EVENT, METADATA, TYPE_META),
            Self::Metadata => (METADATA, &[], &[]),
            Self::Reference => (REFERENCE, &[], &[]),
            Self::Source => (SOURCE, &[], &[]),
            Self::Series => (SERIES, &[], &[]),
            Self::Owner => (OWNER, &[], &[]),
            Self::TypeMeta => (TYPE_META, &[], &[]),
        };
        own.iter().chain(embedded).chain(more).copied()
    }

    /// The field that a getter answers with.
    fn getter(self, name: &str) -> Option<&'static str> {
        let field = name.strip_prefix("Get").filter(|_| matches!(self, Self::Event | Self::Metadata))?;
        GETTERS.into_iter().find(|known| *known == field)
    }
}

impl<'e> Record<'e> {
    pub(super) fn shape(&self) -> Shape {
        match self {
            Self::Event(_) => Shape::Event,
            Self::Metadata(_) => Shape::Metadata,
            Self::Reference(_) => Shape::Reference,
            Self::Source(_) => Shape::Source,
            Self::Series(_) => Shape::Series,
            Self::Owner(_) => Shape::Owner,
            Self::TypeMeta => Shape::TypeMeta,
        }
    }

    /// About how many bytes it prints as.
    pub(super) fn weight(&self) -> usize {
        const SMALL: usize = 256;
        match self {
            Self::Event(event) => event.json_size_hint(),
            _ => SMALL,
        }
    }

    /// What the field or getter `name` holds for this event, if there is one.
    pub(super) fn field(&self, name: &str, scope: &'e Scope<'e>) -> Option<Value<'e>> {
        let name = self.shape().getter(name).unwrap_or(name);
        match self {
            Self::Event(event) => event_field(event, name, scope),
            Self::Metadata(metadata) => metadata_field(metadata, name, scope),
            Self::Reference(object) => reference_field(object, name),
            Self::Source(source) => match name {
                "Component" => Some(Value::borrowed(&source.component)),
                "Host" => Some(Value::borrowed(&source.host)),
                _ => None,
            },
            Self::Series(series) => match name {
                "Count" => Some(Value::Int(series.count.into())),
                "LastObservedTime" => {
                    let time = GoTime::new(series.last_observed_time, scope.time_zone, TimeForm::Micros);
                    Some(Value::Time(time))
                }
                "State" => Some(Value::borrowed(&series.state)),
                _ => None,
            },
            Self::Owner(owner) => owner_field(owner, name),
            Self::TypeMeta => matches!(name, "Kind" | "APIVersion").then_some(Value::borrowed("")),
        }
    }
}

/// As the `String` of Kubernetes' types writes it; the event and its metadata, which nobody can read in that form, as JSON.
impl fmt::Display for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reference(object) => write!(
                f,
                "&ObjectReference{{Kind:{},Namespace:{},Name:{},UID:{},APIVersion:{},ResourceVersion:{},FieldPath:{},}}",
                object.kind,
                object.namespace,
                object.name,
                object.uid,
                object.api_version,
                object.resource_version,
                object.field_path
            ),
            Self::Source(source) => {
                write!(f, "&EventSource{{Component:{},Host:{},}}", source.component, source.host)
            }
            Self::TypeMeta => f.write_str("&TypeMeta{Kind:,APIVersion:,}"),
            Self::Event(_) | Self::Metadata(_) | Self::Series(_) | Self::Owner(_) => {
                let json = super::functions::encoding::json(&Value::Record(*self));
                f.write_str(&json.map_err(|_| fmt::Error)?)
            }
        }
    }
}

fn event_field<'e>(event: &'e Event, name: &str, scope: &'e Scope<'e>) -> Option<Value<'e>> {
    let time = |at, form| Value::Time(GoTime::new(at, scope.time_zone, form));
    Some(match name {
        "Type" => Value::borrowed(event.event_type.as_str()),
        "Reason" => Value::borrowed(&event.reason),
        "Message" => Value::Text(message(event, scope)),
        "Count" => Value::Int(event.count.into()),
        "Action" => Value::borrowed(&event.action),
        "InvolvedObject" => Value::Record(Record::Reference(&event.involved_object)),
        "Source" => Value::Record(Record::Source(&event.source)),
        "FirstTimestamp" => time(event.first_timestamp, TimeForm::Seconds),
        // kube-eventer put its own time here before it rendered, and templates rely on it.
        "LastTimestamp" => time(Some(event.kube_eventer_time()), TimeForm::Seconds),
        "EventTime" => time(event.event_time, TimeForm::Micros),
        "Series" => event.series.as_ref().map_or(Value::Nil, |series| Value::Record(Record::Series(series))),
        "Related" => {
            event.related.as_deref().map_or(Value::Nil, |object| Value::Record(Record::Reference(object)))
        }
        "ReportingController" => Value::borrowed(&event.reporting_component),
        "ReportingInstance" => Value::borrowed(&event.reporting_instance),
        "ObjectMeta" => Value::Record(Record::Metadata(&event.metadata)),
        "TypeMeta" => Value::Record(Record::TypeMeta),
        "Kind" | "APIVersion" => Value::borrowed(""),
        "Cluster" => Value::borrowed(event.cluster.as_deref().unwrap_or("")),
        "ID" => Value::text(event.id()),
        "LastSeen" => time(Some(event.last_seen()), TimeForm::Plain),
        "Occurrences" => Value::Int(event.count().into()),
        "Reporter" => Value::borrowed(event.component()),
        _ => return metadata_field(&event.metadata, name, scope),
    })
}

fn message<'e>(event: &'e Event, scope: &Scope<'_>) -> Text<'e> {
    if scope.escaping == Escaping::QuotesTakenOut && event.message.contains('"') {
        Text::Made(event.message.replace('"', "").into())
    } else {
        Text::Borrowed(&event.message)
    }
}

fn metadata_field<'e>(metadata: &'e Metadata, name: &str, scope: &'e Scope<'e>) -> Option<Value<'e>> {
    let time = |at| Value::Time(GoTime::new(at, scope.time_zone, TimeForm::Seconds));
    Some(match name {
        "Name" => Value::borrowed(&metadata.name),
        "GenerateName" => Value::borrowed(&metadata.generate_name),
        "Namespace" => Value::borrowed(&metadata.namespace),
        "SelfLink" => Value::borrowed(&metadata.self_link),
        "UID" => Value::borrowed(&metadata.uid),
        "ResourceVersion" => Value::borrowed(&metadata.resource_version),
        "Generation" => Value::Int(metadata.generation),
        "CreationTimestamp" => time(metadata.creation_timestamp),
        "DeletionTimestamp" => metadata.deletion_timestamp.map_or(Value::Nil, |at| time(Some(at))),
        "DeletionGracePeriodSeconds" => metadata.deletion_grace_period_seconds.map_or(Value::Nil, Value::Int),
        "Labels" => Value::Labels(&metadata.labels),
        "Annotations" => Value::Labels(&metadata.annotations),
        "OwnerReferences" => {
            let owners = metadata.owner_references.iter();
            Value::list(owners.map(|owner| Value::Record(Record::Owner(owner))).collect())
        }
        "Finalizers" => Value::list(metadata.finalizers.iter().map(|name| Value::borrowed(name)).collect()),
        "ClusterName" => Value::borrowed(&metadata.cluster_name),
        "ManagedFields" => Value::list(Vec::new()),
        _ => return None,
    })
}

fn reference_field<'e>(object: &'e ObjectReference, name: &str) -> Option<Value<'e>> {
    Some(Value::borrowed(match name {
        "Kind" => &object.kind,
        "Namespace" => &object.namespace,
        "Name" => &object.name,
        "UID" => &object.uid,
        "APIVersion" => &object.api_version,
        "ResourceVersion" => &object.resource_version,
        "FieldPath" => &object.field_path,
        _ => return None,
    }))
}

fn owner_field<'e>(owner: &'e OwnerReference, name: &str) -> Option<Value<'e>> {
    let flag = |flag: Option<bool>| flag.map_or(Value::Nil, Value::Bool);
    Some(match name {
        "APIVersion" => Value::borrowed(&owner.api_version),
        "Kind" => Value::borrowed(&owner.kind),
        "Name" => Value::borrowed(&owner.name),
        "UID" => Value::borrowed(&owner.uid),
        "Controller" => flag(owner.controller),
        "BlockOwnerDeletion" => flag(owner.block_owner_deletion),
        _ => return None,
    })
}
