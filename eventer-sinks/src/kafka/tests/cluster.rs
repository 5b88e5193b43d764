//! A cluster that librdkafka plays, with faults on order, and what has arrived there.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

type Mock = MockCluster<'static, DefaultProducerContext>;
type Command = Box<dyn FnOnce(&Mock) + Send>;

/// How long the cluster may take to answer. It is in this process.
const PATIENCE: Duration = Duration::from_secs(20);

/// A cluster of one broker in this process. The thread that plays it ends when this is dropped.
pub(super) struct Cluster {
    commands: mpsc::Sender<Command>,
    pub(super) brokers: String,
}

/// One record as a consumer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Received {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) millis: Option<i64>,
    pub(super) partition: i32,
}

impl Cluster {
    pub(super) fn start() -> Self {
        let (commands, inbox) = mpsc::channel::<Command>();
        let (ready, brokers) = mpsc::channel();
        // It cannot be sent to other threads, so that it lives in one of its own.
        thread::spawn(move || {
            let cluster = MockCluster::new(1).unwrap();
            ready.send(cluster.bootstrap_servers()).unwrap();
            for command in inbox {
                command(&cluster);
            }
        });
        Self { commands, brokers: brokers.recv().unwrap() }
    }

    /// Does something to the cluster, and waits for its end.
    pub(super) fn with<R: Send + 'static>(&self, action: impl FnOnce(&Mock) -> R + Send + 'static) -> R {
        let (done, result) = mpsc::channel();
        self.commands.send(Box::new(move |cluster| done.send(action(cluster)).unwrap())).unwrap();
        result.recv().unwrap()
    }

    pub(super) fn go_down(&self) {
        self.with(|cluster| cluster.broker_down(-1)).unwrap();
    }

    pub(super) fn come_up(&self) {
        self.with(|cluster| cluster.broker_up(-1)).unwrap();
    }

    /// Answers the next requests of this kind with these errors.
    pub(super) fn fail_next(&self, api: RDKafkaApiKey, errors: Vec<RDKafkaRespErr>) {
        self.with(move |cluster| cluster.request_errors(api, &errors));
    }

    pub(super) fn forgive(&self, api: RDKafkaApiKey) {
        self.with(move |cluster| cluster.clear_request_errors(api));
    }

    /// Answers questions about the topic with this error.
    pub(super) fn set_topic_error(&self, topic: &'static str, error: RDKafkaRespErr) {
        self.with(move |cluster| cluster.topic_error(topic, error)).unwrap();
    }

    pub(super) fn slow_down(&self, delay: Duration) {
        self.with(move |cluster| cluster.broker_round_trip_time(-1, delay)).unwrap();
    }

    /// Everything that stands in the topic now.
    pub(super) fn received(&self, topic: &str) -> Vec<Received> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.brokers)
            .set("group.id", "test")
            .set("enable.auto.commit", "false")
            .create()
            .unwrap();
        let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
        let partitions = metadata.topics().iter().find(|known| known.name() == topic);
        let partitions: Vec<i32> =
            partitions.iter().flat_map(|topic| topic.partitions()).map(|partition| partition.id()).collect();
        let mut list = TopicPartitionList::new();
        let mut expected = 0;
        for partition in partitions {
            let (begin, end) = consumer.fetch_watermarks(topic, partition, PATIENCE).unwrap();
            expected += usize::try_from(end - begin).unwrap();
            list.add_partition_offset(topic, partition, Offset::Offset(begin)).unwrap();
        }
        consumer.assign(&list).unwrap();
        let mut received = Vec::new();
        while received.len() < expected {
            match consumer.poll(PATIENCE) {
                Some(Ok(message)) => received.push(Received::from(&message)),
                Some(Err(error)) => panic!("a record could not be read: {error}"),
                None => panic!("{} of {expected} records could be read", received.len()),
            }
        }
        received
    }
}

impl From<&BorrowedMessage<'_>> for Received {
    fn from(message: &BorrowedMessage<'_>) -> Self {
        let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap_or_default().to_vec()).unwrap();
        let headers = message.headers().map(|headers| {
            headers.iter().map(|header| (header.key.to_owned(), text(header.value))).collect()
        });
        Self {
            key: text(message.key()),
            value: text(message.payload()),
            headers: headers.unwrap_or_default(),
            millis: message.timestamp().to_millis(),
            partition: message.partition(),
        }
    }
}
