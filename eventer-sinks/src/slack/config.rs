//! The options of `slack:`, and how its sink is opened.

use std::num::NonZeroUsize;
use std::time::Duration;

use eventer_core::filter::Level;
use eventer_core::uri::Rate;
use eventer_core::{
    BuildError, ComponentSpec, ConfigError, EndpointSpec, Event, EventBatch, OptionSpec, OptionValue,
    PolicyDefaults, Secret, SecretSource, SinkConfig, SinkContext, UriReader,
};
use reqwest::Url;

use super::encode::Layout;
use super::sink::SlackSink;
use super::wording::{Channel, Link, Scope, Wording};
use crate::each;
use crate::http::{
    CA_FILE, CERT_FILE, INSECURE, KEY_FILE, PROXY, Transport, URL_FILE, UrlSource, take_url, take_url_file,
};

const TOKEN: OptionSpec = OptionSpec::new(
    "token",
    "TOKEN",
    "Token of a bot (xoxb-…) with the scope chat:write, in place of a webhook's URL.",
)
.secret()
.variable("SLACK_TOKEN");
const CHANNEL: OptionSpec = OptionSpec::new(
    "channel",
    "TEMPLATE",
    "Channel that the bot posts to, as its id or #NAME; the bot must be a member.",
);
const TEXT: OptionSpec = OptionSpec::new(
    "text",
    "TEMPLATE",
    "What is said, in Slack's markup, instead of the title and the event's message.",
);
const LINK: OptionSpec = OptionSpec::new(
    "link",
    "TEMPLATE",
    "URL that the title leads to; what is no http:// or https:// URL is left out.",
);
const FIELDS: OptionSpec =
    OptionSpec::new("fields", "LIST", "What stands below, separated by commas; nothing if it is empty.")
        .default("cluster,namespace,count,component,host,first_seen,last_seen");
const API_URL: OptionSpec =
    OptionSpec::new("api_url", "URL", "Where the Web API is, for a bot.").default("https://slack.com/api");

/// What a user said of Slack. `Debug` shows neither the URL nor the token.
#[derive(Clone, Debug)]
pub struct SlackConfig {
    pub(super) transport: Transport,
    pub(super) way: Way,
    pub(super) layout: Layout,
}

/// How messages go to Slack.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// To the URL of an incoming webhook, which has its channel.
    Webhook(UrlSource),
    /// By the Web API.
    Bot(Bot),
}

/// What a bot needs.
#[derive(Clone, Debug)]
pub(super) struct Bot {
    pub(super) api: Api,
    pub(super) token: SecretSource,
    pub(super) channel: Channel,
}

/// Where the methods of the Web API are.
#[derive(Clone, Debug)]
pub(super) struct Api(Secret<Url>);

impl SinkConfig for SlackConfig {
    const SPEC: ComponentSpec = ComponentSpec {
        kind: "slack",
        summary: "Posts each event to a channel of Slack.",
        endpoint: EndpointSpec::Url("[https://hooks.slack.com/services/…]"),
        options: &[
            URL_FILE, TOKEN, CHANNEL, TEXT, LINK, FIELDS, API_URL, CA_FILE, CERT_FILE, KEY_FILE, INSECURE,
            PROXY,
        ],
        example: "--sink=slack:$SLACK_WEBHOOK_URL?level=Warning&exclude_namespaces=kube-system",
    };
    const POLICY: PolicyDefaults = PolicyDefaults {
        level: Some(Level::Warning),
        rate: Some(Rate {
            count: NonZeroUsize::new(30).expect("it is not zero"),
            per: Duration::from_secs(60),
        }),
        max_age: Some(Duration::from_secs(15 * 60)),
        ..PolicyDefaults::NONE
    };
    type Sink = SlackSink;

    fn from_uri(uri: &mut UriReader<'_>) -> Result<Self, ConfigError> {
        let text: Option<Wording> = uri.take(&TEXT);
        let link: Option<Link> = uri.take(&LINK);
        if text.is_some() && link.is_some() {
            uri.invalid(
                &LINK,
                "with text= there is no title that could lead there; write <URL|WORDS> into it",
            );
        }
        let layout = Layout { text, link, fields: uri.take_or_default(&FIELDS) };
        Ok(Self { transport: Transport::take(uri), layout, way: Way::take(uri)? })
    }

    async fn build(&self, context: &SinkContext) -> Result<SlackSink, BuildError> {
        SlackSink::open(self, context).await
    }

    async fn preview(&self, batch: &EventBatch, context: &SinkContext) -> Result<Option<String>, BuildError> {
        let scope = Scope { time_zone: &context.time_zone, now: context.clock.now() };
        each::show(batch, "message", |event| self.message(event, &scope))
    }
}

impl SlackConfig {
    /// The body of the request that posts `event`.
    ///
    /// # Errors
    /// A template has nothing to say of it, or no channel for it.
    pub(super) fn message(&self, event: &Event, scope: &Scope<'_>) -> Result<Vec<u8>, String> {
        let channel = match &self.way {
            Way::Webhook(_) => None,
            Way::Bot(bot) => Some(bot.channel.of(event, scope)?),
        };
        self.layout.body(event, channel.as_deref(), scope)
    }
}

impl Way {
    /// Call it last: without a token of its own, what is left of the query is the webhook's.
    fn take(uri: &mut UriReader<'_>) -> Result<Self, ConfigError> {
        // The variable may be another sink's, and does not speak against a URL.
        let written = uri.take_secret(&OptionSpec { variable: None, ..TOKEN });
        if !uri.endpoint().is_empty() {
            refuse_bots_options(uri, written.is_some());
            return take_url(uri).map(Self::Webhook);
        }
        if let Some(file) = take_url_file(uri) {
            refuse_bots_options(uri, written.is_some());
            return Ok(Self::Webhook(file));
        }
        let api = uri.take_or_default(&API_URL);
        let Some(token) = written.or_else(|| uri.take_secret(&TOKEN)) else {
            return Err(uri.endpoint_error(
                "neither a URL nor a token is given: write an incoming webhook's URL here (or its file's path in \
                 url_file=), or a bot's token into token_file=, token= or the variable SLACK_TOKEN, and its \
                 channel into channel=",
            ));
        };
        if matches!(&token, SecretSource::Value(token) if token.expose().trim().is_empty()) {
            uri.invalid(&TOKEN, "it is empty");
        }
        Ok(Self::Bot(Bot { api, token, channel: uri.require(&CHANNEL)? }))
    }
}

/// A webhook has its channel, and whoever writes a token too means another way.
fn refuse_bots_options(uri: &mut UriReader<'_>, has_token: bool) {
    const FOR_BOTS: &str =
        "it is for a bot, and the URL of an incoming webhook is given; leave one of them out";
    let has_channel = uri.take::<Channel>(&CHANNEL).is_some();
    let has_api_url = uri.take::<Api>(&OptionSpec { default: None, ..API_URL }).is_some();
    for (option, is_given) in [(TOKEN, has_token), (CHANNEL, has_channel), (API_URL, has_api_url)] {
        if is_given {
            uri.invalid(&option, FOR_BOTS);
        }
    }
}

impl Api {
    /// The URL of a method.
    pub(super) fn method(&self, name: &str) -> Url {
        let mut url = self.0.expose().clone();
        let path = format!("{}/{name}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url
    }
}

impl OptionValue for Api {
    /// The reason shows nothing of the text: a webhook's URL, which is a secret, may have come here by mistake.
    fn parse_option(text: &str) -> Result<Self, String> {
        let url: Option<Url> = text.parse().ok();
        let is_plain = |url: &Url| {
            matches!(url.scheme(), "http" | "https")
                && url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        };
        url.filter(is_plain)
            .map(|url| Self(Secret::new(url)))
            .ok_or_else(|| "it is not of the form https://HOST/PATH".to_owned())
    }
}
