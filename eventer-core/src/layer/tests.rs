//! The order of the layers, and what each of them promises. All in virtual time.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::*;
use crate::error::ExportError;
use crate::event::Event;
use crate::testing::{Answer, ScriptedSink, VirtualClock, batch};
use crate::uri::{OptionValue, Rate};

/// A sink with its layers, and what they wrote down.
struct Wrapped {
    delivery: Delivery,
    registry: prometheus::Registry,
    state: Arc<SinkState>,
}

fn wrap(sink: &ScriptedSink, policy: &Policy) -> Wrapped {
    let clock: Arc<dyn Clock> = Arc::new(VirtualClock::starting_at(Timestamp::UNIX_EPOCH));
    let registry = prometheus::Registry::new();
    let context = LayerContext {
        journal: Journal::new(0),
        attempts: Attempts::default(),
        name: "test".into(),
        metrics: crate::Metrics::new(&registry, clock.clone()).unwrap().sink("test", "test"),
        state: Arc::new(SinkState::new("test".into(), "test", clock.clone())),
        clock,
    };
    let delivery = Delivery::wrap(Arc::new(sink.clone()), policy, &context);
    Wrapped { delivery, registry, state: context.state }
}

impl Wrapped {
    async fn deliver(&self, batch: &EventBatch) {
        let wanted = self.delivery.wanted(batch);
        for portion in self.delivery.portions(batch, &wanted) {
            self.delivery.deliver(portion, &|_| {}).await.unwrap();
        }
    }

    /// What became of the events: exported, rejected, dropped.
    fn totals(&self) -> (u64, u64, u64) {
        let totals = self.state.totals();
        (totals.exported, totals.rejected, totals.dropped)
    }

    fn has_metric(&self, line: &str) -> bool {
        let text = prometheus::TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap();
        text.lines().any(|its| its == line)
    }
}

/// The numbered events, received when the clock began.
fn received(numbers: impl IntoIterator<Item = usize>) -> EventBatch {
    let at = Timestamp::from_second(1).unwrap();
    let stamp = |event: &Arc<Event>| Arc::new(Event { received_at: at, ..(**event).clone() });
    let batch = batch(numbers);
    batch.with_events(batch.iter().map(stamp).collect())
}

async fn deliver(sink: &ScriptedSink, policy: &Policy, numbers: impl IntoIterator<Item = usize>) -> Wrapped {
    let wrapped = wrap(sink, policy);
    wrapped.deliver(&received(numbers)).await;
    wrapped
}

fn unavailable() -> Answer {
    Answer::Err(ExportError::unavailable("503"))
}

fn sizes(sink: &ScriptedSink) -> Vec<usize> {
    sink.exports().iter().map(|export| export.batch.len()).collect()
}

/// When each export came, in seconds from the first one.
fn seconds(sink: &ScriptedSink) -> Vec<u64> {
    let exports = sink.exports();
    exports.iter().map(|export| (export.at - exports[0].at).as_secs_f64().round() as u64).collect()
}

#[tokio::test(start_paused = true)]
async fn the_order_of_the_layers_is_pinned() {
    // Two per portion, one portion in ten seconds, two seconds an attempt, one retry after a second.
    let policy = Policy {
        filter: EventFilter {
            exclude_message: vec![regex::Regex::new("event [02468]$").unwrap()],
            ..Default::default()
        },
        batch: BatchLimits { events: 2.try_into().unwrap(), bytes: usize::MAX },
        rate: Rate::parse_option("1/10s").ok(),
        timeout: Duration::from_secs(2),
        ..Policy::default()
    };
    let sink = ScriptedSink::answering([Answer::Hang, Answer::Ok, unavailable(), Answer::Ok]);
    deliver(&sink, &policy, 0..10).await;
    // Filter before split: portions of wanted events are full, but for the last one.
    assert_eq!(sizes(&sink), [2, 2, 2, 2, 1]);
    // Timeout inside retry (0 → 2 → 3), rate limit outside retry (10, not 13), split outside rate limit (a turn each).
    assert_eq!(seconds(&sink), [0, 3, 10, 11, 20]);
}

#[tokio::test(start_paused = true)]
async fn the_time_limit_is_per_attempt_because_retry_wraps_timeout() {
    let sink = ScriptedSink::answering([Answer::Hang, Answer::Hang, Answer::Hang]);
    let begin = Instant::now();
    let wrapped = deliver(&sink, &Policy::default(), [1]).await;
    assert_eq!(wrapped.totals(), (1, 0, 0));
    let seconds = begin.elapsed().as_secs();
    // Three limits of 20 s, and waits of 1, 2 and 4 s that jitter shortens by up to a fifth.
    assert!((65..=67).contains(&seconds), "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn retries_never_give_up_by_themselves() {
    let sink = ScriptedSink::answering((0..500).map(|_| unavailable()));
    let wrapped = deliver(&sink, &Policy::default(), [1, 2]).await;
    assert_eq!(wrapped.totals(), (2, 0, 0));
    assert_eq!(sink.exports().len(), 501);
    assert!(wrapped.has_metric(r#"eventer_events_retried_total{sink="test"} 1000"#));
    assert!(
        wrapped.has_metric(r#"eventer_export_attempts_failed_total{reason="unavailable",sink="test"} 500"#)
    );
    assert!(wrapped.has_metric(r#"eventer_export_attempt_duration_seconds_count{sink="test"} 501"#));
    assert!(wrapped.has_metric(r#"eventer_events_exported_total{sink="test"} 2"#));
}

#[tokio::test(start_paused = true)]
async fn retry_for_is_used_up_and_not_exceeded() {
    let policy = Policy { retry_for: Some(Duration::from_secs(10)), ..Policy::default() };
    let sink = ScriptedSink::always(unavailable);
    let begin = Instant::now();
    let wrapped = deliver(&sink, &policy, [1, 2]).await;
    assert_eq!(wrapped.totals(), (0, 0, 2));
    assert!(wrapped.has_metric(r#"eventer_events_dropped_total{reason="retry_for",sink="test"} 2"#));
    assert_eq!(begin.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_are_tried_once_more_before_retry_for_ends() {
    let policy = Policy { retry_for: Some(Duration::from_secs(30)), ..Policy::default() };
    let sink = ScriptedSink::always(|| Answer::Err(ExportError::unauthorized("401")));
    deliver(&sink, &policy, [1]).await;
    assert_eq!(seconds(&sink), [0, 30]);
}

#[tokio::test(start_paused = true)]
async fn retry_for_does_not_wait_for_a_destination_that_wants_longer() {
    let policy = Policy { retry_for: Some(Duration::from_secs(30)), ..Policy::default() };
    let limited = || Answer::Err(ExportError::rate_limited("429", Some(Duration::from_secs(31))));
    let sink = ScriptedSink::always(limited);
    let begin = Instant::now();
    deliver(&sink, &policy, [1]).await;
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_is_given_up_is_all_that_is_left() {
    let policy = Policy { retry_for: Some(Duration::from_secs(10)), ..Policy::default() };
    let mut script = vec![Answer::Err(ExportError::rejected("400"))];
    script.extend((0..100).map(|_| unavailable()));
    let wrapped = deliver(&ScriptedSink::answering(script), &policy, 0..4).await;
    assert_eq!(wrapped.totals(), (0, 0, 4));
}

#[tokio::test(start_paused = true)]
async fn progress_begins_the_waits_and_the_time_for_trying_anew() {
    let policy = Policy { retry_for: Some(Duration::from_secs(4)), ..Policy::default() };
    let some =
        |unsent: std::ops::Range<usize>| Answer::Err(ExportError::unavailable("bulk").with_unsent(unsent));
    // Each failure after progress is the first one: waits of one second, and never four seconds without progress.
    let script =
        [unavailable(), unavailable(), some(0..3), unavailable(), some(0..2), unavailable(), Answer::Ok];
    let sink = ScriptedSink::answering(script);
    let wrapped = deliver(&sink, &policy, 0..4).await;
    assert_eq!(wrapped.totals(), (4, 0, 0));
    assert!(sink.exports().windows(2).skip(2).all(|pair| pair[1].at - pair[0].at <= Duration::from_secs(2)));
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_is_gone_gets_no_second_attempt() {
    let sink = ScriptedSink::always(|| Answer::Err(ExportError::gone("broken pipe")));
    let wrapped = wrap(&sink, &Policy::default());
    let portion = wrapped.delivery.portions(&received([1]), &[0]).remove(0);
    assert!(wrapped.delivery.deliver(portion, &|_| {}).await.is_none());
    assert_eq!((sink.exports().len(), wrapped.totals()), (1, (0, 0, 0)));
}

#[tokio::test(start_paused = true)]
async fn the_sinks_own_limits_hold() {
    let sink = ScriptedSink::default().with_limits(BatchLimits::ONE_EVENT);
    deliver(&sink, &Policy::default(), 0..3).await;
    assert_eq!(sizes(&sink), [1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn the_destinations_word_on_patience_is_kept() {
    let limited = ExportError::rate_limited("429", Some(Duration::from_secs(90)));
    let sink = ScriptedSink::answering([Answer::Err(limited)]);
    deliver(&sink, &Policy::default(), [1]).await;
    assert_eq!(seconds(&sink), [0, 90]);
    let forever = ExportError::rate_limited("429", Some(Duration::MAX));
    let sink = ScriptedSink::answering([Answer::Err(forever)]);
    deliver(&sink, &Policy::default(), [1]).await;
    assert_eq!(seconds(&sink), [0, 3600]);
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_are_tried_again_slowly() {
    let sink = ScriptedSink::answering([Answer::Err(ExportError::unauthorized("401"))]);
    deliver(&sink, &Policy::default(), [1]).await;
    assert!((48..=60).contains(&seconds(&sink)[1]), "{:?}", seconds(&sink));
}

#[tokio::test(start_paused = true)]
async fn a_batch_refused_as_a_whole_is_cut_in_halves_until_the_guilty_event_stands_alone() {
    let rejects = || Answer::Err(ExportError::rejected("400"));
    // 8 refused; 4 refused, 2 taken, 2 refused, 1 taken, 1 refused; 4 taken.
    let script = [rejects(), rejects(), Answer::Ok, rejects(), Answer::Ok, rejects(), Answer::Ok];
    let sink = ScriptedSink::answering(script);
    let begin = Instant::now();
    let wrapped = deliver(&sink, &Policy::default(), 0..8).await;
    assert_eq!(sizes(&sink), [8, 4, 2, 2, 1, 1, 4]);
    assert_eq!(sink.exports()[5].batch.events()[0].message, "event 3");
    assert_eq!(wrapped.totals(), (7, 1, 0));
    assert!(wrapped.has_metric(r#"eventer_events_rejected_total{sink="test"} 1"#));
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_error_that_tells_events_apart_sends_only_the_unsent_again() {
    let partial = ExportError::unavailable("bulk").with_unsent([1, 3]).with_rejected(2, "too large");
    let sink = ScriptedSink::answering([Answer::Err(partial)]);
    let wrapped = deliver(&sink, &Policy::default(), 0..5).await;
    assert_eq!(wrapped.totals(), (4, 1, 0));
    let again: Vec<_> = sink.exports()[1].batch.iter().map(|event| event.message.clone()).collect();
    assert_eq!(again, ["event 1", "event 3"]);
}

#[tokio::test(start_paused = true)]
async fn a_rejection_that_leaves_everything_unsent_is_no_busy_loop() {
    let odd = || Answer::Err(ExportError::rejected("odd").with_unsent(0..2));
    let sink = ScriptedSink::answering([odd(), odd(), odd()]);
    let begin = Instant::now();
    deliver(&sink, &Policy::default(), 0..2).await;
    assert!(begin.elapsed() >= Duration::from_secs(5), "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_waits_longer_than_max_age_is_dropped_even_behind_a_rate_limit() {
    let policy = Policy {
        max_age: Some(Duration::from_secs(150)),
        rate: Rate::parse_option("1/m").ok(),
        batch: BatchLimits::ONE_EVENT,
        ..Policy::default()
    };
    let sink = ScriptedSink::default();
    let wrapped = deliver(&sink, &policy, 0..10).await;
    // The fourth is too old when its turn has come at 180 s; the rest takes no turn.
    assert_eq!(seconds(&sink), [0, 60, 120]);
    assert_eq!(wrapped.totals(), (3, 0, 7));
    assert!(wrapped.has_metric(r#"eventer_events_dropped_total{reason="max_age",sink="test"} 7"#));
}

#[tokio::test(start_paused = true)]
async fn what_gets_too_old_while_the_destination_is_down_is_dropped() {
    let policy = Policy { max_age: Some(Duration::from_secs(60)), ..Policy::default() };
    let sink = ScriptedSink::always(unavailable);
    let wrapped = deliver(&sink, &policy, 0..2).await;
    assert_eq!(wrapped.totals(), (0, 0, 2));
    assert!(sink.exports().iter().all(|export| export.at - sink.exports()[0].at <= Duration::from_secs(61)));
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_speaks_of_events_it_has_not_got_is_not_believed() {
    let sink = ScriptedSink::answering([Answer::Err(ExportError::unavailable("bulk").with_unsent([7]))]);
    let wrapped = deliver(&sink, &Policy::default(), 0..3).await;
    assert_eq!((sizes(&sink), wrapped.totals()), (vec![3, 3], (3, 0, 0)));
    let sink = ScriptedSink::answering([Answer::Err(ExportError::unavailable("bulk").with_unsent([]))]);
    let wrapped = deliver(&sink, &Policy::default(), 0..3).await;
    assert_eq!((sizes(&sink), wrapped.totals()), (vec![3], (3, 0, 0)));
}

#[tokio::test(start_paused = true)]
async fn no_window_of_the_span_sees_more_than_the_rate() {
    let policy =
        Policy { rate: Rate::parse_option("3/m").ok(), batch: BatchLimits::ONE_EVENT, ..Policy::default() };
    let sink = ScriptedSink::default();
    deliver(&sink, &policy, 0..8).await;
    assert_eq!(seconds(&sink), [0, 0, 0, 60, 60, 60, 120, 120]);
}

#[tokio::test(start_paused = true)]
async fn what_a_filter_cannot_be_computed_for_is_delivered_and_counted_once() {
    let expression = "message != 'event 2' && 1 / (count - 1) > 0".parse().unwrap();
    let filter = EventFilter { expression: Some(expression), ..EventFilter::default() };
    let policy = Policy { filter, ..Policy::default() };
    let sink = ScriptedSink::answering([unavailable(), Answer::Ok]);
    let wrapped = deliver(&sink, &policy, [1, 2, 3]).await;
    assert_eq!(wrapped.totals(), (2, 0, 0));
    assert!(wrapped.has_metric(r#"eventer_filter_errors_total{sink="test"} 2"#));
}
