//! What the commands tell of a directory that is made here.

use std::collections::BTreeMap;
use std::sync::Arc;

use eventer_core::storage::{Mark, Storage as _};
use eventer_core::store::StateDirectory;
use eventer_core::testing::{batch, event};
use eventer_core::{Checkpoint, Event, EventBatch, Position};
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::args::Output;

const BEGIN: &str = "2026-01-02T03:04:05.25Z";

/// A minute and a half later.
const LATER: &str = "2026-01-02T03:05:36.15Z";

#[derive(Debug)]
struct Stopped(&'static str);

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        self.0.parse().unwrap()
    }
}

/// A directory with five events of which two sinks have had all and three, and two dead letters.
async fn directory() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let directory = StateDirectory::new(folder.path(), Arc::new(Stopped(BEGIN)));
    let (backing, _) = directory.open().await.unwrap();
    let position = Position { version: "4711".to_owned(), at: begin() };
    let checkpoint = Checkpoint(BTreeMap::from([(String::new(), position)]));
    let events = batch(0..5).events().to_vec();
    let taken = EventBatch::new("kubernetes", begin(), events).with_checkpoint(checkpoint);
    assert!(backing.append(0, taken).await);
    let (kafka, slack): (Arc<str>, Arc<str>) = ("kafka".into(), "slack".into());
    backing.mark(&kafka, Mark { number: 5, ..Mark::default() });
    backing.mark(&slack, Mark { number: 1, ahead: vec![false, true, true], ..Mark::default() });
    backing.bury(&slack, &Arc::new(event(2)), "could not deliver:\nthe destination \u{1b}[31mrefuses it");
    let node = Event { reason: "NodeNotReady".to_owned(), ..Event::default() };
    backing.bury(&kafka, &Arc::new(node), &"too long ".repeat(100));
    backing.synced().await;
    folder
}

fn begin() -> Timestamp {
    Stopped(BEGIN).now()
}

#[track_caller]
fn told(folder: &TempDir, action: Action, output: Output) -> Told {
    let command = StateCommand { state_dir: folder.path().to_owned(), action, output };
    run(&command, &Stopped(LATER)).unwrap()
}

#[track_caller]
fn text(directory: &TempDir, action: Action) -> String {
    let told = told(directory, action, Output::Text);
    assert_eq!((told.note, told.failure), (None, None));
    told.output
}

#[track_caller]
fn value(directory: &TempDir, action: Action) -> Value {
    serde_json::from_str(&told(directory, action, Output::Json).output).unwrap()
}

fn all() -> DeadLetters {
    DeadLetters::default()
}

fn ids(ids: &[i64]) -> DeadLetters {
    DeadLetters { sink: None, ids: ids.to_vec() }
}

fn of(sink: &str) -> DeadLetters {
    DeadLetters { sink: Some(sink.to_owned()), ids: Vec::new() }
}

#[tokio::test]
async fn the_journal_is_told_in_text() {
    let directory = directory().await;
    let text = text(&directory, Action::Journal);
    let bytes = text.lines().find_map(|line| line.strip_prefix("bytes:        ")).unwrap();
    assert!(bytes.parse::<u64>().unwrap() > 0);
    let expected = "\
batches:      1
events:       5
bytes:        BYTES
oldest:       2026-01-02T03:04:05Z
dead letters: 2

SINK   NUMBER  WAITING  LAG    LAST SEEN
kafka  5       0        -      2026-01-02T03:04:05Z
slack  1       2        1m30s  2026-01-02T03:04:05Z

SOURCE      SCOPE  VERSION  WHEN
kubernetes  -      4711     2026-01-02T03:04:05Z
";
    assert_eq!(text.replace(bytes, "BYTES"), expected);
}

#[tokio::test]
async fn the_journal_is_told_in_json() {
    let directory = directory().await;
    let mut value = value(&directory, Action::Journal);
    assert!(value["bytes"].take().as_u64().unwrap() > 0);
    let at = "2026-01-02T03:04:05.250000Z";
    let expected = json!({
        "batches": 1,
        "events": 5,
        "bytes": null,
        "oldest": at,
        "dead_letters": 2,
        "sinks": {
            "kafka": {"number": 5, "waiting": 0, "waits_since": null, "lag_seconds": 0, "seen_at": at},
            "slack": {"number": 1, "waiting": 2, "waits_since": at, "lag_seconds": 90, "seen_at": at},
        },
        "sources": {"kubernetes": {"": {"version": "4711", "at": at}}},
    });
    assert_eq!(value, expected);
}

#[tokio::test]
async fn dead_letters_are_listed_a_line_each_with_a_reason_that_is_cut() {
    let directory = directory().await;
    let text = text(&directory, Action::List(all(), 100));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert_eq!(lines[0], "ID  REJECTED              SINK   STATE  OBJECT          EVENT         REASON");
    assert_eq!(
        lines[1],
        "1   2026-01-02T03:04:05Z  slack  kept   Pod prod/web-2  BackOff       could not deliver: the destination \
         [31mrefuses it"
    );
    assert!(
        lines[2]
            .starts_with("2   2026-01-02T03:04:05Z  kafka  kept                   NodeNotReady  too long")
    );
    assert!(lines[2].ends_with('…') && lines[2].chars().count() < 160, "{}", lines[2]);
}

#[tokio::test]
async fn dead_letters_are_chosen_by_sink_and_by_id_and_limited() {
    let directory = directory().await;
    let listed = |which, limit| -> Vec<i64> {
        let letters = value(&directory, Action::List(which, limit));
        letters.as_array().unwrap().iter().map(|letter| letter["id"].as_i64().unwrap()).collect()
    };
    assert_eq!(listed(all(), 100), [1, 2]);
    assert_eq!(listed(of("kafka"), 100), [2]);
    assert_eq!(listed(ids(&[2, 1, 2]), 100), [1, 2]);
    assert_eq!(listed(of("nobody"), 100), [] as [i64; 0]);
    assert_eq!(listed(all(), 1), [1]);
    let limited = told(&directory, Action::List(all(), 1), Output::Text);
    assert_eq!(limited.note.as_deref(), Some("these are the oldest 1; --limit=N tells of more"));
    assert_eq!(text(&directory, Action::List(of("nobody"), 1)), "no dead letters\n");
}

#[tokio::test]
async fn an_id_that_is_not_there_is_told_beside_those_that_are() {
    let of_slack = DeadLetters { ids: vec![1, 2], ..of("slack") };
    for (which, missing) in [
        (ids(&[1, 7, 8, 7]), "no dead letter has the id 7, 8;"),
        (of_slack, "no dead letter of the sink slack has the id 2;"),
    ] {
        let directory = directory().await;
        for (action, output) in [
            (Action::Show(which.clone(), 100), "id:        1\n"),
            (Action::Replay(which.clone()), "1 dead letter is to be delivered again"),
            (Action::Drop(which.clone()), "1 dead letter is deleted\n"),
        ] {
            let told = told(&directory, action, Output::Text);
            assert!(told.failure.as_ref().is_some_and(|text| text.starts_with(missing)), "{told:?}");
            assert!(told.output.starts_with(output), "{told:?}");
        }
        assert_eq!(value(&directory, Action::List(all(), 9)).as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_dead_letter_is_shown_whole() {
    let directory = directory().await;
    let shown = text(&directory, Action::Show(ids(&[1]), 100));
    let (head, json) = shown.split_once("event:\n").unwrap();
    assert_eq!(
        head,
        "id:        1\nsink:      slack\nrejected:  2026-01-02T03:04:05.250000Z\nstate:     kept\nreason:    could \
         not deliver: the destination [31mrefuses it\n"
    );
    assert!(json.starts_with("{\n  \"metadata\": {\n"), "{json}");
    let shown: Event = serde_json::from_str(json).unwrap();
    assert_eq!(shown.message, event(2).message);
    let value = value(&directory, Action::Show(all(), 100));
    assert_eq!(value[0]["event"], serde_json::to_value(event(2)).unwrap());
    assert_eq!(value[0]["reason"], "could not deliver:\nthe destination \u{1b}[31mrefuses it");
    assert_eq!((&value[1]["event_reason"], &value[1]["replaying"]), (&json!("NodeNotReady"), &json!(false)));
}

#[tokio::test]
async fn dead_letters_are_marked_for_a_replay_and_dropped_and_counted() {
    let directory = directory().await;
    let replayed = text(&directory, Action::Replay(of("slack")));
    assert!(replayed.starts_with("1 dead letter is to be delivered again: "), "{replayed}");
    let states: Vec<Value> = value(&directory, Action::List(all(), 9))
        .as_array()
        .unwrap()
        .iter()
        .map(|l| l["replaying"].clone())
        .collect();
    assert_eq!(states, [true, false]);
    assert!(text(&directory, Action::List(all(), 9)).contains("  replaying  "));
    assert_eq!(value(&directory, Action::Replay(all())), json!({"replaying": 2}));
    assert_eq!(text(&directory, Action::Drop(ids(&[2]))), "1 dead letter is deleted\n");
    assert_eq!(value(&directory, Action::Drop(all())), json!({"dropped": 1}));
    for action in [Action::Drop(all()), Action::Replay(all()), Action::List(all(), 9), Action::Show(all(), 9)]
    {
        assert_eq!(text(&directory, action), "no dead letters\n");
    }
}

#[test]
fn a_directory_without_a_journal_is_an_error_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let command =
        StateCommand { state_dir: folder.path().join("x"), action: Action::Journal, output: Output::Text };
    let error = run(&command, &eventer_core::SystemClock).unwrap_err();
    let told = eventer_core::report(&error);
    assert!(told.contains("there is no journal at") && told.contains("--state-dir"), "{told}");
    assert!(!folder.path().join("x").exists());
}
