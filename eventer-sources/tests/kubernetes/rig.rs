//! A source that watches a fake API server, and the account of what it should hand out and what it does.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use eventer_core::{
    Checkpoint, Event, EventBatch, EventSource as _, Intake, Metrics, Position, SourceContext, SystemClock,
};
use eventer_sources::kubernetes::{KubernetesSource, WatchOptions};
use eventer_testkit::FakeApiServer;
use jiff::Timestamp;
use kube::{Client, Config};
use prometheus::Registry;
use serde_json::{Value, json};

/// If something has not happened by then, it never will.
const NEVER: Duration = Duration::from_secs(20);

/// What identifies a delivery: the event's name and its version.
pub(crate) type Version = (String, u64);

pub(crate) struct Rig {
    pub(crate) server: FakeApiServer,
    pub(crate) source: KubernetesSource,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) batches: Vec<EventBatch>,
    pub(crate) registry: Registry,
    /// The events of the source's own, which tell of gaps.
    pub(crate) gaps: Vec<Arc<Event>>,
    expected: Vec<Version>,
    got: Vec<Version>,
    sentinels: usize,
}

/// How a source is started.
pub(crate) struct Start {
    pub(crate) options: WatchOptions,
    pub(crate) batch_events: usize,
    pub(crate) checkpoint: Option<Checkpoint>,
}

impl Default for Start {
    /// Fast enough for tests, and hands out each event by itself.
    fn default() -> Self {
        let options = WatchOptions {
            min_backoff: Duration::from_millis(5),
            max_backoff: Duration::from_millis(40),
            relist_interval: Duration::from_millis(5),
            ..WatchOptions::default()
        };
        Self { options, batch_events: 1, checkpoint: None }
    }
}

impl Start {
    pub(crate) fn with(change: impl FnOnce(&mut WatchOptions)) -> Self {
        let mut start = Self::default();
        change(&mut start.options);
        start
    }

    pub(crate) fn from(version: u64, at: Timestamp) -> Self {
        let position = Position { version: version.to_string(), at };
        let checkpoint = Checkpoint(BTreeMap::from([("all".to_owned(), position)]));
        Self { checkpoint: Some(checkpoint), ..Self::default() }
    }

    pub(crate) fn source(self, url: &str, registry: &Registry) -> KubernetesSource {
        let mut config = Config::new(url.parse().unwrap());
        config.default_retry = false;
        let client = Client::try_from(config).unwrap();
        let clock = Arc::new(SystemClock);
        let metrics = Metrics::new(registry, clock.clone()).unwrap().source("kubernetes");
        let mut context = SourceContext::new("kubernetes", clock, metrics);
        context.batch_events = NonZeroUsize::new(self.batch_events).unwrap();
        context.checkpoint = self.checkpoint;
        KubernetesSource::new(&client, "", self.options, context)
    }
}

impl Rig {
    /// A source with a server of its own, whose watch is open.
    pub(crate) async fn start() -> Self {
        let rig = Self::start_on(FakeApiServer::start().await, Start::default());
        rig.server.wait_for_watch().await;
        rig
    }

    pub(crate) fn start_on(server: FakeApiServer, start: Start) -> Self {
        let registry = Registry::new();
        let checkpoint = start.checkpoint.clone().unwrap_or_default();
        let source = start.source(&server.url(), &registry);
        let (expected, got, batches) = (Vec::new(), Vec::new(), Vec::new());
        let gaps = Vec::new();
        Self { server, source, checkpoint, batches, registry, gaps, expected, got, sentinels: 0 }
    }

    /// Something happens that must be handed out.
    pub(crate) fn add(&mut self, name: &str) -> u64 {
        let version = self.server.add(event(name));
        self.expect(name, version);
        version
    }

    /// It happens again, and that must be handed out too.
    pub(crate) fn repeat(&mut self, name: &str) -> u64 {
        let version = repeat(&self.server, name);
        self.expect(name, version);
        version
    }

    pub(crate) fn expect(&mut self, name: &str, version: u64) {
        self.expected.push((name.to_owned(), version));
    }

    /// Reads on until `count` events have come in all.
    pub(crate) async fn read(&mut self, count: usize) {
        self.read_until(|rig| rig.got.len() >= count).await;
    }

    pub(crate) async fn read_until(&mut self, is_enough: impl Fn(&Self) -> bool) {
        let reading = async {
            while !is_enough(self) {
                self.take().await;
                tokio::task::yield_now().await;
            }
        };
        if tokio::time::timeout(NEVER, reading).await.is_err() {
            panic!(
                "it does not come; got {:?}, expected {:?}; {}",
                self.got,
                self.expected,
                self.source.status().detail
            );
        }
    }

    /// Takes a batch.
    pub(crate) async fn take(&mut self) {
        let batch = self.source.get_new_events().await.unwrap().expect("it never ends");
        let (gaps, events): (Vec<_>, Vec<_>) = batch.iter().partition(|event| event.reason == "EventerGap");
        self.got.extend(events.into_iter().map(|event| version_of(event)));
        self.gaps.extend(gaps.into_iter().cloned());
        if let Some(checkpoint) = batch.checkpoint() {
            self.checkpoint = checkpoint.clone();
        }
        if !batch.is_empty() {
            self.batches.push(batch);
        }
    }

    /// Lets one more event happen, reads up to it, and holds what came against what should have come.
    pub(crate) async fn settle(&mut self) {
        self.sentinels += 1;
        let name = format!("zz-sentinel-{}", self.sentinels);
        self.add(&name);
        self.read_until(|rig| rig.got.iter().any(|(got, _)| *got == name)).await;
        let (mut got, mut expected) = (self.got.clone(), self.expected.clone());
        got.sort();
        expected.sort();
        assert_eq!(got, expected, "each version that should come comes once, and nothing else");
    }

    /// Versions in the order in which they came.
    pub(crate) fn got(&self) -> &[Version] {
        &self.got
    }

    /// The version of the position. `None`: there is none, or a list is being read.
    pub(crate) fn position(&self) -> Option<u64> {
        self.checkpoint.0.values().next().and_then(|position| position.version.parse().ok())
    }

    /// The process dies, and the next one goes on at what is stored.
    pub(crate) fn restart(&mut self, start: Start) {
        let start = Start { checkpoint: Some(self.checkpoint.clone()), ..start };
        self.source = start.source(&self.server.url(), &Registry::new());
    }

    pub(crate) fn intake_of(&self, name: &str) -> Intake {
        let has = |batch: &&EventBatch| batch.iter().any(|event| event.metadata.name == name);
        self.batches.iter().find(has).expect("it came").intake()
    }

    /// The sum of a counter over all labels that `labels` is part of.
    pub(crate) fn counted(&self, name: &str, labels: &str) -> f64 {
        let families = self.registry.gather();
        let metrics =
            families.iter().filter(|family| family.name() == name).flat_map(|family| family.get_metric());
        metrics
            .filter(|metric| metric.get_label().iter().any(|label| label.value().contains(labels)))
            .map(|metric| metric.get_counter().get_value())
            .sum()
    }

    /// Requests for a page of a list of more than one event.
    pub(crate) fn pages(&self) -> usize {
        let requests = self.server.requests();
        requests.iter().filter(|request| !request.is_watch() && request.param("limit") != Some("1")).count()
    }
}

pub(crate) fn version_of(event: &Event) -> Version {
    (event.metadata.name.clone(), event.metadata.resource_version.parse().unwrap())
}

pub(crate) fn event(name: &str) -> String {
    event_at(name, "2026-11-21T05:00:00Z")
}

pub(crate) fn event_at(name: &str, last_seen: &str) -> String {
    event_in("default", name, last_seen)
}

pub(crate) fn event_in(namespace: &str, name: &str, last_seen: &str) -> String {
    json!({
        "metadata": {"name": name, "namespace": namespace, "uid": format!("uid-{name}")},
        "involvedObject": {"kind": "Pod", "namespace": namespace, "name": "web-0"},
        "reason": "BackOff", "message": "Back-off restarting failed container", "type": "Warning", "count": 1,
        "firstTimestamp": last_seen, "lastTimestamp": last_seen,
    })
    .to_string()
}

pub(crate) fn repeat(server: &FakeApiServer, name: &str) -> u64 {
    server.modify("default", name, |event: &mut Value| {
        event["count"] = json!(event["count"].as_i64().unwrap() + 1)
    })
}
