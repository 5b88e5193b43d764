//! Events get what is known around their objects, in their order and in time, whatever happens to the watches of that.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use eventer_core::{Event, EventSource as _};
use eventer_sources::kubernetes::EnrichOptions;
use eventer_testkit::flood::Flood;
use eventer_testkit::{Answer, FakeApiServer, Resource};
use flate2::read::GzDecoder;
use futures_util::FutureExt as _;
use prometheus::Registry;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::rig::{Rig, Start};

/// If something has not happened by then, it never will.
const NEVER: Duration = Duration::from_secs(3600);

/// A source that looks up what is said.
fn looking_up(words: &str) -> Start {
    Start::with(|options| {
        options.min_backoff = Duration::from_millis(1);
        let is_named = |word| words.split(',').any(|named| named == word);
        options.enrich = EnrichOptions {
            labels: is_named("labels"),
            owners: is_named("owners"),
            node: is_named("node"),
            namespace: is_named("namespace"),
            services: is_named("services"),
            wait: NEVER,
            ..EnrichOptions::default()
        };
    })
}

async fn start(server: FakeApiServer, start: Start) -> Rig {
    // The one that the events of the rig are about.
    server.put(pods(), r#"{"metadata":{"name":"web-0","namespace":"default","uid":"uid-web-0"}}"#);
    let rig = Rig::start_on(server, start);
    rig.server.wait_for_watch().await;
    rig
}

fn pods() -> Resource {
    Resource::named("pods")
}

fn pod(name: &str, uid: &str, app: &str) -> String {
    json!({"metadata": {"name": name, "namespace": "default", "uid": uid, "labels": {"app": app}}})
        .to_string()
}

/// Something happens to a pod. Says which version the event has.
fn happens(rig: &mut Rig, event: &str, uid: &str) -> u64 {
    let version = rig.server.add(about(
        event,
        &json!({
            "kind": "Pod", "apiVersion": "v1", "namespace": "default", "name": "web", "uid": uid,
        }),
    ));
    rig.expect(event, version);
    version
}

fn about(event: &str, object: &Value) -> String {
    json!({
        "metadata": {"name": event, "namespace": "default", "uid": format!("uid-{event}")},
        "involvedObject": object, "reason": "BackOff", "type": "Warning", "count": 1,
        "firstTimestamp": "2026-11-21T05:00:00Z", "lastTimestamp": "2026-11-21T05:00:00Z",
    })
    .to_string()
}

/// Reads up to an event, and gives it.
async fn read(rig: &mut Rig, name: &str) -> Arc<Event> {
    let find = |rig: &Rig| {
        let events = rig.batches.iter().flat_map(|batch| batch.iter());
        events.clone().find(|event| event.metadata.name == name).cloned()
    };
    rig.read_until(|rig| find(rig).is_some()).await;
    find(rig).unwrap()
}

fn app(event: &Event) -> Option<&str> {
    event.involved_object.labels.as_ref()?.get("app").map(String::as_str)
}

fn unenriched(rig: &Rig, reason: &str) -> f64 {
    rig.counted("eventer_events_unenriched_total", reason)
}

fn gauge(rig: &Rig, name: &str) -> f64 {
    let families = rig.registry.gather();
    let family = families.iter().find(|family| family.name() == name).unwrap();
    family.get_metric()[0].get_gauge().get_value()
}

/// The requests for anything but events, without what differs from one to the next.
fn asked(rig: &Rig) -> Vec<String> {
    let requests = rig.server.requests();
    let of_others = requests.iter().filter(|request| !request.path.ends_with("/events"));
    let verb = |is_watch| if is_watch { "watch" } else { "list" };
    of_others.map(|request| format!("{} {}", verb(request.is_watch()), request.path)).collect()
}

fn recorded(name: &str) -> String {
    let path = format!("{}/testdata/{name}.jsonl.gz", env!("CARGO_MANIFEST_DIR"));
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

/// The recorded objects, read in the plainest way.
struct Recorded(Vec<Value>);

impl Recorded {
    fn read() -> Self {
        let mut objects = Vec::new();
        for line in recorded("cluster-objects").lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let kind = line["list"]["kind"].as_str().unwrap().trim_end_matches("List").to_owned();
            for item in line["list"]["items"].as_array().unwrap() {
                let mut item = item.clone();
                item["kind"] = json!(kind);
                objects.push(item);
            }
        }
        Self(objects)
    }

    fn by_uid(&self, uid: &Value) -> Option<&Value> {
        self.0.iter().find(|object| object["metadata"]["uid"] == *uid)
    }

    fn by_name(&self, kind: &str, namespace: &Value, name: &Value) -> Option<&Value> {
        self.0.iter().find(|object| {
            let metadata = &object["metadata"];
            object["kind"] == kind && metadata["namespace"] == *namespace && metadata["name"] == *name
        })
    }

    /// The object of a recorded event.
    fn of(&self, event: &Value) -> Option<&Value> {
        let involved = &event["involvedObject"];
        let kind = involved["kind"].as_str().unwrap();
        match &involved["uid"] {
            uid if uid.is_null() || (kind == "Node" && *uid == involved["name"]) => {
                self.by_name(kind, &involved["namespace"], &involved["name"])
            }
            uid => self.by_uid(uid),
        }
    }

    /// The recorded events, but for the few about an object that is gone and whose version nobody wrote down: such an
    /// object may always still come.
    fn events(&self) -> Vec<String> {
        let is_clear = |line: &&str| {
            let line: Value = serde_json::from_str(line).unwrap();
            let event = &line["object"];
            event["involvedObject"]["resourceVersion"].is_string() || self.of(event).is_some()
        };
        recorded("cluster-events").lines().filter(is_clear).map(str::to_owned).collect()
    }

    /// An event of a kubelet about a pod that is there.
    fn event_of_a_pod(&self) -> String {
        let is_it = |line: &String| {
            let line: Value = serde_json::from_str(line).unwrap();
            let event = &line["object"];
            let is_pod = event["involvedObject"]["kind"] == "Pod" && self.of(event).is_some();
            is_pod && event["source"]["component"] == "kubelet"
        };
        self.events().into_iter().find(is_it).unwrap()
    }

    /// What an event should have got, in JSON.
    fn expected(&self, event: &Value) -> Value {
        let involved = &event["involvedObject"];
        let kind = involved["kind"].as_str().unwrap();
        let found = self.of(event).filter(|_| kind != "Lease");
        let nothing = json!({});
        let metadata = found.map_or(&nothing, |found| &found["metadata"]);
        let mut annotations = metadata["annotations"].clone();
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        }
        let mut owners = Vec::new();
        let mut next = found;
        while let Some(references) = next.and_then(|object| object["metadata"]["ownerReferences"].as_array())
            && let Some(owner) = references.iter().find(|owner| owner["controller"] == true)
        {
            owners.push(owner.clone());
            next = self.by_uid(&owner["uid"]);
        }
        let node = match kind {
            "Node" => &involved["name"],
            _ if event["source"]["component"] == "kubelet" => &event["source"]["host"],
            _ => &Value::Null,
        };
        let node = self.by_name("Node", &Value::Null, node).map(|node| {
            let mut addresses = BTreeMap::new();
            for address in node["status"]["addresses"].as_array().unwrap() {
                addresses.entry(address["type"].as_str().unwrap()).or_insert(&address["address"]);
            }
            json!({"name": node["metadata"]["name"], "addresses": addresses})
        });
        let selects = |service: &&Value| {
            let selector = service["spec"]["selector"].as_object();
            service["kind"] == "Service"
                && service["metadata"]["namespace"] == involved["namespace"]
                && selector.is_some_and(|selector| {
                    selector.iter().all(|(name, value)| metadata["labels"][name] == *value)
                })
        };
        let services = self.0.iter().filter(selects).map(|service| service["metadata"]["name"].clone());
        let services: Vec<Value> = services.filter(|_| kind == "Pod" && found.is_some()).collect();
        let namespace = self.by_name("Namespace", &Value::Null, &involved["namespace"]);
        let expected = json!({
            "labels": metadata["labels"], "annotations": annotations,
            "deleted": found.map(|_| metadata["deletionTimestamp"].is_string()).filter(|deleted| *deleted),
            "ownerReferences": metadata["ownerReferences"], "owners": owners, "node": node,
            "services": services, "namespaceLabels": namespace.map(|found| &found["metadata"]["labels"]),
        });
        without_nothing(expected)
    }
}

/// What an event did get.
fn got(event: &Event) -> Value {
    let event = serde_json::to_value(event).unwrap();
    let (object, around) = (&event["involvedObject"], &event["enrichment"]);
    without_nothing(json!({
        "labels": object["labels"], "annotations": object["annotations"], "deleted": object["deleted"],
        "ownerReferences": object["ownerReferences"], "owners": around["owners"], "node": around["node"],
        "services": around["services"], "namespaceLabels": around["namespaceLabels"],
    }))
}

fn without_nothing(mut value: Value) -> Value {
    let is_nothing = |value: &Value| value.is_null() || *value == json!([]) || *value == json!({});
    value.as_object_mut().unwrap().retain(|_, value| !is_nothing(value));
    value
}

#[tokio::test]
async fn recorded_events_get_what_the_recorded_objects_say() {
    let server = FakeApiServer::start().await;
    server.load(&recorded("cluster-objects"));
    let mut options = looking_up("labels,owners,node,namespace,services");
    options.batch_events = 500;
    let mut rig = start(server, options).await;
    let objects = Recorded::read();
    let lines = objects.events();
    for line in &lines {
        rig.server.replay(line);
    }
    rig.read(lines.len()).await;

    let events = rig.batches.iter().flat_map(|batch| batch.iter());
    let mut complete: BTreeMap<&str, usize> = BTreeMap::new();
    for (line, event) in lines.iter().zip(events) {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["object"]["metadata"]["name"], event.metadata.name, "they come in their order");
        let expected = objects.expected(&line["object"]);
        assert_eq!(got(event), expected, "{line}");
        let parts = expected.as_object().unwrap();
        for part in
            ["labels", "annotations", "ownerReferences", "owners", "node", "services", "namespaceLabels"]
        {
            *complete.entry(part).or_default() += usize::from(parts.contains_key(part));
        }
    }
    assert!(complete.values().all(|times| *times > 40), "the recording says something: {complete:?}");

    let mut asked = asked(&rig);
    asked.sort();
    let kinds = [
        "/api/v1/namespaces",
        "/api/v1/nodes",
        "/api/v1/persistentvolumeclaims",
        "/api/v1/pods",
        "/api/v1/services",
        "/apis/apps/v1/daemonsets",
        "/apis/apps/v1/deployments",
        "/apis/apps/v1/replicasets",
        "/apis/apps/v1/statefulsets",
        "/apis/autoscaling/v2/horizontalpodautoscalers",
        "/apis/batch/v1/cronjobs",
        "/apis/batch/v1/jobs",
        "/apis/policy/v1/poddisruptionbudgets",
    ];
    let once = |verb: &str| kinds.map(|path| format!("{verb} {path}"));
    let lists: Vec<String> = asked.iter().filter(|asked| asked.starts_with("list")).cloned().collect();
    assert_eq!(lists, once("list"), "each kind that occurs is listed once, and nothing else is asked for");
    assert!(asked.iter().all(|asked| once("list").contains(asked) || once("watch").contains(asked)));
    assert_eq!(unenriched(&rig, "left_out"), 2.0, "of Leases nothing is looked up");
    assert!(unenriched(&rig, "unknown") > 0.0, "some were gone before the recording of the objects");
    assert!(gauge(&rig, "eventer_enrichment_objects") > 60.0);
}

#[tokio::test]
async fn without_the_option_nothing_is_asked_for() {
    let mut rig = Rig::start().await;
    rig.server.put(pods(), pod("web", "u", "web"));
    happens(&mut rig, "a", "u");
    let event = read(&mut rig, "a").await;
    assert_eq!((app(&event), &event.enrichment), (None, &None));
    assert_eq!(asked(&rig), [""; 0]);
    assert!(rig.registry.gather().iter().all(|family| !family.name().starts_with("eventer_enrichment")));
}

#[tokio::test]
async fn metadata_alone_is_read_but_of_nodes_and_services() {
    let server = FakeApiServer::start().await;
    server.load(&recorded("cluster-objects"));
    let mut rig = start(server, looking_up("labels,node,services")).await;
    rig.server.replay(Recorded::read().event_of_a_pod());
    rig.read(1).await;
    rig.server.wait_for_watches_opened(4).await;
    for request in rig.server.requests() {
        let accept = request.header("accept").unwrap();
        let is_metadata =
            accept.contains("as=PartialObjectMetadata") && accept.contains("g=meta.k8s.io;v=v1");
        assert_eq!(is_metadata, request.path == "/api/v1/pods", "{} {accept}", request.path);
        assert_eq!(accept.contains("List"), is_metadata && !request.is_watch());
    }
}

#[tokio::test]
async fn an_event_waits_for_what_is_being_read_and_moves_no_position_before() {
    let mut rig = start(FakeApiServer::start().await, looking_up("labels")).await;
    rig.server.put(pods(), pod("web", "u", "web"));
    rig.server.hold(pods());
    rig.take().await;
    let before = rig.position();
    let version = happens(&mut rig, "a", "u");
    rig.server.wait_for_request(|request| request.path == "/api/v1/pods").await;
    // The list was asked for when the event was received, so it is in the buffer or on its way there.
    while rig.source.get_new_events().now_or_never().is_some() {
        tokio::task::yield_now().await;
    }
    assert_eq!(rig.position(), before);
    rig.server.release(pods());
    assert_eq!(app(&*read(&mut rig, "a").await), Some("web"));
    assert_eq!(rig.position(), Some(version));
    rig.settle().await;
}

#[tokio::test(start_paused = true)]
async fn no_event_waits_longer_than_it_may() {
    let mut options = looking_up("labels");
    options.options.enrich.wait = Duration::from_millis(500);
    let mut rig = start(FakeApiServer::start().await, options).await;
    rig.server.hold(pods());
    happens(&mut rig, "a", "u");
    let began = Instant::now();
    assert_eq!(app(&*read(&mut rig, "a").await), None);
    assert_eq!(began.elapsed().as_millis() / 10, 50);
    assert_eq!(unenriched(&rig, "wait"), 1.0);
    rig.settle().await;
}

#[tokio::test(start_paused = true)]
async fn an_event_that_waits_holds_up_those_behind_it_and_they_keep_their_order() {
    let mut options = looking_up("labels");
    options.options.enrich.wait = Duration::from_millis(500);
    options.batch_events = 100;
    let mut rig = start(FakeApiServer::start().await, options).await;
    rig.server.put(pods(), pod("web", "known", "web"));
    happens(&mut rig, "first", "known");
    read(&mut rig, "first").await;
    for n in 0..20 {
        happens(&mut rig, &format!("a-{n}"), if n % 7 == 0 { "unknown" } else { "known" });
    }
    rig.settle().await;
    let versions: Vec<u64> = rig.got().iter().map(|(_, version)| *version).collect();
    assert!(versions.is_sorted());
    let behind = read(&mut rig, "a-1").await;
    assert_eq!(app(&behind), Some("web"));
}

#[tokio::test(start_paused = true)]
async fn the_waits_of_many_events_do_not_add_up() {
    const EVENTS: usize = 10_000;
    let mut options = looking_up("labels");
    options.options.enrich.wait = Duration::from_millis(500);
    options.batch_events = 1000;
    let mut rig = start(FakeApiServer::start().await, options).await;
    happens(&mut rig, "first", "u");
    read(&mut rig, "first").await;
    rig.server.wait_for_watches_opened(2).await;
    let began = Instant::now();
    for n in 0..EVENTS {
        happens(&mut rig, &format!("event-{n}"), &format!("unknown-{n}"));
    }
    rig.read(1 + EVENTS).await;
    // Two batches wait at a time.
    assert!(began.elapsed() <= Duration::from_millis(500) * 11, "{:?}", began.elapsed());
    let began = Instant::now();
    for n in 0..EVENTS {
        happens(&mut rig, &format!("again-{n}"), "unknown-9999");
    }
    rig.settle().await;
    assert!(began.elapsed() <= Duration::from_millis(500), "one of which all is known is not waited for");
    assert!(rig.got().iter().map(|(_, version)| *version).is_sorted());
}

#[tokio::test]
async fn a_buffer_of_events_that_wait_stops_the_reading() {
    let server = FakeApiServer::start_flood(([127, 0, 0, 1], 0).into(), Flood::new(20_000)).await.unwrap();
    server.hold(pods());
    let mut options = looking_up("labels");
    options.batch_events = 10;
    let mut rig = Rig::start_on(server, options);
    rig.server.wait_for_request(|request| request.path == "/api/v1/pods").await;
    for _ in 0..1_000 {
        assert!(
            rig.source.get_new_events().now_or_never().is_none_or(|batch| batch.unwrap().unwrap().is_empty())
        );
        tokio::task::yield_now().await;
    }
    // Now it is clear that there is nothing to wait for.
    rig.server.forbid(pods());
    rig.server.release(pods());
    while rig.got().is_empty() {
        tokio::task::yield_now().await;
        while rig.take().now_or_never().is_some() && rig.batches.last().is_some_and(|batch| batch.len() == 10)
        {
            assert!(rig.got().len() <= 20, "two batches of 10 may wait");
            if rig.got().len() == 20 {
                break;
            }
        }
    }
    rig.read(20_000).await;
    assert!(rig.batches.iter().all(|batch| batch.len() <= 10));
    let versions: Vec<u64> = rig.got().iter().map(|(_, version)| *version).collect();
    assert!(versions.is_sorted_by(|a, b| a + 1 == *b), "every one of them, in order");
}

#[tokio::test]
async fn a_deleted_object_is_known_for_the_events_that_still_come() {
    let mut rig = start(FakeApiServer::start().await, looking_up("labels")).await;
    rig.server.put(pods(), pod("web", "first", "old"));
    happens(&mut rig, "a", "first");
    let before = read(&mut rig, "a").await;
    assert_eq!((app(&before), before.involved_object.deleted), (Some("old"), false));
    rig.server.wait_for_watches_opened(2).await;

    rig.server.delete(pods(), "default", "web");
    rig.server.put(pods(), pod("web", "second", "new"));
    // The new one comes behind the end of the old one.
    happens(&mut rig, "b", "second");
    let new = read(&mut rig, "b").await;
    assert_eq!((app(&new), new.involved_object.deleted), (Some("new"), false));
    happens(&mut rig, "c", "first");
    let old = read(&mut rig, "c").await;
    assert_eq!((app(&old), old.involved_object.deleted), (Some("old"), true));
    rig.settle().await;
}

#[tokio::test]
async fn what_a_watch_cannot_tell_any_more_is_listed() {
    let mut rig = start(FakeApiServer::start().await, looking_up("labels")).await;
    rig.server.put(pods(), pod("web", "first", "old"));
    rig.server.next_watch_of(pods(), Answer::EndAtOnce);
    rig.server.next_watch_of(pods(), Answer::WatchGone);
    rig.server.hold(pods());
    happens(&mut rig, "a", "first");
    rig.server.wait_for_request(|request| request.path == "/api/v1/pods").await;
    rig.server.release(pods());
    read(&mut rig, "a").await;
    rig.server.delete(pods(), "default", "web");
    rig.server.put(pods(), pod("web", "second", "new"));
    rig.server.compact();
    happens(&mut rig, "b", "second");
    assert_eq!(app(&*read(&mut rig, "b").await), Some("new"));
    happens(&mut rig, "c", "first");
    let old = read(&mut rig, "c").await;
    assert_eq!((app(&old), old.involved_object.deleted), (Some("old"), true));
    assert_eq!(asked(&rig).iter().filter(|asked| *asked == "list /api/v1/pods").count(), 2);
}

#[tokio::test]
async fn a_watch_that_breaks_goes_on() {
    let mut rig = start(FakeApiServer::start().await, looking_up("labels")).await;
    rig.server.put(pods(), pod("web", "first", "old"));
    happens(&mut rig, "a", "first");
    read(&mut rig, "a").await;
    rig.server.wait_for_watches_opened(2).await;
    rig.server.cut_watches_mid_line();
    rig.server.wait_for_watches_opened(4).await;
    rig.server.put(pods(), pod("web-2", "second", "new"));
    happens(&mut rig, "b", "second");
    assert_eq!(app(&*read(&mut rig, "b").await), Some("new"));
    assert_eq!(unenriched(&rig, ""), 0.0);
}

#[tokio::test]
async fn what_is_forbidden_is_left_out_without_a_wait_and_unreadies_nothing() {
    let server = FakeApiServer::start().await;
    server.load(&recorded("cluster-objects"));
    server.forbid(Resource::named("nodes"));
    let mut rig = start(server, looking_up("labels,node")).await;
    let line = Recorded::read().event_of_a_pod();
    for _ in 0..3 {
        rig.server.replay(&line);
    }
    rig.read(3).await;
    for event in rig.batches.iter().flat_map(|batch| batch.iter()) {
        assert!(event.involved_object.labels.is_some() && event.enrichment.is_none(), "{event:?}");
    }
    assert_eq!(unenriched(&rig, "forbidden"), 3.0);
    assert!(rig.source.status().is_fresh);
    assert!(!rig.source.status().detail.contains("403"));
    assert_eq!(
        asked(&rig).iter().filter(|asked| asked.ends_with("/nodes")).count(),
        1,
        "it is not asked again soon"
    );
}

#[tokio::test]
async fn what_cannot_be_read_now_is_not_waited_for_and_comes_later() {
    let mut rig = start(FakeApiServer::start().await, looking_up("labels")).await;
    rig.server.put(pods(), pod("web", "u", "web"));
    rig.server.next_list_of(pods(), Answer::InternalError);
    rig.server.next_list_of(pods(), Answer::BreakBody);
    happens(&mut rig, "a", "u");
    assert_eq!(app(&*read(&mut rig, "a").await), None);
    assert_eq!(unenriched(&rig, "unavailable"), 1.0);
    rig.server.wait_for_request(|request| request.path == "/api/v1/pods" && request.is_watch()).await;
    happens(&mut rig, "b", "u");
    assert_eq!(app(&*read(&mut rig, "b").await), Some("web"));
}

#[tokio::test(start_paused = true)]
async fn what_becomes_allowed_is_looked_up_after_a_while() {
    let mut options = looking_up("labels");
    options.options.enrich.wait = Duration::ZERO;
    let mut rig = start(FakeApiServer::start().await, options).await;
    rig.server.set_watch_timeouts(false);
    rig.server.put(pods(), pod("web", "u", "web"));
    rig.server.forbid(pods());
    happens(&mut rig, "a", "u");
    assert_eq!(app(&*read(&mut rig, "a").await), None);
    rig.server.wait_for_request(|request| request.path == "/api/v1/pods").await;
    let forbidden_at = Instant::now();
    rig.server.allow(pods());
    rig.server.wait_for_request(|request| request.path == "/api/v1/pods" && request.is_watch()).await;
    assert!(forbidden_at.elapsed() >= Duration::from_secs(40), "{:?}", forbidden_at.elapsed());
    happens(&mut rig, "b", "u");
    assert_eq!(app(&*read(&mut rig, "b").await), Some("web"));
}

#[tokio::test]
async fn memory_is_bounded_and_what_had_to_go_is_counted() {
    let mut options = looking_up("labels");
    options.options.enrich.memory = 100_000;
    let mut rig = start(FakeApiServer::start().await, options).await;
    for n in 0..500 {
        rig.server.put(pods(), pod(&format!("web-{n:03}"), &format!("uid-{n}"), &format!("app-{n}")));
    }
    let version = rig.server.version();
    for n in 0..500 {
        let object = json!({
            "kind": "Pod", "apiVersion": "v1", "namespace": "default", "name": format!("web-{n:03}"),
            "uid": format!("uid-{n}"), "resourceVersion": version.to_string(),
        });
        rig.server.add(about(&format!("event-{n}"), &object));
    }
    rig.read(500).await;
    let events = || rig.batches.iter().flat_map(|batch| batch.iter());
    let with_labels = events().filter(|event| app(event).is_some()).count();
    assert!((20..200).contains(&with_labels), "{with_labels}");
    for (n, event) in events().enumerate() {
        assert!(app(event).is_none_or(|app| app == format!("app-{n}")));
    }
    assert!(gauge(&rig, "eventer_enrichment_bytes") <= 100_000.0);
    assert_eq!(unenriched(&rig, "budget"), (500 - with_labels) as f64);
    assert!(rig.counted("eventer_enrichment_evicted_total", "") >= (500 - with_labels) as f64);
}

#[tokio::test]
async fn a_kind_that_is_not_known_is_asked_for_once_with_its_group() {
    let server = FakeApiServer::start().await;
    let widget =
        json!({"metadata": {"name": "w", "namespace": "default", "uid": "u-w", "labels": {"app": "widget"}}});
    server.put(Resource::named("widgets.example.com"), widget.to_string());
    let factory = json!({"metadata": {"name": "f", "uid": "u-f", "labels": {"app": "factory"}}});
    server.put(Resource::named("factories.example.com"), factory.to_string());
    let mut rig = start(server, looking_up("labels")).await;
    for (event, api_version, kind, namespace, uid) in [
        ("a", "example.com/v1", "Widget", "default", "u-w"),
        ("b", "example.com/v1", "Factory", "", "u-f"),
        ("c", "example.com/v1", "Gadget", "default", "u-g"),
        ("d", "example.com/v1", "Gizmo", "default", "u-h"),
        ("e", "other.example/v1", "Widget", "default", "u-i"),
        ("f", "v1", "Secret", "default", "u-s"),
    ] {
        let object = json!({
            "kind": kind, "apiVersion": api_version, "namespace": namespace, "name": "x", "uid": uid,
        });
        rig.server.add(about(event, &object));
    }
    let apps = ["a", "b", "c", "d", "e", "f"];
    let mut found = Vec::new();
    for name in apps {
        found.push(app(&*read(&mut rig, name).await).map(str::to_owned));
    }
    let some = |app: &str| Some(app.to_owned());
    assert_eq!(found, [some("widget"), some("factory"), None, None, None, None]);
    let mut discoveries = asked(&rig);
    discoveries.retain(|asked| asked.ends_with("/v1"));
    discoveries.sort();
    assert_eq!(discoveries, ["list /apis/example.com/v1", "list /apis/other.example/v1"]);
    assert!(!asked(&rig).iter().any(|asked| asked.contains("secrets")));
    assert_eq!((unenriched(&rig, "unserved"), unenriched(&rig, "left_out")), (3.0, 1.0));
}

#[tokio::test]
async fn only_the_namespaces_that_are_watched_are_looked_into() {
    let server = FakeApiServer::start().await;
    server.load(&recorded("cluster-objects"));
    server.forbid(Resource::named("nodes"));
    server.forbid(Resource::named("namespaces"));
    let mut options = looking_up("labels,owners,node,namespace,services");
    options.options.namespaces = vec!["shop".to_owned(), "payments".to_owned()];
    let mut rig = Rig::start_on(server, options);
    rig.server.wait_for_open_watches(2).await;
    let objects = Recorded::read();
    let lines = objects.events();
    lines.iter().for_each(|line| _ = rig.server.replay(line));
    let is_of = |line: &&String| {
        ["shop", "payments"].iter().any(|name| {
            let line: Value = serde_json::from_str(line).unwrap();
            line["object"]["metadata"]["namespace"] == *name
        })
    };
    let count = lines.iter().filter(is_of).count();
    rig.read(count).await;
    let mut with_labels = 0;
    for event in rig.batches.iter().flat_map(|batch| batch.iter()) {
        let mut expected = objects.expected(&serde_json::to_value(event).unwrap());
        for part in ["node", "namespaceLabels"] {
            expected.as_object_mut().unwrap().remove(part);
        }
        assert_eq!(got(event), expected);
        with_labels += usize::from(event.involved_object.labels.is_some());
    }
    assert!(with_labels > 100, "{with_labels} of {count}");
    let asked = asked(&rig);
    let is_within = |path: &str| path.contains("/namespaces/shop/") || path.contains("/namespaces/payments/");
    let is_tried = |path: &str| path == "list /api/v1/nodes" || path == "list /api/v1/namespaces";
    assert!(asked.iter().all(|path| is_within(path) || is_tried(path)), "{asked:?}");
    assert_eq!(asked.iter().filter(|path| is_tried(path)).count(), 2);
}

#[tokio::test]
async fn dropping_the_source_ends_all_watches() {
    let mut rig = start(FakeApiServer::start().await, looking_up("labels,namespace")).await;
    happens(&mut rig, "a", "u");
    rig.server.wait_for_open_watches(3).await;
    drop(rig.source);
    rig.server.wait_for_open_watches(0).await;
}

#[tokio::test]
async fn a_wait_without_an_end_is_one() {
    let mut patient = looking_up("labels");
    patient.options.enrich.wait = Duration::MAX;
    let mut rig = start(FakeApiServer::start().await, patient).await;
    happens(&mut rig, "a", "uid-web-0");
    read(&mut rig, "a").await;
    assert_eq!(unenriched(&rig, ""), 0.0);
}

#[tokio::test]
async fn a_source_that_is_gone_holds_nothing() {
    let mut rig = start(FakeApiServer::start().await, looking_up("labels")).await;
    happens(&mut rig, "a", "uid-web-0");
    read(&mut rig, "a").await;
    let held = |registry: &Registry| {
        let families = registry.gather();
        let gauges = families.iter().filter(|family| {
            ["objects", "bytes", "watches"]
                .iter()
                .any(|it| family.name() == format!("eventer_enrichment_{it}"))
        });
        gauges
            .flat_map(|family| family.get_metric())
            .map(|metric| metric.get_gauge().get_value())
            .sum::<f64>()
    };
    assert!(held(&rig.registry) > 0.0);
    let Rig { source, registry, .. } = rig;
    drop(source);
    // Its tasks end when it is their turn.
    for _ in 0..1_000 {
        if held(&registry) == 0.0 {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{} is held", held(&registry));
}
