//! A sink that answers as it is told, and a source that hands out what it is given.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::batch::EventBatch;
use crate::error::{ExportError, SourceError};
use crate::sink::{BatchLimits, EventSink};
use crate::source::{EventSource, SourceStatus};

/// A sink that records what it gets and answers as it is told. Clones share the record and the answers.
#[derive(Clone, Debug, Default)]
pub struct ScriptedSink(Arc<Script>);

#[derive(Debug, Default)]
struct Script {
    state: Mutex<State>,
    recorded: Notify,
}

#[derive(Debug, Default)]
struct State {
    limits: BatchLimits,
    answers: VecDeque<Answer>,
    then: Option<fn() -> Answer>,
    exports: Vec<Recorded>,
    is_stopped: bool,
}

/// How a [`ScriptedSink`] answers an export.
#[derive(Debug)]
pub enum Answer {
    /// All was delivered.
    Ok,
    /// This error.
    Err(ExportError),
    /// No answer, ever.
    Hang,
    /// A bug in the sink.
    Panic,
}

/// One export that a [`ScriptedSink`] got.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// When it came.
    pub at: Instant,
    /// What it brought.
    pub batch: EventBatch,
    /// Whether it was answered with Ok.
    pub is_delivered: bool,
}

impl ScriptedSink {
    /// Answers with `answers`, one after the other, and then always with Ok.
    pub fn answering(answers: impl IntoIterator<Item = Answer>) -> Self {
        let sink = Self::default();
        sink.lock().answers.extend(answers);
        sink
    }

    /// Answers always as `answer` says.
    pub fn always(answer: fn() -> Answer) -> Self {
        let sink = Self::default();
        sink.lock().then = Some(answer);
        sink
    }

    /// Declares these limits.
    #[must_use]
    pub fn with_limits(self, limits: BatchLimits) -> Self {
        self.lock().limits = limits;
        self
    }

    /// All exports so far.
    pub fn exports(&self) -> Vec<Recorded> {
        self.lock().exports.clone()
    }

    /// The messages of all events that were answered with Ok, in order.
    pub fn delivered(&self) -> Vec<String> {
        let state = self.lock();
        let delivered = state.exports.iter().filter(|export| export.is_delivered);
        delivered.flat_map(|export| export.batch.iter().map(|event| event.message.clone())).collect()
    }

    /// Waits until `events` have been delivered in all.
    pub async fn wait_for(&self, events: usize) {
        loop {
            let recorded = self.0.recorded.notified();
            if self.delivered().len() >= events {
                return;
            }
            recorded.await;
        }
    }

    /// Whether it was stopped.
    pub fn is_stopped(&self) -> bool {
        self.lock().is_stopped
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl EventSink for ScriptedSink {
    fn name(&self) -> &str {
        "scripted"
    }

    fn limits(&self) -> BatchLimits {
        self.lock().limits
    }

    async fn export_events(&self, batch: &EventBatch) -> Result<(), ExportError> {
        let answer = {
            let mut state = self.lock();
            let then = state.then.unwrap_or(|| Answer::Ok);
            let answer = state.answers.pop_front().unwrap_or_else(then);
            let is_delivered = matches!(answer, Answer::Ok);
            state.exports.push(Recorded { at: Instant::now(), batch: batch.clone(), is_delivered });
            answer
        };
        self.0.recorded.notify_waiters();
        match answer {
            Answer::Ok => Ok(()),
            Answer::Err(error) => Err(error),
            Answer::Hang => std::future::pending().await,
            Answer::Panic => panic!("a bug, as the script says"),
        }
    }

    async fn stop(&self) {
        self.lock().is_stopped = true;
    }
}

/// A source that hands out the batches that it is given, and ends when it is told to.
#[derive(Debug)]
pub struct FakeSource {
    name: String,
    batches: VecDeque<EventBatch>,
    ends: bool,
}

impl FakeSource {
    /// Hands out `batches`, and then ends.
    pub fn ending(name: impl Into<String>, batches: impl IntoIterator<Item = EventBatch>) -> Self {
        Self { name: name.into(), batches: batches.into_iter().collect(), ends: true }
    }

    /// Hands out `batches`, and then nothing for ever.
    pub fn lasting(name: impl Into<String>, batches: impl IntoIterator<Item = EventBatch>) -> Self {
        Self { ends: false, ..Self::ending(name, batches) }
    }
}

#[async_trait]
impl EventSource for FakeSource {
    fn name(&self) -> &str {
        &self.name
    }

    async fn ready(&mut self) {
        if self.batches.is_empty() && !self.ends {
            std::future::pending::<()>().await;
        }
    }

    async fn get_new_events(&mut self) -> Result<Option<EventBatch>, SourceError> {
        match self.batches.pop_front() {
            Some(batch) => Ok(Some(batch)),
            None if self.ends => Ok(None),
            None => Ok(Some(crate::testing::batch([]))),
        }
    }

    fn status(&self) -> SourceStatus {
        SourceStatus { is_fresh: true, ..SourceStatus::default() }
    }
}
