//! From what the user said of the cluster to a client: in the cluster, with a kubeconfig, or anonymous.

use std::path::{Path, PathBuf};

use eventer_core::{BoxError, BuildError};
use http::Uri;
use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

use super::options::WatchOptions;

/// Where a pod finds the token of its service account.
const TOKEN_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// How the cluster is reached: the options of kube-eventer's source, and ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectOptions {
    /// URL of the API server, where it is not taken from elsewhere.
    pub server: Option<Uri>,
    /// `inClusterConfig`, if it was given.
    pub in_cluster: Option<bool>,
    /// `insecure`: TLS certificates are not verified.
    pub is_insecure: bool,
    /// `useServiceAccount`: without `inClusterConfig`, takes the pod's token where there is one.
    pub use_service_account: bool,
    /// `auth`: without `inClusterConfig`, path of a kubeconfig.
    pub auth: Option<PathBuf>,
    /// `localKubeConfig`: without `inClusterConfig`, path of a kubeconfig; empty for `~/.kube/config`.
    pub local_kubeconfig: Option<PathBuf>,
    /// `kubeconfig`: path of a kubeconfig.
    pub kubeconfig: Option<PathBuf>,
    /// `context`: a context of the kubeconfig.
    pub context: Option<String>,
}

impl ConnectOptions {
    /// The namespace that kubectl would take: that of the kubeconfig's context, or of the pod that this is, else
    /// `default`.
    ///
    /// # Errors
    /// It is not known how to reach a cluster, as when there is no kubeconfig.
    pub async fn namespace(&self) -> Result<String, BuildError> {
        Ok(self.config().await?.default_namespace)
    }

    /// Makes a client. The API server need not be up.
    pub(super) async fn client(&self, options: &WatchOptions) -> Result<Client, BuildError> {
        let mut config = self.config().await?;
        if self.is_insecure {
            config.accept_invalid_certs = true;
            config.root_cert = None;
            config.root_cert_file = None;
        }
        // Retries are ours, as the client's own would hide what the API server says.
        config.default_retry = false;
        config.connect_timeout = Some(options.request_timeout);
        Client::try_from(config).map_err(|error| BuildError::new("make a client of the API server", error))
    }

    async fn config(&self) -> Result<Config, BuildError> {
        if self.kubeconfig.is_some() || self.context.is_some() && !self.names_old_kubeconfig() {
            let kubeconfig = read_kubeconfig(self.kubeconfig.as_deref())?;
            return self.with_server(self.config_of(kubeconfig).await?);
        }
        if self.in_cluster == Some(false) {
            return self.out_of_cluster().await;
        }
        match Config::incluster() {
            Ok(config) => self.with_server(config),
            // There is no cluster around us.
            Err(InClusterError::ReadEnvironmentVariable(_)) if self.in_cluster.is_none() => {
                self.around_us().await
            }
            Err(error) => Err(BuildError::new("use the service account of the pod", error)),
        }
    }

    /// Outside a cluster, and nothing was said of how to reach one.
    async fn around_us(&self) -> Result<Config, BuildError> {
        match &self.server {
            Some(server) if server.scheme_str() == Some("http") => Ok(Config::new(server.clone())),
            Some(_) => Err(BuildError::new(
                "reach the API server: this is no pod, so there is no service account",
                "name a kubeconfig with kubeconfig= or context=, or go without credentials with inClusterConfig=false",
            )),
            None => {
                let kubeconfig = read_kubeconfig(None)?;
                self.config_of(kubeconfig).await
            }
        }
    }

    /// `inClusterConfig=false`, as kube-eventer means it.
    async fn out_of_cluster(&self) -> Result<Config, BuildError> {
        if let Some(path) = self.auth.as_deref().filter(|path| !path.as_os_str().is_empty()) {
            let mut config = self.config_of(read_kubeconfig(Some(path))?).await?;
            self.add_service_account(&mut config);
            return Ok(config);
        }
        if let Some(path) = self.local_kubeconfig.as_deref() {
            let path = Some(path).filter(|path| !path.as_os_str().is_empty());
            return self.config_of(read_kubeconfig(path)?).await;
        }
        let Some(server) = self.server.clone() else {
            return Err(BuildError::new(
                "find the API server",
                "with inClusterConfig=false, write its URL (kubernetes:http://HOST:PORT?inClusterConfig=false), \
                 or name a kubeconfig with auth= or localKubeConfig=",
            ));
        };
        let mut config = Config::new(server);
        self.add_service_account(&mut config);
        Ok(config)
    }

    async fn config_of(&self, kubeconfig: Kubeconfig) -> Result<Config, BuildError> {
        let known = || match &*kubeconfig.contexts {
            [] => "it has none".to_owned(),
            contexts => {
                let names: Vec<&str> = contexts.iter().map(|context| context.name.as_str()).collect();
                format!("it has {}", names.join(", "))
            }
        };
        let Some(context) = self.context.clone().or_else(|| kubeconfig.current_context.clone()) else {
            let tried = "choose a context of the kubeconfig: it has no current one; name one with context=";
            return Err(BuildError::new(tried, known()));
        };
        if !kubeconfig.contexts.iter().any(|named| named.name == context) {
            let tried = format!("find the context \"{context}\" in the kubeconfig");
            return Err(BuildError::new(tried, known()));
        }
        let names_proxy = kubeconfig.clusters.iter().any(|named| {
            named
                .cluster
                .as_ref()
                .is_some_and(|cluster| cluster.proxy_url.as_ref().is_some_and(|url| !url.is_empty()))
        });
        let tried = format!("use the context \"{context}\" of the kubeconfig");
        let options = KubeConfigOptions { context: Some(context), cluster: None, user: None };
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
        let mut config = config.map_err(|error| BuildError::new(tried, error))?;
        // The client takes HTTPS_PROXY for every server; kubectl does not for plain HTTP and for this machine.
        if !names_proxy
            && (config.cluster_url.scheme_str() == Some("http") || is_loopback(&config.cluster_url))
        {
            config.proxy_url = None;
        }
        Ok(config)
    }

    /// A URL that was given stands in for that of the config.
    fn with_server(&self, mut config: Config) -> Result<Config, BuildError> {
        if let Some(server) = &self.server {
            config.cluster_url = server.clone();
        }
        Ok(config)
    }

    fn add_service_account(&self, config: &mut Config) {
        if self.use_service_account && std::fs::read(TOKEN_FILE).is_ok() {
            config.auth_info.token = None;
            config.auth_info.token_file = Some(TOKEN_FILE.to_owned());
        }
    }

    fn names_old_kubeconfig(&self) -> bool {
        self.in_cluster == Some(false) && (self.auth.is_some() || self.local_kubeconfig.is_some())
    }
}

/// Reads a kubeconfig; without a path, the one that kubectl would.
fn read_kubeconfig(path: Option<&Path>) -> Result<Kubeconfig, BuildError> {
    match path {
        Some(path) => Kubeconfig::read_from(path).map_err(|error| {
            BuildError::new(format!("read the kubeconfig {}", path.display()), shown(error))
        }),
        None => Kubeconfig::read().map_err(|error| {
            BuildError::new("read the kubeconfig of kubectl, as this is no pod in a cluster", shown(error))
        }),
    }
}

/// Why a kubeconfig cannot be read, without the lines of it that the parser shows: they may hold a token.
fn shown(error: KubeconfigError) -> BoxError {
    match error {
        KubeconfigError::Parse(error) => {
            let line = error.location().map(|location| format!(" near line {}", location.line()));
            format!("it is not what a kubeconfig is{}", line.unwrap_or_default()).into()
        }
        error => error.into(),
    }
}

fn is_loopback(url: &Uri) -> bool {
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
