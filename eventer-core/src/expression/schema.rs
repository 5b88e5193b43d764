//! The event as expressions see it: which fields there are, what they are, and how each is read, in one table for each of
//! its parts. The names are those of the JSON.
//!
//! What is absent is read as its zero value, and so is what would stand below it: a part that an event lacks is read from
//! one that is empty.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::value::{Type, Value, zero_time};
use crate::event::{
    Enrichment, Event, Labels, Metadata, NodeInfo, ObjectReference, Origin, OwnerReference, Series,
};

/// A part of the event, borrowed from it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Record<'e> {
    Event(&'e Event),
    Metadata(&'e Metadata),
    Object(&'e ObjectReference),
    Source(&'e Origin),
    Series(&'e Series),
    Owner(&'e OwnerReference),
    Enrichment(&'e Enrichment),
    Node(&'e NodeInfo),
}

/// Which part it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Event,
    Metadata,
    Object,
    Source,
    Series,
    Owner,
    Enrichment,
    Node,
}

/// A field of `R`.
struct Field<R: 'static> {
    name: &'static str,
    get: Get<R>,
    help: &'static str,
}

/// How the field of an `R` is read; what it is follows from that.
#[derive(Clone, Copy)]
enum Get<R> {
    Bool(fn(&R) -> bool),
    Int(fn(&R) -> i64),
    Text(fn(&R) -> &str),
    Time(fn(&R) -> Option<Timestamp>),
    Labels(fn(&R) -> Option<&Labels>),
    Texts(fn(&R) -> &[String]),
    Owners(fn(&R) -> &[OwnerReference]),
    Record(Shape, fn(&R) -> Record<'_>),
}

const EVENT: &[Field<Event>] = &[
    field("type", Get::Text(|it| it.event_type.as_str()), "`Normal` or `Warning`"),
    field("reason", Get::Text(|it| &it.reason), "why it happened, such as `BackOff`"),
    field("message", Get::Text(|it| &it.message), "what happened, for people"),
    field("action", Get::Text(|it| &it.action), "what was tried or done, such as `Binding`"),
    field("count", Get::Int(|it| it.count.into()), "how often, in the old form; `count()` knows both"),
    field(
        "involvedObject",
        Get::Record(Shape::Object, |it| Record::Object(&it.involved_object)),
        "what it is about",
    ),
    field(
        "related",
        Get::Record(Shape::Object, |it| Record::Object(it.related.as_deref().unwrap_or(&NO_OBJECT))),
        "a second object",
    ),
    field(
        "metadata",
        Get::Record(Shape::Metadata, |it| Record::Metadata(&it.metadata)),
        "of the Event itself",
    ),
    field(
        "source",
        Get::Record(Shape::Source, |it| Record::Source(&it.source)),
        "who reported it, in the old form",
    ),
    field("reportingComponent", Get::Text(|it| &it.reporting_component), "who reported it, in the new form"),
    field("reportingInstance", Get::Text(|it| &it.reporting_instance), "which instance of it"),
    field("firstTimestamp", Get::Time(|it| it.first_timestamp), "when it was first seen, in the old form"),
    field("lastTimestamp", Get::Time(|it| it.last_timestamp), "when it was last seen, in the old form"),
    field("eventTime", Get::Time(|it| it.event_time), "when it was first seen, in the new form"),
    field(
        "series",
        Get::Record(Shape::Series, |it| Record::Series(it.series.as_ref().unwrap_or(&NO_SERIES))),
        "its repetitions, in the new form",
    ),
    field(
        "cluster",
        Get::Text(|it| it.cluster.as_deref().unwrap_or_default()),
        "the cluster's name (`--cluster-name`)",
    ),
    field("staticLabels", Get::Labels(|it| it.static_labels.as_deref()), "the user's labels of all events"),
    field(
        "enrichment",
        Get::Record(Shape::Enrichment, |it| {
            Record::Enrichment(it.enrichment.as_deref().unwrap_or(&NO_ENRICHMENT))
        }),
        "what was looked up around the object (`enrich=`)",
    ),
];

const METADATA: &[Field<Metadata>] = &[
    field("name", Get::Text(|it| &it.name), "such as `web-0.17a1b2c3d4e5f602`"),
    field("generateName", Get::Text(|it| &it.generate_name), "prefix of a generated name"),
    field("namespace", Get::Text(|it| &it.namespace), "of the Event; `default` for a Node's"),
    field("selfLink", Get::Text(|it| &it.self_link), "in old clusters"),
    field("uid", Get::Text(|it| &it.uid), "identifies the Event over its versions"),
    field("resourceVersion", Get::Text(|it| &it.resource_version), "the version"),
    field("generation", Get::Int(|it| it.generation), "Events have none"),
    field("creationTimestamp", Get::Time(|it| it.creation_timestamp), "when the Event was created"),
    field("deletionTimestamp", Get::Time(|it| it.deletion_timestamp), "when the Event will be deleted"),
    field(
        "deletionGracePeriodSeconds",
        Get::Int(|it| it.deletion_grace_period_seconds.unwrap_or_default()),
        "grace period of that",
    ),
    field("labels", Get::Labels(|it| Some(&it.labels)), "of the Event itself"),
    field("annotations", Get::Labels(|it| Some(&it.annotations)), "of the Event itself"),
    field("ownerReferences", Get::Owners(|it| &it.owner_references), "of the Event itself"),
    field("finalizers", Get::Texts(|it| &it.finalizers), "of the Event itself"),
    field("clusterName", Get::Text(|it| &it.cluster_name), "in old clusters"),
];

const OBJECT: &[Field<ObjectReference>] = &[
    field("kind", Get::Text(|it| &it.kind), "such as `Pod`"),
    field("namespace", Get::Text(|it| &it.namespace), "empty for a Node and its like"),
    field("name", Get::Text(|it| &it.name), ""),
    field("uid", Get::Text(|it| &it.uid), "the kubelet writes a Node's name here"),
    field("apiVersion", Get::Text(|it| &it.api_version), "such as `apps/v1`"),
    field("resourceVersion", Get::Text(|it| &it.resource_version), "that the reporter had seen"),
    field("fieldPath", Get::Text(|it| &it.field_path), "part of the object, such as `spec.containers{web}`"),
    field("labels", Get::Labels(|it| it.labels.as_deref()), "if they were looked up (`enrich=labels`)"),
    field("annotations", Get::Labels(|it| it.annotations.as_deref()), "if they were looked up"),
    field(
        "ownerReferences",
        Get::Owners(|it| it.owner_references.as_deref().unwrap_or_default()),
        "that it names itself, if they were looked up",
    ),
    field("deleted", Get::Bool(|it| it.deleted), "whether it is gone, or going, by what was looked up"),
];

const SOURCE: &[Field<Origin>] = &[
    field("component", Get::Text(|it| &it.component), "such as `kubelet`"),
    field("host", Get::Text(|it| &it.host), "the node that it runs on"),
];

const SERIES: &[Field<Series>] = &[
    field("count", Get::Int(|it| it.count.into()), "how often"),
    field("lastObservedTime", Get::Time(|it| it.last_observed_time), "when last"),
    field("state", Get::Text(|it| &it.state), "in old clusters"),
];

const OWNER: &[Field<OwnerReference>] = &[
    field("apiVersion", Get::Text(|it| &it.api_version), ""),
    field("kind", Get::Text(|it| &it.kind), "such as `ReplicaSet`"),
    field("name", Get::Text(|it| &it.name), ""),
    field("uid", Get::Text(|it| &it.uid), ""),
    field("controller", Get::Bool(|it| it.controller.unwrap_or_default()), "whether it manages the object"),
    field("blockOwnerDeletion", Get::Bool(|it| it.block_owner_deletion.unwrap_or_default()), ""),
];

const ENRICHMENT: &[Field<Enrichment>] = &[
    field(
        "owners",
        Get::Owners(|it| &it.owners),
        "the object's controller, that one's, up to the top workload",
    ),
    field("namespaceLabels", Get::Labels(|it| Some(&it.namespace_labels)), "of the object's namespace"),
    field(
        "node",
        Get::Record(Shape::Node, |it| Record::Node(it.node.as_ref().unwrap_or(&NO_NODE))),
        "that the object is or runs on",
    ),
    field("services", Get::Texts(|it| &it.services), "names of the Services that select it"),
];

const NODE: &[Field<NodeInfo>] = &[
    field("name", Get::Text(|it| &it.name), ""),
    field("addresses", Get::Labels(|it| Some(&it.addresses)), "by their types, such as `InternalIP`"),
];

static NO_LABELS: Labels = BTreeMap::new();
static NO_OBJECT: ObjectReference = ObjectReference {
    kind: String::new(),
    namespace: String::new(),
    name: String::new(),
    uid: String::new(),
    api_version: String::new(),
    resource_version: String::new(),
    field_path: String::new(),
    labels: None,
    annotations: None,
    owner_references: None,
    deleted: false,
};
static NO_SERIES: Series = Series { count: 0, last_observed_time: None, state: String::new() };
static NO_OWNER: OwnerReference = OwnerReference {
    api_version: String::new(),
    kind: String::new(),
    name: String::new(),
    uid: String::new(),
    controller: None,
    block_owner_deletion: None,
};
static NO_ENRICHMENT: Enrichment =
    Enrichment { owners: Vec::new(), namespace_labels: Labels::new(), node: None, services: Vec::new() };
static NO_NODE: NodeInfo = NodeInfo { name: String::new(), addresses: BTreeMap::new() };

const fn field<R>(name: &'static str, get: Get<R>, help: &'static str) -> Field<R> {
    Field { name, get, help }
}

/// What there is to know of a field before there is an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct FieldInfo {
    pub(super) name: &'static str,
    pub(super) gives: Type,
    #[cfg_attr(not(test), expect(dead_code, reason = "the documentation is held against it by a test"))]
    pub(super) help: &'static str,
}

impl Shape {
    /// What it is called in messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Metadata => "metadata",
            Self::Object => "object",
            Self::Source => "source",
            Self::Series => "series",
            Self::Owner => "owner",
            Self::Enrichment => "enrichment",
            Self::Node => "node",
        }
    }

    /// Its fields, each at the index by which [`Record::field`] reads it.
    pub(super) fn fields(self) -> Vec<FieldInfo> {
        match self {
            Self::Event => infos(EVENT),
            Self::Metadata => infos(METADATA),
            Self::Object => infos(OBJECT),
            Self::Source => infos(SOURCE),
            Self::Series => infos(SERIES),
            Self::Owner => infos(OWNER),
            Self::Enrichment => infos(ENRICHMENT),
            Self::Node => infos(NODE),
        }
    }
}

fn infos<R>(fields: &[Field<R>]) -> Vec<FieldInfo> {
    let info = |field: &Field<R>| FieldInfo { name: field.name, gives: field.get.gives(), help: field.help };
    fields.iter().map(info).collect()
}

impl<'e> Record<'e> {
    /// The owner at `index` of a list, or an empty one.
    pub(super) fn owner(owners: &'e [OwnerReference], index: i64) -> Self {
        Self::Owner(usize::try_from(index).ok().and_then(|index| owners.get(index)).unwrap_or(&NO_OWNER))
    }

    /// What its field at `index` holds.
    pub(super) fn field(self, index: usize) -> Value<'e> {
        match self {
            Self::Event(it) => EVENT[index].get.read(it),
            Self::Metadata(it) => METADATA[index].get.read(it),
            Self::Object(it) => OBJECT[index].get.read(it),
            Self::Source(it) => SOURCE[index].get.read(it),
            Self::Series(it) => SERIES[index].get.read(it),
            Self::Owner(it) => OWNER[index].get.read(it),
            Self::Enrichment(it) => ENRICHMENT[index].get.read(it),
            Self::Node(it) => NODE[index].get.read(it),
        }
    }

    /// Whether nothing in it is filled in.
    pub(super) fn is_zero(self) -> bool {
        match self {
            Self::Event(it) => *it == Event::default(),
            Self::Metadata(it) => *it == Metadata::default(),
            Self::Object(it) => *it == NO_OBJECT,
            Self::Source(it) => *it == Origin::default(),
            Self::Series(it) => *it == NO_SERIES,
            Self::Owner(it) => *it == NO_OWNER,
            Self::Enrichment(it) => *it == NO_ENRICHMENT,
            Self::Node(it) => *it == NO_NODE,
        }
    }
}

impl<R> Get<R> {
    fn gives(&self) -> Type {
        match self {
            Self::Bool(_) => Type::Bool,
            Self::Int(_) => Type::Int,
            Self::Text(_) => Type::Text,
            Self::Time(_) => Type::Time,
            Self::Labels(_) => Type::Labels,
            Self::Texts(_) => Type::Texts,
            Self::Owners(_) => Type::Owners,
            Self::Record(shape, _) => Type::Record(*shape),
        }
    }

    fn read<'e>(&self, it: &'e R) -> Value<'e> {
        match self {
            Self::Bool(get) => Value::Bool(get(it)),
            Self::Int(get) => Value::Int(get(it)),
            Self::Text(get) => Value::text(get(it)),
            Self::Time(get) => Value::Time(get(it).unwrap_or_else(zero_time)),
            Self::Labels(get) => Value::Labels(get(it).unwrap_or(&NO_LABELS)),
            Self::Texts(get) => Value::Texts(get(it)),
            Self::Owners(get) => Value::Owners(get(it)),
            Self::Record(_, get) => Value::Record(get(it)),
        }
    }
}
