//! The metrics of one sink.

use std::sync::Arc;

use prometheus::{IntCounter, Registry};

use super::{DropReason, Metrics, summary};
use crate::error::ExportErrorKind;

/// The metrics of one sink.
#[derive(Clone, Debug)]
pub struct SinkMetrics {
    pub(super) exported: IntCounter,
    pub(super) retried: IntCounter,
    pub(super) rejected: IntCounter,
    pub(super) filter_errors: IntCounter,
    pub(super) unavailable: IntCounter,
    pub(super) rate_limited: IntCounter,
    pub(super) unauthorized: IntCounter,
    pub(super) refused: IntCounter,
    pub(super) dropped: [IntCounter; DropReason::ALL.len()],
    pub(super) gone: IntCounter,
    pub(super) attempts: prometheus::Histogram,
    pub(super) exporter_millis: summary::Summary,
    pub(super) restarted_workers: IntCounter,
}

impl SinkMetrics {
    /// Metrics that are registered nowhere, for sinks outside a pipeline.
    pub fn unregistered(name: &str) -> Self {
        let clock = Arc::new(crate::time::SystemClock);
        Metrics::new(&Registry::new(), clock)
            .expect("a new registry holds no metric of these names")
            .sink(name, name)
    }

    pub(crate) fn exported(&self, events: usize) {
        self.exported.inc_by(events as u64);
    }

    pub(crate) fn retried(&self, events: usize) {
        self.retried.inc_by(events as u64);
    }

    pub(crate) fn rejected(&self, events: usize) {
        self.rejected.inc_by(events as u64);
    }

    pub(crate) fn filter_failed(&self) {
        self.filter_errors.inc();
    }

    pub(crate) fn dropped(&self, reason: DropReason, events: usize) {
        self.dropped[reason as usize].inc_by(events as u64);
    }

    pub(crate) fn attempt(&self, duration: std::time::Duration, failure: Option<ExportErrorKind>) {
        self.attempts.observe(duration.as_secs_f64());
        self.exporter_millis.observe(duration.as_secs_f64() * 1000.0);
        match failure {
            None => {}
            Some(ExportErrorKind::Unavailable) => self.unavailable.inc(),
            Some(ExportErrorKind::RateLimited) => self.rate_limited.inc(),
            Some(ExportErrorKind::Unauthorized) => self.unauthorized.inc(),
            Some(ExportErrorKind::Rejected) => self.refused.inc(),
            Some(ExportErrorKind::Gone) => self.gone.inc(),
        }
    }

    pub(crate) fn worker_restarted(&self) {
        self.restarted_workers.inc();
    }
}
