//! The requests to the API server: lists and watches of a resource, and single questions.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use eventer_core::report;
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use tokio::time::timeout;

use super::decode::Page;
use super::failure::Failure;
use super::options::WatchOptions;

const JSON: &str = "application/json";
/// A list, and a watch, that shows the metadata of objects and nothing else.
const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// Lists and watches a resource in one namespace, or in all.
#[derive(Clone)]
pub(super) struct Api {
    client: Client,
    resource: Resource,
    path: String,
    /// The selectors, encoded, each with a `&` behind it.
    selectors: String,
    shape: Shape,
    /// The rights that are needed, for people.
    rights: String,
    request_timeout: Duration,
}

/// How much of the objects is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Whole,
    Metadata,
}

/// What is asked for, as the API server and its permissions call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resource {
    /// Empty: the core group.
    pub(super) group: Cow<'static, str>,
    pub(super) version: Cow<'static, str>,
    pub(super) plural: Cow<'static, str>,
}

impl Resource {
    pub(super) const EVENTS: Self = Self::core("events");
    pub(super) const CONFIG_MAPS: Self = Self::core("configmaps");

    const fn core(plural: &'static str) -> Self {
        Self { group: Cow::Borrowed(""), version: Cow::Borrowed("v1"), plural: Cow::Borrowed(plural) }
    }

    fn path(&self, namespace: Option<&str>) -> String {
        let Self { plural, .. } = self;
        let group = group_path(&self.group, &self.version);
        match namespace {
            None => format!("{group}/{plural}"),
            Some(namespace) => {
                let namespace: String = form_urlencoded::byte_serialize(namespace.as_bytes()).collect();
                format!("{group}/namespaces/{namespace}/{plural}")
            }
        }
    }
}

/// The path of all that a version of an API group serves.
pub(super) fn group_path(group: &str, version: &str) -> String {
    if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.plural)?;
        if self.group.is_empty() { Ok(()) } else { write!(f, ".{}", self.group) }
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("path", &self.path).field("selectors", &self.selectors).finish()
    }
}

impl Api {
    /// Asks for events.
    pub(super) fn events(client: Client, namespace: Option<&str>, options: &WatchOptions) -> Self {
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
        let api = Self::new(client, Resource::EVENTS, namespace, Shape::Whole, options.request_timeout);
        Self { selectors, ..api }
    }

    /// Asks for the ConfigMap of that name, as a list of one: so the same permission serves the list and the watch, and
    /// one that is not there can be waited for.
    pub(super) fn config_map(client: Client, namespace: &str, name: &str, request_timeout: Duration) -> Self {
        let selector: String =
            form_urlencoded::byte_serialize(format!("metadata.name={name}").as_bytes()).collect();
        let api = Self::new(client, Resource::CONFIG_MAPS, Some(namespace), Shape::Whole, request_timeout);
        Self { selectors: format!("fieldSelector={selector}&"), ..api }
    }

    /// Asks for all objects of a resource in `namespace`, or in all.
    pub(super) fn new(
        client: Client,
        resource: Resource,
        namespace: Option<&str>,
        shape: Shape,
        request_timeout: Duration,
    ) -> Self {
        let place = match namespace {
            None => "with a ClusterRole".to_owned(),
            Some(name) => format!("in the namespace {name}, with a Role"),
        };
        let rights =
            format!("get, list and watch of {} (API group \"{}\") {place}", resource.plural, resource.group);
        let path = resource.path(namespace);
        Self { client, resource, path, selectors: String::new(), shape, rights, request_timeout }
    }

    pub(super) fn resource(&self) -> &Resource {
        &self.resource
    }

    /// The version that the server is at.
    pub(super) async fn newest_version(&self) -> Result<u64, Failure> {
        let body = self.list("limit=1").await?;
        match Page::decode_version(&body) {
            Ok(Some(version)) => Ok(version),
            Ok(None) => Err(self.undecodable("its resourceVersion is no number")),
            Err(error) => Err(self.undecodable(&report(&error))),
        }
    }

    /// A page of the list, and how many bytes it had: the first one, or that behind `token`.
    pub(super) async fn page(&self, limit: usize, token: Option<&str>) -> Result<(Page, usize), Failure> {
        let body = self.page_bytes(limit, token).await?;
        let page = Page::decode(&body).map_err(|error| self.undecodable(&report(&error)))?;
        Ok((page, body.len()))
    }

    /// The same, undecoded.
    pub(super) async fn page_bytes(&self, limit: usize, token: Option<&str>) -> Result<Bytes, Failure> {
        let mut query = format!("limit={limit}");
        if let Some(token) = token {
            query.push_str("&continue=");
            query.extend(form_urlencoded::byte_serialize(token.as_bytes()));
        }
        self.list(&query).await
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
        let accept = match (self.shape, verb) {
            (Shape::Whole, _) => JSON,
            (Shape::Metadata, "watch") => METADATA,
            (Shape::Metadata, _) => METADATA_LIST,
        };
        let request = Request::get(format!("{}?{}{query}", self.path, self.selectors));
        let tried = format!("{verb} {}", self.resource);
        let response =
            send(&self.client, request.header(header::ACCEPT, accept), Body::empty(), &tried).await?;
        if response.status() == StatusCode::OK {
            return Ok(response);
        }
        let asked = format!("a {verb} of {}", self.resource);
        Err(Failure::of_response(&asked, &self.rights, response).await)
    }

    pub(super) fn undecodable(&self, why: &str) -> Failure {
        Failure::undecodable(&self.resource, why)
    }

    fn timed_out(&self, verb: &str) -> Failure {
        Failure::timed_out(&format!("a {verb} of {}", self.resource), self.request_timeout)
    }
}

/// Asks one question, and reads the answer: a GET of `path`, or a POST of `json` to it. `tried` says what for, as in
/// `could not …`.
pub(super) async fn ask(
    client: &Client,
    path: &str,
    json: Option<Vec<u8>>,
    tried: &str,
    limit: Duration,
) -> Result<Bytes, Failure> {
    let request = async {
        let (request, body) = match json {
            None => (Request::get(path), Body::empty()),
            Some(json) => (Request::post(path).header(header::CONTENT_TYPE, JSON), json.into()),
        };
        let response = send(client, request.header(header::ACCEPT, JSON), body, tried).await?;
        if !response.status().is_success() {
            return Err(Failure::of_response(&format!("an attempt to {tried}"), "", response).await);
        }
        let body = response.into_body().collect().await;
        Ok(body.map_err(|error| Failure::unreachable(tried, &error))?.to_bytes())
    };
    let timed_out = || Failure::timed_out(&format!("an attempt to {tried}"), limit);
    timeout(limit, request).await.unwrap_or_else(|_| Err(timed_out()))
}

async fn send(
    client: &Client,
    request: http::request::Builder,
    body: Body,
    tried: &str,
) -> Result<Response<Body>, Failure> {
    let request = request
        // A compressed watch would be held back until a block is full.
        .header(header::ACCEPT_ENCODING, "identity")
        .header(header::USER_AGENT, concat!("eventer/", env!("CARGO_PKG_VERSION")))
        .body(body);
    let request = request.map_err(|error| Failure::unformed(&error))?;
    client.send(request).await.map_err(|error| Failure::unreachable(tried, &error))
}
