//! `eventer explain`: of which events it tells, and what.

use std::io::Write;
use std::process::Stdio;

use eventer_testkit::{FakeDestination, events};
use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::cluster::{cluster, happen};
use crate::process::{Running, eventer, soon};

fn file_of(text: &str) -> (NamedTempFile, String) {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let flag = format!("--event={}", file.path().display());
    (file, flag)
}

#[tokio::test]
async fn each_sink_is_told_with_what_decided_and_what_it_would_be_sent() {
    let destination = FakeDestination::start().await;
    let golden = events::golden_input(2);
    let (_file, event) = file_of(golden);
    let hook = format!("--sink=webhook:{}?method=POST&sink_name=hook&where=count() == 7", destination.url());
    let folder = tempfile::tempdir().unwrap();
    let file = format!("--sink=file:{}?level=Warning&kinds=Node", folder.path().join("x").display());
    let ended = eventer(&["explain", &event, "--sink=log:?format=json", &hook, &file]).await;
    assert_eq!((ended.code, &*ended.stderr), (0, ""), "{}", ended.stdout);
    assert!(
        ended.stdout.starts_with("Warning BackOff Pod prod/web-0 (x7): Back-off restarting"),
        "{}",
        ended.stdout
    );
    let log = ended.stdout.lines().position(|line| line == "  log gets it: nothing refuses it").unwrap();
    let payload: Value = serde_json::from_str(ended.stdout.lines().nth(log + 1).unwrap()).unwrap();
    assert_eq!(payload["metadata"]["name"], "web-0.17a1b2c3d4e5f602");
    assert!(ended.stdout.contains("  hook (webhook) gets it: where: "), "{}", ended.stdout);
    assert!(ended.stdout.contains("\"EventReason\": \"BackOff\""), "{}", ended.stdout);
    assert!(ended.stdout.contains("  file does not get it: kinds: "), "{}", ended.stdout);
    assert_eq!((destination.connections(), folder.path().read_dir().unwrap().count()), (0, 0));
}

#[tokio::test]
async fn lists_lines_and_watch_lines_are_read_from_standard_input_too() {
    let items: Vec<&str> = (1..=4).map(events::golden_input).collect();
    let list = format!("{{\"kind\":\"List\",\"items\":[{}]}}", items.join(","));
    let watch = format!("{{\"type\":\"ADDED\",\"object\":{}}}", items[0]);
    for (text, explained) in [(list, 4), (watch, 1), (items.join("\n"), 4)] {
        for flags in [
            &["explain", "--sink=log:", "-o=json"][..],
            &["explain", "--event=-", "--sink=log:", "-o", "json"],
        ] {
            let mut child = Command::new(env!("CARGO_BIN_EXE_eventer"))
                .args(flags)
                .env_clear()
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .kill_on_drop(true)
                .spawn()
                .unwrap();
            let mut stdin = child.stdin.take().unwrap();
            stdin.write_all(text.as_bytes()).await.unwrap();
            drop(stdin);
            let output = soon(child.wait_with_output()).await.unwrap();
            assert!(output.status.success() && output.stderr.is_empty());
            let told = String::from_utf8(output.stdout).unwrap();
            assert_eq!(told.lines().count(), explained, "{told}");
            let first: Value = serde_json::from_str(told.lines().next().unwrap()).unwrap();
            assert_eq!(
                (&first["event"]["reason"], &first["sinks"][0]["gets_it"]),
                (&"Scheduled".into(), &true.into())
            );
        }
    }
}

#[tokio::test]
async fn live_it_takes_the_next_events_of_the_cluster() {
    let (server, source) = cluster().await;
    let flags = ["explain", "--live", "--count=2", &source, "--sink=log:?types=Warning", "-o", "json"];
    let explain = Running::start_command(&flags);
    happen(&server).await;
    let ended = explain.ends().await;
    assert_eq!((ended.code, &*ended.stderr), (0, ""));
    let told: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> =
        told.iter().map(|told| (&told["event"]["reason"], &told["sinks"][0]["gets_it"])).collect();
    assert_eq!(told, [(&"Scheduled".into(), &false.into()), (&"BackOff".into(), &true.into())]);
}

#[tokio::test]
async fn the_rules_and_labels_of_a_file_count() {
    let mut config = NamedTempFile::with_suffix(".yaml").unwrap();
    config
        .write_all(
            b"static_labels: {team: platform}\nsources: ['demo:']\nsinks:\n- {kind: log, format: json}\n\
              drop:\n- {types: [Normal], kinds: [Node]}\n- reason == \"Scheduled\"\n",
        )
        .unwrap();
    let config = format!("--config={}", config.path().display());
    let (_file, event) = file_of(&[events::golden_input(1), events::golden_input(2)].join("\n"));
    let ended = eventer(&["explain", &config, &event]).await;
    assert_eq!((ended.code, &*ended.stderr), (0, ""), "{}", ended.stdout);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert!(
        lines[1].starts_with("  no sink gets it: drop[1]: where: reason == \"Scheduled\" is true"),
        "{lines:?}"
    );
    assert_eq!(lines[4], "  log gets it: nothing refuses it");
    let payload: Value = serde_json::from_str(lines[5]).unwrap();
    assert_eq!(payload["staticLabels"]["team"], "platform");
    let ended = eventer(&["check", &config]).await;
    assert_eq!((ended.code, &*ended.stderr), (0, ""), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("source  demo") && ended.stdout.contains("sink    log"),
        "{}",
        ended.stdout
    );
}

#[tokio::test]
async fn without_events_it_ends_with_1() {
    let (_file, event) = file_of("{\"kind\":\"Pod\"}\n");
    let ended = eventer(&["explain", &event, "--sink=log:"]).await;
    assert_eq!((ended.code, &*ended.stdout), (1, ""));
    ended.says(&["error: could not explain an event: there is none"]);
    ended.says(&["WARN", "record 1 is no event"]);
    let ended = eventer(&["explain", "--event=/nowhere.json", "--sink=log:"]).await;
    assert_eq!((ended.code, &*ended.stdout), (1, ""));
    ended.says(&["error: could not open the recording /nowhere.json"]);
}

#[tokio::test]
async fn wrong_flags_are_told() {
    let ended =
        eventer(&["explain", "--live", "--event=x", "--count=0", "--sink=log:?where=reson == \"x\""]).await;
    assert_eq!((ended.code, &*ended.stdout), (2, ""));
    ended.says(&["--live stands beside --event"]);
    ended.says(&["--source is missing"]);
    ended.says(&["--count takes a whole number"]);
    ended.says(&["\"where\"", "did you mean \"reason\"?"]);
    let ended = eventer(&["explain", "--event=x"]).await;
    assert_eq!(ended.code, 2);
    ended.says(&["--sink is missing"]);
}
