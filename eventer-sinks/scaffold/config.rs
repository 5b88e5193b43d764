//! The options of `newsink:`, and how its sink is opened.

use eventer_core::{
    BuildError, ComponentSpec, ConfigError, EndpointSpec, EventBatch, OptionSpec, SecretSource, SinkConfig,
    SinkContext, UriReader,
};

use super::encode;
use super::sink::NewSinkSink;
use crate::http::{CA_FILE, CERT_FILE, INSECURE, KEY_FILE, PROXY, Transport, URL_FILE, UrlSource, take_url};

const TOKEN: OptionSpec = OptionSpec::new("token", "TOKEN", "Token of the destination.").secret();

/// What a user said of the destination.
#[derive(Clone, Debug)]
pub struct NewSinkConfig {
    pub(super) transport: Transport,
    pub(super) url: UrlSource,
    pub(super) token: Option<SecretSource>,
}

impl SinkConfig for NewSinkConfig {
    const SPEC: ComponentSpec = ComponentSpec {
        kind: "newsink",
        summary: "Sends events to …",
        endpoint: EndpointSpec::Url("https://HOST[:PORT][/PATH]"),
        options: &[TOKEN, URL_FILE, CA_FILE, CERT_FILE, KEY_FILE, INSECURE, PROXY],
        example: "--sink=newsink:https://events.example.com?token=$TOKEN",
    };
    type Sink = NewSinkSink;

    fn from_uri(uri: &mut UriReader<'_>) -> Result<Self, ConfigError> {
        Ok(Self { token: uri.take_secret(&TOKEN), transport: Transport::take(uri), url: take_url(uri)? })
    }

    async fn build(&self, context: &SinkContext) -> Result<NewSinkSink, BuildError> {
        NewSinkSink::open(self, context).await
    }

    async fn preview(&self, batch: &EventBatch, _: &SinkContext) -> Result<Option<String>, BuildError> {
        let body = encode::body(batch).map_err(|error| BuildError::new("write the events", error))?;
        Ok(Some(String::from_utf8_lossy(&body).into_owned()))
    }
}
