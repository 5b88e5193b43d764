//! Messages against golden ones of our own and against hostile events; the sink against what Slack answers.

mod delivery;
mod message;
mod options;

use std::collections::BTreeMap;
use std::sync::Arc;

use eventer_core::{ComponentUri, Event, EventBatch, EventSink, Registry, SinkContext, SinkPlan};
use eventer_testkit::{FakeDestination, Reply, events};

use super::SlackConfig;

fn golden_event(number: usize) -> Event {
    serde_json::from_str(events::golden_input(number)).unwrap()
}

fn batch_of(events: Vec<Event>) -> EventBatch {
    let events = events.into_iter().map(Arc::new).collect();
    EventBatch::new("test", "2024-05-06T07:09:00Z".parse().unwrap(), events)
}

/// A plan, with `SLACK_TOKEN` as the variable says.
fn plan(uri: &str, token: Option<&str>) -> Result<SinkPlan, String> {
    let variables: BTreeMap<String, String> =
        token.map(|token| ("SLACK_TOKEN".to_owned(), token.to_owned())).into_iter().collect();
    let mut registry = Registry::new();
    registry.register_sink::<SlackConfig>().set_environment(Arc::new(variables));
    let uri = ComponentUri::parse("--sink", uri, &()).unwrap();
    registry.plan_sink(&uri).map_err(|errors| {
        let errors: Vec<_> = errors.iter().map(|error| format!("{error} {error:?}")).collect();
        errors.join("\n")
    })
}

async fn open(uri: &str) -> Arc<dyn EventSink> {
    plan(uri, None).unwrap().open(SinkContext::new("chat")).await.unwrap()
}

async fn webhook() -> (FakeDestination, Arc<dyn EventSink>) {
    let destination = FakeDestination::start().await;
    destination.set_default(Reply::ok().with_body("ok"));
    let sink = open(&format!("slack:{}/services/T0/B0/webhook-secret", destination.url())).await;
    (destination, sink)
}

async fn bot(channel: &str) -> (FakeDestination, Arc<dyn EventSink>) {
    let destination = FakeDestination::start().await;
    destination.set_default(Reply::json(r#"{"ok":true,"channel":"C1","ts":"1714979290.000100"}"#));
    let api = destination.url();
    let sink = open(&format!("slack:?api_url={api}/api&token=xoxb-secret-token&channel={channel}")).await;
    (destination, sink)
}
