//! The metrics of kube-eventer under its names, so that dashboards and alerts go on working.
//!
//! Its triage of events is kept word for word, misspelt reasons included. What is mended: the number of series is
//! bounded, since the labels hold names of objects.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use prometheus::{Gauge, IntCounter, IntCounterVec, Opts, Registry};

use super::summary::{Summary, SummaryVec};
use crate::event::{Event, EventType};

/// Most series of each counter of events. What comes after it is counted under the label value `_other`.
pub const SERIES_LIMIT: usize = 2000;

const OTHER: &str = "_other";

/// What kube-eventer counts of its rounds and of its exports.
#[derive(Clone, Debug)]
pub(crate) struct Rounds {
    last_round: Gauge,
    last_scrape: Gauge,
    events: IntCounter,
    scrape_millis: Summary,
    exporter_millis: SummaryVec,
}

impl Rounds {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let scrape_millis = SummaryVec::new(
            "eventer_scraper_duration_milliseconds",
            "Time spent scraping events in milliseconds.",
            None,
        )?;
        let rounds = Self {
            last_round: Gauge::new(
                "eventer_manager_last_time_seconds",
                "Last time of eventer housekeep since unix epoch in seconds.",
            )?,
            last_scrape: Gauge::new(
                "eventer_scraper_last_time_seconds",
                "Last time of event since unix epoch in seconds.",
            )?,
            events: IntCounter::new("eventer_scraper_events_total_number", "The total number of events.")?,
            scrape_millis: scrape_millis.with_label(""),
            exporter_millis: SummaryVec::new(
                "eventer_exporter_duration_milliseconds",
                "Time spent exporting events to sink in milliseconds.",
                Some("exporter"),
            )?,
        };
        registry.register(Box::new(rounds.last_round.clone()))?;
        registry.register(Box::new(rounds.last_scrape.clone()))?;
        registry.register(Box::new(rounds.events.clone()))?;
        registry.register(Box::new(scrape_millis))?;
        registry.register(Box::new(rounds.exporter_millis.clone()))?;
        Ok(rounds)
    }

    /// A source was asked for its events.
    pub(crate) fn scraped(&self, now: Timestamp, events: usize, duration: std::time::Duration) {
        let seconds = now.as_duration().as_secs_f64();
        self.last_round.set(seconds);
        self.last_scrape.set(seconds);
        self.events.inc_by(events as u64);
        self.scrape_millis.observe(duration.as_secs_f64() * 1000.0);
    }

    pub(super) fn exporter(&self, name: &str) -> Summary {
        self.exporter_millis.with_label(name)
    }
}

/// One counter per reason and object, as kube-eventer has them.
#[derive(Clone, Debug)]
pub struct EventCounters {
    normal: Bounded,
    warning: Bounded,
    error: Bounded,
}

impl EventCounters {
    /// Registers the counters, each bounded to `series_limit` series.
    ///
    /// # Errors
    /// If they are registered there already.
    pub fn register(registry: &Registry, series_limit: usize) -> Result<Self, prometheus::Error> {
        let bounded = |name: &str, help: &str, labels: &[&str]| -> Result<Bounded, prometheus::Error> {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(Bounded { counter, seen: Arc::default(), hasher: RandomState::new(), limit: series_limit })
        };
        let of_object = ["reason", "kind", "name", "namespace"];
        Ok(Self {
            normal: bounded(
                "eventer_events_normal_total",
                "Events that are neither a warning nor an error.",
                &["reason", "namespace", "kind"],
            )?,
            warning: bounded("eventer_events_warning_total", "Events of the type Warning.", &of_object)?,
            error: bounded(
                "eventer_events_error_total",
                "Events whose reason is a known error.",
                &of_object,
            )?,
        })
    }

    /// Counts one event.
    pub fn count(&self, event: &Event) {
        let object = &event.involved_object;
        let of_object = |reason| [reason, &*object.kind, &*object.name, &*object.namespace];
        match triage(event) {
            Some(error) => self.error.inc(&of_object(error)),
            None if event.event_type == EventType::Warning => self.warning.inc(&of_object(&event.reason)),
            None => self.normal.inc(&[&*event.reason, &*event.metadata.namespace, &*object.kind]),
        }
    }
}

/// A counter whose series are bounded in number.
#[derive(Clone, Debug)]
struct Bounded {
    counter: IntCounterVec,
    seen: Arc<Mutex<HashSet<u64>>>,
    hasher: RandomState,
    limit: usize,
}

impl Bounded {
    fn inc<const N: usize>(&self, labels: &[&str; N]) {
        let hash = self.hasher.hash_one(labels);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = seen.len() < self.limit;
        let is_known = seen.contains(&hash) || (has_room && seen.insert(hash));
        drop(seen);
        let labels = if is_known { *labels } else { [OTHER; N] };
        self.counter.with_label_values(&labels).inc();
    }
}

/// The name under which kube-eventer counts an event as an error, if it does. The type of the event plays no part.
fn triage(event: &Event) -> Option<&'static str> {
    let kind = event.involved_object.kind.as_str();
    let says = |text: &str| event.message.contains(text);
    let pick = |condition: bool, yes: &'static str, no: &'static str| Some(if condition { yes } else { no });
    match event.reason.as_str() {
        "Evicted" => Some("PodEvict"),
        "OOMKilling" | "PodOOMKilling" => Some("PodOOM"),
        "FailedMount" | "FailedAttachVolume" => Some("VolumeFailMount"),
        "SystemOOM" => Some("NodeOOM"),
        "Rebooted" => Some("NodeRebooted"),
        "NodeHasDiskPressure" => Some("NodeDiskPressure"),
        "DockerHung" => Some("NodeDockerHung"),
        "PSProcessIsHung" => Some("NodePSHung"),
        "NodeHasNvidiaXidError" => Some("NodeGPUXIPError"),
        "NodeHasFDPressure" | "PIDPressure" | "NodeHasPIDPressure" => Some("NodeFDPressure"),
        "NTPIsDown" => Some("NodeNPTDown"),
        "ConntrackFull" => Some("ConnTrackFull"),
        "SyncLoadBalancerFailed" => Some("CcmSLBSyncFail"),
        "DeleteLoadBalancerFailed" => Some("CcmSLBDeleteFail"),
        "CreateRouteFailed" => Some("CcmCreateRouteFail"),
        "SYncRouteFailed" => Some("CcmSyncRouteFail"),
        "AddNodeFailed" => Some("CcmAddNodeFail"),
        "DeteleNodeFailed" => Some("CcmDeleteNodeFail"),
        "UnAvailableLoadBalancer" => Some("CcmSLBUnavailable"),
        "AnnotationChanged" => Some("CcmSLBAnnotationChanged"),
        "ServiceSpecChanged" => Some("CcmSLBSpecChanged"),
        "SlowIO" => Some("CSISlowIO"),
        "DeviceBusy" => Some("CSIDeviceBusy"),
        "IOHang" => Some("CSIIOHang"),
        "AllocIPFailed" => Some("CNIAllocIPFail"),
        "ParseFailed" => Some("CNIParseFail"),
        "DisposeResourceFailed" => Some("CNIDisposeResourceFail"),
        "Failed" if says("ImagePullBackOff") || says("ErrImagePull") => Some("PodImagePullBackOff"),
        "Failed" if kind == "Pod" && !says("Failed to pull image") => Some("PodFailStart"),
        "BackOff" if says("Back-off restarting failed container") => Some("PodCrash"),
        "BackOff" if says("Back-off pulling image") => Some("PodImagePullBackOff"),
        "FailedCreate" if says("exceeded quota") => Some("FailCreatePodExceedQuota"),
        "FailedScheduling" => pick(says("Insufficient"), "ResourceInsufficient", "PodFailScheduling"),
        "ProvisioningFailed" => {
            pick(says("disk size is not supported"), "DiskProvisionFailSize", "DiskProvisionFail")
        }
        "FailedBinding" if says("no storage class is set") => Some("FailedBindingNoStorageClass"),
        "NodeNotReady" if kind == "Node" => {
            pick(says("PLEG is not healthy"), "NodePLEGUnhealthy", "NodeNotReady")
        }
        "AllocResourceFailed" => pick(says("IpNotEnough"), "ClusterIPNotEnough", "CNIAllocResourceFail"),
        "ResourceInvalid" => pick(says("IpNotEnough"), "ClusterIPNotEnough", "CNIResourceInvalid"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus::TextEncoder;

    fn written(registry: &Registry) -> String {
        TextEncoder::new().encode_to_string(&registry.gather()).unwrap()
    }

    #[test]
    fn the_series_are_those_that_kube_eventer_wrote() {
        let registry = Registry::new();
        let counters = EventCounters::register(&registry, SERIES_LIMIT).unwrap();
        for input in [
            include_str!("../../testdata/input-1-normal-scheduled.json"),
            include_str!("../../testdata/input-2-warning-backoff.json"),
            include_str!("../../testdata/input-2-warning-backoff.json"),
            include_str!("../../testdata/input-3-node-notready.json"),
            include_str!("../../testdata/input-4-eventtime-series.json"),
        ] {
            counters.count(&serde_json::from_str(input).unwrap());
        }
        let text = written(&registry);
        // These lines are from a run of kube-eventer with the same events.
        for line in [
            r#"eventer_events_error_total{kind="Node",name="node-1",namespace="",reason="NodeNotReady"} 1"#,
            r#"eventer_events_error_total{kind="Pod",name="big-pod",namespace="batch",reason="ResourceInsufficient"} 1"#,
            r#"eventer_events_error_total{kind="Pod",name="web-0",namespace="prod",reason="PodCrash"} 2"#,
            r#"eventer_events_normal_total{kind="Pod",namespace="default",reason="Scheduled"} 1"#,
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn series_beyond_the_limit_are_counted_together() {
        let registry = Registry::new();
        let counters = EventCounters::register(&registry, 2).unwrap();
        for reason in ["A", "B", "C", "D", "A"] {
            counters.count(&Event { reason: reason.into(), ..Event::default() });
        }
        let text = written(&registry);
        assert!(text.contains(r#"{kind="",namespace="",reason="A"} 2"#), "{text}");
        assert!(text.contains(r#"{kind="_other",namespace="_other",reason="_other"} 2"#), "{text}");
    }

    #[test]
    fn rounds_are_summaries_without_quantiles() {
        let registry = Registry::new();
        let rounds = Rounds::register(&registry).unwrap();
        rounds.scraped(
            Timestamp::from_second(1_795_237_370).unwrap(),
            5,
            std::time::Duration::from_millis(2),
        );
        rounds.exporter("LogSink").observe(0.25);
        let text = written(&registry);
        for line in [
            "eventer_manager_last_time_seconds 1795237370",
            "eventer_scraper_events_total_number 5",
            "# TYPE eventer_exporter_duration_milliseconds summary",
            r#"eventer_exporter_duration_milliseconds_sum{exporter="LogSink"} 0.25"#,
            "eventer_scraper_duration_milliseconds_count 1",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn a_failed_pull_is_counted_as_kube_eventer_does() {
        let event = |kind: &str, message: &str| Event {
            reason: "Failed".into(),
            message: message.into(),
            involved_object: crate::event::ObjectReference { kind: kind.into(), ..Default::default() },
            ..Event::default()
        };
        assert_eq!(triage(&event("Pod", "Error: ImagePullBackOff")), Some("PodImagePullBackOff"));
        assert_eq!(triage(&event("Pod", "Failed to pull image \"x\": not found")), None);
        assert_eq!(triage(&event("Pod", "Error: cannot start")), Some("PodFailStart"));
        assert_eq!(triage(&event("Job", "Error: cannot start")), None);
    }
}
