//! The journal on a storage: what comes in is stored before it is in the log, and what a process left goes on in the next.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::OwnedMutexGuard;
use tokio::time::sleep;

use super::room::Wait;
use super::state::{Away, CursorState, Entry, Held, Lost, Origin, State};
use super::storage::{Backing, Contents, Loaded, Mark};
use super::{Journal, PATIENCE, RETRY_AFTER, Shared};
use crate::batch::EventBatch;
use crate::event::Event;
use crate::metrics::{DropReason, SinkMetrics};

/// An open storage, and how much it may hold.
pub(super) struct Disk {
    pub(super) backing: Arc<dyn Backing>,
    /// Bytes of batches as they are stored.
    pub(super) capacity: u64,
    /// How long a sink that is not there keeps its claim.
    pub(super) forget_after: Duration,
}

/// Dead letters that are in memory at a time to be delivered again.
const REPLAYS_AT_ONCE: usize = 200;

/// Where a sink begins that the storage does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Begin {
    /// At the newest batch: with what comes.
    #[default]
    Newest,
    /// At the oldest batch that the journal still holds.
    Oldest,
}

/// A storage that was opened for a journal.
pub(crate) struct Attachment<'a> {
    pub(crate) backing: Arc<dyn Backing>,
    /// Bytes of batches, as they are stored, that it may hold.
    pub(crate) capacity: u64,
    /// What an earlier process left.
    pub(crate) contents: &'a Contents,
    /// Where a sink begins that the storage does not know, by its name.
    pub(crate) begin: &'a dyn Fn(&str) -> Begin,
    /// How long a sink that is not there keeps its claim, from when it was last heard of.
    pub(crate) forget_after: Duration,
    /// Where the losses of such a sink are counted, by its name.
    pub(crate) metrics_of: &'a dyn Fn(&str) -> SinkMetrics,
}

impl Journal {
    /// Goes on where an earlier process left off. To be called before anything is appended or leased.
    pub(crate) fn attach(&self, attachment: Attachment<'_>, now: Timestamp) {
        let Attachment { backing, capacity, contents, begin, forget_after, metrics_of } = attachment;
        let mut state = self.0.lock();
        state.is_on_disk = true;
        (state.oldest, state.next, state.dropped_to) = (contents.oldest, contents.next, contents.oldest);
        for index in 0..state.cursors.len() {
            let cursor = &mut state.cursors[index];
            cursor.moved_at = tokio::time::Instant::now();
            match contents.marks.get(&*cursor.name) {
                Some((mark, _)) => {
                    let lost = cursor.go_on(mark, contents);
                    cursor.tell_lost(lost);
                }
                None if begin(&cursor.name) == Begin::Oldest => cursor.next = contents.oldest,
                None => cursor.next = contents.next,
            }
        }
        for (name, (mark, seen_at)) in &contents.marks {
            if state.cursors.iter().any(|cursor| *cursor.name == **name) {
                continue;
            }
            let mut absent = CursorState::new(
                name.as_str().into(),
                contents.next,
                Box::new(|_| true),
                PATIENCE,
                metrics_of(name),
            );
            let lost = absent.go_on(mark, contents);
            absent.away = Some(Away::Claiming { lost, until: end_of_claim(*seen_at, forget_after) });
            state.cursors.push(absent);
        }
        let disk = Disk { backing, capacity, forget_after };
        // It is attached once.
        drop(self.0.disk.set(disk));
        self.0.forget(&mut state, now);
        for index in state.present() {
            self.0.store_mark(&mut state, index);
        }
    }

    /// Whether it is on a storage that is open.
    pub(crate) fn is_on_disk(&self) -> bool {
        self.0.disk().is_some()
    }

    /// Renews the claims of the sinks that are there, and ends those of sinks that have not been there for too long.
    pub(crate) fn renew_claims(&self, now: Timestamp) {
        let mut state = self.0.lock();
        for index in state.present() {
            self.0.store_mark(&mut state, index);
        }
        self.0.forget(&mut state, now);
        drop(state);
        self.0.moved.notify_waiters();
    }

    /// Keeps an event that a sink will never take. Without a storage it is gone.
    pub(crate) fn bury(&self, sink: &Arc<str>, event: &Arc<Event>, reason: &str) {
        if let Some(disk) = self.0.disk() {
            disk.backing.bury(sink, event, reason);
        }
    }

    /// Looks for dead letters that somebody wants to be delivered again, and puts them before their sinks.
    pub(crate) async fn look_for_replays(&self) {
        let Some(disk) = self.0.disk() else { return };
        let idle = {
            let state = self.0.lock();
            let idle = state.sinks().filter(|cursor| !cursor.replays_already());
            idle.map(|cursor| cursor.name.to_string()).collect::<Vec<_>>()
        };
        // What had a verdict must be gone before it is looked for.
        if idle.is_empty() || !disk.backing.synced().await {
            return;
        }
        let replays = match disk.backing.replays(idle, REPLAYS_AT_ONCE).await {
            Ok(replays) => replays,
            Err(error) => return tracing::warn!(error, "could not look for dead letters to deliver again"),
        };
        {
            let mut state = self.0.lock();
            for replay in replays {
                let cursor = state.cursors.iter_mut().find(|cursor| *cursor.name == *replay.sink);
                if let Some(cursor) = cursor.filter(|cursor| !cursor.is_gone && cursor.away.is_none()) {
                    cursor.replays.push_back(replay);
                }
            }
        }
        self.0.appended.notify_waiters();
    }

    /// Waits until all that was said is stored, or cannot be stored now.
    pub(crate) async fn synced(&self) {
        if let Some(disk) = self.0.disk() {
            _ = disk.backing.synced().await;
        }
    }

    /// Why nothing can be stored now.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.0.disk().and_then(|disk| disk.backing.trouble())
    }

    /// As [`append_unless`](Self::append_unless). What is being stored is not given up.
    pub(super) async fn append_to_disk(
        &self,
        disk: &Disk,
        batch: EventBatch,
        gives_up: impl Future<Output = ()>,
    ) -> bool {
        let mut gives_up = pin!(gives_up);
        if batch.is_empty() {
            while batch.checkpoint().is_some() && !disk.backing.reach(batch.clone()).await {
                tokio::select! {
                    () = sleep(RETRY_AFTER) => {}
                    () = &mut gives_up => return false,
                }
            }
            return true;
        }
        let ready = async {
            self.wait_for_room(disk, &batch).await;
            self.0.appending.clone().lock_owned().await
        };
        let mut turn = tokio::select! {
            biased;
            turn = ready => Some(turn),
            () = &mut gives_up => return false,
        };
        while let Some(mine) = turn.take() {
            let store = store(self.0.clone(), batch.clone(), mine);
            // Whether it is stored must not depend on whether somebody still waits for it.
            turn = tokio::spawn(store).await.unwrap_or(None);
            if turn.is_some() {
                tokio::select! {
                    () = sleep(RETRY_AFTER) => {}
                    () = &mut gives_up => return false,
                }
            }
        }
        self.0.appended.notify_waiters();
        true
    }

    async fn wait_for_room(&self, disk: &Disk, batch: &EventBatch) {
        let mut bytes_at_drop = None;
        while disk.backing.bytes() >= disk.capacity {
            let moved = self.0.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            // What was given a verdict on may not be deleted yet, and what cannot be deleted makes no room.
            if !disk.backing.synced().await || bytes_at_drop == Some(disk.backing.bytes()) {
                sleep(RETRY_AFTER).await;
                continue;
            }
            if disk.backing.bytes() < disk.capacity {
                return;
            }
            let (oldest, next) = {
                let state = self.0.lock();
                (state.oldest, state.next)
            };
            if oldest == next {
                // Nothing is left to be dropped: a single batch may be larger than all room.
                return;
            }
            let wait = match disk.backing.load(oldest, next, 1).await {
                Ok(loaded) => {
                    let mut state = self.0.lock();
                    let dropped = state.drop_loaded(oldest, loaded.first(), batch);
                    if dropped.is_ok() {
                        bytes_at_drop = Some(disk.backing.bytes());
                        for index in state.present() {
                            self.0.store_mark(&mut state, index);
                        }
                        self.0.store_oldest(&state);
                    }
                    dropped.err()
                }
                Err(_) => Some(Wait::Until(tokio::time::Instant::now() + RETRY_AFTER)),
            };
            if let Some(wait) = wait {
                wait.over(moved).await;
            }
        }
    }
}

/// Stores the batch and puts it into the log. If it cannot be stored now, hands the turn back.
async fn store(
    shared: Arc<Shared>,
    batch: EventBatch,
    turn: OwnedMutexGuard<()>,
) -> Option<OwnedMutexGuard<()>> {
    let disk = shared.disk()?;
    let first = shared.lock().next;
    if !disk.backing.append(first, batch.clone()).await {
        return Some(turn);
    }
    let mut state = shared.lock();
    state.push(Entry { first, bytes: batch.resident_bytes(), batch });
    state.keep_in_memory(shared.memory);
    for index in state.present() {
        if state.cursors[index].is_gone {
            shared.store_mark(&mut state, index);
        }
    }
    None
}

impl Shared {
    pub(super) fn disk(&self) -> Option<&Disk> {
        self.disk.get()
    }

    /// Stores how far a sink has come, and lets go of what nobody needs any more.
    pub(super) fn store_mark(&self, state: &mut State, index: usize) {
        let Some(disk) = self.disk() else { return state.release() };
        let cursor = &state.cursors[index];
        disk.backing.mark(&cursor.name, cursor.mark(state.dropped_to));
        let before = state.oldest;
        state.release();
        if state.oldest > before {
            self.store_oldest(state);
        }
    }

    fn store_oldest(&self, state: &State) {
        if let Some(disk) = self.disk() {
            disk.backing.delete_before(state.oldest);
        }
    }

    fn forget(&self, state: &mut State, now: Timestamp) {
        let next = state.next;
        let is_over = |cursor: &&mut CursorState| matches!(cursor.away, Some(Away::Claiming { until, .. }) if until <= now);
        for forgotten in state.cursors.iter_mut().filter(is_over) {
            forgotten.away = Some(Away::Forgotten);
            forgotten.ahead.clear();
            tracing::warn!(
                sink = &*forgotten.name,
                events = next - forgotten.next,
                "this sink has not been in the flags for longer than --forget-sink-after: its claim on the journal ends"
            );
            if let Some(disk) = self.disk() {
                disk.backing.forget(&forgotten.name);
            }
        }
        state.release();
        self.store_oldest(state);
    }
}

impl State {
    /// Lets batches go from memory that are on disk, until it holds no more than `memory` bytes, and at least one batch.
    fn keep_in_memory(&mut self, memory: usize) {
        while self.bytes > memory && self.entries.len() > 1 {
            let Some(entry) = self.entries.pop_front() else { return };
            self.bytes -= entry.bytes;
        }
    }

    /// Drops the oldest batch of the log, as it was read back, for the sake of `new`; otherwise says what to wait for.
    fn drop_loaded(&mut self, oldest: u64, loaded: Option<&Loaded>, new: &EventBatch) -> Result<(), Wait> {
        if self.oldest != oldest {
            return Ok(());
        }
        let (first, end) =
            loaded.map_or((oldest, self.next), |loaded| (loaded.first, loaded.first + loaded.events));
        let readable = loaded.and_then(|loaded| loaded.batch.as_ref().ok());
        // What only sinks claim that are not in the flags any more is in everybody's way.
        if self.sinks().any(|cursor| cursor.at() < end) {
            let intake = readable.map_or(new.intake(), EventBatch::intake);
            self.may_drop(end, [new.intake(), intake])?;
        }
        match readable {
            Some(batch) => self.drop_oldest(first, end, batch.events()),
            None => self.drop_unreadable(first, end),
        }
        while self.entries.front().is_some_and(|entry| entry.end() <= end) {
            self.bytes -= self.entries.pop_front().map_or(0, |entry| entry.bytes);
        }
        Ok(())
    }
}

impl Away {
    /// A claim from `now` on.
    pub(super) fn since(now: Timestamp, forget_after: Duration) -> Self {
        Self::Claiming { until: end_of_claim(now, forget_after), lost: Lost::default() }
    }
}

fn end_of_claim(since: Timestamp, forget_after: Duration) -> Timestamp {
    since.saturating_add(forget_after).unwrap_or(Timestamp::MAX)
}

impl CursorState {
    /// Whether it has dead letters before it that are to be delivered again.
    fn replays_already(&self) -> bool {
        let holds = |held: &Held| matches!(held.origin, Origin::DeadLetters(_));
        !self.replays.is_empty() || self.held.as_ref().is_some_and(holds)
    }

    /// Goes on where the sink was, as far as the log goes back. Says what it has lost.
    fn go_on(&mut self, mark: &Mark, contents: &Contents) -> Lost {
        self.next = mark.number.min(contents.next);
        self.ahead = mark.ahead.iter().copied().collect();
        let missing = usize::try_from(contents.oldest.saturating_sub(self.next)).unwrap_or(usize::MAX);
        let passed = self.ahead.drain(..missing.min(self.ahead.len()));
        let settled = passed.filter(|is_settled| *is_settled).count();
        self.next = self.next.max(contents.oldest);
        Lost { held: usize::try_from(mark.orphans).unwrap_or(usize::MAX), gone: missing - settled }
    }

    /// Counts what the sink had lost when the process was started, and says it.
    pub(super) fn tell_lost(&mut self, lost: Lost) {
        if lost.held > 0 {
            tracing::error!(
                sink = &*self.name,
                events = lost.held,
                "the journal was full, and what this sink held when the process died is lost"
            );
        }
        if lost.gone > 0 {
            tracing::error!(
                sink = &*self.name,
                events = lost.gone,
                "what this sink has not had is gone from the journal"
            );
        }
        self.lose(DropReason::JournalFull, lost.held + lost.gone);
    }
}
