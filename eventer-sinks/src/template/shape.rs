//! The event and its parts as templates know them before there is an event: Go's field names, the getters that Kubernetes
//! gives its objects, the names of kubernetes-event-exporter, and what each holds.
//!
//! [`Record::field`](super::record::Record::field) has the values; a test holds them together.

use super::kind::Kind;

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
    Enrichment,
    Node,
    Exported,
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
    ("StaticLabels", Kind::Labels),
    ("Enrichment", Kind::Record(Shape::Enrichment)),
    // kubernetes-event-exporter's; its cluster stands before that of the metadata.
    ("ClusterName", Kind::Text),
    ("GetTimestampMs", Kind::Int),
    ("GetTimestampISO8601", Kind::Text),
    ("ToJSON", Kind::Record(Shape::Exported)),
    ("DeDot", Kind::Record(Shape::Event)),
];
const REFERENCE: Fields = &[
    ("Kind", Kind::Text),
    ("Namespace", Kind::Text),
    ("Name", Kind::Text),
    ("UID", Kind::Text),
    ("APIVersion", Kind::Text),
    ("ResourceVersion", Kind::Text),
    ("FieldPath", Kind::Text),
    ("Labels", Kind::Labels),
    ("Annotations", Kind::Labels),
    ("OwnerReferences", Kind::List(&Kind::Record(Shape::Owner))),
    ("Deleted", Kind::Bool),
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

const ENRICHMENT: Fields = &[
    ("Owners", Kind::List(&Kind::Record(Shape::Owner))),
    ("NamespaceLabels", Kind::Labels),
    ("Node", Kind::Record(Shape::Node)),
    ("Services", Kind::List(&Kind::Text)),
];
const NODE: Fields = &[("Name", Kind::Text), ("Addresses", Kind::Labels)];

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
            Self::Enrichment => "the event's enrichment",
            Self::Node => "a node",
            Self::Exported => "the event's JSON",
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
            Self::Enrichment => (ENRICHMENT, &[], &[]),
            Self::Node => (NODE, &[], &[]),
            Self::Exported => (&[], &[], &[]),
        };
        own.iter().chain(embedded).chain(more).copied()
    }

    /// The field that a getter answers with.
    pub(super) fn getter(self, name: &str) -> Option<&'static str> {
        let field = name.strip_prefix("Get").filter(|_| matches!(self, Self::Event | Self::Metadata))?;
        GETTERS.into_iter().find(|known| *known == field)
    }
}
