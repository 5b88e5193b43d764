//! No trouble makes a busy loop: requests are counted in virtual time, against a scripted API server.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use eventer_core::metrics::SourceMetrics;
use eventer_core::{Checkpoint, Clock as _, EventSource as _, Position, SourceContext, SystemClock};
use eventer_sources::kubernetes::{KubernetesSource, WatchOptions};
use futures_util::StreamExt as _;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use kube::Client;
use kube::client::Body;
use tokio::time::{Instant, sleep};

const LIST: &str = r#"{"kind":"EventList","metadata":{"resourceVersion":"1000"},"items":[]}"#;
const WATCH_GONE: &str = "{\"type\":\"ERROR\",\"object\":{\"reason\":\"Expired\",\"code\":410}}\n";
const WATCH_ERROR: &str = "{\"type\":\"ERROR\",\"object\":{\"reason\":\"InternalError\",\"code\":500}}\n";

/// Answers: status, headers, body; or a body that never ends.
#[derive(Clone, Copy)]
enum Scripted {
    Answer(u16, &'static [(&'static str, &'static str)], &'static str),
    Endless,
}

type Requests = Arc<Mutex<Vec<(Instant, bool)>>>;

/// A source that stands at `version`, whose lists and watches are answered as scripted.
fn start(version: u64, list: Scripted, watch: Scripted) -> (KubernetesSource, Requests) {
    let requests = Requests::default();
    let service = tower::service_fn({
        let requests = requests.clone();
        move |request: Request<Body>| {
            let is_watch = request.uri().query().unwrap_or_default().contains("watch=true");
            requests.lock().unwrap().push((Instant::now(), is_watch));
            let scripted = if is_watch { watch } else { list };
            async move { Ok::<_, Infallible>(answer(scripted)) }
        }
    });
    let client = Client::new(service, "default");
    let clock = Arc::new(SystemClock);
    let metrics = SourceMetrics::unregistered("kubernetes", clock.clone());
    let position = Position { version: version.to_string(), at: clock.now() };
    let mut context = SourceContext::new("kubernetes", clock, metrics);
    context.checkpoint = Some(Checkpoint(BTreeMap::from([("all".to_owned(), position)])));
    (KubernetesSource::new(&client, "", WatchOptions::default(), context), requests)
}

fn answer(scripted: Scripted) -> Response<BoxBody<Bytes, Infallible>> {
    match scripted {
        Scripted::Answer(status, headers, body) => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(*name, *value);
            }
            response.body(Full::new(Bytes::from_static(body.as_bytes())).boxed()).unwrap()
        }
        Scripted::Endless => {
            let endless = futures_util::stream::pending::<Result<http_body::Frame<Bytes>, Infallible>>();
            Response::new(BodyExt::boxed(http_body_util::StreamBody::new(endless)))
        }
    }
}

fn ok(body: &'static str) -> Scripted {
    Scripted::Answer(200, &[], body)
}

/// A watch that tells of an event while a probe of its silence is on its way: the probe's answer is older.
#[tokio::test(start_paused = true)]
async fn a_probe_that_is_overtaken_by_an_event_says_nothing() {
    const LINE: &str = "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":\"1005\"}}}\n";
    const NEWER_LIST: &str = r#"{"kind":"EventList","metadata":{"resourceVersion":"1005"},"items":[]}"#;
    let options = WatchOptions::default();
    let (probe, watches) = (options.probe_interval, Arc::new(Mutex::new(0)));
    let begin = Instant::now();
    let service = tower::service_fn({
        let watches = watches.clone();
        move |request: Request<Body>| {
            let is_watch = request.uri().query().unwrap_or_default().contains("watch=true");
            *watches.lock().unwrap() += usize::from(is_watch);
            // As of when it was asked.
            let has_happened = begin.elapsed() > probe + Duration::from_secs(11);
            async move {
                if !is_watch {
                    sleep(Duration::from_secs(10)).await;
                    return Ok::<_, Infallible>(answer(ok(if has_happened { NEWER_LIST } else { LIST })));
                }
                let line = async move {
                    sleep(probe + Duration::from_secs(5)).await;
                    Ok(http_body::Frame::data(Bytes::from_static(LINE.as_bytes())))
                };
                let lines = futures_util::stream::once(line).chain(futures_util::stream::pending());
                Ok(Response::new(BodyExt::boxed(http_body_util::StreamBody::new(lines))))
            }
        }
    });
    let clock = Arc::new(SystemClock);
    let metrics = SourceMetrics::unregistered("kubernetes", clock.clone());
    let context = SourceContext::new("kubernetes", clock, metrics);
    let client = Client::new(service, "default");
    let mut source = KubernetesSource::new(&client, "", options, context);
    sleep(probe * 4).await;
    assert_eq!(source.get_new_events().await.unwrap().unwrap().len(), 1);
    assert_eq!(*watches.lock().unwrap(), 1, "the watch was given up");
}

/// How many lists and watches there are in ten minutes.
async fn ten_minutes(list: Scripted, watch: Scripted) -> (usize, usize) {
    let (_source, requests) = start(1000, list, watch);
    sleep(Duration::from_secs(600)).await;
    let requests = requests.lock().unwrap();
    let watches = requests.iter().filter(|(_, is_watch)| *is_watch).count();
    (requests.len() - watches, watches)
}

#[tokio::test(start_paused = true)]
async fn no_trouble_makes_a_busy_loop() {
    let refusals = [401, 403, 404, 429, 500, 503].map(|code| Scripted::Answer(code, &[], "no"));
    for refusal in refusals {
        let (lists, watches) = ten_minutes(refusal, ok("")).await;
        assert!((15..=40).contains(&lists) && watches == 0, "{lists} lists, {watches} watches");
        let (lists, watches) = ten_minutes(ok(LIST), refusal).await;
        assert!((15..=40).contains(&watches) && lists == 1, "{lists} lists, {watches} watches");
    }
    for watch in ["", "\n", "no JSON\n", WATCH_ERROR, WATCH_GONE] {
        let (lists, watches) = ten_minutes(ok(LIST), ok(watch)).await;
        assert!(lists + watches <= 100, "{lists} lists, {watches} watches that say {watch:?}");
    }
    let (lists, watches) = ten_minutes(ok("no list"), ok("")).await;
    assert!((15..=40).contains(&lists) && watches == 0, "{lists} lists, {watches} watches");
}

#[tokio::test(start_paused = true)]
async fn lists_of_everything_stand_apart() {
    let (_source, requests) = start(1000, ok(LIST), ok(WATCH_GONE));
    sleep(Duration::from_secs(3600)).await;
    let requests = requests.lock().unwrap();
    let lists: Vec<Instant> =
        requests.iter().filter(|(_, is_watch)| !is_watch).map(|(at, _)| *at).skip(1).collect();
    let gaps: Vec<Duration> = lists.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(lists.len() < 30, "{} lists, {gaps:?}", lists.len());
    assert!(gaps.iter().all(|gap| *gap >= Duration::from_secs(8)), "{gaps:?}");
    assert!(gaps.last() > Some(&Duration::from_secs(200)), "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_patience_gets_it() {
    let refusal =
        Scripted::Answer(429, &[("retry-after", "90"), ("content-type", "text/plain")], "Too many requests");
    for (list, watch) in [(refusal, ok("")), (ok(LIST), refusal)] {
        let (_source, requests) = start(1000, list, watch);
        sleep(Duration::from_secs(200)).await;
        let requests: Vec<_> = requests.lock().unwrap().clone();
        let refused = &requests[requests.len() - 3..];
        for pair in refused.windows(2) {
            assert!(pair[1].0 - pair[0].0 >= Duration::from_secs(90));
        }
        assert!(requests.len() <= 4);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_client_soon_sees_that_its_rights_are_back() {
    let (_source, requests) = start(1000, Scripted::Answer(403, &[], "no"), ok(""));
    sleep(Duration::from_secs(86_400)).await;
    let requests = requests.lock().unwrap();
    let last = requests.last().unwrap().0;
    assert!(last.elapsed() <= Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn a_quiet_watch_in_a_busy_cluster_costs_little() {
    // The server goes on, the watch is silent to its end: each new watch waits longer for a word.
    let list = r#"{"kind":"EventList","metadata":{"resourceVersion":"5000"},"items":[]}"#;
    let (_source, requests) = start(1000, ok(list), Scripted::Endless);
    sleep(Duration::from_secs(3600)).await;
    let requests = requests.lock().unwrap();
    let watches = requests.iter().filter(|(_, is_watch)| *is_watch).count();
    assert!((3..=5).contains(&watches), "{watches} watches");
    assert!(requests.len() - watches <= 70, "{} lists of one event", requests.len() - watches);
}
