//! What the broker is told: its listeners, who may come in, and how little it may use.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::Path;

use super::certificates::Certificates;

/// One way into the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listener {
    /// Anybody, in the clear.
    Plaintext,
    /// Name and password, in the clear.
    SaslPlaintext,
    /// TLS; the client's certificate is not asked for.
    Ssl,
    /// TLS; the client must have a certificate of the authority.
    MutualSsl,
    /// TLS with name and password.
    SaslSsl,
}

/// A user and its password, which is good for one mechanism only.
#[derive(Clone, Copy, Debug)]
pub struct Credentials {
    /// `sasl.mechanism` of a client.
    pub mechanism: &'static str,
    /// The user.
    pub user: &'static str,
    /// The password.
    pub password: &'static str,
}

/// Who may come in by SASL PLAIN. The password holds what a query would eat.
pub const PLAIN: Credentials =
    Credentials { mechanism: "PLAIN", user: "plain-user", password: "open&sesame#1%+" };

/// Who may come in by SCRAM-SHA-256.
pub const SCRAM_SHA_256: Credentials =
    Credentials { mechanism: "SCRAM-SHA-256", user: "scram-256-user", password: "open-sesame-256" };

/// Who may come in by SCRAM-SHA-512.
pub const SCRAM_SHA_512: Credentials =
    Credentials { mechanism: "SCRAM-SHA-512", user: "scram-512-user", password: "open-sesame-512" };

impl Listener {
    pub(super) const ALL: [Self; 5] =
        [Self::Plaintext, Self::SaslPlaintext, Self::Ssl, Self::MutualSsl, Self::SaslSsl];

    /// Its name and its protocol.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Plaintext => ("PLAINTEXT", "PLAINTEXT"),
            Self::SaslPlaintext => ("SASL_PLAINTEXT", "SASL_PLAINTEXT"),
            Self::Ssl => ("SSL", "SSL"),
            Self::MutualSsl => ("MUTUAL", "SSL"),
            Self::SaslSsl => ("SASL_SSL", "SASL_SSL"),
        }
    }
}

/// The ports of a broker, which stay its own from one start to the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    controller: u16,
    listeners: [u16; Listener::ALL.len()],
}

impl Ports {
    /// Ports that are free now, below those that the system gives to clients: nobody gets one by chance while the broker
    /// is down.
    pub(super) fn free(mut seed: u64) -> Self {
        // Held until all are chosen, so that no two are the same.
        let mut held = Vec::new();
        let mut port = || loop {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let candidate = 20_000 + u16::try_from((seed >> 33) % 12_000).expect("below 12,000");
            if let Ok(listener) = TcpListener::bind(("127.0.0.1", candidate)) {
                held.push(listener);
                break candidate;
            }
        };
        Self { controller: port(), listeners: Listener::ALL.map(|_| port()) }
    }

    pub(super) fn of(&self, listener: Listener) -> u16 {
        self.listeners[Listener::ALL.iter().position(|other| *other == listener).expect("all are there")]
    }
}

/// The broker's file of properties. The files of `directory` that it names are those of [`pem_files`].
pub(super) fn text(directory: &Path, ports: &Ports) -> String {
    let mut listeners = format!("CONTROLLER://127.0.0.1:{}", ports.controller);
    let mut protocols = "CONTROLLER:PLAINTEXT".to_owned();
    for listener in Listener::ALL {
        let (name, protocol) = listener.names();
        write!(listeners, ",{name}://127.0.0.1:{}", ports.of(listener)).expect("a String takes all");
        write!(protocols, ",{name}:{protocol}").expect("a String takes all");
    }
    let (controller, directory) = (ports.controller, directory.display());
    let mut text = format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners={listeners}
listener.security.protocol.map={protocols}
inter.broker.listener.name=PLAINTEXT
log.dirs={directory}/data
num.partitions=3
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
num.network.threads=2
num.io.threads=4
log.cleaner.enable=false
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
ssl.keystore.type=PEM
ssl.keystore.location={directory}/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location={directory}/authority.pem
listener.name.mutual.ssl.client.auth=required
"
    );
    for listener in ["sasl_plaintext", "sasl_ssl"] {
        let of = format!("listener.name.{listener}");
        let Credentials { user, password, .. } = PLAIN;
        write!(
            text,
            "{of}.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
             user_{user}=\"{password}\";
{of}.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
{of}.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
"
        )
        .expect("a String takes all");
    }
    text
}

/// The files that the properties name, and what is in them.
pub(super) fn pem_files(certificates: &Certificates) -> [(&'static str, String); 2] {
    let Certificates { broker, broker_key, authority, .. } = certificates;
    [("broker.pem", format!("{broker_key}{broker}{authority}")), ("authority.pem", authority.clone())]
}
