//! The sink of Kafka and a real Kafka, spoken to by the sink's URI alone. Needs `EVENTER_KAFKA_HOME`.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

mod access;
mod delivery;
mod outage;

use std::fmt::Write as _;
use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;

use eventer_core::uri::{ByteSize, ComponentUri};
use eventer_core::{
    EventBatch, EventSink, ExportError, Pipeline, PipelineBuilder, Registry, SinkContext, SinkPlan,
};
use eventer_testkit::live::kafka::{KafkaBroker, Listener};
use tokio::sync::Mutex;
use tokio::time::timeout;

/// When a test is given up. Far more than it takes.
const GIVE_UP: Duration = Duration::from_secs(90);

/// Waits for what will be soon.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(GIVE_UP, future).await.expect("it did not happen in time")
}

/// The broker of the tests that leave it alone, each with a topic of its own. It runs for as long as one of them does.
async fn shared_broker() -> Arc<KafkaBroker> {
    static SHARED: Mutex<Weak<KafkaBroker>> = Mutex::const_new(Weak::new());
    let mut shared = SHARED.lock().await;
    if let Some(broker) = shared.upgrade() {
        return broker;
    }
    let broker = Arc::new(KafkaBroker::start().await);
    *shared = Arc::downgrade(&broker);
    broker
}

/// The flag of a sink that writes to `listener`, with these options, whose values are escaped.
fn uri(broker: &KafkaBroker, listener: Listener, options: &[(&str, &str)]) -> String {
    let mut uri = format!("kafka:?brokers={}", broker.address(listener));
    for (name, value) in options {
        write!(uri, "&{name}=").unwrap();
        for byte in value.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => uri.push(char::from(byte)),
                _ => write!(uri, "%{byte:02X}").unwrap(),
            }
        }
    }
    uri
}

fn plan(uri: &str) -> SinkPlan {
    let mut registry = Registry::new();
    eventer_sinks::register_all(&mut registry);
    registry.plan_sink(&ComponentUri::parse("--sink", uri, &()).unwrap()).unwrap()
}

async fn open(uri: &str) -> Arc<dyn EventSink> {
    soon(plan(uri).open(SinkContext::new("kafka"))).await.unwrap()
}

/// A pipeline that holds all that these tests make, and takes its time at the end.
fn pipeline(uri: &str) -> PipelineBuilder {
    Pipeline::builder()
        .sink_plan(plan(uri))
        .journal_size(ByteSize(256 << 20))
        .frequency(Duration::from_millis(50))
        .stop_timeout(Duration::from_secs(60))
}

/// Exports, and again for as long as that can help, as the framework does.
async fn deliver(sink: &dyn EventSink, batch: &EventBatch) -> Result<(), ExportError> {
    soon(async {
        loop {
            match sink.export_events(batch).await {
                Err(error) if error.is_retryable() && !error.is_partial() => {}
                result => return result,
            }
        }
    })
    .await
}
