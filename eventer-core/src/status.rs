//! How the sources and sinks of a pipeline are, for probes and for people.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::batch::Checkpoint;
use crate::event::Event;
use crate::expression::EvaluationError;
use crate::journal::Journal;
use crate::metrics::DropReason;
use crate::source::SourceStatus;
use crate::time::{Clock, format_duration};

/// A loop that has not turned for longer than this is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(60);

/// Trouble that goes on is logged again this often.
const LOG_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// How a pipeline is at any time. Clones share it.
#[derive(Clone)]
pub struct PipelineStatus(Arc<Board>);

pub(crate) struct Board {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) journal: Journal,
    pub(crate) has_storage: bool,
    pub(crate) components: Mutex<Components>,
}

/// The sources and sinks that there are at present.
#[derive(Clone, Default)]
pub(crate) struct Components {
    pub(crate) sources: Vec<Arc<SourceState>>,
    pub(crate) sinks: Vec<Arc<SinkState>>,
}

/// How a source is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SourceReport {
    /// Its name.
    pub name: Arc<str>,
    /// What it says of itself.
    pub status: SourceStatus,
    /// How long it has been waiting for room in the journal.
    pub waiting_for_room: Option<Duration>,
}

/// How a sink is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SinkReport {
    /// Its name.
    pub name: Arc<str>,
    /// Its kind.
    pub kind: &'static str,
    /// Whether it could be opened.
    pub is_open: bool,
    /// Since when every attempt has failed.
    pub failing_since: Option<Timestamp>,
    /// Why the last attempt failed. Holds no secret.
    pub last_error: Option<String>,
    /// Events that wait for it.
    pub backlog: usize,
    /// How long the oldest of them has been waiting, by its receipt.
    pub lag: Duration,
}

impl PipelineStatus {
    pub(crate) fn new(board: Board) -> Self {
        Self(Arc::new(board))
    }

    /// There are others from now on.
    pub(crate) fn set_components(&self, components: Components) {
        *self.0.components.lock().unwrap_or_else(PoisonError::into_inner) = components;
    }

    fn components(&self) -> Components {
        self.0.components.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the pipeline's own loops turn. Waiting for a destination is no standstill.
    pub fn is_live(&self) -> bool {
        self.components().sources.iter().all(|source| !source.is_stuck())
    }

    /// When events were last taken from a source.
    pub fn last_round(&self) -> Option<Timestamp> {
        self.components().sources.iter().filter_map(|source| source.lock().last_round).max()
    }

    /// Why nothing can be taken in now: the storage of the journal is not open, or cannot be written. `None`: it is well,
    /// or there is none.
    pub fn storage_trouble(&self) -> Option<String> {
        if self.0.has_storage && !self.0.journal.is_on_disk() {
            return Some("the state directory is not open: another process may have it".to_owned());
        }
        self.0.journal.trouble()
    }

    /// The sources that ended in trouble.
    pub(crate) fn broken_off(&self) -> Vec<Arc<str>> {
        let sources = self.components().sources;
        let broken_off = sources.iter().filter(|source| source.lock().is_broken_off);
        broken_off.map(|source| source.name.clone()).collect()
    }

    /// How each source is.
    pub fn sources(&self) -> Vec<SourceReport> {
        self.components().sources.iter().map(|source| source.report()).collect()
    }

    /// How each sink is.
    pub fn sinks(&self) -> Vec<SinkReport> {
        let now = self.0.clock.now();
        let backlogs = self.0.journal.backlogs();
        let sinks = self.components().sinks;
        let reports = sinks.iter().map(|sink| {
            let mut report = sink.report();
            if let Some((_, backlog)) = backlogs.iter().find(|(name, _)| *name == report.name) {
                report.backlog = backlog.events;
                report.lag = backlog.oldest.map(|oldest| age(now, oldest)).unwrap_or_default();
            }
            report
        });
        reports.collect()
    }
}

impl fmt::Debug for PipelineStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipelineStatus")
            .field("sources", &self.sources())
            .field("sinks", &self.sinks())
            .field("storage_trouble", &self.storage_trouble())
            .finish()
    }
}

/// The time from `since` to `now`, and nothing if a clock went back.
pub(crate) fn age(now: Timestamp, since: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}

/// What the driver of a source writes down of it.
#[derive(Debug)]
pub(crate) struct SourceState {
    name: Arc<str>,
    inner: Mutex<SourceInner>,
}

#[derive(Debug)]
struct SourceInner {
    status: SourceStatus,
    last_round: Option<Timestamp>,
    /// `None`: nothing turns yet.
    turned_at: Option<Instant>,
    waits_since: Option<Instant>,
    has_ended: bool,
    is_broken_off: bool,
    /// How far it has come: everything up to there is in the journal.
    checkpoint: Option<Arc<Checkpoint>>,
}

impl SourceState {
    pub(crate) fn new(name: Arc<str>) -> Self {
        let inner = SourceInner {
            status: SourceStatus::default(),
            last_round: None,
            turned_at: None,
            waits_since: None,
            has_ended: false,
            is_broken_off: false,
            checkpoint: None,
        };
        Self { name, inner: Mutex::new(inner) }
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// It is opened now, at `checkpoint`, and its driver's loop will turn.
    pub(crate) fn begins(&self, checkpoint: Option<Arc<Checkpoint>>) {
        let mut inner = self.lock();
        inner.turned_at = Some(Instant::now());
        (inner.has_ended, inner.is_broken_off) = (false, false);
        inner.checkpoint = checkpoint;
    }

    /// Everything up to `checkpoint` is in the journal.
    pub(crate) fn reached(&self, checkpoint: Arc<Checkpoint>) {
        self.lock().checkpoint = Some(checkpoint);
    }

    /// How far it has come.
    pub(crate) fn checkpoint(&self) -> Option<Arc<Checkpoint>> {
        self.lock().checkpoint.clone()
    }

    /// The driver's loop has turned.
    pub(crate) fn turned(&self, status: SourceStatus) {
        let mut inner = self.lock();
        inner.turned_at = Some(Instant::now());
        inner.status = status;
    }

    /// Events were taken, perhaps none.
    pub(crate) fn round(&self, at: Timestamp) {
        self.lock().last_round = Some(at);
    }

    /// The driver waits for room in the journal, or waits no more.
    pub(crate) fn waits_for_room(&self, waits: bool) {
        let mut inner = self.lock();
        let now = Instant::now();
        inner.turned_at = Some(now);
        inner.waits_since = waits.then(|| inner.waits_since.unwrap_or(now));
    }

    /// The source has ended, perhaps in trouble, and will not turn any more.
    pub(crate) fn ended(&self, is_broken_off: bool) {
        let mut inner = self.lock();
        inner.has_ended = true;
        inner.is_broken_off = is_broken_off;
    }

    fn is_stuck(&self) -> bool {
        let inner = self.lock();
        !inner.has_ended && inner.turned_at.is_some_and(|at| at.elapsed() > STUCK_AFTER)
    }

    fn report(&self) -> SourceReport {
        let inner = self.lock();
        SourceReport {
            name: self.name.clone(),
            status: inner.status.clone(),
            waiting_for_room: inner.waits_since.map(|since| since.elapsed()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, SourceInner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the worker of a sink and the layers around it write down of it. Logs trouble when it begins, when it changes,
/// once a minute while it lasts, and when it is over.
#[derive(Debug)]
pub(crate) struct SinkState {
    name: Arc<str>,
    clock: Arc<dyn Clock>,
    is_open: AtomicBool,
    inner: Mutex<SinkInner>,
}

#[derive(Debug, Default)]
struct SinkInner {
    kind: &'static str,
    failing_since: Option<(Timestamp, Instant)>,
    failures: u64,
    last_error: Option<String>,
    logged_at: Option<Instant>,
    rejection_logged_at: Option<Instant>,
    drops_unlogged: u64,
    drops_logged_at: Option<Instant>,
    filter_errors_unlogged: u64,
    filter_errors_logged_at: Option<Instant>,
    totals: Totals,
}

fn is_due(logged_at: Option<Instant>) -> bool {
    logged_at.is_none_or(|at| at.elapsed() >= LOG_AGAIN_AFTER)
}

/// What became of the events of a sink so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) exported: u64,
    pub(crate) rejected: u64,
    pub(crate) dropped: u64,
}

impl Totals {
    /// Events with a verdict.
    pub(crate) fn settled(self) -> u64 {
        self.exported + self.rejected + self.dropped
    }
}

impl SinkState {
    pub(crate) fn new(name: Arc<str>, kind: &'static str, clock: Arc<dyn Clock>) -> Self {
        let inner = Mutex::new(SinkInner { kind, ..SinkInner::default() });
        Self { name, clock, is_open: AtomicBool::new(false), inner }
    }

    /// Another sink comes in its place, which is not open yet. What became of the events so far still counts.
    pub(crate) fn becomes(&self, kind: &'static str) {
        self.is_open.store(false, Ordering::Relaxed);
        let mut inner = self.lock();
        let totals = inner.totals;
        *inner = SinkInner { kind, totals, ..SinkInner::default() };
    }

    /// It could be opened. That is all that is known of the destination.
    pub(crate) fn opened(&self) {
        self.is_open.store(true, Ordering::Relaxed);
        self.succeeded();
    }

    /// An attempt brought the events further.
    pub(crate) fn succeeded(&self) {
        let mut inner = self.lock();
        let failures = std::mem::take(&mut inner.failures);
        inner.logged_at = None;
        if let Some((_, since)) = inner.failing_since.take() {
            let after = format_duration(Duration::from_millis(since.elapsed().as_millis() as u64));
            drop(inner);
            tracing::info!(sink = &*self.name, failures, after, "works again");
        }
    }

    /// An attempt failed.
    pub(crate) fn failed(&self, error: String) {
        let mut inner = self.lock();
        inner.failures += 1;
        inner.failing_since.get_or_insert_with(|| (self.clock.now(), Instant::now()));
        let is_news = inner.last_error.as_ref() != Some(&error);
        let is_told = is_news || is_due(inner.logged_at);
        let attempt = inner.failures;
        let told = is_told.then(|| error.clone());
        inner.last_error = Some(error);
        if let Some(error) = told {
            inner.logged_at = Some(Instant::now());
            drop(inner);
            tracing::warn!(sink = &*self.name, attempt, error, "an attempt failed");
        }
    }

    /// Events were given up. Many are told together, once a minute.
    pub(crate) fn dropped(&self, reason: DropReason, events: usize) {
        if events == 0 {
            return;
        }
        let mut inner = self.lock();
        inner.totals.dropped += events as u64;
        inner.drops_unlogged += events as u64;
        if is_due(inner.drops_logged_at) {
            inner.drops_logged_at = Some(Instant::now());
            let events = std::mem::take(&mut inner.drops_unlogged);
            drop(inner);
            tracing::error!(sink = &*self.name, events, reason = reason.as_str(), "events are given up");
        }
    }

    /// An event was rejected. Of many, the first ones are told and then one a minute: the reason is mostly the same.
    pub(crate) fn rejected(&self, event: &Event, error: &str) {
        const FIRST: u64 = 10;
        let mut inner = self.lock();
        inner.totals.rejected += 1;
        let so_far = inner.totals.rejected;
        if so_far > FIRST && !is_due(inner.rejection_logged_at) {
            return;
        }
        inner.rejection_logged_at = Some(Instant::now());
        drop(inner);
        let event = event.id();
        tracing::error!(
            sink = &*self.name,
            event,
            error,
            so_far,
            "the destination will never take this event"
        );
    }

    /// It could not be computed whether the sink wants an event. One is told a minute, with how many there were.
    pub(crate) fn filter_failed(&self, event: &Event, error: &EvaluationError) {
        let mut inner = self.lock();
        inner.filter_errors_unlogged += 1;
        if !is_due(inner.filter_errors_logged_at) {
            return;
        }
        inner.filter_errors_logged_at = Some(Instant::now());
        let events = std::mem::take(&mut inner.filter_errors_unlogged);
        drop(inner);
        let (event, error) = (event.id(), error.to_string());
        tracing::warn!(sink = &*self.name, events, event, error, "a filter fails, so these are delivered");
    }

    /// Adds to what became of its events.
    pub(crate) fn count(&self, add: impl FnOnce(&mut Totals)) {
        add(&mut self.lock().totals);
    }

    pub(crate) fn totals(&self) -> Totals {
        self.lock().totals
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn report(&self) -> SinkReport {
        let inner = self.lock();
        SinkReport {
            name: self.name.clone(),
            kind: inner.kind,
            is_open: self.is_open.load(Ordering::Relaxed),
            failing_since: inner.failing_since.map(|(at, _)| at),
            last_error: inner.last_error.clone(),
            backlog: 0,
            lag: Duration::ZERO,
        }
    }

    fn lock(&self) -> MutexGuard<'_, SinkInner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
