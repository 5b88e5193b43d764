//! A real Apache Kafka: one node in KRaft mode, with a listener for each way in which a client may have to come in.
//!
//! `EVENTER_KAFKA_HOME` is a directory whose `libs/` holds Kafka's archives, as `.ci/servers/kafka` prints it; `java`
//! is looked for in the `PATH`.
//!
//! - [`KafkaBroker`]: starts it, kills it, starts it again on what it had stored.
//! - [`Listener`], [`Credentials`], [`Certificates`]: what clients come in by.
//! - [`Record`]: what a consumer sees. [`StoredBatch`]: how the producer packed it.

mod broker;
mod certificates;
mod properties;
mod records;
mod segments;

pub use broker::KafkaBroker;
pub use certificates::Certificates;
pub use properties::{Credentials, Listener, PLAIN, SCRAM_SHA_256, SCRAM_SHA_512};
pub use records::Record;
pub use segments::{Codec, StoredBatch};
