//! The sink against real files: rotation, repair, pipes, full disks.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use eventer_core::testing::conformance::{self, Subject};
use eventer_core::{
    BuildError, Clock, ComponentUri, ConfigError, Event, EventSink, ExportErrorKind, SinkConfig, SinkContext,
    UriReader, report,
};
use flate2::read::GzDecoder;
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::time::timeout;

use super::*;
use crate::line::tests::{LineFile, batch_of, sample_events};

/// A directory for one test, and a clock that the test owns.
struct Place {
    dir: TempDir,
    now: Arc<TestClock>,
}

#[derive(Debug)]
struct TestClock(Mutex<Timestamp>);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

impl Place {
    fn new() -> Self {
        let now = "2026-11-21T06:00:00Z".parse().unwrap();
        Self { dir: tempfile::tempdir().unwrap(), now: Arc::new(TestClock(Mutex::new(now))) }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("events.jsonl")
    }

    fn advance(&self, span: Duration) {
        let mut now = self.now.0.lock().unwrap();
        *now += span;
    }

    async fn open(&self, query: &str) -> FileSink {
        self.open_at(&self.path(), query).await.unwrap()
    }

    async fn open_at(&self, path: &Path, query: &str) -> Result<FileSink, BuildError> {
        let config = config(&format!("file:{}?{query}", path.display())).unwrap();
        let mut context = SinkContext::new("file");
        context.clock = self.now.clone();
        config.build(&context).await
    }

    /// The names of all files, and the text of each, unpacked.
    fn files(&self) -> Vec<(String, String)> {
        let read = |name: String| {
            let text = unpacked(&self.dir.path().join(&name));
            (name, text)
        };
        self.names().into_iter().map(read).collect()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn unpacked(path: &Path) -> String {
    let bytes = fs::read(path).unwrap();
    let mut text = String::new();
    if path.extension().is_some_and(|extension| extension == "gz") {
        GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    text
}

fn config(text: &str) -> Result<FileConfig, Vec<ConfigError>> {
    let uri = ComponentUri::parse("--sink", text, &()).unwrap();
    let mut reader = UriReader::new("--sink", &uri, &FileConfig::SPEC, &[]);
    let config = FileConfig::from_uri(&mut reader);
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

fn event(message: &str) -> Event {
    Event { message: message.to_owned(), ..sample_events().remove(0) }
}

fn line(message: &str) -> String {
    serde_json::to_string(&event(message)).unwrap() + "\n"
}

async fn export(sink: &FileSink, message: &str) {
    sink.export_events(&batch_of(vec![event(message)])).await.unwrap();
}

#[test]
fn wrong_flags_are_told() {
    for (text, told) in [
        ("file:", "it needs the path of a file"),
        ("file:/tmp/", "it needs the path of a file"),
        ("file:/tmp/x?rotate_size=1Xi", "rotate_size"),
        ("file:/tmp/x?rotate_every=1ms", "a second at least"),
        ("file:/tmp/x?rotate_sise=1Mi", "did you mean \"rotate_size\"?"),
        ("file:/tmp/x?format=xml", "none of text, json and logfmt"),
    ] {
        let errors =
            format!("{:?}", config(text).unwrap_err().iter().map(ToString::to_string).collect::<Vec<_>>());
        assert!(errors.replace('\\', "").contains(told), "{text}: {errors}");
    }
}

#[tokio::test]
async fn events_are_appended_as_json_lines_to_a_file_for_us_and_our_group() {
    let place = Place::new();
    fs::write(place.path(), "before\n").unwrap();
    let sink = place.open("").await;
    export(&sink, "one").await;
    export(&sink, "two").await;
    assert_eq!(fs::read_to_string(place.path()).unwrap(), format!("before\n{}{}", line("one"), line("two")));

    fs::remove_file(place.path()).unwrap();
    export(&sink, "three").await;
    assert_eq!(fs::read_to_string(place.path()).unwrap(), line("three"));
    assert_eq!(fs::metadata(place.path()).unwrap().permissions().mode() & 0o137, 0);
}

#[tokio::test]
async fn the_forms_are_those_of_the_log() {
    let place = Place::new();
    for (format, golden) in [
        ("json", include_str!("../../testdata/log/json.txt")),
        ("logfmt", include_str!("../../testdata/log/logfmt.txt")),
        ("text", include_str!("../../testdata/log/text.txt")),
    ] {
        let path = place.dir.path().join(format);
        let sink = place.open_at(&path, &format!("format={format}")).await.unwrap();
        sink.export_events(&batch_of(sample_events())).await.unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), golden);
    }
}

#[tokio::test]
async fn a_directory_that_does_not_exist_is_not_made() {
    let place = Place::new();
    let path = place.dir.path().join("logs/events.jsonl");
    let error = place.open_at(&path, "").await.unwrap_err();
    let told = report(&error);
    assert!(
        told.contains("could not open the file") && told.contains("logs does not exist; create it"),
        "{told}"
    );
    let error = place.open_at(place.dir.path(), "").await.unwrap_err();
    assert!(report(&error).contains("directory"), "{}", report(&error));
}

#[tokio::test]
async fn a_line_that_a_kill_left_open_is_closed() {
    let place = Place::new();
    fs::write(place.path(), "{\"metadata\":{\"na").unwrap();
    let sink = place.open("").await;
    export(&sink, "one").await;
    assert_eq!(fs::read_to_string(place.path()).unwrap(), format!("{{\"metadata\":{{\"na\n{}", line("one")));
}

#[tokio::test]
async fn a_file_that_was_moved_away_is_made_anew_and_one_that_was_emptied_goes_on() {
    let place = Place::new();
    let sink = place.open("").await;
    export(&sink, "one").await;
    let moved = place.dir.path().join("moved");
    fs::rename(place.path(), &moved).unwrap();
    export(&sink, "two").await;
    assert_eq!(fs::read_to_string(&moved).unwrap(), line("one"));
    assert_eq!(fs::read_to_string(place.path()).unwrap(), line("two"));
    fs::write(place.path(), "").unwrap();
    export(&sink, "three").await;
    assert_eq!(fs::read_to_string(place.path()).unwrap(), line("three"));
}

#[tokio::test]
async fn a_full_file_is_moved_away_compressed_and_at_last_thrown_away() {
    let place = Place::new();
    let size = line("1").len() * 2;
    let sink = place.open(&format!("rotate_size={size}&keep=2")).await;
    for number in 1..=9 {
        export(&sink, &number.to_string()).await;
        place.advance(Duration::from_millis(250));
    }
    sink.stop().await;
    let pair = |a: &str, b: &str| line(a) + &line(b);
    assert_eq!(
        place.files(),
        [
            ("events.jsonl".to_owned(), line("9")),
            ("events.jsonl.20261121T060001.500Z.gz".to_owned(), pair("5", "6")),
            ("events.jsonl.20261121T060002.000Z.gz".to_owned(), pair("7", "8")),
        ]
    );
}

#[tokio::test]
async fn two_rotations_at_the_same_time_get_two_names() {
    let place = Place::new();
    let sink = place.open("rotate_size=1&gzip=false").await;
    for number in 1..=3 {
        export(&sink, &number.to_string()).await;
    }
    sink.stop().await;
    assert_eq!(
        place.names(),
        ["events.jsonl", "events.jsonl.20261121T060000.000Z", "events.jsonl.20261121T060000.001Z"]
    );
}

#[tokio::test]
async fn a_file_ends_with_its_span_also_over_a_restart() {
    let place = Place::new();
    let sink = place.open("rotate_every=24h&gzip=false").await;
    export(&sink, "one").await;
    place.advance(Duration::from_secs(17 * 3600));
    export(&sink, "still the first day").await;
    place.advance(Duration::from_secs(3600));
    export(&sink, "the second day").await;
    assert_eq!(place.names(), ["events.jsonl", "events.jsonl.20261122T000000.000Z"]);
    sink.stop().await;

    // The file's own time says when it was last written.
    let last_write = "2026-11-22T23:59:59Z".parse::<Timestamp>().unwrap();
    let file = fs::File::options().append(true).open(place.path()).unwrap();
    file.set_modified(last_write.into()).unwrap();
    place.advance(Duration::from_secs(24 * 3600));
    let sink = place.open("rotate_every=24h&gzip=false").await;
    export(&sink, "the third day").await;
    assert_eq!(fs::read_to_string(place.path()).unwrap(), line("the third day"));
}

#[tokio::test]
async fn what_a_killed_process_left_undone_is_done() {
    let place = Place::new();
    let write = |name: &str, text: &str| fs::write(place.dir.path().join(name), text).unwrap();
    write("events.jsonl.20261120T000000.000Z", "old\n");
    write("events.jsonl.20261120T000000.000Z.gz.partial", "half");
    write("events.jsonl.20261119T000000.000Z.gz.partial", "of a file that is gone");
    write("events.jsonl.notes", "not ours\n");
    write("events.jsonl2.20261120T000000.000Z", "not ours\n");
    let sink = place.open("").await;
    sink.stop().await;
    let files = place.files();
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "events.jsonl",
            "events.jsonl.20261120T000000.000Z.gz",
            "events.jsonl.notes",
            "events.jsonl2.20261120T000000.000Z"
        ]
    );
    assert_eq!(files[1].1, "old\n");
}

#[tokio::test]
async fn a_symbolic_link_stays_when_its_file_is_rotated() {
    let place = Place::new();
    let real = place.dir.path().join("real.jsonl");
    symlink(&real, place.path()).unwrap();
    let sink = place.open("rotate_size=1&gzip=false").await;
    export(&sink, "one").await;
    export(&sink, "two").await;
    sink.stop().await;
    assert!(fs::symlink_metadata(place.path()).unwrap().is_symlink());
    assert_eq!(place.names(), ["events.jsonl", "real.jsonl", "real.jsonl.20261121T060000.000Z"]);
}

#[tokio::test]
async fn a_rotation_that_fails_costs_no_event() {
    let place = Place::new();
    // With the time behind it, the name is longer than any filesystem takes.
    let path = place.dir.path().join("e".repeat(250));
    let sink = place.open_at(&path, "rotate_size=1&gzip=false").await.unwrap();
    for message in ["one", "two", "three"] {
        export(&sink, message).await;
    }
    assert_eq!(fs::read_to_string(path).unwrap(), line("one") + &line("two") + &line("three"));
}

#[tokio::test]
async fn a_device_without_room_is_unavailable_and_never_rotated() {
    let place = Place::new();
    let sink = place.open_at(Path::new("/dev/full"), "rotate_size=1").await.unwrap();
    for _ in 0..2 {
        let error = sink.export_events(&batch_of(sample_events())).await.unwrap_err();
        assert_eq!(error.kind(), ExportErrorKind::Unavailable);
        assert!(report(&error).contains("could not write to /dev/full"), "{}", report(&error));
    }
}

#[tokio::test(start_paused = true)]
async fn a_named_pipe_waits_for_its_reader_and_each_reader_begins_with_a_whole_line() {
    let place = Place::new();
    assert!(Command::new("mkfifo").arg(place.path()).status().unwrap().success());
    let sink = place.open("rotate_size=1").await;
    let batch = batch_of((0..200).map(|number| event(&number.to_string())).collect());
    timeout(Duration::from_secs(20), sink.export_events(&batch)).await.unwrap_err();

    let mut first = fs::File::open(place.path()).unwrap();
    let mut some = [0; 1000];
    first.read_exact(&mut some).unwrap();
    assert!(some.starts_with(line("0").as_bytes()));
    drop(first);
    // Waits until the write has failed: with another reader in time, it would go on.
    sink.stop().await;

    let path = place.path();
    let second = std::thread::spawn(move || fs::read_to_string(path).unwrap());
    sink.export_events(&batch).await.unwrap();
    drop(sink);
    let text = second.join().unwrap();
    let messages: Vec<_> =
        text.lines().map(|line| serde_json::from_str::<Event>(line).unwrap().message).collect();
    assert!(messages.len() < 200, "the first reader's lines came again");
    assert!(text.ends_with(&line("199")));
    assert_eq!(place.names(), ["events.jsonl"]);
}

#[test]
fn a_batch_that_does_not_fit_on_the_disk_leaves_no_trace() {
    let test = std::env::current_exe().unwrap();
    let mut shell = Command::new("sh");
    // Without the signal, a write over the limit is cut, and the next one fails: as on a full disk.
    shell.args(["-c", "ulimit -f 16; trap '' XFSZ; exec \"$0\" --exact --ignored \"$1\" --nocapture"]);
    let child = shell.arg(test).arg("registry::file::tests::on_a_small_disk").output().unwrap();
    let told = String::from_utf8_lossy(&child.stdout).into_owned() + &String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && told.contains("1 passed"), "{told}");
}

#[tokio::test]
#[ignore = "needs a process that may not write more than 16 blocks to a file"]
async fn on_a_small_disk() {
    let place = Place::new();
    let sink = place.open("").await;
    export(&sink, "one").await;
    let big = batch_of((0..100).map(|number| event(&number.to_string())).collect());
    for _ in 0..2 {
        let error = sink.export_events(&big).await.unwrap_err();
        assert_eq!(error.kind(), ExportErrorKind::Unavailable);
        assert_eq!(fs::read_to_string(place.path()).unwrap(), line("one"));
    }
    export(&sink, "two").await;
    assert_eq!(fs::read_to_string(place.path()).unwrap(), line("one") + &line("two"));
}

#[tokio::test]
async fn it_conforms() {
    for options in ["", r#"?layout={"text": "{{ .Message }}"}"#] {
        let place = Place::new();
        conformance::check(&Subject {
            register: |registry| _ = registry.register_sink::<FileConfig>(),
            uri: format!("file:{}{options}", place.path().display()),
            secrets: Vec::new(),
            destination: &LineFile(place.path()),
            open: None,
        })
        .await;
    }
}

#[tokio::test]
async fn an_event_that_cannot_be_laid_out_is_rejected_and_the_others_are_written() {
    let place = Place::new();
    let sink =
        place.open(r#"layout="{{ if eq .Type `Normal` }}{{ fail .Type }}{{ end }}{{ .Reason }}""#).await;
    let error = sink.export_events(&batch_of(sample_events())).await.unwrap_err();
    let rejected: Vec<usize> = error.rejections().iter().map(|rejection| rejection.index).collect();
    assert_eq!((error.kind(), &rejected[..], error.unsent()), (ExportErrorKind::Rejected, &[0][..], &[][..]));
    let text = fs::read_to_string(place.path()).unwrap();
    assert_eq!(text, "\"BackOff\"\n\"NodeNotReady\"\n\"FailedScheduling\"\n");
}
