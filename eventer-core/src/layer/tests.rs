//! The order of the layers, and what each of them promises. All in virtual time.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::*;
use crate::error::ExportError;
use crate::event::Event;
use crate::testing::{Answer, ScriptedSink, VirtualClock, batch};
use crate::uri::{OptionValue, Rate};

/// When the clock begins, and the events are received.
const BEGIN: Timestamp = Timestamp::constant(1_700_000_000, 0);

fn delivery(sink: &ScriptedSink, policy: &Policy) -> Delivery {
    let clock: Arc<dyn Clock> = Arc::new(VirtualClock::starting_at(BEGIN));
    let context = LayerContext {
        name: "test".into(),
        metrics: SinkMetrics::unregistered("test"),
        state: Arc::new(SinkState::new("test".into(), "test", clock.clone())),
        clock,
    };
    Delivery::wrap(Arc::new(sink.clone()), policy, &context)
}

async fn deliver(
    sink: &ScriptedSink,
    policy: &Policy,
    numbers: impl IntoIterator<Item = usize>,
) -> Vec<Outcome> {
    let delivery = delivery(sink, policy);
    let batch = batch(numbers);
    let received = batch.iter().map(|event| Arc::new(Event { received_at: BEGIN, ..(**event).clone() }));
    let mut outcomes = Vec::new();
    for portion in delivery.portions(&batch.with_events(received.collect())) {
        outcomes.push(delivery.deliver(&portion.batch).await);
    }
    outcomes
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
    let outcomes = deliver(&sink, &Policy::default(), [1]).await;
    assert_eq!(outcomes[0].delivered, 1);
    let seconds = begin.elapsed().as_secs();
    // Three limits of 20 s, and waits of 1, 2 and 4 s that jitter shortens by up to a fifth.
    assert!((65..=67).contains(&seconds), "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn retries_never_give_up_by_themselves() {
    let sink = ScriptedSink::answering((0..500).map(|_| unavailable()));
    let outcomes = deliver(&sink, &Policy::default(), [1, 2]).await;
    assert_eq!((outcomes[0].delivered, outcomes[0].dropped.len()), (2, 0));
    assert_eq!(sink.exports().len(), 501);
}

#[tokio::test(start_paused = true)]
async fn retry_for_gives_up_before_a_wait_that_would_be_in_vain() {
    let policy = Policy { retry_for: Some(Duration::from_secs(10)), ..Policy::default() };
    let sink = ScriptedSink::always(unavailable);
    let begin = Instant::now();
    let outcomes = deliver(&sink, &policy, [1, 2]).await;
    assert_eq!(outcomes[0].dropped, [(DropReason::RetryFor, 2)]);
    assert!(begin.elapsed() <= Duration::from_secs(10));
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
    let outcomes = deliver(&sink, &Policy::default(), 0..8).await;
    assert_eq!(sizes(&sink), [8, 4, 2, 2, 1, 1, 4]);
    assert_eq!(outcomes[0].delivered, 7);
    let rejected: Vec<_> = outcomes[0].rejected.iter().map(|(event, _)| event.message.as_str()).collect();
    assert_eq!(rejected, ["event 3"]);
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_error_that_tells_events_apart_sends_only_the_unsent_again() {
    let partial = ExportError::unavailable("bulk").with_unsent([1, 3]).with_rejected(2, "too large");
    let sink = ScriptedSink::answering([Answer::Err(partial)]);
    let outcomes = deliver(&sink, &Policy::default(), 0..5).await;
    assert_eq!((outcomes[0].delivered, outcomes[0].rejected.len()), (4, 1));
    let again: Vec<_> = sink.exports()[1].batch.iter().map(|event| event.message.clone()).collect();
    assert_eq!(again, ["event 1", "event 3"]);
    assert_eq!(outcomes[0].rejected[0].1, "too large");
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
    let outcomes = deliver(&sink, &policy, 0..10).await;
    // Sent at 0, 60, 120 s; the fourth is 120 s old when it queues for its turn at 180 s; the rest is too old by then.
    assert_eq!(seconds(&sink), [0, 60, 120, 180]);
    let dropped: usize = outcomes.iter().flat_map(|outcome| &outcome.dropped).map(|(_, events)| events).sum();
    assert_eq!(dropped, 6);
}

#[tokio::test(start_paused = true)]
async fn no_window_of_the_span_sees_more_than_the_rate() {
    let policy =
        Policy { rate: Rate::parse_option("3/m").ok(), batch: BatchLimits::ONE_EVENT, ..Policy::default() };
    let sink = ScriptedSink::default();
    deliver(&sink, &policy, 0..8).await;
    assert_eq!(seconds(&sink), [0, 0, 0, 60, 60, 60, 120, 120]);
}
