//! Where a source begins, and what it watches.

use std::collections::BTreeSet;
use std::time::Duration;

use eventer_core::{Clock as _, SystemClock};
use eventer_sources::kubernetes::Backfill;
use eventer_testkit::{Answer, FakeApiServer};
use jiff::SignedDuration;

use crate::rig::{Rig, Start, event, event_at, event_in};

#[tokio::test]
async fn without_a_position_it_begins_now() {
    let server = FakeApiServer::start().await;
    server.add(event("a"));
    let version = server.version();
    let mut rig = Rig::start_on(server, Start::default());
    rig.server.wait_for_watch().await;
    rig.read_until(|rig| rig.position() == Some(version)).await;
    rig.settle().await;
}

#[tokio::test]
async fn backfill_hands_on_what_the_server_still_has() {
    let server = FakeApiServer::start().await;
    let versions: Vec<u64> = (0..7).map(|number| server.add(event(&format!("e{number}")))).collect();
    let mut rig = Rig::start_on(
        server,
        Start::with(|options| {
            options.backfill = Backfill::All;
            options.page_size = 3;
        }),
    );
    for (number, version) in versions.into_iter().enumerate() {
        rig.expect(&format!("e{number}"), version);
    }
    rig.read(7).await;
    rig.server.wait_for_watch().await;
    rig.settle().await;
    assert_eq!(rig.counted("eventer_watch_relists_total", ""), 0.0, "nothing was too old");
}

#[tokio::test]
async fn backfill_of_a_span_leaves_out_what_is_older() {
    let server = FakeApiServer::start().await;
    let ago = |minutes| (SystemClock.now() - SignedDuration::from_mins(minutes)).to_string();
    server.add(event_at("old", &ago(9)));
    let version = server.add(event_at("new", &ago(1)));
    let start = Start::with(|options| options.backfill = Backfill::Within(Duration::from_secs(300)));
    let mut rig = Rig::start_on(server, start);
    rig.expect("new", version);
    rig.read(1).await;
    rig.server.wait_for_watch().await;
    rig.settle().await;
}

#[tokio::test]
async fn a_position_goes_before_backfill() {
    let server = FakeApiServer::start().await;
    server.add(event("old"));
    let position = server.version();
    let version = server.add(event("new"));
    let mut start = Start::from(position, SystemClock.now());
    start.options.backfill = Backfill::All;
    let mut rig = Rig::start_on(server, start);
    rig.expect("new", version);
    rig.read(1).await;
    rig.settle().await;
    assert_eq!(rig.pages(), 0);
}

#[tokio::test]
async fn a_restart_at_any_batch_loses_and_repeats_nothing() {
    let mut rig = Rig::start().await;
    let mut names = Vec::new();
    for number in 0..6 {
        let name = format!("e{number}");
        names.push((name.clone(), rig.add(&name)));
    }
    rig.read(1).await;
    let mut got = rig.got().to_vec();
    // Each time another process goes on, reads one event, and dies.
    for taken in 2..=6 {
        let start = Start { checkpoint: Some(rig.checkpoint.clone()), ..Start::default() };
        rig = Rig::start_on(rig.server, start);
        rig.read(1).await;
        got.push(rig.got()[0].clone());
        assert_eq!(got.len(), taken);
    }
    assert_eq!(got, names);
}

#[tokio::test]
async fn a_position_of_something_else_is_not_used() {
    let server = FakeApiServer::start().await;
    server.add(event("old"));
    let mut start = Start::from(1, SystemClock.now());
    start.options.field_selector = Some("type=Warning".to_owned());
    let mut rig = Rig::start_on(server, start);
    rig.server.wait_for_watch().await;
    rig.settle().await;
}

#[tokio::test]
async fn selectors_act_on_the_server() {
    let start = Start::with(|options| {
        options.field_selector = Some("involvedObject.kind=Pod,type!=Normal".to_owned());
        options.label_selector = Some("team in (a,b)".to_owned());
    });
    let rig = Rig::start_on(FakeApiServer::start().await, start);
    for request in rig.server.wait_for_requests(2).await {
        assert_eq!(request.param("fieldSelector"), Some("involvedObject.kind=Pod,type!=Normal"));
        assert_eq!(request.param("labelSelector"), Some("team in (a,b)"));
    }
}

#[tokio::test]
async fn each_namespace_has_a_watch_and_a_position_of_its_own() {
    let server = FakeApiServer::start().await;
    let start = || Start::with(|options| options.namespaces = vec!["a".to_owned(), "b".to_owned()]);
    let mut rig = Rig::start_on(server, start());
    rig.server.wait_for_open_watches(2).await;
    let now = "2026-11-21T05:00:00Z";
    for (namespace, name) in [("a", "one"), ("b", "two"), ("c", "three"), ("a", "four")] {
        let version = rig.server.add(event_in(namespace, name, now));
        if namespace != "c" {
            rig.expect(name, version);
        }
    }
    rig.read(3).await;
    let scopes: BTreeSet<&str> = rig.checkpoint.0.keys().map(String::as_str).collect();
    assert_eq!(scopes, BTreeSet::from(["namespace=a", "namespace=b"]));
    let position = |scope: &str| rig.checkpoint.0[scope].version.parse::<u64>().unwrap();
    assert!(position("namespace=a") > position("namespace=b"));
    let paths: BTreeSet<String> = rig.server.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths.len(), 2);
    assert!(paths.contains("/api/v1/namespaces/a/events"));

    // One that is refused does not hold up the other.
    rig.server.next_watch(Answer::Forbidden);
    rig.server.cut_watches_mid_line();
    let version = rig.server.add(event_in("b", "five", now));
    rig.expect("five", version);
    let version = rig.server.add(event_in("a", "six", now));
    rig.expect("six", version);
    rig.read(5).await;
    let checkpoint = rig.checkpoint.clone();
    let mut rig = Rig::start_on(rig.server, Start { checkpoint: Some(checkpoint), ..start() });
    rig.server.wait_for_open_watches(2).await;
    let version = rig.server.add(event_in("b", "seven", now));
    rig.expect("seven", version);
    rig.read(1).await;
    assert_eq!(rig.got(), [("seven".to_owned(), version)]);
}

#[tokio::test]
async fn an_event_carries_its_cluster_and_its_receipt() {
    let before = SystemClock.now();
    let start = Start::with(|options| options.cluster_name = Some("west".to_owned()));
    let mut rig = Rig::start_on(FakeApiServer::start().await, start);
    rig.server.wait_for_watch().await;
    rig.settle().await;
    let event = &rig.batches[0].events()[0];
    assert_eq!(event.cluster.as_deref(), Some("west"));
    assert!(event.received_at >= before && event.received_at <= SystemClock.now());
}
