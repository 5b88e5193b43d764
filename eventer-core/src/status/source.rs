//! How one source is: what its driver writes down.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::SourceReport;
use crate::batch::Checkpoint;
use crate::source::SourceStatus;

/// A loop that has not turned for longer than this is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(60);

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

    /// When events were last taken, perhaps none.
    pub(super) fn last_round(&self) -> Option<Timestamp> {
        self.lock().last_round
    }

    /// Whether it ended in trouble.
    pub(super) fn is_broken_off(&self) -> bool {
        self.lock().is_broken_off
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

    /// Whether its driver's loop does not turn.
    pub(super) fn is_stuck(&self) -> bool {
        let inner = self.lock();
        !inner.has_ended && inner.turned_at.is_some_and(|at| at.elapsed() > STUCK_AFTER)
    }

    pub(super) fn report(&self) -> SourceReport {
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
