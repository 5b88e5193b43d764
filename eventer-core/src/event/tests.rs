//! The event against what real control planes wrote.

use super::*;

const BACKOFF: &str = include_str!("../../testdata/input-2-warning-backoff.json");
const SERIES: &str = include_str!("../../testdata/input-4-eventtime-series.json");
const LEGACY_THROUGH_EVENTS_K8S_IO: &str = r#"{"metadata":{"name":"a.1","namespace":"n","uid":"u","resourceVersion":"7",
  "managedFields":[{"manager":"m","fieldsV1":{"f:x":{}}}]},"eventTime":null,"reportingController":"kubelet",
  "reportingInstance":"node-1","reason":"BackOff","regarding":{"kind":"Pod","namespace":"n","name":"a"},
  "note":"Back-off","type":"Warning","deprecatedSource":{"component":"kubelet","host":"node-1"},
  "deprecatedFirstTimestamp":"2026-11-21T05:00:00Z","deprecatedLastTimestamp":"2026-11-21T05:01:00Z","deprecatedCount":4}"#;

fn event(json: &str) -> Event {
    let mut event: Event = serde_json::from_str(json).unwrap();
    event.received_at = "2026-11-21T06:00:00Z".parse().unwrap();
    event
}

#[test]
fn an_event_is_written_as_kubernetes_writes_it() {
    let written = serde_json::to_value(event(BACKOFF)).unwrap();
    let mut read: serde_json::Value = serde_json::from_str(BACKOFF).unwrap();
    for cleared_by_the_typed_client in ["kind", "apiVersion"] {
        read.as_object_mut().unwrap().remove(cleared_by_the_typed_client);
    }
    assert_eq!(written, read);
    let text = serde_json::to_string(&event(SERIES)).unwrap();
    assert!(text.contains(r#""source":{},"firstTimestamp":null,"lastTimestamp":null,"type":"Warning","eventTime":"2024-05-06T07:08:12.123456Z","series":{"count":3,"lastObservedTime":"2024-05-06T07:18:12.654321Z"},"action":"Scheduling","reportingComponent""#), "{text}");
}

#[test]
fn events_k8s_io_is_read_into_the_same_struct() {
    let event = event(LEGACY_THROUGH_EVENTS_K8S_IO);
    assert_eq!(event.involved_object.name, "a");
    assert_eq!(event.message, "Back-off");
    assert_eq!(event.count(), 4);
    assert_eq!(event.component(), "kubelet");
    assert_eq!(event.last_seen(), "2026-11-21T05:01:00Z".parse().unwrap());
}

#[test]
fn last_seen_follows_the_series_but_kube_eventer_does_not() {
    let event = event(SERIES);
    assert_eq!(event.last_seen(), "2024-05-06T07:18:12.654321Z".parse().unwrap());
    assert_eq!(event.kube_eventer_time(), "2024-05-06T07:08:12.123456Z".parse().unwrap());
    assert_eq!(event.count(), 3);
}

#[test]
fn a_timestamp_from_the_future_is_clamped_to_the_receipt() {
    let mut event = event(BACKOFF);
    event.last_timestamp = Some("2036-01-01T00:00:00Z".parse().unwrap());
    assert!(event.is_from_the_future());
    assert_eq!(event.last_seen(), event.received_at);
}

#[test]
fn an_event_without_a_time_of_receipt_is_as_old_as_it_says() {
    let read: Event = serde_json::from_str(BACKOFF).unwrap();
    assert_eq!(read.received_at, Timestamp::UNIX_EPOCH);
    assert!(!read.is_from_the_future());
    assert_eq!(Some(read.last_seen()), read.last_timestamp);
}

#[test]
fn nulls_are_zero_values_as_in_go() {
    let json = r#"{"metadata":null,"reason":null,"message":null,"source":null,"count":null,"type":null,"labels":null}"#;
    let read = event(json);
    assert!(read.event_type.is_empty());
    assert_eq!(read.count(), 1);
}

#[test]
fn the_cluster_is_written_only_when_it_has_a_name() {
    let mut named = event(BACKOFF);
    assert!(!serde_json::to_string(&named).unwrap().contains(r#""cluster""#));
    named.cluster = Some("prod-eu".into());
    let json = serde_json::to_string(&named).unwrap();
    assert!(json.ends_with(r#""cluster":"prod-eu"}"#), "{json}");
    assert_eq!(event(&json).cluster.as_deref(), Some("prod-eu"));
}

#[test]
fn gos_zero_time_is_none() {
    let event: Event = serde_json::from_str(
        r#"{"firstTimestamp":"0001-01-01T00:00:00Z","lastTimestamp":"0001-01-01T00:00:00Z","eventTime":"2024-05-06T07:08:09.000001Z",
            "metadata":{"creationTimestamp":"0001-01-01T00:00:00Z"},"series":{"lastObservedTime":"0001-01-01T00:00:00.000000Z"}}"#,
    )
    .unwrap();
    assert_eq!(
        (event.first_timestamp, event.last_timestamp, event.metadata.creation_timestamp),
        (None, None, None)
    );
    assert_eq!(event.series.as_ref().unwrap().last_observed_time, None);
    assert_eq!(event.kube_eventer_time().to_string(), "2024-05-06T07:08:09.000001Z");
    assert!(serde_json::to_string(&event).unwrap().contains(r#""lastTimestamp":null"#));
}
