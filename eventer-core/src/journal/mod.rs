//! The journal: one log of batches with one cursor per sink. It is the only buffer between sources and sinks.
//!
//! ```text
//!   dropped │ oldest ─ ─ ─ ─ ─ ─ ─ newest │ next append
//!           │   ▲ cursor of a lagging sink ▲ cursor of a sink that keeps up
//! ```
//!
//! To a sink each event is in one of four states: it waits in the log; the sink holds it; it has a verdict; or it was
//! dropped and counted. A batch stays in the log until every sink holds it, and what a sink holds is its own until there
//! is a verdict: without one it is leased again. When the log is full, [`room`] decides who waits and what goes.

mod cursor;
mod room;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::batch::EventBatch;
use crate::event::Event;
use crate::metrics::{DropReason, SinkMetrics};
pub(crate) use cursor::Cursor;
pub(crate) use room::PATIENCE;

/// Decides which events of the journal a cursor's sink wants, so that only these are counted when they are lost.
pub(crate) type Wants = Box<dyn Fn(&Event) -> bool + Send + Sync>;

/// One log of batches with one cursor per sink, in memory. Clones share it.
#[derive(Clone)]
pub(crate) struct Journal(Arc<Shared>);

/// A handle of a journal that does not keep it.
#[derive(Clone)]
pub(crate) struct WeakJournal(Weak<Shared>);

struct Shared {
    capacity: usize,
    state: Mutex<State>,
    /// Woken when a batch was appended or the journal was closed.
    appended: Notify,
    /// Woken when a sink leased something or gave a verdict.
    moved: Notify,
}

#[derive(Default)]
struct State {
    /// Number of the first batch in `entries`; it counts from the first batch ever appended.
    first: u64,
    entries: VecDeque<Entry>,
    bytes: usize,
    cursors: Vec<CursorState>,
    is_closed: bool,
}

struct Entry {
    batch: EventBatch,
    bytes: usize,
}

/// A place in the log: a batch's number and an event's index in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    batch: u64,
    event: usize,
}

struct CursorState {
    name: Arc<str>,
    /// The first event that the sink has not leased.
    next: Place,
    /// What the sink holds without a verdict. It is no longer the log's, which may drop its batches.
    held: Option<Held>,
    /// When there was last a verdict, or nothing to give one on.
    moved_at: Instant,
    /// How long it may be without a verdict before it counts as dead.
    patience: Duration,
    wants: Wants,
    metrics: SinkMetrics,
    lost: u64,
    lost_unlogged: u64,
    loss_logged_at: Option<Instant>,
    /// Events that were there when the journal was closed and did not come in any more.
    refused: usize,
    /// The sink has gone for good, and nobody waits for it.
    is_gone: bool,
}

/// Events that a sink holds.
struct Held {
    batch: EventBatch,
    /// Number of the batch in the log that the first of them is from.
    from: u64,
    /// Which of them have a verdict.
    settled: Vec<bool>,
    unsettled: usize,
}

/// How much of the journal a sink has still before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Backlog {
    /// Events without a verdict.
    pub(crate) events: usize,
    /// When the oldest of them was received.
    pub(crate) oldest: Option<Timestamp>,
}

impl Journal {
    /// A journal that holds about `capacity` bytes of events, and at least one batch.
    pub(crate) fn new(capacity: usize) -> Self {
        Self(Arc::new(Shared {
            capacity,
            state: Mutex::default(),
            appended: Notify::new(),
            moved: Notify::new(),
        }))
    }

    /// Appends a batch; waits while there is no room. Without cursors nobody wants the batch, and it goes at once.
    ///
    /// # Cancellation
    /// Safe to cancel: the batch is then not in the journal.
    pub(crate) async fn append(&self, batch: EventBatch) {
        if batch.is_empty() {
            return;
        }
        let entry = Entry { bytes: batch.resident_bytes(), batch };
        loop {
            let moved = self.0.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            let wait = {
                let mut state = self.0.lock();
                match state.make_room(entry.bytes, self.0.capacity, entry.batch.intake()) {
                    Ok(()) => {
                        state.push(entry);
                        break;
                    }
                    Err(wait) => wait,
                }
            };
            match wait {
                room::Wait::ForMove => moved.await,
                room::Wait::Until(deadline) => _ = tokio::time::timeout_at(deadline, moved).await,
            }
        }
        self.0.appended.notify_waiters();
    }

    /// Nothing more will be appended: a sink that has come to the end may leave.
    pub(crate) fn close(&self) {
        self.0.lock().is_closed = true;
        self.0.appended.notify_waiters();
    }

    /// Counts a batch that cannot come in any more as undelivered, for every sink that wants it.
    pub(crate) fn refuse(&self, batch: &EventBatch) {
        for cursor in &mut self.0.lock().cursors {
            cursor.refused += batch.iter().filter(|event| (cursor.wants)(event)).count();
        }
    }

    /// Adds a cursor at the end of the log. `patience` is how long the sink may be without a verdict before others need
    /// not wait for it.
    pub(crate) fn subscribe(
        &self,
        name: Arc<str>,
        wants: Wants,
        patience: Duration,
        metrics: SinkMetrics,
    ) -> Cursor {
        let mut state = self.0.lock();
        let next = state.end();
        state.cursors.push(CursorState {
            name,
            next,
            held: None,
            moved_at: Instant::now(),
            patience,
            wants,
            metrics,
            lost: 0,
            lost_unlogged: 0,
            loss_logged_at: None,
            refused: 0,
            is_gone: false,
        });
        Cursor::new(self.0.clone(), state.cursors.len() - 1)
    }

    /// A handle that does not keep the journal.
    pub(crate) fn downgrade(&self) -> WeakJournal {
        WeakJournal(Arc::downgrade(&self.0))
    }

    /// What each sink has before it, by name.
    pub(crate) fn backlogs(&self) -> Vec<(Arc<str>, Backlog)> {
        let state = self.0.lock();
        state.cursors.iter().map(|cursor| (cursor.name.clone(), state.backlog(cursor))).collect()
    }

    /// About how many bytes of events it holds.
    pub(crate) fn resident_bytes(&self) -> usize {
        self.0.lock().bytes
    }

    /// About how many bytes of events it can hold.
    pub(crate) fn capacity(&self) -> usize {
        self.0.capacity
    }
}

impl WeakJournal {
    /// The journal, while somebody keeps it.
    pub(crate) fn upgrade(&self) -> Option<Journal> {
        self.0.upgrade().map(Journal)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic of another holder left the state whole: each change is made in one step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Number of the batch that comes next.
    fn next(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    fn end(&self) -> Place {
        Place { batch: self.next(), event: 0 }
    }

    fn push(&mut self, entry: Entry) {
        for cursor in self.cursors.iter_mut().filter(|cursor| cursor.is_gone) {
            let lost = entry.batch.iter().filter(|event| (cursor.wants)(event)).count();
            cursor.lose(DropReason::Gone, lost);
        }
        if self.sinks().next().is_none() {
            self.first += 1;
            return;
        }
        let end = self.end();
        for cursor in self.cursors.iter_mut().filter(|cursor| cursor.held.is_none() && cursor.next == end) {
            // It had nothing to give a verdict on until now.
            cursor.moved_at = Instant::now();
        }
        self.bytes += entry.bytes;
        self.entries.push_back(entry);
    }

    /// The sinks that somebody waits for.
    fn sinks(&self) -> impl Iterator<Item = &CursorState> {
        self.cursors.iter().filter(|cursor| !cursor.is_gone)
    }

    /// Lets the batches go that every sink has leased.
    fn release(&mut self) {
        let slowest = self.sinks().map(|cursor| cursor.next.batch).min().unwrap_or(self.next());
        while self.first < slowest {
            let Some(entry) = self.entries.pop_front() else { break };
            self.bytes -= entry.bytes;
            self.first += 1;
        }
    }

    /// Drops the oldest batch, and counts for each sink what it has not leased of it.
    fn drop_oldest(&mut self) {
        let Some(entry) = self.entries.pop_front() else { return };
        self.bytes -= entry.bytes;
        let number = self.first;
        self.first += 1;
        for cursor in self.cursors.iter_mut().filter(|cursor| !cursor.is_gone && cursor.next.batch == number)
        {
            let left = &entry.batch.events()[cursor.next.event..];
            let lost = left.iter().filter(|event| (cursor.wants)(event)).count();
            cursor.next = Place { batch: self.first, event: 0 };
            cursor.lose(DropReason::JournalFull, lost);
            cursor.report_loss(lost);
        }
    }

    fn entry(&self, number: u64) -> Option<&Entry> {
        let index = number.checked_sub(self.first)?;
        self.entries.get(usize::try_from(index).ok()?)
    }

    /// The events from `at` on.
    fn from(&self, at: Place) -> impl Iterator<Item = &Arc<Event>> {
        (at.batch..self.next()).filter_map(|number| self.entry(number).map(|entry| (number, entry))).flat_map(
            move |(number, entry)| {
                let from = if number == at.batch { at.event } else { 0 };
                &entry.batch.events()[from.min(entry.batch.len())..]
            },
        )
    }

    /// The events without a verdict, if the sink may still give one.
    fn unsettled<'a>(&'a self, cursor: &'a CursorState) -> impl Iterator<Item = &'a Arc<Event>> {
        let next = if cursor.is_gone { self.end() } else { cursor.next };
        cursor.held.iter().flat_map(Held::unsettled).chain(self.from(next))
    }

    fn backlog(&self, cursor: &CursorState) -> Backlog {
        let oldest = self.unsettled(cursor).next().map(|event| event.received_at);
        // The epoch stands for a time of receipt that nobody set.
        let oldest = oldest.filter(|at| *at != Timestamp::UNIX_EPOCH);
        Backlog { events: self.unsettled(cursor).count(), oldest }
    }
}

impl Held {
    fn unsettled(&self) -> impl Iterator<Item = &Arc<Event>> {
        self.batch.iter().zip(&self.settled).filter(|(_, is_settled)| !**is_settled).map(|(event, _)| event)
    }
}

impl CursorState {
    /// The number of the oldest batch that has an event without a verdict.
    fn at(&self) -> u64 {
        self.held.as_ref().map_or(self.next.batch, |held| held.from)
    }

    fn lose(&mut self, reason: DropReason, events: usize) {
        self.metrics.dropped(reason, events);
        self.lost += events as u64;
    }

    /// Says at most once a minute that a sink lost events, since the journal was full.
    fn report_loss(&mut self, lost: usize) {
        const EVERY: Duration = Duration::from_secs(60);
        self.lost_unlogged += lost as u64;
        if self.lost_unlogged == 0 || self.loss_logged_at.is_some_and(|at| at.elapsed() < EVERY) {
            return;
        }
        self.loss_logged_at = Some(Instant::now());
        let events = std::mem::take(&mut self.lost_unlogged);
        tracing::error!(
            sink = &*self.name,
            events,
            "the journal is full and this sink lags: its oldest events are dropped; enlarge --journal-size or mend the destination"
        );
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("capacity", &self.0.capacity).finish_non_exhaustive()
    }
}
