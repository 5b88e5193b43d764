//! The sink against what kube-eventer sent, against the documented APIs, and against servers that refuse.

mod answers;
mod points;

use std::io::Read as _;
use std::sync::Arc;

use eventer_core::testing::batch;
use eventer_core::testing::conformance::{self, Subject};
use eventer_core::{
    ComponentUri, Event, EventBatch, EventSink, ExportErrorKind, Registry, SinkConfig as _, SinkContext,
    report,
};
use eventer_testkit::{FakeDestination, Reply, Request, events};
use flate2::read::GzDecoder;

use super::InfluxdbConfig;
use crate::http::tests::Receiver;

macro_rules! golden {
    ($case:literal) => {
        include_str!(concat!("../../../testdata/influxdb/", $case, ".http"))
    };
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    registry.register_sink::<InfluxdbConfig>();
    registry
}

async fn open(uri: &str) -> Arc<dyn EventSink> {
    let uri = ComponentUri::parse("--sink", uri, &()).unwrap();
    let plan = registry().plan_sink(&uri).unwrap();
    plan.open(SinkContext::new("influxdb")).await.unwrap()
}

async fn open_at(destination: &FakeDestination, options: &str) -> Arc<dyn EventSink> {
    open(&format!("influxdb:{}?{options}", destination.url())).await
}

fn errors_of(uri: &str) -> String {
    let uri = ComponentUri::parse("--sink", uri, &()).unwrap();
    let errors = registry().plan_sink(&uri).unwrap_err();
    errors.iter().map(|error| format!("{error} {error:?}")).collect::<Vec<_>>().join("\n")
}

fn golden_batch(numbers: impl IntoIterator<Item = usize>) -> EventBatch {
    let read = |number| Arc::new(serde_json::from_str::<Event>(events::golden_input(number)).unwrap());
    EventBatch::new("test", "2024-05-06T07:09:00Z".parse().unwrap(), numbers.into_iter().map(read).collect())
}

/// What kube-eventer sent: the request line, who it was, and the body.
fn recorded(file: &str) -> (&str, Option<&str>, &str) {
    let (head, body) = file.split_once("\n\n").unwrap();
    let mut lines = head.lines().skip(1);
    let request = lines.next().unwrap();
    let authorization = lines.find_map(|line| line.strip_prefix("Authorization: "));
    (request, authorization, body)
}

fn request_line(request: &Request) -> String {
    let query = if request.raw_query.is_empty() { String::new() } else { format!("?{}", request.raw_query) };
    format!("{} {}{query} HTTP/1.1", request.method, request.path)
}

fn assert_is_recorded(request: &Request, file: &str) {
    let (line, authorization, body) = recorded(file);
    assert_eq!(request_line(request), line);
    assert_eq!(request.header("authorization"), authorization);
    assert_eq!(request.text(), body);
}

#[tokio::test]
async fn version_1_is_asked_as_kube_eventer_asks_it() {
    let destination = FakeDestination::start().await;
    // Its own flag, but for the address.
    let whole = open_at(&destination, "user=u&pw=p&db=k8s&cluster_name=c1&retention=7d").await;
    let fields = open_at(&destination, "withfields=true").await;
    let cases = [
        (
            &whole,
            [golden!("whole-00-setup.01"), golden!("whole-input-1.01"), golden!("whole-input-1.02")],
            [
                golden!("whole-input-2.01"),
                golden!("whole-input-3.01"),
                golden!("whole-input-4.01"),
                golden!("whole-batch-1234.01"),
            ],
        ),
        (
            &fields,
            [
                golden!("withfields-00-setup.01"),
                golden!("withfields-input-1.01"),
                golden!("withfields-input-1.02"),
            ],
            [
                golden!("withfields-input-2.01"),
                golden!("withfields-input-3.01"),
                golden!("withfields-input-4.01"),
                golden!("withfields-batch-1234.01"),
            ],
        ),
    ];
    for (sink, first, others) in cases {
        destination.clear();
        sink.check_health().await.unwrap();
        sink.export_events(&golden_batch([1])).await.unwrap();
        for batch in [vec![2], vec![3], vec![4], vec![1, 2, 3, 4]] {
            sink.export_events(&golden_batch(batch)).await.unwrap();
        }
        let requests = destination.requests();
        assert_eq!(requests.len(), 7);
        for (request, golden) in requests.iter().zip(first.into_iter().chain(others)) {
            assert_is_recorded(request, golden);
        }
    }
}

#[tokio::test]
async fn nobody_is_named_to_version_1_if_the_user_is_empty() {
    let destination = FakeDestination::start().await;
    open_at(&destination, "user=&pw=").await.export_events(&golden_batch([2])).await.unwrap();
    let requests = destination.requests();
    assert!(requests.iter().all(|request| request.header("authorization").is_none()), "{requests:?}");
    assert_eq!(requests.len(), 2);
}

#[tokio::test]
async fn an_empty_batch_sends_nothing() {
    let (_, _, theirs) = recorded(golden!("whole-batch-empty.01"));
    assert_eq!(theirs, "", "they sent an empty body");
    let destination = FakeDestination::start().await;
    open_at(&destination, "").await.export_events(&batch([])).await.unwrap();
    assert_eq!(destination.count(), 0);
}

#[tokio::test]
async fn version_2_is_asked_as_documented() {
    let destination = FakeDestination::start().await;
    let sink = open_at(&destination, "org=my%20org&bucket=k8s%26more&token=tok-secret").await;
    sink.check_health().await.unwrap();
    sink.export_events(&golden_batch([2])).await.unwrap();
    let requests = destination.requests();
    assert_eq!(request_line(&requests[0]), "GET /health HTTP/1.1");
    assert_eq!(
        request_line(&requests[1]),
        "POST /api/v2/write?org=my+org&bucket=k8s%26more&precision=ns HTTP/1.1"
    );
    for request in &requests {
        assert_eq!(request.header("authorization"), Some("Token tok-secret"));
    }
    assert_eq!(requests[1].header("content-encoding"), Some("gzip"));
    assert_eq!(requests[1].header("content-type"), Some("text/plain; charset=utf-8"));
    let mut body = String::new();
    GzDecoder::new(&requests[1].body[..]).read_to_string(&mut body).unwrap();
    let (_, _, theirs) = recorded(golden!("whole-input-2.01"));
    assert_eq!(body, theirs.replace("cluster_name=c1", "cluster_name=default"));
}

#[tokio::test]
async fn version_3_is_asked_as_documented() {
    let destination = FakeDestination::start().await;
    let url = destination.url();
    let sink =
        open(&format!("influxdb:{url}/behind/a/proxy/?token=tok-secret&withfields=true&gzip=false")).await;
    sink.check_health().await.unwrap();
    sink.export_events(&golden_batch([2])).await.unwrap();
    let requests = destination.requests();
    assert_eq!(request_line(&requests[0]), "GET /behind/a/proxy/health HTTP/1.1");
    assert_eq!(
        request_line(&requests[1]),
        "POST /behind/a/proxy/api/v3/write_lp?db=k8s&precision=nanosecond&accept_partial=true HTTP/1.1"
    );
    assert_eq!(requests[1].header("authorization"), Some("Bearer tok-secret"));
    assert_eq!(requests[1].text(), recorded(golden!("withfields-input-2.01")).2);
    let open_server = open_at(&destination, "api_version=3&db=events").await;
    open_server.export_events(&golden_batch([2])).await.unwrap();
    let request = destination.requests().remove(2);
    assert_eq!(request.param("db"), Some("events"));
    assert_eq!(request.header("authorization"), None);
}

#[tokio::test]
async fn a_secret_in_a_file_is_read_again_for_each_request() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "first\n").unwrap();
    let destination = FakeDestination::start().await;
    let sink = open_at(&destination, &format!("token_file={}", path.display())).await;
    sink.export_events(&batch([1])).await.unwrap();
    std::fs::write(&path, "second\n").unwrap();
    sink.export_events(&batch([2])).await.unwrap();
    let requests = destination.requests();
    assert_eq!(requests[0].header("authorization"), Some("Bearer first"));
    assert_eq!(requests[1].header("authorization"), Some("Bearer second"));
    std::fs::write(&path, "tok\nen").unwrap();
    let error = sink.export_events(&batch([3])).await.unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::Unauthorized);
}

#[tokio::test]
async fn every_version_conforms() {
    for options in
        ["pw=hidden-secret", "org=o&bucket=b&token=hidden-secret&gzip=false", "token=hidden-secret&gzip=f"]
    {
        let destination = Receiver(FakeDestination::start().await);
        conformance::check(&Subject {
            register: |registry| _ = registry.register_sink::<InfluxdbConfig>(),
            uri: format!("influxdb:{}?{options}", destination.0.url()),
            secrets: vec!["hidden-secret".to_owned()],
            destination: &destination,
            open: None,
        })
        .await;
    }
}

#[test]
fn the_version_follows_from_the_options() {
    let version = |options: &str| {
        let uri = ComponentUri::parse("--sink", &format!("influxdb:?{options}"), &()).unwrap();
        let mut reader = eventer_core::UriReader::new("--sink", &uri, &InfluxdbConfig::SPEC, &[]);
        let config = InfluxdbConfig::from_uri(&mut reader).unwrap();
        assert_eq!(reader.finish(), []);
        let url = config.api.write_url(&config.base);
        (url.authority().to_owned(), url.path().to_owned(), config.gzip)
    };
    let one = ("localhost:8086".to_owned(), "/write".to_owned(), false);
    let two = ("localhost:8086".to_owned(), "/api/v2/write".to_owned(), true);
    let three = ("localhost:8181".to_owned(), "/api/v3/write_lp".to_owned(), true);
    for (options, expected) in [
        ("", &one),
        ("db=x&user=u&pw=p", &one),
        ("api_version=1", &one),
        ("org=o&bucket=b&token=t", &two),
        ("api_version=2&org=o&bucket=b&token=t", &two),
        ("token=t", &three),
        ("token=t&db=x", &three),
        ("api_version=3", &three),
    ] {
        assert_eq!(version(options), *expected, "{options}");
    }
}

#[test]
fn the_address_is_read_as_kube_eventer_reads_it() {
    let base = |endpoint: &str| {
        let uri = ComponentUri::parse("--sink", &format!("influxdb:{endpoint}"), &()).unwrap();
        let mut reader = eventer_core::UriReader::new("--sink", &uri, &InfluxdbConfig::SPEC, &[]);
        InfluxdbConfig::from_uri(&mut reader).unwrap().base.to_string()
    };
    for (endpoint, expected) in [
        ("", "http://localhost:8086/"),
        ("?db=x", "http://localhost:8086/"),
        ("http://influx:8086", "http://influx:8086/"),
        ("http://influx", "http://influx/"),
        ("https://influx:8086/some/path", "https://influx:8086/"),
        ("HTTPS://influx", "https://influx/"),
        ("tcp://influx:8086", "http://influx:8086/"),
        ("influx:8086", "http://influx:8086/"),
        ("//influx:8086", "http://influx:8086/"),
        ("http://[::1]:8086", "http://[::1]:8086/"),
        ("https://", "https://localhost:8086/"),
    ] {
        assert_eq!(base(endpoint), expected, "{endpoint}");
    }
}

#[test]
fn wrong_options_are_told_all_at_once_without_secrets() {
    let errors = errors_of(
        "influxdb:http://influx?withfields=yes&insecuressl=maybe&disable_counter_metrics=x&api_version=4&concurrency=0\
         &token=hunter2&bucket=b&org=o&user=u&pw=hunter2&db=x&levle=Warning",
    );
    for says in [
        "option \"withfields\": \"yes\" is neither",
        "option \"insecuressl\"",
        "option \"disable_counter_metrics\"",
        "option \"api_version\": \"4\" is no version",
        "option \"concurrency\"",
        "option \"user\": it is of InfluxDB 1",
        "option \"pw\": it is of InfluxDB 1",
        "option \"db\": InfluxDB 2 has buckets",
        "did you mean \"level\"?",
    ] {
        assert!(errors.contains(says), "{says}: {errors}");
    }
    assert!(!errors.contains("hunter2"), "{errors}");
    for (uri, says) in [
        ("influxdb:?bucket=b&token=t", "option \"org\" is missing"),
        ("influxdb:?org=o&token=t", "option \"bucket\" is missing"),
        ("influxdb:?org=o&bucket=b", "option \"token\" is missing"),
        ("influxdb:?api_version=1&token=t", "give user and pw"),
        ("influxdb:?api_version=3&bucket=b", "it is of InfluxDB 2"),
        ("influxdb:?token=t&token_file=/tmp/x", "token"),
        ("influxdb:http://user:hunter2@influx", "give user= and pw="),
        ("influxdb:http://in flux", "not understood"),
        ("influxdb:http://influx:8086#x", "#"),
    ] {
        let errors = errors_of(uri);
        assert!(errors.contains(says), "{uri}: {errors}");
        assert!(!errors.contains("hunter2"), "{errors}");
    }
}

#[test]
fn the_example_is_understood() {
    let example = InfluxdbConfig::SPEC.example.strip_prefix("--sink=").unwrap();
    let environment: std::collections::BTreeMap<_, _> =
        [("INFLUXDB_PASSWORD".to_owned(), "x".to_owned())].into();
    let uri = ComponentUri::parse("--sink", example, &environment).unwrap();
    assert_eq!(registry().plan_sink(&uri).unwrap().exporter, "InfluxDB Sink");
}

#[test]
fn insecuressl_is_insecure() {
    let uri = ComponentUri::parse("--sink", "influxdb:https://influx?insecuressl=true", &()).unwrap();
    let mut reader = eventer_core::UriReader::new("--sink", &uri, &InfluxdbConfig::SPEC, &[]);
    let config = InfluxdbConfig::from_uri(&mut reader).unwrap();
    assert!(format!("{:?}", config.transport).contains("is_insecure: true"));
}
