//! The sink that runs: one request an event, or one a batch.

use std::sync::Arc;

use eventer_core::{
    BatchLimits, BuildError, Clock, Event, EventBatch, EventSink, ExportError, Secret, SinkContext,
    async_trait,
};
use jiff::tz::TimeZone;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Url};

use super::body::{Bodies, Body};
use super::config::{Batch, WebhookConfig};
use super::headers::{HeaderSources, Headers};
use crate::each;
use crate::http::{HttpClient, UrlSource};

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

    /// One request an event.
    async fn send_each(&self, batch: &EventBatch, body: &Body, to: &Destination) -> Result<(), ExportError> {
        each::send(batch, |event| async {
            let text = self.body_of(body, event).map_err(ExportError::rejected)?;
            self.send(to, body.content_type(), text).await
        })
        .await
    }

    /// One request for all of the batch that can be written.
    async fn send_all(&self, batch: &EventBatch, body: &Body, to: &Destination) -> Result<(), ExportError> {
        let (mut bodies, mut rejections) = (Vec::with_capacity(batch.len()), Vec::new());
        for (index, event) in batch.iter().enumerate() {
            match self.body_of(body, event) {
                Ok(text) => bodies.push(text),
                Err(reason) => rejections.push((index, reason)),
            }
        }
        if !bodies.is_empty() {
            let (content_type, text) = self.batch.join(&bodies);
            // On a failure the whole batch comes again, with those events that cannot be written.
            self.send(to, content_type, text).await?;
        }
        each::refuse(rejections)
    }

    fn body_of(&self, body: &Body, event: &Event) -> Result<String, String> {
        body.of(event, &self.time_zone, self.clock.now())
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
