//! librdkafka's producer, driven by a thread of its own: queues records, hears of deliveries and troubles.
//!
//! librdkafka never gives an event up by itself (`message.timeout.ms=0`): it holds it until a broker has it or refuses
//! it. Nothing here blocks a thread of the runtime; the client is closed by its own thread.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use eventer_core::{BuildError, Event, ExportError};
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, NoCustomPartitioner, Producer as _, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::deliveries::Deliveries;
use super::failure::{self, Trouble};
use super::log::LogLimit;

/// How long the thread sleeps in librdkafka when nothing happens. Reports wake it; a stop and room in the queue are
/// noticed after this.
const POLL: Duration = Duration::from_millis(100);

/// How long a trouble may last until it is told: brokers that restart one by one are back by then.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long the brokers may take to answer a question.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// A record for librdkafka, which hands the event back with its report.
pub(super) type Record<'a> = BaseRecord<'a, str, [u8], Arc<Event>>;

/// An open producer.
pub(super) struct Producer {
    /// Gone only while this is dropped.
    native: Option<Arc<BaseProducer<Context>>>,
    shared: Arc<Shared>,
    /// Tells the thread to close the client.
    is_stopping: Arc<AtomicBool>,
}

/// What the callbacks of librdkafka write to.
struct Shared {
    name: Arc<str>,
    deliveries: Arc<Deliveries>,
    /// What librdkafka last told of the brokers, until an event gets through.
    trouble: watch::Sender<Option<Trouble>>,
    /// The thread has freed what was reported.
    room: Notify,
    log_limit: LogLimit,
}

struct Context(Arc<Shared>);

impl Producer {
    /// Opens a client. The brokers need not be up.
    ///
    /// # Errors
    /// librdkafka does not take the properties together, or cannot read a certificate.
    pub(super) fn open(name: &Arc<str>, config: &ClientConfig) -> Result<Self, BuildError> {
        let failed = |cause: String| BuildError::new("open the client of Kafka", cause);
        let shared = Arc::new(Shared {
            name: name.clone(),
            deliveries: Arc::default(),
            trouble: watch::Sender::new(None),
            room: Notify::new(),
            log_limit: LogLimit::default(),
        });
        let native: BaseProducer<Context> = config
            .create_with_context(Context(shared.clone()))
            .map_err(|error| failed(without_values(&error)))?;
        let native = Arc::new(native);
        let is_stopping = Arc::new(AtomicBool::new(false));
        let thread = {
            let (native, shared, is_stopping) = (native.clone(), shared.clone(), is_stopping.clone());
            move || {
                while !is_stopping.load(Ordering::Acquire) {
                    native.poll(POLL);
                    shared.room.notify_waiters();
                }
                // This is the last one that has the client: closing it takes a while, which is this thread's own.
                drop(native);
            }
        };
        thread::Builder::new()
            .name("kafka".to_owned())
            .spawn(thread)
            .map_err(|error| failed(error.to_string()))?;
        Ok(Self { native: Some(native), shared, is_stopping })
    }

    /// What became of the events that were queued here.
    pub(super) fn deliveries(&self) -> &Arc<Deliveries> {
        &self.shared.deliveries
    }

    /// Queues a record. Its report goes to [`deliveries`](Self::deliveries).
    ///
    /// # Errors
    /// librdkafka did not take it, and no report will come.
    pub(super) fn queue(&self, record: Record<'_>) -> Result<(), RDKafkaErrorCode> {
        let sent = self.native().send(record);
        sent.map_err(|(error, _)| error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::InvalidArgument))
    }

    /// Resolves when records that were reported have left the queue.
    pub(super) async fn room(&self) {
        self.shared.room.notified().await;
    }

    /// Whether it cannot go on: an idempotent producer that cannot promise order any more. It has to be replaced.
    pub(super) fn is_fatal(&self) -> bool {
        self.native().client().fatal_error().is_some()
    }

    /// What librdkafka last told of the brokers, if no event got through since.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        self.shared.trouble.borrow().clone()
    }

    /// Resolves when there is trouble that lasts.
    pub(super) async fn lasting_trouble(&self) -> Trouble {
        let mut trouble = self.shared.trouble.subscribe();
        loop {
            // The sender lives as long as `self`.
            let has_begun = trouble.wait_for(Option::is_some).await.is_ok();
            let has_ended = timeout(PATIENCE, trouble.wait_for(Option::is_none)).await.is_ok();
            if let (true, false, Some(trouble)) = (has_begun, has_ended, trouble.borrow().clone()) {
                return trouble;
            }
        }
    }

    /// Asks the brokers for a topic, or for themselves, and makes librdkafka know the answer.
    ///
    /// # Errors
    /// No broker answers, or they refuse the topic.
    pub(super) async fn look_up(self: &Arc<Self>, topic_name: Option<&str>) -> Result<(), ExportError> {
        let (producer, topic) = (self.clone(), topic_name.map(str::to_owned));
        let ask = move || producer.ask(topic.as_deref());
        #[expect(clippy::disallowed_methods, reason = "it ends within ANSWER_TIME")]
        let asked = tokio::task::spawn_blocking(ask).await;
        let code = match asked {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(code)) => code,
            Err(panic) => return Err(ExportError::unavailable(panic)),
        };
        let named = topic_name.filter(|_| failure::may_be_outdated(code));
        let trouble = match named {
            Some(topic) => Trouble { code, reason: failure::cause_of(code, topic) },
            // That no broker answered is known; why, librdkafka has told before.
            None => self.trouble().unwrap_or_else(|| Trouble::new(code, &code.to_string())),
        };
        Err(ExportError::new(failure::kind_in(Some(&trouble)), trouble.reason))
    }

    fn ask(&self, topic: Option<&str>) -> Result<(), RDKafkaErrorCode> {
        let client = self.native().client();
        let Some(topic) = topic else {
            let is_known = client.fetch_cluster_id(ANSWER_TIME).is_some();
            return if is_known { Ok(()) } else { Err(RDKafkaErrorCode::OperationTimedOut) };
        };
        let metadata = client
            .fetch_metadata(Some(topic), ANSWER_TIME)
            .map_err(|error| error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail))?;
        let refusal = metadata.topics().iter().find_map(rdkafka::metadata::MetadataTopic::error);
        match refusal.map(RDKafkaErrorCode::from) {
            // A topic that the brokers begin to create because it is asked for is not there yet, or has no leader. One
            // that stays away is told by the first export.
            None | Some(RDKafkaErrorCode::LeaderNotAvailable | RDKafkaErrorCode::UnknownTopicOrPartition) => {
                Ok(())
            }
            Some(code) => Err(code),
        }
    }

    fn native(&self) -> &BaseProducer<Context> {
        self.native.as_deref().expect("it is there until the drop")
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        // In this order: the thread has to be the last one that has the client.
        self.native = None;
        self.is_stopping.store(true, Ordering::Release);
    }
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer")
            .field("name", &self.shared.name)
            .field("trouble", &self.trouble())
            .finish_non_exhaustive()
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.0.log_limit.log(&self.0.name, level, facility, message);
    }

    fn stats_raw(&self, _statistics: &[u8]) {}

    /// Comes twice for each error.
    fn error(&self, error: KafkaError, reason: &str) {
        let Some(code) = error.rdkafka_error_code() else { return };
        self.0.trouble.send_if_modified(|trouble| {
            // That all brokers are down says less than why the last one is.
            if code == RDKafkaErrorCode::AllBrokersDown && trouble.is_some() {
                return false;
            }
            let told = Trouble::new(code, reason);
            let is_new = trouble.as_ref() != Some(&told);
            *trouble = Some(told);
            is_new
        });
    }
}

impl ProducerContext<NoCustomPartitioner> for Context {
    type DeliveryOpaque = Arc<Event>;

    fn delivery(&self, result: &DeliveryResult<'_>, event: Arc<Event>) {
        let result = match result {
            Ok(_) => {
                self.0.trouble.send_if_modified(|trouble| trouble.take().is_some());
                Ok(())
            }
            Err((error, _)) => Err(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail)),
        };
        self.0.deliveries.report(event, result);
    }
}

/// Of an error about a property its value is left out, which may be a secret.
fn without_values(error: &KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(_, _, property, _) => {
            format!("librdkafka does not take the value of {property}")
        }
        // OpenSSL's own words, such as "PEM lib", help nobody.
        KafkaError::ClientCreation(reason) if reason.starts_with("ssl.key.location failed") => {
            format!("{reason}; the key is not that of cert=, or key_password= is not that of the key")
        }
        KafkaError::ClientCreation(reason) => reason.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_cannot_be_read_says_what_may_be_wrong() {
        let mut config = ClientConfig::new();
        config.set("security.protocol", "ssl").set("ssl.key.location", "/nowhere/key.pem");
        let error = Producer::open(&"kafka".into(), &config).err().unwrap();
        let text = eventer_core::report(&error);
        assert!(
            text.contains("ssl.key.location failed") && text.contains("or key_password= is not"),
            "{text}"
        );
    }
}
