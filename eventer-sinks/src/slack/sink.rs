//! The sink that runs: one message an event. It sends once and reports; the framework retries, waits and gives up.

use std::fmt;
use std::sync::Arc;

use eventer_core::{
    BatchLimits, BuildError, Clock, Event, EventBatch, EventSink, ExportError, ExportErrorKind, SinkContext,
    async_trait,
};
use jiff::tz::TimeZone;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder};

use super::answer::{self, Outcome};
use super::config::{Bot, SlackConfig, Way};
use super::wording::Scope;
use crate::each;
use crate::http::{Answer, HttpClient};

/// Posts each event to a channel of Slack. `Debug` shows neither the URL nor the token.
pub struct SlackSink {
    name: Arc<str>,
    http: HttpClient,
    config: SlackConfig,
    clock: Arc<dyn Clock>,
    time_zone: TimeZone,
}

impl SlackSink {
    pub(super) async fn open(config: &SlackConfig, context: &SinkContext) -> Result<Self, BuildError> {
        let http = HttpClient::open(&config.transport, context).await?;
        Ok(Self {
            name: context.name.clone(),
            http,
            config: config.clone(),
            clock: context.clock.clone(),
            time_zone: context.time_zone.clone(),
        })
    }

    /// The message that is posted for `event`: a JSON object in UTF-8.
    ///
    /// # Errors
    /// `Rejected`, if a template has nothing to say of it, or no channel for it.
    pub fn message(&self, event: &Event) -> Result<Vec<u8>, ExportError> {
        let scope = Scope { time_zone: &self.time_zone, now: self.clock.now() };
        self.config.message(event, &scope).map_err(ExportError::rejected)
    }

    async fn send(&self, event: &Event) -> Result<(), ExportError> {
        let message = self.message(event)?;
        match &self.config.way {
            Way::Webhook(url) => {
                let url = url.read().await?;
                let request = self.http.request(Method::POST, url.expose().clone());
                let answer = self.http.ask(json(request, message), &[]).await?;
                let outcome = answer::of_webhook(answer.status.is_success(), &answer.body);
                judge(&answer, outcome, answer::Way::Webhook)
            }
            Way::Bot(bot) if bot.channel.is_of_event() => {
                self.call(bot, "chat.postMessage", message, answer::Way::ChannelOfEvent).await
            }
            Way::Bot(bot) => self.call(bot, "chat.postMessage", message, answer::Way::Channel).await,
        }
    }

    async fn call(
        &self,
        bot: &Bot,
        method: &str,
        body: Vec<u8>,
        way: answer::Way,
    ) -> Result<(), ExportError> {
        let token = bot.token.read().await.map_err(ExportError::unavailable)?;
        let request = self.http.request(Method::POST, bot.api.method(method)).bearer_auth(token.expose());
        let answer = self.http.ask(json(request, body), &[]).await?;
        let outcome = answer::of_api(answer.status.is_success(), &answer.body);
        judge(&answer, outcome, way)
    }
}

#[async_trait]
impl EventSink for SlackSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn limits(&self) -> BatchLimits {
        BatchLimits::ONE_EVENT
    }

    async fn export_events(&self, batch: &EventBatch) -> Result<(), ExportError> {
        each::send(batch, |event| self.send(event)).await
    }

    /// Asks who the token is. A webhook can be asked nothing but to post.
    async fn check_health(&self) -> Result<(), ExportError> {
        match &self.config.way {
            Way::Webhook(_) => Ok(()),
            Way::Bot(bot) => self.call(bot, "auth.test", b"{}".to_vec(), answer::Way::Channel).await,
        }
    }

    fn can_be_asked(&self) -> bool {
        matches!(self.config.way, Way::Bot(_))
    }
}

impl fmt::Debug for SlackSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlackSink")
            .field("name", &self.name)
            .field("way", &self.config.way)
            .finish_non_exhaustive()
    }
}

/// Without a charset, Slack answers with a warning.
fn json(request: RequestBuilder, body: Vec<u8>) -> RequestBuilder {
    request.header(CONTENT_TYPE, "application/json; charset=utf-8").body(body)
}

/// What the answer means for the event, by the word in it, or else by its status.
fn judge(answer: &Answer, outcome: Option<Outcome>, way: answer::Way) -> Result<(), ExportError> {
    let (word, detail) = match outcome {
        Some(Outcome::Refused { word, detail }) => (word, detail),
        Some(Outcome::Taken) | None => return answer.verdict(),
        Some(Outcome::Nonsense) => {
            let shown = answer.excerpt(&String::from_utf8_lossy(&answer.body));
            return Err(ExportError::unavailable(format!(
                "it answered {} with nonsense, as something that is not Slack does: {shown:?}",
                answer.status
            )));
        }
    };
    let verdict = answer::judge(&word, way);
    if verdict.is_none() && !answer.status.is_success() {
        return answer.verdict();
    }
    let mut cause = format!("it answered {:?}", answer.excerpt(&word));
    if !detail.is_empty() {
        cause.push_str(&format!(" ({})", answer.excerpt(&detail)));
    }
    let kind = verdict.map_or(ExportErrorKind::Unavailable, |verdict| verdict.kind);
    if let Some(advice) = verdict.map(|verdict| verdict.advice).filter(|advice| !advice.is_empty()) {
        cause.push_str(": ");
        cause.push_str(advice);
    }
    let retry_after = answer.retry_after().filter(|_| kind != ExportErrorKind::Rejected);
    Err(ExportError::new(kind, cause).with_retry_after(retry_after))
}
