//! The sink against pipes: what comes out, stuck readers, gone readers.

use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

use eventer_core::testing::conformance::{self, Subject};
use eventer_core::{ComponentUri, ConfigError, EventSink, ExportErrorKind, Registry, SinkContext};
use tempfile::NamedTempFile;
use tokio::time::timeout;

use super::*;
use crate::line::tests::{LineFile, batch_of, sample_events};

fn sink(query: &str, context: &SinkContext, output: impl std::io::Write + Send + 'static) -> LogSink {
    config(query).unwrap().build_to(context, output).unwrap()
}

fn config(query: &str) -> Result<LogConfig, Vec<ConfigError>> {
    use eventer_core::{SinkConfig, UriReader};
    let uri = ComponentUri::parse("--sink", &format!("log:?{query}"), &()).unwrap();
    let mut reader = UriReader::new("--sink", &uri, &LogConfig::SPEC, &[]);
    let config = LogConfig::from_uri(&mut reader).unwrap();
    let errors = reader.finish();
    if errors.is_empty() { Ok(config) } else { Err(errors) }
}

fn terminal() -> SinkContext {
    let mut context = SinkContext::new("log");
    context.stdout_is_terminal = true;
    context
}

#[test]
fn the_plan_knows_what_kube_eventer_calls_it() {
    let mut registry = Registry::new();
    registry.register_sink::<LogConfig>();
    for text in ["log", "log:", "log:http://ignored?format=JSON&color=never&level=Warning"] {
        let uri = ComponentUri::parse("--sink", text, &()).unwrap();
        assert_eq!(registry.plan_sink(&uri).unwrap().exporter, "LogSink");
    }
}

#[test]
fn wrong_values_are_told() {
    let errors = config("format=xml&color=red").unwrap_err();
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert!(errors[0].contains("\"xml\" is none of text, json and logfmt"), "{errors:?}");
    assert!(errors[1].contains("\"red\" is none of auto, always and never"), "{errors:?}");
}

#[tokio::test]
async fn a_layout_makes_json_lines_and_what_it_cannot_write_is_rejected() {
    let layout =
        r#"layout={"n": "{{ .Count }}", "why": "{{ if .Series }}{{ fail .Reason }}{{ end }}{{ .Reason }}"}"#;
    for options in ["", "&format=json"] {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let sink = sink(&format!("{layout}{options}"), &terminal(), writer);
        let error = sink.export_events(&batch_of(sample_events())).await.unwrap_err();
        let [rejection] = error.rejections() else { panic!("{error:?}") };
        assert_eq!((error.kind(), rejection.index, error.unsent()), (ExportErrorKind::Rejected, 3, &[][..]));
        assert!(rejection.reason.contains("layout.why: "), "{rejection:?}");
        drop(sink);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        let expected = concat!(
            "{\"n\":1,\"why\":\"Scheduled\"}\n",
            "{\"n\":7,\"why\":\"BackOff\"}\n",
            "{\"n\":1,\"why\":\"NodeNotReady\"}\n"
        );
        assert_eq!(text, expected);
    }
}

#[test]
fn a_layout_and_another_format_than_json_do_not_go_together() {
    for format in ["text", "logfmt"] {
        let errors = config(&format!("layout={{}}&format={format}")).unwrap_err();
        let [error] = &errors[..] else { panic!("{errors:?}") };
        assert!(
            error.to_string().contains("option \"layout\": it gives JSON, and format= asks for"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn text_is_colored_on_a_terminal_unless_the_user_says_otherwise() {
    let piped = SinkContext::new("log");
    for (query, context, is_colored) in [
        ("", terminal(), true),
        ("", piped.clone(), false),
        ("color=never", terminal(), false),
        ("color=always", piped, true),
    ] {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let sink = sink(query, &context, writer);
        sink.export_events(&batch_of(sample_events())).await.unwrap();
        drop(sink);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text.contains("\x1b[33mWarning"), is_colored, "{query}: {text}");
        assert_eq!(text.lines().count(), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stuck_reader_holds_up_the_attempt_only_and_gets_each_line_once() {
    let (reader, writer) = std::io::pipe().unwrap();
    let sink = sink("format=json", &SinkContext::new("log"), writer);
    let events: Vec<_> = (0..100).flat_map(|_| sample_events()).collect();
    let batch = batch_of(events.clone());
    for _ in 0..3 {
        timeout(Duration::from_secs(20), sink.export_events(&batch)).await.unwrap_err();
    }
    let read = std::thread::spawn(move || BufReader::new(reader).lines().collect::<Result<Vec<_>, _>>());
    sink.export_events(&batch).await.unwrap();
    sink.stop().await;
    drop(sink);
    let lines = read.join().unwrap().unwrap();
    let expected: Vec<_> = events.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn a_reader_that_went_away_is_gone_for_good() {
    let (reader, writer) = std::io::pipe().unwrap();
    let sink = sink("", &SinkContext::new("log"), writer);
    drop(reader);
    let error = sink.export_events(&batch_of(sample_events())).await.unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::Gone);
    assert!(eventer_core::report(&error).contains("could not write to standard output"), "{error:?}");
}

#[tokio::test]
async fn it_conforms() {
    let file = NamedTempFile::new().unwrap();
    for format in ["format=text", "format=json", "format=logfmt", "layout={\"text\": \"{{ .Message }}\"}"] {
        let sink = sink(format, &SinkContext::new("log"), file.reopen().unwrap());
        conformance::check(&Subject {
            register: |registry| _ = registry.register_sink::<LogConfig>(),
            uri: format!("log:?{format}"),
            secrets: Vec::new(),
            destination: &LineFile(file.path().to_owned()),
            open: Some(std::sync::Arc::new(sink)),
        })
        .await;
        file.as_file().set_len(0).unwrap();
    }
}
