//! The sink that runs: one request a batch. It sends once and reports; the framework retries, waits and gives up.

use std::sync::Arc;

use eventer_core::{BuildError, EventBatch, EventSink, ExportError, SecretSource, SinkContext, async_trait};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;

use super::config::NewSinkConfig;
use super::encode;
use crate::http::{HttpClient, UrlSource};

/// Sends events to ….
#[derive(Debug)]
pub struct NewSinkSink {
    name: Arc<str>,
    http: HttpClient,
    url: UrlSource,
    token: Option<SecretSource>,
}

impl NewSinkSink {
    pub(super) async fn open(config: &NewSinkConfig, context: &SinkContext) -> Result<Self, BuildError> {
        let http = HttpClient::open(&config.transport, context).await?;
        Ok(Self { name: context.name.clone(), http, url: config.url.clone(), token: config.token.clone() })
    }
}

#[async_trait]
impl EventSink for NewSinkSink {
    fn name(&self) -> &str {
        &self.name
    }

    async fn export_events(&self, batch: &EventBatch) -> Result<(), ExportError> {
        if batch.is_empty() {
            return Ok(());
        }
        let body = encode::body(batch).map_err(ExportError::rejected)?;
        let url = self.url.read().await?;
        let mut request = self
            .http
            .request(Method::POST, url.expose().clone())
            .header(CONTENT_TYPE, "application/x-ndjson")
            .body(body);
        if let Some(token) = &self.token {
            let token = token.read().await.map_err(ExportError::unavailable)?;
            request = request.bearer_auth(token.expose());
        }
        // The URL and what `bearer_auth` was given are hidden anyway; name here what else may be repeated.
        self.http.send(request, &[]).await.map(drop)
    }
}
