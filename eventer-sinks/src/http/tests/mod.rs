//! The client against a destination that misbehaves, and the table of statuses.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use eventer_core::testing::conformance::{Destination, Fault};
use eventer_core::{ExportError, ExportErrorKind, Secret, SinkContext, async_trait, report};
use eventer_testkit::{FakeDestination, Reply, Request};
use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Method, StatusCode, Url};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

mod options;
mod tls;

use super::answer::BODY_TIME;
use super::classify::{LONGEST_RETRY_AFTER, classify};
use super::{HttpClient, Transport};

/// A destination as the conformance kit sees it, for every sink that speaks HTTP.
pub(crate) struct Receiver(pub(crate) FakeDestination);

#[async_trait]
impl Destination for Receiver {
    async fn received(&self) -> Vec<String> {
        self.0.requests().iter().map(Request::text).collect()
    }

    fn misbehave(&self, fault: Option<Fault>) -> bool {
        self.0.set_default(match fault {
            None => Reply::ok(),
            Some(Fault::Unavailable) => Reply::status(503),
            Some(Fault::RateLimited) => Reply::too_many_requests(Fault::RETRY_AFTER.as_secs()),
            Some(Fault::Unauthorized) => Reply::status(401),
            Some(Fault::Rejecting) => Reply::status(400),
            Some(Fault::Hanging) => Reply::Hang,
            Some(Fault::Nonsense) => Reply::nonsense(),
        });
        true
    }
}

/// Counts what is logged at one level.
#[derive(Clone, Debug)]
pub(crate) struct LogCounter {
    level: Level,
    count: Arc<AtomicUsize>,
}

impl LogCounter {
    pub(crate) fn of(level: Level) -> Self {
        Self { level, count: Arc::default() }
    }

    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}

impl Subscriber for LogCounter {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == self.level && metadata.target().starts_with("eventer")
    }

    fn event(&self, _: &Event<'_>) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn now() -> Timestamp {
    "2024-05-06T07:08:10Z".parse().unwrap()
}

fn judge(status: u16, headers: &[(&'static str, &str)], body: &str) -> Result<(), ExportError> {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
        .collect();
    let status = StatusCode::from_u16(status).unwrap();
    classify(status, &headers, body.as_bytes(), &[Secret::new("hunter2".to_owned())], now())
}

async fn client(url: &str) -> (HttpClient, Url) {
    let client = HttpClient::open(&Transport::default(), &SinkContext::new("test")).await.unwrap();
    (client, url.parse().unwrap())
}

async fn post(url: &str) -> Result<Vec<u8>, ExportError> {
    let (client, url) = client(url).await;
    client.send(client.request(Method::POST, url).body("event"), &[]).await
}

#[test]
fn each_status_has_its_kind() {
    use ExportErrorKind::{RateLimited, Rejected, Unauthorized, Unavailable};
    for status in [200, 201, 202, 204, 206, 299] {
        assert!(judge(status, &[], "").is_ok(), "{status}");
    }
    let table: [(ExportErrorKind, &[u16]); 4] = [
        (Rejected, &[400, 413, 422]),
        (Unauthorized, &[401, 403, 407]),
        (RateLimited, &[429]),
        (
            Unavailable,
            &[
                300, 301, 302, 303, 304, 307, 308, 402, 404, 405, 406, 408, 409, 410, 411, 414, 415, 421,
                425, 426, 431, 451, 499, 500, 501, 502, 503, 504, 505, 507, 511, 520, 599,
            ],
        ),
    ];
    for (kind, statuses) in table {
        for status in statuses {
            let error = judge(*status, &[], "").unwrap_err();
            assert_eq!(error.kind(), kind, "{status}");
            assert_eq!(error.retry_after(), None, "{status}");
            assert!(report(&error).contains(&status.to_string()), "{}", report(&error));
        }
    }
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let wait = |status, value| {
        let error = judge(status, &[(RETRY_AFTER.as_str(), value)], "").unwrap_err();
        (error.kind(), error.retry_after())
    };
    let seconds = |n| Some(Duration::from_secs(n));
    let limited = ExportErrorKind::RateLimited;
    assert_eq!(wait(429, "17"), (limited, seconds(17)));
    assert_eq!(wait(429, "Mon, 06 May 2024 07:09:00 GMT"), (limited, seconds(50)));
    assert_eq!(wait(429, "Mon, 06 May 2024 07:00:00 GMT"), (limited, seconds(0)));
    assert_eq!(wait(429, "99999999999999999999999999"), (limited, Some(LONGEST_RETRY_AFTER)));
    for nonsense in ["", "soon", "-5", "5 minutes", "1x"] {
        assert_eq!(wait(429, nonsense), (limited, None), "{nonsense}");
    }
    assert_eq!(wait(503, "17"), (limited, seconds(17)));
    assert_eq!(wait(503, "soon"), (ExportErrorKind::Unavailable, None));
    assert_eq!(wait(502, "17"), (ExportErrorKind::Unavailable, seconds(17)));
    assert_eq!(wait(413, "17"), (ExportErrorKind::Rejected, None));
}

#[test]
fn the_body_is_shown_in_one_short_harmless_line_without_secrets() {
    let error = judge(400, &[], "field \"count\"\r\n\t is \u{1b}[31mbad\u{202e}: hunter2").unwrap_err();
    assert_eq!(
        report(&error),
        "the destination rejected the events: it answered 400 Bad Request: \
         field \"count\" is \\u{1b}[31mbad\\u{202e}: [redacted]"
    );
    let long = report(&judge(500, &[], &"中".repeat(10_000)).unwrap_err());
    assert!(long.ends_with(&format!(": {}…", "中".repeat(200))), "{long}");
}

#[test]
fn a_redirect_shows_where_it_leads_and_no_more() {
    let shown = |location| report(&judge(302, &[(LOCATION.as_str(), location)], "").unwrap_err());
    assert!(
        shown("https://login.example.com/start?token=abc").contains("to https://login.example.com/…: give")
    );
    assert!(!shown("https://login.example.com/start?token=abc").contains("abc"));
    assert!(!shown("/secret/path").contains("secret"));
}

#[tokio::test]
async fn the_start_of_the_body_is_given_back() {
    let destination = FakeDestination::start().await;
    destination.next(Reply::json("{\"errcode\":0}"));
    assert_eq!(post(&destination.url()).await.unwrap(), b"{\"errcode\":0}");
    destination.next(Reply::ok().with_body(vec![b'x'; 200_000]));
    assert_eq!(post(&destination.url()).await.unwrap().len(), 64 * 1024);
    let request = &destination.requests()[0];
    assert_eq!(request.header("user-agent"), Some(concat!("eventer/", env!("CARGO_PKG_VERSION"))));
}

#[tokio::test]
async fn the_status_stands_even_if_the_body_breaks_off() {
    let destination = FakeDestination::start().await;
    destination.next(Reply::BreakBody(eventer_testkit::Response::new(200).with_body("thank you")));
    assert!(post(&destination.url()).await.is_ok());
}

#[tokio::test]
async fn a_body_without_an_end_holds_nothing_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (answered, wait) = tokio::sync::oneshot::channel();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut read = [0; 1024];
        assert!(stream.read(&mut read).await.unwrap() > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nthank").await.unwrap();
        answered.send(()).unwrap();
        std::future::pending::<()>().await;
    });
    let sent = tokio::spawn(async move { post(&url).await });
    wait.await.unwrap();
    // From here on the only thing left to happen is that the time for the body passes.
    tokio::time::pause();
    let before = tokio::time::Instant::now();
    assert_eq!(sent.await.unwrap().unwrap(), b"thank");
    assert!(before.elapsed() <= BODY_TIME + Duration::from_secs(1));
    server.abort();
}

#[tokio::test]
async fn what_is_no_answer_is_unavailable_and_shows_no_url() {
    let destination = FakeDestination::start().await;
    let url = format!("{}/services/T0/B0?access_token=hunter2", destination.url());
    for reply in [Reply::nonsense(), Reply::CloseBeforeBody, Reply::CloseAfterBody] {
        destination.next(reply);
        let error = post(&url).await.unwrap_err();
        assert_eq!(error.kind(), ExportErrorKind::Unavailable);
        let shown = format!("{} {error:?}", report(&error));
        assert!(!shown.contains("hunter2") && !shown.contains("services"), "{shown}");
    }
    destination.stop().await;
    let error = post(&url).await.unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::Unavailable);
    let shown = format!("{} {error:?}", report(&error));
    assert!(!shown.contains("hunter2") && !shown.contains("services"), "{shown}");
    assert!(shown.contains("refused"), "{shown}");
}

#[tokio::test]
async fn a_secret_that_the_destination_repeats_is_hidden() {
    let destination = FakeDestination::start().await;
    destination.next(Reply::status(404).with_body("Cannot POST /services/T0/B0?access_token=hunter2"));
    let error =
        post(&format!("{}/services/T0/B0?access_token=hunter2", destination.url())).await.unwrap_err();
    let shown = format!("{} {error:?}", report(&error));
    assert!(shown.contains("Cannot POST [redacted]?access_token=[redacted]"), "{shown}");
    assert!(!shown.contains("hunter2") && !shown.contains("services"), "{shown}");
}

#[tokio::test]
async fn a_redirect_on_the_host_is_followed_with_the_event() {
    let destination = FakeDestination::start().await;
    destination.next(Reply::redirect("/elsewhere"));
    destination.next(Reply::redirect(&format!("{}/at-last", destination.url())));
    let (client, url) = client(&destination.url()).await;
    let request = client.request(Method::POST, url).bearer_auth("abc").header("x-api-key", "abc");
    client.send(request.body("event"), &[]).await.unwrap();
    let requests = destination.requests();
    let seen: Vec<_> = requests.iter().map(|r| (r.method.as_str(), r.path.as_str(), r.text())).collect();
    assert_eq!(seen[2], ("POST", "/at-last", "event".to_owned()));
    assert_eq!(requests[2].header("authorization"), Some("Bearer abc"));
    assert_eq!(requests[2].header("x-api-key"), Some("abc"));
    assert_eq!(requests[2].header("referer"), None);
}

#[tokio::test]
async fn a_redirect_that_loses_the_event_is_not_followed() {
    let destination = FakeDestination::start().await;
    for status in [301, 302, 303] {
        destination.clear();
        destination.next(Reply::status(status).with_header("Location", "/login"));
        let error = post(&destination.url()).await.unwrap_err();
        assert_eq!(error.kind(), ExportErrorKind::Unavailable);
        assert!(report(&error).contains("it leads to another path of the same host"), "{}", report(&error));
        assert_eq!(destination.count(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_redirect_to_another_host_or_scheme_is_not_followed() {
    let destination = FakeDestination::start().await;
    for target in [&*destination.url().replace("127.0.0.1", "localhost"), "file:///etc/passwd", "http://"] {
        destination.clear();
        destination.next(Reply::redirect(target));
        assert_eq!(post(&destination.url()).await.unwrap_err().kind(), ExportErrorKind::Unavailable);
        assert_eq!(destination.count(), 1, "{target}");
    }
}

#[tokio::test]
async fn redirects_end_after_ten() {
    let destination = FakeDestination::start().await;
    destination.set_default(Reply::redirect("/again"));
    assert_eq!(post(&destination.url()).await.unwrap_err().kind(), ExportErrorKind::Unavailable);
    assert_eq!(destination.count(), 11);
}

#[tokio::test]
async fn connections_are_used_again() {
    let destination = FakeDestination::start().await;
    let (client, url) = client(&destination.url()).await;
    for status in [200, 500, 200] {
        destination.next(Reply::status(status).with_body("thank you"));
        drop(client.send(client.request(Method::POST, url.clone()).body("event"), &[]).await);
    }
    assert_eq!((destination.count(), destination.connections()), (3, 1));
}

#[tokio::test]
async fn a_client_that_gives_up_hangs_up() {
    let destination = FakeDestination::start().await;
    destination.set_default(Reply::Hang);
    let url = destination.url();
    tokio::select! {
        _ = post(&url) => panic!("nothing was answered"),
        _ = destination.wait_for(1) => {}
    }
    destination.wait_for_no_connections().await;
}

#[tokio::test]
async fn no_tls_provider_is_installed_for_the_process() {
    let (client, _) = client("https://events.example.com/hook").await;
    assert_eq!(format!("{client:?}"), "HttpClient { .. }");
    assert!(rustls::crypto::CryptoProvider::get_default().is_none());
}
