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
    subscribe_as(journal, name, |_| true, SinkMetrics::unregistered(name))
}

fn subscribe_as(
    journal: &Journal,
    name: &str,
    wants: impl Fn(&Event) -> bool + Send + Sync + 'static,
    metrics: SinkMetrics,
) -> Cursor {
    let (begin, wants) = (Begin::Newest, Box::new(wants));
    journal.subscribe(Subscription { name: name.into(), begin, wants, patience: PATIENCE, metrics })
}

/// Leases at most `events`, which are there.
async fn lease(cursor: &Cursor, events: usize) -> Vec<usize> {
    let lease = tokio::time::timeout(Duration::from_millis(1), cursor.lease(max(events))).await;
    numbers(&lease.expect("events wait").unwrap())
}

/// Leases everything that waits, and settles it.
async fn take(cursor: &Cursor) -> Vec<usize> {
    let taken = lease(cursor, usize::MAX).await;
    cursor.settle(0..taken.len());
    taken
}

fn max(events: usize) -> NonZeroUsize {
    NonZeroUsize::new(events).unwrap()
}

fn numbers(lease: &EventBatch) -> Vec<usize> {
    lease.iter().map(|event| event.reason.parse().unwrap()).collect()
}

/// Whether the future is still waiting after everything else has come to rest.
async fn waits<F: Future>(future: &mut std::pin::Pin<&mut F>) -> bool {
    tokio::time::timeout(Duration::from_millis(1), future).await.is_err()
}

fn range(from: usize, to: usize) -> Vec<usize> {
    (from..to).collect()
}

fn dropped(registry: &prometheus::Registry) -> String {
    prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_lease_spans_batches_and_verdicts_are_given_event_by_event() {
    let journal = journal(10);
    let cursor = subscribe(&journal, "a");
    journal.append(batch(0)).await;
    journal.append(batch(10)).await;
    assert_eq!(lease(&cursor, 15).await, range(0, 15));
    cursor.settle([0, 1, 2, 5, 5]);
    assert_eq!(cursor.wanted(|_| true), 16);
    cursor.settle(0..15);
    assert_eq!(lease(&cursor, 100).await, range(15, 20));
    cursor.settle(0..5);
    assert_eq!((journal.resident_bytes(), cursor.wanted(|_| true)), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_let_go_without_a_verdict_is_leased_again() {
    let journal = journal(10);
    let cursor = subscribe(&journal, "a");
    journal.append(batch(0)).await;
    lease(&cursor, 10).await;
    cursor.settle([0, 3]);
    assert_eq!(cursor.wanted(|_| true), 8);
    assert_eq!(lease(&cursor, 10).await, [1, 2, 4, 5, 6, 7, 8, 9]);
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_of_one_source() {
    let journal = journal(10);
    let cursor = subscribe(&journal, "a");
    journal.append(batch(0)).await;
    let other = EventBatch::new("other", Timestamp::UNIX_EPOCH, batch(10).events().to_vec());
    journal.append(other).await;
    assert_eq!(take(&cursor).await, range(0, 10));
    assert_eq!(take(&cursor).await, range(10, 20));
}

#[tokio::test(start_paused = true)]
async fn in_memory_a_sink_that_leaves_leaves_nothing_behind() {
    let journal = journal(10);
    let (stays, leaves) = (subscribe(&journal, "stays"), subscribe(&journal, "leaves"));
    journal.append(batch(0)).await;
    lease(&leaves, 4).await;
    leaves.settle([0]);
    assert_eq!(leaves.leave(Timestamp::UNIX_EPOCH), 9);
    assert_eq!((leaves.take_lost(), leaves.lost()), (9, 0));
    journal.append(batch(10)).await;
    assert_eq!(take(&stays).await, range(0, 20));
    assert_eq!(journal.resident_bytes(), 0, "nothing is kept for who is not there");
    let back = subscribe(&journal, "leaves");
    journal.append(batch(20)).await;
    assert_eq!(take(&back).await, range(20, 30));
    assert_eq!(journal.backlogs().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_a_sink_says_after_its_place_is_anothers_counts_no_more() {
    let journal = journal(10);
    let former = subscribe(&journal, "a");
    journal.append(batch(0)).await;
    lease(&former, 10).await;
    former.settle([0, 1, 2]);
    let successor = former.pass_on(Box::new(|_| true), PATIENCE);
    assert_eq!(lease(&successor, 10).await, range(3, 10));
    former.settle(0..10);
    former.give_up();
    assert_eq!(former.lease(max(10)).await.map(|lease| lease.len()), None);
    assert_eq!(successor.wanted(|_| true), 7);
    successor.settle(0..7);
    assert_eq!(successor.wanted(|_| true), 0);
}

#[tokio::test(start_paused = true)]
async fn a_batch_stays_until_every_sink_holds_it() {
    let journal = journal(10);
    let (fast, slow) = (subscribe(&journal, "fast"), subscribe(&journal, "slow"));
    journal.append(batch(0)).await;
    take(&fast).await;
    assert!(journal.resident_bytes() > 0);
    lease(&slow, 10).await;
    assert_eq!(journal.resident_bytes(), 0);
    assert_eq!(slow.wanted(|_| true), 10);
}

#[tokio::test(start_paused = true)]
async fn without_sinks_events_go_at_once() {
    let journal = journal(1);
    for n in 0..5 {
        journal.append(batch(n * BATCH)).await;
    }
    assert_eq!(journal.resident_bytes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_closed_journal_is_read_to_its_end() {
    let journal = journal(10);
    let cursor = subscribe(&journal, "a");
    journal.append(batch(0)).await;
    journal.close();
    let mut finished = std::pin::pin!(cursor.finished());
    assert!(waits(&mut finished).await);
    assert_eq!(take(&cursor).await, range(0, 10));
    assert!(cursor.lease(max(1)).await.is_none());
    assert!(!waits(&mut finished).await, "a verdict ends the wait");
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
    assert_eq!(lease(&cursor, 9).await, range(0, 9));
    assert!(waits(&mut append).await);
    cursor.settle(0..9);
    assert_eq!(lease(&cursor, 1).await, [9]);
    append.await;
    cursor.settle([0]);
    assert_eq!(take(&cursor).await, range(10, 30));
}

#[tokio::test(start_paused = true)]
async fn a_full_journal_drops_from_the_lagging_sink_only_and_counts_it() {
    let registry = prometheus::Registry::new();
    let metrics = Metrics::new(&registry, Arc::new(SystemClock)).unwrap();
    let journal = journal(2);
    let healthy = subscribe(&journal, "healthy");
    let even = |event: &Event| event.reason.parse::<usize>().unwrap().is_multiple_of(2);
    let hung = subscribe_as(&journal, "hung", even, metrics.sink("hung", "hung"));
    for n in 0..5 {
        journal.append(batch(n * BATCH)).await;
        assert_eq!(take(&healthy).await, range(n * BATCH, n * BATCH + BATCH));
    }
    // Of five batches three had to go; the hung sink wanted every other event of them.
    assert!(
        dropped(&registry).contains(r#"{reason="journal_full",sink="hung"} 15"#),
        "{}",
        dropped(&registry)
    );
    assert_eq!((hung.lost(), hung.wanted(even)), (15, 10));
    assert_eq!(take(&hung).await, range(30, 50));
}

#[tokio::test(start_paused = true)]
async fn what_a_sink_holds_is_its_own_whatever_the_journal_drops() {
    let journal = journal(2);
    let (healthy, hung) = (subscribe(&journal, "healthy"), subscribe(&journal, "hung"));
    journal.append(batch(0)).await;
    assert_eq!(lease(&hung, 4).await, range(0, 4));
    for n in 1..4 {
        take(&healthy).await;
        journal.append(batch(n * BATCH)).await;
    }
    assert_eq!((hung.lost(), hung.wanted(|_| true)), (16, 4 + 20));
    // Its worker panics, and starts again.
    assert_eq!(lease(&hung, 100).await, range(0, 4));
    hung.settle(0..4);
    assert_eq!(take(&hung).await, range(20, 40));
}

#[tokio::test(start_paused = true)]
async fn a_hung_sink_holds_up_nobody_even_if_one_batch_fills_the_journal() {
    let journal = Journal::new(1);
    let (healthy, hung) = (subscribe(&journal, "healthy"), subscribe(&journal, "hung"));
    for n in 0..5 {
        tokio::time::timeout(Duration::from_millis(1), journal.append(batch(n * BATCH))).await.unwrap();
        take(&healthy).await;
    }
    assert_eq!(hung.lost(), 4 * BATCH as u64);
}

#[tokio::test(start_paused = true)]
async fn one_sink_alone_loses_nothing_however_small_the_journal() {
    let journal = Journal::new(1);
    let cursor = subscribe(&journal, "only");
    journal.append(batch(0)).await;
    let append = journal.append(batch(10));
    tokio::pin!(append);
    assert!(waits(&mut append).await);
    assert_eq!(lease(&cursor, 10).await, range(0, 10));
    append.await;
    assert_eq!(cursor.lost(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_list_waits_for_a_slow_sink_but_not_for_ever_for_a_dead_one() {
    let journal = journal(2);
    let (healthy, slow) = (subscribe(&journal, "healthy"), subscribe(&journal, "slow"));
    // It had nothing to give a verdict on, which is no sign of death.
    tokio::time::advance(PATIENCE * 2).await;
    for n in 0..2 {
        journal.append(rereadable(n * BATCH)).await;
        take(&healthy).await;
    }
    let begin = Instant::now();
    let append = journal.append(rereadable(20));
    tokio::pin!(append);
    assert!(waits(&mut append).await);
    tokio::time::advance(PATIENCE / 2).await;
    assert_eq!(lease(&slow, 1).await, [0]);
    slow.settle([0]);
    append.await;
    assert!(begin.elapsed() >= PATIENCE + PATIENCE / 2, "{:?}", begin.elapsed());
    assert_eq!(lease(&slow, 1).await, [10]);
}

#[tokio::test(start_paused = true)]
async fn of_two_that_lag_the_one_that_moved_last_is_waited_for() {
    let journal = journal(2);
    let (healthy, slow) = (subscribe(&journal, "healthy"), subscribe(&journal, "slow"));
    let _dead = subscribe(&journal, "dead");
    for n in 0..2 {
        journal.append(rereadable(n * BATCH)).await;
        take(&healthy).await;
    }
    tokio::time::advance(PATIENCE - Duration::from_secs(1)).await;
    lease(&slow, 1).await;
    slow.settle([0]);
    tokio::time::advance(Duration::from_secs(2)).await;
    let append = journal.append(rereadable(20));
    tokio::pin!(append);
    assert!(waits(&mut append).await);
}

#[tokio::test(start_paused = true)]
async fn the_live_watch_does_not_drop_a_list_from_a_sink_that_moves() {
    let journal = journal(2);
    let (healthy, slow) = (subscribe(&journal, "healthy"), subscribe(&journal, "slow"));
    for n in 0..2 {
        journal.append(rereadable(n * BATCH)).await;
        take(&healthy).await;
    }
    let append = journal.append(batch(20));
    tokio::pin!(append);
    assert!(waits(&mut append).await);
    assert_eq!(lease(&slow, 10).await, range(0, 10));
    append.await;
    assert_eq!(slow.lost(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_is_gone_holds_up_nobody_and_what_comes_for_it_is_counted() {
    let registry = prometheus::Registry::new();
    let metrics = Metrics::new(&registry, Arc::new(SystemClock)).unwrap();
    let journal = journal(2);
    let gone = subscribe_as(&journal, "gone", |_| true, metrics.sink("gone", "gone"));
    journal.append(batch(0)).await;
    lease(&gone, 5).await;
    gone.give_up();
    for n in 1..5 {
        journal.append(batch(n * BATCH)).await;
    }
    assert_eq!((gone.lost(), gone.wanted(|_| true), journal.resident_bytes()), (50, 0, 0));
    assert!(dropped(&registry).contains(r#"{reason="gone",sink="gone"} 50"#), "{}", dropped(&registry));
}

#[tokio::test(start_paused = true)]
async fn what_comes_too_late_is_counted_as_undelivered() {
    let journal = journal(2);
    let even = |event: &Event| event.reason.parse::<usize>().unwrap().is_multiple_of(2);
    let cursor = subscribe_as(&journal, "a", even, SinkMetrics::unregistered("a"));
    journal.refuse(&batch(0));
    assert_eq!(cursor.wanted(even), 5);
}

#[tokio::test(start_paused = true)]
async fn the_lag_is_that_of_the_oldest_event_without_a_verdict() {
    let journal = journal(10);
    let cursor = subscribe(&journal, "a");
    let received =
        |second| Event { received_at: Timestamp::from_second(second).unwrap(), ..Event::default() };
    let events = (1..=3).map(|second| Arc::new(received(second))).collect();
    journal.append(EventBatch::new("test", Timestamp::UNIX_EPOCH, events)).await;
    cursor.lease(max(3)).await.unwrap();
    cursor.settle([0]);
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
                        let leased = numbers(&cursors[index].lease(max(most)).await.unwrap());
                        let taken = leased.len() * part / 100;
                        settled[index].extend_from_slice(&leased[..taken]);
                        cursors[index].settle(0..taken);
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

/// A disk that is full and stays so.
#[derive(Debug)]
struct FullDisk {
    can_be_written: bool,
}

#[async_trait::async_trait]
impl storage::Backing for FullDisk {
    async fn append(&self, _: u64, _: EventBatch) -> bool {
        self.can_be_written
    }

    async fn reach(&self, _: EventBatch) -> bool {
        self.can_be_written
    }

    fn mark(&self, _: &Arc<str>, _: storage::Mark) {}

    fn forget(&self, _: &Arc<str>) {}

    fn delete_before(&self, _: u64) {}

    fn bury(&self, _: &Arc<str>, _: &Arc<Event>, _: &str) {}

    async fn replays(&self, _: Vec<String>, _: usize) -> Result<Vec<storage::Replay>, String> {
        Ok(Vec::new())
    }

    fn replayed(&self, _: i64) {}

    async fn synced(&self) -> bool {
        self.can_be_written
    }

    async fn load(&self, from: u64, _: u64, _: u64) -> Result<Vec<storage::Loaded>, String> {
        Ok(vec![storage::Loaded { first: from, events: BATCH as u64, batch: Ok(batch(0)) }])
    }

    fn bytes(&self) -> u64 {
        1000
    }

    fn trouble(&self) -> Option<String> {
        None
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_deleted_is_not_dropped_to_make_room() {
    for (can_be_written, lost) in [(false, 0), (true, BATCH as u64)] {
        let journal = journal(10);
        let (dead, well) = (subscribe(&journal, "dead"), subscribe(&journal, "well"));
        let mark = |number| (storage::Mark { number, ..storage::Mark::default() }, Timestamp::UNIX_EPOCH);
        let marks = [("dead".to_owned(), mark(0)), ("well".to_owned(), mark(1000))].into();
        let contents = storage::Contents { next: 1000, marks, ..storage::Contents::default() };
        let attachment = Attachment {
            backing: Arc::new(FullDisk { can_be_written }),
            capacity: 1000,
            contents: &contents,
            begin: &|_| Begin::Newest,
            forget_after: Duration::MAX,
            metrics_of: &SinkMetrics::unregistered,
        };
        journal.attach(attachment, Timestamp::UNIX_EPOCH);
        let appended = tokio::time::timeout(Duration::from_secs(3600), journal.append(batch(0))).await;
        assert!(appended.is_err(), "there is never room");
        assert_eq!((dead.lost(), well.lost()), (lost, 0));
    }
}
