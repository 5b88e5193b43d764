//! Every metric, with its name and its labels. Handed in and never global: an embedder registers them where it likes.
//!
//! The names of kube-eventer stand beside our own ([`kube_eventer`]), so that dashboards go on working.

mod age;
mod enrichment;
mod journal;
mod kube_eventer;
mod sink;
mod source;
mod summary;

use std::sync::Arc;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

use crate::error::ExportErrorKind;
use crate::time::Clock;
use age::AgeGauge;
use enrichment::EnrichmentVecs;
pub use enrichment::{EnrichmentMetrics, UnenrichedReason};
pub(crate) use journal::register_journal;
pub(crate) use kube_eventer::Rounds;
pub use kube_eventer::{EventCounters, SERIES_LIMIT};
pub use sink::SinkMetrics;
pub use source::SourceMetrics;

/// Bounds of attempts' durations, in seconds: from a local file to a destination at its time limit.
const ATTEMPT_SECONDS: &[f64] = &[0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0];

/// Why an event was dropped. The label of `eventer_events_dropped_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// The journal was full and this sink lagged.
    JournalFull,
    /// It waited longer than `max_age`.
    MaxAge,
    /// It could not be delivered for as long as `retry_for`.
    RetryFor,
    /// The process ended before it was delivered.
    Stopped,
    /// The destination has gone for good.
    Gone,
    /// The journal on disk could not be read back.
    Unreadable,
    /// The sink was taken out while the process ran, and the journal is in memory only.
    Removed,
}

impl DropReason {
    const ALL: [Self; 7] = [
        Self::JournalFull,
        Self::MaxAge,
        Self::RetryFor,
        Self::Stopped,
        Self::Gone,
        Self::Unreadable,
        Self::Removed,
    ];

    /// The reason as a label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::JournalFull => "journal_full",
            Self::MaxAge => "max_age",
            Self::RetryFor => "retry_for",
            Self::Stopped => "stopped",
            Self::Gone => "gone",
            Self::Unreadable => "unreadable",
            Self::Removed => "removed",
        }
    }
}

/// All metrics of one pipeline.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    clock: Arc<dyn Clock>,
    received: IntCounterVec,
    ruled_out: IntCounterVec,
    rule_errors: IntCounterVec,
    from_the_future: IntCounterVec,
    undecodable: IntCounterVec,
    restarts: IntCounterVec,
    relists: IntCounterVec,
    gaps: IntCounterVec,
    watch_age: AgeGauge,
    silence: AgeGauge,
    enrichment: EnrichmentVecs,
    exported: IntCounterVec,
    retried: IntCounterVec,
    failed: IntCounterVec,
    dropped: IntCounterVec,
    rejected: IntCounterVec,
    filter_errors: IntCounterVec,
    attempts: HistogramVec,
    restarted_workers: IntCounterVec,
    pub(crate) rounds: Rounds,
}

impl Metrics {
    /// Registers all metrics in `registry`.
    ///
    /// # Errors
    /// If metrics of these names are registered there already: each pipeline needs a registry of its own.
    pub fn new(registry: &Registry, clock: Arc<dyn Clock>) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str, labels: &[&str]| -> Result<IntCounterVec, prometheus::Error> {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let age = |name: &str, help: &str| -> Result<AgeGauge, prometheus::Error> {
            let gauge = AgeGauge::new(name, help, "source", clock.clone())?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let attempts = HistogramVec::new(
            HistogramOpts::new(
                "eventer_export_attempt_duration_seconds",
                "Duration of one attempt to export.",
            )
            .buckets(ATTEMPT_SECONDS.to_vec()),
            &["sink"],
        )?;
        registry.register(Box::new(attempts.clone()))?;
        Ok(Self {
            received: counter("eventer_events_received_total", "Events taken from a source.", &["source"])?,
            from_the_future: counter(
                "eventer_events_from_the_future_total",
                "Events whose timestamp was far ahead of their receipt.",
                &["source"],
            )?,
            ruled_out: counter(
                "eventer_events_ruled_out_total",
                "Events that the rules under drop kept from every sink.",
                &["source"],
            )?,
            rule_errors: counter(
                "eventer_rule_errors_total",
                "Times that a rule under drop could not be computed for an event, which was kept then.",
                &["source"],
            )?,
            undecodable: counter(
                "eventer_lines_undecodable_total",
                "Lines of a source that are no event.",
                &["source"],
            )?,
            restarts: counter(
                "eventer_watch_restarts_total",
                "Watches that ended and were opened again, by why they ended.",
                &["source", "reason"],
            )?,
            relists: counter(
                "eventer_watch_relists_total",
                "Lists read because the position was too old to go on watching from.",
                &["source"],
            )?,
            gaps: counter(
                "eventer_watch_gaps_total",
                "Gaps that a list could not close, since they were longer than events live.",
                &["source"],
            )?,
            watch_age: age("eventer_watch_age_seconds", "How long the watch has been open.")?,
            silence: age(
                "eventer_watch_silence_seconds",
                "How long ago the API server was last heard: an event, a bookmark, an answered probe.",
            )?,
            enrichment: EnrichmentVecs::register(registry)?,
            exported: counter(
                "eventer_events_exported_total",
                "Events that the destination took.",
                &["sink"],
            )?,
            retried: counter("eventer_events_retried_total", "Events that were sent again.", &["sink"])?,
            failed: counter(
                "eventer_export_attempts_failed_total",
                "Attempts to export that failed, by why.",
                &["sink", "reason"],
            )?,
            dropped: counter(
                "eventer_events_dropped_total",
                "Events given up, by why.",
                &["sink", "reason"],
            )?,
            rejected: counter(
                "eventer_events_rejected_total",
                "Events that the destination will never take.",
                &["sink"],
            )?,
            filter_errors: counter(
                "eventer_filter_errors_total",
                "Events that a filter could not be computed for; they are wanted then.",
                &["sink"],
            )?,
            restarted_workers: counter(
                "eventer_worker_restarts_total",
                "Restarts of a sink's worker after a panic.",
                &["sink"],
            )?,
            attempts,
            rounds: Rounds::register(registry)?,
            registry: registry.clone(),
            clock,
        })
    }

    /// Where the metrics are registered.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The metrics of one source.
    pub fn source(&self, name: &str) -> SourceMetrics {
        SourceMetrics {
            received: self.received.with_label_values(&[name]),
            from_the_future: self.from_the_future.with_label_values(&[name]),
            ruled_out: self.ruled_out.with_label_values(&[name]),
            rule_errors: self.rule_errors.with_label_values(&[name]),
            undecodable: self.undecodable.with_label_values(&[name]),
            relists: self.relists.with_label_values(&[name]),
            gaps: self.gaps.with_label_values(&[name]),
            restarts: self.restarts.clone(),
            watch_age: self.watch_age.clone(),
            silence: self.silence.clone(),
            enrichment: self.enrichment.clone(),
            clock: self.clock.clone(),
            name: name.into(),
        }
    }

    /// The metrics of one sink. `exporter` is what kube-eventer calls a sink of this kind.
    pub fn sink(&self, name: &str, exporter: &str) -> SinkMetrics {
        let failed = |kind: ExportErrorKind| self.failed.with_label_values(&[name, kind.as_str()]);
        SinkMetrics {
            exported: self.exported.with_label_values(&[name]),
            retried: self.retried.with_label_values(&[name]),
            rejected: self.rejected.with_label_values(&[name]),
            filter_errors: self.filter_errors.with_label_values(&[name]),
            unavailable: failed(ExportErrorKind::Unavailable),
            rate_limited: failed(ExportErrorKind::RateLimited),
            unauthorized: failed(ExportErrorKind::Unauthorized),
            refused: failed(ExportErrorKind::Rejected),
            gone: failed(ExportErrorKind::Gone),
            dropped: DropReason::ALL.map(|reason| self.dropped.with_label_values(&[name, reason.as_str()])),
            attempts: self.attempts.with_label_values(&[name]),
            exporter_millis: self.rounds.exporter(exporter),
            restarted_workers: self.restarted_workers.with_label_values(&[name]),
        }
    }
}
