//! The record of a gap: an event of our own that tells the sinks that others may be missing. Pure.

use std::sync::Arc;
use std::time::Duration;

use eventer_core::Event;
use eventer_core::event::{EventType, Metadata, ObjectReference, Origin};
use eventer_core::time::{format_duration, rfc3339_seconds};
use jiff::Timestamp;

use super::buffer::Reached;

/// Reason of the event.
pub(super) const REASON: &str = "EventerGap";

const COMPONENT: &str = "eventer";

/// What is missing and why.
#[derive(Debug)]
pub(super) struct Gap<'a> {
    /// Name of the source.
    pub(super) source: &'a str,
    /// The namespace that is watched; empty for all.
    pub(super) namespace: &'a str,
    /// The cluster's name.
    pub(super) cluster: Option<Arc<str>>,
    /// Up to where everything is known.
    pub(super) from: Reached,
    /// From when on everything is known again.
    pub(super) to: Timestamp,
    /// Why it cannot be closed.
    pub(super) why: &'a str,
}

impl Gap<'_> {
    /// The event. The same gap makes the same id, so that a repeat of it overwrites.
    pub(super) fn event(&self) -> Event {
        let Self { source, namespace, cluster, from, to, why } = self;
        let scope = if namespace.is_empty() { "all" } else { *namespace };
        let name = format!("{source}.{scope}.{:x}", from.version);
        let lasted = Duration::try_from(to.duration_since(from.at)).unwrap_or_default();
        let message = format!(
            "events of {} from {} to {} ({}) may be missing: {why}",
            if namespace.is_empty() { "the cluster".to_owned() } else { format!("namespace {namespace}") },
            rfc3339_seconds(from.at),
            rfc3339_seconds(*to),
            format_duration(Duration::from_secs(lasted.as_secs())),
        );
        Event {
            metadata: Metadata {
                uid: format!("eventer-gap.{name}"),
                name,
                namespace: if namespace.is_empty() { "default" } else { *namespace }.to_owned(),
                resource_version: from.version.to_string(),
                creation_timestamp: Some(*to),
                ..Metadata::default()
            },
            involved_object: ObjectReference {
                kind: "EventSource".to_owned(),
                namespace: (*namespace).to_owned(),
                name: (*source).to_owned(),
                ..ObjectReference::default()
            },
            reason: REASON.to_owned(),
            message,
            source: Origin { component: COMPONENT.to_owned(), host: String::new() },
            first_timestamp: Some(from.at),
            last_timestamp: Some(*to),
            count: 1,
            event_type: EventType::Warning,
            reporting_component: COMPONENT.to_owned(),
            cluster: cluster.clone(),
            received_at: *to,
            ..Event::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_tells_from_when_to_when_and_why() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let gap = Gap {
            source: "kubernetes",
            namespace: "",
            cluster: Some("prod".into()),
            from: Reached { version: 255, at: at("2024-05-06T07:00:00Z") },
            to: at("2024-05-06T09:30:00Z"),
            why: "the API server has forgotten them",
        };
        let event = gap.event();
        assert_eq!(
            event.message,
            "events of the cluster from 2024-05-06T07:00:00Z to 2024-05-06T09:30:00Z (2h30m) may be missing: \
             the API server has forgotten them"
        );
        assert_eq!((event.id(), event.last_seen()), ("eventer-gap.kubernetes.all.ff-255".to_owned(), gap.to));
        let gap = Gap { namespace: "shop", ..gap };
        assert!(gap.event().message.starts_with("events of namespace shop from"));
        assert_eq!(
            (gap.event().metadata.namespace, gap.event().involved_object.namespace),
            ("shop".into(), "shop".into())
        );
    }
}
