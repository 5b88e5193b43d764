//! The options of `dingtalk:`, and how its sink is opened.

use std::num::NonZeroUsize;
use std::time::Duration;

use eventer_core::filter::{Level, NamespaceOf};
use eventer_core::uri::Rate;
use eventer_core::{
    BuildError, ComponentSpec, ConfigError, EndpointSpec, EventBatch, OptionSpec, PolicyDefaults, Secret,
    SecretSource, SinkConfig, SinkContext, UriReader,
};

use super::encode::Form;
use super::sink::DingtalkSink;
use super::url;
use crate::each;
use crate::http::{CA_FILE, CERT_FILE, INSECURE, KEY_FILE, PROXY, Transport, URL_FILE, UrlSource};

const ACCESS_TOKEN: OptionSpec =
    OptionSpec::new(url::ACCESS_TOKEN, "TOKEN", "Access token of the robot, as its URL holds it.").secret();
const SIGN: OptionSpec =
    OptionSpec::new("sign", "SECRET", "Secret of the robot, if its security setting is a signature.")
        .secret();
const LABEL: OptionSpec = OptionSpec::new(
    "label",
    "TEXT",
    "Stands with every event, to tell clusters apart; of several the last stands first.",
)
.repeatable();
const MSG_TYPE: OptionSpec =
    OptionSpec::new("msg_type", "text|markdown", "What a message looks like.").default("text");
const CLUSTER_ID: OptionSpec =
    OptionSpec::new("cluster_id", "ID", "Id of the cluster, for the title and the links of a markdown.");
const REGION: OptionSpec =
    OptionSpec::new("region", "REGION", "Region of the cluster, for the links of a markdown.");

/// What a user said of a robot. `Debug` shows neither the URL nor a secret.
#[derive(Clone, Debug)]
pub struct DingtalkConfig {
    pub(super) transport: Transport,
    pub(super) url: UrlSource,
    /// Where the token stands, if not in the URL.
    pub(super) token: Option<SecretSource>,
    pub(super) sign: Option<SecretSource>,
    pub(super) form: Form,
}

impl SinkConfig for DingtalkConfig {
    const SPEC: ComponentSpec = ComponentSpec {
        kind: "dingtalk",
        summary: "Sends each event to a robot in a DingTalk group.",
        endpoint: EndpointSpec::Text("http[s]://HOST[:PORT]/PATH"),
        options: &[
            ACCESS_TOKEN,
            SIGN,
            LABEL,
            MSG_TYPE,
            CLUSTER_ID,
            REGION,
            URL_FILE,
            CA_FILE,
            CERT_FILE,
            KEY_FILE,
            INSECURE,
            PROXY,
        ],
        example: "--sink=dingtalk:https://oapi.dingtalk.com/robot/send?access_token=$TOKEN&sign=$SECRET&label=cluster-a",
    };
    const EXPORTER: &'static str = "DingTalkSink";
    const POLICY: PolicyDefaults = PolicyDefaults {
        level: Some(Level::Warning),
        namespace_of: NamespaceOf::Event,
        rate: Some(Rate {
            count: NonZeroUsize::new(20).expect("20 is not zero"),
            per: Duration::from_secs(60),
        }),
        ..PolicyDefaults::NONE
    };
    type Sink = DingtalkSink;

    fn from_uri(uri: &mut UriReader<'_>) -> Result<Self, ConfigError> {
        let token = uri.take_secret(&ACCESS_TOKEN);
        if is_empty(token.as_ref()) {
            uri.invalid(&ACCESS_TOKEN, "it is empty");
        }
        let sign = uri.take_secret(&SIGN).filter(|sign| !is_empty(Some(sign)));
        let form = Form {
            message_type: uri.take_or_default(&MSG_TYPE),
            labels: uri.take_all(&LABEL),
            cluster_id: uri.take(&CLUSTER_ID).unwrap_or_default(),
            region: uri.take(&REGION).unwrap_or_default(),
        };
        let transport = Transport::take(uri);
        let url = url::take(uri, token.is_some())?;
        if token.is_none() && matches!(url, UrlSource::Value(_)) {
            uri.require_secret(&ACCESS_TOKEN)?;
        }
        Ok(Self { transport, url, token, sign, form })
    }

    async fn build(&self, context: &SinkContext) -> Result<DingtalkSink, BuildError> {
        DingtalkSink::open(self, context).await
    }

    async fn preview(&self, batch: &EventBatch, context: &SinkContext) -> Result<Option<String>, BuildError> {
        each::show(batch, "message", |event| Ok(self.form.body(event, &context.time_zone)))
    }
}

/// Whether a secret is written out as nothing. One in a file has some text, which is checked elsewhere.
fn is_empty(secret: Option<&SecretSource>) -> bool {
    matches!(secret, Some(SecretSource::Value(value)) if *value == Secret::new(String::new()))
}
