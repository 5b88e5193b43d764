//! Whole pipelines in virtual time.

use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::batch::{EventBatch, Intake};
use crate::error::ExportError;
use crate::metrics::Metrics;
use crate::policy::Policy;
use crate::testing::{Answer, FakeSource, ScriptedSink, batch};
use crate::time::SystemClock;
use crate::uri::{ByteSize, OptionValue, Rate};

const EVENTS: usize = 1000;

fn batches(count: usize) -> Vec<EventBatch> {
    (0..count).map(|k| batch(k * EVENTS..(k + 1) * EVENTS)).collect()
}

fn messages(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("event {n}")).collect()
}

fn unavailable() -> Answer {
    Answer::Err(ExportError::unavailable("500"))
}

fn summary_of<'a>(summary: &'a Summary, name: &str) -> &'a SinkSummary {
    summary.sinks.iter().find(|sink| *sink.name == *name).unwrap()
}

#[tokio::test(start_paused = true)]
async fn when_its_sources_end_it_delivers_everything_and_ends() {
    let sink = ScriptedSink::default();
    let pipeline = Pipeline::builder()
        .source(FakeSource::ending("replay", batches(3)))
        .sink("audit", sink.clone(), Policy::default())
        .build()
        .unwrap();
    let summary = pipeline.run().await.unwrap();
    assert_eq!(summary.end, End::SourcesEnded);
    assert!(summary.is_complete() && sink.is_stopped());
    assert_eq!(sink.delivered(), messages(3 * EVENTS));
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_hangs_and_one_that_fails_delay_a_third_by_no_tick() {
    let healthy = ScriptedSink::default();
    let pipeline = Pipeline::builder()
        .source(FakeSource::ending("flood", batches(50)))
        .sink("hangs", ScriptedSink::always(|| Answer::Hang), Policy::default())
        .sink("fails", ScriptedSink::always(unavailable), Policy::default())
        .sink("healthy", healthy.clone(), Policy::default())
        .journal_size(ByteSize(4 << 20))
        .build()
        .unwrap();
    let begin = Instant::now();
    let run = tokio::spawn(pipeline.run());
    healthy.wait_for(50 * EVENTS).await;
    assert!(begin.elapsed() <= PipelineBuilder::DEFAULT_FREQUENCY, "{:?}", begin.elapsed());
    let summary = run.await.unwrap().unwrap();
    assert!(!summary.is_complete());
    for name in ["hangs", "fails"] {
        let sink = summary_of(&summary, name);
        assert_eq!(
            sink.dropped + sink.undelivered,
            50 * EVENTS as u64,
            "each event of {name} is accounted for"
        );
        assert!(sink.dropped > 0);
    }
    assert_eq!(summary_of(&summary, "healthy").exported, 50 * EVENTS as u64);
}

#[tokio::test(start_paused = true)]
async fn a_long_list_into_a_slow_sink_loses_nothing_and_stays_small() {
    let pages = batches(200).into_iter().map(|page| page.with_intake(Intake::Rereadable));
    let slow = ScriptedSink::default();
    let policy = Policy { rate: Rate::parse_option("1/s").ok(), ..Policy::default() };
    let pipeline = Pipeline::builder()
        .source(FakeSource::ending("list", pages))
        .sink("slow", slow.clone(), policy)
        .sink("fast", ScriptedSink::default(), Policy::default())
        .journal_size(ByteSize(4 << 20))
        .build()
        .unwrap();
    let journal = pipeline.manager.journal().clone();
    let run = tokio::spawn(pipeline.run());
    for delivered in (EVENTS..=200 * EVENTS).step_by(10 * EVENTS) {
        slow.wait_for(delivered).await;
        assert!(journal.resident_bytes() <= 4 << 20);
    }
    let summary = run.await.unwrap().unwrap();
    assert!(summary.is_complete(), "{summary:?}");
    assert_eq!(slow.delivered(), messages(200 * EVENTS));
}

#[tokio::test(start_paused = true)]
async fn asked_to_stop_it_delivers_what_waits() {
    let sink = ScriptedSink::answering([unavailable(), unavailable()]);
    let pipeline = Pipeline::builder()
        .source(FakeSource::lasting("watch", batches(2)))
        .sink("audit", sink.clone(), Policy::default())
        .shutdown(sleep(Duration::from_millis(10)))
        .build()
        .unwrap();
    let begin = Instant::now();
    let summary = pipeline.run().await.unwrap();
    assert_eq!(summary.end, End::Shutdown);
    assert!(summary.is_complete() && sink.is_stopped());
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn when_the_time_to_stop_is_up_what_is_left_is_counted() {
    let registry = prometheus::Registry::new();
    let pipeline = Pipeline::builder()
        .metrics(Metrics::new(&registry, std::sync::Arc::new(SystemClock)).unwrap())
        .source(FakeSource::lasting("watch", batches(2)))
        .sink("hangs", ScriptedSink::always(|| Answer::Hang), Policy::default())
        .shutdown(sleep(Duration::from_secs(1)))
        .stop_timeout(Duration::from_secs(7))
        .build()
        .unwrap();
    let begin = Instant::now();
    let summary = pipeline.run().await.unwrap();
    assert!((8..=9).contains(&begin.elapsed().as_secs()), "{:?}", begin.elapsed());
    assert_eq!(summary_of(&summary, "hangs").undelivered, 2 * EVENTS as u64);
    let metrics = prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
    assert!(
        metrics.contains(r#"eventer_events_dropped_total{reason="stopped",sink="hangs"} 2000"#),
        "{metrics}"
    );
}

#[tokio::test(start_paused = true)]
async fn at_the_end_of_its_sources_it_waits_while_a_sink_makes_progress() {
    let slow = ScriptedSink::default();
    let policy = Policy { rate: Rate::parse_option("1/m").ok(), ..Policy::default() };
    let pipeline = Pipeline::builder()
        .source(FakeSource::ending("replay", batches(5)))
        .sink("slow", slow, policy)
        .build()
        .unwrap();
    let begin = Instant::now();
    assert!(pipeline.run().await.unwrap().is_complete());
    assert!(begin.elapsed() >= Duration::from_secs(240));
}

#[tokio::test(start_paused = true)]
async fn a_bug_in_a_sink_costs_no_event() {
    let sink = ScriptedSink::answering([Answer::Ok, Answer::Panic]);
    let pipeline = Pipeline::builder()
        .source(FakeSource::ending("replay", batches(3)))
        .sink("buggy", sink.clone(), Policy::default())
        .build()
        .unwrap();
    assert!(pipeline.run().await.unwrap().is_complete());
    assert_eq!(sink.delivered(), messages(3 * EVENTS));
}

#[tokio::test(start_paused = true)]
async fn more_exports_at_a_time_keep_the_order_of_each_object() {
    let sink = ScriptedSink::answering([unavailable(), Answer::Ok, unavailable()]);
    let policy = Policy { concurrency: 4.try_into().unwrap(), ..Policy::default() };
    let pipeline = Pipeline::builder()
        .source(FakeSource::ending("replay", batches(2)))
        .sink("lanes", sink.clone(), policy)
        .build()
        .unwrap();
    assert!(pipeline.run().await.unwrap().is_complete());
    let delivered = sink.delivered();
    assert_eq!(delivered.len(), 2 * EVENTS);
    let mut last = [None; 7];
    for message in delivered {
        let n: usize = message.trim_start_matches("event ").parse().unwrap();
        // The numbered events share seven objects.
        assert!(last[n % 7] < Some(n), "event {n} overtook one of its object");
        last[n % 7] = Some(n);
    }
}

#[tokio::test(start_paused = true)]
async fn two_pipelines_run_side_by_side() {
    let pipeline = |sink: &ScriptedSink| {
        Pipeline::builder()
            .source(FakeSource::ending("replay", batches(2)))
            .sink("audit", sink.clone(), Policy::default())
            .event_metrics(true)
            .build()
            .unwrap()
    };
    let (one, two) = (ScriptedSink::default(), ScriptedSink::default());
    let (first, second) = tokio::join!(pipeline(&one).run(), pipeline(&two).run());
    assert!(first.unwrap().is_complete() && second.unwrap().is_complete());
    assert_eq!(one.delivered(), two.delivered());
}

#[test]
fn names_are_shared_out_and_none_twice() {
    let shared = names([("webhook", None), ("webhook", None), ("log", Some("audit"))].into_iter()).unwrap();
    assert_eq!(shared.iter().map(|name| &**name).collect::<Vec<_>>(), ["webhook", "webhook-2", "audit"]);
    assert!(names([("webhook", Some("a")), ("log", Some("a"))].into_iter()).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_source_that_never_runs_dry_does_not_keep_it_from_stopping() {
    let sink = ScriptedSink::default();
    let asked = {
        let sink = sink.clone();
        async move { sink.wait_for(10 * EVENTS).await }
    };
    let pipeline = Pipeline::builder()
        .source(FakeSource::lasting("flood", batches(200)))
        .sink("audit", sink.clone(), Policy::default())
        .shutdown(asked)
        .build()
        .unwrap();
    let summary = pipeline.run().await.unwrap();
    assert_eq!(summary.end, End::Shutdown);
    assert!(summary.is_complete());
    assert!(sink.delivered().len() < 50 * EVENTS, "{}", sink.delivered().len());
}
