//! What a journal needs of a place that outlives the process. The journal decides, the storage keeps.
//!
//! Events are numbered from the first that was ever stored. A batch is known by the number of its first event.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::batch::{Checkpoint, EventBatch};
use crate::error::BuildError;
use crate::event::Event;

/// A place that outlives the process, not yet open.
#[async_trait]
pub trait Storage: fmt::Debug + Send + Sync {
    /// Opens it, and says what it holds. If another process has it, waits until that one has gone.
    ///
    /// # Errors
    /// It cannot be opened; waiting does not help.
    ///
    /// # Cancellation
    /// Safe to cancel.
    async fn open(&self) -> Result<(Arc<dyn Backing>, Contents), BuildError>;
}

/// An open storage. What is said to it is stored in that order.
#[async_trait]
pub trait Backing: fmt::Debug + Send + Sync {
    /// Stores a batch whose first event has the number `first`, and the checkpoint that it reaches, both or neither.
    /// False: they cannot be stored now.
    ///
    /// # Cancellation
    /// Not safe: they may be stored then.
    async fn append(&self, first: u64, batch: EventBatch) -> bool;

    /// Stores the checkpoint that a batch without events reaches. False: it cannot be stored now.
    async fn reach(&self, batch: EventBatch) -> bool;

    /// Stores how far a sink has come, sooner or later.
    fn mark(&self, sink: &Arc<str>, mark: Mark);

    /// Forgets a sink, sooner or later.
    fn forget(&self, sink: &Arc<str>);

    /// Deletes the batches whose events all have numbers below `number`, sooner or later.
    fn delete_before(&self, number: u64);

    /// Keeps an event that a sink will never take, sooner or later. Beyond a bound of the storage's own the oldest go.
    fn bury(&self, sink: &Arc<str>, event: &Arc<Event>, reason: &str);

    /// The dead letters that somebody wants to be delivered again by one of `sinks`, the oldest first and at most `most`.
    ///
    /// # Errors
    /// Why they cannot be read now.
    async fn replays(&self, sinks: Vec<String>, most: usize) -> Result<Vec<Replay>, String>;

    /// A dead letter that was delivered again has a verdict, and goes, sooner or later.
    fn replayed(&self, id: i64);

    /// Resolves when everything that was said before is stored. False: it cannot be stored now.
    async fn synced(&self) -> bool;

    /// Reads back the batch that holds the event `from`, and those after it that begin before `before`, until they hold
    /// `most` events. If that batch is gone, begins with the oldest one.
    ///
    /// # Errors
    /// Why it cannot be read now.
    async fn load(&self, from: u64, before: u64, most: u64) -> Result<Vec<Loaded>, String>;

    /// Bytes of all batches as they are stored.
    fn bytes(&self) -> u64;

    /// Why it cannot be written now; `None`: it can.
    fn trouble(&self) -> Option<String>;
}

/// What a storage holds when it is opened, without the events.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contents {
    /// Number of the oldest event; that of the next one, if there is none.
    pub oldest: u64,
    /// Number of the next event.
    pub next: u64,
    /// How far each source has come, by its name.
    pub checkpoints: BTreeMap<String, Checkpoint>,
    /// How far each sink has come, by its name, and when it was last heard of.
    pub marks: BTreeMap<String, (Mark, Timestamp)>,
}

/// How far a sink has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Number of the first event without a verdict.
    pub number: u64,
    /// Of the events from there on in the order of the log, which have a verdict already.
    pub ahead: Vec<bool>,
    /// How many events the sink holds that the log has dropped: lost, if the process dies.
    pub orphans: u64,
}

/// A dead letter that is to be delivered again.
#[derive(Clone, Debug)]
pub struct Replay {
    /// Its id.
    pub id: i64,
    /// The sink that rejected it.
    pub sink: String,
    /// The event.
    pub event: Arc<Event>,
}

/// A batch that was read back.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Number of its first event.
    pub first: u64,
    /// How many events it has, whether or not they can be read.
    pub events: u64,
    /// The batch, or why it cannot be read, ever.
    pub batch: Result<EventBatch, String>,
}
