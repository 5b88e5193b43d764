//! Who is let in, and what is said to a user who is not.

use std::fs;
use std::path::{Path, PathBuf};

use eventer_core::testing::batch;
use eventer_core::{ExportError, ExportErrorKind, report};
use eventer_testkit::live::kafka::{
    Certificates, Credentials, KafkaBroker, Listener, PLAIN, SCRAM_SHA_256, SCRAM_SHA_512,
};
use tempfile::TempDir;

use crate::{open, shared_broker, soon, uri};

/// Certificates as files, which is how users give them.
struct Files {
    directory: TempDir,
}

impl Files {
    fn of(certificates: &Certificates) -> Self {
        let files = Self { directory: TempDir::new().unwrap() };
        files.write("authority.pem", &certificates.authority);
        files.write("other-authority.pem", &certificates.other_authority);
        files.write("client.pem", &certificates.client);
        files.write("client.key", &certificates.client_key);
        files.write("other-client.pem", &certificates.other_client);
        files.write("other-client.key", &certificates.other_client_key);
        files
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn path(&self, name: &str) -> String {
        text(&self.directory.path().join(name))
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// How a client comes in by each listener and mechanism.
fn ways<'a>(files: &Files) -> Vec<(Listener, Vec<(&'a str, String)>)> {
    let authority = ("cacert", files.path("authority.pem"));
    let pair = [("cert", files.path("client.pem")), ("key", files.path("client.key"))];
    let mut ways = vec![
        (Listener::Plaintext, vec![]),
        (Listener::Ssl, vec![authority.clone()]),
        (Listener::MutualSsl, [&[authority.clone()][..], &pair].concat()),
    ];
    for credentials in [PLAIN, SCRAM_SHA_256, SCRAM_SHA_512] {
        let login = login(credentials, credentials.password);
        ways.push((Listener::SaslPlaintext, login.clone()));
        ways.push((Listener::SaslSsl, [&[authority.clone()][..], &login].concat()));
    }
    ways
}

fn login<'a>(credentials: Credentials, password: &str) -> Vec<(&'a str, String)> {
    vec![
        ("sasl_mechanism", credentials.mechanism.to_owned()),
        ("user", credentials.user.to_owned()),
        ("password", password.to_owned()),
    ]
}

/// What a single attempt says whose way in is wrong.
async fn refusal(broker: &KafkaBroker, listener: Listener, options: &[(&str, String)]) -> ExportError {
    let options: Vec<_> = options.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let sink = open(&uri(broker, listener, &options)).await;
    let error = soon(sink.export_events(&batch(0..3))).await.unwrap_err();
    let health = soon(sink.check_health()).await.unwrap_err();
    assert_eq!(health.kind(), error.kind(), "{}", report(&health));
    soon(sink.stop()).await;
    error
}

#[tokio::test(flavor = "multi_thread")]
async fn every_listener_takes_what_its_options_say() {
    let broker = shared_broker().await;
    let files = Files::of(broker.certificates());
    for (number, (listener, options)) in ways(&files).into_iter().enumerate() {
        let topic = format!("way-{number}");
        let mut options: Vec<_> = options.iter().map(|(name, value)| (*name, value.as_str())).collect();
        options.push(("topic", &topic));
        let sink = open(&uri(&broker, listener, &options)).await;
        soon(sink.export_events(&batch(0..10))).await.unwrap_or_else(|error| {
            panic!("{listener:?} {}: {}", options[0].1, report(&error));
        });
        soon(sink.check_health()).await.unwrap();
        soon(sink.stop()).await;
        assert_eq!(broker.count(&topic).await, 10, "{listener:?} {options:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_unauthorized_and_never_shown() {
    let broker = shared_broker().await;
    for credentials in [PLAIN, SCRAM_SHA_256, SCRAM_SHA_512] {
        let options = login(credentials, "not-the-password");
        let error = refusal(&broker, Listener::SaslPlaintext, &options).await;
        let text = report(&error);
        assert_eq!(error.kind(), ExportErrorKind::Unauthorized, "{text}");
        assert!(text.to_lowercase().contains("authentication"), "{text}");
        assert!(!text.contains("not-the-password"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_mended_in_its_file_is_used() {
    let broker = shared_broker().await;
    let files = Files::of(broker.certificates());
    let file = text(&files.write("password", "not-the-password\n"));
    let options = [("user", PLAIN.user), ("password_file", &file), ("topic", "mended")];
    let sink = open(&uri(&broker, Listener::SaslPlaintext, &options)).await;
    let error = soon(sink.export_events(&batch(0..3))).await.unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::Unauthorized, "{}", report(&error));
    files.write("password", &format!("{}\n", PLAIN.password));
    crate::deliver(&*sink, &batch(0..3)).await.unwrap();
    soon(sink.stop()).await;
    assert_eq!(broker.count("mended").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_the_authority_did_not_sign_is_told() {
    let broker = shared_broker().await;
    let files = Files::of(broker.certificates());
    for options in
        [vec![("cacert", files.path("other-authority.pem"))], vec![("security_protocol", "ssl".to_owned())]]
    {
        let text = report(&refusal(&broker, Listener::Ssl, &options).await);
        assert!(text.contains("certificate") && text.contains("cacert"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_the_certificate_that_is_asked_for_is_told() {
    let broker = shared_broker().await;
    let files = Files::of(broker.certificates());
    let authority = ("cacert", files.path("authority.pem"));
    let none = vec![authority.clone()];
    let other =
        vec![authority, ("cert", files.path("other-client.pem")), ("key", files.path("other-client.key"))];
    for options in [none, other] {
        let text = report(&refusal(&broker, Listener::MutualSsl, &options).await);
        assert!(text.to_lowercase().contains("certificate"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_certificate_will_do_when_it_is_said_so() {
    let broker = shared_broker().await;
    let options = [("security_protocol", "ssl"), ("insecuressl", "true"), ("topic", "insecure")];
    let sink = open(&uri(&broker, Listener::Ssl, &options)).await;
    crate::deliver(&*sink, &batch(0..3)).await.unwrap();
    soon(sink.stop()).await;
    assert_eq!(broker.count("insecure").await, 3);
}
