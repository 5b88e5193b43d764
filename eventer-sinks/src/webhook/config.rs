//! The options of `webhook:`, and how its sink is opened.

use eventer_core::{
    BuildError, ComponentSpec, ConfigError, EndpointSpec, OptionSpec, OptionValue, SinkConfig, SinkContext,
    UriReader,
};
use reqwest::Method;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};

use super::sink::WebhookSink;
use crate::http::{CA_FILE, CERT_FILE, INSECURE, KEY_FILE, PROXY, Transport, URL_FILE, UrlSource, take_url};

const METHOD: OptionSpec =
    OptionSpec::new("method", "METHOD", "Method of the request; a GET has a body too.").default("GET");
const HEADER: OptionSpec =
    OptionSpec::new("header", "NAME=VALUE", "Header of the request.").secret().repeatable();
const CUSTOM_BODY_CONFIGMAP: OptionSpec = OptionSpec::new(
    "custom_body_configmap",
    "NAME",
    "ConfigMap with a template of the body; not supported yet.",
);
const CUSTOM_BODY_CONFIGMAP_NAMESPACE: OptionSpec =
    OptionSpec::new("custom_body_configmap_namespace", "NAMESPACE", "Namespace of that ConfigMap.")
        .default("default");

/// What a user said of a webhook. `Debug` shows neither the URL nor a header's value.
#[derive(Clone, Debug)]
pub struct WebhookConfig {
    pub(super) transport: Transport,
    pub(super) url: UrlSource,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
}

impl SinkConfig for WebhookConfig {
    const SPEC: ComponentSpec = ComponentSpec {
        kind: "webhook",
        summary: "Sends each event to a URL, as JSON in a request of its own.",
        endpoint: EndpointSpec::Url("http[s]://HOST[:PORT][/PATH]"),
        options: &[
            METHOD,
            HEADER,
            CUSTOM_BODY_CONFIGMAP,
            CUSTOM_BODY_CONFIGMAP_NAMESPACE,
            URL_FILE,
            CA_FILE,
            CERT_FILE,
            KEY_FILE,
            INSECURE,
            PROXY,
        ],
        example: "--sink=webhook:https://alerts.example.com/hook?method=POST&level=Warning&header=Authorization=$TOKEN",
    };
    const EXPORTER: &'static str = "webHook";
    type Sink = WebhookSink;

    fn from_uri(uri: &mut UriReader<'_>) -> Result<Self, ConfigError> {
        let method: HttpMethod = uri.take_or_default(&METHOD);
        let headers = take_headers(uri);
        if uri.take::<String>(&CUSTOM_BODY_CONFIGMAP).is_some() {
            uri.invalid(
                &CUSTOM_BODY_CONFIGMAP,
                "templates of the body are not supported yet; leave the option out to send the default body",
            );
        }
        // Alone it does nothing, here as in kube-eventer.
        let _: Option<String> = uri.take(&CUSTOM_BODY_CONFIGMAP_NAMESPACE);
        Ok(Self { transport: Transport::take(uri), url: take_url(uri)?, method: method.0, headers })
    }

    async fn build(&self, context: &SinkContext) -> Result<WebhookSink, BuildError> {
        WebhookSink::open(self, context).await
    }
}

struct HttpMethod(Method);

impl OptionValue for HttpMethod {
    /// As it is written: to HTTP, `post` is another method than `POST`.
    fn parse_option(text: &str) -> Result<Self, String> {
        let method = Method::from_bytes(text.as_bytes());
        method.map(Self).map_err(|_| format!("\"{text}\" is no method such as GET, POST or PUT"))
    }
}

struct Header(HeaderName, HeaderValue);

impl OptionValue for Header {
    fn parse_option(text: &str) -> Result<Self, String> {
        let wrong = || "it is not of the form NAME=VALUE".to_owned();
        let (name, value) = text.split_once('=').ok_or_else(wrong)?;
        let name = name.trim().parse().map_err(|_| wrong())?;
        let mut value: HeaderValue = value.trim().parse().map_err(|_| wrong())?;
        value.set_sensitive(true);
        Ok(Self(name, value))
    }
}

/// The headers of the request. The last of a name holds, as in kube-eventer.
fn take_headers(uri: &mut UriReader<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for Header(name, value) in uri.take_all(&HEADER) {
        if name == CONTENT_LENGTH || name == TRANSFER_ENCODING {
            uri.invalid(&HEADER, format!("{name} is set by the body"));
        } else {
            headers.insert(name, value);
        }
    }
    headers
}
