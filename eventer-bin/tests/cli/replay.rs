//! Runs that end by themselves, and a source that never rests.

use std::io::{Read, Write};

use eventer_testkit::events;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::net::TcpListener;

use crate::process::{QUIET, Running, eventer, eventer_in};

/// A recording of the golden events.
fn recording() -> NamedTempFile {
    let mut file = NamedTempFile::with_suffix(".jsonl").unwrap();
    for number in 1..=events::GOLDEN_INPUTS {
        let event: Value = serde_json::from_str(events::golden_input(number)).unwrap();
        writeln!(file, "{event}").unwrap();
    }
    file
}

fn replay(file: &NamedTempFile) -> String {
    format!("--source=replay:{}", file.path().display())
}

#[tokio::test]
async fn a_replay_goes_to_standard_output_and_the_log_to_standard_error() {
    let file = recording();
    let [ip, port] = QUIET;
    let ended = eventer(&[&replay(&file), "--sink=log:?format=json", "--log-format=json", ip, port]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let events: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), events::GOLDEN_INPUTS);
    assert_eq!(events[0]["reason"], "Scheduled");
    let log = ended.log();
    assert_eq!(log[0]["message"], "eventer starts");
    assert_eq!((&log[0]["sources"], &log[0]["sinks"]), (&"replay".into(), &"log".into()));
    assert_eq!(log.last().unwrap()["exported"], events::GOLDEN_INPUTS);
}

#[tokio::test]
async fn what_a_kube_eventer_manifest_passes_is_taken() {
    let file = recording();
    let [ip, port] = QUIET;
    let source = replay(&file);
    let flags =
        ["-logtostderr=true", "-v", "3", "--stderrthreshold=WARNING", "--frequency=30s", "--max_procs=2"];
    let ended = eventer(&[&flags[..], &[&source, "--sink=log", ip, port]].concat()).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.stdout.lines().count(), events::GOLDEN_INPUTS);
}

#[tokio::test]
async fn without_a_sink_it_warns_and_discards() {
    let file = recording();
    let [ip, port] = QUIET;
    let ended = eventer(&[&replay(&file), ip, port]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (0, ""));
    ended.says(&["WARN", "no --sink is given"]);
}

#[tokio::test]
async fn a_time_zone_that_is_not_known_is_told() {
    let file = recording();
    let [ip, port] = QUIET;
    for (zone, is_told) in [("Nowhere/At_all", true), ("Asia/Shanghai", false), ("", false)] {
        let ended = eventer_in(&[&replay(&file), "--sink=log:", ip, port], &[("TZ", zone)]).await;
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(ended.stderr.contains("the time zone of TZ is not known"), is_told, "{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_replay_with_something_undelivered_ends_with_1() {
    let file = recording();
    let [ip, port] = QUIET;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let sink = format!("--sink=webhook:http://{address}/?level=Normal&min_backoff=1ms&retry_for=1ms");
    let ended = eventer(&[&replay(&file), &sink, ip, port]).await;
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    ended.says(&["webhook", "dropped=4"]);
}

#[tokio::test]
async fn a_source_that_cannot_be_opened_ends_with_1() {
    let [ip, port] = QUIET;
    let ended = eventer(&["--source=replay:/nowhere/at/all.jsonl", "--sink=log:", ip, port]).await;
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    ended.says(&["ERROR", "No such file"]);
}

#[tokio::test]
async fn a_busy_source_is_stopped_too() {
    let file = recording();
    // Every batch is full, so that there is never a reason to wait for a tick.
    let source = format!("{}?loop=true", replay(&file));
    let mut running = Running::start(&[&source, "--sink=log:?format=json", "--batch-events=2"]);
    running.prints().await;
    running.signal("TERM").await;
    let ended = running.ends().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.ends_with("}\n"), "the last line is not whole");
    assert!(
        ended.log().iter().all(|entry| entry["undelivered"].as_u64().is_none_or(|events| events == 0)),
        "{}",
        ended.stderr
    );
}

#[tokio::test]
async fn when_nobody_reads_its_output_any_more_it_ends() {
    let mut running = Running::start(&["--source=demo:?rate=1000/s", "--sink=log:?format=json"]);
    running.prints().await;
    running.close_output();
    let ended = running.ends().await;
    assert_eq!(ended.code, 1);
    ended.says(&["all destinations have gone for good"]);
}

#[tokio::test]
async fn a_recording_that_is_cut_off_ends_with_1() {
    let mut whole = Vec::new();
    GzDecoder::new(&include_bytes!("../../../eventer-sources/testdata/cluster-events.jsonl.gz")[..])
        .read_to_end(&mut whole)
        .unwrap();
    let mut file = NamedTempFile::with_suffix(".gz").unwrap();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&whole).unwrap();
    let bytes = encoder.finish().unwrap();
    file.write_all(&bytes[..bytes.len() / 2]).unwrap();
    let [ip, port] = QUIET;
    let ended = eventer(&[&replay(&file), "--sink=log:?format=json", ip, port]).await;
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stdout.lines().count() > 100, "what could be read is delivered");
    ended.says(&["ended in trouble"]);
}
