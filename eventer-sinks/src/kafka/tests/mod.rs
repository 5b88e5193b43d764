//! The sink of Kafka: its options, its records against kube-eventer's, and its deliveries to a cluster that librdkafka
//! plays itself.

mod cluster;
mod deliveries;
mod options;
mod records;
