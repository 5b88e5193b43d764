//! What a sink leases: what it let go of before, dead letters that somebody wants delivered again, or what is next in the log.

use std::sync::Arc;

use super::state::{CursorState, Held, Origin, State};
use super::storage::Loaded;
use crate::batch::EventBatch;
use crate::event::Event;
use crate::metrics::DropReason;

impl State {
    /// Leases what the sink let go of without a verdict, or what is next in memory.
    pub(super) fn lease(&mut self, index: usize, max: usize) -> Option<EventBatch> {
        let held = match self.cursors[index].held.take() {
            Some(held) => held.left(),
            None => match self.cursors[index].next_replays(max) {
                Some(replays) => replays,
                None => self.next_events(index, max)?,
            },
        };
        let cursor = &mut self.cursors[index];
        cursor.leased_to = held.batch.events().last().map(|event| event.received_at);
        let batch = held.batch.clone();
        cursor.held = Some(held);
        Some(batch)
    }

    fn next_events(&mut self, index: usize, max: usize) -> Option<Held> {
        let mut gathered = Gathered::from(&self.cursors[index], max);
        while let Some(entry) = self.entry(gathered.next) {
            if !gathered.take(entry.first, &entry.batch) {
                break;
            }
        }
        let (next, held) = gathered.end();
        self.advance(index, next);
        held
    }

    /// Makes what was read back from the event `from` on the next lease, unless the place has moved meanwhile.
    pub(super) fn take_loaded(
        &mut self,
        index: usize,
        from: u64,
        before: u64,
        loaded: Vec<Loaded>,
        max: usize,
    ) {
        if self.cursors[index].next != from || self.cursors[index].held.is_some() {
            return;
        }
        let mut unread = Vec::new();
        let mut gathered = Gathered::from(&self.cursors[index], max);
        for Loaded { first, events, batch } in loaded {
            if first > gathered.next {
                unread.push((first - gathered.next, "it is gone".to_owned()));
                gathered.next = first;
            }
            match batch {
                Ok(batch) if gathered.take(first, &batch) => {}
                Ok(_) => break,
                Err(reason) => {
                    let end = first + events;
                    unread.push((end - gathered.next, reason));
                    gathered.next = end;
                }
            }
        }
        if gathered.next == from {
            unread.push((before - from, "it is gone".to_owned()));
            gathered.next = before;
        }
        let (next, held) = gathered.end();
        self.cursors[index].held = held;
        self.advance(index, next);
        for (events, reason) in unread {
            self.cursors[index].lose_unread(events, &reason);
        }
    }

    fn advance(&mut self, index: usize, next: u64) {
        let cursor = &mut self.cursors[index];
        let passed = usize::try_from(next - cursor.next).unwrap_or(usize::MAX);
        cursor.ahead.drain(..passed.min(cursor.ahead.len()));
        cursor.next = next;
    }
}

/// Events in the order of the log, for one lease.
struct Gathered<'a> {
    cursor: &'a CursorState,
    max: usize,
    /// Number of the first event that was not looked at.
    next: u64,
    /// The first batch, whose properties the lease shares.
    shared: Option<EventBatch>,
    events: Vec<Arc<Event>>,
    numbers: Vec<u64>,
}

impl<'a> Gathered<'a> {
    fn from(cursor: &'a CursorState, max: usize) -> Self {
        Self { cursor, max, next: cursor.next, shared: None, events: Vec::new(), numbers: Vec::new() }
    }

    /// Takes the events of `batch`, whose first one has the number `first`, from where it stands. False: it has enough, or
    /// the batch is of another source.
    fn take(&mut self, first: u64, batch: &EventBatch) -> bool {
        let shared = self.shared.get_or_insert_with(|| batch.clone());
        if shared.source() != batch.source() {
            return false;
        }
        let skipped = usize::try_from(self.next.saturating_sub(first)).unwrap_or(usize::MAX);
        for event in batch.iter().skip(skipped) {
            if self.events.len() == self.max {
                return false;
            }
            if !self.cursor.had_verdict(self.next) {
                self.events.push(event.clone());
                self.numbers.push(self.next);
            }
            self.next += 1;
        }
        true
    }

    /// Where it came to, and what it took.
    fn end(self) -> (u64, Option<Held>) {
        let batch = self.shared.filter(|_| !self.events.is_empty());
        let held = batch.map(|batch| Held::new(batch.with_events(self.events), Origin::Log(self.numbers)));
        (self.next, held)
    }
}

impl CursorState {
    /// Whether there was a verdict on the event `number` before the process was started.
    fn had_verdict(&self, number: u64) -> bool {
        let index = usize::try_from(number - self.next).unwrap_or(usize::MAX);
        self.ahead.get(index).copied().unwrap_or(false)
    }

    /// Dead letters that are to be delivered again: first, since somebody waits for them.
    fn next_replays(&mut self, max: usize) -> Option<Held> {
        let taken: Vec<_> = self.replays.drain(..max.min(self.replays.len())).collect();
        let latest = taken.last()?.event.received_at;
        let (ids, events) = taken.into_iter().map(|replay| (replay.id, replay.event)).unzip();
        let batch = EventBatch::new("dead-letters", latest, events).into_replay();
        Some(Held::new(batch, Origin::DeadLetters(ids)))
    }

    fn lose_unread(&mut self, events: u64, reason: &str) {
        tracing::error!(
            sink = &*self.name,
            events,
            error = reason,
            "a part of the journal cannot be read back and is lost to this sink"
        );
        self.lose(DropReason::Unreadable, usize::try_from(events).unwrap_or(usize::MAX));
    }
}

impl Held {
    /// What has no verdict.
    fn left(self) -> Self {
        let open = |index: &usize| !self.settled[*index];
        let indices: Vec<usize> = (0..self.settled.len()).filter(open).collect();
        let events = indices.iter().map(|index| self.batch.events()[*index].clone()).collect();
        let origin = match self.origin {
            Origin::Log(numbers) => Origin::Log(indices.iter().map(|index| numbers[*index]).collect()),
            Origin::DeadLetters(ids) => {
                Origin::DeadLetters(indices.iter().map(|index| ids[*index]).collect())
            }
        };
        Self::new(self.batch.with_events(events), origin)
    }
}
