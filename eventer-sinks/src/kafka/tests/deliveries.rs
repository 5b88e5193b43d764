//! Deliveries: each event once, through faults, dropped attempts and restarts of the broker.

use std::sync::Arc;
use std::time::Duration;

use eventer_core::testing::batch;
use eventer_core::testing::conformance::{self, Destination, Fault, Subject};
use eventer_core::{
    ComponentUri, Event, EventSink as _, ExportErrorKind, SinkConfig as _, SinkContext, UriReader,
    async_trait, report,
};
use rdkafka::types::{RDKafkaApiKey as Api, RDKafkaRespErr as Error};
use tokio::time::timeout;

use super::cluster::{Cluster, Received};
use crate::kafka::{KafkaConfig, KafkaSink};

const TOPIC: &str = "heapster-events";

async fn open(cluster: &Cluster, options: &str) -> KafkaSink {
    open_uri(&format!("kafka:?brokers={}&format=event&{options}", cluster.brokers)).await
}

async fn open_uri(text: &str) -> KafkaSink {
    let uri = ComponentUri::parse("--sink", text, &()).unwrap();
    let mut reader = UriReader::new("--sink", &uri, &KafkaConfig::SPEC, &[]);
    let config = KafkaConfig::from_uri(&mut reader).unwrap();
    let errors = reader.finish();
    assert!(errors.is_empty(), "{errors:?}");
    config.build(&SinkContext::new("kafka")).await.unwrap()
}

/// The numbers of the events that have arrived, sorted.
fn numbers(received: &[Received]) -> Vec<usize> {
    let event = |record: &Received| -> Event { serde_json::from_str(&record.value).unwrap() };
    let mut numbers: Vec<usize> =
        received.iter().map(|record| event(record).metadata.resource_version.parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

#[tokio::test]
async fn a_record_arrives_as_it_was_made_and_an_object_keeps_its_partition() {
    let cluster = Cluster::start();
    let sink = open(&cluster, "").await;
    sink.export_events(&batch(0..21)).await.unwrap();
    let received = cluster.received(TOPIC);
    assert_eq!(numbers(&received), (0..21).collect::<Vec<_>>());
    for record in &received {
        let mates: Vec<_> = received.iter().filter(|other| other.key == record.key).collect();
        assert_eq!(mates.len(), 3);
        assert!(mates.iter().all(|mate| mate.partition == record.partition));
        assert!(mates.is_sorted_by_key(|mate| numbers(&[(*mate).clone()])), "the order is kept");
        assert!(record.headers.contains(&("reason".to_owned(), "BackOff".to_owned())));
    }
    // As Java's producer places it among four.
    let pod_3 = received.iter().find(|record| record.key == "pod-3").unwrap();
    assert_eq!(pod_3.partition, java_partition(b"pod-3", 4));
}

/// `Utils.toPositive(Utils.murmur2(key)) % partitions` of Kafka's Java client.
fn java_partition(key: &[u8], partitions: i32) -> i32 {
    const M: u32 = 0x5bd1_e995;
    let mut h = 0x9747_b28c_u32 ^ u32::try_from(key.len()).unwrap();
    let chunks = key.chunks_exact(4);
    let rest = chunks.remainder();
    for chunk in chunks {
        let mut k = u32::from_le_bytes(chunk.try_into().unwrap()).wrapping_mul(M);
        k ^= k >> 24;
        h = h.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    for (shift, byte) in rest.iter().enumerate().rev() {
        h ^= u32::from(*byte) << (8 * shift);
    }
    if !rest.is_empty() {
        h = h.wrapping_mul(M);
    }
    h ^= h >> 13;
    h = h.wrapping_mul(M);
    h ^= h >> 15;
    i32::try_from(h & 0x7fff_ffff).unwrap() % partitions
}

#[tokio::test]
async fn brokers_that_are_down_at_the_start_are_waited_for_and_nothing_is_sent_twice() {
    let cluster = Cluster::start();
    cluster.go_down();
    let sink = open(&cluster, "").await;
    let events = batch(0..5);
    let error = sink.export_events(&events).await.unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::Unavailable);
    assert!(!error.is_partial());
    let text = report(&error);
    assert!(text.contains("5 of 5 events wait for a broker: "), "{text}");
    assert!(text.contains(&cluster.brokers), "it says which broker, and why: {text}");
    assert!(sink.check_health().await.is_err());
    cluster.come_up();
    sink.export_events(&events).await.unwrap();
    assert_eq!(numbers(&cluster.received(TOPIC)), [0, 1, 2, 3, 4]);
    sink.check_health().await.unwrap();
    sink.stop().await;
}

#[tokio::test]
async fn an_attempt_that_is_dropped_is_taken_up_by_the_next_and_each_event_arrives_once() {
    let cluster = Cluster::start();
    let sink = open(&cluster, "").await;
    sink.export_events(&batch([1000])).await.unwrap();
    let events = batch(0..50);
    cluster.slow_down(Duration::from_secs(1));
    for _ in 0..3 {
        let attempt = timeout(Duration::from_millis(100), sink.export_events(&events)).await;
        assert!(attempt.is_err(), "nothing is answered before a second has passed");
    }
    // Other events, and the same anew from the journal.
    let again = batch(0..60);
    sink.export_events(&again).await.unwrap();
    let expected: Vec<_> = (0..60).chain([1000]).collect();
    assert_eq!(numbers(&cluster.received(TOPIC)), expected);
    // Once known, an event can come again.
    cluster.slow_down(Duration::ZERO);
    sink.export_events(&batch([0])).await.unwrap();
    assert_eq!(cluster.received(TOPIC).len(), 62);
}

#[tokio::test]
async fn what_passes_by_itself_is_mended_inside_the_attempt() {
    let cluster = Cluster::start();
    let sink = open(&cluster, "").await;
    let errors = vec![
        Error::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        Error::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        Error::RD_KAFKA_RESP_ERR__TRANSPORT,
        Error::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
    ];
    cluster.fail_next(Api::Produce, errors);
    sink.export_events(&batch(0..20)).await.unwrap();
    assert_eq!(numbers(&cluster.received(TOPIC)), (0..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_batch_that_a_broker_calls_too_large_is_rejected_as_a_whole_or_left_to_stand_alone() {
    let cluster = Cluster::start();
    let sink = open(&cluster, "").await;
    sink.export_events(&batch([9])).await.unwrap();
    cluster.fail_next(Api::Produce, vec![Error::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE; 10]);
    let error = sink.export_events(&batch(0..7)).await.unwrap_err();
    assert_eq!((error.kind(), error.is_partial()), (ExportErrorKind::Rejected, false));
    assert!(report(&error).contains("max.message.bytes"), "{}", report(&error));
    cluster.forgive(Api::Produce);

    // One partition's part is refused, those of the others are taken.
    cluster.fail_next(Api::Produce, vec![Error::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE]);
    let error = sink.export_events(&batch(0..7)).await.unwrap_err();
    assert_eq!((error.kind(), error.rejections().len()), (ExportErrorKind::Rejected, 0));
    let arrived = numbers(&cluster.received(TOPIC));
    let expected: Vec<usize> = (0..7).filter(|index| !error.unsent().contains(index)).chain([9]).collect();
    assert_eq!(arrived, expected);
    sink.export_events(&batch(error.unsent().iter().copied())).await.unwrap();
    assert_eq!(numbers(&cluster.received(TOPIC)), [0, 1, 2, 3, 4, 5, 6, 9]);
}

#[tokio::test]
async fn an_event_that_is_too_large_for_any_request_is_rejected_alone() {
    let cluster = Cluster::start();
    let sink = open(&cluster, "kafka.message.max.bytes=50000").await;
    let mut events: Vec<Arc<Event>> = batch(0..5).events().to_vec();
    Arc::make_mut(&mut events[2]).message = "x".repeat(60_000);
    let error = sink.export_events(&batch([]).with_events(events)).await.unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::Rejected);
    assert_eq!(
        (error.rejections()[0].index, error.rejections().len(), error.unsent()),
        (2, 1, [].as_slice())
    );
    assert!(error.rejections()[0].reason.contains("kafka.message.max.bytes"));
    assert_eq!(numbers(&cluster.received(TOPIC)), [0, 1, 3, 4]);
}

#[tokio::test]
async fn rights_that_are_missing_are_told_and_those_that_are_given_are_used() {
    let cluster = Cluster::start();
    let sink = open(&cluster, "").await;
    cluster.set_topic_error(TOPIC, Error::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    let error = sink.export_events(&batch(0..3)).await.unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::Unauthorized);
    assert!(report(&error).contains("write to topic \"heapster-events\""), "{}", report(&error));
    let health = sink.check_health().await.unwrap_err();
    assert_eq!(health.kind(), ExportErrorKind::Unauthorized);
    cluster.set_topic_error(TOPIC, Error::RD_KAFKA_RESP_ERR_NO_ERROR);
    sink.export_events(&batch(0..3)).await.unwrap();
    assert_eq!(numbers(&cluster.received(TOPIC)), [0, 1, 2]);
}

#[tokio::test]
async fn a_right_that_a_broker_denies_while_writing_is_told_too() {
    let cluster = Cluster::start();
    let sink = open(&cluster, "").await;
    sink.export_events(&batch([9])).await.unwrap();
    cluster.fail_next(Api::Produce, vec![Error::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED; 10]);
    let error = sink.export_events(&batch(0..3)).await.unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::Unauthorized);
    cluster.forgive(Api::Produce);
    sink.export_events(&batch(0..3)).await.unwrap();
    assert_eq!(numbers(&cluster.received(TOPIC)), [0, 1, 2, 9]);
}

#[tokio::test]
async fn a_topic_that_does_not_exist_is_told_and_used_as_soon_as_it_does() {
    let cluster = Cluster::start();
    let sink = open(&cluster, "kafka.topic.metadata.propagation.max.ms=100").await;
    cluster.set_topic_error(TOPIC, Error::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    for _ in 0..2 {
        let error = sink.export_events(&batch(0..3)).await.unwrap_err();
        assert_eq!((error.kind(), error.is_partial()), (ExportErrorKind::Unavailable, false));
        assert!(report(&error).contains("does not exist: create it"), "{}", report(&error));
    }
    cluster.set_topic_error(TOPIC, Error::RD_KAFKA_RESP_ERR_NO_ERROR);
    sink.export_events(&batch(0..3)).await.unwrap();
    assert_eq!(numbers(&cluster.received(TOPIC)), [0, 1, 2]);
}

#[tokio::test]
async fn a_client_that_cannot_go_on_is_replaced() {
    let cluster = Cluster::start();
    let sink = open(&cluster, "").await;
    cluster.fail_next(Api::InitProducerId, vec![Error::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED]);
    let error = sink.export_events(&batch(0..3)).await.unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::Unauthorized);
    let text = report(&error);
    assert!(text.contains("Cluster authorization failed") && text.contains("IdempotentWrite"), "{text}");
    assert!(sink.producer().await.unwrap().trouble().is_none(), "it is a new one");
    sink.export_events(&batch(0..3)).await.unwrap();
    assert_eq!(numbers(&cluster.received(TOPIC)), [0, 1, 2]);
}

#[tokio::test]
async fn a_secret_that_changes_is_taken_up_by_a_new_client_and_nothing_is_lost_or_repeated() {
    let cluster = Cluster::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "first").unwrap();
    let options = format!("security_protocol=plaintext&user=u&password_file={}", file.display());
    let plain = open(&cluster, &options).await;
    let before = plain.producer().await.unwrap();
    std::fs::write(&file, "second").unwrap();
    assert!(Arc::ptr_eq(&before, &plain.producer().await.unwrap()), "nobody logs in with it");

    let login = open(&cluster, &options.replace("=plaintext", "=sasl_plaintext")).await;
    let before = login.producer().await.unwrap();
    assert!(Arc::ptr_eq(&before, &login.producer().await.unwrap()));
    std::fs::write(&file, "third").unwrap();
    assert!(!Arc::ptr_eq(&before, &login.producer().await.unwrap()));
}

#[tokio::test]
async fn a_full_queue_is_waited_for() {
    let cluster = Cluster::start();
    let sink = open(&cluster, "kafka.queue.buffering.max.messages=10").await;
    sink.export_events(&batch(0..100)).await.unwrap();
    assert_eq!(numbers(&cluster.received(TOPIC)), (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_full_queue_of_brokers_that_are_down_ends_the_attempt_and_loses_nothing() {
    let cluster = Cluster::start();
    let sink = open(&cluster, "kafka.queue.buffering.max.messages=10").await;
    cluster.go_down();
    let error = sink.export_events(&batch(0..100)).await.unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::Unavailable);
    cluster.come_up();
    sink.export_events(&batch(0..100)).await.unwrap();
    assert_eq!(numbers(&cluster.received(TOPIC)), (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn dropping_the_sink_leaves_the_closing_to_the_clients_own_thread() {
    let cluster = Cluster::start();
    let sink = open(&cluster, "").await;
    cluster.go_down();
    let events = batch(0..3);
    let attempt = timeout(Duration::from_millis(50), sink.export_events(&events)).await;
    assert!(attempt.is_err());
    let deliveries = Arc::downgrade(sink.producer().await.unwrap().deliveries());
    drop(sink);
    // The thread is still at it when the drop is over, and comes to an end.
    assert!(deliveries.upgrade().is_some());
    let closed = async {
        while deliveries.upgrade().is_some() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(20), closed).await.unwrap();
}

#[tokio::test]
async fn an_event_that_cannot_be_laid_out_is_rejected_and_the_others_are_delivered() {
    let cluster = Cluster::start();
    let layout =
        r#"layout={"text": "{{ if eq .ResourceVersion `1` }}{{ fail `odd` }}{{ end }}{{ .Message }}"}"#;
    let sink = open_uri(&format!("kafka:?brokers={}&{layout}", cluster.brokers)).await;
    let error = sink.export_events(&batch(0..3)).await.unwrap_err();
    let rejected: Vec<usize> = error.rejections().iter().map(|rejection| rejection.index).collect();
    assert_eq!((error.kind(), &rejected[..], error.unsent()), (ExportErrorKind::Rejected, &[1][..], &[][..]));
    assert!(error.rejections()[0].reason.contains("layout.text: template, "), "{error:?}");
    assert_eq!(cluster.received(TOPIC).len(), 2);
}

/// A cluster as the kit wants it.
struct Kafka(Cluster);

#[async_trait]
impl Destination for Kafka {
    async fn received(&self) -> Vec<String> {
        self.0.received(TOPIC).into_iter().map(|record| record.value).collect()
    }

    fn misbehave(&self, fault: Option<Fault>) -> bool {
        const MANY: usize = 1000;
        let fail = |error| self.0.fail_next(Api::Produce, vec![error; MANY]);
        match fault {
            Some(Fault::Unavailable) => self.0.go_down(),
            Some(Fault::Unauthorized) => fail(Error::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED),
            Some(Fault::Rejecting) => fail(Error::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE),
            Some(Fault::Hanging) => self.0.slow_down(Duration::from_secs(8)),
            // Quotas of Kafka delay answers, and the mock speaks no nonsense.
            Some(Fault::RateLimited | Fault::Nonsense) => return false,
            None => {
                self.0.slow_down(Duration::ZERO);
                self.0.forgive(Api::Produce);
                self.0.come_up();
            }
        }
        true
    }
}

#[tokio::test]
async fn it_conforms() {
    let cluster = Kafka(Cluster::start());
    let secrets = ["password-secret", "key-password-secret", "property-secret"];
    // Between two faults the kit waits for nothing, so that a connection that broke has to be back at once. A client
    // that is new takes half a second until it knows its brokers, which is all that the kit would give an attempt.
    let options = "security_protocol=plaintext&user=u&password=password-secret&key_password=key-password-secret\
                   &kafka.client.rack=property-secret&kafka.reconnect.backoff.max.ms=200&timeout=4s";
    conformance::check(&Subject {
        register: |registry| _ = registry.register_sink::<KafkaConfig>(),
        uri: format!("kafka:?brokers={}&{options}", cluster.0.brokers),
        secrets: secrets.map(str::to_owned).into(),
        destination: &cluster,
        open: None,
    })
    .await;
}
