//! The options of `wechat:`, and how its sink is opened.

use std::num::NonZeroUsize;
use std::time::Duration;

use eventer_core::filter::{Level, NamespaceOf};
use eventer_core::uri::Rate;
use eventer_core::{
    BuildError, ComponentSpec, ConfigError, EndpointSpec, EventBatch, OptionSpec, OptionValue,
    PolicyDefaults, Secret, SecretSource, SinkConfig, SinkContext, UriReader,
};
use reqwest::Url;

use super::encode::Form;
use super::sink::WechatSink;
use crate::each;
use crate::http::{CA_FILE, CERT_FILE, INSECURE, KEY_FILE, PROXY, Transport};

/// Whoever may see the app.
const EVERYBODY: &str = "@all";

const CORP_ID: OptionSpec = OptionSpec::new("corp_id", "ID", "Id of the company.");
const CORP_SECRET: OptionSpec = OptionSpec::new("corp_secret", "SECRET", "Secret of the app.").secret();
const AGENT_ID: OptionSpec = OptionSpec::new("agent_id", "NUMBER", "Id of the app.");
const TO_USER: OptionSpec = OptionSpec::new(
    "to_user",
    "LIST",
    "Ids of the users who get the events, separated by commas; @all is everybody who may see the app.",
)
.default(EVERYBODY);
const LABEL: OptionSpec = OptionSpec::new(
    "label",
    "TEXT",
    "Stands with every event, to tell clusters apart; of several the last stands first.",
)
.repeatable();
const API_URL: OptionSpec =
    OptionSpec::new("api_url", "http[s]://HOST[:PORT][/PATH]", "Where WeCom is, or a relay in front of it.")
        .default("https://qyapi.weixin.qq.com");

/// What a user said of an app. `Debug` shows neither the URL nor the secret.
#[derive(Clone, Debug)]
pub struct WechatConfig {
    pub(super) transport: Transport,
    pub(super) api_url: Secret<Url>,
    pub(super) corp_id: String,
    pub(super) corp_secret: SecretSource,
    /// At least one.
    pub(super) users: Vec<String>,
    pub(super) form: Form,
}

impl SinkConfig for WechatConfig {
    const SPEC: ComponentSpec = ComponentSpec {
        kind: "wechat",
        summary: "Sends each event to people in WeCom, as a message of an app.",
        endpoint: EndpointSpec::None,
        options: &[
            CORP_ID,
            CORP_SECRET,
            AGENT_ID,
            TO_USER,
            LABEL,
            API_URL,
            CA_FILE,
            CERT_FILE,
            KEY_FILE,
            INSECURE,
            PROXY,
        ],
        example: "--sink=wechat:?corp_id=ww0123456789abcdef&corp_secret=$SECRET&agent_id=1000012&to_user=zhangsan,lisi",
    };
    const EXPORTER: &'static str = "WechatSink";
    const POLICY: PolicyDefaults = PolicyDefaults {
        level: Some(Level::Warning),
        namespace_of: NamespaceOf::Event,
        rate: Some(Rate {
            count: NonZeroUsize::new(16).expect("16 is not zero"),
            per: Duration::from_secs(60),
        }),
        ..PolicyDefaults::NONE
    };
    type Sink = WechatSink;

    fn from_uri(uri: &mut UriReader<'_>) -> Result<Self, ConfigError> {
        let Users(users) = uri.take_or_default(&TO_USER);
        let labels = uri.take_all(&LABEL);
        let ApiUrl(api_url) = uri.take_or_default(&API_URL);
        let transport = Transport::take(uri);
        let NotEmpty(corp_id) = uri.require(&CORP_ID)?;
        let corp_secret = uri.require_secret(&CORP_SECRET)?;
        if matches!(&corp_secret, SecretSource::Value(secret) if secret.expose().is_empty()) {
            uri.invalid(&CORP_SECRET, "it is empty");
        }
        let AgentId(agent_id) = uri.require(&AGENT_ID)?;
        Ok(Self { transport, api_url, corp_id, corp_secret, users, form: Form { agent_id, labels } })
    }

    async fn build(&self, context: &SinkContext) -> Result<WechatSink, BuildError> {
        WechatSink::open(self, context).await
    }

    async fn preview(&self, batch: &EventBatch, context: &SinkContext) -> Result<Option<String>, BuildError> {
        each::show(batch, "message", |event| {
            let content = self.form.content(event, &context.time_zone);
            let bodies: Vec<_> = self.users.iter().map(|user| self.form.body(user, &content)).collect();
            Ok(bodies.join(&b'\n'))
        })
    }
}

struct NotEmpty(String);

impl OptionValue for NotEmpty {
    fn parse_option(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("it is empty".to_owned()) } else { Ok(Self(text.to_owned())) }
    }
}

struct AgentId(i64);

impl OptionValue for AgentId {
    fn parse_option(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| format!("\"{text}\" is no number"))
    }
}

struct Users(Vec<String>);

impl OptionValue for Users {
    fn parse_option(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(vec![EVERYBODY.to_owned()]));
        }
        let users = text.split(',').map(str::trim).filter(|user| !user.is_empty());
        let users: Vec<String> = users.map(str::to_owned).collect();
        if users.is_empty() { Err("it names nobody".to_owned()) } else { Ok(Self(users)) }
    }
}

struct ApiUrl(Secret<Url>);

impl OptionValue for ApiUrl {
    /// The reason shows nothing of the text: a relay may have a secret in its path.
    fn parse_option(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none()
        });
        url.map(Secret::new).map(Self).ok_or_else(|| format!("it is not of the form {}", API_URL.value))
    }
}
