//! The program and a real Kafka. Needs `EVENTER_KAFKA_HOME`.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use eventer_testkit::events;
use eventer_testkit::live::kafka::{KafkaBroker, Listener};
use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::process::Command;
use tokio::time::timeout;

/// When a test is given up. Far more than it takes.
const GIVE_UP: Duration = Duration::from_secs(60);

/// Who an event is: one change of one object.
fn identity(event: &Value) -> (String, String) {
    let metadata = &event["metadata"];
    let text = |field: &str| metadata[field].as_str().unwrap().to_owned();
    (text("uid"), text("resourceVersion"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_in_the_topic_once_when_the_program_has_ended() {
    let broker = KafkaBroker::start().await;
    let mut recording = NamedTempFile::with_suffix(".jsonl").unwrap();
    let mut recorded = BTreeSet::new();
    for line in events::recorded_watch_lines() {
        writeln!(recording, "{line}").unwrap();
        recorded.insert(identity(&serde_json::from_str(&events::object_of(line)).unwrap()));
    }
    let source = format!("--source=replay:{}", recording.path().display());
    let sink = format!(
        "--sink=kafka:?brokers={}&topic=recorded&format=event&compression=zstd",
        broker.address(Listener::Plaintext)
    );
    let mut program = Command::new(env!("CARGO_BIN_EXE_eventer"));
    program.args([&source, &sink, "--healthz-ip=127.0.0.1", "--healthz-port=0"]);
    let output = program.env_clear().stdin(Stdio::null()).kill_on_drop(true).output();
    let output = timeout(GIVE_UP, output).await.expect("it did not end in a minute").unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let records = broker.records("recorded").await;
    let arrived: BTreeSet<_> = records.iter().map(|record| identity(&record.json())).collect();
    assert_eq!(arrived, recorded);
    assert_eq!(records.len(), recorded.len(), "none came twice");
}
