//! The program and a real Kafka. Needs `EVENTER_KAFKA_HOME`.
