//! The sink that runs: one message an event.

use std::sync::Arc;

use eventer_core::{
    BatchLimits, BuildError, Clock, Event, EventBatch, EventSink, ExportError, Secret, SecretSource,
    SinkContext, async_trait,
};
use jiff::tz::TimeZone;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;

use super::config::DingtalkConfig;
use super::encode::Form;
use super::{answer, sign, url};
use crate::http::{HttpClient, UrlSource};
use crate::{chat, each};

/// Sends each event to a robot. `Debug` shows neither the URL nor a secret.
#[derive(Debug)]
pub struct DingtalkSink {
    name: Arc<str>,
    http: HttpClient,
    url: UrlSource,
    token: Option<SecretSource>,
    sign: Option<SecretSource>,
    form: Form,
    time_zone: TimeZone,
    clock: Arc<dyn Clock>,
}

impl DingtalkSink {
    pub(super) async fn open(config: &DingtalkConfig, context: &SinkContext) -> Result<Self, BuildError> {
        Ok(Self {
            name: context.name.clone(),
            http: HttpClient::open(&config.transport, context).await?,
            url: config.url.clone(),
            token: config.token.clone(),
            sign: config.sign.clone(),
            form: config.form.clone(),
            time_zone: context.time_zone.clone(),
            clock: context.clock.clone(),
        })
    }

    async fn send(&self, event: &Event) -> Result<(), ExportError> {
        let robot = self.url.read().await?;
        let token = match &self.token {
            Some(token) => token.read().await.map_err(ExportError::unavailable)?,
            None => url::token(robot.expose()).map(Secret::new).ok_or_else(|| {
                ExportError::unavailable("the URL in the file of url_file= has no access_token")
            })?,
        };
        let secret = match &self.sign {
            Some(sign) => Some(sign.read().await.map_err(ExportError::unavailable)?),
            None => None,
        };
        let secret = secret.as_ref().map(|secret| secret.expose().as_str());
        let signed = sign::signed(robot.expose(), token.expose(), secret, self.clock.now());
        let request = self
            .http
            .request(Method::POST, signed.expose().clone())
            .header(CONTENT_TYPE, "application/json;charset=utf-8")
            .body(self.form.body(event, &self.time_zone));
        let hide: Vec<&str> = secret.into_iter().chain([token.expose().as_str()]).collect();
        let reply = chat::ask(&self.http, request, &hide).await?;
        answer::judge(reply.code(), &reply.errmsg)
    }
}

#[async_trait]
impl EventSink for DingtalkSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn limits(&self) -> BatchLimits {
        BatchLimits::ONE_EVENT
    }

    async fn export_events(&self, batch: &EventBatch) -> Result<(), ExportError> {
        each::send(batch, |event| self.send(event)).await
    }
}
