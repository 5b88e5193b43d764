//! Recordings in every form, cut and broken, and their pace in virtual time.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use eventer_core::metrics::SourceMetrics;
use eventer_core::testing::VirtualClock;
use eventer_core::{
    BuildError, Checkpoint, ComponentUri, ConfigError, Event, EventSource, Intake, Metrics, SourceConfig,
    SourceContext, UriReader, report,
};
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::time::Instant;

use super::config::ReplayConfig;
use super::split::{Found, Splitter};
use super::*;

const WATCH: &str = include_str!("../../testdata/replay/watch.jsonl");
const EVENTS_K8S_IO: &str = include_str!("../../testdata/replay/events-k8s-io.jsonl");

fn json(n: u32) -> String {
    let seen = Timestamp::from_second(1_700_000_000 + i64::from(n)).unwrap();
    format!(
        r#"{{"metadata":{{"name":"e{n}","uid":"u{n}"}},"involvedObject":{{"kind":"Pod","name":"p"}},"reason":"Test","message":"event {n} {{[\"\\","lastTimestamp":"{seen}"}}"#
    )
}

fn watch_line(word: &str, n: u32) -> String {
    format!("{{\"type\":\"{word}\",\"object\":{}}}\n", json(n))
}

fn pretty(json: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(json).unwrap();
    serde_json::to_string_pretty(&value).unwrap() + "\n"
}

/// What is found in `text`: the names of the events, `!` for what is broken.
fn found(text: &str, buffer: usize) -> Vec<String> {
    let mut splitter = Splitter::with_buffer(buffer, text.as_bytes());
    let mut names = Vec::new();
    while let Some(found) = splitter.find().unwrap() {
        match found {
            Found::Document => match record::Record::decode(splitter.document()) {
                Ok(record::Record::Event(event)) => names.push(event.metadata.name),
                Ok(record::Record::Passed) => names.push("-".to_owned()),
                Err(_) => names.push("?".to_owned()),
            },
            Found::Broken => names.push("!".to_owned()),
            Found::Drained => {}
        }
    }
    names
}

#[track_caller]
fn assert_found(text: &str, expected: &[&str]) {
    for buffer in [1, 2, 3, 7, 64, 100_000] {
        assert_eq!(found(text, buffer), expected, "with a buffer of {buffer}: {text}");
    }
}

#[test]
fn events_stand_one_a_line_over_many_lines_or_one_behind_the_other() {
    assert_found(&format!("{}\n{}\n", json(1), json(2)), &["e1", "e2"]);
    assert_found(&format!("\u{feff}{}\r\n\r\n{}", json(1), json(2)), &["e1", "e2"]);
    assert_found(&format!("{}{}", pretty(&json(1)), pretty(&json(2))), &["e1", "e2"]);
    assert_found(&format!("{}{}", json(1), json(2)), &["e1", "e2"]);
    assert_found("", &[]);
}

#[test]
fn a_line_of_a_watch_tells_whether_it_is_an_event() {
    let lines: String = ["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR", "OTHER"]
        .iter()
        .zip(1..)
        .map(|(word, n)| watch_line(word, n))
        .collect();
    assert_found(&lines, &["e1", "e2", "-", "-", "-", "?"]);
    let other_order = format!("{{\"object\":{},\"type\":\"ADDED\"}}\n", json(7));
    assert_found(&(other_order + &pretty(&watch_line("ADDED", 8))), &["e7", "e8"]);
}

#[test]
fn a_list_is_handed_out_item_by_item() {
    let list = format!(
        r#"{{"kind":"EventList","apiVersion":"v1","metadata":{{"resourceVersion":"7","items":[1]}},"items":[{},{}],"more":{{"a":["]"]}}}}"#,
        json(1),
        json(2)
    );
    assert_found(&list, &["e1", "e2"]);
    assert_found(&format!("{}{}\n", pretty(&list), json(3)), &["e1", "e2", "e3"]);
    assert_found(&format!("{{\"items\":[\n{},\n{}\n]}}\n{}", json(1), json(2), json(3)), &["e1", "e2", "e3"]);
    assert_found(&format!("[{}, {}]\n{}", json(1), json(2), json(3)), &["e1", "e2", "e3"]);
    assert_found(r#"{"kind":"EventList","items":[]} {"kind":"EventList","items":null}"#, &["-"]);
    assert_found(&format!(r#"{{"kind":"items","items" : [ {} ]}}"#, json(1)), &["e1"]);
}

#[test]
fn what_is_no_event_costs_itself_only() {
    assert_found(&format!("no json\n{}\n[1, 2]\n{}\n", json(1), json(2)), &["!", "e1", "!", "!", "e2"]);
    assert_found(&format!("{{\"kind\":\"Pod\",\"metadata\":{{}}}}\n{}\n{{}}\n", json(1)), &["?", "e1", "?"]);
    let cut_in_string = &json(1)[..60];
    let cut_outside = &json(1)[..12];
    for cut in [cut_in_string, cut_outside] {
        assert_found(&format!("{cut}\n{}\n{}\n", json(2), json(3)), &["!", "e2", "e3"]);
        assert_found(&format!("{}\n{cut}", json(2)), &["e2", "!"]);
    }
    assert_found(&format!("{{\"items\":[{},\n", json(1)), &["e1", "!"]);
    assert_found(&format!("}}}}\n{}\n", json(1)), &["!", "e1"]);
}

#[test]
fn an_endless_object_does_not_fill_the_memory() {
    let mut text = r#"{"message":""#.to_owned();
    text.push_str(&"x".repeat(split::MAX_DOCUMENT + (1 << 20)));
    text.push_str(&format!("\"}}\n{}\n", json(1)));
    assert_eq!(found(&text, 100_000), ["!", "e1"]);
}

struct Recording {
    dir: TempDir,
    clock: Arc<VirtualClock>,
    metrics: Metrics,
    checkpoint: Option<Checkpoint>,
    batch_events: usize,
}

impl Recording {
    fn of(bytes: impl AsRef<[u8]>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("events"), bytes).unwrap();
        let clock = Arc::new(VirtualClock::starting_at("2026-11-21T06:00:00Z".parse().unwrap()));
        let metrics = Metrics::new(&prometheus::Registry::new(), clock.clone()).unwrap();
        Self { dir, clock, metrics, checkpoint: None, batch_events: 3 }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("events")
    }

    async fn play(&self, query: &str) -> ReplaySource {
        self.try_play(&format!("{}?{query}", self.path().display())).await.unwrap()
    }

    async fn try_play(&self, rest: &str) -> Result<ReplaySource, BuildError> {
        let metrics: SourceMetrics = self.metrics.source("replay");
        let mut context = SourceContext::new("replay", self.clock.clone(), metrics);
        context.checkpoint = self.checkpoint.clone();
        context.batch_events = self.batch_events.try_into().unwrap();
        context.cluster = Some("ours".into());
        config(rest).unwrap().build(context).await
    }

    fn undecodable(&self) -> f64 {
        let families = self.metrics.registry().gather();
        let family =
            families.iter().find(|family| family.name() == "eventer_lines_undecodable_total").unwrap();
        family.get_metric()[0].get_counter().get_value()
    }
}

fn config(rest: &str) -> Result<ReplayConfig, Vec<ConfigError>> {
    let uri = ComponentUri::parse("--source", &format!("replay:{rest}"), &()).unwrap();
    let mut reader = UriReader::new("--source", &uri, &ReplayConfig::SPEC, &[]);
    let config = ReplayConfig::from_uri(&mut reader);
    let mut errors = reader.finish();
    match config {
        Ok(config) if errors.is_empty() => Ok(config),
        Ok(_) => Err(errors),
        Err(error) => {
            errors.push(error);
            Err(errors)
        }
    }
}

#[tokio::test]
async fn it_is_asked_whether_a_recording_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl").display().to_string();
    let ask = async |rest: &str| config(rest).unwrap().check().await;
    let told = ask(&path).await;
    assert_eq!(told.len(), 1);
    assert!(told[0].answer.as_ref().unwrap_err().starts_with(&format!("{path}: No such file")), "{told:?}");
    fs::write(&path, "").unwrap();
    assert_eq!(ask(&path).await[0].answer, Ok(()));
    let folder = folder.path().display().to_string();
    assert_eq!(ask(&folder).await[0].answer, Err(format!("{folder}: is a directory")));
    assert_eq!(ask("-").await, []);
}

/// All events up to the end.
async fn all(source: &mut ReplaySource) -> Vec<Arc<Event>> {
    let mut events = Vec::new();
    loop {
        source.ready().await;
        let Some(batch) = source.get_new_events().await.unwrap() else { return events };
        assert!(batch.len() <= 3);
        assert_eq!(batch.intake(), Intake::Rereadable);
        events.extend(batch.iter().cloned());
    }
}

fn names(events: &[Arc<Event>]) -> Vec<&str> {
    events.iter().map(|event| event.metadata.name.as_str()).collect()
}

fn numbered(count: u32) -> String {
    (1..=count).map(|n| watch_line("ADDED", n)).collect()
}

#[tokio::test]
async fn what_a_real_cluster_wrote_is_played() {
    for (recorded, count) in [(WATCH, 40), (EVENTS_K8S_IO, 20)] {
        let recording = Recording::of(recorded);
        let events = all(&mut recording.play("").await).await;
        assert_eq!(events.len(), count);
        assert!(
            events.iter().all(|event| !event.reason.is_empty() && !event.involved_object.kind.is_empty())
        );
        assert_eq!(recording.undecodable(), 0.0);
    }
}

#[tokio::test]
async fn gzip_is_known_whatever_the_file_is_called() {
    let mut packed = Vec::new();
    // Files that are written piece by piece hold one member for each.
    for n in [1, 2] {
        let mut encoder = GzEncoder::new(&mut packed, Compression::default());
        encoder.write_all(watch_line("ADDED", n).as_bytes()).unwrap();
        encoder.finish().unwrap();
    }
    let whole = Recording::of(&packed);
    assert_eq!(names(&all(&mut whole.play("").await).await), ["e1", "e2"]);

    let cut = Recording::of(&packed[..packed.len() - 12]);
    let mut source = cut.play("").await;
    source.ready().await;
    let batch = source.get_new_events().await.unwrap().unwrap();
    assert_eq!(names(batch.events())[0], "e1");
    let error = source.get_new_events().await.unwrap_err();
    assert!(report(&error).contains("could not read the recording"), "{}", report(&error));
    assert!(source.get_new_events().await.unwrap().is_none());
}

#[tokio::test]
async fn what_is_no_event_is_counted() {
    let recording =
        Recording::of(format!("{}garbage\n{{}}\n{}", watch_line("DELETED", 1), watch_line("ADDED", 2)));
    assert_eq!(names(&all(&mut recording.play("").await).await), ["e2"]);
    assert_eq!(recording.undecodable(), 2.0);
}

#[tokio::test]
async fn an_event_keeps_its_cluster_and_else_gets_ours() {
    let named = json(2).replacen('{', r#"{"cluster":"theirs","#, 1);
    let recording = Recording::of(format!("{}\n{named}\n", json(1)));
    let clusters = |events: &[Arc<Event>]| -> Vec<String> {
        events.iter().map(|event| event.cluster.as_deref().unwrap().to_owned()).collect()
    };
    assert_eq!(clusters(&all(&mut recording.play("").await).await), ["ours", "theirs"]);
    assert_eq!(clusters(&all(&mut recording.play("cluster_name=mine").await).await), ["mine", "theirs"]);
}

#[tokio::test]
async fn a_stopped_replay_goes_on_behind_its_position() {
    let mut recording = Recording::of(format!("{}garbage\n{}", numbered(4), watch_line("ADDED", 6)));
    let mut source = recording.play("loop=2").await;
    for expected in [&["e1", "e2", "e3"][..], &["e4", "e6", "e1"]] {
        source.ready().await;
        let batch = source.get_new_events().await.unwrap().unwrap();
        assert_eq!(names(batch.events()), expected);
        recording.checkpoint = batch.checkpoint().cloned();
    }
    let scope = recording.path().display().to_string();
    assert_eq!(recording.checkpoint.as_ref().unwrap().0[&scope].version, "1+1");
    let rest = all(&mut recording.play("loop=2").await).await;
    assert_eq!(names(&rest), ["e2", "e3", "e4", "e6"]);
}

#[tokio::test]
async fn it_loops_for_ever_unless_there_is_nothing_in_it() {
    let recording = Recording::of(numbered(2));
    let mut source = recording.play("loop=true").await;
    let mut played = Vec::new();
    while played.len() < 9 {
        source.ready().await;
        let batch = source.get_new_events().await.unwrap().unwrap();
        played.extend(batch.iter().cloned());
    }
    assert_eq!(names(&played), ["e1", "e2", "e1", "e2", "e1", "e2", "e1", "e2", "e1"]);
    assert!(all(&mut Recording::of("\n").play("loop=true").await).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn events_come_at_their_own_pace() {
    // Seconds 1, 11, 5 (out of order) and 31.
    let text: String = [1, 11, 5, 31].iter().map(|n| watch_line("ADDED", *n)).collect();
    for (query, seconds) in
        [("speed=1x", [0, 10, 10, 30]), ("speed=10x", [0, 1, 1, 3]), ("speed=0.5x", [0, 20, 20, 60])]
    {
        let mut recording = Recording::of(&text);
        recording.batch_events = 1;
        let mut source = recording.play(query).await;
        let begin = Instant::now();
        let mut seen = Vec::new();
        for event in all(&mut source).await {
            let waited = event.received_at.duration_since("2026-11-21T06:00:00Z".parse().unwrap());
            seen.push(waited.as_secs());
        }
        assert_eq!(begin.elapsed().as_secs().cast_signed(), seconds[3]);
        assert_eq!(seen, seconds, "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn ready_waits_until_a_batch_is_due() {
    let recording = Recording::of(numbered(6));
    let mut source = recording.play("speed=1x").await;
    let begin = Instant::now();
    for (names_due, at) in [(["e1", "e2", "e3"], 2), (["e4", "e5", "e6"], 5)] {
        source.ready().await;
        assert_eq!(begin.elapsed().as_secs(), at);
        assert_eq!(names(source.get_new_events().await.unwrap().unwrap().events()), names_due);
    }
    source.ready().await;
    assert!(source.get_new_events().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn each_pass_follows_the_one_before() {
    let recording = Recording::of(numbered(3));
    let mut source = recording.play("speed=1x&loop=3").await;
    let begin = Instant::now();
    assert_eq!(all(&mut source).await.len(), 9);
    assert_eq!(begin.elapsed().as_secs(), 6);
}

#[tokio::test]
async fn reading_stops_while_nobody_takes_what_was_read() {
    let recording = Recording::of(numbered(5000));
    let mut source = recording.play("loop=true").await;
    source.ready().await;
    // Dropping it ends the thread, which waits for room.
    assert_eq!(source.get_new_events().await.unwrap().unwrap().len(), 3);
    drop(source);
}

#[tokio::test]
async fn a_recording_that_cannot_be_opened_is_told_with_its_path() {
    let recording = Recording::of("");
    let missing = recording.dir.path().join("missing");
    let error = recording.try_play(&missing.display().to_string()).await.unwrap_err();
    let told = report(&error);
    assert!(
        told.starts_with("could not open the recording /") && told.contains("missing: No such file"),
        "{told}"
    );
    let error = recording.try_play(&recording.dir.path().display().to_string()).await.unwrap_err();
    assert!(report(&error).contains("is a directory"), "{}", report(&error));
}

#[test]
fn wrong_flags_are_told() {
    for (rest, told) in [
        ("", "it needs a FILE"),
        ("x?speed=fast", "is not a speed such as max, 1x or 10x"),
        ("x?speed=0x", "is not a speed"),
        ("x?loop=maybe", "neither true nor false nor a whole number"),
        ("-?loop=true", "standard input can be read once only"),
        ("x?sped=1x", "did you mean"),
    ] {
        let errors: Vec<String> = config(rest).unwrap_err().iter().map(ToString::to_string).collect();
        assert!(errors.concat().contains(told), "{rest}: {errors:?}");
    }
}
