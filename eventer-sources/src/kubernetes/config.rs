//! `--source=kubernetes:…`: its options, and how they become a source.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use eventer_core::uri::ByteSize;
use eventer_core::{
    BuildError, ComponentSpec, ConfigError, ConfigMaps, EndpointSpec, Finding, OptionSpec, SourceConfig,
    SourceContext, UriReader,
};
use http::Uri;

use super::config_maps::ClusterConfigMaps;
use super::connect::ConnectOptions;
use super::enrich::EnrichOptions;
use super::options::WatchOptions;
use super::source::KubernetesSource;

/// `--source=kubernetes:[URL][?options]`
#[derive(Clone, Debug)]
pub struct KubernetesConfig {
    /// How the cluster is reached.
    pub connect: ConnectOptions,
    /// What is watched of it, and how.
    pub watch: WatchOptions,
}

const IN_CLUSTER: OptionSpec = OptionSpec::new(
    "inClusterConfig",
    "BOOL",
    "Use the pod's service account; a URL replaces the server's. Default: true, but outside a cluster the kubeconfig of \
     kubectl is used, or an http URL as it is.",
);
const INSECURE: OptionSpec =
    OptionSpec::new("insecure", "BOOL", "Do not verify the server's TLS certificate.").default("false");
const USE_SERVICE_ACCOUNT: OptionSpec = OptionSpec::new(
    "useServiceAccount",
    "BOOL",
    "With inClusterConfig=false, use the token of the pod's service account if there is one.",
)
.default("false");
const AUTH: OptionSpec =
    OptionSpec::new("auth", "PATH", "With inClusterConfig=false, a kubeconfig; the URL is not used then.");
const LOCAL_KUBECONFIG: OptionSpec = OptionSpec::new(
    "localKubeConfig",
    "PATH",
    "With inClusterConfig=false, a kubeconfig; if empty, that of kubectl.",
);
const KUBECONFIG: OptionSpec =
    OptionSpec::new("kubeconfig", "PATH", "A kubeconfig, in a cluster or not. Default: that of kubectl.");
const CONTEXT: OptionSpec =
    OptionSpec::new("context", "NAME", "A context of the kubeconfig. Default: its current one.");
const NAMESPACES: OptionSpec =
    OptionSpec::new("namespaces", "NAME,…", "Watch these namespaces only, each by itself. Default: all.")
        .repeatable();
const FIELD_SELECTOR: OptionSpec = OptionSpec::new(
    "field_selector",
    "SELECTOR",
    "Watch events with these fields only; the server selects: type=Warning, involvedObject.kind=Node.",
);
const LABEL_SELECTOR: OptionSpec = OptionSpec::new(
    "label_selector",
    "SELECTOR",
    "Watch events with these labels only (of the Event, not of its object); the server selects.",
);
const CLUSTER_NAME: OptionSpec = OptionSpec::new(
    "cluster_name",
    "NAME",
    "Name of the cluster on each event. Default: that of --cluster-name.",
);
const BACKFILL: OptionSpec = OptionSpec::new(
    "backfill",
    "BOOL|DURATION",
    "At the first start, read all that the server still has, or what was seen within that span.",
)
.default("false");
const EVENT_TTL: OptionSpec = OptionSpec::new(
    "event_ttl",
    "DURATION",
    "How long the server keeps events (its --event-ttl). A pause that is longer is counted as a gap.",
)
.default("1h");
const PAGE_SIZE: OptionSpec =
    OptionSpec::new("page_size", "NUMBER", "Events on a page of a list.").default("500");
const PROBE_INTERVAL: OptionSpec = OptionSpec::new(
    "probe_interval",
    "DURATION",
    "After so long a silence, ask whether the server is there.",
)
.default("1m");
const IDLE_TIMEOUT: OptionSpec = OptionSpec::new(
    "idle_timeout",
    "DURATION",
    "After so long a silence, open the watch anew if the server has gone on or does not answer.",
)
.default("4m");
const REQUEST_TIMEOUT: OptionSpec =
    OptionSpec::new("request_timeout", "DURATION", "The longest wait for an answer of the server.")
        .default("30s");
const MIN_BACKOFF: OptionSpec =
    OptionSpec::new("min_backoff", "DURATION", "The first wait after a failure.").default("500ms");
const MAX_BACKOFF: OptionSpec =
    OptionSpec::new("max_backoff", "DURATION", "The longest wait after a failure.").default("30s");
const RELIST_INTERVAL: OptionSpec =
    OptionSpec::new("relist_interval", "DURATION", "The least time between two lists of everything.")
        .default("10s");

const ENRICH: OptionSpec = OptionSpec::new(
    "enrich",
    "WORD,…",
    "Look up what is around an event's object: labels, owners, node, namespace, services. Needs more rights. Default: nothing.",
)
.repeatable();
const ENRICH_WAIT: OptionSpec = OptionSpec::new(
    "enrich_wait",
    "DURATION",
    "The longest that an event waits for what is looked up, 10s at most; then it goes out without.",
)
.default("500ms");
/// A source that hands out nothing for long is taken to be stuck.
const LONGEST_ENRICH_WAIT: Duration = Duration::from_secs(10);
const ENRICH_MEMORY: OptionSpec =
    OptionSpec::new("enrich_memory", "SIZE", "The most memory for objects that are looked up.")
        .default("32Mi");

impl SourceConfig for KubernetesConfig {
    const SPEC: ComponentSpec = ComponentSpec {
        kind: "kubernetes",
        summary: "Watches the Events of a Kubernetes cluster.",
        endpoint: EndpointSpec::Text("URL of the API server; where it is not given, the config knows it"),
        options: &[
            IN_CLUSTER,
            INSECURE,
            USE_SERVICE_ACCOUNT,
            AUTH,
            LOCAL_KUBECONFIG,
            KUBECONFIG,
            CONTEXT,
            NAMESPACES,
            FIELD_SELECTOR,
            LABEL_SELECTOR,
            CLUSTER_NAME,
            BACKFILL,
            EVENT_TTL,
            PAGE_SIZE,
            PROBE_INTERVAL,
            IDLE_TIMEOUT,
            REQUEST_TIMEOUT,
            MIN_BACKOFF,
            MAX_BACKOFF,
            RELIST_INTERVAL,
            ENRICH,
            ENRICH_WAIT,
            ENRICH_MEMORY,
        ],
        example: "--source=kubernetes:?context=production&namespaces=web,db&backfill=10m",
    };
    type Source = KubernetesSource;

    fn from_uri(uri: &mut UriReader<'_>) -> Result<Self, ConfigError> {
        let mut connect = ConnectOptions {
            server: None,
            in_cluster: uri.take(&IN_CLUSTER),
            is_insecure: uri.take_or_default(&INSECURE),
            use_service_account: uri.take_or_default(&USE_SERVICE_ACCOUNT),
            auth: uri.take(&AUTH),
            local_kubeconfig: uri.take(&LOCAL_KUBECONFIG),
            kubeconfig: take_unless_empty(uri, &KUBECONFIG).map(Into::into),
            context: take_unless_empty(uri, &CONTEXT),
        };
        let watch = WatchOptions {
            namespaces: take_namespaces(uri),
            field_selector: take_unless_empty(uri, &FIELD_SELECTOR),
            label_selector: take_unless_empty(uri, &LABEL_SELECTOR),
            cluster_name: take_unless_empty(uri, &CLUSTER_NAME),
            backfill: uri.take_or_default(&BACKFILL),
            event_ttl: uri.take_or_default(&EVENT_TTL),
            page_size: uri.take_or_default::<NonZeroUsize>(&PAGE_SIZE).get(),
            probe_interval: take_positive(uri, &PROBE_INTERVAL),
            idle_timeout: take_positive(uri, &IDLE_TIMEOUT),
            request_timeout: take_positive(uri, &REQUEST_TIMEOUT),
            min_backoff: take_positive(uri, &MIN_BACKOFF),
            max_backoff: take_positive(uri, &MAX_BACKOFF),
            relist_interval: uri.take_or_default(&RELIST_INTERVAL),
            enrich: take_enrich(uri),
        };
        if !uri.endpoint().is_empty() {
            let server: Option<Uri> = uri.endpoint().parse().ok();
            let is_server = |url: &Uri| {
                let has_credentials =
                    url.authority().is_some_and(|authority| authority.as_str().contains('@'));
                matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some() && !has_credentials
            };
            connect.server = Some(server.filter(is_server).ok_or_else(|| {
                uri.endpoint_error(
                    "what stands behind the colon is no URL such as https://HOST:PORT of an API server (without credentials, which belong in a kubeconfig)",
                )
            })?);
        }
        Ok(Self { connect, watch })
    }

    fn config_maps(&self) -> Option<Arc<dyn ConfigMaps>> {
        Some(Arc::new(ClusterConfigMaps::new(self.connect.clone(), self.watch.clone())))
    }

    async fn build(&self, context: SourceContext) -> Result<KubernetesSource, BuildError> {
        let client = self.connect.client(&self.watch).await?;
        let realm = self.connect.context.as_deref().unwrap_or_default();
        Ok(KubernetesSource::new(&client, realm, self.watch.clone(), context))
    }

    async fn check(&self) -> Vec<Finding> {
        self.ask_for_all().await
    }
}

fn take_unless_empty(uri: &mut UriReader<'_>, option: &OptionSpec) -> Option<String> {
    uri.take(option).filter(|text: &String| !text.is_empty())
}

/// Takes a span that would be a busy loop if it were zero.
fn take_positive(uri: &mut UriReader<'_>, option: &OptionSpec) -> Duration {
    let span: Duration = uri.take_or_default(option);
    if span.is_zero() {
        uri.invalid(option, "it must be longer than 0");
    }
    span
}

fn take_enrich(uri: &mut UriReader<'_>) -> EnrichOptions {
    let wait = uri.take_or_default(&ENRICH_WAIT);
    if wait > LONGEST_ENRICH_WAIT {
        uri.invalid(&ENRICH_WAIT, "it must be at most 10s, since all events behind one that waits wait too");
    }
    let mut options = EnrichOptions {
        wait,
        memory: uri.take_or_default::<ByteSize>(&ENRICH_MEMORY).as_usize(),
        ..EnrichOptions::default()
    };
    let lists: Vec<String> = uri.take_all(&ENRICH);
    for word in lists.iter().flat_map(|list| list.split(',')).map(str::trim).filter(|word| !word.is_empty()) {
        if let Err(reason) = options.add(word) {
            uri.invalid(&ENRICH, reason);
        }
    }
    options
}

fn take_namespaces(uri: &mut UriReader<'_>) -> Vec<String> {
    let lists: Vec<String> = uri.take_all(&NAMESPACES);
    let mut names: Vec<String> = Vec::new();
    for name in lists.iter().flat_map(|list| list.split(',')).map(str::trim).filter(|name| !name.is_empty()) {
        if !is_namespace(name) {
            uri.invalid(&NAMESPACES, format!("\"{name}\" is no name of a namespace"));
        } else if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// Whether Kubernetes would take it (a DNS label); also keeps anything else out of the path of requests.
fn is_namespace(name: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    name.len() <= 63 && name.chars().all(is_inner) && !name.starts_with('-') && !name.ends_with('-')
}
