//! The requests to the API server, of events and of one ConfigMap, and what its refusals mean.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use eventer_core::{BuildError, report};
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use thiserror::Error;
use tokio::time::timeout;

use super::decode::{Page, Status};
use super::options::WatchOptions;

/// An error's text is for people: as much of it is kept.
const MAX_ERROR_TEXT: usize = 300;
/// The most of an error's body that is read.
const MAX_ERROR_BODY: usize = 64 * 1024;
/// The longest that a `Retry-After` is obeyed.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(600);

/// Lists and watches the Events of one namespace, or of all; or one ConfigMap.
#[derive(Clone)]
pub(super) struct Api {
    client: Client,
    resource: Resource,
    path: String,
    /// The selectors, encoded, each with a `&` behind it.
    selectors: String,
    /// Where the rights are needed, for people.
    place: String,
    request_timeout: Duration,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("path", &self.path).field("selectors", &self.selectors).finish()
    }
}

/// What is asked for, as the API server and its permissions call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resource {
    Events,
    ConfigMaps,
}

/// A request that did not succeed.
#[derive(Debug, Error)]
#[error("{text}")]
pub(super) struct Failure {
    pub(super) kind: FailureKind,
    /// How long the server wants to be left alone.
    pub(super) retry_after: Option<Duration>,
    text: String,
}

/// What a failure means for what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailureKind {
    /// The position, or the token, is too old to go on from.
    Expired,
    /// The request itself is refused: it would be refused again.
    Invalid,
    /// Another answer of the server, or of something before it. Trying again can help.
    Refused,
    /// No answer, or one that broke off.
    Unreachable,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Events => "events",
            Self::ConfigMaps => "configmaps",
        })
    }
}

impl Api {
    /// Asks for events.
    pub(super) fn events(client: Client, namespace: Option<&str>, options: &WatchOptions) -> Self {
        let (path, place) = match namespace {
            None => ("/api/v1/events".to_owned(), "with a ClusterRole".to_owned()),
            Some(name) => (format!("/api/v1/namespaces/{name}/events"), place_in(name)),
        };
        let mut selectors = form_urlencoded::Serializer::new(String::new());
        let given = [("fieldSelector", &options.field_selector), ("labelSelector", &options.label_selector)];
        for (name, value) in given {
            if let Some(value) = value {
                selectors.append_pair(name, value);
            }
        }
        let mut selectors = selectors.finish();
        if !selectors.is_empty() {
            selectors.push('&');
        }
        let request_timeout = options.request_timeout;
        Self { client, resource: Resource::Events, path, selectors, place, request_timeout }
    }

    /// Asks for the ConfigMap of that name, as a list of one: so the same permission serves the list and the watch, and
    /// one that is not there can be waited for.
    pub(super) fn config_map(client: Client, namespace: &str, name: &str, request_timeout: Duration) -> Self {
        let segment: String = form_urlencoded::byte_serialize(namespace.as_bytes()).collect();
        let selector: String =
            form_urlencoded::byte_serialize(format!("metadata.name={name}").as_bytes()).collect();
        Self {
            client,
            resource: Resource::ConfigMaps,
            path: format!("/api/v1/namespaces/{segment}/configmaps"),
            selectors: format!("fieldSelector={selector}&"),
            place: place_in(namespace),
            request_timeout,
        }
    }

    /// The version that the server is at.
    pub(super) async fn newest_version(&self) -> Result<u64, Failure> {
        let body = self.list("limit=1").await?;
        match Page::decode_version(&body) {
            Ok(Some(version)) => Ok(version),
            Ok(None) => Err(Failure::undecodable(self.resource, "its resourceVersion is no number")),
            Err(error) => Err(Failure::undecodable(self.resource, &report(&error))),
        }
    }

    /// A page of the list, and how many bytes it had: the first one, or that behind `token`.
    pub(super) async fn page(&self, limit: usize, token: Option<&str>) -> Result<(Page, usize), Failure> {
        let mut query = format!("limit={limit}");
        if let Some(token) = token {
            query.push_str("&continue=");
            query.extend(form_urlencoded::byte_serialize(token.as_bytes()));
        }
        let body = self.list(&query).await?;
        let page =
            Page::decode(&body).map_err(|error| Failure::undecodable(self.resource, &report(&error)))?;
        Ok((page, body.len()))
    }

    /// Opens a watch of everything that happens after `version`. The server ends it after `seconds`.
    pub(super) async fn watch(&self, version: u64, seconds: u64) -> Result<Body, Failure> {
        let query =
            format!("watch=true&allowWatchBookmarks=true&resourceVersion={version}&timeoutSeconds={seconds}");
        match timeout(self.request_timeout, self.send("watch", &query)).await {
            Ok(response) => Ok(response?.into_body()),
            Err(_) => Err(self.timed_out("watch")),
        }
    }

    /// What the server answers to a list.
    pub(super) async fn list(&self, query: &str) -> Result<Bytes, Failure> {
        let request = async {
            let response = self.send("list", query).await?;
            let body = response.into_body().collect().await;
            let tried = || format!("read a list of {}", self.resource);
            Ok(body.map_err(|error| Failure::unreachable(&tried(), &error))?.to_bytes())
        };
        timeout(self.request_timeout, request).await.unwrap_or_else(|_| Err(self.timed_out("list")))
    }

    async fn send(&self, verb: &str, query: &str) -> Result<Response<Body>, Failure> {
        let request = Request::get(format!("{}?{}{query}", self.path, self.selectors))
            .header(header::ACCEPT, "application/json")
            // A compressed watch would be held back until a block is full.
            .header(header::ACCEPT_ENCODING, "identity")
            .header(header::USER_AGENT, concat!("eventer/", env!("CARGO_PKG_VERSION")))
            .body(Body::empty());
        let request = request.map_err(|error| Failure {
            kind: FailureKind::Invalid,
            retry_after: None,
            text: format!("could not form the request: {error}"),
        })?;
        let sent = self.client.send(request).await;
        let response =
            sent.map_err(|error| Failure::unreachable(&format!("{verb} {}", self.resource), &error))?;
        if response.status() == StatusCode::OK {
            Ok(response)
        } else {
            Err(self.refusal(verb, response).await)
        }
    }

    /// Reads why the server refuses. It need not be JSON: proxies and overload answer with text.
    async fn refusal(&self, verb: &str, response: Response<Body>) -> Failure {
        let code = response.status();
        let seconds = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let seconds: Option<u64> = seconds.and_then(|text| text.trim().parse().ok());
        let body = http_body_util::Limited::new(response.into_body(), MAX_ERROR_BODY).collect().await;
        let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let status: Status = serde_json::from_slice(&body).unwrap_or_default();

        let said =
            if status.message.is_empty() { String::from_utf8_lossy(&body) } else { (&status.message).into() };
        let resource = self.resource;
        let mut text = format!("the API server answered {} to a {verb} of {resource}", code.as_u16());
        let said = shortened(said.trim());
        if !said.is_empty() {
            text.push_str(": ");
            text.push_str(said);
        }
        match code {
            StatusCode::UNAUTHORIZED => text.push_str("; its credentials are missing, wrong or expired"),
            StatusCode::FORBIDDEN => {
                let place = &self.place;
                text.push_str(&format!("; allow get, list and watch of {resource} (API group \"\") {place}"));
            }
            _ => {}
        }
        let kind = match code {
            _ if status.is_expired() || code == StatusCode::GONE => FailureKind::Expired,
            StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::NOT_FOUND
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS => FailureKind::Refused,
            _ if code.is_client_error() => FailureKind::Invalid,
            _ => FailureKind::Refused,
        };
        Failure { kind, retry_after: wait(seconds.or(status.retry_after_seconds())), text }
    }

    fn timed_out(&self, verb: &str) -> Failure {
        let waited = eventer_core::time::format_duration(self.request_timeout);
        let text = format!("the API server did not answer a {verb} of {} within {waited}", self.resource);
        Failure { kind: FailureKind::Unreachable, retry_after: None, text }
    }
}

impl Failure {
    /// There is no client that could ask.
    pub(super) fn unconnected(error: &BuildError) -> Self {
        Self { kind: FailureKind::Unreachable, retry_after: None, text: report(error) }
    }

    /// A connection that broke.
    pub(super) fn unreachable(tried: &str, error: &(dyn std::error::Error + 'static)) -> Self {
        let text = format!("could not {tried}: {}", report(error));
        Self { kind: FailureKind::Unreachable, retry_after: None, text }
    }

    /// A watch that the server ended with an ERROR line.
    pub(super) fn of_line(resource: Resource, status: &Status) -> Self {
        let kind = if status.is_expired() { FailureKind::Expired } else { FailureKind::Refused };
        let text = format!(
            "the API server ended the watch of {resource} with {} {}: {}",
            status.code,
            status.reason,
            shortened(&status.message)
        );
        Self { kind, retry_after: wait(status.retry_after_seconds()), text }
    }

    /// An answer that is none.
    pub(super) fn undecodable(resource: Resource, why: &str) -> Self {
        let text = format!("could not understand what the API server says of {resource}: {}", shortened(why));
        Self { kind: FailureKind::Refused, retry_after: None, text }
    }
}

/// Where the rights are needed for what is in a namespace.
fn place_in(namespace: &str) -> String {
    format!("in the namespace {namespace}, with a Role")
}

fn wait(seconds: Option<u64>) -> Option<Duration> {
    seconds.map(|seconds| Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

fn shortened(text: &str) -> &str {
    let end = text.char_indices().map(|(at, _)| at).nth(MAX_ERROR_TEXT).unwrap_or(text.len());
    &text[..end]
}
