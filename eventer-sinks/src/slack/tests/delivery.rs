//! How messages are delivered, and what becomes of them.

use std::time::Duration;

use eventer_core::testing::conformance::{self, Destination, Fault, Subject};
use eventer_core::{BatchLimits, ExportError, ExportErrorKind, SinkContext, async_trait, report};
use eventer_testkit::{FakeDestination, Reply, Request};

use super::{batch_of, bot, golden_event, open, plan, webhook};
use crate::slack::SlackConfig;

/// Slack, as the conformance kit sees it.
struct Slack {
    server: FakeDestination,
    replies: fn(Option<Fault>) -> Reply,
}

#[async_trait]
impl Destination for Slack {
    /// What is seen of the messages: beside it each has a fallback, which says the same.
    async fn received(&self) -> Vec<String> {
        let bodies: Vec<String> = self.server.requests().iter().map(Request::text).collect();
        bodies
            .iter()
            .filter_map(|body| body.split_once("\"blocks\":"))
            .map(|(_, seen)| seen.to_owned())
            .collect()
    }

    fn misbehave(&self, fault: Option<Fault>) -> bool {
        self.server.set_default((self.replies)(fault));
        true
    }
}

impl Slack {
    async fn start(replies: fn(Option<Fault>) -> Reply) -> Self {
        let slack = Self { server: FakeDestination::start().await, replies };
        slack.misbehave(None);
        slack
    }

    async fn check(&self, uri: String, secrets: &[&str]) {
        conformance::check(&Subject {
            register: |registry| _ = registry.register_sink::<SlackConfig>(),
            uri,
            secrets: secrets.iter().map(|&secret| secret.to_owned()).collect(),
            destination: self,
            open: None,
        })
        .await;
    }
}

fn refusal(word: &str) -> String {
    format!(r#"{{"ok":false,"error":"{word}"}}"#)
}

#[tokio::test]
async fn it_conforms_with_a_webhook() {
    let slack = Slack::start(|fault| match fault {
        None => Reply::ok().with_body("ok"),
        Some(Fault::Unavailable) => Reply::status(500).with_body("rollup_error"),
        Some(Fault::RateLimited) => Reply::too_many_requests(Fault::RETRY_AFTER.as_secs()),
        Some(Fault::Unauthorized) => Reply::status(403).with_body("invalid_token"),
        Some(Fault::Rejecting) => Reply::status(400).with_body("invalid_payload"),
        Some(Fault::Hanging) => Reply::Hang,
        Some(Fault::Nonsense) => Reply::ok().with_body("<html>Log in</html>"),
    })
    .await;
    let uri = format!("slack:{}/services/T0/B0/webhook-secret?level=Normal", slack.server.url());
    slack.check(uri, &["webhook-secret", "/services/"]).await;
}

#[tokio::test]
async fn it_conforms_with_a_bot() {
    let slack = Slack::start(|fault| match fault {
        None => Reply::json(r#"{"ok":true,"ts":"1.2"}"#),
        Some(Fault::Unavailable) => Reply::json(refusal("service_unavailable")),
        Some(Fault::RateLimited) => {
            Reply::too_many_requests(Fault::RETRY_AFTER.as_secs()).with_body(refusal("ratelimited"))
        }
        Some(Fault::Unauthorized) => Reply::json(refusal("invalid_auth")),
        Some(Fault::Rejecting) => Reply::json(refusal("invalid_blocks")),
        Some(Fault::Hanging) => Reply::Hang,
        Some(Fault::Nonsense) => Reply::ok().with_body("thank you"),
    })
    .await;
    let uri =
        format!("slack:?api_url={}/api&token=xoxb-1-secret&channel=C1&level=Normal", slack.server.url());
    slack.check(uri, &["xoxb-1-secret"]).await;
}

#[tokio::test]
async fn a_webhook_gets_a_post_of_the_message_alone() {
    let (destination, sink) = webhook().await;
    sink.export_events(&batch_of(vec![golden_event(2)])).await.unwrap();
    let request = destination.requests().remove(0);
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/services/T0/B0/webhook-secret"));
    assert_eq!(request.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(request.header("authorization"), None);
    assert_eq!(request.json().get("channel"), None);
    assert_eq!(request.raw_query, "");
}

#[tokio::test]
async fn a_bot_posts_by_the_web_api_to_the_channel_of_the_event() {
    let (destination, sink) = bot("%23{{ .InvolvedObject.Namespace }}-alerts").await;
    sink.export_events(&batch_of(vec![golden_event(2)])).await.unwrap();
    let request = destination.requests().remove(0);
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/api/chat.postMessage"));
    assert_eq!(request.header("authorization"), Some("Bearer xoxb-secret-token"));
    assert_eq!(request.json()["channel"], "#prod-alerts");
}

#[tokio::test]
async fn an_event_that_names_no_channel_is_rejected_unsent() {
    let (destination, sink) = bot("{{ .InvolvedObject.Namespace }}").await;
    let error = sink.export_events(&batch_of(vec![golden_event(3)])).await.unwrap_err();
    assert_eq!((error.kind(), destination.count()), (ExportErrorKind::Rejected, 0));
    assert!(report(&error).ends_with("channel= names no channel for this event"), "{}", report(&error));
}

#[tokio::test]
async fn a_webhooks_answers_have_their_kinds() {
    use ExportErrorKind::{RateLimited, Rejected, Unauthorized, Unavailable};
    let (destination, sink) = webhook().await;
    let batch = batch_of(vec![golden_event(2)]);
    let answers = [
        (200, "ok", None),
        (400, "invalid_payload", Some(Rejected)),
        (400, "something_new", Some(Rejected)),
        (403, "action_prohibited", Some(Unauthorized)),
        (403, "", Some(Unauthorized)),
        (404, "channel_not_found", Some(Unavailable)),
        (404, "no_service", Some(Unauthorized)),
        (404, "<html>", Some(Unavailable)),
        (410, "channel_is_archived", Some(Unavailable)),
        (429, "", Some(RateLimited)),
        (429, "rate_limited", Some(RateLimited)),
        (500, "rollup_error", Some(Unavailable)),
        (502, "<html>", Some(Unavailable)),
        (200, "<html>", Some(Unavailable)),
        (200, "no_text", Some(Rejected)),
    ];
    for (status, body, kind) in answers {
        destination.next(Reply::status(status).with_body(body));
        let error = sink.export_events(&batch).await.err();
        assert_eq!(error.as_ref().map(ExportError::kind), kind, "{status} {body}");
        if let Some(error) = error.filter(|_| !body.contains('<')) {
            assert!(report(&error).contains(body), "{}", report(&error));
        }
    }
}

#[tokio::test]
async fn what_the_web_api_hides_in_a_200_is_read() {
    use ExportErrorKind::{RateLimited, Rejected, Unauthorized, Unavailable};
    let answers = [
        ("ratelimited", RateLimited, RateLimited),
        ("invalid_auth", Unauthorized, Unauthorized),
        ("missing_scope", Unauthorized, Unauthorized),
        ("channel_not_found", Unavailable, Rejected),
        ("not_in_channel", Unavailable, Rejected),
        ("is_archived", Unavailable, Rejected),
        ("msg_too_long", Rejected, Rejected),
        ("invalid_blocks", Rejected, Rejected),
        ("internal_error", Unavailable, Unavailable),
        ("on_holiday", Unavailable, Unavailable),
    ];
    let (fixed, fixed_sink) = bot("C1").await;
    let (of_event, of_event_sink) = bot("%23{{ .Type }}").await;
    let batch = batch_of(vec![golden_event(2)]);
    for (word, for_fixed, for_event) in answers {
        for (destination, sink, kind) in
            [(&fixed, &fixed_sink, for_fixed), (&of_event, &of_event_sink, for_event)]
        {
            destination.next(Reply::json(refusal(word)).with_header("Retry-After", "7"));
            let error = sink.export_events(&batch).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{word}");
            let wait = (kind != Rejected).then_some(Duration::from_secs(7));
            assert_eq!(error.retry_after(), wait, "{word}");
            assert!(report(&error).contains(word), "{}", report(&error));
        }
    }
}

#[tokio::test]
async fn an_error_says_what_to_do() {
    let (destination, sink) = bot("C1").await;
    let batch = batch_of(vec![golden_event(2)]);
    destination.next(Reply::json(refusal("not_in_channel")));
    let error = sink.export_events(&batch).await.unwrap_err();
    assert_eq!(
        report(&error),
        "the destination is unavailable: it answered \"not_in_channel\": invite the bot into the channel, or \
         correct channel="
    );
    destination.next(Reply::json(r#"{"ok":false,"error":"missing_scope","needed":"chat:write"}"#));
    let error = sink.export_events(&batch).await.unwrap_err();
    assert_eq!(
        report(&error),
        "the destination refused our credentials: it answered \"missing_scope\" (needed: chat:write): give a \
         token of a bot that has the scope chat:write"
    );
}

#[tokio::test]
async fn an_answer_longer_than_what_is_read_of_it_is_a_delivery() {
    let (destination, sink) = bot("C1").await;
    let long = format!(r#"{{"ok":true,"message":{{"text":"{}"}}}}"#, "x".repeat(200_000));
    destination.next(Reply::json(long));
    sink.export_events(&batch_of(vec![golden_event(2)])).await.unwrap();
}

#[tokio::test]
async fn the_health_of_a_bot_is_whether_its_token_is_known_and_a_webhook_is_not_asked() {
    let (destination, sink) = bot("C1").await;
    sink.check_health().await.unwrap();
    assert_eq!(destination.requests()[0].path, "/api/auth.test");
    assert_eq!(destination.requests()[0].header("authorization"), Some("Bearer xoxb-secret-token"));
    destination.next(Reply::json(refusal("account_inactive")));
    let error = sink.check_health().await.unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::Unauthorized);

    let (destination, sink) = webhook().await;
    sink.check_health().await.unwrap();
    assert_eq!(destination.count(), 0);
}

#[tokio::test]
async fn of_several_events_those_before_a_failure_stay_delivered() {
    let (destination, sink) = webhook().await;
    assert_eq!((sink.limits(), sink.name()), (BatchLimits::ONE_EVENT, "chat"));
    destination.next(Reply::ok());
    destination.next(Reply::status(500));
    let batch = batch_of(vec![golden_event(1), golden_event(2), golden_event(3)]);
    let error = sink.export_events(&batch).await.unwrap_err();
    assert_eq!((error.unsent(), destination.count()), ([1, 2].as_slice(), 2));
}

#[tokio::test]
async fn secrets_in_files_are_read_again_for_each_message() {
    let folder = tempfile::tempdir().unwrap();
    let (url_file, token_file) = (folder.path().join("url"), folder.path().join("token"));
    let destination = FakeDestination::start().await;
    destination.set_default(Reply::json(r#"{"ok":true}"#));
    let url = destination.url();
    let by_url = open(&format!("slack:?url_file={}", url_file.display())).await;
    let by_token =
        open(&format!("slack:?token_file={}&channel=C1&api_url={url}", token_file.display())).await;
    let batch = batch_of(vec![golden_event(2)]);
    for sink in [&by_url, &by_token] {
        let error = sink.export_events(&batch).await.unwrap_err();
        assert_eq!(error.kind(), ExportErrorKind::Unavailable);
    }
    for word in ["first", "second"] {
        std::fs::write(&url_file, format!("{url}/services/{word}\n")).unwrap();
        std::fs::write(&token_file, format!("xoxb-{word}\n")).unwrap();
        destination.clear();
        by_url.export_events(&batch).await.unwrap();
        by_token.export_events(&batch).await.unwrap();
        let requests = destination.requests();
        assert_eq!(requests[0].path, format!("/services/{word}"));
        assert_eq!(requests[1].header("authorization"), Some(&*format!("Bearer xoxb-{word}")));
    }
}

#[tokio::test]
async fn no_secret_is_in_any_error_or_debug() {
    let destination = FakeDestination::start().await;
    let url = destination.url();
    for uri in [
        format!("slack:{url}/services/T0/B0/hunter2-hunter2?x=hunter2-query"),
        format!("slack:?token=xoxb-hunter2-token&channel=C1&api_url={url}/api"),
    ] {
        let plan = plan(&uri, None).unwrap();
        let sink = plan.open(SinkContext::new("chat")).await.unwrap();
        let mut shown = vec![format!("{plan:?}")];
        // It repeats all that it got, as debugging endpoints and error pages do.
        let echo = |status: u16, as_json: bool| {
            move |request: &eventer_testkit::Request| {
                let seen = format!("{request:?}").replace(['\\', '"'], "'");
                let seen = if as_json {
                    format!(r#"{{"ok":false,"error":"{seen}","needed":"{seen}"}}"#)
                } else {
                    seen
                };
                Reply::status(status).with_body(seen)
            }
        };
        for (status, as_json) in [(200, false), (200, true), (400, false), (403, true), (500, false)] {
            destination.respond_with(echo(status, as_json));
            let error = sink.export_events(&batch_of(vec![golden_event(2)])).await.unwrap_err();
            shown.push(format!("{} {error:?}", report(&error)));
        }
        for text in shown {
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
}
