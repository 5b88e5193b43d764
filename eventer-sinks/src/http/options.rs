//! The options that say how to get to a destination: whom to trust, who we are, and through which proxy.

use std::path::PathBuf;

use eventer_core::{BuildError, OptionSpec, SecretSource, UriReader};
use reqwest::{Proxy, Url};

use super::tls;

/// The certificates to trust.
pub(crate) const CA_FILE: OptionSpec = OptionSpec::new(
    "ca_file",
    "PATH",
    "PEM file with the certificates of the CAs to trust, instead of the system's.",
);
/// The client certificate.
pub(crate) const CERT_FILE: OptionSpec = OptionSpec::new(
    "cert_file",
    "PATH",
    "PEM file with the client certificate and its chain, for mutual TLS; read again for each new connection.",
);
/// The client certificate's key.
pub(crate) const KEY_FILE: OptionSpec =
    OptionSpec::new("key_file", "PATH", "PEM file with the private key of the client certificate.");
/// Whether to do without verification.
pub(crate) const INSECURE: OptionSpec = OptionSpec::new(
    "insecure",
    "BOOL",
    "Takes any certificate of the destination: whoever is in between can read and change what is sent.",
)
.default("false");
/// The proxy.
pub(crate) const PROXY: OptionSpec = OptionSpec::new(
    "proxy",
    "http://[USER:PASSWORD@]HOST:PORT",
    "Proxy for all requests, instead of the one that HTTP_PROXY and HTTPS_PROXY name.",
)
.secret();

/// How to get to a destination. `Debug` shows paths, and no secret.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transport {
    pub(super) ca_file: Option<PathBuf>,
    pub(super) identity: Option<IdentityFiles>,
    pub(super) is_insecure: bool,
    pub(super) proxy: Option<SecretSource>,
}

/// The files of a client certificate.
#[derive(Clone, Debug)]
pub(super) struct IdentityFiles {
    pub(super) cert: PathBuf,
    pub(super) key: PathBuf,
}

impl Transport {
    /// Takes [`CA_FILE`], [`CERT_FILE`], [`KEY_FILE`], [`INSECURE`] and [`PROXY`].
    pub(crate) fn take(uri: &mut UriReader<'_>) -> Self {
        let ca_file = uri.take_file(&CA_FILE, tls::check_certificates);
        let cert = uri.take_file(&CERT_FILE, tls::check_certificates);
        let key = uri.take_file(&KEY_FILE, tls::check_key);
        match (&cert, &key) {
            (Some(_), None) => uri.invalid(&CERT_FILE, "it needs key_file= with its private key"),
            (None, Some(_)) => uri.invalid(&KEY_FILE, "it needs cert_file= with the certificate"),
            (Some(_), Some(_)) | (None, None) => {}
        }
        let is_insecure = uri.take_or_default(&INSECURE);
        if is_insecure && ca_file.is_some() {
            uri.invalid(
                &INSECURE,
                "it trusts anybody, and ca_file= says whom to trust; leave one of them out",
            );
        }
        let proxy = uri.take_secret(&PROXY);
        if let Some(SecretSource::Value(url)) = &proxy
            && let Err(reason) = parse_proxy(url.expose())
        {
            uri.invalid(&PROXY, reason);
        }
        let identity = cert.zip(key).map(|(cert, key)| IdentityFiles { cert, key });
        Self { ca_file, identity, is_insecure, proxy }
    }

    /// Does without verification, as `insecure=true` does; for sinks that have another name for it.
    #[must_use]
    pub(crate) fn trusting_anybody(mut self) -> Self {
        self.is_insecure = true;
        self
    }

    /// The proxy that was asked for, if any was.
    pub(super) async fn proxy(&self) -> Result<Option<Proxy>, BuildError> {
        let Some(proxy) = &self.proxy else { return Ok(None) };
        let failed = |cause: eventer_core::BoxError| BuildError::new("use the proxy", cause);
        let url = proxy.read().await.map_err(|error| failed(error.into()))?;
        parse_proxy(url.expose()).map(Some).map_err(|reason| failed(reason.into()))
    }
}

/// The reason of a failure shows nothing of the text.
fn parse_proxy(text: &str) -> Result<Proxy, String> {
    let wrong = || format!("its value, which is not shown, is not of the form {}", PROXY.value);
    let url: Url = text.parse().map_err(|_| wrong())?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(wrong());
    }
    Proxy::all(url).map_err(|_| wrong())
}
