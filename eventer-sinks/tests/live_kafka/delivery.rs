//! What a consumer finds in the topic.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use eventer_core::event::Event;
use eventer_core::testing::{FakeSource, batch, event};
use eventer_core::{EventBatch, ExportErrorKind, report};
use eventer_testkit::events;
use eventer_testkit::live::kafka::{Codec, Listener, Record};
use serde_json::Value;

use crate::{deliver, open, pipeline, shared_broker, soon, uri};

/// The numbers of the events in records of `format=event`, sorted.
fn numbers<'a>(records: impl IntoIterator<Item = &'a Record>) -> Vec<usize> {
    let mut numbers: Vec<_> = records.into_iter().map(number).collect();
    numbers.sort_unstable();
    numbers
}

/// The number of the event in a record of `format=event`.
pub(crate) fn number(record: &Record) -> usize {
    let json = record.json();
    json["message"].as_str().unwrap().strip_prefix("event ").unwrap().parse().unwrap()
}

/// A warning about a pod.
fn golden() -> EventBatch {
    let event: Event = serde_json::from_str(events::golden_input(2)).unwrap();
    batch([]).with_events(vec![Arc::new(event)])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_has_the_objects_uid_for_a_key_and_says_in_headers_what_it_is() {
    let broker = shared_broker().await;
    let options = [("topic", "golden"), ("format", "event")];
    let sink = open(&uri(&broker, Listener::Plaintext, &options)).await;
    deliver(&*sink, &golden()).await.unwrap();
    soon(sink.stop()).await;
    let records = broker.records("golden").await;
    let [record] = &records[..] else { panic!("{records:?}") };
    let golden: Value = serde_json::from_str(events::golden_input(2)).unwrap();
    assert_eq!(record.key(), golden["involvedObject"]["uid"]);
    assert_eq!(record.json()["message"], golden["message"]);
    let time: jiff::Timestamp = golden["lastTimestamp"].as_str().unwrap().parse().unwrap();
    assert_eq!(record.timestamp, Some(time.as_millisecond()));
    for (header, value) in [
        ("type", &golden["type"]),
        ("reason", &golden["reason"]),
        ("kind", &golden["involvedObject"]["kind"]),
        ("namespace", &golden["involvedObject"]["namespace"]),
    ] {
        assert_eq!(record.header(header), value.as_str(), "{header} of {:?}", record.headers);
    }
    assert!(
        record.headers.iter().all(|(name, _)| name != "cluster"),
        "an event without a cluster names none"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kube_eventer_was_given_still_works() {
    let broker = shared_broker().await;
    let options = [("eventstopic", "k8s-events"), ("compression", "lz4"), ("insecuressl", "false")];
    let sink = open(&uri(&broker, Listener::Plaintext, &options)).await;
    deliver(&*sink, &golden()).await.unwrap();
    soon(sink.stop()).await;
    let records = broker.records("k8s-events").await;
    let json = records[0].json();
    assert!(json["EventValue"].as_str().unwrap().contains("Back-off"), "{json}");
    assert!(json["EventTags"]["eventID"].is_string(), "{json}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_compression_is_used_by_an_idempotent_producer() {
    let broker = shared_broker().await;
    for (name, codec) in [
        ("none", Codec::None),
        ("gzip", Codec::Gzip),
        ("snappy", Codec::Snappy),
        ("lz4", Codec::Lz4),
        ("zstd", Codec::Zstd),
    ] {
        let options = [("topic", name), ("compression", name), ("format", "event"), ("acks", "all")];
        let sink = open(&uri(&broker, Listener::Plaintext, &options)).await;
        deliver(&*sink, &batch(0..500)).await.unwrap();
        soon(sink.stop()).await;
        assert_eq!(numbers(&broker.records(name).await), Vec::from_iter(0..500), "{name}");
        let batches = broker.stored_batches(name);
        // A batch that would not become smaller is sent as it is.
        let large = batches.iter().filter(|batch| batch.records > 10);
        assert_eq!(BTreeSet::from_iter(large.map(|batch| batch.codec)), BTreeSet::from([codec]));
        assert!(batches.iter().all(|batch| batch.producer_id >= 0), "{batches:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_one_object_keep_their_order_in_one_partition() {
    let broker = shared_broker().await;
    let options = [("topic", "ordered"), ("format", "event"), ("linger", "0ms")];
    let sink = open(&uri(&broker, Listener::Plaintext, &options)).await;
    for begin in (0..3000).step_by(100) {
        deliver(&*sink, &batch(begin..begin + 100)).await.unwrap();
    }
    soon(sink.stop()).await;
    let records = broker.records("ordered").await;
    assert_eq!(numbers(&records), Vec::from_iter(0..3000));
    let mut of_object: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
    for record in &records {
        of_object.entry(record.key()).or_default().push(record);
    }
    assert_eq!(of_object.len(), 7);
    for (object, records) in of_object {
        assert!(records.windows(2).all(|pair| pair[0].partition == pair[1].partition), "{object}");
        assert!(records.windows(2).all(|pair| number(pair[0]) < number(pair[1])), "{object}");
    }
    let partitions = BTreeSet::from_iter(records.iter().map(|record| record.partition));
    assert!(partitions.len() > 1, "the objects spread over partitions");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_topic_can_depend_on_the_event() {
    let broker = shared_broker().await;
    let options = [("topic", "by-{{ .InvolvedObject.UID }}"), ("format", "event")];
    let sink = open(&uri(&broker, Listener::Plaintext, &options)).await;
    deliver(&*sink, &batch(0..70)).await.unwrap();
    soon(sink.stop()).await;
    for object in 0..7 {
        let records = broker.records(&format!("by-pod-{object}")).await;
        assert_eq!(numbers(&records), Vec::from_iter((object..70).step_by(7)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_kafka_would_not_take_rejects_that_event_alone() {
    let broker = shared_broker().await;
    let options = [("topic", "says-{{ .Reason }}"), ("format", "event")];
    let sink = open(&uri(&broker, Listener::Plaintext, &options)).await;
    let reasons = ["Started", "Not/a topic", "Killing"];
    let events =
        reasons.iter().enumerate().map(|(n, reason)| Event { reason: (*reason).to_owned(), ..event(n) });
    let error = deliver(&*sink, &batch([]).with_events(events.map(Arc::new).collect())).await.unwrap_err();
    assert_eq!(error.rejections().iter().map(|rejection| rejection.index).collect::<Vec<_>>(), [1]);
    assert!(error.unsent().is_empty());
    soon(sink.stop()).await;
    assert_eq!((broker.count("says-Started").await, broker.count("says-Killing").await), (1, 1));
}

/// An event that no broker takes, among others.
fn with_a_large_one(events: usize) -> EventBatch {
    let mut events: Vec<_> = (0..events).map(event).collect();
    events[1].message = "x".repeat(2_000_000);
    batch([]).with_events(events.into_iter().map(Arc::new).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_too_large_is_rejected_alone() {
    let broker = shared_broker().await;
    let options = [("topic", "too-large"), ("format", "event")];
    let sink = open(&uri(&broker, Listener::Plaintext, &options)).await;
    let error = soon(sink.export_events(&with_a_large_one(3))).await.unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::Rejected, "{}", report(&error));
    let rejected: Vec<_> = error.rejections().iter().map(|rejection| rejection.index).collect();
    assert_eq!((rejected, error.unsent()), (vec![1], &[][..]), "{}", report(&error));
    soon(sink.stop()).await;
    assert_eq!(numbers(&broker.records("too-large").await), [0, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_too_large_for_the_brokers_costs_no_other_event() {
    let broker = shared_broker().await;
    // The brokers' limit is 1 MiB.
    let options = [("topic", "larger"), ("format", "event"), ("kafka.message.max.bytes", "4000000")];
    let source = FakeSource::ending("fake", [with_a_large_one(50), batch(50..60)]);
    let pipeline = pipeline(&uri(&broker, Listener::Plaintext, &options)).source(source).build().unwrap();
    let summary = soon(pipeline.run()).await.unwrap();
    let sink = &summary.sinks[0];
    assert_eq!((sink.exported, sink.rejected, sink.dropped, sink.undelivered), (59, 1, 0, 0));
    let others = (0..60).filter(|number| *number != 1);
    assert_eq!(numbers(&broker.records("larger").await), Vec::from_iter(others));
}
