//! A sink's cursor, and what it leases from the journal.

use std::num::NonZeroUsize;
use std::sync::Arc;

use tokio::time::Instant;

use super::{Place, Shared, State};
use crate::batch::EventBatch;
use crate::event::Event;

/// The place of one sink in the journal. It moves on a verdict only.
#[derive(Clone)]
pub(crate) struct Cursor {
    journal: Arc<Shared>,
    index: usize,
}

/// Events that a sink works on. Dropping it gives them back: without a verdict they are leased again.
#[derive(Debug)]
pub(crate) struct Lease {
    batch: EventBatch,
    /// After each batch of the journal that it spans: how many events of the lease that makes, and the place.
    spans: Vec<(usize, Place)>,
}

impl Cursor {
    pub(super) fn new(journal: Arc<Shared>, index: usize) -> Self {
        Self { journal, index }
    }

    /// Waits for events and leases at most `max` of them, over the borders of batches. `None`: the journal is closed
    /// and the end is reached.
    ///
    /// # Cancellation
    /// Safe to cancel.
    pub(crate) async fn lease(&self, max: NonZeroUsize) -> Option<Lease> {
        loop {
            let appended = self.journal.appended.notified();
            tokio::pin!(appended);
            appended.as_mut().enable();
            {
                let mut state = self.journal.lock();
                if let Some(lease) = state.lease(self.index, max.get()) {
                    return Some(lease);
                }
                if state.is_closed {
                    return None;
                }
            }
            appended.await;
        }
    }

    /// A verdict was reached on the first `events` of the lease.
    pub(crate) fn settle(&self, lease: &Lease, events: usize) {
        let mut state = self.journal.lock();
        let place = state.normalized(lease.place_after(events));
        let cursor = &mut state.cursors[self.index];
        // The journal may have dropped the batch, and moved the cursor past it, in the meantime.
        cursor.at = cursor.at.max(place);
        cursor.moved_at = Instant::now();
        cursor.held = (events < lease.batch.len()).then(|| (lease.batch.clone(), events));
        state.release();
        drop(state);
        self.journal.moved.notify_waiters();
    }

    /// How many of the events without a verdict are `wanted`.
    pub(crate) fn wanted(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        let state = self.journal.lock();
        let cursor = &state.cursors[self.index];
        let held = cursor.held.iter().flat_map(|(batch, settled)| &batch.events()[*settled..]);
        let next = if cursor.held.is_some() { cursor.at.max(cursor.leased_to) } else { cursor.at };
        held.chain(state.unsettled(next)).filter(|event| wanted(event)).count()
    }

    /// How many events the journal dropped before this sink had them.
    pub(crate) fn lost(&self) -> u64 {
        self.journal.lock().cursors[self.index].lost
    }
}

impl Lease {
    /// The events.
    pub(crate) fn batch(&self) -> &EventBatch {
        &self.batch
    }

    /// The place after the first `events` of the lease.
    fn place_after(&self, events: usize) -> Place {
        let span = self.spans.iter().find(|(end, _)| events <= *end).or(self.spans.last());
        let (end, place) = *span.expect("a lease holds at least one event");
        Place { batch: place.batch, event: place.event - end.saturating_sub(events) }
    }
}

impl State {
    fn lease(&mut self, index: usize, max: usize) -> Option<Lease> {
        let mut place = self.cursors[index].at;
        let first = self.entry(place.batch)?.batch.clone();
        let mut events = Vec::new();
        let mut spans = Vec::new();
        while let Some(entry) = self.entry(place.batch) {
            if events.len() == max || entry.batch.source() != first.source() {
                break;
            }
            let left = &entry.batch.events()[place.event.min(entry.batch.len())..];
            let taken = left.len().min(max - events.len());
            events.extend(left[..taken].iter().cloned());
            place.event += taken;
            spans.push((events.len(), place));
            if taken < left.len() {
                break;
            }
            place = Place { batch: place.batch + 1, event: 0 };
        }
        let batch = first.with_events(events);
        self.cursors[index].leased_to = place;
        self.cursors[index].held = Some((batch.clone(), 0));
        Some(Lease { batch, spans })
    }

    /// The end of a batch is the beginning of the next one.
    fn normalized(&self, place: Place) -> Place {
        match self.entry(place.batch) {
            Some(entry) if place.event >= entry.batch.len() => Place { batch: place.batch + 1, event: 0 },
            _ => place,
        }
    }
}
