//! The sink that runs: one message an event and user.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use eventer_core::{
    BatchLimits, BuildError, Event, EventBatch, EventSink, ExportError, Secret, SecretSource, SinkContext,
    async_trait,
};
use jiff::tz::TimeZone;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, Url};
use tracing::warn;

use super::answer::{About, judge};
use super::config::WechatConfig;
use super::encode::Form;
use super::progress::{self, Progress};
use super::token::{Grant, TokenCache};
use crate::http::HttpClient;
use crate::{chat, each};

/// Sends each event to users of WeCom. `Debug` shows neither the URL nor a secret.
#[derive(Debug)]
pub struct WechatSink {
    name: Arc<str>,
    http: HttpClient,
    api_url: Secret<Url>,
    corp_id: String,
    corp_secret: SecretSource,
    users: Vec<String>,
    form: Form,
    time_zone: TimeZone,
    token: TokenCache,
    progress: Mutex<Progress>,
    /// Users of whom the log says already that WeCom does not know them.
    unknown: Mutex<BTreeSet<String>>,
}

/// What became of a message.
enum Sent {
    /// The user has it.
    ToUser,
    /// There is no such user.
    ToNobody(ExportError),
}

impl WechatSink {
    pub(super) async fn open(config: &WechatConfig, context: &SinkContext) -> Result<Self, BuildError> {
        Ok(Self {
            name: context.name.clone(),
            http: HttpClient::open(&config.transport, context).await?,
            api_url: config.api_url.clone(),
            corp_id: config.corp_id.clone(),
            corp_secret: config.corp_secret.clone(),
            users: config.users.clone(),
            form: config.form.clone(),
            time_zone: context.time_zone.clone(),
            token: TokenCache::default(),
            progress: Mutex::default(),
            unknown: Mutex::default(),
        })
    }

    /// Sends an event to all who do not have it.
    async fn send(&self, event: &Event) -> Result<(), ExportError> {
        let token = self.token.get(self.fetch_token()).await?;
        let content = self.form.content(event, &self.time_zone);
        let key = progress::key(event);
        let mut has_receiver = false;
        let mut unknown = None;
        for (index, user) in self.users.iter().enumerate() {
            if !lock(&self.progress).has(key.as_deref(), index) {
                if let Sent::ToNobody(error) = self.send_to(user, &content, &token).await? {
                    unknown = Some(error);
                    continue;
                }
                lock(&self.progress).note(key.as_deref(), index);
            }
            has_receiver = true;
        }
        match unknown {
            Some(error) if !has_receiver => Err(error),
            _ => {
                lock(&self.progress).settle(key.as_deref());
                Ok(())
            }
        }
    }

    /// Sends a text to a user.
    async fn send_to(&self, user: &str, content: &str, token: &Secret<String>) -> Result<Sent, ExportError> {
        let mut url = self.url("message/send");
        url.query_pairs_mut().append_pair("access_token", token.expose());
        let request = self
            .http
            .request(Method::POST, url)
            .header(CONTENT_TYPE, "application/json")
            .body(self.form.body(user, content));
        let reply = chat::ask(&self.http, request, &[token.expose()]).await?;
        match judge(reply.code(), &reply.errmsg) {
            Ok(()) => {
                // Of several users in one, such as `zhangsan|lisi`, the others have it.
                if reply.invaliduser.is_empty() {
                    lock(&self.unknown).remove(user);
                } else {
                    self.tell_unknown(user, &format!("it does not know {}", reply.invaliduser));
                }
                Ok(Sent::ToUser)
            }
            Err(refusal) => match refusal.about {
                About::Receiver => {
                    self.tell_unknown(user, &eventer_core::report(&refusal.error));
                    Ok(Sent::ToNobody(refusal.error))
                }
                About::Token => {
                    self.token.forget(token).await;
                    Err(refusal.error)
                }
                About::Other => Err(refusal.error),
            },
        }
    }

    async fn fetch_token(&self) -> Result<Grant, ExportError> {
        let secret = self.corp_secret.read().await.map_err(ExportError::unavailable)?;
        let mut url = self.url("gettoken");
        url.query_pairs_mut().append_pair("corpid", &self.corp_id).append_pair("corpsecret", secret.expose());
        let reply = chat::ask(&self.http, self.http.request(Method::GET, url), &[secret.expose()]).await?;
        judge(reply.code(), &reply.errmsg).map_err(|refusal| refusal.error)?;
        if reply.access_token.is_empty() {
            return Err(ExportError::unavailable("it was asked for an access token and gave none"));
        }
        Ok(Grant { token: Secret::new(reply.access_token), lasts: Duration::from_secs(reply.expires_in) })
    }

    fn url(&self, call: &str) -> Url {
        let mut url = self.api_url.expose().clone();
        let path = format!("{}/cgi-bin/{call}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url
    }

    /// Says once, until he gets a message again, that WeCom does not know a user.
    fn tell_unknown(&self, user: &str, reason: &str) {
        if lock(&self.unknown).insert(user.to_owned()) {
            warn!(
                sink = %self.name, user, error = reason,
                "a user gets no events; take him out of to_user= or let him see the app"
            );
        }
    }
}

#[async_trait]
impl EventSink for WechatSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn limits(&self) -> BatchLimits {
        BatchLimits::ONE_EVENT
    }

    async fn export_events(&self, batch: &EventBatch) -> Result<(), ExportError> {
        each::send(batch, |event| self.send(event)).await
    }

    /// Fetches a token, which is all that can be asked without a message.
    async fn check_health(&self) -> Result<(), ExportError> {
        self.token.get(self.fetch_token()).await.map(drop)
    }

    fn can_be_asked(&self) -> bool {
        true
    }
}

/// What is kept is whole after each step, so that a panic elsewhere leaves it right.
fn lock<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
