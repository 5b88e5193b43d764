//! The journal: one log of batches with one cursor per sink. It is the only buffer between sources and sinks.
//!
//! ```text
//!   dropped │ oldest ─ ─ ─ ─ ─ ─ ─ newest │ next append
//!           │   ▲ cursor of a lagging sink ▲ cursor of a sink that keeps up
//! ```
//!
//! A batch stays until every cursor has passed it, and a cursor moves on a verdict only. When the journal is full,
//! [`room`] decides who waits and what goes.

mod cursor;
mod room;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::batch::EventBatch;
use crate::event::Event;
use crate::metrics::{DropReason, SinkMetrics};
pub(crate) use cursor::{Cursor, Lease};
pub use room::PATIENCE;

/// Decides which events of the journal a cursor's sink wants, so that only these are counted when they are lost.
pub(crate) type Wants = Box<dyn Fn(&Event) -> bool + Send + Sync>;

/// One log of batches with one cursor per sink, in memory. Clones share it.
#[derive(Clone)]
pub struct Journal(Arc<Shared>);

struct Shared {
    capacity: usize,
    state: Mutex<State>,
    /// Woken when a batch was appended or the journal was closed.
    appended: Notify,
    /// Woken when a cursor moved or came.
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
    /// The first event without a verdict.
    at: Place,
    /// The first event that the sink does not hold at present.
    leased_to: Place,
    /// What the sink holds at present, and how many of these events have a verdict. They count as undelivered even if
    /// the journal had to drop their batch.
    held: Option<(EventBatch, usize)>,
    moved_at: Instant,
    wants: Wants,
    metrics: SinkMetrics,
    lost: u64,
    lost_unlogged: u64,
    loss_logged_at: Option<Instant>,
}

/// How much of the journal a sink has still before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Events without a verdict.
    pub events: usize,
    /// When the oldest of them was received.
    pub oldest: Option<Timestamp>,
}

impl Journal {
    /// A journal that holds about `capacity` bytes of events, and at least one batch.
    pub fn new(capacity: usize) -> Self {
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
    pub async fn append(&self, batch: EventBatch) {
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
    pub fn close(&self) {
        self.0.lock().is_closed = true;
        self.0.appended.notify_waiters();
    }

    /// Adds a cursor at the end of the log.
    pub(crate) fn subscribe(&self, name: Arc<str>, wants: Wants, metrics: SinkMetrics) -> Cursor {
        let mut state = self.0.lock();
        let at = state.end();
        state.cursors.push(CursorState {
            name,
            at,
            leased_to: at,
            held: None,
            moved_at: Instant::now(),
            wants,
            metrics,
            lost: 0,
            lost_unlogged: 0,
            loss_logged_at: None,
        });
        Cursor::new(self.0.clone(), state.cursors.len() - 1)
    }

    /// What each sink has before it, by name.
    pub fn backlogs(&self) -> Vec<(Arc<str>, Backlog)> {
        let state = self.0.lock();
        state.cursors.iter().map(|cursor| (cursor.name.clone(), state.backlog(cursor.at))).collect()
    }

    /// About how many bytes of events it holds.
    pub fn resident_bytes(&self) -> usize {
        self.0.lock().bytes
    }

    /// About how many bytes of events it can hold.
    pub fn capacity(&self) -> usize {
        self.0.capacity
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
        if self.cursors.is_empty() {
            self.first += 1;
            return;
        }
        self.bytes += entry.bytes;
        self.entries.push_back(entry);
    }

    /// Lets the batches go that every cursor has passed.
    fn release(&mut self) {
        let slowest = self.cursors.iter().map(|cursor| cursor.at.batch).min().unwrap_or(self.next());
        while self.first < slowest {
            let Some(entry) = self.entries.pop_front() else { break };
            self.bytes -= entry.bytes;
            self.first += 1;
        }
    }

    /// Drops the oldest batch, and counts for each sink what it has not had.
    fn drop_oldest(&mut self) {
        let Some(entry) = self.entries.pop_front() else { return };
        self.bytes -= entry.bytes;
        let number = self.first;
        self.first += 1;
        for cursor in self.cursors.iter_mut().filter(|cursor| cursor.at.batch <= number) {
            // What the sink holds at present may still be delivered.
            let held = cursor.leased_to.max(cursor.at);
            let from = if held.batch > number { entry.batch.len() } else { held.event };
            let lost = entry.batch.events()[from..].iter().filter(|event| (cursor.wants)(event)).count();
            cursor.at = Place { batch: self.first, event: 0 };
            cursor.metrics.dropped(DropReason::JournalFull, lost);
            cursor.report_loss(lost);
        }
    }

    fn entry(&self, number: u64) -> Option<&Entry> {
        let index = number.checked_sub(self.first)?;
        self.entries.get(usize::try_from(index).ok()?)
    }

    /// The events from `at` on.
    fn unsettled(&self, at: Place) -> impl Iterator<Item = &Arc<Event>> {
        (at.batch.max(self.first)..self.next())
            .filter_map(|number| self.entry(number).map(|entry| (number, entry)))
            .flat_map(move |(number, entry)| {
                let from = if number == at.batch { at.event } else { 0 };
                &entry.batch.events()[from.min(entry.batch.len())..]
            })
    }

    fn backlog(&self, at: Place) -> Backlog {
        let oldest = self.unsettled(at).next().map(|event| event.received_at);
        Backlog { events: self.unsettled(at).count(), oldest }
    }
}

impl CursorState {
    /// Says at most once a minute that a sink lost events.
    fn report_loss(&mut self, lost: usize) {
        const EVERY: Duration = Duration::from_secs(60);
        self.lost += lost as u64;
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
