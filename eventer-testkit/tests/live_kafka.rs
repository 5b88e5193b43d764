//! The broker that other tests start is what they take it for. Needs `EVENTER_KAFKA_HOME`.

use std::time::Duration;

use eventer_testkit::live::kafka::{
    Codec, Credentials, KafkaBroker, Listener, PLAIN, SCRAM_SHA_256, SCRAM_SHA_512,
};
use futures_util::future::join_all;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};

fn client(broker: &KafkaBroker, listener: Listener) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker.address(listener)).set("message.timeout.ms", "8000");
    config
}

/// Sends one record; whether it arrived.
async fn send(config: &ClientConfig, topic: &str) -> bool {
    let producer: FutureProducer = config.create().expect("the options are right");
    let headers = OwnedHeaders::new().insert(Header { key: "one", value: Some("1") });
    // Long enough to be worth compressing.
    let value = format!("{{\"a\":1{}}}", " ".repeat(1000));
    let record = FutureRecord::to(topic).key("a key").payload(&value).timestamp(1_700_000_000_123);
    producer.send(record.headers(headers), Duration::from_secs(5)).await.is_ok()
}

/// A client that the broker should let in or not, and the topic that it writes to.
struct Attempt {
    config: ClientConfig,
    topic: String,
    is_let_in: bool,
}

impl Attempt {
    fn new(config: &ClientConfig, topic: impl Into<String>, is_let_in: bool) -> Self {
        Self { config: config.clone(), topic: topic.into(), is_let_in }
    }
}

fn attempts(broker: &KafkaBroker) -> Vec<Attempt> {
    let certificates = broker.certificates();
    let mut attempts = vec![Attempt::new(&client(broker, Listener::Plaintext), "plaintext", true)];
    let mut tls = client(broker, Listener::Ssl);
    tls.set("security.protocol", "ssl").set("ssl.ca.pem", &certificates.other_authority);
    attempts.push(Attempt::new(&tls, "other-authority", false));
    tls.set("ssl.ca.pem", &certificates.authority);
    attempts.push(Attempt::new(&tls, "ssl", true));
    tls.set("bootstrap.servers", broker.address(Listener::MutualSsl));
    attempts.push(Attempt::new(&tls, "no-certificate", false));
    tls.set("ssl.certificate.pem", &certificates.other_client);
    tls.set("ssl.key.pem", &certificates.other_client_key);
    attempts.push(Attempt::new(&tls, "other-certificate", false));
    tls.set("ssl.certificate.pem", &certificates.client).set("ssl.key.pem", &certificates.client_key);
    attempts.push(Attempt::new(&tls, "mutual", true));
    for (listener, protocol) in [(Listener::SaslPlaintext, "sasl_plaintext"), (Listener::SaslSsl, "sasl_ssl")]
    {
        for Credentials { mechanism, user, password } in [PLAIN, SCRAM_SHA_256, SCRAM_SHA_512] {
            let mut sasl = client(broker, listener);
            sasl.set("security.protocol", protocol).set("ssl.ca.pem", &certificates.authority);
            sasl.set("sasl.mechanism", mechanism).set("sasl.username", user);
            sasl.set("sasl.password", "wrong");
            attempts.push(Attempt::new(&sasl, format!("wrong-{protocol}-{mechanism}"), false));
            sasl.set("sasl.password", password);
            attempts.push(Attempt::new(&sasl, format!("{protocol}-{mechanism}"), true));
        }
    }
    attempts
}

#[tokio::test(flavor = "multi_thread")]
async fn each_listener_lets_in_whom_it_should_and_nobody_else() {
    let broker = KafkaBroker::start().await;
    let attempts = attempts(&broker);
    let results = join_all(attempts.iter().map(|attempt| send(&attempt.config, &attempt.topic))).await;
    for (attempt, is_let_in) in attempts.iter().zip(results) {
        assert_eq!(is_let_in, attempt.is_let_in, "{}", attempt.topic);
        assert_eq!(broker.count(&attempt.topic).await, i64::from(is_let_in), "{}", attempt.topic);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stored_survives_a_kill() {
    let mut broker = KafkaBroker::start().await;
    let address = broker.address(Listener::Plaintext);
    let mut config = client(&broker, Listener::Plaintext);
    config.set("compression.type", "lz4").set("enable.idempotence", "true");
    assert!(send(&config, "kept").await);
    let before = broker.records("kept").await;
    broker.kill();
    assert!(!send(&config, "kept").await);
    broker.restart().await;
    assert_eq!(broker.address(Listener::Plaintext), address);
    assert_eq!(broker.records("kept").await, before);

    let [record] = &before[..] else { panic!("{before:?}") };
    assert_eq!((record.key(), record.header("one")), ("a key", Some("1")));
    assert_eq!((record.timestamp, &record.json()["a"]), (Some(1_700_000_000_123), &1.into()));
    assert_eq!((broker.count("kept").await, broker.count("unheard").await), (1, 0));
    let batches = broker.stored_batches("kept");
    let [batch] = &batches[..] else { panic!("{batches:?}") };
    assert_eq!(batch.records, 1);
    assert!(batch.producer_id >= 0, "{batch:?}");
    assert_eq!(batch.codec, Codec::Lz4);
}
