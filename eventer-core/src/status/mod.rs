//! How the sources and sinks of a pipeline are, for probes and for people.

mod sink;
mod source;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::journal::Journal;
use crate::source::SourceStatus;
use crate::time::Clock;
pub(crate) use sink::SinkState;
pub(crate) use source::SourceState;

/// How a pipeline is at any time. Clones share it.
#[derive(Clone)]
pub struct PipelineStatus(Arc<Board>);

pub(crate) struct Board {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) journal: Journal,
    pub(crate) has_storage: bool,
    pub(crate) components: Mutex<Components>,
}

/// The sources and sinks that there are at present.
#[derive(Clone, Default)]
pub(crate) struct Components {
    pub(crate) sources: Vec<Arc<SourceState>>,
    pub(crate) sinks: Vec<Arc<SinkState>>,
}

/// How a source is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SourceReport {
    /// Its name.
    pub name: Arc<str>,
    /// What it says of itself.
    pub status: SourceStatus,
    /// How long it has been waiting for room in the journal.
    pub waiting_for_room: Option<Duration>,
}

/// How a sink is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SinkReport {
    /// Its name.
    pub name: Arc<str>,
    /// Its kind.
    pub kind: &'static str,
    /// Whether it could be opened.
    pub is_open: bool,
    /// Since when every attempt has failed.
    pub failing_since: Option<Timestamp>,
    /// Why the last attempt failed. Holds no secret.
    pub last_error: Option<String>,
    /// Events that wait for it.
    pub backlog: usize,
    /// How long the oldest of them has been waiting, by its receipt.
    pub lag: Duration,
}

impl PipelineStatus {
    pub(crate) fn new(board: Board) -> Self {
        Self(Arc::new(board))
    }

    /// There are others from now on.
    pub(crate) fn set_components(&self, components: Components) {
        *self.0.components.lock().unwrap_or_else(PoisonError::into_inner) = components;
    }

    fn components(&self) -> Components {
        self.0.components.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the pipeline's own loops turn. Waiting for a destination is no standstill.
    pub fn is_live(&self) -> bool {
        self.components().sources.iter().all(|source| !source.is_stuck())
    }

    /// When events were last taken from a source.
    pub fn last_round(&self) -> Option<Timestamp> {
        self.components().sources.iter().filter_map(|source| source.last_round()).max()
    }

    /// Why nothing can be taken in now: the storage of the journal is not open, or cannot be written. `None`: it is well,
    /// or there is none.
    pub fn storage_trouble(&self) -> Option<String> {
        if self.0.has_storage && !self.0.journal.is_on_disk() {
            return Some("the state directory is not open: another process may have it".to_owned());
        }
        self.0.journal.trouble()
    }

    /// The sources that ended in trouble.
    pub(crate) fn broken_off(&self) -> Vec<Arc<str>> {
        let sources = self.components().sources;
        let broken_off = sources.iter().filter(|source| source.is_broken_off());
        broken_off.map(|source| source.name().clone()).collect()
    }

    /// How each source is.
    pub fn sources(&self) -> Vec<SourceReport> {
        self.components().sources.iter().map(|source| source.report()).collect()
    }

    /// How each sink is.
    pub fn sinks(&self) -> Vec<SinkReport> {
        let now = self.0.clock.now();
        let backlogs = self.0.journal.backlogs();
        let sinks = self.components().sinks;
        let reports = sinks.iter().map(|sink| {
            let mut report = sink.report();
            if let Some((_, backlog)) = backlogs.iter().find(|(name, _)| *name == report.name) {
                report.backlog = backlog.events;
                report.lag = backlog.oldest.map(|oldest| age(now, oldest)).unwrap_or_default();
            }
            report
        });
        reports.collect()
    }
}

impl fmt::Debug for PipelineStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipelineStatus")
            .field("sources", &self.sources())
            .field("sinks", &self.sinks())
            .field("storage_trouble", &self.storage_trouble())
            .finish()
    }
}

/// The time from `since` to `now`, and nothing if a clock went back.
pub(crate) fn age(now: Timestamp, since: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}
