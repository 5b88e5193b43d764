//! The journal: one log of batches with one cursor per sink. It is the only buffer between sources and sinks.
//!
//! ```text
//!   dropped │ oldest ─ ─ ─ ─ ─ ─ ─ newest │ next append
//!           │   ▲ cursor of a lagging sink ▲ cursor of a sink that keeps up
//! ```
//!
//! To a sink each event is in one of four states: it waits in the log; the sink holds it; it has a verdict; or it was
//! dropped and counted. Without a verdict it is leased again. When the log is full, [`room`] decides who waits and what
//! goes.
//!
//! In memory a batch stays until every sink holds it. On a [`storage`] it stays until every sink has its verdict, since a
//! process may die; memory then holds the newest part of the log, from which sinks that keep up are served.

mod cursor;
mod disk;
mod lease;
mod room;
mod state;
pub mod storage;
#[cfg(test)]
mod tests;

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::batch::EventBatch;
use crate::event::Event;
use crate::metrics::SinkMetrics;
pub(crate) use cursor::Cursor;
pub(crate) use disk::Attachment;
pub use disk::Begin;
use disk::Disk;
pub(crate) use room::PATIENCE;
use state::{Away, CursorState, Entry, State};

/// When what failed on the storage is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Decides which events of the journal a cursor's sink wants, so that only these are counted when they are lost.
pub(crate) type Wants = Box<dyn Fn(&Event) -> bool + Send + Sync>;

/// One log of batches with one cursor per sink. Clones share it.
#[derive(Clone)]
pub(crate) struct Journal(Arc<Shared>);

/// A handle of a journal that does not keep it.
#[derive(Clone)]
pub(crate) struct WeakJournal(Weak<Shared>);

struct Shared {
    /// Bytes of events that it holds in memory.
    memory: usize,
    state: Mutex<State>,
    disk: OnceLock<Disk>,
    /// Held by the one append at a time that goes to the disk.
    appending: Arc<tokio::sync::Mutex<()>>,
    /// Woken when a batch was appended or the journal was closed.
    appended: Notify,
    /// Woken when a sink leased something or gave a verdict.
    moved: Notify,
}

/// A sink that wants a place in the journal.
pub(crate) struct Subscription {
    /// Its name, by which a place is known again.
    pub(crate) name: Arc<str>,
    /// Where it begins if it is not known.
    pub(crate) begin: Begin,
    pub(crate) wants: Wants,
    pub(crate) patience: Duration,
    pub(crate) metrics: SinkMetrics,
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
    /// A journal that holds about `memory` bytes of events in memory, and at least one batch.
    pub(crate) fn new(memory: usize) -> Self {
        Self(Arc::new(Shared {
            memory,
            state: Mutex::default(),
            disk: OnceLock::new(),
            appending: Arc::default(),
            appended: Notify::new(),
            moved: Notify::new(),
        }))
    }

    /// Appends a batch; waits while there is no room, unless `gives_up` resolves: then it is not in the journal, and false
    /// is the answer. Without cursors nobody wants the batch, and it goes at once.
    ///
    /// # Cancellation
    /// Safe to cancel: the batch is then not in the journal, or whole on its storage.
    pub(crate) async fn append_unless(&self, batch: EventBatch, gives_up: impl Future<Output = ()>) -> bool {
        if let Some(disk) = self.0.disk() {
            return self.append_to_disk(disk, batch, gives_up).await;
        }
        if batch.is_empty() {
            return true;
        }
        let mut gives_up = pin!(gives_up);
        let bytes = batch.resident_bytes();
        loop {
            let moved = self.0.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            let wait = {
                let mut state = self.0.lock();
                match state.make_room(bytes, self.0.memory, batch.intake()) {
                    Ok(()) => {
                        let first = state.next;
                        state.push(Entry { first, batch, bytes });
                        break;
                    }
                    Err(wait) => wait,
                }
            };
            tokio::select! {
                () = wait.over(moved) => {}
                () = &mut gives_up => return false,
            }
        }
        self.0.appended.notify_waiters();
        true
    }

    /// Appends a batch, however long it takes.
    #[cfg(test)]
    pub(crate) async fn append(&self, batch: EventBatch) {
        self.append_unless(batch, std::future::pending()).await;
    }

    /// Nothing more will be appended: a sink that has come to the end may leave.
    pub(crate) fn close(&self) {
        self.0.lock().is_closed = true;
        self.0.appended.notify_waiters();
    }

    /// Leaves what waits for the next process: no sink gets anything more.
    pub(crate) fn leave(&self) {
        self.0.lock().is_left = true;
        self.0.appended.notify_waiters();
    }

    /// Whether what waits is left for the next process.
    pub(crate) fn is_left(&self) -> bool {
        self.0.lock().is_left
    }

    /// Resolves when what waits is left for the next process.
    ///
    /// # Cancellation
    /// Safe to cancel.
    pub(crate) async fn left(&self) {
        loop {
            let appended = self.0.appended.notified();
            tokio::pin!(appended);
            appended.as_mut().enable();
            if self.is_left() {
                return;
            }
            appended.await;
        }
    }

    /// Counts a batch that cannot come in any more as undelivered, for every sink that wants it.
    pub(crate) fn refuse(&self, batch: &EventBatch) {
        if self.0.disk().is_some() {
            // Its position is not stored either: the next process reads it again.
            return;
        }
        for cursor in self.0.lock().cursors.iter_mut().filter(|cursor| cursor.away.is_none()) {
            cursor.refused += batch.iter().filter(|event| (cursor.wants)(event)).count();
        }
    }

    /// Adds a cursor: where the sink of this name was, if its place is still known; else where `begin` says. `patience`
    /// is how long the sink may be without a verdict before others need not wait for it.
    pub(crate) fn subscribe(&self, subscription: Subscription) -> Cursor {
        let Subscription { name, begin, wants, patience, metrics } = subscription;
        let mut state = self.0.lock();
        let known = state.cursors.iter().position(|cursor| cursor.name == name && cursor.away.is_some());
        state.release();
        let next = match begin {
            Begin::Oldest => state.oldest,
            Begin::Newest => state.next,
        };
        let index = match known {
            Some(index) => {
                let cursor = &mut state.cursors[index];
                match cursor.away.take() {
                    Some(Away::Claiming { lost, .. }) => cursor.tell_lost(lost),
                    Some(Away::Forgotten) | None => (cursor.next, cursor.held) = (next, None),
                }
                cursor.is_gone = false;
                (cursor.wants, cursor.patience, cursor.moved_at) = (wants, patience, Instant::now());
                index
            }
            None => {
                state.cursors.push(CursorState::new(name, next, wants, patience, metrics));
                state.cursors.len() - 1
            }
        };
        let tenure = state.cursors[index].tenure;
        self.0.store_mark(&mut state, index);
        Cursor::new(self.0.clone(), index, tenure)
    }

    /// A handle that does not keep the journal.
    pub(crate) fn downgrade(&self) -> WeakJournal {
        WeakJournal(Arc::downgrade(&self.0))
    }

    /// What each sink has before it, by name.
    pub(crate) fn backlogs(&self) -> Vec<(Arc<str>, Backlog)> {
        let state = self.0.lock();
        let present = state.cursors.iter().filter(|cursor| cursor.away.is_none());
        present.map(|cursor| (cursor.name.clone(), state.backlog(cursor))).collect()
    }

    /// About how many bytes of events it holds: in memory, or as they are stored.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.disk().map_or_else(|| self.0.lock().bytes as u64, |disk| disk.backing.bytes())
    }

    /// About how many bytes of events it can hold.
    pub(crate) fn capacity(&self) -> u64 {
        self.0.disk().map_or(self.0.memory as u64, |disk| disk.capacity)
    }

    /// About how many bytes of events it holds in memory.
    #[cfg(test)]
    pub(crate) fn resident_bytes(&self) -> usize {
        self.0.lock().bytes
    }
}

impl WeakJournal {
    /// The journal, while somebody keeps it.
    pub(crate) fn upgrade(&self) -> Option<Journal> {
        self.0.upgrade().map(Journal)
    }
}

impl Shared {
    /// Wakes whoever waits for anything.
    fn wake(&self) {
        self.appended.notify_waiters();
        self.moved.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic of another holder left the state whole: each change is made in one step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("memory", &self.0.memory).finish_non_exhaustive()
    }
}
