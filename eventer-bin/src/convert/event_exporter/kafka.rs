//! Kafka: brokers and topic, login and TLS.

use super::fields::Fields;
use super::receivers::{Options, Receiver, Workshop};
use crate::convert::report::Weight;
use crate::convert::variables;
use crate::convert::yaml::Yaml;

/// The options of the sink.
pub(super) fn options(receiver: &Receiver<'_>, workshop: &mut Workshop<'_>) -> Options {
    const KEYS: &[&str] =
        &["brokers", "topic", "clientId", "version", "compressionCodec", "layout", "tls", "sasl", "avro"];
    let fields = receiver.fields(KEYS, workshop);
    let mut options = Options::new();
    let brokers = fields.texts("brokers");
    if brokers.is_empty() {
        workshop.missing(&fields, "brokers");
    }
    options.push(("brokers".to_owned(), Yaml::texts(brokers)));
    match fields.text("topic") {
        Some(topic) => options.push(("eventstopic".to_owned(), Yaml::text(topic))),
        None => workshop.missing(&fields, "topic"),
    }
    options.extend(fields.text("clientId").map(|id| ("client_id".to_owned(), Yaml::text(id))));
    if fields.text("version").is_some() {
        let text = "client and brokers agree on a version by themselves; it is left out";
        workshop.report.add(Weight::Know, fields.line_of("version"), fields.place_of("version"), text);
    }
    match fields.text("compressionCodec") {
        Some(codec)
            if ["none", "snappy", "gzip", "lz4", "zstd"].contains(&codec) || variables::has_any(codec) =>
        {
            options.push(("compression".to_owned(), Yaml::text(codec)));
        }
        Some(_) => {
            let text = "there is no such codec, and the tool compressed nothing; so it is here";
            let (line, place) = (fields.line_of("compressionCodec"), fields.place_of("compressionCodec"));
            workshop.report.add(Weight::Know, line, place, text);
        }
        None => {}
    }
    security(receiver, &fields, &mut options, workshop);
    let has_layout = fields.get("layout").is_some_and(|node| node.entries().is_some());
    if fields.get("avro").is_some() && !has_layout {
        let text = "records are not written as Avro here, but as JSON";
        workshop.report.add(Weight::Lost, fields.line_of("avro"), fields.place_of("avro"), text);
    }
    let text = "a record's key was the uid of the Event, and is the uid of its object, so that the events of an object keep \
                their order; all replicas have to acknowledge it (acks=all), where the tool waited for the leader";
    workshop.report.add(Weight::Differs, receiver.line, receiver.place(), text);
    options.push(("layout".to_owned(), workshop.layout(&fields)));
    options
}

fn security(
    receiver: &Receiver<'_>,
    fields: &Fields<'_>,
    options: &mut Options,
    workshop: &mut Workshop<'_>,
) {
    const TLS: &[&str] = &["enable", "caFile", "certFile", "keyFile", "insecureSkipVerify"];
    const SASL: &[&str] = &["enable", "username", "password", "mechanism"];
    let tls = fields.section("tls", TLS, workshop.report).filter(|tls| workshop.is_on(tls, "enable"));
    let sasl = fields.section("sasl", SASL, workshop.report).filter(|sasl| workshop.is_on(sasl, "enable"));
    let protocol = match (&tls, &sasl) {
        (None, None) => return,
        (Some(_), None) => "ssl",
        (None, Some(_)) => "sasl_plaintext",
        (Some(_), Some(_)) => "sasl_ssl",
    };
    options.push(("security_protocol".to_owned(), Yaml::text(protocol)));
    if let Some(sasl) = sasl {
        let mechanism = match sasl.text("mechanism") {
            None | Some("plain" | "PLAIN") => "PLAIN",
            Some("sha256") => "SCRAM-SHA-256",
            Some("sha512") => "SCRAM-SHA-512",
            Some(other) => {
                let text = "there is no such mechanism; it is one of plain, sha256 and sha512";
                let (line, place) = (sasl.line_of("mechanism"), sasl.place_of("mechanism"));
                workshop.report.add(Weight::Lost, line, place, text);
                other
            }
        };
        options.push(("sasl_mechanism".to_owned(), Yaml::text(mechanism)));
        options.extend(sasl.text("username").map(|user| ("user".to_owned(), Yaml::text(user))));
        if let Some(password) = sasl.text("password") {
            workshop.secret(options, &receiver.name, "password", password);
        }
    }
    if let Some(tls) = tls {
        let is_insecure = workshop.is_on(&tls, "insecureSkipVerify");
        for (key, option) in [("caFile", "cacert"), ("certFile", "cert"), ("keyFile", "key")] {
            workshop.file(options, option, &tls, key);
        }
        if is_insecure {
            options.push(("insecuressl".to_owned(), Yaml::plain(true)));
        }
    }
}
