//! The fake API server, step by step: what a client sees when a test moves it.

// Helpers of tests are tests too, but the lint's exemption does not see them.
#![allow(clippy::unwrap_used)]

mod client;

use std::net::SocketAddr;
use std::time::Duration;

use client::{End, get, send, send_json};
use eventer_testkit::apiserver::TOKEN;
use eventer_testkit::{Answer, FakeApiServer, Resource, events};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

const WATCH: &str = "/api/v1/events?watch=true&resourceVersion=100";

fn event(name: &str) -> String {
    json!({"metadata": {"name": name, "namespace": "default"}, "type": "Normal", "count": 1}).to_string()
}

/// Opens a watch, and waits until what happens from here on reaches it.
async fn watch(server: &FakeApiServer, target: &str) -> client::Answer {
    let answer = get(server.address(), target).await;
    assert_eq!(answer.status, 200);
    server.wait_for_watch().await;
    answer
}

/// The next line of a watch: type, name, version.
async fn line(watch: &mut client::Answer) -> (String, String, u64) {
    let line: Value = serde_json::from_str(&watch.chunk().await.unwrap()).unwrap();
    let metadata = &line["object"]["metadata"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&line["type"]), text(&metadata["name"]), text(&metadata["resourceVersion"]).parse().unwrap())
}

fn seen(kind: &str, name: &str, version: u64) -> (String, String, u64) {
    (kind.to_owned(), name.to_owned(), version)
}

async fn list(address: SocketAddr, target: &str) -> (u16, Value) {
    let answer = get(address, target).await;
    (answer.status, serde_json::from_str(&answer.body().await.0).unwrap())
}

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_watch_sees_each_change_as_a_chunk_of_its_own() {
    let server = FakeApiServer::start().await;
    let mut watch = watch(&server, WATCH).await;
    server.add(event("a"));
    server.modify("default", "a", |event| event["count"] = json!(2));
    assert_eq!(server.modify("default", "a", |event| event["count"] = json!(2)), 102, "nothing changed");
    server.add(event("b"));
    assert_eq!(server.expire_together(&[("default", "a"), ("default", "b")]), 104);
    assert_eq!(line(&mut watch).await, seen("ADDED", "a", 101));
    assert_eq!(line(&mut watch).await, seen("MODIFIED", "a", 102));
    assert_eq!(line(&mut watch).await, seen("ADDED", "b", 103));
    assert_eq!(line(&mut watch).await, seen("DELETED", "a", 104));
    assert_eq!(line(&mut watch).await, seen("DELETED", "b", 104));
    server.end_watches();
    assert_eq!(watch.chunk().await, Err(End::Complete));
    server.wait_for_open_watches(0).await;
}

#[tokio::test]
async fn a_watch_without_a_version_begins_with_everything_in_key_order() {
    let server = FakeApiServer::start().await;
    server.add(event("b"));
    server.add(event("a"));
    let mut watch = watch(&server, "/api/v1/events?watch=1&resourceVersion=0").await;
    server.add(event("c"));
    assert_eq!(line(&mut watch).await, seen("ADDED", "a", 102));
    assert_eq!(line(&mut watch).await, seen("ADDED", "b", 101));
    assert_eq!(line(&mut watch).await, seen("ADDED", "c", 103));
}

#[tokio::test]
async fn objects_of_other_kinds_are_listed_watched_and_deleted() {
    let server = FakeApiServer::start().await;
    let (nodes, widgets) = (Resource::named("nodes"), Resource::named("widgets.example.com"));
    server.put(nodes, r#"{"metadata":{"name":"node-1"},"status":{}}"#);
    let mut watch =
        watch(&server, "/apis/example.com/v1/namespaces/shop/widgets?watch=1&resourceVersion=101").await;
    server.put(widgets, r#"{"metadata":{"name":"other","namespace":"elsewhere"}}"#);
    server.put(widgets, r#"{"metadata":{"name":"w","namespace":"shop"}}"#);
    server.put(widgets, r#"{"metadata":{"name":"w","namespace":"shop"},"spec":{}}"#);
    server.delete(widgets, "shop", "w");
    for (kind, version) in [("ADDED", 103), ("MODIFIED", 104), ("DELETED", 105)] {
        assert_eq!(line(&mut watch).await, seen(kind, "w", version));
    }
    let (_, all) = list(server.address(), "/api/v1/nodes").await;
    assert_eq!((names(&all), &all["kind"]), (vec!["node-1"], &json!("NodeList")));
    let (_, node) = list(server.address(), "/api/v1/nodes/node-1").await;
    assert_eq!((&node["kind"], &node["metadata"]["name"]), (&json!("Node"), &json!("node-1")));
}

#[tokio::test]
async fn a_watch_of_metadata_shows_nothing_else() {
    let server = FakeApiServer::start().await;
    let accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    let target = "/api/v1/pods?watch=1&allowWatchBookmarks=true&resourceVersion=100";
    let request = format!("GET {target} HTTP/1.1\r\nHost: h\r\nAccept: {accept}\r\n\r\n");
    let mut watch = send(server.address(), &request).await.unwrap();
    server.wait_for_watch().await;
    server.put(
        Resource::named("pods"),
        r#"{"metadata":{"name":"a","namespace":"shop"},"spec":{},"status":{}}"#,
    );
    server.bookmark();
    let added: Value = serde_json::from_str(&watch.chunk().await.unwrap()).unwrap();
    let object = added["object"].as_object().unwrap();
    assert_eq!(object["kind"], "PartialObjectMetadata");
    assert_eq!(object.keys().collect::<Vec<_>>(), ["apiVersion", "kind", "metadata"]);
    let bookmark: Value = serde_json::from_str(&watch.chunk().await.unwrap()).unwrap();
    assert_eq!(
        (&bookmark["type"], &bookmark["object"]["kind"]),
        (&json!("BOOKMARK"), &json!("PartialObjectMetadata"))
    );
}

#[tokio::test]
async fn what_is_forbidden_is_refused_and_told_beforehand() {
    let server = FakeApiServer::start().await;
    let review = |resource: &str, group: &str| {
        json!({"spec": {"resourceAttributes": {"verb": "list", "resource": resource, "group": group}}})
            .to_string()
    };
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let is_allowed = async |resource: &str, group: &str| {
        let answer = send_json(server.address(), "POST", path, &review(resource, group)).await;
        assert_eq!(answer.status, 201);
        let answer: Value = serde_json::from_str(&answer.body().await.0).unwrap();
        answer["status"]["allowed"].as_bool().unwrap()
    };
    server.forbid(Resource::named("jobs.batch"));
    assert!(!is_allowed("jobs", "batch").await && is_allowed("pods", "").await);
    assert_eq!(list(server.address(), "/apis/batch/v1/jobs").await.0, 403);
    server.allow(Resource::named("jobs.batch"));
    assert!(is_allowed("jobs", "batch").await);
    assert_eq!(list(server.address(), "/apis/batch/v1/jobs").await.0, 200);
}

#[tokio::test]
async fn a_group_tells_its_resources() {
    let server = FakeApiServer::start().await;
    let (_, group) = list(server.address(), "/apis/example.com/v1").await;
    assert_eq!(
        (&group["kind"], &group["groupVersion"]),
        (&json!("APIResourceList"), &json!("example.com/v1"))
    );
    let resources = group["resources"].as_array().unwrap();
    let told = resources.iter().map(|resource| (&resource["name"], &resource["namespaced"]));
    assert!(told.eq([(&json!("widgets"), &json!(true)), (&json!("factories"), &json!(false))]));
    assert_eq!(get(server.address(), "/apis/example.com/v2").await.status, 404);
}

#[tokio::test]
async fn recorded_lines_come_out_as_they_went_in() {
    let server = FakeApiServer::start().await;
    let mut watch = watch(&server, WATCH).await;
    for recorded in events::recorded_watch_lines().iter().take(50) {
        let version = server.replay(recorded);
        let ours = watch.chunk().await.unwrap();
        let theirs: Value = serde_json::from_str(recorded).unwrap();
        let old = theirs["object"]["metadata"]["resourceVersion"].as_str().unwrap();
        let mark = |version: &str| format!("\"resourceVersion\":\"{version}\",\"creationTimestamp\"");
        assert_eq!(ours.trim_end(), recorded.replace(&mark(old), &mark(&version.to_string())));
    }
}

#[tokio::test]
async fn pages_show_the_version_of_the_first_until_it_is_compacted() {
    let server = FakeApiServer::start().await;
    for name in ["a", "b", "c", "d"] {
        server.add(event(name));
    }
    let (_, first) = list(server.address(), "/api/v1/events?limit=2").await;
    assert_eq!(names(&first), ["a", "b"]);
    server.add(event("bb"));
    server.expire("default", "c");
    let token = first["metadata"]["continue"].as_str().unwrap();
    let target = format!("/api/v1/events?limit=2&continue={token}");
    let (_, second) = list(server.address(), &target).await;
    assert_eq!(names(&second), ["c", "d"]);
    assert_eq!(second["metadata"], json!({"resourceVersion": "104"}));

    server.compact();
    let (status, gone) = list(server.address(), &target).await;
    assert_eq!(status, 410);
    let token = gone["metadata"]["continue"].as_str().unwrap();
    let (_, rest) = list(server.address(), &format!("/api/v1/events?limit=2&continue={token}")).await;
    assert_eq!(names(&rest), ["bb", "d"]);
    assert_eq!(rest["metadata"]["resourceVersion"], "106");
}

#[tokio::test]
async fn selectors_and_namespaces_act_on_lists_and_watches() {
    let server = FakeApiServer::start().await;
    let target =
        "/api/v1/namespaces/default/events?watch=true&resourceVersion=100&fieldSelector=type%3DWarning";
    let mut watch = watch(&server, target).await;
    server.add(event("a"));
    server.add(r#"{"metadata":{"name":"x","namespace":"other"},"type":"Warning"}"#);
    server.modify("default", "a", |event| event["type"] = json!("Warning"));
    server.modify("default", "a", |event| event["count"] = json!(2));
    server.modify("default", "a", |event| event["type"] = json!("Normal"));
    assert_eq!(line(&mut watch).await, seen("ADDED", "a", 103));
    assert_eq!(line(&mut watch).await, seen("MODIFIED", "a", 104));
    assert_eq!(line(&mut watch).await, seen("DELETED", "a", 105));
    let (_, warnings) = list(server.address(), "/api/v1/events?fieldSelector=type!%3DNormal").await;
    assert_eq!(names(&warnings), ["x"]);
    let (status, _) = list(server.address(), "/api/v1/events?fieldSelector=spec.x%3D1").await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_restore_puts_positions_into_the_future() {
    let server = FakeApiServer::start().await;
    server.set_watch_timeouts(false);
    for name in ["a", "b", "c"] {
        server.add(event(name));
    }
    let mut open = watch(&server, "/api/v1/events?watch=true&resourceVersion=103").await;
    server.restore(101);
    assert_eq!(open.chunk().await, Err(End::Complete));
    let (status, answer) = list(server.address(), "/api/v1/events?resourceVersion=103").await;
    assert_eq!((status, answer["reason"].as_str()), (504, Some("Timeout")));
    let mut watch = watch(&server, "/api/v1/events?watch=true&resourceVersion=103").await;
    for name in ["d", "e", "f"] {
        server.add(event(name));
    }
    assert_eq!(line(&mut watch).await, seen("ADDED", "f", 104));
}

#[tokio::test(start_paused = true)]
async fn a_frozen_watch_goes_on_without_a_loss() {
    let server = FakeApiServer::start().await;
    let mut watch = watch(&server, WATCH).await;
    server.freeze();
    server.add(event("a"));
    assert!(timeout(Duration::from_secs(300), watch.chunk()).await.is_err());
    let (answer, ()) = tokio::join!(list(server.address(), "/api/v1/events"), async {
        server.wait_for_requests(2).await;
        server.thaw();
    });
    assert_eq!(answer.0, 200);
    assert_eq!(line(&mut watch).await, seen("ADDED", "a", 101));
}

#[tokio::test(start_paused = true)]
async fn a_silent_watch_has_no_end() {
    let server = FakeApiServer::start().await;
    let mut silent = watch(&server, &format!("{WATCH}&timeoutSeconds=5")).await;
    server.silence_watches();
    server.add(event("a"));
    server.end_watches();
    assert!(timeout(Duration::from_secs(3600), silent.chunk()).await.is_err());
    assert_eq!(server.open_watches(), 1);
    drop(silent);
    server.wait_for_open_watches(0).await;
}

#[tokio::test]
async fn a_cut_watch_ends_in_the_middle_of_a_line() {
    let server = FakeApiServer::start().await;
    server.add(event("a"));
    let mut watch = watch(&server, WATCH).await;
    assert_eq!(line(&mut watch).await, seen("ADDED", "a", 101));
    server.wait_for_watch().await;
    server.cut_watches_mid_line();
    assert_eq!(watch.chunk().await, Err(End::Cut));
}

#[tokio::test]
async fn a_stopped_server_cuts_its_streams_and_frees_its_port() {
    let server = FakeApiServer::start().await;
    let mut watch = watch(&server, WATCH).await;
    let address = server.address();
    server.stop().await;
    assert_eq!(watch.chunk().await, Err(End::Cut));
    FakeApiServer::start_on(address).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn bookmarks_go_to_those_who_asked() {
    let server = FakeApiServer::start().await;
    let mut without = watch(&server, WATCH).await;
    let mut with = watch(&server, &format!("{WATCH}&allowWatchBookmarks=true")).await;
    server.wait_for_open_watches(2).await;
    server.advance_to(200);
    server.bookmark();
    server.add(event("a"));
    assert_eq!(line(&mut with).await, seen("BOOKMARK", "", 200));
    assert_eq!(line(&mut with).await, seen("ADDED", "a", 201));
    assert_eq!(line(&mut without).await, seen("ADDED", "a", 201));
    let began = Instant::now();
    server.set_bookmarks(true);
    assert_eq!(line(&mut with).await, seen("BOOKMARK", "", 201));
    assert!(began.elapsed() >= Duration::from_secs(59));
}

#[tokio::test(start_paused = true)]
async fn ordered_answers_come_in_order_and_once() {
    let server = FakeApiServer::start().await;
    server.add(event("a"));
    server.next_watch(Answer::EndAtOnce);
    server.next_watch(Answer::GarbageLine);
    server.next_watch(Answer::LongLine { bytes: 3 << 20 });
    server.next_watch(Answer::WatchError);
    server.next_watch(Answer::BreakBody);

    assert_eq!(get(server.address(), WATCH).await.body().await, (String::new(), End::Complete));

    let mut garbage = get(server.address(), WATCH).await;
    let line_of_garbage = garbage.chunk().await.unwrap();
    assert!(serde_json::from_str::<Value>(&line_of_garbage).is_err());
    assert_eq!(line(&mut garbage).await, seen("ADDED", "a", 101));

    let mut long = get(server.address(), WATCH).await;
    let text = long.chunk().await.unwrap();
    assert!(text.len() >= 3 << 20);
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["type"], "ADDED");
    assert_eq!(line(&mut long).await, seen("ADDED", "a", 101));

    let mut error = get(server.address(), WATCH).await;
    let value: Value = serde_json::from_str(&error.chunk().await.unwrap()).unwrap();
    assert_eq!((&value["type"], &value["object"]["code"]), (&json!("ERROR"), &json!(500)));
    assert_eq!(error.chunk().await, Err(End::Complete));

    assert_eq!(get(server.address(), WATCH).await.chunk().await, Err(End::Cut));
    let mut usual = get(server.address(), WATCH).await;
    assert_eq!(line(&mut usual).await, seen("ADDED", "a", 101));
}

#[tokio::test(start_paused = true)]
async fn lists_can_break_hang_and_be_dropped() {
    let server = FakeApiServer::start().await;
    for n in 0..10 {
        server.add(events::flood_event(n));
    }
    server.next_list(Answer::BreakBody);
    assert_eq!(get(server.address(), "/api/v1/events").await.body().await.1, End::Cut);
    server.next_list(Answer::Drop);
    let request = "GET /api/v1/events HTTP/1.1\r\nHost: fake\r\n\r\n";
    assert!(send(server.address(), request).await.is_none());
    server.next_list(Answer::Hang);
    assert!(timeout(Duration::from_secs(600), send(server.address(), request)).await.is_err());
    server.next_list(Answer::InternalErrorWithoutJson);
    assert_eq!(get(server.address(), "/api/v1/events").await.status, 500);
    assert_eq!(list(server.address(), "/api/v1/events").await.0, 200);
}

#[tokio::test]
async fn only_the_page_that_is_named_fails() {
    let server = FakeApiServer::start().await;
    for name in ["a", "b", "c"] {
        server.add(event(name));
    }
    server.next_page(Answer::AsUsual);
    server.next_page(Answer::InternalError);
    let mut target = "/api/v1/events?limit=1".to_owned();
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let (status, page) = list(server.address(), &target).await;
        statuses.push(status);
        if let Some(token) = page["metadata"]["continue"].as_str() {
            target = format!("/api/v1/events?limit=1&continue={token}");
        }
    }
    assert_eq!(statuses, [200, 200, 500]);
}

#[tokio::test]
async fn a_configmap_is_read_listed_and_watched() {
    let server = FakeApiServer::start().await;
    server.set_configmap("kube-system", "rules", &[("a", "1")]);
    server.set_configmap("kube-system", "other", &[]);
    let path = "/api/v1/namespaces/kube-system/configmaps";
    let (status, map) = list(server.address(), &format!("{path}/rules")).await;
    assert_eq!((status, &map["kind"], &map["data"]), (200, &json!("ConfigMap"), &json!({"a": "1"})));
    let (_, maps) = list(server.address(), &format!("{path}?fieldSelector=metadata.name%3Drules")).await;
    assert_eq!((&maps["kind"], names(&maps)), (&json!("ConfigMapList"), vec!["rules"]));
    let target = format!("{path}?watch=true&resourceVersion=102&fieldSelector=metadata.name%3Drules");
    let mut watch = watch(&server, &target).await;
    server.set_configmap("kube-system", "other", &[("b", "2")]);
    server.set_configmap("kube-system", "rules", &[("a", "2")]);
    server.delete_configmap("kube-system", "rules");
    assert_eq!(line(&mut watch).await, seen("MODIFIED", "rules", 104));
    assert_eq!(line(&mut watch).await, seen("DELETED", "rules", 105));
}

#[tokio::test]
async fn a_lease_is_patched_by_merging() {
    let server = FakeApiServer::start().await;
    let path = "/apis/coordination.k8s.io/v1/namespaces/wire/leases";
    let body = r#"{"metadata":{"name":"ex"},"spec":{"holderIdentity":"a","leaseDurationSeconds":15}}"#;
    assert_eq!(send_json(server.address(), "POST", path, body).await.status, 201);
    let patch = r#"{"spec":{"holderIdentity":"b","leaseDurationSeconds":null}}"#;
    let answer = send_json(server.address(), "PATCH", &format!("{path}/ex"), patch).await;
    assert_eq!(answer.status, 200);
    let lease = server.get(Resource::Leases, "wire", "ex").unwrap();
    let lease: Value = serde_json::from_slice(&lease).unwrap();
    assert_eq!(lease["spec"], json!({"holderIdentity": "b"}));
    assert_eq!(lease["metadata"]["resourceVersion"], "102");
}

#[tokio::test]
async fn requests_are_remembered() {
    let server = FakeApiServer::start().await;
    assert!(server.kubeconfig().contains(&server.url()) && server.kubeconfig().contains(TOKEN));
    get(server.address(), "/api/v1/events?limit=1&labelSelector=a%3Db").await;
    let requests = server.wait_for_requests(1).await;
    assert_eq!(requests[0].path, "/api/v1/events");
    assert_eq!(requests[0].param("labelSelector"), Some("a=b"));
    assert_eq!(requests[0].header("Host"), Some("fake"));
}
