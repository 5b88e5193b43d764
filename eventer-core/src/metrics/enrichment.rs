//! What is counted of looking things up around the objects of events.

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

/// Why an event went out without something that was asked for. The label of `eventer_events_unenriched_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnenrichedReason {
    /// It was not there in time.
    Wait,
    /// There is no such object any more, and it was never seen.
    Unknown,
    /// Reading it is not allowed.
    Forbidden,
    /// The API server has no such kind.
    Unserved,
    /// Objects of its kind cannot be read now.
    Unavailable,
    /// Objects of its kind are never read.
    LeftOut,
    /// It had to go to keep memory within bounds.
    Budget,
}

impl UnenrichedReason {
    const ALL: [Self; 7] = [
        Self::Wait,
        Self::Unknown,
        Self::Forbidden,
        Self::Unserved,
        Self::Unavailable,
        Self::LeftOut,
        Self::Budget,
    ];

    /// The reason as a label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Unknown => "unknown",
            Self::Forbidden => "forbidden",
            Self::Unserved => "unserved",
            Self::Unavailable => "unavailable",
            Self::LeftOut => "left_out",
            Self::Budget => "budget",
        }
    }
}

/// The metrics of all sources that look something up.
#[derive(Clone, Debug)]
pub(super) struct EnrichmentVecs {
    unenriched: IntCounterVec,
    objects: IntGaugeVec,
    bytes: IntGaugeVec,
    watches: IntGaugeVec,
    evicted: IntCounterVec,
}

impl EnrichmentVecs {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str, labels: &[&str]| -> Result<IntCounterVec, prometheus::Error> {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let gauge = |name: &str, help: &str| -> Result<IntGaugeVec, prometheus::Error> {
            let gauge = IntGaugeVec::new(Opts::new(name, help), &["source"])?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        Ok(Self {
            unenriched: counter(
                "eventer_events_unenriched_total",
                "Events that went out without something that was to be looked up, by why.",
                &["source", "reason"],
            )?,
            objects: gauge("eventer_enrichment_objects", "Objects whose metadata is held for events.")?,
            bytes: gauge("eventer_enrichment_bytes", "Memory of the objects that are held for events.")?,
            watches: gauge("eventer_enrichment_watches", "Open watches of objects that events are about.")?,
            evicted: counter(
                "eventer_enrichment_evicted_total",
                "Objects that had to go to keep memory within bounds.",
                &["source"],
            )?,
        })
    }

    pub(super) fn of_source(&self, name: &str) -> EnrichmentMetrics {
        let unenriched =
            |reason: UnenrichedReason| self.unenriched.with_label_values(&[name, reason.as_str()]);
        EnrichmentMetrics {
            unenriched: UnenrichedReason::ALL.map(unenriched),
            objects: self.objects.with_label_values(&[name]),
            bytes: self.bytes.with_label_values(&[name]),
            watches: self.watches.with_label_values(&[name]),
            evicted: self.evicted.with_label_values(&[name]),
        }
    }
}

/// The metrics of one source that looks something up.
#[derive(Clone, Debug)]
pub struct EnrichmentMetrics {
    unenriched: [IntCounter; UnenrichedReason::ALL.len()],
    objects: IntGauge,
    bytes: IntGauge,
    watches: IntGauge,
    evicted: IntCounter,
}

impl EnrichmentMetrics {
    /// An event goes out without something that was asked for.
    pub fn unenriched(&self, reason: UnenrichedReason) {
        self.unenriched[reason as usize].inc();
    }

    /// So many objects are held, in so many bytes.
    pub fn holds(&self, objects: usize, bytes: usize) {
        self.objects.set(i64::try_from(objects).unwrap_or(i64::MAX));
        self.bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Objects had to go.
    pub fn evicted(&self, objects: u64) {
        self.evicted.inc_by(objects);
    }

    /// A watch is open now.
    pub fn watch_opened(&self) {
        self.watches.inc();
    }

    /// A watch has ended.
    pub fn watch_closed(&self) {
        self.watches.dec();
    }
}
