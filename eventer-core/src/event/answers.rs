//! The questions that people ask of an event, answered from whichever fields its writer filled in.

use std::time::Duration;

use jiff::Timestamp;

use super::{Enrichment, Event, Labels, Metadata, ObjectReference, OwnerReference};

/// A timestamp that is further ahead of the receipt than this is a wrong clock, not the future.
const MAX_AHEAD: Duration = Duration::from_secs(600);

impl Event {
    /// The latest time that the event tells of: the latest of the series' last observation, `lastTimestamp`,
    /// `eventTime`, `firstTimestamp` and the creation; the time of receipt if it tells none, or if it
    /// [is from the future](Self::is_from_the_future).
    pub fn last_seen(&self) -> Timestamp {
        match self.latest_timestamp() {
            Some(at) if !self.is_ahead(at) => at,
            _ => self.received_at,
        }
    }

    /// Whether its latest timestamp is so far ahead of its receipt that some clock must be wrong.
    pub fn is_from_the_future(&self) -> bool {
        self.latest_timestamp().is_some_and(|at| self.is_ahead(at))
    }

    /// The time that kube-eventer stamps on an event in every payload: `lastTimestamp`, else `eventTime`, else now,
    /// which is the time of receipt here.
    pub fn kube_eventer_time(&self) -> Timestamp {
        self.last_timestamp.or(self.event_time).unwrap_or(self.received_at)
    }

    /// How often the event was seen, old form or new; at least once.
    pub fn count(&self) -> u32 {
        let series = self.series.as_ref().map_or(0, |series| series.count);
        u32::try_from(series.max(self.count)).unwrap_or(0).max(1)
    }

    /// Who reported it: the old form's component, else the new form's.
    pub fn component(&self) -> &str {
        if self.source.component.is_empty() { &self.reporting_component } else { &self.source.component }
    }

    /// Namespace of the object that the event is about; empty for a Node and its like, although the Event itself then
    /// stands in `default`.
    pub fn object_namespace(&self) -> &str {
        &self.involved_object.namespace
    }

    /// The same for each delivery of the same version of the same Event: `<uid>-<resourceVersion>`. A destination
    /// that takes an id overwrites a repeat with it.
    pub fn id(&self) -> String {
        format!("{}-{}", self.metadata.uid, self.metadata.resource_version)
    }

    /// Identifies the object that the event is about, for order per object: its uid, or where it has none its kind,
    /// namespace and name.
    pub fn object_key(&self) -> impl std::hash::Hash + '_ {
        let object = &self.involved_object;
        if object.uid.is_empty() {
            (object.kind.as_str(), object.namespace.as_str(), object.name.as_str())
        } else {
            (object.uid.as_str(), "", "")
        }
    }

    /// Whether the time of its receipt is set.
    pub(crate) fn is_received(&self) -> bool {
        self.received_at != Timestamp::UNIX_EPOCH
    }

    /// About how many bytes of JSON it makes; for the size of requests.
    pub fn json_size_hint(&self) -> usize {
        const KEYS_AND_TIMES: usize = 480;
        KEYS_AND_TIMES + self.text_bytes()
    }

    /// About how many bytes of memory it holds, with what the allocator adds; for the bound of the journal.
    pub fn resident_bytes(&self) -> usize {
        const ALLOCATIONS: usize = 18;
        const ALLOCATOR_OVERHEAD: usize = 16;
        size_of::<Self>() + ALLOCATIONS * ALLOCATOR_OVERHEAD + self.text_bytes()
    }

    fn text_bytes(&self) -> usize {
        let related =
            self.related.as_ref().map_or(0, |object| size_of::<ObjectReference>() + object.text_bytes());
        let enrichment = self.enrichment.as_ref().map_or(0, |enrichment| enrichment.text_bytes());
        self.metadata.text_bytes()
            + self.involved_object.text_bytes()
            + related
            + enrichment
            + self.static_labels.as_deref().map_or(0, labels_bytes)
            + self.reason.len()
            + self.message.len()
            + self.source.component.len()
            + self.source.host.len()
            + self.action.len()
            + self.reporting_component.len()
            + self.reporting_instance.len()
    }

    fn latest_timestamp(&self) -> Option<Timestamp> {
        let observed = self.series.as_ref().and_then(|series| series.last_observed_time);
        let created = self.metadata.creation_timestamp;
        [observed, self.last_timestamp, self.event_time, self.first_timestamp, created]
            .into_iter()
            .flatten()
            .max()
    }

    /// Without a time of receipt nothing is ahead of it.
    fn is_ahead(&self, at: Timestamp) -> bool {
        self.is_received()
            && at.duration_since(self.received_at)
                > jiff::SignedDuration::try_from(MAX_AHEAD).unwrap_or_default()
    }
}

impl Metadata {
    fn text_bytes(&self) -> usize {
        let finalizers: usize = self.finalizers.iter().map(|name| name.len() + 24).sum();
        self.name.len()
            + self.generate_name.len()
            + self.namespace.len()
            + self.self_link.len()
            + self.uid.len()
            + self.resource_version.len()
            + labels_bytes(&self.labels)
            + labels_bytes(&self.annotations)
            + owners_bytes(&self.owner_references)
            + finalizers
    }
}

impl ObjectReference {
    fn text_bytes(&self) -> usize {
        self.kind.len()
            + self.namespace.len()
            + self.name.len()
            + self.uid.len()
            + self.api_version.len()
            + self.resource_version.len()
            + self.field_path.len()
            + self.labels.as_deref().map_or(0, labels_bytes)
            + self.annotations.as_deref().map_or(0, labels_bytes)
            + self.owner_references.as_deref().map_or(0, owners_bytes)
    }
}

impl Enrichment {
    fn text_bytes(&self) -> usize {
        let node = self.node.as_ref().map_or(0, |node| node.name.len() + labels_bytes(&node.addresses));
        let services: usize = self.services.iter().map(|name| name.len() + 24).sum();
        size_of::<Self>()
            + owners_bytes(&self.owners)
            + labels_bytes(&self.namespace_labels)
            + node
            + services
    }
}

fn labels_bytes(labels: &Labels) -> usize {
    const MAP_ENTRY: usize = 64;
    labels.iter().map(|(name, value)| name.len() + value.len() + MAP_ENTRY).sum()
}

fn owners_bytes(owners: &[OwnerReference]) -> usize {
    owners.iter().map(|owner| 160 + owner.name.len() + owner.uid.len()).sum()
}
