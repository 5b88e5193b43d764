//! `kafka:` writes each event to a topic of Kafka.

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
