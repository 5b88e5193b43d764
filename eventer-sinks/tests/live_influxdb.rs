//! The sink before a real InfluxDB 1: what was sent is queried back.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

use std::collections::BTreeMap;
use std::sync::Arc;

use eventer_core::testing::{batch, event};
use eventer_core::{
    BatchLimits, ComponentUri, Event, EventBatch, EventSink, ExportError, ExportErrorKind, Registry,
    SinkContext, report,
};
use eventer_sinks::influxdb::InfluxdbConfig;
use eventer_testkit::events;
use eventer_testkit::live::influxdb::{ADMIN, ADMIN_PASSWORD, InfluxDb};
use jiff::Timestamp;
use serde_json::{Value, json};

/// How often the server is asked at most; a batch that is cut into halves needs a few.
const ATTEMPTS: usize = 200;

async fn open(server: &InfluxDb, options: &str) -> Arc<dyn EventSink> {
    let mut registry = Registry::new();
    registry.register_sink::<InfluxdbConfig>();
    let uri = ComponentUri::parse("--sink", &format!("influxdb:{}?{options}", server.url()), &()).unwrap();
    registry.plan_sink(&uri).unwrap().open(SinkContext::new("influxdb")).await.unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_767_323_045 + second).unwrap()
}

/// Numbered events of a second each, with such messages.
fn with_messages(messages: &[&str]) -> Vec<Arc<Event>> {
    let numbered = messages.iter().enumerate().map(|(n, message)| {
        let mut event = event(n);
        event.last_timestamp = Some(at(i64::try_from(n).unwrap()));
        (*message).clone_into(&mut event.message);
        Arc::new(event)
    });
    numbered.collect()
}

fn batch_of(events: &[Arc<Event>]) -> EventBatch {
    EventBatch::new("test", Timestamp::UNIX_EPOCH, events.to_vec())
}

/// Delivers as the framework does: what is unsent again, what is refused as a whole by halves. Gives back what was
/// rejected, with the reasons.
async fn deliver(sink: &dyn EventSink, events: Vec<Arc<Event>>) -> Vec<(Arc<Event>, String)> {
    let mut left = vec![events];
    let mut rejected = Vec::new();
    for _ in 0..ATTEMPTS {
        let Some(events) = left.pop() else { return rejected };
        let Err(error) = sink.export_events(&batch_of(&events)).await else { continue };
        if error.is_partial() {
            left.push(error.unsent().iter().map(|index| events[*index].clone()).collect());
            rejected
                .extend(error.rejections().iter().map(|one| (events[one.index].clone(), one.reason.clone())));
        } else if error.is_retryable() {
            left.push(events);
        } else if let [event] = events.as_slice() {
            rejected.push((event.clone(), report(&error)));
        } else {
            let (first, second) = events.split_at(events.len() / 2);
            left.extend([second.to_vec(), first.to_vec()]);
        }
    }
    panic!("it does not end");
}

async fn refusal(sink: &dyn EventSink) -> ExportError {
    sink.export_events(&batch([1])).await.unwrap_err()
}

#[tokio::test]
async fn the_golden_events_are_queried_back_in_both_shapes() {
    let server = InfluxDb::start().await;
    let golden: Vec<Arc<Event>> =
        (1..5).map(|number| Arc::new(serde_json::from_str(events::golden_input(number)).unwrap())).collect();
    for options in
        ["", "gzip=true", "withfields=true&withcount=true", "withfields=true&withcount=true&gzip=true"]
    {
        let sink = open(&server, &format!("db=golden&{options}")).await;
        sink.check_health().await.unwrap();
        sink.export_events(&batch_of(&golden)).await.unwrap();
    }
    let whole = server.points("golden", "log/events", &["uid", "value"]).await;
    let fields = server.points("golden", "events", &["time", "uid", "reason", "message", "count"]).await;
    assert_eq!((whole.len(), fields.len()), (4, 4), "a point that is sent again overwrites itself");
    for (number, event) in golden.iter().enumerate() {
        assert_eq!(whole[number][0], event.metadata.uid);
        let value: Event = serde_json::from_str(whole[number][1].as_str().unwrap()).unwrap();
        assert_eq!(value, **event);
        let time = i64::try_from(event.kube_eventer_time().as_nanosecond()).unwrap();
        let expected = json!([time, event.metadata.uid, event.reason, event.message, event.count()]);
        assert_eq!(Value::from(fields[number].clone()), expected);
    }
}

#[tokio::test]
async fn any_text_is_queried_back() {
    let server = InfluxDb::start().await;
    let all: String = (0..=0x2ff_u32).filter_map(char::from_u32).collect();
    let long = "x\"\\\n".repeat(20_000);
    let messages = [
        "quotes \" and \\\" and ' and \\ back \\\\ \\",
        "two\nlines\r\n\n# no comment\nm,t=1 f=2 3\n",
        "\"",
        "\\",
        "",
        "中文 🦀 \u{2028} \u{202e} \u{0}",
        &all,
        &long,
    ];
    for with_fields in [false, true] {
        let sink = open(&server, &format!("withfields={with_fields}")).await;
        let events = with_messages(&messages);
        assert_eq!(deliver(&*sink, events).await.len(), 0);
    }
    let whole = server.points("k8s", "log/events", &["value"]).await;
    let fields = server.points("k8s", "events", &["message"]).await;
    assert_eq!((whole.len(), fields.len()), (messages.len(), messages.len()));
    for (number, message) in messages.iter().enumerate() {
        let value: Event = serde_json::from_str(whole[number][0].as_str().unwrap()).unwrap();
        assert_eq!(value.message, *message);
        assert_eq!(fields[number][0], *message);
    }
}

#[tokio::test]
async fn any_text_can_stand_in_a_tag() {
    let server = InfluxDb::start().await;
    let texts = [
        ("a b", "a b"),
        ("a=b,c", "a=b,c"),
        ("C:\\tmp\\\\x", "C:\\tmp\\\\x"),
        ("a\\,b\\=c\\ d\\", "a,b=c d"),
        ("a\\\\,\"b", "a,\"b"),
        ("a\\\\ \"b", "a \"b"),
        ("\"", "\""),
        ("#", "#"),
        ("a\nb\r\tc\\\nd", "a\\nb\\r\\tc\\nd"),
        ("中文 🦀", "中文 🦀"),
        ("i=1i,", "i=1i,"),
    ];
    let mut events = with_messages(&["say \"x\""; 11]);
    for (event, (text, _)) in events.iter_mut().zip(&texts) {
        let event = Arc::make_mut(event);
        (*text).clone_into(&mut event.reason);
        (*text).clone_into(&mut event.source.host);
    }
    let sink = open(&server, "withfields=true").await;
    assert_eq!(deliver(&*sink, events).await.len(), 0);
    let points = server.points("k8s", "events", &["reason", "hostname", "message"]).await;
    assert_eq!(points.len(), texts.len());
    for (point, (_, expected)) in points.iter().zip(&texts) {
        assert_eq!(Value::from(point.clone()), json!([expected, expected, "say \"x\""]));
    }
}

#[tokio::test]
async fn a_line_that_is_refused_does_not_keep_the_others() {
    let server = InfluxDb::start().await;
    let mut events = with_messages(&["one", "two", "three", "four"]);
    // Longer than the 64 KiB that a key may have there.
    Arc::make_mut(&mut events[2]).reason = "x".repeat(70_000);
    let sink = open(&server, "withfields=true").await;
    let rejected = deliver(&*sink, events).await;
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0].0.message, "three");
    assert!(rejected[0].1.contains("unable to parse"), "{}", rejected[0].1);
    let points = server.points("k8s", "events", &["message"]).await;
    assert_eq!(points, [[json!("one")], [json!("two")], [json!("four")]]);
}

#[tokio::test]
async fn a_point_beyond_the_retention_does_not_keep_the_others() {
    let server = InfluxDb::start().await;
    server.query("", "CREATE DATABASE k8s WITH DURATION 24h NAME \"default\"").await;
    let sink = open(&server, "withfields=true").await;
    let mut events = with_messages(&["young", "old", "young too"]);
    for event in &mut events {
        let is_old = event.message == "old";
        let time = if is_old { "2020-01-01T00:00:00Z".parse().unwrap() } else { clock() };
        Arc::make_mut(event).last_timestamp = Some(time);
    }
    let rejected = deliver(&*sink, events).await;
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0].0.message, "old");
    assert!(rejected[0].1.contains("points beyond retention policy"), "{}", rejected[0].1);
    assert_eq!(server.points("k8s", "events", &["message"]).await.len(), 2);
}

/// The time now, which is what the server compares a retention with.
#[expect(clippy::disallowed_methods, reason = "the server has no other clock")]
fn clock() -> Timestamp {
    Timestamp::now()
}

#[tokio::test]
async fn a_database_that_is_dropped_is_created_again() {
    let server = InfluxDb::start().await;
    let sink = open(&server, "withfields=true").await;
    let events = with_messages(&["one", "two"]);
    assert_eq!(deliver(&*sink, events[..1].to_vec()).await.len(), 0);
    for gone in ["DROP DATABASE k8s", "DROP RETENTION POLICY \"default\" ON k8s"] {
        server.query("", gone).await;
        let error = refusal(&*sink).await;
        assert_eq!(error.kind(), ExportErrorKind::Unavailable, "{}", report(&error));
        assert_eq!(deliver(&*sink, events[1..].to_vec()).await.len(), 0);
        assert_eq!(server.points("k8s", "events", &["message"]).await, [[json!("two")]]);
    }
}

#[tokio::test]
async fn a_database_of_somebody_else_keeps_its_default_policy() {
    let server = InfluxDb::start().await;
    server.query("", "CREATE DATABASE k8s").await;
    let sink = open(&server, "withfields=true").await;
    assert_eq!(deliver(&*sink, with_messages(&["one"])).await.len(), 0);
    assert_eq!(server.points("k8s", "events", &["message"]).await, [[json!("one")]]);
    let policies = server.query("k8s", "SHOW RETENTION POLICIES").await;
    let rows = policies["results"][0]["series"][0]["values"].as_array().unwrap();
    let defaults: BTreeMap<_, _> =
        rows.iter().map(|row| (row[0].as_str().unwrap(), row[4].as_bool().unwrap())).collect();
    assert_eq!(defaults, [("autogen", true), ("default", false)].into());
}

#[tokio::test]
async fn nothing_is_lost_when_the_server_dies() {
    let mut server = InfluxDb::start().await;
    let sink = open(&server, "withfields=true").await;
    let portion = |n: i64| {
        let range = usize::try_from(n * 20).unwrap()..usize::try_from(n * 20 + 20).unwrap();
        let numbered = range.map(|n| {
            let mut event = event(n);
            event.last_timestamp = Some(at(i64::try_from(n).unwrap()));
            Arc::new(event)
        });
        numbered.collect::<Vec<_>>()
    };
    assert_eq!(deliver(&*sink, portion(0)).await.len(), 0);
    server.kill().await;
    let error = refusal(&*sink).await;
    assert_eq!(error.kind(), ExportErrorKind::Unavailable);
    assert_eq!(sink.check_health().await.unwrap_err().kind(), ExportErrorKind::Unavailable);
    server.restart().await;
    assert_eq!(deliver(&*sink, portion(1)).await.len(), 0);
    // It dies while events are on their way, wherever that is; what got no answer is sent again.
    let exporting = tokio::spawn({
        let (sink, events) = (sink.clone(), portion(2));
        async move { (sink.export_events(&batch_of(&events)).await, events) }
    });
    tokio::task::yield_now().await;
    server.kill().await;
    let (result, events) = exporting.await.unwrap();
    server.restart().await;
    if result.is_err() {
        assert_eq!(deliver(&*sink, events).await.len(), 0);
    }
    let points = server.points("k8s", "events", &["message"]).await;
    let expected: Vec<Vec<Value>> = (0..60).map(|n| vec![json!(format!("event {n}"))]).collect();
    assert_eq!(points, expected);
}

#[tokio::test]
async fn users_are_told_apart() {
    let server = InfluxDb::start_with_auth().await;
    let wrong = open(&server, &format!("user={ADMIN}&pw=wrong-secret")).await;
    let error = refusal(&*wrong).await;
    assert_eq!(error.kind(), ExportErrorKind::Unauthorized);
    let default = open(&server, "").await;
    assert_eq!(refusal(&*default).await.kind(), ExportErrorKind::Unauthorized);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pw");
    std::fs::write(&file, format!("{ADMIN_PASSWORD}\n")).unwrap();
    let admin = open(&server, &format!("user={ADMIN}&pw_file={}&withfields=true", file.display())).await;
    assert_eq!(deliver(&*admin, with_messages(&["one"])).await.len(), 0);

    // One that may write, but not create.
    server.query("", "CREATE USER writer WITH PASSWORD 'writer-secret'; GRANT WRITE ON k8s TO writer").await;
    let writer = open(&server, "user=writer&pw=writer-secret&withfields=true").await;
    assert_eq!(deliver(&*writer, with_messages(&["ignored", "two"])[1..].to_vec()).await.len(), 0);
    let points = server.points("k8s", "events", &["message"]).await;
    assert_eq!(points, [[json!("one")], [json!("two")]]);
    let elsewhere = open(&server, "user=writer&pw=writer-secret&db=other").await;
    assert_eq!(refusal(&*elsewhere).await.kind(), ExportErrorKind::Unavailable, "there is no such database");
    server.query("", "CREATE DATABASE other WITH NAME \"default\"").await;
    let error = refusal(&*elsewhere).await;
    assert_eq!(error.kind(), ExportErrorKind::Unauthorized, "{}", report(&error));
    assert!(!report(&error).contains("writer-secret"));
}

#[tokio::test]
async fn a_limit_of_the_server_keeps_the_events() {
    let server = InfluxDb::start().await;
    assert_eq!(open(&server, "").await.limits(), BatchLimits::default());
    let sink = open(&server, "withfields=true").await;
    // More values of the tag uid than the server takes by default.
    for hundred in 0..101 {
        let events: Vec<usize> = (hundred * 1000..hundred * 1000 + 1000).collect();
        if let Err(error) = sink.export_events(&batch(events)).await {
            assert_eq!(error.kind(), ExportErrorKind::Unavailable, "{}", report(&error));
            assert!(report(&error).contains("max-values-per-tag"), "{}", report(&error));
            assert_eq!(hundred, 100);
            return;
        }
    }
    panic!("the server has no such limit");
}
