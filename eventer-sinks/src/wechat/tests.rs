//! The app against kube-eventer's recorded requests and against a WeCom that refuses.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use eventer_core::testing::conformance::{self, Destination, Fault, Subject};
use eventer_core::{
    BatchLimits, ComponentUri, Event, EventBatch, EventSink, ExportError, ExportErrorKind, Registry, Secret,
    SinkConfig as _, SinkContext, async_trait, report,
};
use eventer_testkit::{FakeDestination, Reply, Request, events};
use jiff::tz::TimeZone;
use tokio::time::Instant;

use super::answer::{About, WINDOW, judge};
use super::progress::Progress;
use super::token::{Grant, TokenCache};
use super::{Form, WechatConfig};

const TOKEN: &str = "TOK123";

/// A WeCom that gives out tokens, and says to messages what it is told to, once each, or else that all is well.
struct WeCom {
    destination: FakeDestination,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    fault: Option<Fault>,
    /// What to say of messages to a user.
    refusals: Vec<(&'static str, i64)>,
    tokens: usize,
}

impl WeCom {
    async fn start() -> Self {
        let destination = FakeDestination::start().await;
        let state: Arc<Mutex<State>> = Arc::default();
        let shared = Arc::clone(&state);
        destination.respond_with(move |request| {
            let mut state = shared.lock().unwrap();
            match state.fault {
                None => state.answer(request),
                Some(Fault::Unavailable) => says(-1, "system busy"),
                Some(Fault::RateLimited) => Reply::too_many_requests(Fault::RETRY_AFTER.as_secs()),
                Some(Fault::Unauthorized) => says(40_001, "invalid credential"),
                Some(Fault::Rejecting) => says(40_058, "invalid Request Parameter"),
                Some(Fault::Hanging) => Reply::Hang,
                Some(Fault::Nonsense) => Reply::ok().with_body("<html>please log in</html>"),
            }
        });
        Self { destination, state }
    }

    /// Refuses the next message to `user`, or without one to anybody.
    fn refuse(&self, user: &'static str, code: i64) {
        self.state.lock().unwrap().refusals.push((user, code));
    }

    fn uri(&self, rest: &str) -> String {
        let url = self.destination.url();
        format!("wechat:?corp_id=CID&corp_secret=CSEC&agent_id=1000012&api_url={url}{rest}")
    }

    /// The users to whom messages were sent, in their order, since the last time.
    fn receivers(&self) -> Vec<String> {
        let messages = self.destination.requests();
        self.destination.clear();
        let messages = messages.iter().filter(|request| request.path == "/cgi-bin/message/send");
        messages.map(|request| request.json()["touser"].as_str().unwrap().to_owned()).collect()
    }

    fn tokens(&self) -> usize {
        self.state.lock().unwrap().tokens
    }
}

impl State {
    fn answer(&mut self, request: &Request) -> Reply {
        if request.path.ends_with("/gettoken") {
            self.tokens += 1;
            return Reply::json(format!(
                r#"{{"errcode":0,"errmsg":"ok","access_token":"{TOKEN}","expires_in":7200}}"#
            ));
        }
        let message = request.json();
        let user = message["touser"].as_str().unwrap();
        match self.refusals.iter().position(|(refused, _)| refused.is_empty() || *refused == user) {
            Some(at) => says(self.refusals.remove(at).1, "hint: [1700], from ip: 203.0.113.7"),
            None => Reply::json(r#"{"errcode":0,"errmsg":"ok","msgid":"m1"}"#),
        }
    }
}

#[async_trait]
impl Destination for WeCom {
    async fn received(&self) -> Vec<String> {
        self.destination.requests().iter().map(Request::text).collect()
    }

    fn misbehave(&self, fault: Option<Fault>) -> bool {
        self.state.lock().unwrap().fault = fault;
        true
    }
}

fn says(code: i64, message: &str) -> Reply {
    Reply::json(serde_json::json!({ "errcode": code, "errmsg": message }).to_string())
}

fn golden_event(number: usize) -> Event {
    serde_json::from_str(events::golden_input(number)).unwrap()
}

fn batch_of(events: Vec<Event>) -> EventBatch {
    let events = events.into_iter().map(Arc::new).collect();
    EventBatch::new("test", "2024-05-06T07:09:00Z".parse().unwrap(), events)
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    registry.register_sink::<WechatConfig>();
    registry
}

async fn open(uri: &str) -> Arc<dyn EventSink> {
    let uri = ComponentUri::parse("--sink", uri, &()).unwrap();
    registry().plan_sink(&uri).unwrap().open(SinkContext::new("app")).await.unwrap()
}

fn errors_of(uri: &str) -> String {
    let uri = ComponentUri::parse("--sink", uri, &()).unwrap();
    let errors = registry().plan_sink(&uri).unwrap_err();
    errors.iter().map(|error| format!("{error} {error:?}")).collect::<Vec<_>>().join("\n")
}

async fn export(sink: &dyn EventSink, number: usize) -> Result<(), ExportError> {
    sink.export_events(&batch_of(vec![golden_event(number)])).await
}

/// The request is the one that kube-eventer sent.
fn assert_is(request: &Request, golden: &str) {
    let (head, body) = golden.split_once("\n\n").unwrap();
    let head: Vec<&str> = head.lines().collect();
    let target = format!("{}?{}", request.path, request.raw_query);
    assert_eq!(format!("{} {target} HTTP/1.1", request.method), head[1]);
    assert_eq!(request.text(), body.trim_end_matches('\n'));
    let content_type = head.iter().find_map(|line| line.strip_prefix("Content-Type: "));
    assert_eq!(request.header("content-type"), content_type);
}

#[tokio::test]
async fn the_requests_are_kube_eventers_but_for_the_token_that_is_kept() {
    let wecom = WeCom::start().await;
    let sink = open(&wecom.uri("&to_user=zhangsan,lisi&label=cluster-a&label=idc-1&level=Normal")).await;
    let token = include_str!("../../testdata/wechat/kube-eventer-token.http");
    let mut golden = vec![token];
    for (number, zhangsan, lisi) in [
        (
            1,
            include_str!("../../testdata/wechat/kube-eventer-users-input-1.zhangsan.http"),
            include_str!("../../testdata/wechat/kube-eventer-users-input-1.lisi.http"),
        ),
        (
            2,
            include_str!("../../testdata/wechat/kube-eventer-users-input-2.zhangsan.http"),
            include_str!("../../testdata/wechat/kube-eventer-users-input-2.lisi.http"),
        ),
        (
            3,
            include_str!("../../testdata/wechat/kube-eventer-users-input-3.zhangsan.http"),
            include_str!("../../testdata/wechat/kube-eventer-users-input-3.lisi.http"),
        ),
        (
            4,
            include_str!("../../testdata/wechat/kube-eventer-users-input-4.zhangsan.http"),
            include_str!("../../testdata/wechat/kube-eventer-users-input-4.lisi.http"),
        ),
    ] {
        export(&*sink, number).await.unwrap();
        golden.extend([zhangsan, lisi]);
    }
    let requests = wecom.destination.requests();
    assert_eq!(requests.len(), golden.len());
    requests.iter().zip(golden).for_each(|(request, golden)| assert_is(request, golden));
}

#[tokio::test]
async fn without_a_user_it_is_for_everybody() {
    for to_user in ["", "&to_user="] {
        let wecom = WeCom::start().await;
        let sink = open(&wecom.uri(to_user)).await;
        for number in 2..=4 {
            export(&*sink, number).await.unwrap();
        }
        let requests = wecom.destination.requests();
        assert_is(&requests[1], include_str!("../../testdata/wechat/kube-eventer-all-input-2.http"));
        assert_is(&requests[2], include_str!("../../testdata/wechat/kube-eventer-all-input-3.http"));
        assert_is(&requests[3], include_str!("../../testdata/wechat/kube-eventer-all-input-4.http"));
    }
}

fn form() -> Form {
    Form { agent_id: 1, labels: vec!["100%".to_owned()] }
}

#[test]
fn the_time_is_in_the_zone_of_the_process_and_a_label_literal() {
    let content = form().content(&golden_event(4), &TimeZone::get("Asia/Shanghai").unwrap());
    assert!(content.starts_with("100%\nLevel:Warning \n"), "{content}");
    assert!(content.contains("Timestamp:2024-05-06 15:08:12.123456 +0800 CST \n"), "{content}");
}

#[test]
fn no_text_is_longer_than_wecom_takes() {
    for pattern in ["x", "中", "<\"\n\u{1}&"] {
        let mut event = golden_event(2);
        event.message = pattern.repeat(30_000);
        let content = form().content(&event, &TimeZone::UTC);
        assert!((2040..=2048).contains(&content.len()), "{}", content.len());
        assert!(content.ends_with('…'));
    }
}

#[tokio::test]
async fn it_conforms() {
    let wecom = WeCom::start().await;
    let uri = wecom.uri("/relay-secret-1").replace("CSEC", "corp-secret-2");
    conformance::check(&Subject {
        register: |registry| _ = registry.register_sink::<WechatConfig>(),
        uri,
        secrets: ["relay-secret-1", "corp-secret-2", TOKEN].map(str::to_owned).into(),
        destination: &wecom,
        open: None,
    })
    .await;
}

#[tokio::test]
async fn what_is_put_into_a_url_is_escaped_and_the_relays_path_kept() {
    let wecom = WeCom::start().await;
    let uri = wecom.uri("/relay/").replace("CSEC", "a%2Bb%26c%3Dd").replace("CID", "c%20d");
    export(&*open(&uri).await, 2).await.unwrap();
    let requests = wecom.destination.requests();
    assert_eq!(requests[0].path, "/relay/cgi-bin/gettoken");
    assert_eq!(requests[0].raw_query, "corpid=c+d&corpsecret=a%2Bb%26c%3Dd");
    assert_eq!(requests[1].path, "/relay/cgi-bin/message/send");
}

#[tokio::test]
async fn a_secret_in_a_file_is_read_again_for_each_token() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, "first\n").unwrap();
    let wecom = WeCom::start().await;
    let uri = wecom.uri("").replace("corp_secret=CSEC", &format!("corp_secret_file={}", path.display()));
    let sink = open(&uri).await;
    export(&*sink, 2).await.unwrap();
    std::fs::write(&path, "second\n").unwrap();
    wecom.refuse("", 42_001);
    assert!(export(&*sink, 2).await.is_err());
    export(&*sink, 2).await.unwrap();
    let queries: Vec<_> = wecom.destination.requests().into_iter().map(|request| request.raw_query).collect();
    assert_eq!(queries[0], "corpid=CID&corpsecret=first");
    assert_eq!(queries[3], "corpid=CID&corpsecret=second");
}

#[tokio::test]
async fn a_stale_token_is_forgotten_and_any_other_refusal_keeps_it() {
    let wecom = WeCom::start().await;
    let sink = open(&wecom.uri("")).await;
    sink.check_health().await.unwrap();
    assert_eq!(wecom.tokens(), 1);
    let mut expected = 1;
    for (code, is_stale) in
        [(42_001, true), (40_014, true), (41_001, true), (40_001, true), (45_009, false), (-1, false)]
    {
        wecom.refuse("", code);
        assert!(export(&*sink, 2).await.is_err(), "{code}");
        export(&*sink, 2).await.unwrap();
        expected += usize::from(is_stale);
        assert_eq!(wecom.tokens(), expected, "{code}");
    }
}

#[tokio::test]
async fn exports_that_run_at_a_time_share_a_token() {
    let wecom = WeCom::start().await;
    let sink = open(&wecom.uri("")).await;
    let (one, two, three) = tokio::join!(export(&*sink, 2), export(&*sink, 3), export(&*sink, 4));
    assert!(one.is_ok() && two.is_ok() && three.is_ok());
    assert_eq!((wecom.tokens(), wecom.destination.count()), (1, 4));
}

async fn granted(lasts: u64, cache: &TokenCache, token: &str) -> String {
    let grant = Grant { token: Secret::new(token.to_owned()), lasts: Duration::from_secs(lasts) };
    cache.get(async { Ok(grant) }).await.unwrap().expose().clone()
}

#[tokio::test(start_paused = true)]
async fn a_token_is_kept_until_shortly_before_it_expires() {
    for (lasts, kept) in [(7200, 6900), (100, 90), (u64::MAX, 24 * 3600 - 300)] {
        let cache = TokenCache::default();
        let begin = Instant::now();
        assert_eq!(granted(lasts, &cache, "first").await, "first");
        tokio::time::advance(Duration::from_millis(kept * 1000 - 1)).await;
        assert_eq!(granted(lasts, &cache, "second").await, "first", "{lasts}");
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(granted(lasts, &cache, "third").await, "third", "{lasts}");
        assert_eq!(begin.elapsed(), Duration::from_secs(kept));
    }
    let cache = TokenCache::default();
    assert_eq!(granted(0, &cache, "first").await, "first");
    assert_eq!(granted(0, &cache, "second").await, "second");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_was_fetched_since_is_not_forgotten() {
    let cache = TokenCache::default();
    let first = Secret::new(granted(7200, &cache, "first").await);
    cache.forget(&first).await;
    assert_eq!(granted(7200, &cache, "second").await, "second");
    cache.forget(&first).await;
    assert_eq!(granted(7200, &cache, "third").await, "second");
    assert!(!format!("{cache:?}").contains("second"));
}

#[tokio::test(start_paused = true)]
async fn who_waited_for_a_token_that_could_not_be_fetched_fetches_it() {
    let cache = TokenCache::default();
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    let failing = async {
        released.await.unwrap();
        Err(ExportError::unavailable("busy"))
    };
    // They are begun in this order: it fails when the other one waits for it.
    let (failed, got, ()) = tokio::join!(cache.get(failing), granted(7200, &cache, "second"), async {
        release.send(()).unwrap()
    });
    assert!(failed.is_err());
    assert_eq!(got, "second");
}

#[tokio::test]
async fn the_next_attempt_sends_it_only_to_those_who_do_not_have_it() {
    let wecom = WeCom::start().await;
    let sink = open(&wecom.uri("&to_user=a,b,c")).await;
    wecom.refuse("b", -1);
    assert_eq!(export(&*sink, 2).await.unwrap_err().kind(), ExportErrorKind::Unavailable);
    assert_eq!(wecom.receivers(), ["a", "b"]);
    wecom.refuse("c", 42_001);
    assert!(export(&*sink, 2).await.is_err());
    assert_eq!(wecom.receivers(), ["b", "c"]);
    export(&*sink, 2).await.unwrap();
    assert_eq!(wecom.receivers(), ["c"]);
    // It is settled: who asks again wants it again.
    export(&*sink, 2).await.unwrap();
    assert_eq!(wecom.receivers(), ["a", "b", "c"]);
}

#[tokio::test]
async fn an_attempt_that_is_cut_off_is_taken_up_where_it_was() {
    let wecom = WeCom::start().await;
    let sink = open(&wecom.uri("&to_user=a,b")).await;
    sink.check_health().await.unwrap();
    wecom.destination.clear();
    wecom.destination.next(says(0, "ok"));
    wecom.destination.next(Reply::Hang);
    tokio::select! {
        result = export(&*sink, 2) => panic!("it was not answered: {result:?}"),
        _ = wecom.destination.wait_for(2) => {}
    }
    assert_eq!(wecom.receivers(), ["a", "b"]);
    export(&*sink, 2).await.unwrap();
    assert_eq!(wecom.receivers(), ["b"]);
}

#[tokio::test]
async fn two_versions_of_an_event_are_two_and_one_without_an_identity_is_none() {
    let wecom = WeCom::start().await;
    let sink = open(&wecom.uri("&to_user=a,b")).await;
    let mut event = golden_event(2);
    for version in ["1", "2", ""] {
        event.metadata.resource_version = version.to_owned();
        let batch = batch_of(vec![event.clone()]);
        wecom.refuse("b", -1);
        assert!(sink.export_events(&batch).await.is_err());
        assert_eq!(wecom.receivers(), ["a", "b"]);
    }
    // Nothing tells it from others of its kind, so that it cannot be remembered who has it.
    sink.export_events(&batch_of(vec![event])).await.unwrap();
    assert_eq!(wecom.receivers(), ["a", "b"]);
}

#[test]
fn only_so_many_events_are_remembered() {
    let mut progress = Progress::default();
    for n in 0..300 {
        progress.note(Some(&n.to_string()), 0);
    }
    assert!(!progress.has(Some("43"), 0));
    assert!(progress.has(Some("44"), 0) && progress.has(Some("299"), 0));
    assert!(!progress.has(Some("299"), 1) && !progress.has(None, 0));
    progress.settle(Some("299"));
    assert!(!progress.has(Some("299"), 0));
}

#[tokio::test]
async fn a_user_who_is_unknown_is_passed_over_and_one_who_is_alone_is_waited_for() {
    let wecom = WeCom::start().await;
    let sink = open(&wecom.uri("&to_user=gone,lisi")).await;
    for code in [40_003, 40_031, 46_004, 60_111, 81_013, 82_001] {
        wecom.refuse("gone", code);
        export(&*sink, 2).await.unwrap();
        assert_eq!(wecom.receivers(), ["gone", "lisi"]);
    }
    let sink = open(&wecom.uri("&to_user=gone")).await;
    wecom.refuse("gone", 81_013);
    let error = export(&*sink, 2).await.unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::Unavailable);
    assert!(report(&error).contains("errcode 81013"), "{}", report(&error));
}

/// Counts what is logged as a warning.
#[derive(Clone, Default)]
struct Warnings(Arc<AtomicUsize>);

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::WARN
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn that_a_user_is_unknown_is_told_once_until_he_gets_something() {
    let warnings = Warnings::default();
    let _logging = tracing::subscriber::set_default(warnings.clone());
    let wecom = WeCom::start().await;
    let sink = open(&wecom.uri("&to_user=gone,lisi")).await;
    let told = async |is_refused: bool| {
        if is_refused {
            wecom.refuse("gone", 81_013);
        }
        export(&*sink, 2).await.unwrap();
        warnings.0.load(Ordering::Relaxed)
    };
    assert_eq!((told(true).await, told(true).await), (1, 1));
    assert_eq!((told(false).await, told(true).await), (1, 2));
}

#[tokio::test]
async fn of_users_in_one_the_unknown_are_told_and_the_others_have_it() {
    let warnings = Warnings::default();
    let _logging = tracing::subscriber::set_default(warnings.clone());
    let wecom = WeCom::start().await;
    let sink = open(&wecom.uri("&to_user=gone%7Clisi")).await;
    sink.check_health().await.unwrap();
    wecom.destination.next(Reply::json(r#"{"errcode":0,"errmsg":"ok","invaliduser":"gone"}"#));
    export(&*sink, 2).await.unwrap();
    assert_eq!(wecom.receivers(), ["gone|lisi"]);
    assert_eq!(warnings.0.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn an_unknown_user_does_not_make_the_others_get_it_twice() {
    let wecom = WeCom::start().await;
    let sink = open(&wecom.uri("&to_user=a,gone,b")).await;
    wecom.refuse("gone", 81_013);
    wecom.refuse("b", -1);
    assert!(export(&*sink, 2).await.is_err());
    assert_eq!(wecom.receivers(), ["a", "gone", "b"]);
    wecom.refuse("gone", 81_013);
    export(&*sink, 2).await.unwrap();
    assert_eq!(wecom.receivers(), ["gone", "b"]);
}

#[tokio::test]
async fn of_several_events_those_before_a_failure_stay_delivered() {
    let wecom = WeCom::start().await;
    let sink = open(&wecom.uri("")).await;
    assert_eq!(sink.limits(), BatchLimits::ONE_EVENT);
    sink.check_health().await.unwrap();
    wecom.destination.next(says(0, "ok"));
    wecom.destination.next(says(-1, "busy"));
    let batch = batch_of(vec![golden_event(1), golden_event(2), golden_event(3)]);
    let error = sink.export_events(&batch).await.unwrap_err();
    assert_eq!(error.unsent(), [1, 2]);
}

#[test]
fn each_code_has_its_kind() {
    use ExportErrorKind::{RateLimited, Rejected, Unauthorized, Unavailable};
    assert!(judge(0, "ok").is_ok());
    let table: [(About, ExportErrorKind, &[i64]); 7] = [
        (About::Token, Unavailable, &[40_014, 41_001, 42_001]),
        (About::Token, Unauthorized, &[40_001]),
        (
            About::Other,
            Unauthorized,
            &[
                40_013, 40_056, 40_091, 41_002, 41_004, 41_011, 48_002, 48_004, 50_003, 60_011, 60_020,
                301_002,
            ],
        ),
        (About::Other, RateLimited, &[45_009, 45_033]),
        (About::Receiver, Unavailable, &[40_003, 40_031, 46_004, 60_111, 81_013, 82_001]),
        (About::Other, Rejected, &[40_008, 40_033, 40_035, 40_058, 40_063, 44_004, 45_002, 47_001]),
        (About::Other, Unavailable, &[-1, 6000, 1, 999_999, i64::MIN]),
    ];
    for (about, kind, codes) in table {
        for code in codes {
            let refusal = judge(*code, "why").unwrap_err();
            assert_eq!((refusal.about, refusal.error.kind()), (about, kind), "{code}");
            assert!(report(&refusal.error).contains(&format!("errcode {code}: why")));
        }
    }
    assert_eq!(judge(45_009, "").unwrap_err().error.retry_after(), Some(WINDOW));
}

#[tokio::test]
async fn a_refused_or_missing_token_says_why() {
    let wecom = WeCom::start().await;
    let sink = open(&wecom.uri("")).await;
    for (reply, kind, says) in [
        (
            says(40_001, "invalid credential, CSEC"),
            ExportErrorKind::Unauthorized,
            "invalid credential, [redacted]",
        ),
        (says(60_020, "not allow to access from your ip"), ExportErrorKind::Unauthorized, "errcode 60020"),
        (says(0, "ok"), ExportErrorKind::Unavailable, "asked for an access token and gave none"),
        (Reply::ok().with_body("{}"), ExportErrorKind::Unavailable, "no JSON with an errcode: \"{}\""),
        (
            Reply::json(r#"{"errcode":0,"access_token":"hunter2","expires_in":-5}"#),
            ExportErrorKind::Unavailable,
            "no JSON with an errcode: \"[redacted]\"",
        ),
        (
            Reply::json(r#"{"errcode":45009,"access_token":"hunter2","errmsg":"hunter2 came too often"}"#),
            ExportErrorKind::RateLimited,
            "errcode 45009: [redacted] came too often",
        ),
        (
            Reply::json(r#"{"errcode":0,"access_token":"hunter"#),
            ExportErrorKind::Unavailable,
            "no JSON with an errcode: \"[redacted]\"",
        ),
        (Reply::status(502), ExportErrorKind::Unavailable, "502"),
    ] {
        wecom.destination.next(reply);
        let error = sink.check_health().await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(report(&error).contains(says), "{}", report(&error));
    }
    assert_eq!(wecom.tokens(), 0);
}

#[test]
fn wrong_options_are_told_without_secrets() {
    for (uri, says) in [
        ("wechat", "option \"corp_id\" is missing"),
        ("wechat:?corp_secret=hunter2&agent_id=1", "option \"corp_id\" is missing"),
        ("wechat:?corp_id=c&agent_id=1", "option \"corp_secret\" is missing"),
        ("wechat:?corp_id=c&corp_secret=&agent_id=1", "option \"corp_secret\": it is empty"),
        ("wechat:?corp_id=c&corp_secret=hunter2", "option \"agent_id\" is missing"),
        ("wechat:?corp_id=c&corp_secret=hunter2&agent_id=app", "\"app\" is no number"),
        ("wechat:?corp_id=c&corp_secret=hunter2&agent_id=1&to_user=,", "it names nobody"),
        ("wechat:?corp_id=c&corp_secret=hunter2&agent_id=1&to_users=a", "did you mean \"to_user\"?"),
        (
            "wechat:?corp_id=c&corp_secret=x&agent_id=1&api_url=hunter2",
            "option \"api_url\": it is not of the form",
        ),
        ("wechat:?corp_id=c&corp_secret=x&agent_id=1&api_url=ftp://hunter2", "it is not of the form"),
    ] {
        let errors = errors_of(uri);
        assert!(errors.contains(says), "{uri}: {errors}");
        assert!(!errors.contains("hunter2"), "{errors}");
    }
}

#[test]
fn what_kube_eventer_takes_is_taken() {
    for rest in
        ["level=warning&namespaces=&kinds=&label=", "level=Normal&namespaces=prod&kinds=Pod&to_user=a,b"]
    {
        let uri = format!("wechat:https://ignored/path?corp_id=c&corp_secret=s&agent_id=1000012&{rest}");
        let plan = registry().plan_sink(&ComponentUri::parse("--sink", &uri, &()).unwrap()).unwrap();
        assert_eq!(plan.exporter, "WechatSink");
        assert_eq!(plan.policy.rate.unwrap().to_string(), "16/1m");
    }
}

#[test]
fn the_example_is_understood() {
    let example = WechatConfig::SPEC.example.strip_prefix("--sink=").unwrap();
    let environment: std::collections::BTreeMap<_, _> = [("SECRET".to_owned(), "abc".to_owned())].into();
    let uri = ComponentUri::parse("--sink", example, &environment).unwrap();
    assert!(registry().plan_sink(&uri).is_ok());
}
