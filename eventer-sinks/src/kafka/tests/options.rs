//! The options: what is understood, and how mistakes are told.

use std::fs;

use eventer_core::{ComponentUri, ConfigError, Registry, SinkConfig as _, SinkContext, SinkPlan, UriReader};

use crate::kafka::KafkaConfig;

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

fn plan(options: &str) -> Result<SinkPlan, Vec<ConfigError>> {
    let mut registry = Registry::new();
    registry.register_sink::<KafkaConfig>();
    registry.plan_sink(&ComponentUri::parse("--sink", &format!("kafka:?{options}"), &()).unwrap())
}

/// Everything that is wrong with the options and their files.
fn errors_of(options: &str) -> String {
    let errors = plan(options).and_then(|plan| plan.check_files()).unwrap_err();
    errors.iter().map(|error| format!("{error} {error:?}")).collect::<Vec<_>>().join("\n")
}

/// What librdkafka is told of it.
fn property(options: &str, name: &str) -> Option<String> {
    let uri = ComponentUri::parse("--sink", &format!("kafka:?brokers=a&{options}"), &()).unwrap();
    let mut reader = UriReader::new("--sink", &uri, &KafkaConfig::SPEC, &[]);
    let config = KafkaConfig::from_uri(&mut reader).unwrap();
    let errors = reader.finish();
    assert!(errors.is_empty(), "{options}: {errors:?}");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let credentials = runtime.block_on(config.security.credentials()).unwrap();
    config.client_config(&credentials).get(name).map(str::to_owned)
}

#[test]
fn kube_eventers_options_are_understood() {
    let plan = plan(
        "brokers=h1:9092&brokers=h2:9092&eventstopic=k8s&compression=gzip&user=u&password=p&insecuressl=true\
         &cacert=ca.pem&cert=c.pem&key=k.pem&level=Warning",
    );
    assert_eq!(plan.unwrap().exporter, "Apache Kafka Sink");
    let brokers = "brokers=h1:9092&brokers=h2:9092,%20h3:9092,&eventstopic=k8s";
    assert_eq!(property(brokers, "bootstrap.servers").unwrap(), "a,h1:9092,h2:9092,h3:9092");
    let brokers = "brokers=%5B::1%5D:9092,::1,%5B::1%5D,SSL://h:9093,10.0.0.1";
    assert_eq!(
        property(brokers, "bootstrap.servers").unwrap(),
        "a,[::1]:9092,::1,[::1],SSL://h:9093,10.0.0.1"
    );
    for codec in ["none", "gzip", "snappy", "lz4", "zstd", "LZ4"] {
        let told = property(&format!("compression={codec}"), "compression.codec");
        assert_eq!(told, Some(codec.to_lowercase()));
    }
}

#[test]
fn the_protocol_follows_from_the_options_as_in_kube_eventer() {
    let tls = "cacert=ca.pem";
    let login = "user=u&password=p";
    for (options, protocol) in [
        (String::new(), "plaintext"),
        ("insecuressl=1".to_owned(), "plaintext"),
        ("user=u".to_owned(), "plaintext"),
        ("cert=c.pem".to_owned(), "plaintext"),
        (tls.to_owned(), "ssl"),
        ("cert=c.pem&key=k.pem".to_owned(), "ssl"),
        (login.to_owned(), "sasl_plaintext"),
        (format!("{login}&{tls}"), "sasl_ssl"),
        (format!("{login}&security_protocol=SASL_SSL"), "sasl_ssl"),
        ("security_protocol=Ssl".to_owned(), "ssl"),
    ] {
        assert_eq!(property(&options, "security.protocol").as_deref(), Some(protocol), "{options}");
    }
}

#[test]
fn login_and_tls_are_told_to_librdkafka() {
    let told = |name: &str| {
        property(
            "user=u&password=p%261&sasl_mechanism=scram-sha-512&security_protocol=sasl_ssl&cert=c.pem&key=k.pem\
             &key_password=kp&insecuressl=true",
            name,
        )
    };
    for (name, value) in [
        ("sasl.mechanism", "SCRAM-SHA-512"),
        ("sasl.username", "u"),
        ("sasl.password", "p&1"),
        ("ssl.ca.location", "probe"),
        ("ssl.certificate.location", "c.pem"),
        ("ssl.key.location", "k.pem"),
        ("ssl.key.password", "kp"),
        ("enable.ssl.certificate.verification", "false"),
    ] {
        assert_eq!(told(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(property("cacert=ca.pem", "ssl.ca.location").as_deref(), Some("ca.pem"));
    assert_eq!(property("user=u&password=p", "sasl.mechanism").as_deref(), Some("PLAIN"));
}

#[test]
fn nothing_is_given_up_or_repeated_unless_acks_say_so() {
    for (options, name, value) in [
        ("", "acks", "all"),
        ("", "enable.idempotence", "true"),
        ("", "message.timeout.ms", "0"),
        ("", "linger.ms", "1"),
        ("", "client.id", "eventer"),
        ("", "partitioner", "murmur2_random"),
        ("linger=500us", "linger.ms", "0.5"),
        ("acks=1", "acks", "1"),
        ("acks=1", "enable.idempotence", "false"),
        ("acks=0", "max.in.flight.requests.per.connection", "1"),
        ("kafka.message.max.bytes=2000000", "message.max.bytes", "2000000"),
        ("kafka.partitioner=consistent", "partitioner", "consistent"),
    ] {
        assert_eq!(property(options, name).as_deref(), Some(value), "{options}: {name}");
    }
    assert_eq!(property("", "max.in.flight.requests.per.connection"), None);
}

#[test]
fn mistakes_are_told_all_at_once_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let errors = errors_of(
        "brokers=hunter2@h%20x&eventstopic=a/b&compression=brotli&acks=2&linger=20m&format=xml\
         &security_protocol=tls&sasl_mechanism=GSSAPI&kafka.sasl.password=hunter2&kafka.foo.bar=hunter2\
         &kafka.message.timeout.ms=5&insecuressl=maybe&broker=b:9092",
    );
    for says in [
        "\"brokers\": a broker is written HOST:PORT",
        "\"eventstopic\": \"a/b\" is no name of a topic",
        "\"compression\": \"brotli\" is no compression; known are none, gzip, snappy, lz4 and zstd",
        "\"acks\": \"2\" is none of all, 1 and 0",
        "\"linger\": an event should not wait longer than 15m",
        "\"format\": \"xml\" is no format",
        "\"security_protocol\": \"tls\" is no protocol",
        "\"sasl_mechanism\": \"GSSAPI\" is no mechanism",
        "kafka.sasl.password is an option of its own here: give password=",
        "librdkafka has no property \"foo.bar\"",
        "kafka.message.timeout.ms cannot be given",
        "\"insecuressl\": \"maybe\" is neither",
        "did you mean \"brokers\"?",
    ] {
        assert!(errors.contains(says), "{says}: {errors}");
    }
    assert!(!errors.contains("hunter2"), "{errors}");

    let (good, damaged) = (path("good.pem", CERTIFICATE), path("bad.pem", "hunter2"));
    let errors = errors_of(&format!("brokers=a&cacert={damaged}&cert={good}&key=/nowhere/key.pem"));
    assert!(
        errors.contains("\"cacert\": ") && errors.contains("holds no \"-----BEGIN CERTIFICATE"),
        "{errors}"
    );
    assert!(errors.contains("\"key\": could not read /nowhere/key.pem"), "{errors}");
    assert!(!errors.contains("\"cert\"") && !errors.contains("hunter2"), "{errors}");
}

#[test]
fn what_does_not_fit_together_is_told() {
    for (options, says) in [
        ("brokers=", "\"brokers\" is missing"),
        ("", "\"brokers\" is missing"),
        ("brokers=a&security_protocol=sasl_ssl", "a user is needed"),
        ("brokers=a&security_protocol=sasl_ssl&user=u", "a password is needed"),
        ("brokers=a&sasl_mechanism=PLAIN", "nobody logs in"),
        ("brokers=a,b:x", "a broker is written HOST:PORT"),
        ("brokers=a:99999", "a broker is written HOST:PORT"),
        ("brokers=a:", "a broker is written HOST:PORT"),
        ("brokers=:9092", "a broker is written HOST:PORT"),
        ("brokers=a&security_protocol=ssl&cert=c.pem", "give key= too"),
        ("brokers=a&cacert=ca.pem&key=k.pem", "give cert= too"),
        ("brokers=a&password=p&password_file=f", "give one"),
        ("brokers=a&layout={}&format=eventer", "option \"layout\": format= is given too"),
        (r#"brokers=a&layout={"a": "{{ .Reasn }}"}"#, "layout.a: line 1, column 4: there is no .Reasn"),
    ] {
        let errors = plan(options).unwrap_err();
        let errors = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert!(errors.contains(says), "{options}: {errors}");
    }
}

#[test]
fn the_example_is_understood() {
    let example = KafkaConfig::SPEC.example.strip_prefix("--sink=kafka:?").unwrap();
    assert!(plan(example).is_ok());
}

#[tokio::test]
async fn a_certificate_that_openssl_does_not_take_is_told_when_the_sink_opens() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    fs::write(&ca, CERTIFICATE).unwrap();
    let plan = plan(&format!("brokers=127.0.0.1:1&cacert={}", ca.display())).unwrap();
    assert!(plan.check_files().is_ok());
    let error = plan.open(SinkContext::new("kafka")).await.err().unwrap();
    let text = eventer_core::report(&error);
    assert!(text.contains("could not open the client of Kafka: ssl.ca.location failed"), "{text}");
}

#[tokio::test]
async fn every_protocol_mechanism_and_compression_is_built_in() {
    for options in [
        "security_protocol=ssl",
        "security_protocol=sasl_ssl&user=u&password=p",
        "security_protocol=sasl_plaintext&user=u&password=p&sasl_mechanism=SCRAM-SHA-256",
        "security_protocol=sasl_ssl&user=u&password=p&sasl_mechanism=SCRAM-SHA-512",
        "compression=gzip",
        "compression=snappy",
        "compression=lz4",
        "compression=zstd",
        "acks=0",
        "acks=1",
    ] {
        let plan = plan(&format!("brokers=127.0.0.1:1&{options}")).unwrap();
        let opened = plan.open(SinkContext::new("kafka")).await;
        assert!(opened.is_ok(), "{options}: {}", eventer_core::report(&opened.err().unwrap()));
    }
}
