//! A sink's cursor, and what it leases from the journal.

use std::num::NonZeroUsize;
use std::sync::Arc;

use tokio::time::Instant;

use super::{Held, Place, Shared, State};
use crate::batch::EventBatch;
use crate::event::Event;
use crate::metrics::DropReason;

/// The place of one sink in the journal. Clones are the same place.
#[derive(Clone)]
pub(crate) struct Cursor {
    journal: Arc<Shared>,
    index: usize,
}

impl Cursor {
    pub(super) fn new(journal: Arc<Shared>, index: usize) -> Self {
        Self { journal, index }
    }

    /// Waits for events and leases at most `max` of them, over the borders of batches. What an earlier lease left
    /// without a verdict comes first. `None`: the journal is closed and the end is reached.
    ///
    /// # Cancellation
    /// Safe to cancel.
    pub(crate) async fn lease(&self, max: NonZeroUsize) -> Option<EventBatch> {
        loop {
            let appended = self.journal.appended.notified();
            tokio::pin!(appended);
            appended.as_mut().enable();
            {
                let mut state = self.journal.lock();
                if state.cursors[self.index].is_gone {
                    return None;
                }
                if let Some(lease) = state.lease(self.index, max.get()) {
                    state.release();
                    drop(state);
                    self.journal.moved.notify_waiters();
                    return Some(lease);
                }
                if state.is_closed {
                    return None;
                }
            }
            appended.await;
        }
    }

    /// A verdict was reached on the events at these indices of the last lease.
    pub(crate) fn settle(&self, indices: impl IntoIterator<Item = usize>) {
        let mut state = self.journal.lock();
        let cursor = &mut state.cursors[self.index];
        let Some(held) = &mut cursor.held else { return };
        let before = held.unsettled;
        for index in indices {
            if let Some(is_settled) = held.settled.get_mut(index)
                && !std::mem::replace(is_settled, true)
            {
                held.unsettled -= 1;
            }
        }
        if held.unsettled < before {
            cursor.moved_at = Instant::now();
        }
        if held.unsettled == 0 {
            cursor.held = None;
        }
        drop(state);
        self.journal.moved.notify_waiters();
    }

    /// How many of the events without a verdict are `wanted`, those included that came too late for the journal.
    pub(crate) fn wanted(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        let state = self.journal.lock();
        let cursor = &state.cursors[self.index];
        cursor.refused + state.unsettled(cursor).filter(|event| wanted(event)).count()
    }

    /// How many events the journal dropped before this sink had them.
    pub(crate) fn lost(&self) -> u64 {
        self.journal.lock().cursors[self.index].lost
    }

    /// Whether the sink has gone for good.
    pub(crate) fn is_gone(&self) -> bool {
        self.journal.lock().cursors[self.index].is_gone
    }

    /// The sink has gone for good: what waits for it, and what comes, is dropped and counted.
    pub(crate) fn give_up(&self) {
        let mut state = self.journal.lock();
        let cursor = &state.cursors[self.index];
        let lost = state.unsettled(cursor).filter(|event| (cursor.wants)(event)).count();
        let cursor = &mut state.cursors[self.index];
        cursor.held = None;
        cursor.is_gone = true;
        cursor.lose(DropReason::Gone, lost);
        state.release();
        drop(state);
        self.journal.moved.notify_waiters();
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
                let is_finished = || !state.unsettled(cursor).any(|event| (cursor.wants)(event));
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
}

impl State {
    fn lease(&mut self, index: usize, max: usize) -> Option<EventBatch> {
        let held = match self.cursors[index].held.take() {
            // The sink let go of it without a verdict.
            Some(held) => {
                let events: Vec<_> = held.unsettled().cloned().collect();
                Held::new(held.batch.with_events(events), held.from)
            }
            None => self.next_events(index, max)?,
        };
        let batch = held.batch.clone();
        self.cursors[index].held = Some(held);
        Some(batch)
    }

    fn next_events(&mut self, index: usize, max: usize) -> Option<Held> {
        let mut place = self.cursors[index].next;
        let (from, first) = (place.batch, self.entry(place.batch)?.batch.clone());
        let mut events = Vec::new();
        while let Some(entry) = self.entry(place.batch) {
            if events.len() == max || entry.batch.source() != first.source() {
                break;
            }
            let left = &entry.batch.events()[place.event..];
            let taken = left.len().min(max - events.len());
            events.extend(left[..taken].iter().cloned());
            place.event += taken;
            if taken == left.len() {
                place = Place { batch: place.batch + 1, event: 0 };
            }
        }
        self.cursors[index].next = place;
        Some(Held::new(first.with_events(events), from))
    }
}

impl Held {
    fn new(batch: EventBatch, from: u64) -> Self {
        let unsettled = batch.len();
        Self { settled: vec![false; unsettled], unsettled, batch, from }
    }
}
