//! What the sinks send for hostile events, against what kube-eventer sent for them.
//!
//! The events are in `testdata/kube_eventer/hostile-events.jsonl`; beside each sink's other test data stands what
//! kube-eventer's sink, built from its source, sent for each of them with the same options and in the same zone. What
//! differs for a reason, which the sink's table `# Mended` tells, was left out. Of a template, events whose body is that of
//! an earlier one were left out, too.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::collections::BTreeMap;
use std::sync::Arc;

use eventer_core::{
    ComponentUri, ConfigMapKey, ConfigMaps, Event, EventBatch, EventSink, Registry, SinkContext, SinkPlan,
};
use eventer_testkit::{FakeDestination, Reply};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use tokio::sync::watch;

/// What kube-eventer sent with some options.
#[derive(Deserialize)]
struct Case {
    /// Its `--sink`, where `DESTINATION` stands for the destination's address.
    sink: String,
    zone: String,
    /// What the ConfigMap of its body holds.
    #[serde(default)]
    template: Option<Arc<str>>,
    /// Method and target of its requests, without its own options.
    request: String,
    /// The bodies that it sent for each event; none if its filters dropped the event.
    bodies: BTreeMap<String, Vec<String>>,
}

/// A cluster whose ConfigMaps all hold one text.
#[derive(Debug)]
struct OneText(watch::Receiver<Result<Arc<str>, Arc<str>>>);

impl ConfigMaps for OneText {
    fn follow(&self, _: &ConfigMapKey) -> watch::Receiver<Result<Arc<str>, Arc<str>>> {
        self.0.clone()
    }
}

fn hostile_events() -> BTreeMap<String, Arc<Event>> {
    #[derive(Deserialize)]
    struct Input {
        name: String,
        event: Event,
    }
    let lines = include_str!("../testdata/kube_eventer/hostile-events.jsonl").split_terminator('\n');
    let inputs = lines.map(|line| serde_json::from_str::<Input>(line).unwrap());
    inputs.map(|input| (input.name, Arc::new(input.event))).collect()
}

/// A destination with which every sink is content.
async fn destination() -> FakeDestination {
    let destination = FakeDestination::start().await;
    destination.respond_with(|request| match request.path.as_str() {
        "/write" => Reply::status(204),
        "/query" => Reply::json(r#"{"results":[{}]}"#),
        _ => Reply::json(r#"{"errcode":0,"errmsg":"ok","access_token":"tok","expires_in":7200}"#),
    });
    destination
}

async fn open(case: &Case, address: &str) -> (SinkPlan, Arc<dyn EventSink>) {
    let mut registry = Registry::new();
    eventer_sinks::register_all(&mut registry);
    let uri = ComponentUri::parse("--sink", &case.sink.replace("DESTINATION", address), &()).unwrap();
    let plan = registry.plan_sink(&uri).unwrap();
    let mut context = SinkContext::new("compared");
    context.time_zone = TimeZone::get(&case.zone).unwrap();
    if let Some(template) = &case.template {
        context.config_maps = Some(Arc::new(OneText(watch::channel(Ok(template.clone())).1)));
    }
    let sink = plan.open(context).await.unwrap();
    (plan, sink)
}

/// The requests for `event`, without those that bring no event, as the bodies of those to `request`.
async fn bodies_of(
    event: &Arc<Event>,
    (plan, sink): &(SinkPlan, Arc<dyn EventSink>),
    destination: &FakeDestination,
    request: &str,
) -> Vec<String> {
    destination.clear();
    if plan.policy.filter.wants(event) {
        let batch = EventBatch::new("test", Timestamp::UNIX_EPOCH, vec![event.clone()]);
        sink.export_events(&batch).await.unwrap();
    }
    let requests = destination.requests();
    let with_event = requests.iter().filter(|sent| !matches!(&*sent.path, "/cgi-bin/gettoken" | "/query"));
    with_event
        .map(|sent| {
            let query =
                if sent.raw_query.is_empty() { String::new() } else { format!("?{}", sent.raw_query) };
            assert_eq!(format!("{} {}{query}", sent.method, sent.path), request);
            sent.text()
        })
        .collect()
}

async fn assert_sends_what_kube_eventer_sent(cases: &str) {
    let events = hostile_events();
    let cases: Vec<Case> = serde_json::from_str(cases).unwrap();
    for case in cases {
        let destination = destination().await;
        let opened = open(&case, &destination.address().to_string()).await;
        for (name, expected) in &case.bodies {
            let bodies = bodies_of(&events[name], &opened, &destination, &case.request).await;
            assert_eq!(
                &bodies, expected,
                "{name} with {} in {} and {:?}",
                case.sink, case.zone, case.template
            );
        }
    }
}

#[tokio::test]
async fn dingtalk_gets_what_kube_eventer_sent() {
    let cases = include_str!("../testdata/dingtalk/kube-eventer-hostile.json");
    assert_sends_what_kube_eventer_sent(cases).await;
}

#[tokio::test]
async fn influxdb_gets_what_kube_eventer_sent() {
    let cases = include_str!("../testdata/influxdb/kube-eventer-hostile.json");
    assert_sends_what_kube_eventer_sent(cases).await;
}

#[tokio::test]
async fn a_webhook_gets_what_kube_eventer_sent() {
    let cases = include_str!("../testdata/webhook/kube-eventer-hostile.json");
    assert_sends_what_kube_eventer_sent(cases).await;
}

#[tokio::test]
async fn wechat_gets_what_kube_eventer_sent() {
    let cases = include_str!("../testdata/wechat/kube-eventer-hostile.json");
    assert_sends_what_kube_eventer_sent(cases).await;
}
