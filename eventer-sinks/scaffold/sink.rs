//! The sink that runs: one request a batch. It sends once and reports; the framework retries, waits and gives up.

use std::sync::Arc;

use eventer_core::{BuildError, EventBatch, EventSink, ExportError, Secret, SinkContext, async_trait};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, Url};

use super::config::NewSinkConfig;
use super::encode;
use crate::http::HttpClient;

/// Sends events to ….
#[derive(Debug)]
pub struct NewSinkSink {
    name: Arc<str>,
    http: HttpClient,
    url: Secret<Url>,
    token: Option<Secret<String>>,
}

impl NewSinkSink {
    pub(super) fn open(config: &NewSinkConfig, context: &SinkContext) -> Result<Self, BuildError> {
        let mut http = HttpClient::open(config.url.expose(), context)?;
        if let Some(token) = &config.token {
            http.hide(token.expose());
        }
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
        let mut request = self
            .http
            .request(Method::POST, self.url.expose().clone())
            .header(CONTENT_TYPE, "application/x-ndjson")
            .body(body);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        self.http.send(request).await.map(drop)
    }
}
