//! The journal in a directory: what is stored together stays together, whatever dies, and no file is harmed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::batch::{Checkpoint, Intake};
use crate::error::ExportError;
use crate::event::Event;
use crate::journal::storage::{Backing, Contents, Storage as _};
use crate::journal::{Attachment, Begin, Cursor, Journal, PATIENCE, Subscription};
use crate::metrics::SinkMetrics;
use crate::pipeline::Pipeline;
use crate::policy::Policy;
use crate::sink::{BatchLimits, EventSink};
use crate::testing::{Answer, FakeSource, ScriptedSink};
use crate::time::{Clock as _, SystemClock};

const FORGET_AFTER: Duration = Duration::from_secs(3600);
const EVERYTHING: NonZeroUsize = NonZeroUsize::MAX;

/// A journal in a directory, with its cursors by name.
struct Process {
    journal: Journal,
    backing: Arc<dyn Backing>,
    cursors: BTreeMap<&'static str, Cursor>,
    contents: Contents,
}

impl Process {
    async fn start(directory: &Path, sinks: &[&'static str]) -> Self {
        Self::start_with(directory, sinks, u64::MAX, Timestamp::UNIX_EPOCH).await
    }

    async fn start_with(directory: &Path, sinks: &[&'static str], capacity: u64, now: Timestamp) -> Self {
        let (backing, contents) = StateDirectory::new(directory, Arc::new(SystemClock)).open().await.unwrap();
        let journal = Journal::new(4096);
        let cursors = sinks.iter().map(|name| (*name, subscribe(&journal, name))).collect();
        let begin = |name: &str| if name.starts_with("oldest") { Begin::Oldest } else { Begin::Newest };
        let attachment = Attachment {
            backing: backing.clone(),
            capacity,
            contents: &contents,
            begin: &begin,
            forget_after: FORGET_AFTER,
            metrics_of: &SinkMetrics::unregistered,
        };
        journal.attach(attachment, now);
        Self { journal, backing, cursors, contents }
    }

    /// Leases and settles all that waits for a sink, and says which events.
    async fn take_all(&self, sink: &str) -> Vec<u64> {
        let mut all = Vec::new();
        while let Some(lease) = self.lease(sink, EVERYTHING).await {
            self.cursors[sink].settle(0..lease.len());
            all.extend(lease);
        }
        all
    }

    /// Leases what waits. `None`: nothing does.
    async fn lease(&self, sink: &str, max: NonZeroUsize) -> Option<Vec<u64>> {
        let cursor = &self.cursors[sink];
        let waiting = self.journal.backlogs().into_iter().find(|(name, _)| &**name == sink)?.1.events;
        if waiting == 0 {
            return None;
        }
        Some(numbers(&cursor.lease(max).await?))
    }

    async fn end(self) {
        self.journal.synced().await;
    }
}

fn subscribe(journal: &Journal, name: &str) -> Cursor {
    journal.subscribe(Subscription {
        name: name.into(),
        begin: Begin::Newest,
        wants: Box::new(|_| true),
        patience: PATIENCE,
        metrics: SinkMetrics::unregistered(name),
    })
}

/// A batch of the events from `first` to `end`, which reaches the position `end`.
fn batch(first: u64, end: u64) -> EventBatch {
    let event = |n: u64| {
        let received_at = Timestamp::from_second(1_700_000_000 + n.cast_signed()).unwrap();
        Arc::new(Event { reason: n.to_string(), received_at, ..Event::default() })
    };
    let events = (first..end).map(event).collect();
    let position = Position { version: end.to_string(), at: Timestamp::UNIX_EPOCH };
    EventBatch::new("source", Timestamp::UNIX_EPOCH, events)
        .with_checkpoint(Checkpoint([(String::new(), position)].into()))
}

fn numbers(lease: &EventBatch) -> Vec<u64> {
    lease.iter().map(|event| event.reason.parse().unwrap()).collect()
}

/// How far the source had come, as the directory says.
fn position(contents: &Contents) -> u64 {
    contents.checkpoints.get("source").map_or(0, |checkpoint| checkpoint.0[""].version.parse().unwrap())
}

fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[tokio::test]
async fn a_restart_goes_on_where_each_sink_and_the_source_stood() {
    let directory = directory();
    let first = Process::start(directory.path(), &["fast", "slow"]).await;
    for n in 0..5 {
        first.journal.append(batch(n * 10, n * 10 + 10)).await;
    }
    assert_eq!(first.take_all("fast").await, (0..50).collect::<Vec<_>>());
    let lease = first.cursors["slow"].lease(NonZeroUsize::new(25).unwrap()).await.unwrap();
    assert_eq!(lease.len(), 25);
    // Some are delivered out of order, as with several exports at a time.
    first.cursors["slow"].settle((0..10).chain([12, 20]));
    first.end().await;

    let second = Process::start(directory.path(), &["fast", "slow", "new", "oldest"]).await;
    assert_eq!((second.contents.oldest, second.contents.next, position(&second.contents)), (10, 50, 50));
    assert_eq!(second.take_all("fast").await, Vec::<u64>::new());
    let left: Vec<u64> = (10..50).filter(|n| ![12, 20].contains(n)).collect();
    assert_eq!(second.journal.backlogs()[1].1.events, left.len());
    assert_eq!(second.take_all("slow").await, left);
    assert_eq!(second.take_all("new").await, Vec::<u64>::new());
    assert_eq!(second.take_all("oldest").await, (10..50).collect::<Vec<_>>());
    second.journal.append(batch(50, 60)).await;
    assert_eq!(second.take_all("new").await, (50..60).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_everybody_has_had_is_deleted_and_what_is_read_back_is_as_it_was() {
    let directory = directory();
    let process = Process::start(directory.path(), &["a", "b"]).await;
    for n in 0..50 {
        process.journal.append(batch(n * 10, n * 10 + 10).with_intake(Intake::Rereadable)).await;
    }
    assert!(process.journal.resident_bytes() < 50_000, "{}", process.journal.resident_bytes());
    let first = process.cursors["a"].lease(NonZeroUsize::new(5).unwrap()).await.unwrap();
    assert_eq!(
        (&**first.source(), first.intake(), first.taken_at()),
        ("source", Intake::Rereadable, Timestamp::UNIX_EPOCH)
    );
    assert_eq!(first.events(), batch(0, 5).events());
    process.cursors["a"].settle(0..5);
    assert_eq!(process.take_all("a").await.len(), 495);
    process.backing.synced().await;
    assert!(process.backing.bytes() > 0);
    assert_eq!(process.take_all("b").await.len(), 500);
    process.backing.synced().await;
    assert_eq!(process.backing.bytes(), 0);
}

#[tokio::test]
async fn a_sink_that_is_taken_out_of_the_flags_keeps_its_claim_for_a_while() {
    let directory = directory();
    let now = SystemClock.now();
    let first = Process::start_with(directory.path(), &["a", "b"], u64::MAX, now).await;
    first.journal.append(batch(0, 10)).await;
    first.take_all("a").await;
    first.end().await;

    let second = Process::start_with(directory.path(), &["a"], u64::MAX, now).await;
    assert_eq!(second.take_all("a").await, Vec::<u64>::new());
    second.end().await;
    let third = Process::start_with(directory.path(), &["a", "b"], u64::MAX, now).await;
    assert_eq!(third.take_all("b").await, (0..10).collect::<Vec<_>>());
    third.journal.append(batch(10, 20)).await;
    third.take_all("a").await;
    third.end().await;

    let later = now + 2 * FORGET_AFTER;
    let fourth = Process::start_with(directory.path(), &["a"], u64::MAX, later).await;
    fourth.end().await;
    let fifth = Process::start_with(directory.path(), &["a", "b"], u64::MAX, later).await;
    assert_eq!((fifth.backing.bytes(), fifth.take_all("b").await), (0, Vec::new()));
}

#[tokio::test]
async fn a_sink_that_comes_back_while_the_process_runs_goes_on_where_it_was() {
    let directory = directory();
    let first = Process::start(directory.path(), &["a", "b"]).await;
    first.journal.append(batch(0, 10)).await;
    first.take_all("a").await;
    first.lease("b", NonZeroUsize::new(6).unwrap()).await.unwrap();
    first.cursors["b"].settle([0, 1, 4]);
    first.end().await;

    // Of "b" this process knows only what is on disk.
    let now = Timestamp::UNIX_EPOCH;
    let mut second = Process::start(directory.path(), &["a"]).await;
    assert!(second.journal.backlogs().iter().all(|(name, _)| &**name != "b"), "it is not there");
    second.journal.append(batch(10, 20)).await;
    second.take_all("a").await;
    second.cursors.insert("b", subscribe(&second.journal, "b"));
    assert_eq!(second.lease("b", NonZeroUsize::new(4).unwrap()).await.unwrap(), [2, 3, 5, 6]);
    second.cursors["b"].settle([1]);

    // It leaves with some in its hands, and comes back.
    assert_eq!(second.cursors["b"].leave(now), 0);
    second.journal.append(batch(20, 30)).await;
    second.take_all("a").await;
    second.journal.synced().await;
    assert!(second.backing.bytes() > 0, "its claim holds");
    second.cursors.insert("b", subscribe(&second.journal, "b"));
    assert_eq!(second.take_all("b").await, [&[2, 5, 6][..], &(7..30).collect::<Vec<_>>()].concat());
    second.end().await;

    let third = Process::start(directory.path(), &["a", "b"]).await;
    assert_eq!((third.backing.bytes(), third.take_all("b").await), (0, Vec::new()));
}

#[tokio::test]
async fn a_sink_that_was_away_for_too_long_begins_anew() {
    let directory = directory();
    let mut process = Process::start(directory.path(), &["a", "b"]).await;
    process.journal.append(batch(0, 10)).await;
    process.take_all("a").await;
    process.cursors["b"].leave(Timestamp::UNIX_EPOCH);
    process.journal.renew_claims(Timestamp::UNIX_EPOCH + FORGET_AFTER / 2);
    process.journal.synced().await;
    assert!(process.backing.bytes() > 0);
    process.journal.renew_claims(Timestamp::UNIX_EPOCH + 2 * FORGET_AFTER);
    process.journal.synced().await;
    assert_eq!(process.backing.bytes(), 0);
    process.cursors.insert("b", subscribe(&process.journal, "b"));
    process.journal.append(batch(10, 20)).await;
    assert_eq!(process.take_all("b").await, (10..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_full_journal_drops_what_a_dead_sink_has_before_it_and_counts_it() {
    let directory = directory();
    let process = Process::start_with(directory.path(), &["dead", "well"], 2000, Timestamp::UNIX_EPOCH).await;
    for n in 0..50 {
        process.journal.append(batch(n * 10, n * 10 + 10)).await;
        process.take_all("well").await;
    }
    assert!(process.backing.bytes() < 3000, "{}", process.backing.bytes());
    let lost = process.cursors["dead"].lost();
    assert!(lost > 300);
    assert_eq!(process.take_all("dead").await, (lost..500).collect::<Vec<_>>());
    assert_eq!(process.cursors["well"].lost(), 0);
}

#[tokio::test]
async fn a_disk_that_is_full_stops_the_intake_until_there_is_room() {
    let directory = directory();
    let state = StateDir::claim(directory.path()).unwrap().unwrap();
    let (store, _, _) = Store::open(state).unwrap();
    let writer = writer::Writer::start(store, 0, Arc::new(SystemClock)).unwrap();
    writer.limit_pages(16);
    let mut first = 0;
    while writer.append(first, batch(first, first + 1000)).await {
        first += 1000;
    }
    assert!(
        writer.health().trouble().is_some_and(|trouble| trouble.contains("full")),
        "{:?}",
        writer.health()
    );
    assert!(!writer.append(first, batch(first, first + 1000)).await);
    writer.limit_pages(1 << 20);
    assert!(writer.append(first, batch(first, first + 1000)).await);
    assert_eq!(writer.health().trouble(), None);
    let loaded = reader::Reader::open(&directory.path().join("journal.db"))
        .unwrap()
        .load(0, first + 1000, u64::MAX)
        .await
        .unwrap();
    let events: u64 = loaded.iter().map(|one| one.events).sum();
    assert_eq!(events, first + 1000);
}

#[tokio::test]
async fn a_damaged_or_foreign_file_is_moved_aside() {
    for content in [&b"not a database, but something that somebody needs"[..], &b"SQLite format 3\0 cut"[..]]
    {
        let directory = directory();
        fs::write(directory.path().join("journal.db"), content).unwrap();
        let process = Process::start(directory.path(), &["a"]).await;
        process.journal.append(batch(0, 10)).await;
        assert_eq!(process.take_all("a").await.len(), 10);
        assert_eq!(fs::read(directory.path().join("journal.db.damaged-1")).unwrap(), content);
    }
    let directory = directory();
    let foreign = Connection::open(directory.path().join("journal.db")).unwrap();
    foreign.execute_batch("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (42)").unwrap();
    drop(foreign);
    Process::start(directory.path(), &["a"]).await.end().await;
    let kept = Connection::open(directory.path().join("journal.db.damaged-1")).unwrap();
    assert_eq!(kept.query_row("SELECT x FROM theirs", [], |row| row.get::<_, i64>(0)).unwrap(), 42);
}

#[tokio::test]
async fn a_newer_format_is_no_damage() {
    let directory = directory();
    Process::start(directory.path(), &["a"]).await.end().await;
    let path = directory.path().join("journal.db");
    let file = Connection::open(&path).unwrap();
    file.pragma_update(None, "user_version", 7).unwrap();
    drop(file);
    let error = StateDirectory::new(directory.path(), Arc::new(SystemClock)).open().await.unwrap_err();
    let report = crate::report(&error);
    assert!(report.contains("format 7") && report.contains("up to 1"), "{report}");
    assert!(path.exists() && !directory.path().join("journal.db.damaged-1").exists());
}

#[tokio::test]
async fn one_process_owns_a_directory_and_the_next_one_waits() {
    let parent = directory();
    let path = parent.path().join("state");
    let first = StateDir::claim(&path).unwrap();
    assert!(first.is_some());
    assert!(StateDir::claim(&path).unwrap().is_none());
    let second = StateDirectory::new(&path, Arc::new(SystemClock));
    let mut opening = second.open();
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut opening).await.is_err());
    drop(first);
    opening.await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(&path), mode(&path.join("journal.db")), mode(&path.join("lock"))),
        (0o700, 0o600, 0o600)
    );
}

fn pipeline(directory: &Path, sink: &ScriptedSink, batches: Vec<EventBatch>) -> Pipeline {
    Pipeline::builder()
        .storage(Arc::new(StateDirectory::new(directory, Arc::new(SystemClock))))
        .source(FakeSource::ending("source", batches))
        .sink("picky", sink.clone(), Policy::default())
        .build()
        .unwrap()
}

#[tokio::test]
async fn what_is_damaged_in_use_holds_nobody_and_is_moved_aside_at_the_next_start() {
    let directory = directory();
    let process = Process::start(directory.path(), &["a"]).await;
    let random = |n: u64| {
        let noise: String = (0..20_000).map(|_| fastrand::alphanumeric()).collect();
        let event = Event { reason: n.to_string(), message: noise, ..Event::default() };
        batch(n, n + 1).with_events(vec![Arc::new(event)])
    };
    for n in 0..100 {
        process.journal.append(random(n)).await;
    }
    process.backing.synced().await;
    let path = directory.path().join("journal.db");
    Connection::open(&path).unwrap().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &[0xff; 400_000], 600_000).unwrap();

    let taken = process.take_all("a").await;
    let lost = process.cursors["a"].lost();
    assert!(taken.len() > 20 && lost > 10, "{} taken, {lost} lost", taken.len());
    assert_eq!(taken.len() as u64 + lost, 100);
    // The intake goes on.
    process.journal.append(batch(100, 110)).await;
    assert_eq!(process.take_all("a").await.len(), 10);
    process.end().await;

    let next = Process::start(directory.path(), &["a"]).await;
    assert!(directory.path().join("journal.db.damaged-1").exists());
    assert!(!directory.path().join("damaged").exists());
    assert_eq!(next.contents, Contents::default());
}

#[tokio::test]
async fn only_input_that_is_stored_shows_that_input_can_be_stored() {
    let directory = directory();
    let state = StateDir::claim(directory.path()).unwrap().unwrap();
    let (store, _, _) = Store::open(state).unwrap();
    let writer = writer::Writer::start(store, 0, Arc::new(SystemClock)).unwrap();
    writer.limit_pages(16);
    let mut first = 0;
    while writer.append(first, batch(first, first + 1000)).await {
        first += 1000;
    }
    for number in 0..3 {
        writer.mark("a".into(), Mark { number, ..Mark::default() });
        writer.synced().await;
        assert!(writer.health().trouble().is_some());
    }
}

#[tokio::test]
async fn a_stop_awaits_what_is_under_way_and_leaves_the_rest() {
    let directory = directory();
    let (asked, stopping) = tokio::sync::oneshot::channel::<()>();
    let slow = SlowSink::default();
    let pipeline = Pipeline::builder()
        .storage(Arc::new(StateDirectory::new(directory.path(), Arc::new(SystemClock))))
        .source(FakeSource::lasting("source", [batch(0, 10)]))
        .sink("slow", slow.clone(), Policy::default())
        .shutdown(async { _ = stopping.await })
        .build()
        .unwrap();
    let running = tokio::spawn(pipeline.run());
    slow.begun.notified().await;
    drop(asked);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!running.is_finished(), "it is awaited");
    slow.may_end.notify_one();
    let summary = running.await.unwrap().unwrap();
    let counted = |count: &AtomicUsize| count.load(Ordering::Relaxed);
    assert_eq!((counted(&slow.attempts), counted(&slow.delivered), summary.sinks[0].exported), (1, 1, 1));
    let view = StateView::open(directory.path()).unwrap().summary().unwrap();
    assert_eq!((view.sinks["slow"].number, view.sinks["slow"].waiting), (1, 9));
}

/// Takes one event at a time, and ends when it may.
#[derive(Clone, Default)]
struct SlowSink {
    begun: Arc<tokio::sync::Notify>,
    may_end: Arc<tokio::sync::Notify>,
    attempts: Arc<AtomicUsize>,
    delivered: Arc<AtomicUsize>,
}

#[async_trait::async_trait]
impl EventSink for SlowSink {
    fn name(&self) -> &str {
        "slow"
    }

    fn limits(&self) -> BatchLimits {
        BatchLimits::ONE_EVENT
    }

    async fn export_events(&self, batch: &EventBatch) -> Result<(), ExportError> {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        self.begun.notify_one();
        self.may_end.notified().await;
        self.delivered.fetch_add(batch.len(), Ordering::Relaxed);
        Ok(())
    }
}

#[tokio::test]
async fn what_a_sink_rejects_is_kept_until_it_is_replayed_or_dropped() {
    let directory = directory();
    let rejects = || Answer::Err(ExportError::rejected("it is too odd"));
    let sink = ScriptedSink::always(rejects);
    pipeline(directory.path(), &sink, vec![batch(0, 4)]).run().await.unwrap();
    let view = StateView::open(directory.path()).unwrap();
    let letters = view.dead_letters(&DeadLetters::default(), usize::MAX).unwrap();
    assert_eq!(letters.len(), 4);
    assert_eq!((&*letters[0].sink, letters[0].is_replaying), ("picky", false));
    assert!(
        letters[0].reason.contains("it is too odd") && letters[0].event.get().contains("\"reason\":\"0\"")
    );
    let which = |ids: &[i64]| DeadLetters { sink: Some("picky".to_owned()), ids: ids.to_vec() };
    assert_eq!(view.replay(&DeadLetters { sink: Some("other".to_owned()), ids: Vec::new() }).unwrap(), 0);
    assert_eq!(view.drop_dead_letters(&which(&[letters[3].id])).unwrap(), 1);
    assert_eq!(view.replay(&which(&[letters[0].id, letters[2].id])).unwrap(), 2);

    // One is rejected again and one is taken now.
    let sink = ScriptedSink::answering([rejects(), rejects(), Answer::Ok]);
    let (asked, stopping) = tokio::sync::oneshot::channel::<()>();
    let running = Pipeline::builder()
        .storage(Arc::new(StateDirectory::new(directory.path(), Arc::new(SystemClock))))
        .source(FakeSource::lasting("source", []))
        .sink("picky", sink.clone(), Policy::default())
        .shutdown(async { _ = stopping.await })
        .build()
        .unwrap();
    let running = tokio::spawn(running.run());
    sink.wait_for(1).await;
    drop(asked);
    running.await.unwrap().unwrap();
    let left = view.dead_letters(&DeadLetters::default(), usize::MAX).unwrap();
    assert!(left.iter().all(|letter| !letter.is_replaying));
    let reasons: Vec<_> = left.iter().map(|letter| letter.event.get().contains("\"reason\":\"0\"")).collect();
    assert_eq!((sink.delivered().len(), reasons), (1, vec![false, true]));
    assert_eq!(view.summary().unwrap().dead_letters, 2);
}

#[tokio::test(start_paused = true)]
async fn a_look_from_outside_says_what_waits_for_whom() {
    let directory = directory();
    let process = Process::start(directory.path(), &["fast", "slow"]).await;
    process.journal.append(batch(0, 10)).await;
    process.journal.append(batch(10, 20)).await;
    process.take_all("fast").await;
    let lease = process.cursors["slow"].lease(NonZeroUsize::new(8).unwrap()).await.unwrap();
    process.cursors["slow"].settle([0, 1, 2, 5]);
    process.backing.synced().await;
    let summary = StateView::open(directory.path()).unwrap().summary().unwrap();
    assert_eq!((lease.len(), summary.batches, summary.events, summary.dead_letters), (8, 2, 20, 0));
    assert_eq!(summary.bytes, process.backing.bytes());
    let place = |name: &str| (summary.sinks[name].number, summary.sinks[name].waiting);
    assert_eq!((place("fast"), place("slow")), ((20, 0), (3, 16)));
    assert_eq!(
        (summary.sinks["fast"].waits_since, summary.sinks["slow"].waits_since),
        (None, Some(Timestamp::UNIX_EPOCH))
    );
    assert_eq!(summary.sources["source"].0[""].version, "20");
    let error = StateView::open(&directory.path().join("elsewhere")).unwrap_err();
    assert!(crate::report(&error).contains("no journal"), "{}", crate::report(&error));
}

/// What a process does between its start and its end.
#[derive(Clone, Debug)]
enum Step {
    Append(u64),
    Lease {
        sink: usize,
        max: usize,
    },
    Settle {
        sink: usize,
        indices: Vec<usize>,
    },
    /// The process dies; of the write-ahead log so many thousandths reach the disk.
    Die {
        kept: usize,
    },
}

const SINKS: [&str; 2] = ["one", "two"];

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..30_u64).prop_map(Step::Append),
        4 => (0..2_usize, 1..40_usize).prop_map(|(sink, max)| Step::Lease { sink, max }),
        4 => (0..2_usize, prop::collection::vec(0..40_usize, 1..40))
            .prop_map(|(sink, indices)| Step::Settle { sink, indices }),
        1 => (0..=1000_usize).prop_map(|kept| Step::Die { kept }),
        1 => Just(Step::Die { kept: 1000 }),
    ]
}

/// Copies the directory as a crash leaves it.
fn crash(from: &Path, to: &Path, kept: usize) {
    for name in ["journal.db", "journal.db-wal"] {
        let Ok(mut content) = fs::read(from.join(name)) else { continue };
        if name.ends_with("-wal") {
            content.truncate(content.len() * kept / 1000);
        }
        fs::write(to.join(name), content).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// The source repeats what comes after its stored position; every sink gets a verdict on every event in the end; and
    /// a process that was killed, without a power cut, repeats to a sink only what it held.
    #[test]
    fn whatever_dies_each_sink_has_every_event(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let mut directory = directory();
            let mut process = Process::start(directory.path(), &SINKS).await;
            // Where the source is, and how much has happened.
            let (mut source_at, mut world) = (0, 0);
            let mut had_power_cut = false;
            let mut held: [Vec<u64>; 2] = Default::default();
            let mut delivered: [BTreeSet<u64>; 2] = Default::default();
            for step in steps {
                match step {
                    Step::Append(events) => {
                        process.journal.append(batch(source_at, source_at + events)).await;
                        source_at += events;
                        world = world.max(source_at);
                    }
                    Step::Lease { sink, max } => {
                        let max = NonZeroUsize::new(max).unwrap();
                        held[sink] = process.lease(SINKS[sink], max).await.unwrap_or_default();
                    }
                    Step::Settle { sink, indices } => {
                        let indices: Vec<usize> =
                            indices.into_iter().filter(|index| *index < held[sink].len()).collect();
                        delivered[sink].extend(indices.iter().map(|index| held[sink][*index]));
                        process.cursors[SINKS[sink]].settle(indices);
                    }
                    Step::Die { kept } => {
                        process.journal.synced().await;
                        let next = self::directory();
                        crash(directory.path(), next.path(), kept);
                        drop(process);
                        directory = next;
                        process = Process::start(directory.path(), &SINKS).await;
                        source_at = position(&process.contents);
                        assert_eq!(source_at, process.contents.next);
                        held = Default::default();
                        had_power_cut |= kept < 1000;
                        if !had_power_cut {
                            for (sink, delivered) in SINKS.iter().zip(&delivered) {
                                let waiting = process.journal.backlogs().into_iter();
                                let waiting = waiting.filter(|(name, _)| &**name == *sink).map(|(_, it)| it.events);
                                let open = (0..source_at).filter(|n| !delivered.contains(n)).count();
                                assert_eq!(waiting.sum::<usize>(), open, "{sink} is handed again what it had");
                            }
                        }
                    }
                }
            }
            if source_at < world {
                process.journal.append(batch(source_at, world)).await;
            }
            for (sink, delivered) in SINKS.iter().zip(&mut delivered) {
                delivered.extend(process.take_all(sink).await);
                assert_eq!(delivered.iter().copied().collect::<Vec<_>>(), (0..world).collect::<Vec<_>>());
                assert_eq!(process.cursors[sink].lost(), 0);
            }
        });
    }
}
