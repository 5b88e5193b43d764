//! The sink that runs: one request an event.

use std::sync::Arc;

use eventer_core::{
    BatchLimits, BuildError, Event, EventBatch, EventSink, ExportError, Secret, SinkContext, async_trait,
};
use jiff::tz::TimeZone;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, Url};

use super::config::WebhookConfig;
use super::encode;
use crate::http::HttpClient;

/// Sends each event to a URL. `Debug` shows neither the URL nor a header's value.
#[derive(Debug)]
pub struct WebhookSink {
    name: Arc<str>,
    http: HttpClient,
    url: Secret<Url>,
    method: Method,
    headers: HeaderMap,
    time_zone: TimeZone,
}

impl WebhookSink {
    pub(super) fn open(config: &WebhookConfig, context: &SinkContext) -> Result<Self, BuildError> {
        let mut http = HttpClient::open(config.url.expose(), context)?;
        let credentials = config.headers.iter().filter(|(name, _)| *name != CONTENT_TYPE);
        for value in credentials.filter_map(|(_, value)| value.to_str().ok()) {
            http.hide(value);
            // `Bearer TOKEN`: the token alone is what an answer would repeat.
            value.split_whitespace().skip(1).for_each(|word| http.hide(word));
        }
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
        let request = self
            .http
            .request(self.method.clone(), self.url.expose().clone())
            .headers(self.headers.clone())
            .body(encode::body(event, &self.time_zone));
        self.http.send(request).await.map(drop)
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
