//! The trait that a destination implements, and what it is given when it is opened.

use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::tz::TimeZone;

use crate::batch::EventBatch;
use crate::cluster::ConfigMaps;
use crate::error::ExportError;
use crate::time::{Clock, SystemClock};

/// A destination. It sends once and reports; filtering, cutting, waiting, retrying, timing out and counting happen
/// around it, in this crate.
#[async_trait]
pub trait EventSink: Send + Sync {
    /// Name of this sink, for logs and metrics.
    fn name(&self) -> &str;

    /// The most that one call of [`export_events`](Self::export_events) should get. A sink that sends one request per
    /// event says one event.
    fn limits(&self) -> BatchLimits {
        BatchLimits::default()
    }

    /// Delivers `batch` once and says how it went. `Ok`: the destination has taken responsibility for all of it.
    ///
    /// # Errors
    /// The kind of the error decides what happens next, see [`ExportErrorKind`](crate::ExportErrorKind). An error can
    /// say of each event what became of it; otherwise it is about the whole batch.
    ///
    /// # Cancellation
    /// The future is dropped when the attempt's time is up or the process stops. The same events are then delivered
    /// again, later or by the next process, so that nothing may rely on running to its end.
    async fn export_events(&self, batch: &EventBatch) -> Result<(), ExportError>;

    /// Asks the destination whether it would take events now. Asked once, when the sink is open; the answer goes to the
    /// log and the probes, and never decides whether the program starts.
    ///
    /// # Errors
    /// As for an export.
    async fn check_health(&self) -> Result<(), ExportError> {
        Ok(())
    }

    /// Whether the destination is known to be there when the sink could be opened and
    /// [`check_health`](Self::check_health) has nothing against it. By default it is not: many a hook can be asked nothing
    /// but to take an event.
    fn can_be_asked(&self) -> bool {
        false
    }

    /// Flushes and closes. Called once, inside the stop deadline, when everything was delivered; not on a sink that still
    /// exports when the time is up.
    async fn stop(&self) {}
}

/// The most that one export should get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// Events.
    pub events: NonZeroUsize,
    /// Bytes, counted as the JSON of the events. A single event may have more.
    pub bytes: usize,
}

impl BatchLimits {
    /// One event an export.
    pub const ONE_EVENT: Self = Self { events: NonZeroUsize::MIN, bytes: usize::MAX };

    /// The smaller of both in each respect.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self { events: self.events.min(other.events), bytes: self.bytes.min(other.bytes) }
    }
}

impl Default for BatchLimits {
    /// No limit.
    fn default() -> Self {
        Self { events: NonZeroUsize::MAX, bytes: usize::MAX }
    }
}

/// What a sink is given when it is opened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SinkContext {
    /// Name of this sink.
    pub name: Arc<str>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// The zone in which times are written for people.
    pub time_zone: TimeZone,
    /// Whether standard output is a terminal.
    pub stdout_is_terminal: bool,
    /// The ConfigMaps of the cluster that the events come from, if a source speaks to one.
    pub config_maps: Option<Arc<dyn ConfigMaps>>,
    /// Whether it is opened only to see whether that works. Nothing will be exported, and nothing may be left behind.
    pub is_trial: bool,
}

impl SinkContext {
    /// A context with the system's clock, UTC, and no terminal.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            clock: Arc::new(SystemClock),
            time_zone: TimeZone::UTC,
            stdout_is_terminal: false,
            config_maps: None,
            is_trial: false,
        }
    }
}
