//! The journal's promises: order, verdicts, room.

use std::num::NonZeroUsize;

use proptest::prelude::*;

use super::*;
use crate::batch::Intake;
use crate::metrics::Metrics;
use crate::time::SystemClock;

const BATCH: usize = 10;

fn batch(first: usize) -> EventBatch {
    let events =
        (first..first + BATCH).map(|n| Arc::new(Event { reason: n.to_string(), ..Event::default() }));
    EventBatch::new("test", Timestamp::UNIX_EPOCH, events.collect())
}

fn rereadable(first: usize) -> EventBatch {
    batch(first).with_intake(Intake::Rereadable)
}

/// A journal with room for `batches`.
fn journal(batches: usize) -> Journal {
    Journal::new(batch(0).resident_bytes() * batches + batches * BATCH * 4)
}

fn subscribe(journal: &Journal, name: &str) -> Cursor {
    journal.subscribe(name.into(), Box::new(|_| true), SinkMetrics::unregistered(name))
}

fn max(events: usize) -> NonZeroUsize {
    NonZeroUsize::new(events).unwrap()
}

fn numbers(lease: &Lease) -> Vec<usize> {
    lease.batch().iter().map(|event| event.reason.parse().unwrap()).collect()
}

/// Whether the future is still waiting after everything else has come to rest.
async fn waits<F: Future>(future: &mut std::pin::Pin<&mut F>) -> bool {
    tokio::time::timeout(Duration::from_millis(1), future).await.is_err()
}

#[tokio::test]
async fn a_lease_spans_batches_and_a_verdict_moves_the_cursor_event_by_event() {
    let journal = journal(10);
    let cursor = subscribe(&journal, "a");
    journal.append(batch(0)).await;
    journal.append(batch(10)).await;
    let lease = cursor.lease(max(15)).await.unwrap();
    assert_eq!(numbers(&lease), (0..15).collect::<Vec<_>>());
    cursor.settle(&lease, 12);
    assert_eq!(cursor.wanted(|_| true), 8);
    let lease = cursor.lease(max(100)).await.unwrap();
    assert_eq!(numbers(&lease), (12..20).collect::<Vec<_>>());
    cursor.settle(&lease, 8);
    assert_eq!(journal.resident_bytes(), 0);
}

#[tokio::test]
async fn a_batch_without_a_verdict_stays_in_the_journal() {
    let journal = journal(10);
    let cursor = subscribe(&journal, "a");
    journal.append(batch(0)).await;
    drop(cursor.lease(max(10)).await.unwrap());
    assert_eq!(cursor.wanted(|_| true), 10);
    let lease = cursor.lease(max(10)).await.unwrap();
    assert_eq!(numbers(&lease), (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_batch_stays_until_the_slowest_has_passed_it() {
    let journal = journal(10);
    let (fast, slow) = (subscribe(&journal, "fast"), subscribe(&journal, "slow"));
    journal.append(batch(0)).await;
    let lease = fast.lease(max(10)).await.unwrap();
    fast.settle(&lease, 10);
    assert!(journal.resident_bytes() > 0);
    let lease = slow.lease(max(10)).await.unwrap();
    slow.settle(&lease, 10);
    assert_eq!(journal.resident_bytes(), 0);
}

#[tokio::test]
async fn without_sinks_events_go_at_once() {
    let journal = journal(1);
    for n in 0..5 {
        journal.append(batch(n * BATCH)).await;
    }
    assert_eq!(journal.resident_bytes(), 0);
}

#[tokio::test]
async fn a_closed_journal_is_read_to_its_end() {
    let journal = journal(10);
    let cursor = subscribe(&journal, "a");
    journal.append(batch(0)).await;
    journal.close();
    let lease = cursor.lease(max(100)).await.unwrap();
    cursor.settle(&lease, BATCH);
    assert!(cursor.lease(max(1)).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn the_live_watch_waits_while_every_sink_lags() {
    let journal = journal(2);
    let cursor = subscribe(&journal, "only");
    journal.append(batch(0)).await;
    journal.append(batch(10)).await;
    let append = journal.append(batch(20));
    tokio::pin!(append);
    assert!(waits(&mut append).await);
    let lease = cursor.lease(max(10)).await.unwrap();
    cursor.settle(&lease, 9);
    assert!(waits(&mut append).await);
    cursor.settle(&lease, 10);
    append.await;
    let lease = cursor.lease(max(100)).await.unwrap();
    assert_eq!(numbers(&lease), (10..30).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_full_journal_drops_from_the_lagging_sink_only_and_counts_it() {
    let registry = prometheus::Registry::new();
    let metrics = Metrics::new(&registry, Arc::new(SystemClock)).unwrap();
    let journal = journal(2);
    let healthy = subscribe(&journal, "healthy");
    let even = |event: &Event| event.reason.parse::<usize>().unwrap().is_multiple_of(2);
    let hung = journal.subscribe("hung".into(), Box::new(even), metrics.sink("hung", "hung"));
    for n in 0..5 {
        journal.append(batch(n * BATCH)).await;
        let lease = healthy.lease(max(100)).await.unwrap();
        assert_eq!(numbers(&lease), (n * BATCH..n * BATCH + BATCH).collect::<Vec<_>>());
        healthy.settle(&lease, BATCH);
    }
    // Of five batches three had to go; the hung sink wanted every other event of them.
    let dropped = prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
    let line = r#"eventer_events_dropped_total{reason="journal_full",sink="hung"} 15"#;
    assert!(dropped.contains(line), "{dropped}");
    let lease = hung.lease(max(100)).await.unwrap();
    assert_eq!(numbers(&lease), (30..50).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn what_a_hung_sink_holds_is_not_counted_as_dropped() {
    let registry = prometheus::Registry::new();
    let metrics = Metrics::new(&registry, Arc::new(SystemClock)).unwrap();
    let journal = journal(2);
    let healthy = subscribe(&journal, "healthy");
    let hung = journal.subscribe("hung".into(), Box::new(|_| true), metrics.sink("hung", "hung"));
    journal.append(batch(0)).await;
    let held = hung.lease(max(4)).await.unwrap();
    for n in 1..3 {
        let lease = healthy.lease(max(100)).await.unwrap();
        healthy.settle(&lease, lease.batch().len());
        journal.append(batch(n * BATCH)).await;
    }
    let dropped = prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
    assert!(dropped.contains(r#"{reason="journal_full",sink="hung"} 6"#), "{dropped}");
    assert_eq!(hung.wanted(|_| true), 4 + 20);
    hung.settle(&held, 4);
    assert_eq!(hung.wanted(|_| true), 20);
    assert_eq!(numbers(&hung.lease(max(1)).await.unwrap()), [10]);
}

#[tokio::test(start_paused = true)]
async fn input_that_can_be_read_again_waits_for_a_slow_sink_but_not_for_ever_for_a_dead_one() {
    let journal = journal(2);
    let (healthy, slow) = (subscribe(&journal, "healthy"), subscribe(&journal, "slow"));
    for n in 0..2 {
        journal.append(rereadable(n * BATCH)).await;
        let lease = healthy.lease(max(100)).await.unwrap();
        healthy.settle(&lease, BATCH);
    }
    let begin = Instant::now();
    let append = journal.append(rereadable(20));
    tokio::pin!(append);
    assert!(waits(&mut append).await);
    tokio::time::advance(PATIENCE / 2).await;
    let lease = slow.lease(max(1)).await.unwrap();
    slow.settle(&lease, 1);
    append.await;
    assert!(begin.elapsed() >= PATIENCE + PATIENCE / 2, "{:?}", begin.elapsed());
    assert_eq!(numbers(&slow.lease(max(1)).await.unwrap()), [10]);
}

#[tokio::test(start_paused = true)]
async fn the_lag_is_that_of_the_oldest_event_without_a_verdict() {
    let journal = journal(10);
    let cursor = subscribe(&journal, "a");
    let received =
        |second| Event { received_at: Timestamp::from_second(second).unwrap(), ..Event::default() };
    let events = (1..=3).map(|second| Arc::new(received(second))).collect();
    journal.append(EventBatch::new("test", Timestamp::UNIX_EPOCH, events)).await;
    let lease = cursor.lease(max(3)).await.unwrap();
    cursor.settle(&lease, 1);
    let expected = Backlog { events: 2, oldest: Some(Timestamp::from_second(2).unwrap()) };
    assert_eq!(journal.backlogs(), [("a".into(), expected)]);
}

/// What a driver does with the journal.
#[derive(Clone, Debug)]
enum Step {
    Append,
    /// Cursor, most events to lease, per cent of them to settle.
    Work(usize, usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Append),
        (0..3_usize, 1..25_usize, 0..=100_usize)
            .prop_map(|(cursor, most, part)| Step::Work(cursor, most, part)),
    ]
}

proptest! {
    /// Whatever the order of appends, leases and verdicts: each sink sees every event once, in order.
    #[test]
    fn each_sink_gets_each_event_once_and_in_order(steps in prop::collection::vec(step(), 1..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let journal = journal(1000);
            let cursors: Vec<Cursor> = (0..3).map(|n| subscribe(&journal, &n.to_string())).collect();
            let mut settled = [const { Vec::new() }; 3];
            let mut appended = 0;
            for step in steps {
                match step {
                    Step::Append => {
                        journal.append(batch(appended)).await;
                        appended += BATCH;
                    }
                    Step::Work(index, most, part) => {
                        if settled[index].len() == appended {
                            continue;
                        }
                        let lease = cursors[index].lease(max(most)).await.unwrap();
                        let taken = lease.batch().len() * part / 100;
                        settled[index].extend_from_slice(&numbers(&lease)[..taken]);
                        cursors[index].settle(&lease, taken);
                    }
                }
                for (cursor, settled) in cursors.iter().zip(&settled) {
                    assert_eq!(cursor.wanted(|_| true), appended - settled.len());
                }
            }
            for settled in &settled {
                assert_eq!(*settled, (0..settled.len()).collect::<Vec<_>>());
            }
        });
    }
}
