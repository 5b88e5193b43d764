//! A sink's place in the journal, and what it can do there.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::state::{Away, Origin, State};
use super::{RETRY_AFTER, Shared, Wants};
use crate::batch::EventBatch;
use crate::event::Event;
use crate::metrics::DropReason;

/// The place of one sink in the journal. Clones are the same place. Once the place is another sink's, nothing that is done
/// through it has an effect, and nothing is leased.
#[derive(Clone)]
pub(crate) struct Cursor {
    journal: Arc<Shared>,
    index: usize,
    /// Which of the sinks that had the place this is.
    tenure: u64,
}

/// What a cursor finds at its place.
enum Found {
    /// Events, which it leases.
    Lease(EventBatch),
    /// Events that are on disk only: those from the first number on, and before the second one.
    OnDisk(u64, u64),
    /// Nothing yet.
    Nothing,
    /// Nothing, ever.
    End,
}

impl Cursor {
    pub(super) fn new(journal: Arc<Shared>, index: usize, tenure: u64) -> Self {
        Self { journal, index, tenure }
    }

    /// Whether the place is another sink's by now.
    fn is_over(&self, state: &State) -> bool {
        state.cursors[self.index].tenure != self.tenure
    }

    /// Waits for events and leases at most `max` of them, over the borders of batches. What an earlier lease left
    /// without a verdict comes first. `None`: the journal is closed and the end is reached.
    ///
    /// # Cancellation
    /// Safe to cancel.
    pub(crate) async fn lease(&self, max: NonZeroUsize) -> Option<EventBatch> {
        if let Some(disk) = self.journal.disk() {
            // A process that is killed must not repeat more than what is in flight.
            _ = disk.backing.synced().await;
        }
        loop {
            let appended = self.journal.appended.notified();
            tokio::pin!(appended);
            appended.as_mut().enable();
            match self.find(max.get()) {
                Found::Lease(lease) => {
                    self.journal.moved.notify_waiters();
                    return Some(lease);
                }
                Found::OnDisk(from, before) => self.load(from, before, max.get()).await,
                Found::Nothing => appended.await,
                Found::End => return None,
            }
        }
    }

    /// A verdict was reached on the events at these indices of the last lease.
    pub(crate) fn settle(&self, indices: impl IntoIterator<Item = usize>) {
        let mut state = self.journal.lock();
        if self.is_over(&state) {
            return;
        }
        let cursor = &mut state.cursors[self.index];
        let Some(held) = &mut cursor.held else { return };
        let before = held.unsettled;
        for index in indices {
            if let Some(is_settled) = held.settled.get_mut(index)
                && !std::mem::replace(is_settled, true)
            {
                held.unsettled -= 1;
                if let (Origin::DeadLetters(ids), Some(disk)) = (&held.origin, self.journal.disk()) {
                    disk.backing.replayed(ids[index]);
                }
            }
        }
        let has_moved = held.unsettled < before;
        if held.unsettled == 0 {
            cursor.held = None;
        }
        if has_moved {
            cursor.moved_at = Instant::now();
            self.journal.store_mark(&mut state, self.index);
        }
        drop(state);
        self.journal.moved.notify_waiters();
    }

    /// How many of the events without a verdict are `wanted` and lost if the process ends, those included that came too
    /// late for the journal. What is on disk is not lost.
    pub(crate) fn wanted(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        let state = self.journal.lock();
        let cursor = &state.cursors[self.index];
        if state.is_on_disk {
            return 0;
        }
        cursor.refused + state.unsettled(cursor).filter(|event| wanted(event)).count()
    }

    /// How many events the journal dropped before this sink had them.
    pub(crate) fn lost(&self) -> u64 {
        self.journal.lock().cursors[self.index].losses.events
    }

    /// As [`lost`](Self::lost), and begins to count anew.
    pub(crate) fn take_lost(&self) -> u64 {
        std::mem::take(&mut self.journal.lock().cursors[self.index].losses.events)
    }

    /// Whether the sink has gone for good.
    pub(crate) fn is_gone(&self) -> bool {
        self.journal.lock().cursors[self.index].is_gone
    }

    /// The sink has gone for good: what waits for it, and what comes, is dropped and counted.
    pub(crate) fn give_up(&self) {
        let mut state = self.journal.lock();
        if self.is_over(&state) {
            return;
        }
        let cursor = &state.cursors[self.index];
        let on_disk = usize::try_from(state.in_memory().saturating_sub(cursor.next)).unwrap_or(usize::MAX);
        let lost = on_disk + state.unsettled(cursor).filter(|event| (cursor.wants)(event)).count();
        let end = state.next;
        let cursor = &mut state.cursors[self.index];
        cursor.held = None;
        cursor.ahead.clear();
        cursor.next = end;
        cursor.is_gone = true;
        cursor.lose(DropReason::Gone, lost);
        self.journal.store_mark(&mut state, self.index);
        drop(state);
        self.journal.moved.notify_waiters();
    }

    /// The sink is taken out while the process runs. On disk its place is kept for when it comes back, as that of a sink that is
    /// no longer in the flags; in memory what waits for it is dropped and counted. Says how many events that were.
    pub(crate) fn leave(&self, now: Timestamp) -> usize {
        let mut state = self.journal.lock();
        let disk = self.journal.disk().filter(|_| !state.cursors[self.index].is_gone);
        let lost = match disk {
            Some(disk) => {
                self.journal.store_mark(&mut state, self.index);
                state.cursors[self.index].away = Some(Away::since(now, disk.forget_after));
                0
            }
            None => {
                let cursor = &state.cursors[self.index];
                let lost = state.unsettled(cursor).filter(|event| (cursor.wants)(event)).count();
                let cursor = &mut state.cursors[self.index];
                cursor.held = None;
                cursor.away = Some(Away::Forgotten);
                cursor.lose(DropReason::Removed, lost);
                lost
            }
        };
        state.cursors[self.index].tenure += 1;
        state.release();
        drop(state);
        self.journal.wake();
        lost
    }

    /// The place is another sink's from now on, which wants other events; what is held without a verdict is leased again.
    pub(crate) fn pass_on(&self, wants: Wants, patience: Duration) -> Self {
        let mut state = self.journal.lock();
        let cursor = &mut state.cursors[self.index];
        (cursor.wants, cursor.patience, cursor.is_gone) = (wants, patience, false);
        // It is not dead before it was alive.
        cursor.moved_at = Instant::now();
        cursor.tenure += 1;
        let successor = Self { tenure: cursor.tenure, ..self.clone() };
        drop(state);
        self.journal.wake();
        successor
    }

    /// Waits until the journal is closed and nothing in it that the sink wants is without a verdict, or the sink is gone.
    ///
    /// # Cancellation
    /// Safe to cancel.
    pub(crate) async fn finished(&self) {
        loop {
            let (appended, moved) = (self.journal.appended.notified(), self.journal.moved.notified());
            tokio::pin!(appended, moved);
            appended.as_mut().enable();
            moved.as_mut().enable();
            {
                let state = self.journal.lock();
                let cursor = &state.cursors[self.index];
                if self.is_over(&state) {
                    return;
                }
                let is_finished = || {
                    state.is_in_memory(cursor) && !state.unsettled(cursor).any(|event| (cursor.wants)(event))
                };
                if cursor.is_gone || state.is_closed && is_finished() {
                    return;
                }
            }
            tokio::select! {
                () = appended => {}
                () = moved => {}
            }
        }
    }

    fn find(&self, max: usize) -> Found {
        let mut state = self.journal.lock();
        loop {
            if self.is_over(&state) || state.cursors[self.index].is_gone || state.is_left {
                return Found::End;
            }
            let before = state.cursors[self.index].next;
            if let Some(lease) = state.lease(self.index, max) {
                state.release();
                return Found::Lease(lease);
            }
            let (next, in_memory) = (state.cursors[self.index].next, state.in_memory());
            match () {
                // All that it passed had a verdict before the process was started.
                () if next > before => {}
                () if next < in_memory => return Found::OnDisk(next, in_memory),
                () if state.is_closed => return Found::End,
                () => return Found::Nothing,
            }
        }
    }

    /// Reads events back and takes them for the next lease.
    async fn load(&self, from: u64, before: u64, max: usize) {
        let Some(disk) = self.journal.disk() else { return };
        match disk.backing.load(from, before, max as u64).await {
            Ok(loaded) => {
                let mut state = self.journal.lock();
                if self.is_over(&state) {
                    return;
                }
                state.take_loaded(self.index, from, before, loaded, max);
                self.journal.store_mark(&mut state, self.index);
                drop(state);
                self.journal.moved.notify_waiters();
            }
            Err(error) => {
                let name = self.journal.lock().cursors[self.index].name.clone();
                tracing::warn!(sink = &*name, error, "could not read the journal back; trying again");
                sleep(RETRY_AFTER).await;
            }
        }
    }
}
