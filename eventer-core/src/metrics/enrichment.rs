//! What is counted of looking things up around the objects of events.

use std::sync::atomic::{AtomicI64, Ordering};

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
            objects: Part::of(self.objects.with_label_values(&[name])),
            bytes: Part::of(self.bytes.with_label_values(&[name])),
            watches: self.watches.with_label_values(&[name]),
            evicted: self.evicted.with_label_values(&[name]),
        }
    }
}

/// The metrics of one source that looks something up. What it holds counts until this is dropped.
#[derive(Debug)]
pub struct EnrichmentMetrics {
    unenriched: [IntCounter; UnenrichedReason::ALL.len()],
    objects: Part,
    bytes: Part,
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
        self.objects.set(objects);
        self.bytes.set(bytes);
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

/// The part of one source in a gauge: while sources are exchanged, two of one name add up.
#[derive(Debug)]
struct Part {
    gauge: IntGauge,
    size: AtomicI64,
}

impl Part {
    fn of(gauge: IntGauge) -> Self {
        Self { gauge, size: AtomicI64::new(0) }
    }

    fn set(&self, size: usize) {
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        let before = self.size.swap(size, Ordering::Relaxed);
        self.gauge.add(size.saturating_sub(before));
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_counts_until_its_source_is_gone() {
        let vecs = EnrichmentVecs::register(&Registry::new()).unwrap();
        let held = || {
            let [objects, bytes] =
                [&vecs.objects, &vecs.bytes].map(|vec| vec.with_label_values(&["a"]).get());
            (objects, bytes)
        };
        let before = vecs.of_source("a");
        before.holds(3, 300);
        before.holds(2, 200);
        assert_eq!(held(), (2, 200));
        // The next one of its name may be there before it has gone.
        let next = vecs.of_source("a");
        next.holds(1, 100);
        drop(before);
        assert_eq!(held(), (1, 100));
        drop(next);
        assert_eq!(held(), (0, 0));
    }
}
