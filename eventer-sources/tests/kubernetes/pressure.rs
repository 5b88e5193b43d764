//! Batches keep their bounds, and a buffer that is full stops the reading.

use std::net::SocketAddr;

use eventer_core::{Clock as _, EventSource as _, SystemClock};
use eventer_sources::kubernetes::Backfill;
use eventer_testkit::FakeApiServer;
use eventer_testkit::flood::Flood;
use futures_util::FutureExt as _;

use crate::rig::{Rig, Start};

const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

async fn flood(flood: Flood, mut start: Start) -> Rig {
    start.batch_events = 10;
    Rig::start_on(FakeApiServer::start_flood(ANY_PORT, flood).await.unwrap(), start)
}

/// Takes all that waits, without letting the source run.
fn take_without_waiting(rig: &mut Rig) -> usize {
    let before = rig.got().len();
    loop {
        let had = rig.got().len();
        rig.take().now_or_never().expect("taking waits for nothing");
        if rig.got().len() == had {
            return had - before;
        }
    }
}

#[tokio::test]
async fn a_full_buffer_stops_the_reading_of_a_watch() {
    let mut rig = flood(Flood::new(20_000), Start::default()).await;
    let mut most = 0;
    while rig.got().len() < 20_000 {
        // Long enough for whatever would not stop.
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        most = most.max(take_without_waiting(&mut rig));
    }
    assert!(most <= 20, "{most} events waited where two batches of 10 may");
    assert!(rig.batches.iter().all(|batch| batch.len() <= 10));
    assert_eq!(rig.counted("eventer_watch_restarts_total", ""), 0.0);
    let versions: Vec<u64> = rig.got().iter().map(|(_, version)| *version).collect();
    assert!(versions.is_sorted_by(|a, b| a + 1 == *b), "every one of them, in order");
}

#[tokio::test]
async fn a_full_buffer_stops_the_reading_of_a_list() {
    let start = Start::with(|options| {
        options.backfill = Backfill::All;
        options.page_size = 100;
    });
    let mut rig = flood(Flood::new(0).with_listed(1_000), start).await;
    rig.source.ready().await;
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(rig.pages(), 1, "the second page waits for room");
    assert_eq!(take_without_waiting(&mut rig), 20);
    rig.read(1_000).await;
    assert_eq!(rig.got().len(), 1_000);
}

#[tokio::test]
async fn ready_waits_for_a_full_batch() {
    let mut start = Start::from(1, SystemClock.now());
    start.batch_events = 3;
    start.checkpoint = None;
    let mut rig = Rig::start_on(FakeApiServer::start().await, start);
    rig.server.wait_for_watch().await;
    rig.add("a");
    rig.add("b");
    rig.read_until(|rig| rig.got().len() == 2).await;
    assert!(rig.source.ready().now_or_never().is_none());
    for name in ["c", "d", "e", "f"] {
        rig.add(name);
    }
    rig.source.ready().await;
    rig.settle().await;
    assert!(rig.batches.iter().all(|batch| batch.len() <= 3));
}

#[tokio::test]
async fn dropping_the_source_ends_its_watch() {
    let rig = Rig::start().await;
    drop(rig.source);
    rig.server.wait_for_open_watches(0).await;
}
