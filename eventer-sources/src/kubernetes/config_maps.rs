//! The ConfigMaps that sinks ask for: each is followed by a task of its own, which reads it and watches it from there.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use eventer_core::{Backoff, ConfigMapKey, ConfigMaps, report};
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use serde::Deserialize;
use tokio::sync::{OnceCell, watch};
use tokio::time::{Instant, sleep, timeout_at};

use super::api::{Api, Resource};
use super::connect::ConnectOptions;
use super::decode::Status;
use super::failure::Failure;
use super::lines::{Line, Lines};
use super::options::WatchOptions;
use super::trouble::Trouble;

/// How long a watch is open. Then the ConfigMap is read again, so that a watch that has died unseen does no harm for
/// longer than this.
const WATCH_TIME: Duration = Duration::from_secs(300);
/// A watch that the server has not ended so long after its time is dead.
const OVERDUE: Duration = Duration::from_secs(30);
/// A longer line is trouble. A ConfigMap has at most 1 MiB of text, of which JSON makes six times as much at worst.
const MAX_LINE: usize = 8 * 1024 * 1024;

/// The ConfigMaps of the cluster that a source watches. It connects when the first one is asked for, and sees the same
/// options as the source.
#[derive(Clone, Debug)]
pub(super) struct ClusterConfigMaps(Arc<Cluster>);

type Text = Result<Arc<str>, Arc<str>>;

struct Cluster {
    connect: ConnectOptions,
    options: WatchOptions,
    client: OnceCell<Client>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("connect", &self.connect).finish_non_exhaustive()
    }
}

impl ClusterConfigMaps {
    pub(super) fn new(connect: ConnectOptions, options: WatchOptions) -> Self {
        Self(Arc::new(Cluster { connect, options, client: OnceCell::new() }))
    }
}

impl ConfigMaps for ClusterConfigMaps {
    fn follow(&self, key: &ConfigMapKey) -> watch::Receiver<Text> {
        let (told, receiver) = watch::channel(Err("the API server has not answered yet".into()));
        let trouble = Trouble::default();
        let follower =
            Follower { cluster: self.0.clone(), key: key.clone(), told, trouble, is_absent: false };
        tokio::spawn(follower.run());
        receiver
    }
}

/// Follows one key of one ConfigMap.
struct Follower {
    cluster: Arc<Cluster>,
    key: ConfigMapKey,
    told: watch::Sender<Text>,
    trouble: Trouble,
    /// The text is not there, and that is told.
    is_absent: bool,
}

impl Follower {
    /// Ends when nobody listens any more.
    async fn run(mut self) {
        let told = self.told.clone();
        tokio::select! {
            () = told.closed() => {}
            never = self.follow() => match never {},
        }
    }

    async fn follow(&mut self) -> Infallible {
        let WatchOptions { min_backoff, max_backoff, .. } = self.cluster.options;
        let mut backoff = Backoff::new(min_backoff, max_backoff);
        loop {
            let begun = Instant::now();
            let ended = self.read_and_watch().await;
            if begun.elapsed() >= max_backoff {
                backoff.reset();
            }
            let wait = backoff.next_wait();
            let asked_for = match ended {
                Ok(()) => None,
                Err(failure) => {
                    self.troubled(&failure);
                    failure.retry_after
                }
            };
            sleep(asked_for.unwrap_or_default().max(wait)).await;
        }
    }

    /// Reads the ConfigMap, and hands on its changes until the watch ends.
    async fn read_and_watch(&mut self) -> Result<(), Failure> {
        let client = self.client().await?;
        let ConfigMapKey { namespace, name, .. } = &self.key;
        let api = Api::config_map(client, namespace, name, self.cluster.options.request_timeout);
        let list: List = decoded(&api.list("limit=1").await?)?;
        let version = list.metadata.resource_version.parse();
        let version = version
            .map_err(|_| Failure::undecodable(&Resource::CONFIG_MAPS, "its resourceVersion is no number"))?;
        self.show(list.items.unwrap_or_default().first());
        let body = api.watch(version, WATCH_TIME.as_secs()).await?;
        self.works();
        // At the end of its time the ConfigMap is read again, whoever ends it.
        timeout_at(Instant::now() + WATCH_TIME + OVERDUE, self.watch(body)).await.unwrap_or(Ok(()))
    }

    async fn client(&self) -> Result<Client, Failure> {
        let Cluster { connect, options, client } = &*self.cluster;
        let client = client.get_or_try_init(|| connect.client(options)).await;
        client.cloned().map_err(|error| Failure::unconnected(&error))
    }

    async fn watch(&mut self, mut body: Body) -> Result<(), Failure> {
        let mut lines = Lines::new(MAX_LINE);
        while let Some(frame) = body.frame().await {
            let frame =
                frame.map_err(|error| Failure::unreachable("read the watch of configmaps", &error))?;
            lines.push(frame.into_data().unwrap_or_default());
            while let Some(line) = lines.next_line() {
                match line {
                    Line::Whole(line) if line.trim_ascii().is_empty() => {}
                    Line::Whole(line) => self.take(decoded(line)?)?,
                    Line::TooLong(length) => {
                        let why = format!("a line of {length} bytes, of which {MAX_LINE} are allowed");
                        return Err(Failure::undecodable(&Resource::CONFIG_MAPS, &why));
                    }
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, line: WatchLine) -> Result<(), Failure> {
        match line {
            WatchLine::Added(config_map) | WatchLine::Modified(config_map) => self.show(Some(&config_map)),
            WatchLine::Deleted {} => self.show(None),
            WatchLine::Bookmark {} => {}
            WatchLine::Error(status) => return Err(Failure::of_line(&Resource::CONFIG_MAPS, &status)),
        }
        Ok(())
    }

    /// Hands on what the ConfigMap says now.
    fn show(&mut self, config_map: Option<&ConfigMap>) {
        let ConfigMapKey { namespace, name, key } = &self.key;
        let Some(config_map) = config_map else {
            return self.absent(format!(
                "there is no ConfigMap {namespace}/{name}; create it, with the key \"{key}\""
            ));
        };
        let data = config_map.data.as_ref();
        let Some(text) = data.and_then(|data| data.get(*key)) else {
            let there: Vec<&str> = data.into_iter().flatten().map(|(key, _)| key.as_str()).collect();
            let there = if there.is_empty() { "nothing".to_owned() } else { there.join(", ") };
            return self.absent(format!(
                "the ConfigMap {namespace}/{name} has no key \"{key}\" in its data, add it; it has {there}"
            ));
        };
        self.is_absent = false;
        let has_changed = self.told.send_if_modified(|told| {
            let has_changed = told.as_deref() != Ok(&**text);
            if has_changed {
                *told = Ok(text.as_str().into());
            }
            has_changed
        });
        if has_changed {
            tracing::info!(config_map = %self.key, "the text is read");
        }
    }

    /// The text is not there. One that was there stays.
    fn absent(&mut self, why: String) {
        let had_text = self.told.borrow().is_ok();
        if !std::mem::replace(&mut self.is_absent, true) {
            if had_text {
                tracing::warn!(config_map = %self.key, error = why, "the text is gone; the last one stays");
            } else {
                tracing::warn!(config_map = %self.key, error = why, "the text is not there yet");
            }
        }
        self.say_why(why);
    }

    fn troubled(&mut self, failure: &Failure) {
        let why = failure.to_string();
        if self.trouble.is_news(&why) {
            tracing::warn!(config_map = %self.key, error = why, "could not follow a ConfigMap; trying again");
        }
        self.say_why(why);
    }

    fn works(&mut self) {
        if let Some(lasted) = self.trouble.is_over() {
            let lasted = eventer_core::time::format_duration(lasted);
            tracing::info!(config_map = %self.key, lasted, "the ConfigMap is followed again");
        }
    }

    /// Tells why there is no text, unless there is one.
    fn say_why(&self, why: String) {
        self.told.send_if_modified(|told| {
            let is_news = matches!(told, Err(before) if **before != *why);
            if is_news {
                *told = Err(why.into());
            }
            is_news
        });
    }
}

#[derive(Deserialize)]
struct List {
    metadata: ListMeta,
    items: Option<Vec<ConfigMap>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMeta {
    resource_version: String,
}

/// A ConfigMap, as far as it matters here: `binaryData` is no text.
#[derive(Deserialize)]
struct ConfigMap {
    data: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(tag = "type", content = "object", rename_all = "UPPERCASE")]
enum WatchLine {
    Added(ConfigMap),
    Modified(ConfigMap),
    Deleted {},
    Bookmark {},
    Error(Status),
}

fn decoded<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, Failure> {
    serde_json::from_slice(json)
        .map_err(|error| Failure::undecodable(&Resource::CONFIG_MAPS, &report(&error)))
}
