//! The forms of a line against golden text, and the writer against outputs that hang, fail and break off.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use eventer_core::event::EventType;
use eventer_core::testing::conformance::{Destination, Fault};
use eventer_core::{Event, EventBatch, async_trait};
use jiff::Timestamp;
use tokio::time::timeout;

use super::writer::WriteError;
use super::*;

const INPUTS: [&str; 4] = [
    include_str!("../../testdata/input-1-normal-scheduled.json"),
    include_str!("../../testdata/input-2-warning-backoff.json"),
    include_str!("../../testdata/input-3-node-notready.json"),
    include_str!("../../testdata/input-4-eventtime-series.json"),
];

/// The four events that all golden texts are about.
pub(crate) fn sample_events() -> Vec<Event> {
    INPUTS.iter().map(|json| serde_json::from_str(json).unwrap()).map(received).collect()
}

/// A batch of `events`.
pub(crate) fn batch_of(events: Vec<Event>) -> EventBatch {
    EventBatch::new("test", Timestamp::UNIX_EPOCH, events.into_iter().map(Arc::new).collect())
}

/// A file of lines as the conformance kit sees it. It has no faults of the kit's.
pub(crate) struct LineFile(pub(crate) PathBuf);

#[async_trait]
impl Destination for LineFile {
    async fn received(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.0).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn misbehave(&self, _: Option<Fault>) -> bool {
        false
    }
}

fn received(mut event: Event) -> Event {
    event.received_at = "2024-05-06T07:20:00Z".parse().unwrap();
    event
}

fn lines(format: &LineFormat, zone: &TimeZone, is_colored: bool, events: Vec<Event>) -> String {
    let mut context = SinkContext::new("test");
    context.time_zone = zone.clone();
    let encoder = LineEncoder::new(format, &context, is_colored);
    let mut out = Vec::new();
    assert_eq!(encoder.encode(&batch_of(events), &mut out), []);
    String::from_utf8(out).unwrap()
}

fn text(events: Vec<Event>) -> String {
    lines(&LineFormat::Text, &TimeZone::UTC, false, events)
}

#[test]
fn text_is_aligned_columns() {
    assert_eq!(text(sample_events()), include_str!("../../testdata/log/text.txt"));
}

#[test]
fn text_has_the_local_time_the_cluster_and_colors() {
    let mut events = sample_events();
    for event in &mut events {
        event.cluster = Some("prod-eu".into());
    }
    let shanghai = TimeZone::get("Asia/Shanghai").unwrap();
    let text = lines(&LineFormat::Text, &shanghai, true, events);
    assert_eq!(text.replace('\x1b', "␛"), include_str!("../../testdata/log/text-color-local.txt"));
}

#[test]
fn utc_is_known_by_any_name_and_london_is_not_utc() {
    let time = |zone: &str| {
        let text = lines(&LineFormat::Text, &TimeZone::get(zone).unwrap(), false, sample_events());
        text.split(' ').next().unwrap().to_owned()
    };
    assert_eq!(time("Etc/UTC"), "2024-05-06T07:08:09Z");
    assert_eq!(time("Europe/London"), "2024-05-06T08:08:09+01:00");
}

#[test]
fn json_is_the_event_on_one_line() {
    let json = lines(&LineFormat::Json, &TimeZone::UTC, false, sample_events());
    assert_eq!(json, include_str!("../../testdata/log/json.txt"));
    let read: Vec<Event> = json.lines().map(|line| received(serde_json::from_str(line).unwrap())).collect();
    assert_eq!(read, sample_events());
}

#[test]
fn logfmt_is_pairs_with_quotes_where_they_are_needed() {
    let logfmt = lines(&LineFormat::Logfmt, &TimeZone::UTC, false, sample_events());
    assert_eq!(logfmt, include_str!("../../testdata/log/logfmt.txt"));
}

#[test]
fn logfmt_has_the_labels_of_the_user_under_keys_that_it_can_read() {
    let mut event = sample_events().remove(2);
    let labels = [("team", "platform"), ("cost.center", "4 2"), ("a b=\"c\"", "x"), ("empty", "")];
    let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
    event.static_labels = Some(Arc::new(labels.into()));
    let line = lines(&LineFormat::Logfmt, &TimeZone::UTC, false, vec![event]);
    let expected = " label_a_b__c_=x label_cost.center=\"4 2\" label_team=platform message=";
    assert!(line.contains(expected), "{line}");
}

#[test]
fn a_long_value_is_not_cut_and_the_line_finds_back_to_its_columns() {
    let mut events = vec![sample_events().remove(1), sample_events().remove(1)];
    events[0].involved_object.name = "web-0-with-a-name-that-is-longer-than-its-column".to_owned();
    let text = text(events);
    let [long, short] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
    assert!(long.contains("/web-0-with-a-name-that-is-longer-than-its-column  BackOff"), "{long}");
    assert_eq!(long.find("Back-off restarting"), short.find("Back-off restarting"));
}

#[test]
fn nothing_that_an_event_says_reaches_the_terminal_as_a_control() {
    let evil = "a\x1b[31mred\x07\u{9b}2J\r\nI am a line\u{202e}\u{2028}\u{7f} 中文 e\u{301}";
    let mut event = sample_events().remove(0);
    event.message = evil.to_owned();
    event.reason = evil.to_owned();
    event.involved_object.name = evil.to_owned();
    event.source.component = evil.to_owned();
    event.event_type = EventType::from(evil);
    event.cluster = Some(evil.into());
    for format in [LineFormat::Text, LineFormat::Logfmt] {
        let line = lines(&format, &TimeZone::UTC, false, vec![event.clone()]);
        let (line, end) = line.split_at(line.len() - 1);
        assert_eq!(end, "\n");
        assert!(!line.chars().any(|c| c.is_control() || ('\u{2028}'..='\u{202e}').contains(&c)), "{line:?}");
        let shown = r"a\u001b[31mred\u0007\u009b2J\r\nI am a line\u202e\u2028\u007f 中文 e";
        assert!(line.contains(shown), "{line}");
    }
}

#[test]
fn an_event_that_tells_nothing_is_a_line_too() {
    let event = Event { received_at: "2024-05-06T07:20:00Z".parse().unwrap(), ..Event::default() };
    let text = text(vec![event.clone()]);
    assert_eq!(
        text.split_whitespace().collect::<Vec<_>>(),
        ["2024-05-06T07:20:00Z", "-", "/", "-", "x1", "-"]
    );
    assert_eq!(
        lines(&LineFormat::Logfmt, &TimeZone::UTC, false, vec![event]),
        "time=2024-05-06T07:20:00Z count=1\n"
    );
}

/// An output that does with each write what its script says, and then takes everything.
struct Scripted {
    script: VecDeque<Step>,
    written: Arc<Mutex<Vec<String>>>,
}

enum Step {
    /// Waits for a word before it writes.
    Wait(Receiver<()>),
    /// Fails after so many bytes.
    FailAfter(usize),
}

impl Output for Scripted {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let taken = match self.script.pop_front() {
            Some(Step::FailAfter(taken)) => taken,
            Some(Step::Wait(word)) => {
                word.recv().unwrap();
                bytes.len()
            }
            None => bytes.len(),
        };
        let text = String::from_utf8(bytes[..taken].to_vec()).unwrap();
        self.written.lock().unwrap().push(text);
        if taken == bytes.len() {
            return Ok(());
        }
        Err(Failure { written: taken, error: io::Error::other("scripted") })
    }
}

fn scripted(script: impl IntoIterator<Item = Step>) -> (LineWriter, Arc<Mutex<Vec<String>>>) {
    let written = Arc::new(Mutex::default());
    let output = Scripted { script: script.into_iter().collect(), written: Arc::clone(&written) };
    (LineWriter::start("the script", output).unwrap(), written)
}

fn waiting() -> (Sender<()>, Step) {
    let (word, waits) = mpsc::channel();
    (word, Step::Wait(waits))
}

async fn write(writer: &LineWriter, lines: &str) -> Result<(), WriteError> {
    writer.write(|out| out.extend_from_slice(lines.as_bytes())).await
}

async fn give_up(writer: &LineWriter, lines: &str) {
    timeout(Duration::from_secs(1), write(writer, lines)).await.unwrap_err();
}

#[tokio::test]
async fn the_same_lines_are_written_as_often_as_they_are_brought() {
    let (writer, written) = scripted([]);
    write(&writer, "one\ntwo\n").await.unwrap();
    write(&writer, "one\ntwo\n").await.unwrap();
    assert_eq!(*written.lock().unwrap(), ["one\ntwo\n", "one\ntwo\n"]);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_was_given_up_goes_on_and_a_retry_does_not_repeat_it() {
    let (word, waits) = waiting();
    let (writer, written) = scripted([waits]);
    give_up(&writer, "one\ntwo\n").await;
    give_up(&writer, "one\ntwo\n").await;
    word.send(()).unwrap();
    write(&writer, "one\ntwo\n").await.unwrap();
    write(&writer, "three\n").await.unwrap();
    assert_eq!(*written.lock().unwrap(), ["one\ntwo\n", "three\n"]);
}

#[tokio::test(start_paused = true)]
async fn other_lines_wait_for_a_write_that_was_given_up() {
    let (word, waits) = waiting();
    let (writer, written) = scripted([waits]);
    give_up(&writer, "one\n").await;
    word.send(()).unwrap();
    write(&writer, "two\n").await.unwrap();
    assert_eq!(*written.lock().unwrap(), ["one\n", "two\n"]);
}

#[tokio::test]
async fn a_retry_goes_on_behind_what_is_written() {
    let (writer, written) = scripted([Step::FailAfter(5), Step::FailAfter(0), Step::FailAfter(1)]);
    for _ in 0..3 {
        write(&writer, "one\ntwo\nthree\n").await.unwrap_err();
    }
    write(&writer, "one\ntwo\nthree\n").await.unwrap();
    assert_eq!(written.lock().unwrap().concat(), "one\ntwo\nthree\n");
}

#[tokio::test]
async fn other_lines_begin_behind_the_end_of_a_broken_line() {
    let (writer, written) = scripted([Step::FailAfter(5), Step::FailAfter(1)]);
    write(&writer, "one\ntwo\nthree\n").await.unwrap_err();
    write(&writer, "four\n").await.unwrap_err();
    write(&writer, "five\n").await.unwrap();
    assert_eq!(*written.lock().unwrap(), ["one\nt", "w", "o\nfive\n"]);
}

#[tokio::test(start_paused = true)]
async fn a_close_waits_for_a_write_that_goes_on() {
    let (word, waits) = waiting();
    let (writer, written) = scripted([waits]);
    give_up(&writer, "one\n").await;
    timeout(Duration::from_secs(1), writer.close()).await.unwrap_err();
    word.send(()).unwrap();
    writer.close().await;
    assert_eq!(*written.lock().unwrap(), ["one\n"]);
}

#[test]
fn an_error_says_what_was_written_to() {
    let error = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        let (writer, _) = scripted([Step::FailAfter(0)]);
        write(&writer, "one\n").await.unwrap_err()
    });
    assert_eq!(eventer_core::report(&error), "could not write to the script: scripted");
}
