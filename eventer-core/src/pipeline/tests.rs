//! Whole pipelines in virtual time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::batch::{Checkpoint, EventBatch, Intake, Position};
use crate::error::{ExportError, SourceError};
use crate::event::Event;
use crate::filter::EventFilter;
use crate::metrics::Metrics;
use crate::policy::Policy;
use crate::registry::SinkPlan;
use crate::sink::BatchLimits;
use crate::source::{EventSource, SourceStatus};
use crate::testing::{Answer, FakeSource, ScriptedSink, VirtualClock, batch, event};
use crate::time::{Clock, SystemClock};
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

/// A source whose every answer is written by a test.
struct Odd<F> {
    take: F,
    committed: Arc<Mutex<Vec<Checkpoint>>>,
    is_always_ready: bool,
}

impl<F> Odd<F> {
    fn new(take: F) -> Self {
        Self { take, committed: Arc::default(), is_always_ready: false }
    }
}

#[async_trait]
impl<F, T> EventSource for Odd<F>
where
    F: FnMut() -> T + Send,
    T: Future<Output = Result<Option<EventBatch>, SourceError>> + Send,
{
    fn name(&self) -> &str {
        "odd"
    }

    async fn ready(&mut self) {
        if !self.is_always_ready {
            std::future::pending::<()>().await;
        }
    }

    async fn get_new_events(&mut self) -> Result<Option<EventBatch>, SourceError> {
        (self.take)().await
    }

    async fn committed(&mut self, checkpoint: &Checkpoint) {
        self.committed.lock().unwrap().push(checkpoint.clone());
    }

    fn status(&self) -> SourceStatus {
        SourceStatus::default()
    }
}

fn hangs() -> ScriptedSink {
    ScriptedSink::always(|| Answer::Hang)
}

#[tokio::test(start_paused = true)]
async fn a_source_that_hangs_does_not_keep_a_sink_from_its_stop() {
    let sink = ScriptedSink::default();
    let pipeline = Pipeline::builder()
        .source(Odd::new(std::future::pending))
        .sink("audit", sink.clone(), Policy::default())
        .shutdown(sleep(Duration::from_secs(70)))
        .build()
        .unwrap();
    let status = pipeline.status();
    let run = tokio::spawn(pipeline.run());
    sleep(Duration::from_secs(65)).await;
    assert!(!status.is_live(), "its loop stands still");
    run.await.unwrap().unwrap();
    assert!(sink.is_stopped());
}

#[tokio::test(start_paused = true)]
async fn a_list_that_waits_for_room_behind_a_hung_sink_does_not_keep_another_from_its_stop() {
    let healthy = ScriptedSink::default();
    let pages = batches(20).into_iter().map(|page| page.with_intake(Intake::Rereadable));
    let pipeline = Pipeline::builder()
        .source(FakeSource::ending("list", pages))
        .sink("hangs", hangs(), Policy::default())
        .sink("healthy", healthy.clone(), Policy::default())
        .journal_size(ByteSize(2 << 20))
        .shutdown(sleep(Duration::from_secs(120)))
        .build()
        .unwrap();
    let status = pipeline.status();
    let run = tokio::spawn(pipeline.run());
    sleep(Duration::from_secs(110)).await;
    assert!(status.is_live(), "to wait for room is no standstill");
    assert!(status.sources()[0].waiting_for_room.is_some_and(|wait| wait > Duration::from_secs(100)));
    let summary = run.await.unwrap().unwrap();
    assert!(healthy.is_stopped());
    // What was taken from the source and found no room is accounted for with the rest.
    let taken = summary_of(&summary, "healthy");
    let hung = summary_of(&summary, "hangs");
    assert_eq!(taken.exported + taken.undelivered, hung.undelivered + hung.dropped);
    assert!(taken.undelivered > 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_source_has_buffered_in_small_batches_is_taken_at_the_stop() {
    let sink = ScriptedSink::default();
    let mut left = (0..3).map(|k| batch(k * 10..k * 10 + 10)).collect::<Vec<_>>().into_iter();
    let begin = Instant::now();
    let source = Odd::new(move || {
        let has_time = begin.elapsed() >= Duration::from_millis(1500);
        std::future::ready(Ok(Some(if has_time { left.next() } else { None }.unwrap_or_else(|| batch([])))))
    });
    let pipeline = Pipeline::builder()
        .source(source)
        .sink("audit", sink.clone(), Policy::default())
        .frequency(Duration::from_secs(60))
        .shutdown(sleep(Duration::from_secs(2)))
        .build()
        .unwrap();
    assert!(pipeline.run().await.unwrap().is_complete());
    assert_eq!(sink.delivered(), messages(30));
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_is_committed_once_its_batch_is_in_the_journal() {
    let mut number = 0;
    let mut source = Odd::new(move || {
        number += 1;
        let position = Position { version: number.to_string(), at: Timestamp::UNIX_EPOCH };
        let checkpoint = Checkpoint([("all".to_owned(), position)].into());
        let next = batch((number - 1) * EVENTS..number * EVENTS).with_checkpoint(checkpoint);
        std::future::ready(Ok((number <= 4).then_some(next)))
    });
    source.is_always_ready = true;
    let committed = source.committed.clone();
    let pipeline = Pipeline::builder()
        .source(source)
        .sink("hangs", hangs(), Policy::default())
        .journal_size(ByteSize(1 << 20))
        .build()
        .unwrap();
    let _run = tokio::spawn(pipeline.run());
    sleep(Duration::from_secs(10)).await;
    // The first is held by the sink, the next fill the journal, and the last one waits.
    let versions: Vec<String> =
        committed.lock().unwrap().iter().map(|checkpoint| checkpoint.0["all"].version.clone()).collect();
    assert!(!versions.is_empty() && versions.len() < 4, "{versions:?}");
    assert_eq!(versions, (1..=versions.len()).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_source_in_trouble_or_ready_for_nothing_is_asked_once_a_tick() {
    for trouble in [true, false] {
        let asked = Arc::new(Mutex::new(0));
        let mut source = Odd::new({
            let asked = asked.clone();
            move || {
                *asked.lock().unwrap() += 1;
                let error = || SourceError::new("read", "no");
                std::future::ready(if trouble { Err(error()) } else { Ok(Some(batch([]))) })
            }
        });
        source.is_always_ready = true;
        let pipeline =
            Pipeline::builder().source(source).shutdown(sleep(Duration::from_secs(60))).build().unwrap();
        pipeline.run().await.unwrap();
        let asked = *asked.lock().unwrap();
        assert!((50..=130).contains(&asked), "{asked}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_panics_is_an_error() {
    let source = Odd::new(|| -> std::future::Ready<_> { panic!("a bug, as the test says") });
    let pipeline = Pipeline::builder().source(source).build().unwrap();
    assert!(pipeline.run().await.is_err());
}

/// A sink that cannot be opened, or only after ever.
fn unopenable(hangs: bool) -> SinkPlan {
    SinkPlan::opening("late", Policy::default(), move || async move {
        if hangs {
            std::future::pending::<()>().await;
        }
        Err(BuildError::new("open it", "no"))
    })
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_cannot_be_opened_ends_a_strict_run_only() {
    let build = |is_strict| {
        let builder =
            Pipeline::builder().source(FakeSource::lasting("watch", [])).sink_plan(unopenable(false));
        builder.strict(is_strict).shutdown(sleep(Duration::from_secs(100))).build().unwrap()
    };
    assert!(build(true).run().await.is_err());
    let pipeline = build(false);
    let status = pipeline.status();
    let begin = Instant::now();
    let run = tokio::spawn(pipeline.run());
    sleep(Duration::from_secs(50)).await;
    let sink = &status.sinks()[0];
    assert!(
        !sink.is_open && sink.last_error.as_ref().is_some_and(|error| error.contains("could not open it"))
    );
    run.await.unwrap().unwrap();
    // Nothing waits for it, so that it costs the stop no time.
    assert!(begin.elapsed() <= Duration::from_secs(101), "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_wish_to_stop_is_heard_while_a_sink_opens() {
    let pipeline = Pipeline::builder()
        .source(FakeSource::lasting("watch", []))
        .sink_plan(unopenable(true))
        .strict(true)
        .shutdown(sleep(Duration::from_secs(3)))
        .build()
        .unwrap();
    let begin = Instant::now();
    assert_eq!(pipeline.run().await.unwrap().end, End::Shutdown);
    assert!(begin.elapsed() <= Duration::from_secs(5), "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn when_all_destinations_are_gone_it_ends() {
    let gone = || ScriptedSink::always(|| Answer::Err(ExportError::gone("broken pipe")));
    let pipeline = Pipeline::builder()
        .source(FakeSource::lasting("watch", batches(1)))
        .sink("one", gone(), Policy::default())
        .sink("two", gone(), Policy { concurrency: 3.try_into().unwrap(), ..Policy::default() })
        .build()
        .unwrap();
    let summary = pipeline.run().await.unwrap();
    assert_eq!(summary.end, End::SinksGone);
    assert!(summary.sinks.iter().all(|sink| sink.dropped == EVENTS as u64), "{summary:?}");
}

#[tokio::test(start_paused = true)]
async fn progress_within_a_portion_is_no_standstill() {
    // Of ten events, one is taken at a time, and the next only after 15 seconds.
    let bulk = ScriptedSink::answering((1..10).rev().map(|left| {
        let error = ExportError::unavailable("bulk").with_unsent((0..left).collect::<Vec<_>>());
        Answer::Err(error.with_retry_after(Some(Duration::from_secs(15))))
    }));
    let pipeline = Pipeline::builder()
        .source(FakeSource::ending("replay", [batch(0..10)]))
        .sink("bulk", bulk, Policy::default())
        .build()
        .unwrap();
    let summary = pipeline.run().await.unwrap();
    assert_eq!((summary_of(&summary, "bulk").exported, summary.is_complete()), (10, true));
}

#[tokio::test(start_paused = true)]
async fn each_event_of_a_stopped_sink_is_counted_once() {
    let unwanted = regex::Regex::new("9$").unwrap();
    for lanes in [1, 4] {
        let mut answers: Vec<Answer> = (0..300).map(|_| Answer::Ok).collect();
        answers.extend((0..10).map(|_| Answer::Hang));
        let policy = Policy {
            concurrency: lanes.try_into().unwrap(),
            batch: BatchLimits { events: 1000.try_into().unwrap(), bytes: 1 },
            filter: EventFilter { exclude_message: vec![unwanted.clone()], ..Default::default() },
            ..Policy::default()
        };
        let pipeline = Pipeline::builder()
            .source(FakeSource::lasting("watch", batches(1)))
            .sink("audit", ScriptedSink::answering(answers), policy)
            .shutdown(sleep(Duration::from_secs(1)))
            .stop_timeout(Duration::from_secs(5))
            .build()
            .unwrap();
        let summary = pipeline.run().await.unwrap();
        let sink = summary_of(&summary, "audit");
        assert_eq!((sink.exported, sink.undelivered), (300, 900 - 300), "{lanes} lanes");
    }
}

#[tokio::test(start_paused = true)]
async fn asked_to_stop_after_the_end_of_its_sources_it_stops() {
    let policy = Policy { rate: Rate::parse_option("1/m").ok(), ..Policy::default() };
    let pipeline = Pipeline::builder()
        .source(FakeSource::ending("replay", batches(5)))
        .sink("slow", ScriptedSink::default(), policy)
        .shutdown(sleep(Duration::from_secs(5)))
        .build()
        .unwrap();
    let begin = Instant::now();
    pipeline.run().await.unwrap();
    assert_eq!(begin.elapsed().as_secs(), 5 + 20);
}

#[test]
fn a_frequency_of_zero_is_refused() {
    assert!(Pipeline::builder().frequency(Duration::ZERO).build().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_source_that_was_emptied_is_not_kept_waiting_for_the_tick() {
    let mut number = 0;
    let mut source = Odd::new(move || {
        number += 1;
        let full = batch(number / 2 * EVENTS..(number / 2 + 1) * EVENTS);
        // A full batch, nothing, a full batch, nothing.
        let next = if number % 2 == 0 { full } else { batch([]) };
        std::future::ready(Ok((number <= 20).then_some(next)))
    });
    source.is_always_ready = true;
    let pipeline = Pipeline::builder().source(source).frequency(Duration::from_secs(60)).build().unwrap();
    let begin = Instant::now();
    pipeline.run().await.unwrap();
    assert!(begin.elapsed() <= Duration::from_secs(60), "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_source_that_ends_in_trouble_was_not_read_to_its_end() {
    let mut answers = vec![Ok(None), Err(SourceError::new("read", "cut off")), Ok(Some(batch(0..10)))];
    let source = Odd::new(move || std::future::ready(answers.pop().unwrap()));
    let sink = ScriptedSink::default();
    let pipeline = Pipeline::builder().source(source).sink("audit", sink, Policy::default()).build().unwrap();
    let summary = pipeline.run().await.unwrap();
    assert_eq!((summary_of(&summary, "audit").exported, summary.is_complete()), (10, false));
    assert_eq!(summary.broken_off, ["odd".into()]);
}

#[tokio::test(start_paused = true)]
async fn a_portion_that_ends_part_way_is_counted_event_by_event() {
    let partial = ExportError::unavailable("bulk").with_unsent(0..4).with_rejected(9, "too large");
    let sink = ScriptedSink::answering([Answer::Err(partial), Answer::Hang]);
    let pipeline = Pipeline::builder()
        .source(FakeSource::lasting("watch", [batch(0..10)]))
        .sink("bulk", sink, Policy::default())
        .stop_timeout(Duration::from_secs(5))
        .shutdown(sleep(Duration::from_secs(3)))
        .build()
        .unwrap();
    let summary = pipeline.run().await.unwrap();
    let sink = summary_of(&summary, "bulk");
    assert_eq!((sink.exported, sink.rejected, sink.undelivered), (5, 1, 4));
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_was_never_reached_by_the_opening_is_accounted_for() {
    let late = ScriptedSink::default();
    let pipeline = Pipeline::builder()
        .source(FakeSource::lasting("watch", [batch(0..10)]))
        .sink_plan(unopenable(true))
        .sink("behind", late.clone(), Policy::default())
        .strict(true)
        .shutdown(sleep(Duration::from_secs(3)))
        .build()
        .unwrap();
    let summary = pipeline.run().await.unwrap();
    assert_eq!(summary_of(&summary, "late").undelivered, 10);
    assert_eq!(summary_of(&summary, "behind").exported, 10);
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_always_panics_counts_as_dead() {
    let healthy = ScriptedSink::default();
    let pages = batches(30).into_iter().map(|page| page.with_intake(Intake::Rereadable));
    let pipeline = Pipeline::builder()
        .source(FakeSource::ending("list", pages))
        .sink("buggy", ScriptedSink::always(|| Answer::Panic), Policy::default())
        .sink("healthy", healthy.clone(), Policy::default())
        .journal_size(ByteSize(2 << 20))
        .build()
        .unwrap();
    let run = tokio::spawn(pipeline.run());
    timeout(Duration::from_secs(1000), healthy.wait_for(30 * EVENTS)).await.unwrap();
    run.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_is_not_undelivered_too() {
    let clock: Arc<dyn Clock> = Arc::new(VirtualClock::starting_at(Timestamp::from_second(1000).unwrap()));
    let received = |n: usize, second| {
        let received_at = Timestamp::from_second(second).unwrap();
        Arc::new(Event { received_at, ..event(n) })
    };
    let events = (0..10).map(|n| received(n, if n < 5 { 1 } else { 1000 })).collect();
    let policy = Policy { max_age: Some(Duration::from_secs(60)), ..Policy::default() };
    let pipeline = Pipeline::builder()
        .clock(clock)
        .source(FakeSource::lasting("watch", [batch([]).with_events(events)]))
        .sink("hangs", hangs(), policy)
        .shutdown(sleep(Duration::from_secs(3)))
        .stop_timeout(Duration::from_secs(5))
        .build()
        .unwrap();
    let summary = pipeline.run().await.unwrap();
    let sink = summary_of(&summary, "hangs");
    assert_eq!((sink.exported, sink.dropped, sink.undelivered), (0, 5, 5));
}

#[tokio::test(start_paused = true)]
async fn a_position_behind_a_batch_that_found_no_room_is_not_committed() {
    let at = |version: usize| {
        let position = Position { version: version.to_string(), at: Timestamp::UNIX_EPOCH };
        Checkpoint([("all".to_owned(), position)].into())
    };
    let mut number = 0;
    let mut source = Odd::new(move || {
        number += 1;
        // After four batches only the position moves, as it does with bookmarks.
        let events = if number <= 4 { batch(0..EVENTS) } else { batch([]) };
        std::future::ready(Ok(Some(events.with_checkpoint(at(number)))))
    });
    source.is_always_ready = true;
    let committed = source.committed.clone();
    let pipeline = Pipeline::builder()
        .source(source)
        .sink("hangs", hangs(), Policy::default())
        .journal_size(ByteSize(1 << 20))
        .shutdown(sleep(Duration::from_secs(3)))
        .build()
        .unwrap();
    let summary = pipeline.run().await.unwrap();
    let committed = committed.lock().unwrap();
    assert_eq!(
        *committed,
        [at(1), at(2)],
        "the sink holds the first, the second is in the journal, the third had no room"
    );
    assert_eq!(summary_of(&summary, "hangs").undelivered, 3 * EVENTS as u64);
}
