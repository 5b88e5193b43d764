//! The flood: pages and lines agree, and the program serves them.

// Helpers of tests are tests too, but the lint's exemption does not see them.
#![allow(clippy::unwrap_used)]

mod client;

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use client::{End, get};
use eventer_testkit::FakeApiServer;
use eventer_testkit::flood::{BASE, Flood};
use serde_json::Value;

async fn serve(flood: Flood) -> FakeApiServer {
    FakeApiServer::start_flood(SocketAddr::from(([127, 0, 0, 1], 0)), flood).await.unwrap()
}

async fn versions(server: &FakeApiServer, target: &str) -> Vec<u64> {
    let mut watch = get(server.address(), target).await;
    let mut versions = Vec::new();
    loop {
        match watch.chunk().await {
            Ok(line) => {
                let line: Value = serde_json::from_str(&line).unwrap();
                let version = line["object"]["metadata"]["resourceVersion"].as_str().unwrap();
                versions.push(version.parse::<u64>().unwrap() - BASE);
            }
            Err(end) => {
                assert_eq!(end, End::Complete);
                return versions;
            }
        }
    }
}

#[tokio::test]
async fn a_watch_goes_on_where_it_is_told() {
    let server = serve(Flood::new(1000).with_listed(500).ending(true)).await;
    let target = format!("/api/v1/events?watch=true&resourceVersion={}", BASE + 500);
    assert!(versions(&server, &target).await.into_iter().eq(501..=1500));
    server.wait_for_flood_end().await;
    let target = format!("/api/v1/events?watch=true&resourceVersion={}", BASE + 1490);
    assert!(versions(&server, &target).await.into_iter().eq(1491..=1500));
}

#[tokio::test]
async fn pages_show_every_event_once() {
    let server = serve(Flood::new(10).with_listed(1234)).await;
    let mut target = "/api/v1/events?limit=500".to_owned();
    let (mut seen, mut remaining) = (Vec::new(), Vec::new());
    loop {
        let page: Value = serde_json::from_str(&get(server.address(), &target).await.body().await.0).unwrap();
        assert_eq!(page["metadata"]["resourceVersion"], (BASE + 1234).to_string());
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|item| item["metadata"]["uid"].as_str().unwrap().to_owned()));
        remaining.extend(page["metadata"]["remainingItemCount"].as_u64());
        match page["metadata"]["continue"].as_str() {
            Some(token) => target = format!("/api/v1/events?limit=500&continue={token}"),
            None => break,
        }
    }
    assert_eq!(remaining, [734, 234]);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 1234);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_prints_its_url_and_ends_behind_the_flood() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_fake-apiserver"))
        .args(["--events", "2000", "--after-flood", "end"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let address: SocketAddr = url.trim().strip_prefix("http://").unwrap().parse().unwrap();
    let (body, end) = get(address, "/api/v1/events?watch=true").await.body().await;
    assert_eq!((body.lines().count(), end), (2000, End::Complete));
    assert!(program.wait().unwrap().success());
}
