//! The options of `webhook:`, and how its sink is opened.

use eventer_core::{
    BuildError, ComponentSpec, ConfigError, EndpointSpec, EventBatch, OptionSpec, OptionValue, SinkConfig,
    SinkContext, UriReader,
};
use reqwest::Method;

use super::body::BodySource;
use super::encode;
use super::headers::HeaderSources;
use super::preview;
use super::sink::WebhookSink;
use super::template::{Form, check};
use crate::http::{CA_FILE, CERT_FILE, INSECURE, KEY_FILE, PROXY, Transport, URL_FILE, UrlSource, take_url};
use crate::layout::{LAYOUT, Layout};

const METHOD: OptionSpec =
    OptionSpec::new("method", "METHOD", "Method of the request; a GET has a body too.").default("GET");
pub(super) const HEADER: OptionSpec =
    OptionSpec::new("header", "NAME=VALUE", "Header of the request; a file holds one a line.")
        .secret()
        .repeatable();
// A URL that people take along from kube-eventer may have a `user`, a `password` or a `token` of its own, which goes to the
// destination: hence the longer names.
pub(super) const USER: OptionSpec = OptionSpec::new("basic_user", "NAME", "User for basic authentication.");
pub(super) const PASSWORD: OptionSpec =
    OptionSpec::new("basic_password", "PASSWORD", "Password of that user.").secret();
pub(super) const TOKEN: OptionSpec =
    OptionSpec::new("bearer_token", "TOKEN", "Bearer token, sent as the header Authorization.").secret();
const BATCH: OptionSpec = OptionSpec::new(
    "batch",
    "single|array|ndjson",
    "What a request holds: one event, an array of their bodies in JSON, or one body a line.",
)
.default("single");
const TEMPLATE: OptionSpec =
    OptionSpec::new("template", "TEXT", "Template of the body, a Go text/template over the event.");
const TEMPLATE_FILE: OptionSpec =
    OptionSpec::new("template_file", "PATH", "File with such a template; read again when it changes.");
const CUSTOM_BODY_CONFIGMAP: OptionSpec = OptionSpec::new(
    "custom_body_configmap",
    "NAME",
    "ConfigMap with such a template under the key content; followed when it changes.",
);
const CUSTOM_BODY_CONFIGMAP_NAMESPACE: OptionSpec =
    OptionSpec::new("custom_body_configmap_namespace", "NAMESPACE", "Namespace of that ConfigMap.")
        .default("default");

/// The key of the template in its ConfigMap, as in kube-eventer.
const CONTENT: &str = "content";

/// What a user said of a webhook. `Debug` shows neither the URL nor another secret.
#[derive(Clone, Debug)]
pub struct WebhookConfig {
    pub(super) transport: Transport,
    pub(super) url: UrlSource,
    pub(super) method: Method,
    pub(super) headers: HeaderSources,
    pub(super) batch: Batch,
    pub(super) body: BodySource,
}

impl SinkConfig for WebhookConfig {
    const SPEC: ComponentSpec = ComponentSpec {
        kind: "webhook",
        summary: "Sends events to a URL, as JSON or as a template says.",
        endpoint: EndpointSpec::Url("http[s]://HOST[:PORT][/PATH]"),
        options: &[
            METHOD,
            HEADER,
            USER,
            PASSWORD,
            TOKEN,
            BATCH,
            LAYOUT,
            TEMPLATE,
            TEMPLATE_FILE,
            CUSTOM_BODY_CONFIGMAP,
            CUSTOM_BODY_CONFIGMAP_NAMESPACE,
            URL_FILE,
            CA_FILE,
            CERT_FILE,
            KEY_FILE,
            INSECURE,
            PROXY,
        ],
        example: "--sink=webhook:https://alerts.example.com/hook?method=POST&level=Warning&bearer_token=$TOKEN",
    };
    const EXPORTER: &'static str = "webHook";
    type Sink = WebhookSink;

    fn from_uri(uri: &mut UriReader<'_>) -> Result<Self, ConfigError> {
        let method: HttpMethod = uri.take_or_default(&METHOD);
        let headers = HeaderSources::take(uri);
        let batch: Batch = uri.take_or_default(&BATCH);
        let form = match batch {
            Batch::Single => headers.form(),
            Batch::Array | Batch::Ndjson => Form::Strict,
        };
        let body = take_body(uri, form);
        let transport = Transport::take(uri);
        Ok(Self { transport, url: take_url(uri)?, method: method.0, headers, batch, body })
    }

    async fn build(&self, context: &SinkContext) -> Result<WebhookSink, BuildError> {
        WebhookSink::open(self, context).await
    }

    async fn preview(&self, batch: &EventBatch, context: &SinkContext) -> Result<Option<String>, BuildError> {
        preview::requests(self, batch, context).await.map(Some)
    }
}

/// What a request holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Batch {
    /// The body of one event.
    Single,
    /// The bodies of a batch, as an array in JSON.
    Array,
    /// The bodies of a batch, one a line.
    Ndjson,
}

impl Batch {
    /// Several bodies, which are JSON, in one, and what that is.
    pub(super) fn join(self, bodies: &[String]) -> (&'static str, String) {
        match self {
            Self::Ndjson => ("application/x-ndjson", encode::ndjson(bodies)),
            Self::Array | Self::Single => ("application/json", encode::array(bodies)),
        }
    }
}

impl OptionValue for Batch {
    fn parse_option(text: &str) -> Result<Self, String> {
        match text {
            "single" => Ok(Self::Single),
            "array" => Ok(Self::Array),
            "ndjson" => Ok(Self::Ndjson),
            _ => Err(format!("\"{text}\" is none of single, array and ndjson")),
        }
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

/// Takes the layout or the template, of which there may be one.
fn take_body(uri: &mut UriReader<'_>, form: Form) -> BodySource {
    let layout: Option<Layout> = uri.take(&LAYOUT);
    let text: Option<String> = uri.take(&TEMPLATE);
    let text = text.and_then(|text| match super::template::BodyTemplate::parse(&text, form) {
        Ok(template) => Some(BodySource::Text(template.into())),
        Err(reason) => {
            uri.invalid(&TEMPLATE, reason);
            None
        }
    });
    let file = uri.take_file(
        &TEMPLATE_FILE,
        match form {
            Form::Strict => |content| check(content, Form::Strict),
            Form::Json => |content| check(content, Form::Json),
            Form::Text => |content| check(content, Form::Text),
            Form::Either => |content| check(content, Form::Either),
        },
    );
    let file = file.map(|path| BodySource::File(path, form));
    let config_map = uri.take_config_map(&CUSTOM_BODY_CONFIGMAP, &CUSTOM_BODY_CONFIGMAP_NAMESPACE, CONTENT);
    if config_map.as_ref().is_some_and(|key| key.name.is_empty()) {
        uri.invalid(
            &CUSTOM_BODY_CONFIGMAP,
            "the name is empty; leave the option out to send the default body",
        );
    }
    let config_map = config_map.map(|key| BodySource::ConfigMap(key, form));
    let given = [
        (&LAYOUT, layout.map(BodySource::Layout)),
        (&TEMPLATE, text),
        (&TEMPLATE_FILE, file),
        (&CUSTOM_BODY_CONFIGMAP, config_map),
    ];
    let mut given = given.into_iter().filter_map(|(option, source)| source.map(|source| (option, source)));
    let Some((first, body)) = given.next() else { return BodySource::Default };
    for (option, _) in given {
        uri.invalid(option, format!("the body is given with {}= too; give one", first.name));
    }
    body
}
