//! The sink of Kafka and a real Kafka. Needs `EVENTER_KAFKA_HOME`.
