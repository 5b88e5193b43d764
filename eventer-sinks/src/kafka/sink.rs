//! The sink that runs: queues a batch, awaits its deliveries, and replaces the client when it has to.

use std::borrow::Cow;
use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use eventer_core::{
    BatchLimits, BuildError, Clock, Event, EventBatch, EventSink, ExportError, SinkContext, async_trait,
    report,
};
use jiff::tz::TimeZone;
use rdkafka::types::RDKafkaErrorCode;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::config::KafkaConfig;
use super::deliveries::Export;
use super::encode::{headers, key, timestamp, write_value};
use super::failure::{self, Trouble};
use super::producer::{Producer, Record};
use super::security::Credentials;
use crate::template::{Escaping, Scope};

/// How long events that are on their way may take to arrive before the client is replaced or closed.
const HANDOVER: Duration = Duration::from_secs(5);

/// A batch of this size is queued and awaited at once; librdkafka cuts it into requests.
const LIMITS: BatchLimits =
    BatchLimits { events: NonZeroUsize::new(10_000).expect("it is not zero"), bytes: 16 << 20 };

/// Writes events to Kafka. `Debug` shows no secret.
#[derive(Debug)]
pub struct KafkaSink {
    name: Arc<str>,
    config: KafkaConfig,
    clock: Arc<dyn Clock>,
    time_zone: TimeZone,
    client: Mutex<Client>,
}

/// The producer, and what it was opened with.
#[derive(Debug)]
struct Client {
    producer: Arc<Producer>,
    credentials: Credentials,
}

impl KafkaSink {
    pub(super) async fn open(config: &KafkaConfig, context: &SinkContext) -> Result<Self, BuildError> {
        let name = context.name.clone();
        if let Some(reason) = config.security.without_effect() {
            tracing::warn!(sink = &*name, "{reason}");
        }
        let credentials = config
            .security
            .credentials()
            .await
            .map_err(|error| BuildError::new("read the secrets for Kafka", error))?;
        let client = Client::open(&name, config, credentials)?;
        Ok(Self {
            name,
            config: config.clone(),
            clock: context.clock.clone(),
            time_zone: context.time_zone.clone(),
            client: Mutex::new(client),
        })
    }

    /// The producer. A new one if the secrets have changed, which librdkafka learns in no other way, or if the old one
    /// cannot go on.
    pub(super) async fn producer(&self) -> Result<Arc<Producer>, ExportError> {
        let mut client = self.client.lock().await;
        let credentials = self.config.security.credentials().await.map_err(ExportError::unavailable)?;
        let is_fatal = client.producer.is_fatal();
        let has_changed = client.credentials != credentials;
        if is_fatal || has_changed {
            let why = if is_fatal { "it cannot go on" } else { "its secrets have changed" };
            tracing::info!(sink = &*self.name, "opening a new client of Kafka, since {why}");
            if !is_fatal {
                // What is on its way on connections that are open still gets through; what does not is sent again.
                let _late = timeout(HANDOVER, client.producer.deliveries().drained()).await;
            }
            let fresh = Client::open(&self.name, &self.config, credentials)
                .map_err(|error| ExportError::unavailable(report(&error)))?;
            fresh.producer.deliveries().inherit(client.producer.deliveries());
            *client = fresh;
        }
        Ok(client.producer.clone())
    }

    fn topic_of(&self, event: &Event) -> Result<Cow<'_, str>, String> {
        self.config.topic.of(event, &self.scope())
    }

    /// Makes `value` that of the event's record, and answers with its topic.
    fn record(&self, event: &Event, value: &mut Vec<u8>) -> Result<Cow<'_, str>, String> {
        value.clear();
        write_value(event, &self.config.format, &self.scope(), value)?;
        self.topic_of(event)
    }

    fn scope(&self) -> Scope<'_> {
        Scope { time_zone: &self.time_zone, now: self.clock.now(), escaping: Escaping::None }
    }

    /// Queues all events that have to be. Gives back those that never can be queued, and why; and the trouble on which
    /// it gave up, which is the first that lasts.
    async fn queue(
        &self,
        producer: &Arc<Producer>,
        export: &Export,
        batch: &EventBatch,
        mut trouble: Pin<&mut (impl Future<Output = Trouble> + Send)>,
    ) -> (Vec<(usize, String)>, Option<Trouble>) {
        let mut rejections = Vec::new();
        let mut asked_again = HashSet::new();
        let mut value = Vec::new();
        for (index, event) in batch.iter().enumerate() {
            // Before it counts as on its way: of what is not queued no report would ever come.
            let topic = match self.record(event, &mut value) {
                Ok(topic) => topic,
                Err(reason) => {
                    rejections.push((index, reason));
                    continue;
                }
            };
            while export.has_to_queue(index) {
                let key = key(event);
                let mut record = Record::with_opaque_to(&topic, event.clone())
                    .key(&*key)
                    .payload(&value)
                    .headers(headers(event));
                record.timestamp = timestamp(event);
                let Err(code) = producer.queue(record) else { break };
                // Before anything is awaited: an attempt that is dropped there must not leave the event as pending.
                export.was_refused(index, code);
                if code == RDKafkaErrorCode::QueueFull {
                    tokio::select! {
                        () = producer.room() => {}
                        trouble = &mut trouble => return (rejections, Some(trouble)),
                    }
                } else if failure::may_be_outdated(code) && asked_again.insert(topic.to_string()) {
                    // What it says is known from the next answer to this event.
                    let _answer = producer.look_up(Some(&topic)).await;
                } else {
                    rejections.extend(failure::rejection_of(code).map(|reason| (index, reason)));
                    break;
                }
            }
        }
        (rejections, None)
    }
}

#[async_trait]
impl EventSink for KafkaSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn limits(&self) -> BatchLimits {
        LIMITS
    }

    async fn export_events(&self, batch: &EventBatch) -> Result<(), ExportError> {
        if batch.is_empty() {
            return Ok(());
        }
        let producer = self.producer().await?;
        let export = producer.deliveries().begin(batch);
        let mut lasting = pin!(producer.lasting_trouble());
        let (rejections, mut trouble) = self.queue(&producer, &export, batch, lasting.as_mut()).await;
        if trouble.is_none() {
            trouble = tokio::select! {
                biased;
                () = export.settled() => producer.trouble(),
                trouble = lasting => Some(trouble),
            };
        }
        let topic_of = |index: usize| {
            let topic = self.topic_of(&batch.events()[index]);
            topic.map_or_else(|reason| reason, Cow::into_owned)
        };
        failure::judge(&export.end(), rejections, topic_of, trouble.as_ref())
    }

    async fn check_health(&self) -> Result<(), ExportError> {
        let producer = self.producer().await?;
        producer.look_up(self.config.topic.fixed()).await
    }

    fn can_be_asked(&self) -> bool {
        true
    }

    async fn stop(&self) {
        let producer = self.client.lock().await.producer.clone();
        // What is still on its way was given up by whoever sent it.
        let _late = timeout(HANDOVER, producer.deliveries().drained()).await;
    }
}

impl Client {
    fn open(name: &Arc<str>, config: &KafkaConfig, credentials: Credentials) -> Result<Self, BuildError> {
        let producer = Arc::new(Producer::open(name, &config.client_config(&credentials))?);
        Ok(Self { producer, credentials })
    }
}
