//! What the fields of the event and of its parts hold for an event.
//!
//! What they are ([`Shape::field`]) and what they hold ([`Record::field`]) stand apart: the one is asked when a template is
//! read, the other for each event. A test holds them together.

use std::fmt;

use eventer_core::Event;
use eventer_core::event::{
    Enrichment, Labels, Metadata, NodeInfo, ObjectReference, Origin, OwnerReference, Series,
};

use super::exporter;
use super::pass::Pass;
use super::scope::{Escaping, Scope};
use super::shape::Shape;
use super::time::{GoTime, TimeForm};
use super::value::{Text, Value};

// What was not looked up, or not given, is there and empty: a template need not ask for it first.
static NO_LABELS: Labels = Labels::new();
static NO_NODE: NodeInfo = NodeInfo { name: String::new(), addresses: Labels::new() };
static NO_ENRICHMENT: Enrichment =
    Enrichment { owners: Vec::new(), namespace_labels: Labels::new(), node: None, services: Vec::new() };

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
    Enrichment(&'e Enrichment),
    Node(&'e NodeInfo),
    /// The event as kubernetes-event-exporter writes it: nothing but JSON.
    Exported(&'e Event),
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
            Self::Enrichment(_) => Shape::Enrichment,
            Self::Node(_) => Shape::Node,
            Self::Exported(_) => Shape::Exported,
        }
    }

    /// About how many bytes it prints as.
    pub(super) fn weight(&self) -> usize {
        const SMALL: usize = 256;
        let labels = |maps: &[Option<&'e Labels>]| {
            let maps = maps.iter().flatten();
            maps.fold(SMALL, |sum, labels| sum.saturating_add(Value::Labels(labels).weight()))
        };
        match self {
            Self::Event(event) | Self::Exported(event) => event.json_size_hint(),
            Self::Metadata(metadata) => labels(&[Some(&metadata.labels), Some(&metadata.annotations)]),
            Self::Reference(object) => labels(&[object.labels.as_deref(), object.annotations.as_deref()]),
            Self::Enrichment(enrichment) => labels(&[Some(&enrichment.namespace_labels)]),
            _ => SMALL,
        }
    }

    /// What the field or getter `name` holds for this event, if there is one.
    pub(super) fn field(&self, name: &str, pass: &'e Pass<'e>) -> Option<Value<'e>> {
        let name = self.shape().getter(name).unwrap_or(name);
        let scope = &pass.scope;
        match self {
            Self::Event(event) => event_field(event, name, pass),
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
            Self::Enrichment(enrichment) => enrichment_field(enrichment, name),
            Self::Node(node) => match name {
                "Name" => Some(Value::borrowed(&node.name)),
                "Addresses" => Some(Value::Labels(&node.addresses)),
                _ => None,
            },
            Self::Exported(_) => None,
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
            Self::Event(_)
            | Self::Metadata(_)
            | Self::Series(_)
            | Self::Owner(_)
            | Self::Enrichment(_)
            | Self::Node(_)
            | Self::Exported(_) => {
                let json = super::functions::encoding::json(&Value::Record(*self));
                f.write_str(&json.map_err(|_| fmt::Error)?)
            }
        }
    }
}

fn event_field<'e>(event: &'e Event, name: &str, pass: &'e Pass<'e>) -> Option<Value<'e>> {
    let scope = &pass.scope;
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
        "StaticLabels" => labels(event.static_labels.as_deref()),
        "Enrichment" => {
            Value::Record(Record::Enrichment(event.enrichment.as_deref().unwrap_or(&NO_ENRICHMENT)))
        }
        // Of the metadata it is empty but in old clusters.
        "ClusterName" => Value::borrowed(event.cluster.as_deref().unwrap_or(&event.metadata.cluster_name)),
        "GetTimestampMs" => Value::Int(exporter::time(event).as_millisecond()),
        "GetTimestampISO8601" => Value::text(exporter::iso8601(exporter::time(event))),
        "ToJSON" => Value::Record(Record::Exported(event)),
        "DeDot" => Value::Record(Record::Event(pass.de_dotted(event))),
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
        "OwnerReferences" => owners(&metadata.owner_references),
        "Finalizers" => Value::list(metadata.finalizers.iter().map(|name| Value::borrowed(name)).collect()),
        "ClusterName" => Value::borrowed(&metadata.cluster_name),
        "ManagedFields" => Value::list(Vec::new()),
        _ => return None,
    })
}

fn reference_field<'e>(object: &'e ObjectReference, name: &str) -> Option<Value<'e>> {
    Some(match name {
        "Kind" => Value::borrowed(&object.kind),
        "Namespace" => Value::borrowed(&object.namespace),
        "Name" => Value::borrowed(&object.name),
        "UID" => Value::borrowed(&object.uid),
        "APIVersion" => Value::borrowed(&object.api_version),
        "ResourceVersion" => Value::borrowed(&object.resource_version),
        "FieldPath" => Value::borrowed(&object.field_path),
        "Labels" => labels(object.labels.as_deref()),
        "Annotations" => labels(object.annotations.as_deref()),
        "OwnerReferences" => owners(object.owner_references.as_deref().unwrap_or_default()),
        "Deleted" => Value::Bool(object.deleted),
        _ => return None,
    })
}

fn enrichment_field<'e>(enrichment: &'e Enrichment, name: &str) -> Option<Value<'e>> {
    Some(match name {
        "Owners" => owners(&enrichment.owners),
        "NamespaceLabels" => Value::Labels(&enrichment.namespace_labels),
        "Node" => Value::Record(Record::Node(enrichment.node.as_ref().unwrap_or(&NO_NODE))),
        "Services" => Value::list(enrichment.services.iter().map(|name| Value::borrowed(name)).collect()),
        _ => return None,
    })
}

fn labels(labels: Option<&Labels>) -> Value<'_> {
    Value::Labels(labels.unwrap_or(&NO_LABELS))
}

fn owners(owners: &[OwnerReference]) -> Value<'_> {
    Value::list(owners.iter().map(|owner| Value::Record(Record::Owner(owner))).collect())
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
