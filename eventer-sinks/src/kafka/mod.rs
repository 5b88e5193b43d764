//! `kafka:` writes each event to a topic of Kafka.
//!
//! ```text
//! --sink=kafka:?brokers=kafka-0:9092,kafka-1:9092&eventstopic=k8s-events&compression=lz4
//! ```
//!
//! The key of a record is the uid of the object that the event is about, so that the events of one object keep their
//! order. The value is kube-eventer's envelope, the event itself (`format=event`), or what a layout makes of it. Headers say what people choose by.
//! The timestamp is when the event was last seen. See [`encode`].
//!
//! librdkafka does the sending. It is idempotent and never gives an event up (`acks=all`, `message.timeout.ms=0`): an
//! attempt that is dropped leaves its events with it, and the next one waits for them instead of sending them again. See
//! [`deliveries`]. What its errors mean for the events is in [`failure`].
//!
//! Limits: an event of more than `kafka.message.max.bytes` (1,000,000 bytes) is rejected; at most 64 MiB wait in
//! librdkafka.
//!
//! # Mended
//! | kube-eventer | here | because |
//! |---|---|---|
//! | spoke the protocol of Kafka 0.8, which Kafka 4 no longer knows | speaks that of today | |
//! | gave records no key | the object's uid | the events of one object came out of order |
//! | `acks=1`, one try | `acks=all`, idempotent, for ever | events were lost when a broker was restarted |
//! | was given up until the next restart if no broker answered at the start | waits for the brokers | a broker that restarts took the sink with it |
//! | could not use `compression=lz4` | can | |
//! | compressed with snappy in a form that other clients do not read | in Kafka's own | |
//! | had no TLS with the authorities of the system | `security_protocol=ssl` | |
//! | took SASL PLAIN only | SCRAM too | |
//! | ignored `level=` and other filters, and options that it did not know | takes the filters of every sink; what nobody knows is an error | a misspelt option is none |
//! | records had no time | that of the event | retention and queries by time went by the time of arrival |
//! | connected without a login, without a word, if `user` or `password` was missing | does so too, and says so in the log | |
//! | sent events one by one, waiting for each | sends batches | |
//! | exported `metadata.managedFields` | leaves them out | a third of the bytes, and they tell nothing of what happened |

mod config;
mod deliveries;
mod encode;
mod failure;
mod log;
mod producer;
mod properties;
mod security;
mod sink;
mod topic;

pub use config::KafkaConfig;
pub use sink::KafkaSink;

#[cfg(test)]
mod tests;
