//! The sink that runs: one request an event.

use std::sync::Arc;

use eventer_core::{
    BatchLimits, BuildError, Event, EventBatch, EventSink, ExportError, SinkContext, async_trait,
};
use jiff::tz::TimeZone;
use reqwest::Method;
use reqwest::header::HeaderMap;

use super::config::WebhookConfig;
use super::encode;
use crate::http::{HttpClient, UrlSource};

/// Sends each event to a URL. `Debug` shows neither the URL nor a header's value.
#[derive(Debug)]
pub struct WebhookSink {
    name: Arc<str>,
    http: HttpClient,
    url: UrlSource,
    method: Method,
    headers: HeaderMap,
    time_zone: TimeZone,
}

impl WebhookSink {
    pub(super) async fn open(config: &WebhookConfig, context: &SinkContext) -> Result<Self, BuildError> {
        let http = HttpClient::open(&config.transport, context).await?;
        Ok(Self {
            name: context.name.clone(),
            http,
            url: config.url.clone(),
            method: config.method.clone(),
            headers: config.headers.clone(),
            time_zone: context.time_zone.clone(),
        })
    }

    async fn send(&self, event: &Event) -> Result<(), ExportError> {
        let url = self.url.read().await?;
        let request = self
            .http
            .request(self.method.clone(), url.expose().clone())
            .headers(self.headers.clone())
            .body(encode::body(event, &self.time_zone));
        self.http.send(request, &[]).await.map(drop)
    }
}

#[async_trait]
impl EventSink for WebhookSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn limits(&self) -> BatchLimits {
        BatchLimits::ONE_EVENT
    }

    async fn export_events(&self, batch: &EventBatch) -> Result<(), ExportError> {
        for (index, event) in batch.iter().enumerate() {
            // The limits say one event. Of more, what was sent before the failure stays delivered.
            self.send(event).await.map_err(|error| match index {
                0 => error,
                _ => error.with_unsent(index..batch.len()),
            })?;
        }
        Ok(())
    }
}
