//! The robot against kube-eventer's recorded requests and against a DingTalk that refuses.

use std::sync::Arc;

use eventer_core::testing::conformance::{self, Destination, Fault, Subject};
use eventer_core::{
    BatchLimits, Clock, ComponentUri, Event, EventBatch, EventSink, ExportErrorKind, Registry,
    SinkConfig as _, SinkContext, async_trait, report,
};
use eventer_testkit::{FakeDestination, Reply, Request, events};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::answer::{WINDOW, judge};
use super::sign::signature;
use super::{DingtalkConfig, Form, MessageType, url};

/// A clock that stands still.
#[derive(Debug)]
struct FixedClock(Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// A DingTalk that hides what it says in a 200.
struct Robot(FakeDestination);

impl Robot {
    async fn start() -> Self {
        let robot = Self(FakeDestination::start().await);
        robot.misbehave(None);
        robot
    }
}

#[async_trait]
impl Destination for Robot {
    async fn received(&self) -> Vec<String> {
        self.0.requests().iter().map(Request::text).collect()
    }

    fn misbehave(&self, fault: Option<Fault>) -> bool {
        self.0.set_default(match fault {
            None => answer(0, "ok"),
            Some(Fault::Unavailable) => answer(-1, "系统繁忙"),
            Some(Fault::RateLimited) => Reply::too_many_requests(Fault::RETRY_AFTER.as_secs()),
            Some(Fault::Unauthorized) => answer(310_000, "sign not match"),
            Some(Fault::Rejecting) => answer(310_000, "keywords not in content"),
            Some(Fault::Hanging) => Reply::Hang,
            Some(Fault::Nonsense) => Reply::ok().with_body("<html>please log in</html>"),
        });
        true
    }
}

fn answer(code: i64, message: &str) -> Reply {
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
    registry.register_sink::<DingtalkConfig>();
    registry
}

async fn open_with(uri: &str, context: SinkContext) -> Arc<dyn EventSink> {
    let uri = ComponentUri::parse("--sink", uri, &()).unwrap();
    registry().plan_sink(&uri).unwrap().open(context).await.unwrap()
}

async fn open(uri: &str) -> Arc<dyn EventSink> {
    open_with(uri, SinkContext::new("robot")).await
}

fn errors_of(uri: &str) -> String {
    let uri = ComponentUri::parse("--sink", uri, &()).unwrap();
    let errors = registry().plan_sink(&uri).unwrap_err();
    errors.iter().map(|error| format!("{error} {error:?}")).collect::<Vec<_>>().join("\n")
}

/// The request that kube-eventer sent: its lines before the body, and the body.
fn recorded(file: &str) -> (Vec<&str>, &str) {
    let (head, body) = file.split_once("\n\n").unwrap();
    (head.lines().collect(), body)
}

/// What is sent for `event` by a sink of this query, at this time.
async fn sent(query: &str, event: Event, now: &str) -> Request {
    let robot = Robot::start().await;
    let mut context = SinkContext::new("robot");
    context.clock = Arc::new(FixedClock(now.parse().unwrap()));
    let sink = open_with(&format!("dingtalk:{}/robot/send?{query}", robot.0.url()), context).await;
    sink.export_events(&batch_of(vec![event])).await.unwrap();
    assert_eq!(robot.0.count(), 1);
    robot.0.requests().remove(0)
}

async fn assert_sends(query: &str, number: usize, now: &str, golden: &str) {
    let (head, body) = recorded(golden);
    let request = sent(query, golden_event(number), now).await;
    let target = format!("{}?{}", request.path, request.raw_query);
    assert_eq!(format!("{} {target} HTTP/1.1", request.method), head[1]);
    assert_eq!(request.text(), body);
    let content_type = format!("Content-Type: {}", request.header("content-type").unwrap());
    assert!(head.contains(&content_type.as_str()), "{content_type}");
}

const NOW: &str = "2026-11-21T05:00:00Z";

#[tokio::test]
async fn a_text_is_kube_eventers() {
    for (number, golden) in [
        (1, include_str!("../../testdata/dingtalk/kube-eventer-text-input-1.http")),
        (2, include_str!("../../testdata/dingtalk/kube-eventer-text-input-2.http")),
        (3, include_str!("../../testdata/dingtalk/kube-eventer-text-input-3.http")),
        (4, include_str!("../../testdata/dingtalk/kube-eventer-text-input-4.http")),
    ] {
        let query = "access_token=TOKEN123&level=Normal&label=cluster-a&label=idc-1";
        assert_sends(query, number, NOW, golden).await;
    }
}

#[tokio::test]
async fn a_markdown_is_kube_eventers() {
    for (number, golden) in [
        (1, include_str!("../../testdata/dingtalk/kube-eventer-markdown-input-1.http")),
        (2, include_str!("../../testdata/dingtalk/kube-eventer-markdown-input-2.http")),
        (3, include_str!("../../testdata/dingtalk/kube-eventer-markdown-input-3.http")),
        (4, include_str!("../../testdata/dingtalk/kube-eventer-markdown-input-4.http")),
    ] {
        let query = "access_token=TOKEN123&level=Normal&label=cluster-a&label=idc-1&msg_type=markdown\
                     &cluster_id=c123&region=cn-hangzhou";
        assert_sends(query, number, NOW, golden).await;
    }
}

#[tokio::test]
async fn a_signed_request_is_kube_eventers() {
    for (number, now, golden) in [
        (
            2,
            "2026-11-21T05:00:24.505Z",
            include_str!("../../testdata/dingtalk/kube-eventer-text-sign-input-2.http"),
        ),
        (
            3,
            "2026-11-21T05:00:24.557Z",
            include_str!("../../testdata/dingtalk/kube-eventer-text-sign-input-3.http"),
        ),
        (
            4,
            "2026-11-21T05:00:24.609Z",
            include_str!("../../testdata/dingtalk/kube-eventer-text-sign-input-4.http"),
        ),
    ] {
        assert_sends("access_token=TOKEN123&sign=SECabc", number, now, golden).await;
    }
}

#[test]
fn the_signature_is_dingtalks() {
    assert_eq!(signature(1_795_237_224_505, "SECabc"), "6Tm28/Nzf7aut2henyCo9gSwqlY4nA4qcbb+5vwoEWg=");
}

#[tokio::test]
async fn a_percent_in_a_label_leaves_the_message_as_it_is() {
    let (head, theirs) =
        recorded(include_str!("../../testdata/dingtalk/kube-eventer-label-percent-input-2.http"));
    let request = sent("access_token=TOKEN123&level=Normal&label=50%25s", golden_event(2), NOW).await;
    assert!(head[1].contains(&request.raw_query));
    assert!(theirs.contains("%!s(MISSING)"));
    let (_, plain) = recorded(include_str!("../../testdata/dingtalk/kube-eventer-text-input-2.http"));
    assert_eq!(request.text(), plain.replace("idc-1\\ncluster-a", "50%s"));
}

fn form(message_type: MessageType) -> Form {
    let labels = ["a", " ", "b"].map(str::to_owned).into();
    Form { message_type, labels, cluster_id: "c1".to_owned(), region: "cn-x".to_owned() }
}

fn markdown_of(event: &Event) -> String {
    let body = form(MessageType::Markdown).body(event, &TimeZone::UTC);
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    body["markdown"]["text"].as_str().unwrap().to_owned()
}

#[test]
fn each_kind_that_the_console_has_a_page_of_is_linked() {
    let b = "https://cs.console.aliyun.com/#/k8s";
    for (kind, page) in [
        ("Pod", "pod/c1/prod/web-0/container"),
        ("Deployment", "deployment/detail/cn-x/c1/prod/web-0/pods"),
        ("StatefulSet", "statefulset/detail/cn-x/c1/prod/web-0/pods"),
        ("DaemonSet", "daemonset/detail/cn-x/c1/prod/web-0/pods"),
        ("CronJob", "cronjob/detail/cn-x/c1/prod/web-0/jobs"),
        ("Service", "service/detail/cn-x/c1/prod/web-0"),
    ] {
        let mut event = golden_event(2);
        event.involved_object.kind = kind.to_owned();
        let text = markdown_of(&event);
        assert!(text.contains(&format!("Name: [web-0.17a1b2c3d4e5f602]({b}/{page}) \n")), "{text}");
    }
    let mut event = golden_event(2);
    event.involved_object.kind = "Job".to_owned();
    assert!(markdown_of(&event).contains("Name: web-0.17a1b2c3d4e5f602 \n"));
}

#[test]
fn a_node_is_linked_if_its_name_tells_its_instance() {
    let mut event = golden_event(2);
    let mut node = |host: &str| {
        event.source.host = host.to_owned();
        let text = markdown_of(&event);
        text[..text.find("Level:").unwrap()]
            .trim_start_matches("label[0]: **a**\n\nlabel[2]: **b**\n\n")
            .to_owned()
    };
    assert_eq!(node(""), "");
    assert_eq!(node("node-1"), "Node: **node-1** \n\n");
    assert_eq!(
        node("cn-x.i-1.more"),
        "Node: [cn-x.i-1.more](https://ecs.console.aliyun.com/#/server/i-1/detail?regionId=cn-x) \n\n"
    );
}

#[test]
fn the_time_is_in_the_zone_of_the_process() {
    let shanghai = TimeZone::get("Asia/Shanghai").unwrap();
    let text = String::from_utf8(form(MessageType::Text).body(&golden_event(4), &shanghai)).unwrap();
    assert!(text.contains("Timestamp:2024-05-06 15:08:12 \\n"), "{text}");
    let text = String::from_utf8(form(MessageType::Markdown).body(&golden_event(4), &shanghai)).unwrap();
    assert!(text.contains("Timestamp: **2024-05-06 15:08:12.123456 +0800 CST** \\n"), "{text}");
}

#[test]
fn no_body_is_longer_than_dingtalk_takes() {
    for message_type in [MessageType::Text, MessageType::Markdown] {
        for pattern in ["x", "中", "<\"\n\u{1}&"] {
            let mut event = golden_event(2);
            event.message = pattern.repeat(30_000);
            let body = form(message_type).body(&event, &TimeZone::UTC);
            assert!((19_990..=20_000).contains(&body.len()), "{message_type:?} {pattern:?}: {}", body.len());
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            let (text, end) = match message_type {
                MessageType::Text => (&body["text"]["content"], "…"),
                MessageType::Markdown => (&body["markdown"]["text"], "…**"),
            };
            assert!(text.as_str().unwrap().ends_with(end));
        }
    }
}

#[tokio::test]
async fn it_conforms() {
    let robot = Robot::start().await;
    conformance::check(&Subject {
        register: |registry| _ = registry.register_sink::<DingtalkConfig>(),
        uri: format!(
            "dingtalk:{}/robot/path-secret-1?access_token=token-secret-2&sign=sign-secret-3",
            robot.0.url()
        ),
        secrets: ["path-secret-1", "token-secret-2", "sign-secret-3"].map(str::to_owned).into(),
        destination: &robot,
        open: None,
    })
    .await;
}

#[test]
fn each_code_has_its_kind() {
    use ExportErrorKind::{RateLimited, Rejected, Unauthorized, Unavailable};
    assert!(judge(0, "ok").is_ok());
    let table: [(ExportErrorKind, &[i64]); 4] = [
        (RateLimited, &[130_101, 130_103, 410_100, 90_018]),
        (
            Unauthorized,
            &[
                300_001, 300_005, 400_101, 40_001, 40_014, 42_001, 40_035, 88, 400_013, 400_102, 400_106,
                310_000,
            ],
        ),
        (Rejected, &[101_002, 460_101, 34_016, 430_101, 430_102, 430_103, 430_104]),
        (Unavailable, &[-1, 1, 404, 400_105, 999_999, i64::MIN]),
    ];
    for (kind, codes) in table {
        for code in codes {
            let error = judge(*code, "why").unwrap_err();
            assert_eq!(error.kind(), kind, "{code}");
            assert_eq!(error.retry_after(), (kind == RateLimited).then_some(WINDOW), "{code}");
            assert!(report(&error).contains(&format!("errcode {code}: why")), "{}", report(&error));
        }
    }
}

#[test]
fn a_missing_keyword_is_the_events_fault_and_other_security_settings_are_not() {
    use ExportErrorKind::{Rejected, Unauthorized};
    for (message, kind) in [
        ("keywords not in content", Rejected),
        ("错误描述:关键词不匹配;解决方案:请联系群管理员查看此机器人的关键词", Rejected),
        ("sign not match", Unauthorized),
        ("invalid timestamp", Unauthorized),
        ("ip 203.0.113.7 not in whitelist", Unauthorized),
        ("错误描述:机器人发送签名不匹配", Unauthorized),
    ] {
        assert_eq!(judge(310_000, message).unwrap_err().kind(), kind, "{message}");
    }
}

#[tokio::test]
async fn a_refusal_in_a_200_is_an_error_that_says_what_dingtalk_said() {
    let robot = Robot::start().await;
    let sink = open(&format!("dingtalk:{}/robot/send?access_token=TOKEN123", robot.0.url())).await;
    let batch = batch_of(vec![golden_event(2)]);
    robot.0.next(answer(130_101, "send too fast, exceed 20 times per minute"));
    let error = sink.export_events(&batch).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ExportErrorKind::RateLimited, Some(WINDOW)));
    assert!(report(&error).ends_with("errcode 130101: send too fast, exceed 20 times per minute"));
    robot.0.next(answer(300_005, "token TOKEN123 is not exist"));
    let error = sink.export_events(&batch).await.unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::Unauthorized);
    assert!(report(&error).ends_with("errcode 300005: token [redacted] is not exist"), "{}", report(&error));
}

#[tokio::test]
async fn an_answer_that_is_none_of_dingtalks_is_trouble_that_passes() {
    let robot = Robot::start().await;
    let sink = open(&format!("dingtalk:{}/robot/send?access_token=TOKEN123", robot.0.url())).await;
    for body in
        ["", "ok", "{}", "[]", "null", "{\"errcode\":\"zero\"}", "{\"errcode\":0", "<html>log in</html>"]
    {
        robot.0.next(Reply::ok().with_body(body));
        let error = sink.export_events(&batch_of(vec![golden_event(2)])).await.unwrap_err();
        assert_eq!(error.kind(), ExportErrorKind::Unavailable, "{body}");
        assert!(report(&error).contains("no JSON with an errcode"), "{}", report(&error));
    }
}

#[tokio::test]
async fn of_several_events_those_before_a_failure_stay_delivered() {
    let robot = Robot::start().await;
    let sink = open(&format!("dingtalk:{}/robot/send?access_token=TOKEN123", robot.0.url())).await;
    assert_eq!(sink.limits(), BatchLimits::ONE_EVENT);
    robot.0.next(answer(0, "ok"));
    robot.0.next(answer(-1, "busy"));
    let batch = batch_of(vec![golden_event(1), golden_event(2), golden_event(3)]);
    let error = sink.export_events(&batch).await.unwrap_err();
    assert_eq!((error.unsent(), robot.0.count()), ([1, 2].as_slice(), 2));
}

#[tokio::test]
async fn secrets_in_files_are_read_again_for_each_message() {
    let folder = tempfile::tempdir().unwrap();
    let (token, sign) = (folder.path().join("token"), folder.path().join("sign"));
    std::fs::write(&token, "first\n").unwrap();
    std::fs::write(&sign, "SECabc\n").unwrap();
    let robot = Robot::start().await;
    let uri = format!(
        "dingtalk:{}/robot/send?access_token_file={}&sign_file={}",
        robot.0.url(),
        token.display(),
        sign.display()
    );
    let sink = open(&uri).await;
    let batch = batch_of(vec![golden_event(2)]);
    sink.export_events(&batch).await.unwrap();
    std::fs::write(&token, "second\n").unwrap();
    sink.export_events(&batch).await.unwrap();
    std::fs::remove_file(&sign).unwrap();
    let error = sink.export_events(&batch).await.unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::Unavailable);
    let queries: Vec<_> = robot.0.requests().into_iter().map(|request| request.raw_query).collect();
    assert_eq!(queries.len(), 2);
    assert!(queries[0].starts_with("access_token=first&sign="), "{queries:?}");
    assert!(queries[1].starts_with("access_token=second&sign="), "{queries:?}");
}

#[tokio::test]
async fn the_whole_url_can_stand_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("url");
    let robot = Robot::start().await;
    std::fs::write(&path, format!("{}/robot/send?access_token=first&timestamp=1\n", robot.0.url())).unwrap();
    let sink = open(&format!("dingtalk:?url_file={}", path.display())).await;
    let batch = batch_of(vec![golden_event(2)]);
    sink.export_events(&batch).await.unwrap();
    let request = robot.0.requests().remove(0);
    assert_eq!((request.path.as_str(), request.raw_query.as_str()), ("/robot/send", "access_token=first"));
    std::fs::write(&path, format!("{}/robot/send\n", robot.0.url())).unwrap();
    let error = sink.export_events(&batch).await.unwrap_err();
    assert!(report(&error).contains("no access_token"), "{}", report(&error));

    let other = format!("dingtalk:?url_file={}&access_token=other", path.display());
    open(&other).await.export_events(&batch).await.unwrap();
    assert_eq!(robot.0.requests()[1].raw_query, "access_token=other");
}

#[tokio::test]
async fn the_whole_url_can_come_from_a_variable() {
    let robot = Robot::start().await;
    let url = format!("{}/robot/send?access_token=T%2B1", robot.0.url());
    let environment: std::collections::BTreeMap<_, _> = [("URL".to_owned(), url)].into();
    let uri = ComponentUri::parse("--sink", "dingtalk:$URL?label=a", &environment).unwrap();
    let sink = registry().plan_sink(&uri).unwrap().open(SinkContext::new("robot")).await.unwrap();
    sink.export_events(&batch_of(vec![golden_event(2)])).await.unwrap();
    assert_eq!(robot.0.requests()[0].raw_query, "access_token=T%2B1");
}

#[test]
fn a_file_without_a_url_or_a_token_is_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("url");
    let errors = |content: &str| {
        std::fs::write(&path, content).unwrap();
        let uri = format!("dingtalk:?url_file={}", path.display());
        let plan = registry().plan_sink(&ComponentUri::parse("--sink", &uri, &()).unwrap()).unwrap();
        plan.check_files()
            .err()
            .unwrap_or_default()
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(errors("https://oapi.dingtalk.com/robot/send?access_token=hunter2\n"), "");
    for (content, says) in [
        ("https://oapi.dingtalk.com/robot/hunter2", "the URL has no access_token"),
        ("https://oapi.dingtalk.com/hunter2?access_token=", "the URL has no access_token"),
        ("hunter2", "the URL is missing"),
        ("https://oapi.dingtalk.com/?access_token=hunter2#x", "%23"),
    ] {
        let errors = errors(content);
        assert!(errors.contains(says) && !errors.contains("hunter2"), "{content}: {errors}");
    }
}

#[test]
fn the_scheme_is_https_unless_it_is_http() {
    for (text, url) in [
        ("https://h/p", "https://h/p"),
        ("http://h:8080/p", "http://h:8080/p"),
        ("HTTP://h/p", "http://h/p"),
        ("//h/p", "https://h/p"),
        ("dingtalk://h/p", "https://h/p"),
    ] {
        assert_eq!(url::parse(text).unwrap().as_str(), url);
    }
}

#[test]
fn wrong_options_are_told_all_at_once_without_secrets() {
    for (uri, says) in [
        ("dingtalk", "the URL is missing"),
        ("dingtalk:?access_token=hunter2", "the URL is missing"),
        ("dingtalk:hunter2.example.com/robot?access_token=x", "the URL is missing"),
        ("dingtalk:https:///hunter2?access_token=x", "no host"),
        ("dingtalk:https://h/robot", "option \"access_token\" is missing"),
        ("dingtalk:https://h/robot?access_token=", "option \"access_token\": it is empty"),
        ("dingtalk:https://h/hunter2?access_token=x&url_file=/x", "give one of them"),
        (
            "dingtalk:https://h/r?access_token=hunter2&msg_type=Markdown",
            "\"Markdown\" is neither text nor markdown",
        ),
        ("dingtalk:https://h/r?access_token=hunter2&labels=a", "did you mean \"label\"?"),
        ("dingtalk:https://h/r?access_token=hunter2&room=ops", "option \"room\" is not known"),
        ("dingtalk:https://h/r?access_token=hunter2&level=loud", "option \"level\""),
    ] {
        let errors = errors_of(uri);
        assert!(errors.contains(says), "{uri}: {errors}");
        assert!(!errors.contains("hunter2"), "{errors}");
    }
}

#[test]
fn what_kube_eventer_takes_is_taken() {
    for rest in [
        "level=warning&namespaces=&kinds=&sign=&label=",
        "level=Normal&namespaces=prod,default&kinds=Pod,Node&msg_type=text&cluster_id=c&region=r",
    ] {
        let uri = format!("dingtalk:https://oapi.dingtalk.com/robot/send?access_token=T&{rest}");
        let plan = registry().plan_sink(&ComponentUri::parse("--sink", &uri, &()).unwrap()).unwrap();
        assert_eq!(plan.exporter, "DingTalkSink");
        assert_eq!(plan.policy.rate.unwrap().to_string(), "20/1m");
    }
}

#[test]
fn the_example_is_understood() {
    let example = DingtalkConfig::SPEC.example.strip_prefix("--sink=").unwrap();
    let environment: std::collections::BTreeMap<_, _> = [("TOKEN", "abc"), ("SECRET", "SECabc")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let uri = ComponentUri::parse("--sink", example, &environment).unwrap();
    assert!(registry().plan_sink(&uri).is_ok());
}
