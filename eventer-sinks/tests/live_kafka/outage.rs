//! Brokers that are down: nothing is lost, and nothing comes twice.

use std::sync::Arc;
use std::time::Duration;

use eventer_core::testing::{FakeSource, batch};
use eventer_core::{
    EventBatch, EventSource, ExportErrorKind, SinkContext, SourceError, SourceStatus, async_trait, report,
};
use eventer_testkit::live::kafka::{KafkaBroker, Listener, Record};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::delivery::number;
use crate::{open, pipeline, plan, shared_broker, soon, uri};

/// A source that hands out what is sent to it, and ends when nothing can come any more.
struct Feed {
    batches: mpsc::Receiver<EventBatch>,
    next: Option<EventBatch>,
}

#[async_trait]
impl EventSource for Feed {
    fn name(&self) -> &str {
        "feed"
    }

    async fn ready(&mut self) {
        if self.next.is_none() {
            self.next = self.batches.recv().await;
        }
    }

    async fn get_new_events(&mut self) -> Result<Option<EventBatch>, SourceError> {
        let is_over = self.batches.is_closed() && self.batches.is_empty();
        Ok(self.next.take().or_else(|| (!is_over).then(|| batch([]))))
    }

    fn status(&self) -> SourceStatus {
        SourceStatus { is_fresh: true, ..SourceStatus::default() }
    }
}

/// Asserts that each event below `end` is there once, and those of each object in their order.
fn assert_each_once_and_in_order(records: &[Record], end: usize) {
    let mut numbers: Vec<_> = records.iter().map(number).collect();
    for object in 0..7 {
        let of_object: Vec<_> = numbers.iter().filter(|number| *number % 7 == object).collect();
        assert!(of_object.is_sorted(), "the events of pod-{object} came out of order");
    }
    numbers.sort_unstable();
    let twice = numbers.windows(2).filter(|pair| pair[0] == pair[1]).count();
    let lost = (0..end).filter(|number| numbers.binary_search(number).is_err()).count();
    assert_eq!((lost, twice, numbers.len()), (0, 0, end), "(lost, twice, all)");
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_that_start_later_get_what_waited() {
    let mut broker = KafkaBroker::prepare().await;
    let options = [
        ("topic", "late"),
        ("format", "event"),
        ("timeout", "500ms"),
        ("min_backoff", "50ms"),
        ("max_backoff", "200ms"),
    ];
    let uri = uri(&broker, Listener::Plaintext, &options);
    let sink = open(&uri).await;
    let error = soon(sink.check_health()).await.unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::Unavailable, "{}", report(&error));
    soon(sink.stop()).await;

    let source = FakeSource::ending("fake", (0..5).map(|n| batch(n * 100..n * 100 + 100)));
    let pipeline = tokio::spawn(pipeline(&uri).source(source).build().unwrap().run());
    // Longer than several attempts.
    broker.restart().await;
    let summary = soon(pipeline).await.unwrap().unwrap();
    assert!(summary.is_complete(), "{summary:?}");
    assert_each_once_and_in_order(&broker.records("late").await, 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_that_end_before_their_deliveries_repeat_nothing() {
    let broker = shared_broker().await;
    // Nothing is sent before several attempts are over.
    let options = [("topic", "impatient"), ("format", "event"), ("linger", "900ms")];
    let sink = open(&uri(&broker, Listener::Plaintext, &options)).await;
    for begin in [0, 300] {
        let batch = batch(begin..begin + 300);
        let mut attempts = 1;
        soon(async {
            while timeout(Duration::from_millis(100), sink.export_events(&batch)).await.is_err() {
                attempts += 1;
            }
        })
        .await;
        assert!(attempts > 2, "the attempts were over at once");
    }
    soon(sink.stop()).await;
    assert_each_once_and_in_order(&broker.records("impatient").await, 600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_killed_under_load_gets_everything_once() {
    const KILLS: usize = 3;
    let mut broker = KafkaBroker::start().await;
    // Attempts end while their deliveries wait.
    let options = [
        ("topic", "killed"),
        ("format", "event"),
        ("compression", "lz4"),
        ("timeout", "300ms"),
        ("min_backoff", "20ms"),
        ("max_backoff", "100ms"),
        ("batch_events", "200"),
    ];
    let (feed, batches) = mpsc::channel(1);
    let source = Feed { batches, next: None };
    let pipeline = pipeline(&uri(&broker, Listener::Plaintext, &options)).source(source).build().unwrap();
    let running = tokio::spawn(pipeline.run());
    let (enough, mut is_enough) = oneshot::channel();
    let load = tokio::spawn(async move {
        let mut next = 0;
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        while is_enough.try_recv().is_err() {
            tick.tick().await;
            feed.send(batch(next..next + 20)).await.unwrap();
            next += 20;
        }
        next
    });
    for _ in 0..KILLS {
        let before = broker.count("killed").await;
        soon(async { while broker.count("killed").await < before + 500 {} }).await;
        broker.kill();
        broker.restart().await;
    }
    enough.send(()).unwrap();
    let sent = soon(load).await.unwrap();
    let summary = soon(running).await.unwrap().unwrap();
    assert!(summary.is_complete(), "{summary:?}");
    assert_each_once_and_in_order(&broker.records("killed").await, sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_does_not_wait_for_brokers_that_are_down() {
    let broker = KafkaBroker::prepare().await;
    let (stop, asked_to_stop) = oneshot::channel::<()>();
    let pipeline = pipeline(&uri(&broker, Listener::Plaintext, &[("timeout", "500ms")]))
        .source(FakeSource::lasting("fake", [batch(0..100)]))
        .stop_timeout(Duration::from_secs(1))
        .shutdown(async { drop(asked_to_stop.await) })
        .build()
        .unwrap();
    let running = tokio::spawn(pipeline.run());
    stop.send(()).unwrap();
    let summary = timeout(Duration::from_secs(10), running).await.unwrap().unwrap().unwrap();
    assert_eq!(summary.sinks[0].exported, 0, "{summary:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_whose_deliveries_wait_is_closed_soon() {
    let broker = KafkaBroker::prepare().await;
    let plan = plan(&uri(&broker, Listener::Plaintext, &[]));
    let sink = soon(plan.open(SinkContext::new("kafka"))).await.unwrap();
    let waiting: Arc<_> = sink.clone();
    let attempt = timeout(Duration::from_millis(200), waiting.export_events(&batch(0..100))).await;
    assert!(attempt.is_err_and(|_| true), "nobody took the events");
    drop(waiting);
    let closed = async {
        sink.stop().await;
        #[expect(
            clippy::disallowed_methods,
            reason = "whether it blocks is the question; the test bounds it"
        )]
        tokio::task::spawn_blocking(move || drop(sink)).await.unwrap();
    };
    timeout(Duration::from_secs(30), closed).await.expect("it does not wait for what cannot come");
}
