//! The webhook against kube-eventer's recorded requests and against destinations that misbehave.

mod batches;
mod conformance;
mod credentials;
mod layouts;
mod templates;

use std::sync::Arc;
use std::time::Duration;

use eventer_core::{
    BatchLimits, ComponentUri, Event, EventBatch, EventSink, ExportErrorKind, Registry, SinkConfig as _,
    SinkContext, report,
};
use eventer_testkit::{FakeDestination, Reply, Request, events};
use jiff::tz::TimeZone;

use super::{WebhookConfig, WebhookSink, encode};

fn golden_event(number: usize) -> Event {
    serde_json::from_str(events::golden_input(number)).unwrap()
}

fn batch_of(events: Vec<Event>) -> EventBatch {
    let events = events.into_iter().map(Arc::new).collect();
    EventBatch::new("test", "2024-05-06T07:09:00Z".parse().unwrap(), events)
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    registry.register_sink::<WebhookConfig>();
    registry
}

async fn open(uri: &str) -> Arc<dyn EventSink> {
    let uri = ComponentUri::parse("--sink", uri, &()).unwrap();
    let plan = registry().plan_sink(&uri).unwrap();
    plan.open(SinkContext::new("hook")).await.unwrap()
}

async fn open_at(destination: &FakeDestination, rest: &str) -> Arc<dyn EventSink> {
    open(&format!("webhook:{}{rest}", destination.url())).await
}

fn errors_of(uri: &str) -> String {
    let uri = ComponentUri::parse("--sink", uri, &()).unwrap();
    let errors = registry().plan_sink(&uri).unwrap_err();
    errors.iter().map(report_of).collect::<Vec<_>>().join("\n")
}

fn report_of(error: &eventer_core::ConfigError) -> String {
    format!("{error} {error:?}")
}

/// The request that kube-eventer sent: its lines before the body, and the body.
fn recorded(file: &str) -> (Vec<&str>, &str) {
    let (head, body) = file.split_once("\n\n").unwrap();
    (head.lines().collect(), body)
}

async fn sent(rest: &str, event: Event) -> Request {
    let destination = FakeDestination::start().await;
    let sink = open_at(&destination, rest).await;
    sink.export_events(&batch_of(vec![event])).await.unwrap();
    destination.requests().remove(0)
}

#[tokio::test]
async fn the_default_request_is_kube_eventers() {
    for (number, golden) in [
        (1, include_str!("../../../testdata/webhook/kube-eventer-input-1.http")),
        (3, include_str!("../../../testdata/webhook/kube-eventer-input-3.http")),
    ] {
        let (head, body) = recorded(golden);
        let request = sent("/hook", golden_event(number)).await;
        assert!(head.contains(&"GET /hook HTTP/1.1"));
        assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/hook"));
        assert_eq!(request.text(), body);
        assert_eq!(request.header("content-type"), Some("application/json"));
    }
}

#[tokio::test]
async fn a_message_that_breaks_kube_eventers_json_is_escaped_and_nothing_else_differs() {
    for (number, theirs, mended) in [
        (
            2,
            include_str!("../../../testdata/webhook/kube-eventer-input-2.http"),
            include_str!("../../../testdata/webhook/mended-input-2.json"),
        ),
        (
            4,
            include_str!("../../../testdata/webhook/kube-eventer-input-4.http"),
            include_str!("../../../testdata/webhook/mended-input-4.json"),
        ),
    ] {
        let event = golden_event(number);
        let request = sent("/hook", event.clone()).await;
        assert_eq!(request.text(), mended);
        assert_eq!(request.json()["EventMessage"], event.message);
        let (_, theirs) = recorded(theirs);
        let read_back = serde_json::from_str::<serde_json::Value>(theirs).ok();
        assert_ne!(read_back.map(|body| body["EventMessage"] == event.message), Some(true));
        let before_message = |body: &str| body.split("\"EventMessage\"").next().unwrap().to_owned();
        assert_eq!(before_message(mended), before_message(theirs));
    }
}

#[tokio::test]
async fn the_options_are_kube_eventers_and_stay_at_home() {
    let (head, _) = recorded(include_str!("../../../testdata/webhook/kube-eventer-post-input-2.http"));
    let options = "/hook?level=Warning&method=POST&header=Content-Type=application/json&header=X-A=b\
                   &header=Authorization=Bearer%20abc&header=X-Dropped=a=b&namespaces=prod,default&kinds=Pod,Node\
                   &reason=^Back,NotReady$&room=ops&query.level=7";
    let request = sent(options, golden_event(2)).await;
    assert_eq!(request.method, "POST");
    assert_eq!(request.raw_query, "room=ops&level=7");
    for line in ["Authorization: Bearer abc", "Content-Type: application/json", "X-A: b"] {
        assert!(head.contains(&line));
        let (name, value) = line.split_once(": ").unwrap();
        assert_eq!(request.header(name), Some(value));
    }
    // There it was dropped for its second `=`.
    assert_eq!(request.header("x-dropped"), Some("a=b"));
}

#[tokio::test]
async fn a_header_of_the_users_own_replaces_the_default() {
    let request = sent("/?header=content-type=text/plain&header=X-A=1&header=X-A=2", golden_event(1)).await;
    let values = |name: &str| request.headers.iter().filter(|(key, _)| key == name).count();
    assert_eq!((values("content-type"), request.header("content-type")), (1, Some("text/plain")));
    assert_eq!((values("x-a"), request.header("x-a")), (1, Some("2")));
}

#[test]
fn the_time_is_in_the_zone_of_the_process() {
    let body = encode::default_body(&golden_event(1), &TimeZone::get("Asia/Shanghai").unwrap());
    assert!(body.contains("\"EventTime\": \"2024-05-06 15:08:09 +0800 CST\""), "{body}");
}

#[test]
fn a_body_is_json_whatever_the_event_says() {
    let mut event = Event { received_at: "2024-05-06T07:09:00Z".parse().unwrap(), ..Event::default() };
    let hostile: String = (0..=0xff_u8).map(char::from).chain("\u{2028}\"}\\".chars()).collect();
    for field in [&mut event.reason, &mut event.message, &mut event.involved_object.kind] {
        field.clone_from(&hostile);
    }
    let body: serde_json::Value =
        serde_json::from_str(&encode::default_body(&event, &TimeZone::UTC)).unwrap();
    assert_eq!(body["EventReason"], hostile);
    assert_eq!(body["EventMessage"], hostile);
    assert_eq!(body["EventTime"], "2024-05-06 07:09:00 +0000 UTC");
}

#[tokio::test]
async fn any_2xx_is_a_delivery_and_other_answers_have_their_kinds() {
    use ExportErrorKind::{RateLimited, Rejected, Unauthorized, Unavailable};
    let destination = FakeDestination::start().await;
    let sink = open_at(&destination, "/hook").await;
    let batch = batch_of(vec![golden_event(1)]);
    let answers = [
        (200, None),
        (201, None),
        (204, None),
        (302, Some(Unavailable)),
        (400, Some(Rejected)),
        (401, Some(Unauthorized)),
        (403, Some(Unauthorized)),
        (404, Some(Unavailable)),
        (405, Some(Unavailable)),
        (413, Some(Rejected)),
        (422, Some(Rejected)),
        (429, Some(RateLimited)),
        (500, Some(Unavailable)),
        (503, Some(Unavailable)),
    ];
    for (status, kind) in answers {
        destination.next(Reply::status(status));
        assert_eq!(sink.export_events(&batch).await.err().map(|error| error.kind()), kind, "{status}");
    }
    destination.next(Reply::too_many_requests(7));
    let error = sink.export_events(&batch).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (RateLimited, Some(Duration::from_secs(7))));
}

#[tokio::test]
async fn one_event_goes_in_one_request_and_none_in_none() {
    let destination = FakeDestination::start().await;
    let sink = open_at(&destination, "/hook").await;
    assert_eq!(sink.limits(), BatchLimits::ONE_EVENT);
    assert_eq!(sink.name(), "hook");
    sink.export_events(&batch_of(Vec::new())).await.unwrap();
    sink.check_health().await.unwrap();
    assert_eq!(destination.count(), 0);
    sink.export_events(&batch_of(vec![golden_event(1), golden_event(3)])).await.unwrap();
    assert_eq!(destination.count(), 2);
}

#[tokio::test]
async fn of_several_events_those_before_a_failure_stay_delivered() {
    let destination = FakeDestination::start().await;
    let sink = open_at(&destination, "/hook").await;
    destination.next(Reply::ok());
    destination.next(Reply::status(500));
    let batch = batch_of(vec![golden_event(1), golden_event(2), golden_event(3)]);
    let error = sink.export_events(&batch).await.unwrap_err();
    assert_eq!((error.unsent(), destination.count()), ([1, 2].as_slice(), 2));
}

#[tokio::test]
async fn a_destination_that_hangs_is_hung_up_on_when_the_attempt_ends() {
    let destination = FakeDestination::start().await;
    destination.set_default(Reply::Hang);
    let sink = open_at(&destination, "/hook").await;
    let batch = batch_of(vec![golden_event(1)]);
    tokio::select! {
        result = sink.export_events(&batch) => panic!("nothing was answered: {result:?}"),
        _ = destination.wait_for(1) => {}
    }
    destination.wait_for_no_connections().await;
}

#[tokio::test]
async fn no_secret_is_in_any_error_or_debug() {
    let destination = FakeDestination::start().await;
    let secrets = ["path-secret-1", "query-secret-2", "header-secret-3", "user-secret-4"];
    let url = destination.url().replace("http://", "http://me:user-secret-4@");
    let text = format!(
        "webhook:{url}/path-secret-1/in?token=query-secret-2&header=Authorization=Bearer%20header-secret-3"
    );
    let uri = ComponentUri::parse("--sink", &text, &()).unwrap();
    let mut reader = eventer_core::UriReader::new("--sink", &uri, &WebhookConfig::SPEC, &[]);
    let config = WebhookConfig::from_uri(&mut reader).unwrap();
    let sink: WebhookSink = config.build(&SinkContext::new("hook")).await.unwrap();
    let mut shown = vec![format!("{uri:?} {config:?} {sink:?}")];

    // It repeats all that it got, as debugging endpoints and error pages do.
    destination.respond_with(|request| Reply::status(400).with_body(format!("{request:?}")));
    let batch = batch_of(vec![golden_event(1)]);
    let error = sink.export_events(&batch).await.unwrap_err();
    shown.push(format!("{} {error:?}", report(&error)));
    for reply in [Reply::nonsense(), Reply::CloseAfterBody, Reply::redirect("http://other.example.com/")] {
        destination.next(reply);
        let error = sink.export_events(&batch).await.unwrap_err();
        shown.push(format!("{} {error:?}", report(&error)));
    }
    destination.stop().await;
    let error = sink.export_events(&batch).await.unwrap_err();
    shown.push(format!("{} {error:?}", report(&error)));

    for text in shown {
        for secret in secrets {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
}

#[test]
fn a_url_that_is_none_is_an_error_that_shows_nothing_of_it() {
    for (uri, says) in [
        ("webhook", "the URL is missing"),
        ("webhook:", "the URL is missing"),
        ("webhook:?method=POST", "the URL is missing"),
        ("webhook:hunter2.example.com/hook", "not understood"),
        ("webhook:http://:80/hunter2", "empty host"),
        ("webhook:http://hunter2:x/", "invalid port"),
        ("webhook:ftp://example.com/hunter2", "neither with http://"),
        ("webhook:http://example.com/hunter2#x", "%23"),
    ] {
        let errors = errors_of(uri);
        assert!(errors.contains(says), "{uri}: {errors}");
        assert!(!errors.contains("hunter2"), "{errors}");
    }
}

#[test]
fn wrong_options_are_told_all_at_once_without_secrets() {
    let errors = errors_of(
        "webhook:http://example.com/?method=GE%20T&header=hunter2&header=Content-Length=5&levle=Warning\
         &header=A%20B=hunter2&header=X=hun%0Ater2&batch=all&basic_password=hunter2",
    );
    for says in [
        "option \"method\": \"GE T\" is no method",
        "option \"header\": its value, which is not shown, is not of the form NAME=VALUE",
        "content-length is set by the body",
        "did you mean \"level\"?",
        "option \"batch\": \"all\" is none of single, array and ndjson",
        "option \"basic_password\": it needs basic_user=",
    ] {
        assert!(errors.contains(says), "{says}: {errors}");
    }
    assert!(!errors.contains("hunter2") && !errors.contains("ter2"), "{errors}");
}

#[test]
fn the_example_is_understood() {
    let example = WebhookConfig::SPEC.example.strip_prefix("--sink=").unwrap();
    let environment: std::collections::BTreeMap<_, _> = [("TOKEN".to_owned(), "abc==".to_owned())].into();
    let uri = ComponentUri::parse("--sink", example, &environment).unwrap();
    let plan = registry().plan_sink(&uri).unwrap();
    assert_eq!(plan.exporter, "webHook");
}
