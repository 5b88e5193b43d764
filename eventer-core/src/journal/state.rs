//! What the journal knows: the batches in memory, and how far each sink has come.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::storage::{Mark, Replay};
use super::{Backlog, Wants};
use crate::batch::EventBatch;
use crate::event::Event;
use crate::metrics::{DropReason, SinkMetrics};

/// The log and its cursors. Events are numbered from the first that was ever appended.
#[derive(Default)]
pub(super) struct State {
    /// Whether the log is on disk too. Memory then holds the newest part of it.
    pub(super) is_on_disk: bool,
    /// Number of the oldest event of the log.
    pub(super) oldest: u64,
    /// Number of the next event.
    pub(super) next: u64,
    /// Events below this number were dropped, even if a sink holds some of them still.
    pub(super) dropped_to: u64,
    /// The batches in memory.
    pub(super) entries: VecDeque<Entry>,
    /// Bytes of these.
    pub(super) bytes: usize,
    /// The places of the sinks, also of those that are away. An index stays what it is.
    pub(super) cursors: Vec<CursorState>,
    pub(super) is_closed: bool,
    /// What waits is for the next process.
    pub(super) is_left: bool,
}

/// A batch in memory.
pub(super) struct Entry {
    /// Number of its first event.
    pub(super) first: u64,
    pub(super) batch: EventBatch,
    pub(super) bytes: usize,
}

/// How far a sink has come.
pub(super) struct CursorState {
    pub(super) name: Arc<str>,
    /// Number of the first event that the sink has not leased.
    pub(super) next: u64,
    /// Of the events from `next` on, which had a verdict before the process was started.
    pub(super) ahead: VecDeque<bool>,
    /// Dead letters that are to be delivered again.
    pub(super) replays: VecDeque<Replay>,
    /// What the sink holds without a verdict. In memory it is no longer the log's, which may drop its batches.
    pub(super) held: Option<Held>,
    /// When there was last a verdict, or nothing to give one on.
    pub(super) moved_at: Instant,
    /// How long it may be without a verdict before it counts as dead.
    pub(super) patience: Duration,
    /// When the last event that was leased was received.
    pub(super) leased_to: Option<Timestamp>,
    pub(super) wants: Wants,
    pub(super) losses: Losses,
    /// Events that were there when the journal was closed and did not come in any more.
    pub(super) refused: usize,
    /// The sink has gone for good, and nobody waits for it.
    pub(super) is_gone: bool,
    /// How many sinks have had the place before.
    pub(super) tenure: u64,
    /// The sink is not there: it is no longer in the flags, or was taken out while the process runs.
    pub(super) away: Option<Away>,
}

/// What a sink that is not there has left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Away {
    /// A claim on what is on disk, until this time. What it had lost when the process was started is told when it comes back.
    Claiming { until: Timestamp, lost: Lost },
    /// Nothing: it begins anew if it comes back.
    Forgotten,
}

/// What a sink had lost when the process was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lost {
    /// Events that it held when the last process died, and that the log had dropped.
    pub(super) held: usize,
    /// Events that it had not had and that are gone from the log.
    pub(super) gone: usize,
}

/// What a sink has lost, and what was said of it.
pub(super) struct Losses {
    pub(super) metrics: SinkMetrics,
    pub(super) events: u64,
    unlogged: u64,
    logged_at: Option<Instant>,
}

/// Events that a sink holds.
pub(super) struct Held {
    pub(super) batch: EventBatch,
    pub(super) origin: Origin,
    /// Which of them have a verdict.
    pub(super) settled: Vec<bool>,
    pub(super) unsettled: usize,
}

/// Where each of the events that a sink holds is from.
pub(super) enum Origin {
    /// The log: their numbers, which ascend.
    Log(Vec<u64>),
    /// The dead letters: their ids.
    DeadLetters(Vec<i64>),
}

impl State {
    /// Number of the first event that is in memory.
    pub(super) fn in_memory(&self) -> u64 {
        self.entries.front().map_or(self.next, |entry| entry.first)
    }

    pub(super) fn push(&mut self, entry: Entry) {
        let newest = entry.first;
        let gone = self.cursors.iter_mut().filter(|cursor| cursor.is_gone && cursor.away.is_none());
        for cursor in gone {
            let lost = entry.batch.iter().filter(|event| (cursor.wants)(event)).count();
            cursor.next = entry.end();
            cursor.lose(DropReason::Gone, lost);
        }
        for cursor in self.cursors.iter_mut().filter(|cursor| cursor.held.is_none() && cursor.next == newest)
        {
            // It had nothing to give a verdict on until now.
            cursor.moved_at = Instant::now();
        }
        self.next = entry.end();
        self.bytes += entry.bytes;
        self.entries.push_back(entry);
        self.release();
    }

    /// The sinks that somebody waits for.
    pub(super) fn sinks(&self) -> impl Iterator<Item = &CursorState> {
        self.cursors.iter().filter(|cursor| !cursor.is_gone && cursor.away.is_none())
    }

    /// The indices of the sinks that are there, also if they have gone for good.
    pub(super) fn present(&self) -> Vec<usize> {
        (0..self.cursors.len()).filter(|index| self.cursors[*index].away.is_none()).collect()
    }

    /// Lets go of what no sink needs any more. From memory that is what all have leased; from the disk, where it must
    /// be when the process dies, what all have given a verdict on.
    pub(super) fn release(&mut self) {
        let leased = self.sinks().map(|cursor| cursor.next).min().unwrap_or(self.next);
        while let Some(entry) = self.entries.front().filter(|entry| entry.end() <= leased) {
            self.bytes -= entry.bytes;
            self.entries.pop_front();
        }
        self.oldest = if self.is_on_disk {
            let claims = self.cursors.iter().filter(|cursor| cursor.has_claim());
            let claimed = claims.map(CursorState::at).min().unwrap_or(self.next);
            claimed.max(self.dropped_to)
        } else {
            self.in_memory()
        };
    }

    /// Drops the oldest batch, which cannot be read back, and counts for each sink what it has not leased of it.
    pub(super) fn drop_unreadable(&mut self, first: u64, end: u64) {
        for cursor in self.cursors.iter_mut().filter(|cursor| cursor.has_claim() && cursor.next < end) {
            let lost = usize::try_from(end - cursor.next.max(first)).unwrap_or(usize::MAX);
            cursor.ahead.drain(..lost.min(cursor.ahead.len()));
            cursor.next = end;
            cursor.lose(DropReason::Unreadable, lost);
        }
        self.drop_oldest(first, end, &[]);
    }

    /// Drops the batch of `events` from `first` to `end`, the oldest one, and counts for each sink what it has not leased
    /// of it.
    pub(super) fn drop_oldest(&mut self, first: u64, end: u64, events: &[Arc<Event>]) {
        for cursor in self.cursors.iter_mut().filter(|cursor| cursor.has_claim() && cursor.next < end) {
            let skipped = usize::try_from(cursor.next.saturating_sub(first)).unwrap_or(usize::MAX);
            let left = events.iter().skip(skipped);
            let ahead = (0..end - cursor.next.max(first)).map(|_| cursor.ahead.pop_front().unwrap_or(false));
            let settled: Vec<bool> = ahead.collect();
            let lost =
                left.zip(settled).filter(|(event, is_settled)| !is_settled && (cursor.wants)(event)).count();
            cursor.next = end;
            cursor.lose(DropReason::JournalFull, lost);
            cursor.losses.report(&cursor.name, lost);
        }
        self.dropped_to = end;
        self.release();
    }

    /// The entry that holds the event `number`.
    pub(super) fn entry(&self, number: u64) -> Option<&Entry> {
        let index = self.entries.partition_point(|entry| entry.end() <= number);
        self.entries.get(index).filter(|entry| entry.first <= number)
    }

    /// The events in memory from `number` on.
    fn from(&self, number: u64) -> impl Iterator<Item = &Arc<Event>> {
        let index = self.entries.partition_point(|entry| entry.end() <= number);
        self.entries.range(index..).flat_map(move |entry| entry.from(number))
    }

    /// The events without a verdict, if the sink may still give one, as far as they are in memory.
    pub(super) fn unsettled<'a>(&'a self, cursor: &'a CursorState) -> impl Iterator<Item = &'a Arc<Event>> {
        let next = if cursor.is_gone { self.next } else { cursor.next };
        cursor.held.iter().flat_map(Held::unsettled).chain(self.from(next))
    }

    /// Whether all that the sink has not leased is in memory.
    pub(super) fn is_in_memory(&self, cursor: &CursorState) -> bool {
        cursor.is_gone || cursor.next >= self.in_memory()
    }

    pub(super) fn backlog(&self, cursor: &CursorState) -> Backlog {
        if cursor.is_gone {
            return Backlog::default();
        }
        let held = cursor.held.as_ref();
        let oldest = match held.and_then(|held| held.unsettled().next()) {
            Some(event) => Some(event.received_at),
            None if self.is_in_memory(cursor) => self.from(cursor.next).next().map(|event| event.received_at),
            None => cursor.leased_to,
        };
        let ahead = cursor.ahead.iter().filter(|is_settled| **is_settled).count();
        let waiting = usize::try_from(self.next - cursor.next).unwrap_or(usize::MAX);
        Backlog {
            events: cursor.replays.len()
                + held.map_or(0, |held| held.unsettled)
                + waiting.saturating_sub(ahead),
            // The epoch stands for a time of receipt that nobody set.
            oldest: oldest.filter(|at| *at != Timestamp::UNIX_EPOCH),
        }
    }
}

impl Entry {
    /// Number of the event after its last one.
    pub(super) fn end(&self) -> u64 {
        self.first + self.batch.len() as u64
    }

    /// Its events from `number` on.
    pub(super) fn from(&self, number: u64) -> &[Arc<Event>] {
        let skipped = usize::try_from(number.saturating_sub(self.first)).unwrap_or(usize::MAX);
        &self.batch.events()[skipped.min(self.batch.len())..]
    }
}

impl Held {
    pub(super) fn new(batch: EventBatch, origin: Origin) -> Self {
        let unsettled = batch.len();
        Self { batch, origin, settled: vec![false; unsettled], unsettled }
    }

    pub(super) fn unsettled(&self) -> impl Iterator<Item = &Arc<Event>> {
        self.batch.iter().zip(&self.settled).filter(|(_, is_settled)| !**is_settled).map(|(event, _)| event)
    }

    /// The numbers of the events without a verdict.
    fn open_numbers(&self) -> impl Iterator<Item = u64> {
        let numbers: &[u64] = match &self.origin {
            Origin::Log(numbers) => numbers,
            Origin::DeadLetters(_) => &[],
        };
        numbers.iter().zip(&self.settled).filter(|(_, is_settled)| !**is_settled).map(|(number, _)| *number)
    }
}

impl CursorState {
    /// A place at the event `next`.
    pub(super) fn new(
        name: Arc<str>,
        next: u64,
        wants: Wants,
        patience: Duration,
        metrics: SinkMetrics,
    ) -> Self {
        Self {
            name,
            next,
            ahead: VecDeque::new(),
            replays: VecDeque::new(),
            held: None,
            leased_to: None,
            moved_at: Instant::now(),
            patience,
            wants,
            losses: Losses::new(metrics),
            refused: 0,
            is_gone: false,
            tenure: 0,
            away: None,
        }
    }

    /// Whether the log keeps for it what it has not had: it is there, or has a claim from when it was.
    pub(super) fn has_claim(&self) -> bool {
        !self.is_gone && self.away != Some(Away::Forgotten)
    }

    /// Number of the first event without a verdict.
    pub(super) fn at(&self) -> u64 {
        self.held.as_ref().and_then(|held| held.open_numbers().next()).unwrap_or(self.next)
    }

    /// How far the sink has come, for the storage, of whose events those below `dropped_to` are gone.
    pub(super) fn mark(&self, dropped_to: u64) -> Mark {
        let held = || self.held.iter().flat_map(Held::open_numbers);
        let orphans = held().filter(|number| *number < dropped_to).count() as u64;
        let number = held().find(|number| *number >= dropped_to).unwrap_or(self.next);
        // What the sink let go of and leased again has gaps, and what is in them has a verdict.
        let mut ahead = vec![true; usize::try_from(self.next - number).unwrap_or_default()];
        for open in held().filter(|open| *open >= number) {
            ahead[usize::try_from(open - number).unwrap_or_default()] = false;
        }
        ahead.extend(&self.ahead);
        let len = ahead.iter().rposition(|is_settled| *is_settled).map_or(0, |last| last + 1);
        ahead.truncate(len);
        Mark { number, ahead, orphans }
    }

    pub(super) fn lose(&mut self, reason: DropReason, events: usize) {
        self.losses.add(reason, events);
    }
}

impl Losses {
    pub(super) fn new(metrics: SinkMetrics) -> Self {
        Self { metrics, events: 0, unlogged: 0, logged_at: None }
    }

    fn add(&mut self, reason: DropReason, events: usize) {
        self.metrics.dropped(reason, events);
        self.events += events as u64;
    }

    /// Says at most once a minute that a sink lost events, since the journal was full.
    fn report(&mut self, sink: &str, lost: usize) {
        const EVERY: Duration = Duration::from_secs(60);
        self.unlogged += lost as u64;
        if self.unlogged == 0 || self.logged_at.is_some_and(|at| at.elapsed() < EVERY) {
            return;
        }
        self.logged_at = Some(Instant::now());
        let events = std::mem::take(&mut self.unlogged);
        tracing::error!(
            sink,
            events,
            "the journal is full and this sink lags: its oldest events are dropped; enlarge --journal-size or mend the destination"
        );
    }
}
