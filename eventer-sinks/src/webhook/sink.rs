//! The sink that runs: one request an event, or one a batch.

use std::sync::Arc;

use eventer_core::{
    BatchLimits, BuildError, Clock, Event, EventBatch, EventSink, ExportError, ExportErrorKind, Secret,
    SinkContext, async_trait,
};
use jiff::tz::TimeZone;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Url};

use super::body::{Bodies, Body};
use super::config::{Batch, WebhookConfig};
use super::encode;
use super::headers::{HeaderSources, Headers};
use crate::http::{HttpClient, UrlSource};

const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";
const TEXT: &str = "text/plain; charset=utf-8";

/// Sends events to a URL. `Debug` shows neither the URL nor another secret.
#[derive(Debug)]
pub struct WebhookSink {
    name: Arc<str>,
    http: HttpClient,
    url: UrlSource,
    method: Method,
    headers: HeaderSources,
    batch: Batch,
    bodies: Bodies,
    clock: Arc<dyn Clock>,
    time_zone: TimeZone,
}

/// What the requests of one export have in common.
struct Destination {
    url: Secret<Url>,
    headers: Headers,
}

impl WebhookSink {
    pub(super) async fn open(config: &WebhookConfig, context: &SinkContext) -> Result<Self, BuildError> {
        let headers = config.headers.clone();
        headers.read().await.map_err(|error| BuildError::new("read the headers", error))?;
        Ok(Self {
            name: context.name.clone(),
            http: HttpClient::open(&config.transport, context).await?,
            url: config.url.clone(),
            method: config.method.clone(),
            headers,
            batch: config.batch,
            bodies: Bodies::open(&config.body, context).await?,
            clock: context.clock.clone(),
            time_zone: context.time_zone.clone(),
        })
    }

    /// One request an event. The limits say one event: of more, what was sent before a failure stays delivered.
    async fn send_each(&self, batch: &EventBatch, body: &Body, to: &Destination) -> Result<(), ExportError> {
        for (index, event) in batch.iter().enumerate() {
            let sent = match self.render(body, event) {
                Ok(text) => self.send(to, body.content_type(), text).await,
                Err(reason) => Err(ExportError::rejected(reason)),
            };
            sent.map_err(|error| match (index, error.kind()) {
                (0, _) if batch.len() == 1 => error,
                (_, ExportErrorKind::Rejected) => {
                    let reason = eventer_core::report(&error);
                    error.with_rejected(index, reason).with_unsent(index + 1..batch.len())
                }
                _ => error.with_unsent(index..batch.len()),
            })?;
        }
        Ok(())
    }

    /// One request for all of the batch that can be written.
    async fn send_all(&self, batch: &EventBatch, body: &Body, to: &Destination) -> Result<(), ExportError> {
        let (mut bodies, mut rejections) = (Vec::with_capacity(batch.len()), Vec::new());
        for (index, event) in batch.iter().enumerate() {
            match self.render(body, event) {
                Ok(text) => bodies.push(text),
                Err(reason) => rejections.push((index, reason)),
            }
        }
        if !bodies.is_empty() {
            let (content_type, text) = match self.batch {
                Batch::Ndjson => (NDJSON, encode::ndjson(&bodies)),
                Batch::Array | Batch::Single => (JSON, encode::array(&bodies)),
            };
            // On a failure the whole batch comes again, with those events that cannot be written.
            self.send(to, content_type, text).await?;
        }
        let Some((_, reason)) = rejections.first() else { return Ok(()) };
        let error = ExportError::rejected(reason.clone());
        Err(rejections.into_iter().fold(error, |error, (index, reason)| error.with_rejected(index, reason)))
    }

    fn render(&self, body: &Body, event: &Event) -> Result<String, String> {
        match body {
            Body::Default => Ok(encode::default_body(event, &self.time_zone)),
            Body::Template(template, escaping) => {
                template.render(event, &self.time_zone, self.clock.now(), *escaping)
            }
        }
    }

    async fn send(
        &self,
        to: &Destination,
        content_type: &'static str,
        text: String,
    ) -> Result<(), ExportError> {
        let mut headers = to.headers.map.clone();
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(content_type));
        let hidden: Vec<&str> = to.headers.hidden.iter().map(|secret| secret.expose().as_str()).collect();
        let request = self.http.request(self.method.clone(), to.url.expose().clone());
        self.http.send(request.headers(headers).body(text), &hidden).await.map(drop)
    }
}

impl Body {
    fn content_type(&self) -> &'static str {
        match self {
            Self::Template(template, _) if !template.is_json() => TEXT,
            Self::Default | Self::Template(..) => JSON,
        }
    }
}

#[async_trait]
impl EventSink for WebhookSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn limits(&self) -> BatchLimits {
        match self.batch {
            Batch::Single => BatchLimits::ONE_EVENT,
            Batch::Array | Batch::Ndjson => BatchLimits::default(),
        }
    }

    async fn export_events(&self, batch: &EventBatch) -> Result<(), ExportError> {
        if batch.is_empty() {
            return Ok(());
        }
        let body = self.bodies.current().await?;
        let headers = self.headers.read().await.map_err(ExportError::unavailable)?;
        let to = Destination { url: self.url.read().await?, headers };
        match self.batch {
            Batch::Single => self.send_each(batch, &body, &to).await,
            Batch::Array | Batch::Ndjson => self.send_all(batch, &body, &to).await,
        }
    }
}
