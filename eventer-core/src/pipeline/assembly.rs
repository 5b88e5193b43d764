//! Makes what runs of a plan: the driver of a source, the worker of a sink. What all of them share is here.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::driver::Driver;
use super::rules::Rules;
use crate::cluster::ConfigMaps;
use crate::journal::{Cursor, Journal, PATIENCE, Subscription};
use crate::layer::{Attempts, LayerContext};
use crate::metrics::{EventCounters, Metrics};
use crate::registry::{SinkPlan, SourcePlan};
use crate::shutdown::Shutdown;
use crate::sink::SinkContext;
use crate::source::SourceContext;
use crate::status::{SinkState, SourceState};
use crate::time::Clock;
use crate::worker::Worker;

/// What the sources and sinks of a pipeline share.
pub(super) struct Assembly {
    pub(super) metrics: Metrics,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) time_zone: TimeZone,
    pub(super) stdout_is_terminal: bool,
    pub(super) cluster: Option<Arc<str>>,
    pub(super) frequency: Duration,
    pub(super) batch_events: NonZeroUsize,
    pub(super) counters: Option<EventCounters>,
    pub(super) journal: Journal,
    pub(super) shutdown: Shutdown,
    pub(super) rules: Rules,
    /// The ConfigMaps that an embedder gave; else those of the first source that has some.
    pub(super) config_maps: Option<Arc<dyn ConfigMaps>>,
}

impl Assembly {
    /// What a source of this name is given when it is opened, still without a checkpoint.
    pub(super) fn source_context(&self, name: &Arc<str>) -> SourceContext {
        SourceContext {
            cluster: self.cluster.clone(),
            batch_events: self.batch_events,
            ..SourceContext::new(name.clone(), self.clock.clone(), self.metrics.source(name))
        }
    }

    /// The driver of a source, which it stops when `retired` says so.
    pub(super) fn driver(&self, state: &Arc<SourceState>, retired: &Shutdown) -> Driver {
        Driver {
            name: state.name().clone(),
            state: state.clone(),
            metrics: self.metrics.source(state.name()),
            rounds: self.metrics.rounds.clone(),
            counters: self.counters.clone(),
            journal: self.journal.clone(),
            clock: self.clock.clone(),
            shutdown: self.shutdown.clone(),
            retired: retired.clone(),
            rules: self.rules.clone(),
            frequency: self.frequency,
            batch_events: self.batch_events,
        }
    }

    /// The ConfigMaps that sinks may ask for, beside these sources.
    pub(super) fn config_maps<'a>(
        &self,
        sources: impl Iterator<Item = &'a SourcePlan>,
    ) -> Option<Arc<dyn ConfigMaps>> {
        let of_sources = || sources.into_iter().find_map(|plan| plan.config_maps.clone());
        self.config_maps.clone().or_else(of_sources)
    }

    /// The worker of a sink that comes into the pipeline.
    pub(super) fn worker(
        &self,
        name: Arc<str>,
        plan: SinkPlan,
        config_maps: Option<Arc<dyn ConfigMaps>>,
    ) -> Worker {
        let cursor = self.journal.subscribe(Subscription {
            name: name.clone(),
            begin: plan.policy.from,
            wants: wants(&plan),
            patience: patience(&plan),
            metrics: self.metrics.sink(&name, plan.exporter),
        });
        let state = Arc::new(SinkState::new(name, plan.kind, self.clock.clone()));
        self.worker_at(cursor, state, plan, config_maps)
    }

    /// The worker of a sink that comes in the place of another one, which has retired.
    pub(super) fn successor(
        &self,
        cursor: &Cursor,
        state: Arc<SinkState>,
        plan: SinkPlan,
        config_maps: Option<Arc<dyn ConfigMaps>>,
    ) -> Worker {
        let cursor = cursor.pass_on(wants(&plan), patience(&plan));
        state.becomes(plan.kind);
        self.worker_at(cursor, state, plan, config_maps)
    }

    fn worker_at(
        &self,
        cursor: Cursor,
        state: Arc<SinkState>,
        plan: SinkPlan,
        config_maps: Option<Arc<dyn ConfigMaps>>,
    ) -> Worker {
        let name = state.name().clone();
        let context = SinkContext {
            clock: self.clock.clone(),
            time_zone: self.time_zone.clone(),
            stdout_is_terminal: self.stdout_is_terminal,
            config_maps,
            ..SinkContext::new(name.clone())
        };
        let layers = LayerContext {
            metrics: self.metrics.sink(&name, plan.exporter),
            state,
            clock: self.clock.clone(),
            journal: self.journal.clone(),
            attempts: Attempts::default(),
            name,
        };
        Worker { plan, context, layers, cursor, shutdown: self.shutdown.clone() }
    }
}

fn wants(plan: &SinkPlan) -> crate::journal::Wants {
    let filter = plan.policy.filter.clone();
    Box::new(move |event| filter.wants(event))
}

/// A sink under a rate limit gives a verdict at each turn only.
fn patience(plan: &SinkPlan) -> Duration {
    plan.policy.rate.map_or(PATIENCE, |rate| PATIENCE.saturating_add(rate.per))
}
