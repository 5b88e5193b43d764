//! Reads back what a topic holds, as any consumer sees it.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

/// How long the broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A record as a consumer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The partition it is in.
    pub partition: i32,
    /// Its place there.
    pub offset: i64,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its headers, in their order.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// Milliseconds since the epoch.
    pub timestamp: Option<i64>,
    /// Its value.
    pub value: Vec<u8>,
}

impl Record {
    /// The key as text.
    ///
    /// # Panics
    /// If it has none or it is no text.
    #[must_use]
    pub fn key(&self) -> &str {
        str::from_utf8(self.key.as_deref().expect("a record has a key")).expect("a key is text")
    }

    /// The header of this name as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(other, _)| other == name)?;
        str::from_utf8(value.as_deref()?).ok()
    }

    /// The value as JSON.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.value).expect("the value is JSON")
    }
}

/// A consumer that blocks.
pub(super) struct Reader {
    consumer: BaseConsumer,
}

impl Reader {
    pub(super) fn new(address: &str) -> Result<Self, KafkaError> {
        let consumer = ClientConfig::new()
            .set("bootstrap.servers", address)
            .set("group.id", "reader")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("allow.auto.create.topics", "false")
            .set("reconnect.backoff.ms", "20")
            .set("reconnect.backoff.max.ms", "200")
            .set("fetch.wait.max.ms", "50")
            .create()?;
        Ok(Self { consumer })
    }

    /// Whether the broker answers and counts itself among the living.
    pub(super) fn is_ready(&self, patience: Duration) -> bool {
        self.consumer.fetch_metadata(None, patience).is_ok_and(|metadata| !metadata.brokers().is_empty())
    }

    /// The topics, without Kafka's own.
    pub(super) fn topics(&self) -> Result<Vec<String>, KafkaError> {
        let metadata = self.consumer.fetch_metadata(None, PATIENCE)?;
        let names = metadata.topics().iter().map(|topic| topic.name().to_owned());
        Ok(names.filter(|name| !name.starts_with("__")).collect())
    }

    /// How many records the topic holds; zero if there is no such topic.
    pub(super) fn count(&self, topic: &str) -> Result<i64, KafkaError> {
        let mut count = 0;
        for partition in self.partitions(topic)? {
            let (first, next) = self.consumer.fetch_watermarks(topic, partition, PATIENCE)?;
            count += next - first;
        }
        Ok(count)
    }

    /// All that the topic holds, each partition in its order; empty if there is no such topic.
    pub(super) fn read(&self, topic: &str) -> Result<Vec<Record>, KafkaError> {
        let partitions = self.partitions(topic)?;
        let mut assignment = TopicPartitionList::new();
        for partition in &partitions {
            assignment.add_partition_offset(topic, *partition, Offset::Beginning)?;
        }
        self.consumer.assign(&assignment)?;
        let (mut records, mut ended) = (Vec::new(), 0);
        while ended < partitions.len() {
            match self.consumer.poll(PATIENCE) {
                Some(Ok(message)) => records.push(Record::of(&message)),
                Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
                Some(Err(error)) => return Err(error),
                None => return Err(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut)),
            }
        }
        self.consumer.unassign()?;
        Ok(records)
    }

    fn partitions(&self, topic: &str) -> Result<Vec<i32>, KafkaError> {
        let metadata = self.consumer.fetch_metadata(Some(topic), PATIENCE)?;
        let topics = metadata.topics().iter().filter(|found| found.name() == topic);
        Ok(topics.flat_map(|found| found.partitions()).map(|partition| partition.id()).collect())
    }
}

impl Record {
    fn of(message: &rdkafka::message::BorrowedMessage<'_>) -> Self {
        let header = |header: rdkafka::message::Header<'_, &[u8]>| {
            (header.key.to_owned(), header.value.map(<[u8]>::to_vec))
        };
        Self {
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().map(<[u8]>::to_vec),
            headers: message
                .headers()
                .map(|headers| headers.iter().map(header).collect())
                .unwrap_or_default(),
            timestamp: message.timestamp().to_millis(),
            value: message.payload().unwrap_or_default().to_vec(),
        }
    }
}
