//! Runs with a state directory: what a process leaves, whichever way it ends, and what the next one makes of it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use eventer_testkit::{FakeDestination, Reply, Request, events};
use serde_json::Value;
use tempfile::TempDir;

use crate::cluster::{cluster, happen};
use crate::process::{Ended, QUIET, Running, eventer, get, soon};

/// Events in the recording.
const RECORDED: usize = 806;

/// Events of a request, and so the most that a process that is killed may repeat.
const PORTION: usize = 10;

/// A state directory that is not made yet, and a webhook that tells which events it gets.
pub(crate) struct State {
    folder: TempDir,
    pub(crate) destination: FakeDestination,
}

impl State {
    pub(crate) async fn new() -> Self {
        let state =
            Self { folder: tempfile::tempdir().unwrap(), destination: FakeDestination::start().await };
        let id = r#""{{ .ObjectMeta.UID }}/{{ .ObjectMeta.ResourceVersion }}""#;
        fs::write(state.folder.path().join("template"), id).unwrap();
        state
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub(crate) fn flag(&self) -> String {
        flag(&self.path())
    }

    /// Delivers `portion` events in a request.
    pub(crate) fn sink(&self, portion: usize) -> String {
        format!(
            "--sink=webhook:{}/?method=POST&level=Normal&batch=ndjson&template_file={}&batch_events={portion}&min_backoff=1ms\
             &max_backoff=10ms",
            self.destination.url(),
            self.folder.path().join("template").display()
        )
    }

    /// Waits until the destination has got so many events, and says how often each.
    async fn gets(&self, events: usize) -> BTreeMap<String, usize> {
        soon(async {
            loop {
                let requests = self.destination.requests();
                let counts = counts(&requests);
                if counts.len() >= events {
                    return counts;
                }
                self.destination.wait_for(requests.len() + 1).await;
            }
        })
        .await
    }

    /// How the journal is, by the command that tells it.
    async fn journal(&self) -> Value {
        let ended = eventer(&["journal", &self.flag(), "-o", "json"]).await;
        assert_eq!((ended.code, &*ended.stderr), (0, ""));
        serde_json::from_str(&ended.stdout).unwrap()
    }
}

pub(crate) fn flag(path: &Path) -> String {
    format!("--state-dir={}", path.display())
}

pub(crate) fn recording() -> String {
    format!(
        "--source=replay:{}/../eventer-sources/testdata/cluster-events.jsonl.gz",
        env!("CARGO_MANIFEST_DIR")
    )
}

/// How often the destination got each event.
fn counts<'a>(requests: impl IntoIterator<Item = &'a Request>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for request in requests {
        for line in request.text().lines() {
            *counts.entry(line.to_owned()).or_default() += 1;
        }
    }
    counts
}

/// What waits for the sink, as the end of the log tells it.
fn waiting(ended: &Ended, sink: &str) -> Option<u64> {
    let waits = |entry: &Value| {
        entry["sink"] == sink && entry["message"].as_str().is_some_and(|text| text.starts_with("these wait"))
    };
    ended.log().into_iter().find(waits)?["events"].as_u64()
}

async fn run(arguments: &[&str]) -> Ended {
    eventer(&[arguments, &QUIET, &["--log-format=json"]].concat()).await
}

#[tokio::test]
async fn a_second_run_repeats_nothing() {
    let state = State::new().await;
    let file = state.folder.path().join("events.jsonl");
    let sink = format!("--sink=file:{}", file.display());
    for _ in 0..2 {
        let ended = run(&[&recording(), &sink, &state.flag()]).await;
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(waiting(&ended, "file"), None, "{}", ended.stderr);
        let lines = fs::read_to_string(&file).unwrap();
        assert_eq!(lines.lines().count(), RECORDED);
    }
    assert_eq!(fs::metadata(state.path()).unwrap().permissions().mode() & 0o777, 0o700);
    let journal = state.journal().await;
    assert_eq!((&journal["events"], &journal["sinks"]["file"]["waiting"]), (&0.into(), &0.into()));
    assert_eq!(journal["sinks"]["file"]["number"], RECORDED);
    assert_eq!(journal["sources"]["replay"].as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn after_sigterm_the_next_start_delivers_the_rest_and_repeats_nothing() {
    const HAPPENED: usize = 300;
    const ANSWERED: usize = 5;
    let state = State::new().await;
    for _ in 0..ANSWERED {
        state.destination.next(Reply::ok());
    }
    state.destination.set_default(Reply::Hang);
    let (server, source) = cluster().await;
    let (sink, flag) = (state.sink(PORTION), state.flag());
    let arguments = [&*source, &sink, &flag, "--frequency=10ms", "--stop-timeout=100ms"];
    let running = Running::start(&arguments);
    soon(server.wait_for_watch()).await;
    (1..=HAPPENED as u64).for_each(|number| _ = server.add(events::flood_event(number)));
    let asked = soon(state.destination.wait_for(ANSWERED + 1)).await;
    let delivered = counts(&asked[..ANSWERED]).len();
    running.signal("TERM").await;
    let ended = running.ends().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let closed = ended.log().into_iter().find(|entry| entry["message"] == "sink closed").unwrap();
    assert_eq!((&closed["exported"], &closed["undelivered"]), (&delivered.into(), &0.into()));
    let left = waiting(&ended, "webhook").expect("the log tells what waits");
    assert_eq!(state.journal().await["sinks"]["webhook"]["waiting"], left);

    state.destination.set_default(Reply::ok());
    let running = Running::start(&[&arguments[..], &["--stop-timeout=1h"]].concat());
    state.gets(HAPPENED).await;
    running.signal("TERM").await;
    let ended = running.ends().await;
    assert_eq!((ended.code, waiting(&ended, "webhook")), (0, None), "{}", ended.stderr);
    // One request had no answer, and so is no delivery.
    let mut requests = state.destination.requests();
    requests.remove(ANSWERED);
    let counts = counts(&requests);
    assert_eq!((counts.len(), counts.values().max()), (HAPPENED, Some(&1)));
}

#[tokio::test]
async fn after_sigkill_nothing_is_lost_and_no_more_repeated_than_was_under_way() {
    let state = State::new().await;
    let (source, sink, flag) = (recording(), state.sink(PORTION), state.flag());
    let mut killed = 0;
    // Slow enough for some moment to be in the middle.
    state.destination.set_default(Reply::ok().after(Duration::from_millis(5)));
    for stage in 1..=5 {
        let running = Running::start(&[&source, &sink, &flag]);
        let until = state.destination.count() + stage * 3;
        soon(state.destination.wait_for(until)).await;
        running.kill().await;
        killed += 1;
    }
    let ended = run(&[&source, &sink, &flag]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let requests = state.destination.requests();
    let counts = counts(&requests);
    assert_eq!(counts.len(), RECORDED);
    let repeated = counts.values().sum::<usize>() - RECORDED;
    assert!(repeated <= killed * PORTION, "{repeated} events were repeated after {killed} kills");
}

#[tokio::test]
async fn a_recording_that_is_read_but_not_delivered_ends_with_1_and_says_what_waits() {
    let state = State::new().await;
    state.destination.set_default(Reply::Hang);
    let (source, sink, flag) = (recording(), state.sink(PORTION), state.flag());
    let ended = run(&[&source, &sink, &flag, "--stop-timeout=100ms"]).await;
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert_eq!(waiting(&ended, "webhook"), Some(RECORDED as u64), "{}", ended.stderr);
}

#[tokio::test]
async fn a_second_process_waits_and_takes_over() {
    let state = State::new().await;
    let (server, source) = cluster().await;
    let (sink, flag) = (state.sink(PORTION), state.flag());
    let arguments = [&*source, &sink, &flag, "--frequency=10ms"];
    let mut first = Running::start(&arguments);
    let address = first.admin_address().await;
    happen(&server).await;
    assert_eq!(state.gets(events::GOLDEN_INPUTS).await.values().max(), Some(&1));
    assert_eq!(get(address, "/readyz").await.0, 200);

    let mut second = Running::start(&arguments);
    let address = second.admin_address().await;
    second.has_logged("another process owns the state directory").await;
    let (status, reasons) = get(address, "/readyz").await;
    assert_eq!(status, 503);
    assert!(reasons.contains("state directory: ") && reasons.contains("another process"), "{reasons}");
    for path in ["/livez", "/healtz", "/healthz"] {
        assert_eq!(get(address, path).await.0, 200, "{path}");
    }
    first.signal("TERM").await;
    assert_eq!(first.ends().await.code, 0);
    second.has_logged("the other process has gone").await;
    soon(async { while get(address, "/readyz").await.0 != 200 {} }).await;
    server.add(events::flood_event(1));
    let counts = state.gets(events::GOLDEN_INPUTS + 1).await;
    assert_eq!((counts.len(), counts.values().max()), (events::GOLDEN_INPUTS + 1, Some(&1)));
    second.signal("TERM").await;
    assert_eq!(second.ends().await.code, 0);
}

#[tokio::test]
async fn a_process_that_waits_for_the_directory_can_be_stopped() {
    let state = State::new().await;
    let (_server, source) = cluster().await;
    let (sink, flag) = (state.sink(PORTION), state.flag());
    let mut first = Running::start(&[&source, &sink, &flag]);
    let address = first.admin_address().await;
    soon(async { while get(address, "/readyz").await.0 != 200 {} }).await;
    let mut second = Running::start(&[&source, &sink, &flag]);
    second.has_logged("another process owns the state directory").await;
    second.signal("TERM").await;
    let ended = second.ends().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}
