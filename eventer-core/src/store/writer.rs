//! The thread that writes: it takes all that waits, and stores it in one transaction.
//!
//! What cannot be stored now is tried again: an append is handed back to whoever asked, since input waits; cursors and
//! deletions are kept here, the newest of each.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::error::{StoreError, is_damage};
use super::{Changes, Store, record};
use crate::batch::EventBatch;
use crate::event::Event;
use crate::journal::storage::Mark;
use crate::time::Clock;

/// When cursors that could not be stored are tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Trouble that goes on is logged again this often.
const LOG_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// The most that dead letters take.
const DEAD_LETTER_BYTES: u64 = 64 << 20;

/// How long cursors wait for more of them, so that a sink that sends event by event does not make a transaction of each.
const LINGER: Duration = Duration::from_millis(20);

/// The most dead letters that wait for a disk that cannot be written.
const MOST_BURIED: usize = 10_000;

/// The most commands of one transaction, so that none waits long for its answer.
const MOST_COMMANDS: usize = 256;

/// Stores what the journal says. Clones share the thread, which ends with the last of them.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    commands: mpsc::Sender<Command>,
    health: Health,
    bytes: Arc<AtomicU64>,
}

/// Whether the file can be written. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Health(Arc<Mutex<Trouble>>);

#[derive(Debug, Default)]
struct Trouble {
    error: Option<String>,
    /// Input could not be stored, and only input that is stored shows that it can be again.
    stops_input: bool,
    logged_at: Option<Instant>,
}

#[derive(Debug)]
enum Command {
    Append {
        first: u64,
        batch: EventBatch,
        reply: oneshot::Sender<bool>,
    },
    Reach {
        batch: EventBatch,
        reply: oneshot::Sender<bool>,
    },
    Mark {
        sink: Arc<str>,
        mark: Mark,
    },
    Forget {
        sink: Arc<str>,
    },
    Bury {
        sink: Arc<str>,
        event: Arc<Event>,
        reason: String,
    },
    Replayed(i64),
    DeleteBefore(u64),
    Sync(oneshot::Sender<bool>),
    #[cfg(test)]
    Limit {
        pages: u32,
    },
}

/// What is to be stored.
#[derive(Default)]
struct Todo {
    appends: Vec<Append>,
    reached: Vec<(EventBatch, oneshot::Sender<bool>)>,
    /// The newest of each sink.
    marks: BTreeMap<Arc<str>, Mark>,
    forgotten: Vec<Arc<str>>,
    buried: VecDeque<(Arc<str>, Arc<Event>, String)>,
    replayed: Vec<i64>,
    delete_before: Option<u64>,
    /// The file is damaged.
    deletes_nothing: bool,
    /// Bytes of all dead letters, or more.
    dead_letters: u64,
    syncs: Vec<oneshot::Sender<bool>>,
}

struct Append {
    first: u64,
    batch: EventBatch,
    payload: Vec<u8>,
    reply: oneshot::Sender<bool>,
}

impl Writer {
    /// Starts the thread. `bytes` is what the batches take that are stored already.
    pub(crate) fn start(store: Store, bytes: u64, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let (commands, received) = mpsc::channel();
        let writer = Self { commands, health: Health::default(), bytes: Arc::new(bytes.into()) };
        let (health, bytes) = (writer.health.clone(), writer.bytes.clone());
        thread::Builder::new()
            .name("journal-writer".to_owned())
            .spawn(move || write(store, &received, &health, &bytes, &*clock))
            .map_err(|error| StoreError::io("the journal".as_ref(), "start a thread for", error))?;
        Ok(writer)
    }

    /// Stores a batch and the position that it reaches. False: it cannot be stored now.
    ///
    /// # Cancellation
    /// Not safe: the batch may be stored then.
    pub(crate) async fn append(&self, first: u64, batch: EventBatch) -> bool {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Append { first, batch, reply });
        self.answered(answer.await)
    }

    /// Stores the position that a batch without events reaches. False: it cannot be stored now.
    pub(crate) async fn reach(&self, batch: EventBatch) -> bool {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Reach { batch, reply });
        self.answered(answer.await)
    }

    /// Stores how far a sink has come, sooner or later.
    pub(crate) fn mark(&self, sink: Arc<str>, mark: Mark) {
        self.send(Command::Mark { sink, mark });
    }

    /// Forgets a sink, sooner or later.
    pub(crate) fn forget(&self, sink: Arc<str>) {
        self.send(Command::Forget { sink });
    }

    /// Keeps an event that a sink will never take, sooner or later.
    pub(crate) fn bury(&self, sink: Arc<str>, event: Arc<Event>, reason: String) {
        self.send(Command::Bury { sink, event, reason });
    }

    /// Deletes a dead letter, sooner or later.
    pub(crate) fn replayed(&self, id: i64) {
        self.send(Command::Replayed(id));
    }

    /// Deletes the batches before `number`, sooner or later, and not before the cursors that were stored before.
    pub(crate) fn delete_before(&self, number: u64) {
        self.send(Command::DeleteBefore(number));
    }

    /// Resolves when everything that was said before is stored. False: it cannot be stored now.
    pub(crate) async fn synced(&self) -> bool {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Sync(reply));
        // Without an answer the thread has ended, and nothing more is stored.
        answer.await.unwrap_or(false)
    }

    /// Whether it can write.
    pub(crate) fn health(&self) -> &Health {
        &self.health
    }

    /// Bytes of all batches as they are stored.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(super) fn limit_pages(&self, pages: u32) {
        self.send(Command::Limit { pages });
    }

    /// Without an answer the thread has ended, which only a bug in it can have done.
    fn answered(&self, answer: Result<bool, oneshot::error::RecvError>) -> bool {
        answer.unwrap_or_else(|_| {
            self.health.failed("the thread that writes the journal has ended", true);
            false
        })
    }

    fn send(&self, command: Command) {
        // The thread ends with the last sender, or by a bug that has been reported.
        drop(self.commands.send(command));
    }
}

impl Health {
    /// Why the file cannot be written now; `None`: it can.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).error.clone()
    }

    fn stored(&self, was_input: bool) {
        let mut trouble = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if trouble.stops_input && !was_input {
            return;
        }
        if trouble.error.take().is_some() {
            trouble.stops_input = false;
            trouble.logged_at = None;
            tracing::info!("the journal can be written again");
        }
    }

    fn failed(&self, error: &str, was_input: bool) {
        let mut trouble = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.stops_input |= was_input;
        if trouble.logged_at.is_none_or(|at| at.elapsed() >= LOG_AGAIN_AFTER) {
            trouble.logged_at = Some(Instant::now());
            tracing::error!(error, "the journal cannot be written; nothing more is taken in until it can");
        }
        trouble.error = Some(error.to_owned());
    }
}

fn write(
    mut store: Store,
    commands: &mpsc::Receiver<Command>,
    health: &Health,
    bytes: &AtomicU64,
    clock: &dyn Clock,
) {
    let mut todo = Todo { dead_letters: store.dead_letter_bytes(), ..Todo::default() };
    loop {
        let first = if todo.is_empty() {
            commands.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            commands.recv_timeout(RETRY_AFTER)
        };
        let mut is_last = matches!(first, Err(RecvTimeoutError::Disconnected));
        let mut waiting = first.ok();
        let deadline = Instant::now() + LINGER;
        let mut commands_left = MOST_COMMANDS;
        // Marks alone can wait a little, and the newest of each sink is enough.
        while let Some(command) = waiting.take() {
            todo.add(command, &store);
            commands_left -= 1;
            let linger = if todo.is_urgent() { Duration::ZERO } else { deadline - Instant::now() };
            if commands_left > 0 {
                let next = commands.recv_timeout(linger);
                is_last = matches!(next, Err(RecvTimeoutError::Disconnected));
                waiting = next.ok();
            }
        }
        match todo.store(&mut store, bytes, clock) {
            Ok(()) => {
                if !todo.is_nothing() {
                    health.stored(todo.has_input());
                }
                todo.done();
            }
            Err(error) => {
                health.failed(&error.to_string(), todo.has_input());
                if is_damage(&error) {
                    store.mark_damaged();
                    // What is damaged may be just what would be deleted. The file grows, and goes at the next start.
                    todo.deletes_nothing = true;
                    todo.delete_before = None;
                } else {
                    todo.hand_back();
                }
                // Perhaps there is room at least for what makes room. What is left is tried again.
                match todo.store(&mut store, bytes, clock) {
                    Ok(()) => {
                        if !todo.is_nothing() {
                            health.stored(todo.has_input());
                        }
                        todo.done();
                    }
                    Err(_) => todo.hand_back(),
                }
            }
        }
        if is_last {
            return;
        }
    }
}

impl Todo {
    fn is_empty(&self) -> bool {
        self.marks.is_empty()
            && self.forgotten.is_empty()
            && self.buried.is_empty()
            && self.replayed.is_empty()
            && self.delete_before.is_none()
    }

    /// Whether somebody waits for it.
    fn is_urgent(&self) -> bool {
        self.has_input() || !self.syncs.is_empty()
    }

    fn has_input(&self) -> bool {
        !(self.appends.is_empty() && self.reached.is_empty())
    }

    /// Whether there is nothing to store.
    fn is_nothing(&self) -> bool {
        self.is_empty() && !self.has_input()
    }

    fn add(&mut self, command: Command, _store: &Store) {
        match command {
            Command::Append { first, batch, reply } => {
                let payload = record::encode(&batch);
                self.appends.push(Append { first, batch, payload, reply });
            }
            Command::Reach { batch, reply } => self.reached.push((batch, reply)),
            Command::Mark { sink, mark } => _ = self.marks.insert(sink, mark),
            Command::Forget { sink } => self.forgotten.push(sink),
            Command::Bury { sink, event, reason } => {
                if self.buried.len() == MOST_BURIED {
                    self.buried.pop_front();
                    tracing::error!(sink = &*sink, "a dead letter is lost, since nothing can be stored");
                }
                self.buried.push_back((sink, event, reason));
            }
            Command::Replayed(id) => self.replayed.push(id),
            Command::DeleteBefore(_) if self.deletes_nothing => {}
            Command::DeleteBefore(number) => self.delete_before = self.delete_before.max(Some(number)),
            Command::Sync(reply) => self.syncs.push(reply),
            #[cfg(test)]
            Command::Limit { pages } => _store.limit_pages(pages),
        }
    }

    /// Stores all of it, or nothing and keeps it.
    fn store(&mut self, store: &mut Store, bytes: &AtomicU64, clock: &dyn Clock) -> rusqlite::Result<()> {
        if !self.is_nothing() {
            let (added, freed, dead_letters) = store.transact(|changes| self.write(changes, clock))?;
            self.dead_letters = dead_letters;
            bytes.fetch_add(added, Ordering::Relaxed);
            bytes.fetch_sub(freed, Ordering::Relaxed);
        }
        Ok(())
    }

    /// All of it is stored.
    fn done(&mut self) {
        self.answer(true);
        let Self { deletes_nothing, dead_letters, .. } = *self;
        *self = Self { deletes_nothing, dead_letters, ..Self::default() };
    }

    fn write(&self, changes: &Changes<'_>, clock: &dyn Clock) -> rusqlite::Result<(u64, u64, u64)> {
        let mut added = 0;
        for Append { first, batch, payload, .. } in &self.appends {
            changes.append(*first, batch, payload)?;
            added += payload.len() as u64;
        }
        for (batch, _) in &self.reached {
            changes.reach(batch)?;
        }
        let now = clock.now();
        for (sink, mark) in &self.marks {
            changes.mark(sink, mark, now)?;
        }
        for sink in &self.forgotten {
            changes.forget(sink)?;
        }
        for id in &self.replayed {
            changes.delete_dead_letter(*id)?;
        }
        let mut dead_letters = self.dead_letters;
        for (sink, event, reason) in &self.buried {
            dead_letters += changes.bury(sink, event, reason, now)?;
        }
        if dead_letters > DEAD_LETTER_BYTES {
            let (gone, left) = changes.bound_dead_letters(DEAD_LETTER_BYTES)?;
            dead_letters = left;
            if gone > 0 {
                tracing::warn!(events = gone, "the dead letters are full; the oldest of them went");
            }
        }
        let freed = self.delete_before.map_or(Ok(0), |number| changes.delete_before(number))?;
        Ok((added, freed, dead_letters))
    }

    /// Gives input back to those who wait, and lets those go who wanted to know when it is stored.
    fn hand_back(&mut self) {
        self.answer(false);
        self.appends.clear();
        self.reached.clear();
    }

    /// Whoever asked may be gone.
    fn answer(&mut self, is_stored: bool) {
        let appends = std::mem::take(&mut self.appends).into_iter().map(|append| append.reply);
        let reached = std::mem::take(&mut self.reached).into_iter().map(|(_, reply)| reply);
        appends.chain(reached).for_each(|reply| _ = reply.send(is_stored));
        self.syncs.drain(..).for_each(|reply| _ = reply.send(is_stored));
    }
}
