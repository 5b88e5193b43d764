//! Puts a pipeline together.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use jiff::tz::TimeZone;

use super::assembly::Assembly;
use super::control::PipelineControl;
use super::rules::{RuleSet, Rules};
use super::{Pipeline, StoragePlan, check_names, names};
use crate::cluster::ConfigMaps;
use crate::error::BuildError;
use crate::event::Labels;
use crate::filter::EventFilter;
use crate::journal::Journal;
use crate::journal::storage::Storage;
use crate::manager::SinkManager;
use crate::metrics::{EventCounters, Metrics, SERIES_LIMIT, register_journal};
use crate::policy::Policy;
use crate::registry::{SinkPlan, SourcePlan};
use crate::shutdown::Shutdown;
use crate::sink::EventSink;
use crate::source::{DEFAULT_BATCH_EVENTS, EventSource};
use crate::status::{Board, Components, PipelineStatus, SourceState};
use crate::time::{Clock, SystemClock};
use crate::uri::ByteSize;

/// Puts a [`Pipeline`] together. What is not said is as the `eventer` program has it by default.
pub struct PipelineBuilder {
    metrics: Option<Metrics>,
    clock: Arc<dyn Clock>,
    time_zone: TimeZone,
    stdout_is_terminal: bool,
    cluster: Option<Arc<str>>,
    static_labels: Labels,
    drop: Vec<EventFilter>,
    frequency: Duration,
    batch_events: NonZeroUsize,
    journal_size: ByteSize,
    storage: Option<Arc<dyn Storage>>,
    storage_size: ByteSize,
    forget_sink_after: Duration,
    stop_timeout: Duration,
    is_strict: bool,
    counts_events: bool,
    asked_to_stop: BoxFuture<'static, ()>,
    config_maps: Option<Arc<dyn ConfigMaps>>,
    sources: Vec<SourcePlan>,
    sinks: Vec<SinkPlan>,
}

impl PipelineBuilder {
    /// Events wait at most this long in a source's buffer.
    pub const DEFAULT_FREQUENCY: Duration = Duration::from_secs(1);
    /// Bytes of events that the journal holds in memory.
    pub const DEFAULT_JOURNAL_SIZE: ByteSize = ByteSize(32 << 20);
    /// Bytes of batches that the journal holds on its storage.
    pub const DEFAULT_STORAGE_SIZE: ByteSize = ByteSize(1 << 30);
    /// How long a sink that is not there any more keeps its claim on what is on the storage.
    pub const DEFAULT_FORGET_SINK_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);
    /// Time for delivering what waits when the pipeline stops.
    pub const DEFAULT_STOP_TIMEOUT: Duration = Duration::from_secs(20);

    /// Where it counts. By default in a registry that nobody sees.
    #[must_use]
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = Some(metrics);
        self
    }

    /// The wall clock. By default the system's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The zone in which sinks write times for people. By default UTC.
    #[must_use]
    pub fn time_zone(mut self, time_zone: TimeZone) -> Self {
        self.time_zone = time_zone;
        self
    }

    /// Whether standard output is a terminal. By default it is none.
    #[must_use]
    pub fn stdout_is_terminal(mut self, is_terminal: bool) -> Self {
        self.stdout_is_terminal = is_terminal;
        self
    }

    /// Name of the cluster, for sources that are given none of their own.
    #[must_use]
    pub fn cluster(mut self, cluster: Option<Arc<str>>) -> Self {
        self.cluster = cluster;
        self
    }

    /// Labels for every event; they go with it to the sinks.
    #[must_use]
    pub fn static_labels(mut self, labels: Labels) -> Self {
        self.static_labels = labels;
        self
    }

    /// Adds a rule: an event that `rule` wants goes to no sink.
    #[must_use]
    pub fn drop_rule(mut self, rule: EventFilter) -> Self {
        self.drop.push(rule);
        self
    }

    /// How often events are taken from a source that has no full batch.
    #[must_use]
    pub fn frequency(mut self, frequency: Duration) -> Self {
        self.frequency = frequency;
        self
    }

    /// The most events of one batch.
    #[must_use]
    pub fn batch_events(mut self, events: NonZeroUsize) -> Self {
        self.batch_events = events;
        self
    }

    /// Where the journal is kept beside memory, so that it outlives the process. By default nowhere.
    #[must_use]
    pub fn storage(mut self, storage: Arc<dyn Storage>) -> Self {
        self.storage = Some(storage);
        self
    }

    /// Bytes of batches, as they are stored, that the journal holds on its storage.
    #[must_use]
    pub fn storage_size(mut self, size: ByteSize) -> Self {
        self.storage_size = size;
        self
    }

    /// How long a sink that is not there any more keeps its claim on what is on the storage.
    #[must_use]
    pub fn forget_sink_after(mut self, after: Duration) -> Self {
        self.forget_sink_after = after;
        self
    }

    /// Bytes of events that the journal holds in memory.
    #[must_use]
    pub fn journal_size(mut self, size: ByteSize) -> Self {
        self.journal_size = size;
        self
    }

    /// Time for delivering what waits when the pipeline stops.
    #[must_use]
    pub fn stop_timeout(mut self, timeout: Duration) -> Self {
        self.stop_timeout = timeout;
        self
    }

    /// Whether a sink that cannot be opened ends the run. By default it is tried again.
    #[must_use]
    pub fn strict(mut self, is_strict: bool) -> Self {
        self.is_strict = is_strict;
        self
    }

    /// Whether to count events by reason and object, as kube-eventer does. By default not.
    #[must_use]
    pub fn event_metrics(mut self, counts_events: bool) -> Self {
        self.counts_events = counts_events;
        self
    }

    /// When this resolves, the pipeline stops. By default it never does.
    #[must_use]
    pub fn shutdown(mut self, asked_to_stop: impl Future<Output = ()> + Send + 'static) -> Self {
        self.asked_to_stop = asked_to_stop.boxed();
        self
    }

    /// The ConfigMaps that sinks may ask for. By default those of the first source that speaks to a cluster.
    #[must_use]
    pub fn config_maps(mut self, config_maps: Arc<dyn ConfigMaps>) -> Self {
        self.config_maps = Some(config_maps);
        self
    }

    /// Adds a source that is open.
    #[must_use]
    pub fn source(self, source: impl EventSource + 'static) -> Self {
        self.source_plan(SourcePlan::ready(source))
    }

    /// Adds a source that was planned from a URI.
    #[must_use]
    pub fn source_plan(mut self, plan: SourcePlan) -> Self {
        self.sources.push(plan);
        self
    }

    /// Adds a sink that is open.
    #[must_use]
    pub fn sink(self, name: impl Into<String>, sink: impl EventSink + 'static, policy: Policy) -> Self {
        self.sink_plan(SinkPlan::ready(name, Arc::new(sink), policy))
    }

    /// Adds a sink that was planned from a URI.
    #[must_use]
    pub fn sink_plan(mut self, plan: SinkPlan) -> Self {
        self.sinks.push(plan);
        self
    }

    /// Puts everything together; nothing is opened yet.
    ///
    /// # Errors
    /// Two components of one name, metrics whose registry serves another pipeline already, or a frequency of zero.
    pub fn build(self) -> Result<Pipeline, BuildError> {
        if self.frequency.is_zero() {
            return Err(BuildError::new("take events with a frequency of zero", "give it some time"));
        }
        let register = |error: prometheus::Error| BuildError::new("register the metrics", error);
        let metrics = match self.metrics {
            Some(metrics) => metrics,
            None => Metrics::new(&prometheus::Registry::new(), self.clock.clone()).map_err(register)?,
        };
        let counters = match self.counts_events {
            true => Some(EventCounters::register(metrics.registry(), SERIES_LIMIT).map_err(register)?),
            false => None,
        };
        let journal = Journal::new(self.journal_size.as_usize());
        register_journal(metrics.registry(), &journal, self.storage.is_some(), self.clock.clone())
            .map_err(register)?;
        check_names(self.storage.is_some(), &self.sources, &self.sinks)?;
        let source_names = names(self.sources.iter().map(|plan| (plan.kind, plan.name.as_deref())))?;
        let sink_names = names(self.sinks.iter().map(|plan| (plan.kind, plan.name.as_deref())))?;
        let assembly = Assembly {
            metrics: metrics.clone(),
            clock: self.clock.clone(),
            time_zone: self.time_zone,
            stdout_is_terminal: self.stdout_is_terminal,
            cluster: self.cluster,
            frequency: self.frequency,
            batch_events: self.batch_events,
            counters,
            journal: journal.clone(),
            shutdown: Shutdown::new(),
            rules: Rules::new(RuleSet::new(self.static_labels, self.drop)),
            config_maps: self.config_maps,
        };
        let config_maps = assembly.config_maps(self.sources.iter());
        let sources: Vec<_> = source_names
            .into_iter()
            .zip(self.sources)
            .map(|(name, plan)| (Arc::new(SourceState::new(name)), plan))
            .collect();
        let workers: Vec<_> = sink_names
            .into_iter()
            .zip(self.sinks)
            .map(|(name, plan)| assembly.worker(name, plan, config_maps.clone()))
            .collect();

        let clock = self.clock;
        let status = PipelineStatus::new(Board {
            clock: clock.clone(),
            has_storage: self.storage.is_some(),
            journal: journal.clone(),
            components: Mutex::new(Components {
                sources: sources.iter().map(|(state, _)| state.clone()).collect(),
                sinks: workers.iter().map(|worker| worker.layers.state.clone()).collect(),
            }),
        });
        let storage = self.storage.map(|storage| StoragePlan {
            storage,
            size: self.storage_size,
            forget_sink_after: self.forget_sink_after,
            clock: clock.clone(),
            metrics: metrics.clone(),
        });
        let (control, requests) = PipelineControl::new();
        Ok(Pipeline {
            manager: SinkManager::new(journal, assembly.shutdown.clone()),
            assembly,
            sources,
            workers,
            storage,
            status,
            control,
            requests,
            asked_to_stop: self.asked_to_stop,
            stop_timeout: self.stop_timeout,
            is_strict: self.is_strict,
        })
    }
}

impl Default for PipelineBuilder {
    fn default() -> Self {
        Self {
            metrics: None,
            clock: Arc::new(SystemClock),
            time_zone: TimeZone::UTC,
            stdout_is_terminal: false,
            cluster: None,
            static_labels: Labels::new(),
            drop: Vec::new(),
            frequency: Self::DEFAULT_FREQUENCY,
            batch_events: DEFAULT_BATCH_EVENTS,
            journal_size: Self::DEFAULT_JOURNAL_SIZE,
            storage: None,
            storage_size: Self::DEFAULT_STORAGE_SIZE,
            forget_sink_after: Self::DEFAULT_FORGET_SINK_AFTER,
            stop_timeout: Self::DEFAULT_STOP_TIMEOUT,
            is_strict: false,
            counts_events: false,
            asked_to_stop: std::future::pending().boxed(),
            config_maps: None,
            sources: Vec::new(),
            sinks: Vec::new(),
        }
    }
}

impl fmt::Debug for PipelineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipelineBuilder")
            .field("sources", &self.sources)
            .field("sinks", &self.sinks)
            .finish_non_exhaustive()
    }
}
