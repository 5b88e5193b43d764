//! The made-up cluster by itself, and its pace in virtual time.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use eventer_core::metrics::SourceMetrics;
use eventer_core::testing::VirtualClock;
use eventer_core::{ComponentUri, ConfigError, Event, EventSource, SourceConfig, SourceContext, UriReader};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::*;

fn begin() -> Timestamp {
    "2026-11-21T06:00:00Z".parse().unwrap()
}

fn events(seed: u64, count: usize) -> Vec<Event> {
    let mut cluster = Cluster::new(seed, begin(), Duration::from_millis(500));
    (0..count).map(|_| cluster.next_event()).collect()
}

#[test]
fn the_same_seed_makes_the_same_events() {
    assert_eq!(events(7, 2_000), events(7, 2_000));
    assert_ne!(events(7, 10), events(8, 10));
}

#[test]
fn each_version_has_an_id_of_its_own_and_versions_rise() {
    let events = events(1, 5_000);
    let ids: HashSet<String> = events.iter().map(Event::id).collect();
    assert_eq!(ids.len(), events.len());
    let versions: Vec<u64> =
        events.iter().map(|event| event.metadata.resource_version.parse().unwrap()).collect();
    assert!(versions.is_sorted());
    for event in &events {
        let uid = &event.metadata.uid;
        let lengths: Vec<usize> = uid.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{uid}");
        assert!(uid.as_bytes()[14] == b'4' && b"89ab".contains(&uid.as_bytes()[19]), "{uid}");
    }
}

#[test]
fn what_happens_again_is_the_next_version_of_the_same_event() {
    let mut latest: BTreeMap<String, Event> = BTreeMap::new();
    let mut repeats = 0;
    for event in events(3, 5_000) {
        if let Some(before) = latest.insert(event.metadata.uid.clone(), event.clone()) {
            repeats += 1;
            assert_eq!(event.count(), before.count() + 1);

            assert_eq!((event.message, event.metadata.name), (before.message, before.metadata.name));
            assert_eq!(
                (event.first_timestamp, event.event_time),
                (before.first_timestamp, before.event_time)
            );
        } else {
            assert_eq!(event.count(), 1);
        }
    }
    assert!(repeats > 1_000, "{repeats}");
    assert!(latest.values().any(|event| event.reason == "BackOff" && event.count > 5));
    assert!(latest.values().any(|event| event.series.as_ref().is_some_and(|series| series.count > 2)));
}

#[test]
fn an_event_happens_at_each_interval() {
    for (n, mut event) in events(5, 500).into_iter().enumerate() {
        event.received_at = Timestamp::MAX;
        let at = begin() + SignedDuration::from_millis(500 * i64::try_from(n).unwrap());
        let behind = at.duration_since(event.last_seen());
        assert!(!behind.is_negative() && behind < SignedDuration::from_secs(1), "{n}: {event:?}");
    }
}

#[test]
fn everything_that_goes_wrong_in_a_cluster_comes_up_soon() {
    let reasons: BTreeSet<String> = events(1, 600).into_iter().map(|event| event.reason).collect();
    for reason in [
        "ScalingReplicaSet",
        "SuccessfulCreate",
        "Scheduled",
        "Pulling",
        "Pulled",
        "Created",
        "Started",
        "Killing",
        "BackOff",
        "NodeNotReady",
        "TaintManagerEviction",
        "FailedMount",
        "FailedAttachVolume",
        "FailedCreate",
        "FailedScheduling",
        "Unhealthy",
        "Failed",
        "Completed",
        "SuccessfulRescale",
        "OOMKilling",
    ] {
        assert!(reasons.contains(reason), "{reason} is not among {reasons:?}");
    }
}

#[test]
fn events_have_the_form_of_their_reporter() {
    for event in events(2, 1_000) {
        let is_new_form = event.reporting_component == "default-scheduler";
        assert_eq!(event.event_time.is_some(), is_new_form, "{event:?}");
        assert_eq!(event.first_timestamp.is_none(), is_new_form, "{event:?}");
        assert_eq!(event.source.component.is_empty(), is_new_form, "{event:?}");
        let is_node = event.involved_object.kind == "Node";
        assert_eq!(event.object_namespace().is_empty(), is_node);
        assert!(!event.metadata.namespace.is_empty());
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
    }
}

fn config(query: &str) -> Result<DemoConfig, Vec<ConfigError>> {
    let uri = ComponentUri::parse("--source", &format!("demo:?{query}"), &()).unwrap();
    let mut reader = UriReader::new("--source", &uri, &DemoConfig::SPEC, &[]);
    let config = DemoConfig::from_uri(&mut reader).unwrap();
    let errors = reader.finish();
    if errors.is_empty() { Ok(config) } else { Err(errors) }
}

async fn open(query: &str) -> DemoSource {
    let clock = Arc::new(VirtualClock::starting_at(begin()));
    let metrics = SourceMetrics::unregistered("demo", clock.clone());
    let mut context = SourceContext::new("demo", clock, metrics);
    context.batch_events = 10.try_into().unwrap();
    config(query).unwrap().build(context).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn events_come_at_the_rate_that_was_asked_for() {
    let mut source = open("rate=5/s&cluster_name=demo").await;
    tokio::time::advance(Duration::from_millis(1_000)).await;
    let batch = source.get_new_events().await.unwrap().unwrap();
    assert_eq!(batch.len(), 6);
    assert_eq!(batch.events()[0].cluster.as_deref(), Some("demo"));
    assert_eq!(batch.events()[0].received_at, begin() + SignedDuration::from_secs(1));
    assert!(source.get_new_events().await.unwrap().unwrap().is_empty());
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(source.get_new_events().await.unwrap().unwrap().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn it_is_ready_when_a_batch_is_full_and_ends_when_it_was_told_to() {
    let mut source = open("rate=60/m&events=15").await;
    let begin = Instant::now();
    for (len, seconds) in [(10, 9), (5, 14)] {
        source.ready().await;
        assert_eq!(begin.elapsed().as_secs(), seconds);
        assert_eq!(source.get_new_events().await.unwrap().unwrap().len(), len);
    }
    source.ready().await;
    assert!(source.get_new_events().await.unwrap().is_none());
    assert_eq!(begin.elapsed().as_secs(), 14);
}

#[test]
fn wrong_flags_are_told() {
    for (query, told) in
        [("rate=5", "is not a rate"), ("seed=x", "is not a whole number"), ("sed=1", "did you mean")]
    {
        let errors: Vec<String> = config(query).unwrap_err().iter().map(ToString::to_string).collect();
        assert!(errors.concat().contains(told), "{query}: {errors:?}");
    }
}
