//! Runs: from the source to standard output, the exit code, signals, and the admin server.

use eventer_testkit::{FakeDestination, Reply, events};
use tokio::net::TcpListener;

use crate::cluster::{cluster, happen};
use crate::process::{QUIET, Running, eventer, get, metrics_show, soon};

/// A source that can be opened and hears nothing.
const NOWHERE: &str = "--source=kubernetes:http://127.0.0.1:1?inClusterConfig=false";

/// A server that takes connections and never answers, and a sink that delivers to it.
async fn silence() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sink = format!("--sink=webhook:http://{}/?level=Normal", listener.local_addr().unwrap());
    (listener, sink)
}

#[tokio::test]
async fn a_sink_that_cannot_be_opened_ends_a_strict_run_with_1() {
    let [ip, port] = QUIET;
    let ended = eventer(&[NOWHERE, "--sink=file:/dev/null/x", "--strict", ip, port]).await;
    assert_eq!(ended.code, 1);
    ended.says(&["ERROR", "could not"]);
}

#[tokio::test]
async fn a_signal_drains_and_ends_with_0() {
    for signal in ["TERM", "INT", "HUP"] {
        let (server, source) = cluster().await;
        let destination = FakeDestination::start().await;
        destination.set_default(Reply::status(503));
        let sink =
            format!("--sink=webhook:{}/?level=Normal&min_backoff=1ms&max_backoff=10ms", destination.url());
        let mut running = Running::start(&[&source, &sink, "--frequency=10ms", "--stop-timeout=1h"]);
        let address = running.admin_address().await;
        happen(&server).await;
        metrics_show(address, "eventer_events_received_total{source=\"kubernetes\"} 4\n").await;
        running.signal(signal).await;
        running.logs("stopping").await;
        destination.set_default(Reply::ok());
        let ended = running.ends().await;
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let closed = ended.log().into_iter().rfind(|entry| entry["sink"] == "webhook").unwrap();
        assert_eq!((&closed["message"], &closed["exported"]), (&"sink closed".into(), &4.into()));
    }
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    for (signal, code) in [("TERM", 143), ("INT", 130), ("HUP", 129)] {
        let (listener, sink) = silence().await;
        let (server, source) = cluster().await;
        let mut running = Running::start(&[&source, &sink, "--stop-timeout=1h", "--frequency=10ms"]);
        happen(&server).await;
        let _attempt = soon(listener.accept()).await.unwrap();
        running.signal("TERM").await;
        running.logs("stopping").await;
        running.signal(signal).await;
        let ended = running.ends().await;
        assert_eq!(ended.code, code, "{}", ended.stderr);
        ended.says(&["ending at once"]);
    }
}

#[tokio::test]
async fn a_hangup_that_is_ignored_stays_ignored() {
    let mut running = Running::start_under_nohup(&[NOWHERE, "--sink=log:"]);
    let address = running.admin_address().await;
    running.signal("HUP").await;
    assert_eq!(get(address, "/healthz").await.0, 200);
    running.signal("TERM").await;
    assert_eq!(running.logs("stopping").await["signal"], "SIGTERM");
    assert_eq!(running.ends().await.code, 0);
}

#[tokio::test]
async fn a_log_that_nobody_reads_is_no_trouble() {
    let (server, source) = cluster().await;
    let mut running = Running::start(&[&source, "--sink=log:", "--frequency=10ms"]);
    running.admin_address().await;
    running.close_log();
    happen(&server).await;
    running.prints().await;
    running.signal("TERM").await;
    assert_eq!(running.ends().await.code, 0);
}

#[tokio::test]
async fn the_time_to_stop_is_bounded() {
    let (listener, sink) = silence().await;
    let (server, source) = cluster().await;
    let mut running = Running::start(&[&source, &sink, "--stop-timeout=100ms", "--frequency=10ms"]);
    let address = running.admin_address().await;
    happen(&server).await;
    metrics_show(address, "eventer_events_received_total{source=\"kubernetes\"} 4\n").await;
    let _attempt = soon(listener.accept()).await.unwrap();
    running.signal("TERM").await;
    running.logs("stopping").await;
    let ended = running.ends().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended.says(&["sink closed", "webhook", "\"undelivered\":4"]);
}

#[tokio::test]
async fn a_port_in_use_ends_with_1_and_says_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = format!("--healthz-port={}", taken.local_addr().unwrap().port());
    let ended = eventer(&[NOWHERE, "--sink=log:", "--healthz-ip=127.0.0.1", &port]).await;
    assert_eq!(ended.code, 1);
    ended.says(&["could not listen on 127.0.0.1:", "--healthz-port"]);
}

#[tokio::test]
async fn the_admin_server_answers_while_events_flow() {
    let (server, source) = cluster().await;
    let mut running = Running::start(&[&source, "--sink=log:", "--frequency=10ms"]);
    let address = running.admin_address().await;
    happen(&server).await;
    for _ in 1..=events::GOLDEN_INPUTS {
        running.prints().await;
    }
    for path in ["/healthz", "/healtz", "/livez", "/readyz"] {
        assert_eq!(get(address, path).await, (200, "ok".to_owned()), "{path}");
    }
    metrics_show(address, "eventer_events_exported_total{sink=\"log\"} 4\n").await;
    let (_, metrics) = get(address, "/metrics").await;
    for part in [
        "eventer_events_received_total{source=\"kubernetes\"} 4",
        "eventer_scraper_events_total_number 4",
        "eventer_manager_last_time_seconds",
        "process_resident_memory_bytes",
    ] {
        assert!(metrics.contains(part), "{part}: {metrics}");
    }
    assert_eq!(get(address, "/nothing").await.0, 404);
}

#[tokio::test]
async fn a_cluster_that_is_not_there_is_told_by_readyz() {
    let mut running = Running::start(&[NOWHERE]);
    let address = running.admin_address().await;
    let (status, reasons) = get(address, "/readyz").await;
    assert_eq!(status, 503);
    assert!(reasons.starts_with("source kubernetes: "), "{reasons}");
    assert_eq!(get(address, "/livez").await.0, 200);
}

#[tokio::test]
async fn event_metrics_can_be_turned_off() {
    for (flag, is_counted) in [("--event-metrics", true), ("--event-metrics=false", false)] {
        let (server, source) = cluster().await;
        let mut running = Running::start(&[&source, "--sink=log:", "--frequency=10ms", flag]);
        let address = running.admin_address().await;
        happen(&server).await;
        running.prints().await;
        let (_, metrics) = get(address, "/metrics").await;
        assert_eq!(metrics.contains("eventer_events_normal_total{"), is_counted, "{metrics}");
    }
}

#[tokio::test]
async fn no_log_line_shows_a_secret() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sink = format!(
        "--sink=webhook:http://user:hunter2@{}/hunter2?level=Normal&token=hunter2&header=Authorization=hunter2",
        nobody.local_addr().unwrap()
    );
    drop(nobody);
    let (server, source) = cluster().await;
    let mut running = Running::start(&[&source, &sink, "--frequency=10ms", "-v=9"]);
    let address = running.admin_address().await;
    happen(&server).await;
    running.logs("an attempt failed").await;
    let (_, verbose) = get(address, "/readyz?verbose").await;
    assert!(verbose.contains("sink webhook: failing since") && !verbose.contains("hunter2"), "{verbose}");
    running.signal("TERM").await;
    running.logs("stopping").await;
    running.signal("TERM").await;
    let ended = running.ends().await;
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
}
