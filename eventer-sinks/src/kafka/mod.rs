//! `kafka:` produces each event to a topic of Kafka.
