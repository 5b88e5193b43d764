//! The trait that a source of events implements, and what it is given when it is opened.

use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::batch::{Checkpoint, EventBatch};
use crate::error::SourceError;
use crate::metrics::SourceMetrics;
use crate::time::Clock;

/// Where events come from. It holds what has arrived in a bounded buffer, and stops reading when that is full.
///
/// Dropping a source stops it.
#[async_trait]
pub trait EventSource: Send {
    /// Name of this source, for logs, metrics and checkpoints.
    fn name(&self) -> &str;

    /// Resolves when a full batch waits or the source has ended.
    ///
    /// # Cancellation
    /// Safe to cancel: no event is lost.
    async fn ready(&mut self);

    /// Takes what has arrived since the last call, at most a batch, without waiting for more. Each event is handed out
    /// once. `None`: the source has ended.
    ///
    /// # Errors
    /// Passing trouble; the source goes on by itself.
    async fn get_new_events(&mut self) -> Result<Option<EventBatch>, SourceError>;

    /// Everything up to `checkpoint` is in the journal.
    async fn committed(&mut self, checkpoint: &Checkpoint) {
        let _ = checkpoint;
    }

    /// How fresh it is, for `/readyz` and metrics.
    fn status(&self) -> SourceStatus;
}

/// How fresh a source is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceStatus {
    /// Whether it would see an event that happens now.
    pub is_fresh: bool,
    /// When it last heard from where the events come from: an event, a bookmark, an answer to a probe.
    pub last_heard: Option<Timestamp>,
    /// What it does now, or what keeps it from being fresh; for people. Holds no secret.
    pub detail: String,
}

/// What a source is given when it is opened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SourceContext {
    /// Name of this source.
    pub name: Arc<str>,
    /// Name of the cluster for sources that are given none of their own.
    pub cluster: Option<Arc<str>>,
    /// Where it stood when the journal last stored it.
    pub checkpoint: Option<Checkpoint>,
    /// The most events of one batch.
    pub batch_events: NonZeroUsize,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Where it counts.
    pub metrics: SourceMetrics,
}

impl SourceContext {
    /// A context without a cluster's name and without a checkpoint, with batches of [`DEFAULT_BATCH_EVENTS`].
    pub fn new(name: impl Into<Arc<str>>, clock: Arc<dyn Clock>, metrics: SourceMetrics) -> Self {
        let batch_events = DEFAULT_BATCH_EVENTS;
        Self { name: name.into(), cluster: None, checkpoint: None, batch_events, clock, metrics }
    }
}

/// The most events of one batch, if nothing else was said.
pub const DEFAULT_BATCH_EVENTS: NonZeroUsize = NonZeroUsize::new(1000).expect("1000 is not zero");
