//! A silence: the cluster's own, a dead connection's, a frozen etcd's, or that of a position from the future.

use std::time::Duration;

use eventer_core::{Clock as _, EventSource as _, SystemClock};
use eventer_testkit::{Answer, FakeApiServer};
use jiff::SignedDuration;

use crate::rig::{Rig, Start, event, event_at};

/// Probes and reopens soon enough to be waited for.
fn impatient() -> Start {
    Start::with(|options| {
        options.probe_interval = Duration::from_millis(20);
        options.idle_timeout = Duration::from_millis(60);
        options.request_timeout = Duration::from_millis(200);
    })
}

#[tokio::test]
async fn a_dead_watch_is_opened_anew() {
    let mut rig = Rig::start_on(FakeApiServer::start().await, impatient());
    rig.server.wait_for_watch().await;
    rig.server.silence_watches();
    rig.add("a");
    rig.repeat("a");
    rig.read(2).await;
    rig.settle().await;
    assert!(rig.counted("eventer_watch_restarts_total", "silent") >= 1.0);
    assert_eq!(rig.pages(), 0);
}

#[tokio::test]
async fn a_quiet_cluster_is_probed_and_its_watch_stays() {
    let mut rig = Rig::start_on(FakeApiServer::start().await, impatient());
    rig.server.wait_for_watch().await;
    let requests = rig.server.wait_for_requests(12).await;
    assert_eq!(requests.iter().filter(|request| request.is_watch()).count(), 1, "nothing has happened since");
    assert!(rig.source.status().is_fresh);
    rig.settle().await;
}

#[tokio::test]
async fn a_watch_from_the_future_is_found_out() {
    let server = FakeApiServer::start().await;
    let saved = SystemClock.now() - SignedDuration::from_mins(5);
    server.add(event_at("before", &(saved - SignedDuration::from_mins(1)).to_string()));
    server.add(event_at("after", &(saved + SignedDuration::from_mins(1)).to_string()));
    let version = server.version();
    let mut rig = Rig::start_on(server, Start::from(1_000_000, saved));
    rig.expect("after", version);
    rig.read(1).await;
    rig.server.wait_for_watch().await;
    rig.settle().await;
    assert!(rig.position() < Some(1_000_000));
    assert_eq!((rig.counted("eventer_watch_gaps_total", ""), rig.gaps.len()), (1.0, 1));
}

#[tokio::test]
async fn a_restored_etcd_is_noticed_when_its_watches_end() {
    let mut rig = Rig::start().await;
    let backup = rig.server.version();
    for round in 0..4 {
        rig.add(&format!("lost-{round}"));
    }
    rig.read(4).await;
    rig.server.restore(backup);
    // Far ahead of the position's time, so that it is told of as something that happened since.
    let version = rig.server.add(event_at("new", "2099-01-01T00:00:00Z"));
    rig.expect("new", version);
    rig.read(5).await;
    rig.server.wait_for_open_watches(1).await;
    rig.settle().await;
    assert_eq!((rig.counted("eventer_watch_gaps_total", ""), rig.gaps.len()), (1.0, 1));
}

#[tokio::test]
async fn a_restored_etcd_is_noticed_in_a_silence() {
    let mut rig = Rig::start_on(FakeApiServer::start().await, impatient());
    rig.server.wait_for_watch().await;
    rig.add("a");
    rig.read(1).await;
    // A bookmark of a version that the server then never had.
    rig.server.send_line(r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"999999"}}}"#);
    rig.read_until(|rig| rig.counted("eventer_watch_restarts_total", "restored") == 1.0).await;
    rig.read_until(|rig| rig.position() < Some(999_999)).await;
    rig.server.wait_for_watch().await;
    rig.settle().await;
}

#[tokio::test]
async fn a_frozen_etcd_is_no_quiet_cluster() {
    let mut rig = Rig::start_on(FakeApiServer::start().await, impatient());
    rig.server.wait_for_watch().await;
    rig.read_until(|rig| rig.source.status().is_fresh).await;
    rig.server.freeze();
    rig.add("a");
    rig.read_until(|rig| !rig.source.status().is_fresh).await;
    assert!(rig.source.status().detail.contains("did not answer"), "{}", rig.source.status().detail);
    rig.server.thaw();
    rig.read(1).await;
    rig.read_until(|rig| rig.source.status().is_fresh).await;
    rig.settle().await;
    assert_eq!(rig.pages(), 0);
}

#[tokio::test]
async fn a_dead_watch_whose_position_expires_meanwhile_is_listed() {
    let mut rig = Rig::start_on(FakeApiServer::start().await, impatient());
    rig.server.wait_for_watch().await;
    rig.add("a");
    rig.read(1).await;
    rig.server.silence_watches();
    rig.add("b");
    rig.repeat("a");
    rig.server.compact();
    rig.read(3).await;
    rig.settle().await;
    assert_eq!(rig.counted("eventer_watch_relists_total", ""), 1.0);
}

#[tokio::test]
async fn it_is_not_fresh_before_it_has_begun_nor_while_it_is_refused() {
    let server = FakeApiServer::start().await;
    server.add(event("a"));
    server.refuse_all(Some(Answer::Forbidden));
    let mut rig = Rig::start_on(server, Start::default());
    rig.server.wait_for_requests(3).await;
    let status = rig.source.status();
    assert!(!status.is_fresh && status.last_heard.is_none());
    assert!(status.detail.contains("allow get, list and watch of events"), "{}", status.detail);
    rig.server.refuse_all(None);
    rig.server.wait_for_watch().await;
    rig.settle().await;
    assert!(rig.source.status().is_fresh);
    assert!(rig.source.status().last_heard.is_some());
}
