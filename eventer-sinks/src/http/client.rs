//! The client of a sink: proxy, redirects, limits; and sending one request with it.
//!
//! - The proxy is that of `proxy=`, or else the one that the system names (`HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`), as
//!   for every Go program; the system's is never used for a destination on this machine, again as in Go.
//! - Redirects are followed only if they keep the event and the secrets where they belong, see [`redirect_target`].
//! - There is no time limit of a request: the framework drops the future when the attempt's time is up.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use eventer_core::{BuildError, Clock, ExportError, SinkContext};
use reqwest::header::LOCATION;
use reqwest::{Client, ClientBuilder, Method, RequestBuilder, Response, StatusCode, Url, redirect};
use tracing::warn;

use super::answer::{Answer, Secrets};
use super::no_answer::no_answer;
use super::options::Transport;
use super::tls;

/// How long a connection may take to open. Shorter than an attempt's time, so that the error says what took so long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an idle connection is kept. Common load balancers drop theirs after 60 s.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

/// How many redirects are followed, as Go's client does.
const MOST_REDIRECTS: usize = 10;

/// Speaks to the destinations of one sink. `Debug` shows nothing of them.
pub(crate) struct HttpClient {
    client: Client,
    /// For destinations on this machine.
    local: Client,
    clock: Arc<dyn Clock>,
    /// Whether an answer may repeat the URL that was asked.
    shows_urls: bool,
}

impl HttpClient {
    /// Prepares a client. Nothing is sent.
    ///
    /// # Errors
    /// If a file that `transport` names cannot be used.
    pub(crate) async fn open(transport: &Transport, context: &SinkContext) -> Result<Self, BuildError> {
        if transport.is_insecure {
            warn!(
                sink = %context.name,
                "the destination's certificate is not verified (insecure=true): whoever is in between can read and change what is sent"
            );
        }
        let tls = tls::prepare(transport, &context.name).await?;
        let builder = || {
            Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .user_agent(concat!("eventer/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(CONNECT_TIMEOUT)
                .pool_idle_timeout(IDLE_TIMEOUT)
                .redirect(redirect::Policy::none())
        };
        let build = |builder: ClientBuilder| {
            builder.build().map_err(|error| BuildError::new("prepare the HTTP client", error))
        };
        let (client, local) = match transport.proxy().await? {
            Some(proxy) => {
                let client = build(builder().proxy(proxy))?;
                (client.clone(), client)
            }
            None => (build(builder())?, build(builder().no_proxy())?),
        };
        Ok(Self { client, local, clock: context.clock.clone(), shows_urls: false })
    }

    /// Says that no URL of this destination holds a secret: what an answer repeats of it is shown then, such as the name
    /// of a database.
    #[must_use]
    pub(crate) fn showing_urls(mut self) -> Self {
        self.shows_urls = true;
        self
    }

    /// Begins a request.
    pub(crate) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let client = if is_local(&url) { &self.local } else { &self.client };
        client.request(method, url)
    }

    /// Sends a request and gives back the start of the answer's body, at most 64 KiB: chat services hide their errors
    /// there. For who wants to see more of the answer there is [`ask`](Self::ask).
    ///
    /// `hide` is what else than the URL and the headers that are marked as sensitive (`bearer_auth` and `basic_auth` do)
    /// must not be shown where the destination repeats it.
    ///
    /// # Errors
    /// Without an answer `Unavailable`, or `Unauthorized` if our client certificate is refused; with one, what
    /// [`Answer::verdict`] says of it. None shows the URL or a secret.
    ///
    /// # Cancellation
    /// Dropping the future hangs up.
    pub(crate) async fn send(&self, request: RequestBuilder, hide: &[&str]) -> Result<Vec<u8>, ExportError> {
        let answer = self.ask(request, hide).await?;
        answer.verdict()?;
        Ok(answer.body)
    }

    /// Sends a request and gives back the answer, whatever its status: the sink judges it.
    ///
    /// # Errors
    /// Without an answer: `Unavailable`, or `Unauthorized` if our client certificate is refused. It shows neither the URL nor a secret.
    ///
    /// # Cancellation
    /// Dropping the future hangs up.
    pub(crate) async fn ask(&self, request: RequestBuilder, hide: &[&str]) -> Result<Answer, ExportError> {
        let request = request.build().map_err(no_answer)?;
        let mut secrets = Secrets::default();
        if !self.shows_urls {
            secrets.add_url(request.url());
        }
        secrets.add_password(request.url());
        secrets.add_headers(request.headers());
        hide.iter().for_each(|secret| secrets.add(secret));
        let response = self.follow(request).await.map_err(no_answer)?;
        if !self.shows_urls {
            // It may be another one: that of a redirect.
            secrets.add_url(response.url());
        }
        Ok(Answer::read(response, secrets, self.clock.now()).await)
    }

    /// Sends a request, and again to where it is redirected. A redirect that is not followed is the answer.
    async fn follow(&self, mut request: reqwest::Request) -> reqwest::Result<Response> {
        // A redirect stays on its host, hence with the client that the host has.
        let client = if is_local(request.url()) { &self.local } else { &self.client };
        for _ in 0..MOST_REDIRECTS {
            let again = request.try_clone();
            let response = client.execute(request).await?;
            let (Some(mut again), Some(target)) = (again, redirect_target(&response)) else {
                return Ok(response);
            };
            *again.url_mut() = target;
            request = again;
        }
        client.execute(request).await
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").finish_non_exhaustive()
    }
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

fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address: Result<IpAddr, _> = host.trim_start_matches('[').trim_end_matches(']').parse();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
