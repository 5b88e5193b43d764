//! Batches of events, and the checkpoint that a batch reaches in its source.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::Event;

/// Events of one source, in the order in which they came. Cloning is free; events are shared and never changed.
#[derive(Clone, Debug)]
pub struct EventBatch {
    source: Arc<str>,
    taken_at: Timestamp,
    intake: Intake,
    checkpoint: Option<Arc<Checkpoint>>,
    is_replay: bool,
    events: Arc<[Arc<Event>]>,
}

/// Whether the events of a batch could be read again if they were not taken now. Decides who waits when the journal
/// is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Intake {
    /// They come as they happen, and the API server does not wait for ever.
    #[default]
    Live,
    /// They come from something that lasts: a list's pages, a recording.
    Rereadable,
}

/// How far a source has come, per scope (a namespace, or all of a cluster). Once it is stored, the source can go on
/// from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint(pub BTreeMap<String, Position>);

/// How far a source has come in one scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// What the source needs to go on: a resourceVersion, a line's number.
    pub version: String,
    /// The wall clock's time when it was reached.
    pub at: Timestamp,
}

impl EventBatch {
    /// A live batch without a checkpoint.
    pub fn new(source: impl Into<Arc<str>>, taken_at: Timestamp, events: Vec<Arc<Event>>) -> Self {
        Self {
            source: source.into(),
            taken_at,
            intake: Intake::Live,
            checkpoint: None,
            is_replay: false,
            events: events.into(),
        }
    }

    /// Says whether the events could be read again.
    #[must_use]
    pub fn with_intake(mut self, intake: Intake) -> Self {
        self.intake = intake;
        self
    }

    /// Says that these are dead letters that somebody wants to be delivered again.
    pub(crate) fn into_replay(mut self) -> Self {
        self.is_replay = true;
        self
    }

    /// Whether these are dead letters that somebody wants to be delivered again.
    pub(crate) fn is_replay(&self) -> bool {
        self.is_replay
    }

    /// Says how far the source has come with this batch.
    #[must_use]
    pub fn with_checkpoint(mut self, checkpoint: Checkpoint) -> Self {
        self.checkpoint = Some(Arc::new(checkpoint));
        self
    }

    /// The same batch with other events: a part of it, or what a filter left.
    #[must_use]
    pub fn with_events(&self, events: Vec<Arc<Event>>) -> Self {
        Self { events: events.into(), ..self.clone() }
    }

    /// Changes the events, before anybody else has them.
    pub(crate) fn each_mut(&mut self, mut change: impl FnMut(&mut Event)) {
        Arc::make_mut(&mut self.events).iter_mut().for_each(|event| change(Arc::make_mut(event)));
    }

    /// Name of the source.
    pub fn source(&self) -> &Arc<str> {
        &self.source
    }

    /// When the batch was taken from its source.
    pub fn taken_at(&self) -> Timestamp {
        self.taken_at
    }

    /// Whether the events could be read again.
    pub fn intake(&self) -> Intake {
        self.intake
    }

    /// How far the source has come with this batch.
    pub fn checkpoint(&self) -> Option<&Checkpoint> {
        self.checkpoint.as_deref()
    }

    /// As [`checkpoint`](Self::checkpoint), shared.
    pub(crate) fn shared_checkpoint(&self) -> Option<Arc<Checkpoint>> {
        self.checkpoint.clone()
    }

    /// The events.
    pub fn events(&self) -> &[Arc<Event>] {
        &self.events
    }

    /// The events, one by one.
    pub fn iter(&self) -> std::slice::Iter<'_, Arc<Event>> {
        self.events.iter()
    }

    /// How many events it holds.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether it holds no event.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// About how many bytes of memory its events hold.
    pub fn resident_bytes(&self) -> usize {
        const SHARED_POINTER: usize = 24;
        self.events.iter().map(|event| event.resident_bytes() + SHARED_POINTER).sum()
    }
}

impl<'a> IntoIterator for &'a EventBatch {
    type Item = &'a Arc<Event>;
    type IntoIter = std::slice::Iter<'a, Arc<Event>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
