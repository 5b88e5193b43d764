//! The metrics of one source.

use std::sync::Arc;

use prometheus::{IntCounter, IntCounterVec, Registry};

use super::Metrics;
use super::age::AgeGauge;
use super::enrichment::{EnrichmentMetrics, EnrichmentVecs};
use crate::batch::EventBatch;
use crate::time::Clock;

/// The metrics of one source.
#[derive(Clone, Debug)]
pub struct SourceMetrics {
    pub(super) name: Arc<str>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) received: IntCounter,
    pub(super) ruled_out: IntCounter,
    pub(super) rule_errors: IntCounter,
    pub(super) from_the_future: IntCounter,
    pub(super) undecodable: IntCounter,
    pub(super) relists: IntCounter,
    pub(super) gaps: IntCounter,
    pub(super) restarts: IntCounterVec,
    pub(super) watch_age: AgeGauge,
    pub(super) silence: AgeGauge,
    pub(super) enrichment: EnrichmentVecs,
}

impl SourceMetrics {
    /// Metrics that are registered nowhere, for sources outside a pipeline.
    pub fn unregistered(name: &str, clock: Arc<dyn Clock>) -> Self {
        Metrics::new(&Registry::new(), clock)
            .expect("a new registry holds no metric of these names")
            .source(name)
    }

    /// A batch was taken from the source.
    pub(crate) fn received(&self, batch: &EventBatch) {
        self.received.inc_by(batch.len() as u64);
        let ahead = batch.iter().filter(|event| event.is_from_the_future()).count();
        self.from_the_future.inc_by(ahead as u64);
    }

    /// So many events of a batch go to no sink, as the user's rules have it.
    pub(crate) fn ruled_out(&self, events: usize) {
        self.ruled_out.inc_by(events as u64);
    }

    /// A rule of the user's could not be computed for an event.
    pub(crate) fn rule_failed(&self) {
        self.rule_errors.inc();
    }

    /// The source is not there any more: what grows with time must not grow on.
    pub(crate) fn gone(&self) {
        self.watch_age.clear(&self.name);
        self.silence.clear(&self.name);
    }

    /// A line is no event.
    pub fn line_undecodable(&self) {
        self.undecodable.inc();
    }

    /// A watch was opened. `reason` says why the one before ended, such as `expired` or `closed`; `None` is the first.
    pub fn watch_opened(&self, reason: Option<&str>) {
        if let Some(reason) = reason {
            self.restarts.with_label_values(&[&*self.name, reason]).inc();
        }
        self.watch_age.set(&self.name, self.clock.now());
    }

    /// There is no watch now.
    pub fn watch_closed(&self) {
        self.watch_age.clear(&self.name);
    }

    /// The API server was heard.
    pub fn heard(&self) {
        self.silence.set(&self.name, self.clock.now());
    }

    /// A list is read because the position is too old.
    pub fn relisted(&self) {
        self.relists.inc();
    }

    /// A gap could not be closed.
    pub fn gap(&self) {
        self.gaps.inc();
    }

    /// What is counted of looking things up around its events. A source that never asks has no such series.
    pub fn enrichment(&self) -> EnrichmentMetrics {
        self.enrichment.of_source(&self.name)
    }
}
