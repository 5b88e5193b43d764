//! The client of one destination: TLS, proxy, redirects, limits; and sending one request with it.
//!
//! - TLS is rustls with ring, on a config of our own: no provider is installed for the process. The roots are the
//!   system's.
//! - The proxy is the one that the system names (`HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`), as for every Go program; never
//!   for a destination on this machine, again as in Go.
//! - Redirects are followed only if they keep the event and the secrets where they belong, see [`redirect_target`].
//! - There is no time limit of a request: the framework drops the future when the attempt's time is up.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use eventer_core::{BuildError, Clock, ExportError, Secret, SinkContext};
use reqwest::header::LOCATION;
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, redirect};
use rustls::crypto::{CryptoProvider, ring};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;

use super::classify::classify;

/// How long a connection may take to open. Shorter than an attempt's time, so that the error says what took so long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an idle connection is kept. Common load balancers drop theirs after 60 s.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

/// How many redirects are followed, as Go's client does.
const MOST_REDIRECTS: usize = 10;

/// How much of an answer's body is read, and for how long: a body without an end must not hold events up that the
/// status has already judged.
const BODY_BYTES: usize = 64 * 1024;
pub(super) const BODY_TIME: Duration = Duration::from_secs(5);

/// What is shorter is no secret, and hiding it would make every answer unreadable.
const SHORTEST_SECRET: usize = 4;
/// From this length on a part of a path may be a credential by itself.
const LONG_WORD: usize = 12;

/// Speaks to one destination. `Debug` shows nothing of it.
pub(crate) struct HttpClient {
    client: reqwest::Client,
    clock: Arc<dyn Clock>,
    secrets: Vec<Secret<String>>,
}

impl HttpClient {
    /// Prepares a client for the destination at `url`. Nothing is sent.
    ///
    /// # Errors
    /// If the destination needs TLS and the system has no certificates to trust.
    pub(crate) fn open(url: &Url, context: &SinkContext) -> Result<Self, BuildError> {
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(url)?)
            .user_agent(concat!("eventer/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .redirect(redirect::Policy::none());
        if is_loopback(url) {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| BuildError::new("prepare the HTTP client", error))?;
        let mut client = Self { client, clock: context.clock.clone(), secrets: Vec::new() };
        // A path or a query that a chat service gives out is a credential, whole or by its longest part.
        client.hide(url.path());
        url.path().split('/').filter(|part| part.len() >= LONG_WORD).for_each(|part| client.hide(part));
        url.query_pairs().for_each(|(_, value)| client.hide(&value));
        url.password().iter().for_each(|password| client.hide(password));
        Ok(client)
    }

    /// Hides `secret` where a destination repeats it in an answer.
    pub(crate) fn hide(&mut self, secret: &str) {
        if secret.len() >= SHORTEST_SECRET {
            self.secrets.push(Secret::new(secret.to_owned()));
            // The longest first: hiding a part of it would leave the rest to be seen.
            self.secrets.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
        }
    }

    /// Begins a request.
    pub(crate) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.client.request(method, url)
    }

    /// Sends a request and gives back the start of the answer's body, at most 64 KiB: chat services hide their errors
    /// there.
    ///
    /// # Errors
    /// Without an answer `Unavailable`; with one, what [`classify`] says of it. None shows the URL or a known secret.
    ///
    /// # Cancellation
    /// Dropping the future hangs up.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Vec<u8>, ExportError> {
        let response =
            self.follow(request).await.map_err(|error| ExportError::unavailable(error.without_url()))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = body_start(response).await;
        classify(status, &headers, &body, &self.secrets, self.clock.now())?;
        Ok(body)
    }

    /// Sends a request, and again to where it is redirected. A redirect that is not followed is the answer.
    async fn follow(&self, request: RequestBuilder) -> reqwest::Result<Response> {
        let mut request = request.build()?;
        for _ in 0..MOST_REDIRECTS {
            let again = request.try_clone();
            let response = self.client.execute(request).await?;
            let (Some(mut again), Some(target)) = (again, redirect_target(&response)) else {
                return Ok(response);
            };
            *again.url_mut() = target;
            request = again;
        }
        self.client.execute(request).await
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").finish_non_exhaustive()
    }
}

/// What could be read of the body. One that breaks off is as long as it came: the status is known, and stands.
async fn body_start(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    let reading = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = BODY_BYTES - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if body.len() == BODY_BYTES {
                break;
            }
        }
    };
    // Out of time is as good as broken off.
    drop(tokio::time::timeout(BODY_TIME, reading).await);
    body
}

fn tls(url: &Url) -> Result<ClientConfig, BuildError> {
    let failed = |error: rustls::Error| BuildError::new("prepare TLS", error);
    let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    let mut config = match builder.clone().with_platform_verifier() {
        Ok(builder) => builder.with_no_client_auth(),
        // A container without certificates can still speak plain HTTP.
        Err(_) if url.scheme() == "http" => {
            builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
        }
        Err(error) => return Err(failed(error)),
    };
    // reqwest leaves a prepared config as it is, so both versions of HTTP are offered here.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Where a redirect leads, if it keeps the method and the body (307, 308) and stays on the host, without giving up TLS.
///
/// 301, 302 and 303 are followed with a GET without a body, after which a login page would count as a delivery; and any
/// header may be a credential, which is no other host's business.
fn redirect_target(response: &Response) -> Option<Url> {
    if !matches!(response.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT) {
        return None;
    }
    let here = response.url();
    let target = here.join(response.headers().get(LOCATION)?.to_str().ok()?).ok()?;
    let keeps_tls = target.scheme() == "https" || (target.scheme() == "http" && here.scheme() == "http");
    (keeps_tls && target.host_str() == here.host_str()).then_some(target)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address: Result<IpAddr, _> = host.trim_start_matches('[').trim_end_matches(']').parse();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
