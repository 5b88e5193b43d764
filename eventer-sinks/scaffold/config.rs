//! The options of `newsink:`, and how its sink is opened.

use eventer_core::{
    BuildError, ComponentSpec, ConfigError, EndpointSpec, OptionSpec, Secret, SinkConfig, SinkContext,
    UriReader,
};
use reqwest::Url;

use super::sink::NewSinkSink;
use crate::http::take_url;

const TOKEN: OptionSpec = OptionSpec::new("token", "TOKEN", "Token of the destination.").secret();

/// What a user said of the destination.
#[derive(Clone, Debug)]
pub struct NewSinkConfig {
    pub(super) url: Secret<Url>,
    pub(super) token: Option<Secret<String>>,
}

impl SinkConfig for NewSinkConfig {
    const SPEC: ComponentSpec = ComponentSpec {
        kind: "newsink",
        summary: "Sends events to …",
        endpoint: EndpointSpec::Url("https://HOST[:PORT][/PATH]"),
        options: &[TOKEN],
        example: "--sink=newsink:https://events.example.com?token=$TOKEN",
    };
    type Sink = NewSinkSink;

    fn from_uri(uri: &mut UriReader<'_>) -> Result<Self, ConfigError> {
        Ok(Self { token: uri.take(&TOKEN), url: take_url(uri)? })
    }

    async fn build(&self, context: &SinkContext) -> Result<NewSinkSink, BuildError> {
        NewSinkSink::open(self, context)
    }
}
