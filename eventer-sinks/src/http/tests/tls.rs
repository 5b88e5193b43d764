//! TLS against a server that really speaks it: whom the client trusts, and how it shows who it is.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use eventer_core::{ExportErrorKind, SinkContext, report};
use eventer_testkit::{FakeDestination, Reply};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use reqwest::Method;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tracing::Level;

use super::super::options::IdentityFiles;
use super::super::{HttpClient, Transport};
use super::LogCounter;

/// A CA of the test's own.
struct Ca {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate of such a CA, with its key.
struct Leaf {
    cert: String,
    key: String,
}

impl Ca {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        Self { pem: params.self_signed(&key).unwrap().pem(), issuer: Issuer::new(params, key) }
    }

    fn issue(&self, name: &str) -> Leaf {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        Leaf { cert: params.signed_by(&key, &self.issuer).unwrap().pem(), key: key.serialize_pem() }
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(der(&self.pem)).unwrap();
        roots
    }
}

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

/// A destination behind TLS. It closes each connection after one answer, so that each request shakes hands.
struct TlsDestination {
    destination: FakeDestination,
    port: u16,
    /// Whom the clients showed to be, one entry a handshake.
    peers: Arc<Mutex<Vec<Option<CertificateDer<'static>>>>>,
    accepting: JoinHandle<()>,
}

impl TlsDestination {
    /// Shows a certificate of `ca`, and asks for one of `clients` if there is one.
    async fn start(ca: &Ca, clients: Option<&Ca>) -> Self {
        let destination = FakeDestination::start().await;
        destination.set_default(Reply::ok().with_header("Connection", "close"));
        let leaf = ca.issue("localhost");
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(clients) => builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(Arc::new(clients.roots()), provider)
                    .build()
                    .unwrap(),
            ),
        };
        let key = PrivateKeyDer::from_pem_slice(leaf.key.as_bytes()).unwrap();
        let config = builder.with_single_cert(vec![der(&leaf.cert)], key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (peers, address) = (Arc::new(Mutex::new(Vec::new())), destination.address());
        let seen = peers.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, seen) = (acceptor.clone(), seen.clone());
                tokio::spawn(async move {
                    let mut stream = match acceptor.accept(stream).into_fallible().await {
                        Ok(stream) => stream,
                        // A reset would overtake the alert that says why.
                        Err((_, mut stream)) => {
                            drop(tokio::io::copy(&mut stream, &mut tokio::io::sink()).await);
                            return;
                        }
                    };
                    let peer = stream.get_ref().1.peer_certificates().map(|chain| chain[0].clone());
                    seen.lock().unwrap().push(peer.map(CertificateDer::into_owned));
                    let mut inner = TcpStream::connect(address).await.unwrap();
                    drop(copy_bidirectional(&mut stream, &mut inner).await);
                });
            }
        });
        Self { destination, port, peers, accepting }
    }

    fn last_peer(&self) -> Option<CertificateDer<'static>> {
        self.peers.lock().unwrap().last().cloned().flatten()
    }

    async fn post(&self, client: &HttpClient) -> Result<(), (ExportErrorKind, String)> {
        let url = format!("https://localhost:{}/hook", self.port).parse().unwrap();
        let request = client.request(Method::POST, url).body("event");
        let sent = client.send(request, &[]).await;
        sent.map(drop).map_err(|error| (error.kind(), report(&error)))
    }
}

impl Drop for TlsDestination {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn write(folder: &Path, name: &str, content: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    path
}

/// Trusts `ca`, and shows `identity`.
fn transport(folder: &TempDir, ca: &Ca, identity: Option<&Leaf>) -> Transport {
    Transport {
        ca_file: Some(write(folder.path(), "ca.crt", &ca.pem)),
        identity: identity.map(|leaf| renew(folder.path(), leaf)),
        ..Transport::default()
    }
}

fn renew(folder: &Path, leaf: &Leaf) -> IdentityFiles {
    IdentityFiles { cert: write(folder, "tls.crt", &leaf.cert), key: write(folder, "tls.key", &leaf.key) }
}

async fn open(transport: &Transport) -> HttpClient {
    HttpClient::open(transport, &SinkContext::new("test")).await.unwrap()
}

#[tokio::test]
async fn a_destination_of_the_ca_that_is_named_is_trusted() {
    let (folder, ca) = (TempDir::new().unwrap(), Ca::new("ours"));
    let server = TlsDestination::start(&ca, None).await;
    server.post(&open(&transport(&folder, &ca, None)).await).await.unwrap();
    assert_eq!(server.destination.requests()[0].text(), "event");
}

#[tokio::test]
async fn a_destination_of_another_ca_is_not_trusted_and_the_error_says_what_to_do() {
    let (folder, ca) = (TempDir::new().unwrap(), Ca::new("ours"));
    let server = TlsDestination::start(&Ca::new("another"), None).await;
    for transport in [transport(&folder, &ca, None), Transport::default()] {
        let (kind, error) = server.post(&open(&transport).await).await.unwrap_err();
        assert_eq!(kind, ExportErrorKind::Unavailable);
        assert!(error.contains("invalid peer certificate"), "{error}");
        assert!(error.contains("ca_file="), "{error}");
    }
    assert_eq!(server.destination.count(), 0);
}

#[tokio::test]
async fn any_destination_is_trusted_if_the_user_says_so_and_the_log_warns_of_it() {
    let log = LogCounter::of(Level::WARN);
    let _captured = tracing::subscriber::set_default(log.clone());
    let server = TlsDestination::start(&Ca::new("another"), None).await;
    let transport = Transport { is_insecure: true, ..Transport::default() };
    let client = open(&transport).await;
    for _ in 0..2 {
        server.post(&client).await.unwrap();
    }
    assert_eq!(log.count(), 1);
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_a_destination_that_asks_for_one() {
    let (folder, ca) = (TempDir::new().unwrap(), Ca::new("ours"));
    let server = TlsDestination::start(&ca, Some(&ca)).await;
    let leaf = ca.issue("eventer");
    server.post(&open(&transport(&folder, &ca, Some(&leaf))).await).await.unwrap();
    assert_eq!(server.last_peer(), Some(der(&leaf.cert)));

    let foreign = Ca::new("another").issue("eventer");
    for identity in [None, Some(&foreign)] {
        let client = open(&transport(&folder, &ca, identity)).await;
        let (kind, error) = server.post(&client).await.unwrap_err();
        assert_eq!(kind, ExportErrorKind::Unauthorized, "{error}");
        assert!(error.contains("cert_file="), "{error}");
    }
    assert_eq!(server.destination.count(), 1);
}

#[tokio::test]
async fn a_renewed_client_certificate_is_used_without_opening_again() {
    let (folder, ca) = (TempDir::new().unwrap(), Ca::new("ours"));
    let server = TlsDestination::start(&ca, Some(&ca)).await;
    let (old, new) = (ca.issue("eventer"), ca.issue("eventer"));
    let client = open(&transport(&folder, &ca, Some(&old))).await;
    server.post(&client).await.unwrap();
    assert_eq!(server.last_peer(), Some(der(&old.cert)));

    // Half of the renewal is written: the certificate does not belong to the key.
    write(folder.path(), "tls.crt", &new.cert);
    server.post(&client).await.unwrap();
    assert_eq!(server.last_peer(), Some(der(&old.cert)));

    write(folder.path(), "tls.key", &new.key);
    server.post(&client).await.unwrap();
    assert_eq!(server.last_peer(), Some(der(&new.cert)));
}

#[tokio::test]
async fn files_that_cannot_be_used_are_told_when_the_client_is_opened() {
    let (folder, ca) = (TempDir::new().unwrap(), Ca::new("ours"));
    let (one, other) = (ca.issue("eventer"), ca.issue("eventer"));
    let mut transport = transport(&folder, &ca, Some(&one));
    write(folder.path(), "tls.key", &other.key);
    let context = SinkContext::new("test");
    let error = report(&HttpClient::open(&transport, &context).await.unwrap_err());
    assert!(error.contains("tls.crt with the key in") && error.contains("KeyMismatch"), "{error}");
    std::fs::remove_file(transport.ca_file.take().unwrap()).unwrap();
    transport.identity = None;
    transport.ca_file = Some(folder.path().join("ca.crt"));
    let error = report(&HttpClient::open(&transport, &context).await.unwrap_err());
    assert!(error.contains("ca.crt: No such file"), "{error}");
}
