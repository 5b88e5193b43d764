//! `kafka.PROPERTY=VALUE`: what a user says to librdkafka itself, and what the sink says to it by default. Pure.

use eventer_core::{OptionSpec, Secret, UriReader};
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;

pub(super) const PROPERTY: OptionSpec = OptionSpec::new(
    "kafka.PROPERTY",
    "VALUE",
    "Any other property of librdkafka, such as kafka.message.max.bytes=2000000.",
)
.repeatable();

const PREFIX: &str = "kafka.";

/// The most bytes, in KiB, and messages that wait in librdkafka. Exports wait for room beyond that, so that a cluster
/// that is down holds no more of the memory than this.
const QUEUE_KBYTES: &str = "65536";
pub(super) const QUEUE_MESSAGES: usize = 65_536;

/// What holds unless the user says otherwise.
pub(super) fn defaults() -> Vec<(&'static str, String)> {
    let fixed = [
        // The partition that Java's producer would choose for the key, so that tables and streams that are written by
        // others meet these.
        ("partitioner", "murmur2_random"),
        ("queue.buffering.max.kbytes", QUEUE_KBYTES),
        // An answer on a topic that does not exist comes within an attempt's time.
        ("topic.metadata.propagation.max.ms", "10000"),
        // A broker that is gone without a word is noticed between two bursts of events.
        ("socket.keepalive.enable", "true"),
        // Brokers close idle connections, which is no news.
        ("log.connection.close", "false"),
    ];
    let mut defaults: Vec<_> = fixed.map(|(name, value)| (name, value.to_owned())).into();
    defaults.push(("queue.buffering.max.messages", QUEUE_MESSAGES.to_string()));
    defaults
}

/// Takes the properties that the user gave. What is wrong with them is recorded in the reader; no value is ever shown,
/// since any may come from a variable.
pub(super) fn take(uri: &mut UriReader<'_>) -> Vec<(String, Secret<String>)> {
    let given = uri.take_prefixed(PREFIX);
    for (name, value) in &given {
        if let Err(reason) = check(name, value) {
            uri.invalid(&PROPERTY, reason);
        }
    }
    given.into_iter().map(|(name, value)| (name, Secret::new(value))).collect()
}

fn check(name: &str, value: &str) -> Result<(), String> {
    if let Some(option) = own_option(name) {
        return Err(format!("{PREFIX}{name} is an option of its own here: give {option}="));
    }
    if let Some(reason) = forbidden(name) {
        return Err(format!("{PREFIX}{name} cannot be given: {reason}"));
    }
    let mut config = ClientConfig::new();
    config.set(name, value);
    match config.create_native_config() {
        Ok(_) => Ok(()),
        Err(KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..)) => {
            Err(format!("librdkafka has no property \"{}\"", shown(name)))
        }
        Err(_) => Err(format!("librdkafka does not take the value of \"{name}\"")),
    }
}

/// A name that may be a piece of a credential is not shown.
fn shown(name: &str) -> &str {
    let is_name = name.len() <= 64 && name.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '.' | '_'));
    if is_name { name } else { "[not shown]" }
}

/// The option of the sink that sets a property.
fn own_option(property: &str) -> Option<&'static str> {
    Some(match property {
        "bootstrap.servers" | "metadata.broker.list" => "brokers",
        "acks" | "request.required.acks" => "acks",
        "compression.codec" | "compression.type" => "compression",
        "linger.ms" | "queue.buffering.max.ms" => "linger",
        "client.id" => "client_id",
        "security.protocol" => "security_protocol",
        "sasl.mechanism" | "sasl.mechanisms" => "sasl_mechanism",
        "sasl.username" => "user",
        "sasl.password" => "password",
        "ssl.ca.location" | "ssl.ca.pem" | "ssl_ca" => "cacert",
        "ssl.certificate.location" | "ssl.certificate.pem" | "ssl_certificate" => "cert",
        "ssl.key.location" | "ssl.key.pem" | "ssl_key" => "key",
        "ssl.key.password" => "key_password",
        "enable.ssl.certificate.verification" => "insecuressl",
        _ => return None,
    })
}

/// Why a property would break what the sink promises.
fn forbidden(property: &str) -> Option<&'static str> {
    Some(match property {
        "enable.idempotence" => "it follows from acks=; with acks=all no retry repeats or reorders events",
        "message.timeout.ms" | "delivery.timeout.ms" | "message.send.max.retries" | "retries" => {
            "librdkafka never gives an event up, so that none is sent twice; retry_for= and max_age= do"
        }
        "transactional.id" | "transaction.timeout.ms" => "events are not sent in transactions",
        "enable.gapless.guarantee" => "one event that a broker refuses would stop all others",
        "queuing.strategy" => "events keep their order",
        "max.in.flight" | "max.in.flight.requests.per.connection" => {
            "it decides over order and idempotence, and librdkafka sets it right"
        }
        "delivery.report.only.error" => "the sink waits for each delivery",
        "enabled_events" | "log.queue" | "log_level" => "the sink listens to librdkafka itself",
        "plugin.library.paths" => "it loads code into the process",
        _ if property.starts_with("test.mock.") => "it would send events to nowhere",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_taken_by_librdkafka() {
        for (name, value) in defaults() {
            assert_eq!(check(name, &value), Ok(()), "{name}");
        }
    }

    #[test]
    fn what_librdkafka_does_not_know_or_take_is_told_without_the_value() {
        for (name, value, says) in [
            ("message.max.bites", "hunter2", "no property \"message.max.bites\""),
            ("Hunter2&", "hunter2", "no property \"[not shown]\""),
            ("message.max.bytes", "hunter2", "does not take the value of \"message.max.bytes\""),
            ("error_cb", "hunter2", "does not take the value"),
            ("sasl.password", "hunter2", "give password="),
            ("acks", "0", "give acks="),
            ("enable.idempotence", "false", "it follows from acks="),
            ("message.timeout.ms", "1", "never gives an event up"),
            ("transactional.id", "hunter2", "not sent in transactions"),
            ("test.mock.num.brokers", "3", "to nowhere"),
        ] {
            let error = check(name, value).unwrap_err();
            assert!(error.contains(says), "{name}: {error}");
            assert!(!error.contains("hunter2") && !error.contains("Hunter2"), "{error}");
        }
        assert_eq!(check("message.max.bytes", "2000000"), Ok(()));
        assert_eq!(check("sasl.kerberos.service.name", "kafka"), Ok(()));
    }
}
