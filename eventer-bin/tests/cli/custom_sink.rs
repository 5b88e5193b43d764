//! The program that people copy when they write a sink of their own.

use std::path::Path;

use eventer_testkit::events;

use crate::cluster::{cluster, happen};
use crate::process::{Running, metrics_show};

const PROGRAM: &str = include_str!("../../examples/custom_sink.rs");

#[test]
fn it_has_at_most_forty_lines() {
    assert!(PROGRAM.lines().count() <= 40);
}

#[test]
fn the_readme_shows_it_as_it_is() {
    let readme = include_str!("../../README.md");
    assert!(readme.contains(&format!("```rust,no_run\n{PROGRAM}```\n")));
}

#[tokio::test]
async fn it_runs_and_has_all_that_eventer_has() {
    // Examples are built beside the program, whenever all of this package's tests are.
    let program = Path::new(env!("CARGO_BIN_EXE_eventer")).with_file_name("examples/custom_sink");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.tsv");
    let sink = format!("--sink=tsv:{}?level=Warning", path.display());
    let (server, source) = cluster().await;
    let mut running = Running::start_program(program, &[&source, &sink, "--frequency=10ms"]);
    let address = running.admin_address().await;
    happen(&server).await;
    metrics_show(address, "eventer_events_received_total{source=\"kubernetes\"} 4\n").await;
    running.signal("TERM").await;
    assert_eq!(running.ends().await.code, 0);
    let warnings = (1..=events::GOLDEN_INPUTS).filter(|n| events::golden_input(*n).contains("\"Warning\""));
    let lines = std::fs::read_to_string(&path).unwrap();
    assert_eq!(lines.lines().count(), warnings.count(), "{lines}");
    assert!(lines.contains("BackOff\tBack-off restarting failed container \\\"web\\\""), "{lines}");
}
