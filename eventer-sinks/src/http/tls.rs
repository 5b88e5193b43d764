//! TLS of a client, on rustls with ring: whom it trusts, and how it shows who it is. No provider is installed for the
//! process.
//!
//! The roots are the system's, or those of `ca_file=` and no others, as with `curl --cacert`. A client certificate is
//! read from its files for each handshake, so that one that is renewed is used without a restart.

use std::fmt;
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};

use eventer_core::{BoxError, BuildError};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SignatureScheme};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tracing::warn;

use super::options::{IdentityFiles, Transport};
use super::verifier::{Anybody, Nobody};

/// Prepares TLS as `transport` says. `sink` is the name for the log.
///
/// # Errors
/// If a file cannot be used.
pub(super) async fn prepare(transport: &Transport, sink: &Arc<str>) -> Result<ClientConfig, BuildError> {
    let failed = |error: rustls::Error| BuildError::new("prepare TLS", error);
    let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    let builder = if transport.is_insecure {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider.clone())))
    } else if let Some(path) = &transport.ca_file {
        let tried = || format!("read the certificates of {}", path.display());
        let pem = tokio::fs::read(path).await.map_err(|error| BuildError::new(tried(), error))?;
        builder.with_root_certificates(roots(&pem).map_err(|reason| BuildError::new(tried(), reason))?)
    } else {
        match builder.clone().with_platform_verifier() {
            Ok(builder) => builder,
            // A container without certificates can still speak plain HTTP.
            Err(_) => {
                builder.dangerous().with_custom_certificate_verifier(Arc::new(Nobody(provider.clone())))
            }
        }
    };
    let mut config = match &transport.identity {
        None => builder.with_no_client_auth(),
        Some(files) => {
            let identity = Identity::open(files, provider, sink)?;
            let mut config = builder.with_client_cert_resolver(Arc::new(identity));
            // A resumed session is that of the certificate that it began with.
            config.resumption = Resumption::disabled();
            config
        }
    };
    // reqwest leaves a prepared config as it is, so both versions of HTTP are offered here.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Says what is wrong with a file of certificates.
pub(super) fn check_certificates(pem: &[u8]) -> Result<(), String> {
    roots(pem).map(drop)
}

/// Says what is wrong with a file that holds a private key. Shows nothing of it.
pub(super) fn check_key(pem: &[u8]) -> Result<(), String> {
    private_key(pem).map(drop)
}

/// A client certificate in files, read again for each handshake. `Debug` shows their paths.
struct Identity {
    files: IdentityFiles,
    provider: Arc<CryptoProvider>,
    sink: Arc<str>,
    /// What could be read last: while a renewal is half written, the old one is used.
    last: Mutex<Arc<CertifiedKey>>,
}

impl Identity {
    fn open(
        files: &IdentityFiles,
        provider: Arc<CryptoProvider>,
        sink: &Arc<str>,
    ) -> Result<Self, BuildError> {
        let last = read(files, &provider).map_err(|cause| {
            let (cert, key) = (files.cert.display(), files.key.display());
            BuildError::new(format!("use the client certificate in {cert} with the key in {key}"), cause)
        })?;
        Ok(Self { files: files.clone(), provider, sink: sink.clone(), last: Mutex::new(Arc::new(last)) })
    }
}

impl ResolvesClientCert for Identity {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // Two small local files, once a connection: nothing that is worth a thread.
        match read(&self.files, &self.provider) {
            Ok(identity) => *last = Arc::new(identity),
            Err(error) => {
                let path = self.files.cert.display();
                warn!(sink = %self.sink, %error, "could not read the client certificate in {path} again; the last one is used");
            }
        }
        Some(last.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("files", &self.files).finish_non_exhaustive()
    }
}

fn read(files: &IdentityFiles, provider: &CryptoProvider) -> Result<CertifiedKey, BoxError> {
    let chain = certificates(&fs::read(&files.cert)?)?;
    let key = private_key(&fs::read(&files.key)?)?;
    Ok(CertifiedKey::from_der(chain, key, provider)?)
}

fn roots(pem: &[u8]) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(pem)? {
        store.add(certificate).map_err(|error| format!("a certificate in it is not understood: {error}"))?;
    }
    Ok(store)
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if found.is_empty() => Err("no certificate in PEM is in it".to_owned()),
        Ok(found) => Ok(found),
        Err(_) => Err("it is no valid PEM".to_owned()),
    }
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(pem)
        .map_err(|_| "no private key in PEM without a password is in it".to_owned())
}
