//! The fake API server against the recorded wire: the recorded requests are sent again, and the answers compared
//! in status, headers and body, byte for byte.

// Helpers of tests are tests too, but the lint's exemption does not see them.
#![allow(clippy::unwrap_used)]

mod client;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use client::End;
use eventer_testkit::{Answer, FakeApiServer};
use serde_json::Value;
use tokio::time::Instant;

/// A recorded answer, without the headers that differ from call to call.
#[derive(Debug, PartialEq)]
struct Exchange {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

fn read(name: &str, part: &str) -> String {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/wire").join(format!("{name}.{part}.txt"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.replace('\r', "")
}

fn request(name: &str) -> String {
    let text = read(name, "req");
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("# ")).collect();
    let at = lines.iter().position(|line| line.is_empty()).unwrap();
    let body = lines[at + 1..].join("\n");
    format!("{}\r\n\r\n{}", lines[..at].join("\r\n"), body.trim_end())
}

fn recorded(name: &str) -> Exchange {
    let text = read(name, "resp");
    let (head, rest) = text.split_once("\n\n").unwrap();
    let body = rest.split("\n# --- capture notes").next().unwrap().trim().to_owned();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.map(|line| line.split_once(": ").unwrap());
    Exchange { status, headers: stable(headers), body }
}

fn stable<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<(String, String)> {
    let differs = |name: &str| name == "Audit-Id" || name == "Date" || name.starts_with("X-Kubernetes-Pf-");
    let mut headers: Vec<_> = headers
        .filter(|(name, _)| !differs(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    headers.sort();
    headers
}

async fn replay(server: &FakeApiServer, name: &str) -> Exchange {
    send(server, &request(name)).await
}

async fn send(server: &FakeApiServer, request: &str) -> Exchange {
    let answer = client::send(server.address(), request).await.expect("an answer");
    let status = answer.status;
    let headers = stable(answer.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let (body, end) = answer.body().await;
    assert_eq!(end, End::Complete);
    Exchange { status, headers, body: body.trim().to_owned() }
}

async fn assert_as_recorded(server: &FakeApiServer, name: &str) {
    assert_eq!(replay(server, name).await, recorded(name), "{name}");
}

/// The items of a recorded list, each as its bytes and its version.
fn items(name: &str) -> Vec<(String, u64)> {
    #[derive(serde::Deserialize)]
    struct List {
        items: Vec<Box<serde_json::value::RawValue>>,
    }
    let list: List = serde_json::from_str(&recorded(name).body).unwrap();
    let version = |item: &str| {
        let item: Value = serde_json::from_str(item).unwrap();
        item["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
    };
    list.items.iter().map(|item| (item.get().to_owned(), version(item.get()))).collect()
}

#[tokio::test]
async fn pages_are_as_recorded() {
    let server = FakeApiServer::start().await;
    for name in ["01-list-limit2", "02-list-limit2-continue"] {
        for (item, version) in items(name) {
            server.advance_to(version - 1);
            assert_eq!(server.add(item), version);
        }
    }
    server.add(r#"{"metadata":{"name":"zz","namespace":"shop"}}"#);
    server.advance_to(3760);
    for (name, theirs, ours) in [("01-list-limit2", 1086, 3), ("02-list-limit2-continue", 1084, 1)] {
        let mut expected = recorded(name);
        let count = |number| format!("\"remainingItemCount\":{number}}}");
        expected.body = expected.body.replace(&count(theirs), &count(ours));
        assert_eq!(replay(&server, name).await, expected, "{name}");
    }
}

#[tokio::test]
async fn a_list_of_metadata_alone_is_as_recorded() {
    let server = FakeApiServer::start().await;
    let name = "41-list-partialmetadata";
    for (item, version) in items(name) {
        server.advance_to(version - 1);
        assert_eq!(server.add(item), version);
    }
    server.add(r#"{"metadata":{"name":"zz","namespace":"shop"},"reason":"NotShown"}"#);
    server.advance_to(7282);
    let mut expected = recorded(name);
    expected.body = expected.body.replace("\"remainingItemCount\":1539", "\"remainingItemCount\":1");
    for (_, value) in expected.headers.iter_mut().filter(|(name, _)| name == "Content-Length") {
        *value = (value.parse::<usize>().unwrap() - "539".len()).to_string();
    }
    assert_eq!(replay(&server, name).await, expected);
}

#[tokio::test]
async fn what_is_too_old_is_as_recorded() {
    let server = FakeApiServer::start().await;
    server.add(r#"{"metadata":{"name":"a","namespace":"batch-jobs"}}"#);
    server.advance_to(6952);
    server.compact();
    for name in ["80-410-watch-compacted", "81-410-list-exact-compacted", "82-410-expired-continue"] {
        assert_as_recorded(&server, name).await;
    }

    let server = FakeApiServer::start().await;
    server.set_watch_cache(true);
    server.advance_to(6209);
    server.compact();
    assert_as_recorded(&server, "80d-410-watch-rv1-watchcache").await;
}

#[tokio::test(start_paused = true)]
async fn what_is_too_new_is_as_recorded() {
    let server = FakeApiServer::start().await;
    server.advance_to(4162);
    assert_as_recorded(&server, "16-list-future-rv").await;
    let began = Instant::now();
    assert_as_recorded(&server, "15-watch-future-rv").await;
    assert_eq!(began.elapsed().as_secs(), 4);
    server.set_watch_cache(true);
    server.advance_to(4192);
    assert_as_recorded(&server, "16b-list-future-rv-watchcache").await;
}

#[tokio::test]
async fn invalid_requests_are_answered_as_recorded() {
    let server = FakeApiServer::start().await;
    for name in ["17-watch-invalid-rv", "18-list-bad-continue", "21-streaming-list-no-match", "47-404-group"]
    {
        assert_as_recorded(&server, name).await;
    }
    assert_as_recorded(&server, "59-event-404").await;
    assert_as_recorded(&server, "60-lease-get-404").await;
}

#[tokio::test]
async fn refusals_are_as_recorded() {
    let server = FakeApiServer::start().await;
    server.require_token(Some("another"));
    assert_as_recorded(&server, "30-401-bad-token").await;
    assert_as_recorded(&server, "30b-401-bad-token-watch").await;
    server.require_token(None);

    server.next_list(Answer::Forbidden);
    assert_as_recorded(&server, "32-403-sa-list").await;
    server.next_watch(Answer::Forbidden);
    assert_as_recorded(&server, "33-403-sa-watch").await;

    server.refuse_all(Some(Answer::TooManyRequests { retry_after: 1 }));
    let list = send(&server, &request("32-403-sa-list")).await;
    assert_eq!(list, recorded("97-429-apf-reject"));
    let watch = send(&server, &request("33-403-sa-watch")).await;
    assert_eq!(watch, recorded("98-429-apf-reject-watch"));
}

#[tokio::test]
async fn ordered_answers_have_the_recorded_words() {
    let server = FakeApiServer::start().await;
    server.advance_to(6209);
    server.next_watch(Answer::WatchGone);
    assert_as_recorded(&server, "80-410-watch-compacted").await;
    server.next_watch(Answer::WatchGoneCached);
    assert_as_recorded(&server, "80d-410-watch-rv1-watchcache").await;
    server.next_list(Answer::Gone);
    assert_as_recorded(&server, "81-410-list-exact-compacted").await;
    server.next_page(Answer::ContinueExpired);
    assert_as_recorded(&server, "82-410-expired-continue").await;
    server.next_list(Answer::Unauthorized);
    assert_as_recorded(&server, "30-401-bad-token").await;
    server.next_lease(Answer::GatewayTimeout);
    assert_as_recorded(&server, "99c-lease-get-while-etcd-frozen").await;
}

#[tokio::test]
async fn what_needs_no_objects_is_as_recorded() {
    let server = FakeApiServer::start().await;
    assert_as_recorded(&server, "45-version").await;
    assert_as_recorded(&server, "46-readyz").await;
}

#[tokio::test]
async fn leases_conflict_as_recorded() {
    let server = FakeApiServer::start().await;
    server.advance_to(7297);
    // The recorded uid stands in the requests that follow.
    let body = r#"{"metadata":{"name":"ex","namespace":"wire","uid":"e14abbb3-337a-40ce-9698-1648a442302c","creationTimestamp":"2026-11-21T05:12:31Z"},"spec":{"holderIdentity":"a"}}"#;
    let path = "/apis/coordination.k8s.io/v1/namespaces/wire/leases";
    let created = client::send_json(server.address(), "POST", path, body).await;
    assert_eq!(created.status, recorded("61-lease-create-201").status);
    let lease: Value = serde_json::from_str(&created.body().await.0).unwrap();
    assert_eq!(lease["kind"], "Lease");
    assert_eq!(lease["metadata"]["resourceVersion"], "7298");

    assert_as_recorded(&server, "62-lease-create-409-exists").await;
    server.advance_to(7300);
    for name in [
        "64-lease-put-200",
        "65-lease-put-stale-409-conflict",
        "66-lease-put-no-rv",
        "67-lease-patch-stale-rv-409",
        "68-lease-put-wrong-uid-409",
        "69-lease-delete",
        "69b-lease-put-after-delete-404",
    ] {
        assert_as_recorded(&server, name).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_frozen_etcd_is_as_recorded() {
    let server = FakeApiServer::start().await;
    server.advance_to(9644);
    server.freeze();
    let began = Instant::now();
    assert_as_recorded(&server, "99-watch-while-etcd-frozen").await;
    assert_eq!(began.elapsed().as_secs(), 45);
    let began = Instant::now();
    assert!(client::send(server.address(), &request("99b-list-while-etcd-frozen")).await.is_none());
    assert_eq!(began.elapsed().as_secs(), 60);
    assert_as_recorded(&server, "99c-lease-get-while-etcd-frozen").await;
    let began = Instant::now();
    assert_as_recorded(&server, "99d-readyz-while-etcd-frozen").await;
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_streaming_list_ends_with_the_recorded_bookmark() {
    let server = FakeApiServer::start().await;
    server.add(r#"{"metadata":{"name":"bump.1","namespace":"default"},"reason":"Bump"}"#);
    server.add(r#"{"metadata":{"name":"other.1","namespace":"default"},"reason":"Other"}"#);
    server.advance_to(6952);
    let name = "85-streaming-list-rv-compacted";
    let (ours, theirs) = (replay(&server, name).await, recorded(name));
    assert_eq!(ours.headers, theirs.headers);
    assert_eq!(ours.body.lines().count(), 2);
    assert_eq!(ours.body.lines().last(), theirs.body.lines().last());
}
