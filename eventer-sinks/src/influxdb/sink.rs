//! The sink that runs: one request a batch.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use eventer_core::{
    BuildError, EventBatch, EventSink, ExportError, ExportErrorKind, SinkContext, async_trait, report,
};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder, StatusCode, Url};
use tracing::warn;

use super::api::{Api, Credentials};
use super::config::InfluxdbConfig;
use super::encode::{Payload, Shape};
use super::{database, rejected};
use crate::http::{Answer, HttpClient};

/// Writes events to InfluxDB. `Debug` shows no secret.
pub struct InfluxdbSink {
    name: Arc<str>,
    http: HttpClient,
    base: Url,
    api: Api,
    shape: Shape,
    gzip: bool,
    /// Whether the database of InfluxDB 1 is there, as far as we know.
    has_database: AtomicBool,
}

impl InfluxdbSink {
    pub(super) async fn open(config: &InfluxdbConfig, context: &SinkContext) -> Result<Self, BuildError> {
        Ok(Self {
            name: context.name.clone(),
            http: HttpClient::open(&config.transport, context).await?.showing_urls(),
            base: config.base.clone(),
            api: config.api.clone(),
            shape: config.shape.clone(),
            gzip: config.gzip,
            has_database: AtomicBool::new(false),
        })
    }

    /// Creates the database of InfluxDB 1, unless that was done.
    async fn ensure_database(&self, credentials: &Credentials) -> Result<(), ExportError> {
        let Api::V1 { database, .. } = &self.api else { return Ok(()) };
        if self.has_database.load(Ordering::Relaxed) {
            return Ok(());
        }
        if let Some(failure) = self.state(&database::create_database(database), credentials).await? {
            let is_default = !database::is_of_somebody_else(&failure);
            let statement = database::create_policy(database, is_default);
            if let Some(second) = self.state(&statement, credentials).await? {
                return Err(database::not_created(format!(
                    "{failure}; nor could its retention policy: {second}"
                )));
            }
        }
        self.has_database.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Sends a statement. What went wrong with the statement itself is no error, but the result.
    async fn state(&self, statement: &str, credentials: &Credentials) -> Result<Option<String>, ExportError> {
        let request = self.http.request(Method::POST, Api::query_url(&self.base, statement));
        let answer = self.ask(request, credentials).await?;
        match answer.verdict() {
            Ok(()) => Ok(database::failure(&answer.body).map(|text| answer.excerpt(&text))),
            // Whoever may write need not be allowed to create: the write will tell whether the database is there.
            Err(error) if answer.status == StatusCode::FORBIDDEN => {
                warn!(sink = %self.name, error = report(&error), "may not create the database; it has to be there");
                Ok(None)
            }
            Err(error) if error.kind() == ExportErrorKind::Rejected => {
                Err(database::not_created(report(&error)))
            }
            Err(error) => Err(error),
        }
    }

    async fn write(&self, payload: &Payload, credentials: &Credentials) -> Result<(), ExportError> {
        let request = self.http.request(Method::POST, self.api.write_url(&self.base));
        let request = request.header(CONTENT_TYPE, "text/plain; charset=utf-8");
        let request = if self.gzip {
            request.header(CONTENT_ENCODING, "gzip").body(payload.gzip())
        } else {
            request.body(payload.text().to_vec())
        };
        let answer = self.ask(request, credentials).await?;
        match answer.verdict() {
            Ok(()) => match rejected::belies_success(&answer.body) {
                Some(what) => Err(ExportError::unavailable(format!(
                    "it answered {} with {}; is it an InfluxDB?",
                    answer.status,
                    answer.excerpt(&what)
                ))),
                None => Ok(()),
            },
            Err(error) => Err(self.judge(error, &answer, payload)),
        }
    }

    /// What an answer that is no success means, beyond its status.
    fn judge(&self, error: ExportError, answer: &Answer, payload: &Payload) -> ExportError {
        if matches!(self.api, Api::V1 { .. }) && database::has_gone(&answer.body) {
            self.has_database.store(false, Ordering::Relaxed);
            return error;
        }
        if error.kind() != ExportErrorKind::Rejected {
            return error;
        }
        if rejected::is_limit(&answer.body) {
            return ExportError::unavailable(format!("{}; raise the limit", report(&error)));
        }
        let guilty = rejected::named(&answer.body, payload);
        if guilty.is_empty() {
            return error;
        }
        let is_guilty = |index: &usize| guilty.iter().any(|one| one.index == *index);
        let unsent: Vec<usize> = (0..payload.len()).filter(|index| !is_guilty(index)).collect();
        let error = error.with_unsent(unsent);
        guilty.iter().fold(error, |error, one| error.with_rejected(one.index, answer.excerpt(&one.reason)))
    }

    async fn ask(&self, request: RequestBuilder, credentials: &Credentials) -> Result<Answer, ExportError> {
        self.http.ask(credentials.sign(request)?, &[credentials.secret()]).await
    }
}

#[async_trait]
impl EventSink for InfluxdbSink {
    fn name(&self) -> &str {
        &self.name
    }

    async fn export_events(&self, batch: &EventBatch) -> Result<(), ExportError> {
        if batch.is_empty() {
            return Ok(());
        }
        let credentials = self.api.credentials().await?;
        self.ensure_database(&credentials).await?;
        self.write(&self.shape.payload(batch), &credentials).await
    }

    async fn check_health(&self) -> Result<(), ExportError> {
        let credentials = self.api.credentials().await?;
        let request = self.http.request(Method::GET, self.api.health_url(&self.base));
        self.ask(request, &credentials).await?.verdict()
    }

    fn can_be_asked(&self) -> bool {
        true
    }
}

impl fmt::Debug for InfluxdbSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InfluxdbSink")
            .field("name", &self.name)
            .field("api", &self.api)
            .finish_non_exhaustive()
    }
}
