//! The events that happen in the cluster, each with a number in its message, and what befalls the API server.

use eventer_testkit::{Answer, FakeApiServer};
use serde_json::json;
use tokio::time::Instant;

/// Objects that events are about.
const OBJECTS: usize = 24;
/// Events of each object that live at a time.
const EVENTS_EACH: usize = 3;
const NAMESPACES: [&str; 3] = ["default", "prod", "shop"];

/// A version of an event, as it was sent once.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    /// Its name in the cluster.
    pub(crate) event: String,
    /// The object that it is about.
    pub(crate) object: usize,
    /// Its `resourceVersion`.
    pub(crate) version: u64,
    /// The version at which another one took its place, or the event expired.
    pub(crate) gone_at: Option<u64>,
}

/// The cluster.
pub(crate) struct World {
    pub(crate) server: FakeApiServer,
    /// All versions of all events; the number of each is its place here.
    pub(crate) versions: Vec<Version>,
    /// When the cluster came to which version.
    pub(crate) history: Vec<(Instant, u64)>,
    /// When history was compacted, and up to which version.
    pub(crate) compactions: Vec<(Instant, u64)>,
    /// The newest version of each event that lives.
    living: Vec<Option<usize>>,
}

impl World {
    pub(crate) async fn start() -> Self {
        let server = FakeApiServer::start().await;
        server.set_watch_timeouts(false);
        let living = vec![None; OBJECTS * EVENTS_EACH];
        Self { server, versions: Vec::new(), history: Vec::new(), compactions: Vec::new(), living }
    }

    /// The URI of the source that watches it. Short waits, so that much happens in little time.
    pub(crate) fn source(&self) -> String {
        format!(
            "kubernetes:{}?inClusterConfig=false&backfill=true&page_size=10&min_backoff=10ms&max_backoff=100ms\
             &relist_interval=50ms&request_timeout=1s",
            self.server.url()
        )
    }

    /// Something happens: an event is new, has been seen again, or has expired.
    pub(crate) fn happen(&mut self, random: &mut fastrand::Rng) {
        let slot = random.usize(..self.living.len());
        match self.living[slot] {
            Some(number) if random.u8(..) < 8 => {
                let event = self.versions[number].event.clone();
                let at = Instant::now();
                let gone_at = self.server.expire(namespace(slot), &event);
                self.history.push((at, gone_at));
                self.versions[number].gone_at = Some(gone_at);
                self.living[slot] = None;
            }
            lives => _ = self.emit(slot, lives),
        }
    }

    /// A last event, with which all is over.
    pub(crate) fn finish(&mut self) -> usize {
        self.emit(0, self.living[0])
    }

    fn emit(&mut self, slot: usize, lives: Option<usize>) -> usize {
        let (number, object, at) = (self.versions.len(), slot / EVENTS_EACH, Instant::now());
        let (event, version) = match lives {
            None => {
                let event = format!("pod-{object}.{slot}-{number}");
                let version = self.server.add(new_event(slot, object, &event, number).to_string());
                (event, version)
            }
            Some(before) => {
                let event = self.versions[before].event.clone();
                let version = self.server.modify(namespace(slot), &event, |value| {
                    value["count"] = json!(value["count"].as_u64().unwrap() + 1);
                    value["message"] = json!(message(number));
                });
                self.versions[before].gone_at = Some(version);
                (event, version)
            }
        };
        self.history.push((at, version));
        self.versions.push(Version { event, object, version, gone_at: None });
        self.living[slot] = Some(number);
        number
    }

    /// History is forgotten, and the present version with it.
    pub(crate) fn compact(&mut self) {
        self.server.advance_to(self.server.version() + 1);
        self.server.compact();
        self.compactions.push((Instant::now(), self.server.version()));
    }

    /// Nobody reaches the API server, and nobody is connected any more.
    pub(crate) fn go_away(&self, answer: Answer) {
        self.server.refuse_all(Some(answer));
        self.server.cut_watches_mid_line();
    }

    /// All is well again.
    pub(crate) fn heal(&self) {
        self.server.refuse_all(None);
    }
}

/// What an event with this number says.
fn message(number: usize) -> String {
    format!("number {number}")
}

/// The number in what an event says.
pub(crate) fn number_in(message: &str) -> Option<usize> {
    message.strip_prefix("number ")?.parse().ok()
}

fn namespace(slot: usize) -> &'static str {
    NAMESPACES[slot / EVENTS_EACH % NAMESPACES.len()]
}

fn new_event(slot: usize, object: usize, name: &str, number: usize) -> serde_json::Value {
    json!({
        "metadata": {"name": name, "namespace": namespace(slot)},
        "involvedObject": {
            "kind": "Pod", "namespace": namespace(slot), "name": format!("pod-{object}"),
            "uid": format!("5a0e7f0a-0000-4000-8000-{object:012}"), "apiVersion": "v1",
        },
        "reason": "Numbered", "message": message(number), "source": {"component": "fault-run"},
        "firstTimestamp": "2026-11-21T05:00:00Z", "lastTimestamp": "2026-11-21T05:00:00Z",
        "count": 1, "type": "Normal",
    })
}
