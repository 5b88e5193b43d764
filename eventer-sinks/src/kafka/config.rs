//! The options of `kafka:`, and how its sink is opened.

use std::num::NonZeroUsize;
use std::time::Duration;

use eventer_core::{
    BatchLimits, BuildError, ComponentSpec, ConfigError, EndpointSpec, Event, EventBatch, OptionSpec,
    OptionValue, PolicyDefaults, Secret, SinkConfig, SinkContext, UriReader,
};
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::message::Headers as _;

use super::encode::{Format, headers, key, write_value};
use super::properties::{self, PROPERTY};
use super::security::{
    CACERT, CERT, Credentials, INSECURESSL, KEY, KEY_PASSWORD, PASSWORD, SASL_MECHANISM, SECURITY_PROTOCOL,
    Security, USER,
};
use super::sink::KafkaSink;
use super::topic::Topic;
use crate::each;
use crate::layout::{LAYOUT, Layout};
use crate::template::{Escaping, Scope};

const BROKERS: OptionSpec =
    OptionSpec::new("brokers", "HOST:PORT,…", "Brokers to begin with; they name the others.").repeatable();
const EVENTSTOPIC: OptionSpec =
    OptionSpec::new("eventstopic", "NAME", "Topic of all events.").default("heapster-events");
const TOPIC: OptionSpec = OptionSpec::new(
    "topic",
    "TEMPLATE",
    "Topic of each event, such as events-{{.InvolvedObject.Namespace}}; else eventstopic.",
);
const FORMAT: OptionSpec = OptionSpec::new(
    "format",
    "eventer|event",
    "Value of a record: kube-eventer's envelope, or the event itself.",
)
.default("eventer");
const COMPRESSION: OptionSpec =
    OptionSpec::new("compression", "none|gzip|snappy|lz4|zstd", "Compression of records.").default("none");
const ACKS: OptionSpec = OptionSpec::new(
    "acks",
    "all|1|0",
    "Replicas that must have an event; with fewer than all it can be lost or repeated.",
)
.default("all");
const LINGER: OptionSpec =
    OptionSpec::new("linger", "DURATION", "Wait for more events before a request.").default("1ms");
const CLIENT_ID: OptionSpec =
    OptionSpec::new("client_id", "NAME", "Name by which the brokers know us.").default("eventer");

/// The longest wait that librdkafka takes.
const LONGEST_LINGER: Duration = Duration::from_secs(900);

/// What a user said of a Kafka cluster. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct KafkaConfig {
    brokers: Vec<String>,
    pub(super) topic: Topic,
    pub(super) format: Format,
    compression: Compression,
    acks: Acks,
    linger: Duration,
    client_id: String,
    pub(super) security: Security,
    properties: Vec<(String, Secret<String>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Acks {
    All,
    One,
    None,
}

impl SinkConfig for KafkaConfig {
    const SPEC: ComponentSpec = ComponentSpec {
        kind: "kafka",
        summary: "Writes each event to a topic of Kafka.",
        endpoint: EndpointSpec::None,
        options: &[
            BROKERS,
            EVENTSTOPIC,
            TOPIC,
            FORMAT,
            LAYOUT,
            COMPRESSION,
            ACKS,
            LINGER,
            CLIENT_ID,
            SECURITY_PROTOCOL,
            SASL_MECHANISM,
            USER,
            PASSWORD,
            CACERT,
            CERT,
            KEY,
            KEY_PASSWORD,
            INSECURESSL,
            PROPERTY,
        ],
        example: "--sink=kafka:?brokers=kafka-0:9092,kafka-1:9092&eventstopic=k8s-events&compression=lz4",
    };
    /// An export ends when the brokers have acknowledged its last event: larger ones wait less often.
    const POLICY: PolicyDefaults = PolicyDefaults {
        batch: Some(BatchLimits { events: NonZeroUsize::new(5000).expect("it is not zero"), bytes: 8 << 20 }),
        ..PolicyDefaults::NONE
    };
    const EXPORTER: &'static str = "Apache Kafka Sink";
    type Sink = KafkaSink;

    fn from_uri(uri: &mut UriReader<'_>) -> Result<Self, ConfigError> {
        let brokers = take_brokers(uri)?;
        let fixed: String = uri.take_or_default(&EVENTSTOPIC);
        let template: Option<String> = uri.take(&TOPIC);
        let (option, text) = template.map_or((&EVENTSTOPIC, fixed), |template| (&TOPIC, template));
        let topic = Topic::parse(&text).unwrap_or_else(|reason| {
            uri.invalid(option, reason);
            Topic::Fixed(text)
        });
        let linger: Duration = uri.take_or_default(&LINGER);
        if linger > LONGEST_LINGER {
            uri.invalid(&LINGER, "an event should not wait longer than 15m");
        }
        let client_id: String = uri.take_or_default(&CLIENT_ID);
        Ok(Self {
            brokers,
            topic,
            format: take_format(uri),
            compression: uri.take_or_default(&COMPRESSION),
            acks: uri.take_or_default(&ACKS),
            linger,
            client_id,
            security: Security::take(uri),
            properties: properties::take(uri),
        })
    }

    async fn build(&self, context: &SinkContext) -> Result<KafkaSink, BuildError> {
        KafkaSink::open(self, context).await
    }

    async fn preview(&self, batch: &EventBatch, context: &SinkContext) -> Result<Option<String>, BuildError> {
        let (time_zone, now) = (&context.time_zone, context.clock.now());
        let scope = Scope { time_zone, now, escaping: Escaping::None };
        each::show(batch, "record", |event| self.shown(event, &scope))
    }
}

impl KafkaConfig {
    /// The record of an event, for people to look at.
    fn shown(&self, event: &Event, scope: &Scope<'_>) -> Result<Vec<u8>, String> {
        let mut shown =
            format!("topic: {}\nkey: {}\n", self.topic.of(event, scope)?, key(event)).into_bytes();
        for header in headers(event).iter() {
            let value = String::from_utf8_lossy(header.value.unwrap_or_default());
            shown.extend_from_slice(format!("header {}: {value}\n", header.key).as_bytes());
        }
        shown.push(b'\n');
        write_value(event, &self.format, scope, &mut shown)?;
        shown.push(b'\n');
        Ok(shown)
    }

    /// The properties of librdkafka, with the secrets as they are now.
    pub(super) fn client_config(&self, credentials: &Credentials) -> ClientConfig {
        let mut config = ClientConfig::new();
        let is_idempotent = self.acks == Acks::All;
        let own = [
            ("bootstrap.servers", self.brokers.join(",")),
            ("client.id", self.client_id.clone()),
            ("compression.codec", self.compression.as_str().to_owned()),
            ("acks", self.acks.as_str().to_owned()),
            ("enable.idempotence", is_idempotent.to_string()),
            ("linger.ms", (self.linger.as_secs_f64() * 1000.0).to_string()),
            // It never gives an event up by itself: that is decided outside of the sink.
            ("message.timeout.ms", "0".to_owned()),
        ];
        // Without idempotence a request that is repeated overtakes those behind it, unless it is alone.
        let alone = (!is_idempotent).then(|| ("max.in.flight.requests.per.connection", "1".to_owned()));
        let security = self.security.properties(credentials);
        for (name, value) in properties::defaults().into_iter().chain(own).chain(alone).chain(security) {
            config.set(name, value);
        }
        for (name, value) in &self.properties {
            config.set(name, value.expose());
        }
        let wants_debug = self.properties.iter().any(|(name, _)| name == "debug");
        config.set_log_level(if wants_debug { RDKafkaLogLevel::Debug } else { RDKafkaLogLevel::Info });
        config
    }
}

/// Takes the format, or the layout that stands in its place.
fn take_format(uri: &mut UriReader<'_>) -> Format {
    let layout: Option<Layout> = uri.take(&LAYOUT);
    let Some(layout) = layout else { return uri.take_or_default(&FORMAT) };
    if uri.take::<Format>(&OptionSpec { default: None, ..FORMAT }).is_some() {
        uri.invalid(&LAYOUT, "format= is given too; leave one of them out");
    }
    Format::Layout(layout)
}

/// Brokers are repeated, as kube-eventer has them, or separated by commas, as everybody else has them.
fn take_brokers(uri: &mut UriReader<'_>) -> Result<Vec<String>, ConfigError> {
    let lists: Vec<String> = uri.take_all(&BROKERS);
    let brokers: Vec<String> = lists
        .iter()
        .flat_map(|list| list.split(','))
        .map(|broker| broker.trim().to_owned())
        .filter(|broker| !broker.is_empty())
        .collect();
    if brokers.is_empty() {
        // Says that it is missing.
        return uri.require(&BROKERS).map(|broker| vec![broker]);
    }
    if !brokers.iter().all(|broker| is_broker(broker)) {
        uri.invalid(&BROKERS, "a broker is written HOST:PORT");
    }
    Ok(brokers)
}

/// Whether it is `[PROTOCOL://]HOST[:PORT]`. Of a port that is none librdkafka makes another one, without a word.
fn is_broker(text: &str) -> bool {
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '@' | '?' | '&' | '=');
    let address = text.split_once("://").map_or(text, |(_, address)| address);
    // The address of IPv6 stands in brackets; without them it has no port.
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if host.ends_with(']') || !host.contains(':') => (host, Some(port)),
        _ => (address, None),
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    !host.is_empty() && !host.contains(is_odd) && port.is_none_or(is_port)
}

impl Compression {
    const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

impl OptionValue for Compression {
    fn parse_option(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|codec| codec.as_str().eq_ignore_ascii_case(text));
        found.ok_or_else(|| {
            format!("\"{text}\" is no compression; known are none, gzip, snappy, lz4 and zstd")
        })
    }
}

impl Acks {
    fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::One => "1",
            Self::None => "0",
        }
    }
}

impl OptionValue for Acks {
    fn parse_option(text: &str) -> Result<Self, String> {
        match text {
            "all" | "-1" => Ok(Self::All),
            "1" => Ok(Self::One),
            "0" => Ok(Self::None),
            _ => Err(format!("\"{text}\" is none of all, 1 and 0")),
        }
    }
}
