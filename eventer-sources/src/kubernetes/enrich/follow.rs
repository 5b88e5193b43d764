//! Reads all objects of one kind, in a namespace or in all, and follows their changes.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use eventer_core::metrics::UnenrichedReason;
use eventer_core::time::format_duration;
use eventer_core::{Backoff, report};
use futures_util::FutureExt as _;
use http::StatusCode;
use http_body_util::BodyExt as _;
use kube::Client;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use super::Enricher;
use super::cluster::Wanted;
use super::discovery::Discovery;
use super::kinds::KnownKind;
use super::object::{self, Fields};
use super::store::Seen;
use crate::kubernetes::api::{Api, Resource, Shape};
use crate::kubernetes::failure::{Failure, FailureKind};
use crate::kubernetes::lines::{Line, Lines};
use crate::kubernetes::options::WatchOptions;
use crate::kubernetes::trouble::Trouble;

/// A longer line is skipped. An object has at most 1.5 MiB, as etcd takes no more.
const MAX_LINE: usize = 4 * 1024 * 1024;
/// Whole objects on a page at most: a Node has tens of kilobytes.
const MAX_WHOLE: usize = 100;
/// How long a watch is open, in seconds: the ends of many are to come apart.
const WATCH_SECONDS: std::ops::RangeInclusive<u64> = 300..=600;
/// A watch that the server has not ended so long after its time is dead.
const OVERDUE: Duration = Duration::from_secs(30);
/// What is forbidden, or not served, seldom changes: the first and the longest wait before it is tried again.
const SELDOM: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(900));

/// Follows whatever is wanted, a task for each; they end with this future.
pub(in crate::kubernetes) async fn follow(
    enricher: Arc<Enricher>,
    mut wanted: UnboundedReceiver<Wanted>,
    client: Client,
    options: Arc<WatchOptions>,
    source: Arc<str>,
) {
    let discovery = Arc::new(Discovery::new(client.clone(), options.request_timeout));
    let mut followers = JoinSet::new();
    while let Some(wanted) = wanted.recv().await {
        let follower = Follower {
            enricher: enricher.clone(),
            discovery: discovery.clone(),
            client: client.clone(),
            options: options.clone(),
            source: source.clone(),
            wanted,
            api: None,
            position: None,
            is_suspect: false,
            list: 0,
            trouble: Trouble::default(),
        };
        followers.spawn(follower.run());
    }
}

/// Follows one kind.
struct Follower {
    enricher: Arc<Enricher>,
    discovery: Arc<Discovery>,
    client: Client,
    options: Arc<WatchOptions>,
    source: Arc<str>,
    wanted: Wanted,
    /// How it is read, once that is known.
    api: Option<(Api, Fields)>,
    /// Up to which version all is known; `None`: it must be listed.
    position: Option<u64>,
    /// The server may have gone back behind the position.
    is_suspect: bool,
    /// The number of the last list.
    list: u32,
    trouble: Trouble,
}

/// Why it cannot be read now.
enum Stop {
    Unserved,
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Follower {
    /// Goes on for ever. A panic is a mistake in this program; it must not end what is looked up.
    async fn run(mut self) {
        while AssertUnwindSafe(self.read_for_ever()).catch_unwind().await.is_err() {
            let Self { source, wanted: Wanted { name, .. }, .. } = &self;
            tracing::error!(%source, kind = name, "reading what is looked up panicked and begins again");
            self.position = None;
            sleep(self.options.max_backoff).await;
        }
    }

    async fn read_for_ever(&mut self) {
        let WatchOptions { min_backoff, max_backoff, .. } = *self.options;
        let mut backoff = Backoff::new(min_backoff, max_backoff);
        let mut seldom = Backoff::new(SELDOM.0, SELDOM.1);
        loop {
            let begun = Instant::now();
            let ended = self.read().await;
            if begun.elapsed() >= max_backoff {
                backoff.reset();
                seldom.reset();
            }
            let wait = match ended {
                Ok(()) => backoff.next_wait(),
                Err(Stop::Unserved) => {
                    self.cannot(UnenrichedReason::Unserved, "the API server has no such kind to watch");
                    seldom.next_wait()
                }
                Err(Stop::Failed(failure)) => {
                    let wait = match self.failed(&failure) {
                        true => seldom.next_wait(),
                        false => backoff.next_wait(),
                    };
                    wait.max(failure.retry_after.unwrap_or_default())
                }
            };
            sleep(wait).await;
        }
    }

    /// Takes note of a failure. Says whether it will last.
    fn failed(&mut self, failure: &Failure) -> bool {
        if failure.kind == FailureKind::Expired {
            // A watch that is held back for long, or a list that took long. It is nothing to tell of.
            self.position = None;
            return false;
        }
        self.is_suspect = true;
        let (reason, lasts) = match (failure.status, failure.kind) {
            (Some(StatusCode::FORBIDDEN), _) => (UnenrichedReason::Forbidden, true),
            (Some(StatusCode::NOT_FOUND), _) => {
                // Its definition may have changed.
                self.api = None;
                (UnenrichedReason::Unserved, true)
            }
            (_, FailureKind::Invalid) => (UnenrichedReason::Unavailable, true),
            _ => (UnenrichedReason::Unavailable, false),
        };
        if lasts {
            self.position = None;
        }
        self.cannot(reason, &failure.to_string());
        lasts
    }

    /// Lists what there is, unless that is known, and follows it until the watch ends.
    async fn read(&mut self) -> Result<(), Stop> {
        let (api, fields) = match &self.api {
            Some(api) => api.clone(),
            None => {
                let api = self.connect().await?;
                self.api.insert(api).clone()
            }
        };
        if std::mem::take(&mut self.is_suspect)
            && let Some(position) = self.position
            && api.newest_version().await? < position
        {
            // Its etcd was restored from a backup: a watch from here would be silent for ever.
            self.position = None;
        }
        let version = match self.position {
            Some(version) => version,
            None => self.list(&api, fields).await?,
        };
        Ok(self.watch(&api, fields, version).await?)
    }

    /// Finds out under which resource the kind is read.
    async fn connect(&self) -> Result<(Api, Fields), Stop> {
        let Wanted { group, version, name, known, namespace, .. } = &self.wanted;
        let (resource, is_namespaced) = match known {
            Some(known) => (resource_of(known), known.is_namespaced),
            None => {
                let served = self.discovery.find(group, version, name).await?.ok_or(Stop::Unserved)?;
                (served.resource, served.is_namespaced)
            }
        };
        let fields = self.enricher.fields(*known);
        let shape = if fields == Fields::Metadata { Shape::Metadata } else { Shape::Whole };
        let namespace = namespace.as_deref().filter(|_| is_namespaced);
        let limit = self.options.request_timeout;
        Ok((Api::new(self.client.clone(), resource, namespace, shape, limit), fields))
    }

    /// Reads all there is, page by page. Says which version that is.
    async fn list(&mut self, api: &Api, fields: Fields) -> Result<u64, Failure> {
        let most = if fields == Fields::Metadata { usize::MAX } else { MAX_WHOLE };
        let limit = self.options.page_size.min(most);
        self.list = self.list.wrapping_add(1);
        let seen = self.seen();
        let kind = self.wanted.kind;
        let began = Instant::now();
        self.enricher.lists(kind);
        let (mut version, mut token) = (None, None);
        loop {
            let body = api.page_bytes(limit, token.as_deref()).await?;
            let page = fields.decode_page(&body);
            let page = page.map_err(|error| Failure::undecodable(api.resource(), &report(&error)))?;
            // That of the first page holds for all: if a later one shows a newer state, the watch repeats some of it.
            version = version.or(page.version);
            page.objects.into_iter().for_each(|object| self.enricher.put(kind, seen, object));
            token = page.next;
            if token.is_none() {
                break;
            }
        }
        let version = version
            .ok_or_else(|| Failure::undecodable(api.resource(), "its resourceVersion is no number"))?;
        self.enricher.synced(seen, began, version);
        self.position = Some(version);
        Ok(version)
    }

    /// Follows the changes behind `version` until the watch ends.
    async fn watch(&mut self, api: &Api, fields: Fields, version: u64) -> Result<(), Failure> {
        let seconds = fastrand::u64(WATCH_SECONDS);
        let mut body = api.watch(version, seconds).await?;
        self.works();
        let _open = OpenWatch::new(self.enricher.clone());
        let over = Instant::now() + Duration::from_secs(seconds) + OVERDUE;
        let mut lines = Lines::new(MAX_LINE);
        loop {
            let silent = Instant::now() + self.options.idle_timeout;
            let frame = match timeout_at(silent.min(over), body.frame()).await {
                Ok(Some(Ok(frame))) => frame,
                Ok(Some(Err(error))) => {
                    return Err(Failure::unreachable(
                        &format!("read the watch of {}", api.resource()),
                        &error,
                    ));
                }
                Ok(None) => return Ok(()),
                Err(_) => {
                    self.is_suspect = true;
                    return Ok(());
                }
            };
            lines.push(frame.into_data().unwrap_or_default());
            while let Some(line) = lines.next_line() {
                match line {
                    Line::Whole(line) if line.trim_ascii().is_empty() => {}
                    Line::Whole(line) => match fields.decode_line(line) {
                        Ok(line) => self.take(api, line)?,
                        Err(error) => self.damaged(&report(&error)),
                    },
                    Line::TooLong(length) => {
                        self.damaged(&format!("a line of {length} bytes, of which {MAX_LINE} are allowed"));
                    }
                }
            }
        }
    }

    fn take(&mut self, api: &Api, line: object::Line) -> Result<(), Failure> {
        let version = match line {
            object::Line::Is(object) => {
                let version = object.version;
                self.enricher.put(self.wanted.kind, self.seen(), object);
                version
            }
            object::Line::Was(object) => {
                let version = object.version;
                self.enricher.gone(self.wanted.kind, self.seen(), object);
                version
            }
            object::Line::Passed(version) => version,
            object::Line::Error(status) => return Err(Failure::of_line(api.resource(), &status)),
        };
        if let Some(version) = version {
            self.position = Some(version);
            self.enricher.reached(self.wanted.scope, version);
        }
        Ok(())
    }

    fn seen(&self) -> Seen {
        Seen { scope: self.wanted.scope, list: self.list }
    }

    fn cannot(&mut self, reason: UnenrichedReason, why: &str) {
        self.enricher.cannot(self.wanted.scope, reason);
        if self.trouble.is_news(why) {
            let Self { source, wanted: Wanted { name, .. }, .. } = self;
            tracing::warn!(
                %source,
                kind = name,
                error = why,
                "cannot look up objects of a kind; events go out without what they would tell, trying again"
            );
        }
    }

    fn damaged(&mut self, why: &str) {
        if self.trouble.is_news(why) {
            let Self { source, wanted: Wanted { name, .. }, .. } = self;
            tracing::warn!(%source, kind = name, error = why, "skipped something that is no object");
        }
    }

    fn works(&mut self) {
        if let Some(span) = self.trouble.is_over() {
            let Self { source, wanted: Wanted { name, .. }, .. } = self;
            tracing::info!(%source, kind = name, "works again, after {}", format_duration(span));
        }
    }
}

/// The resource under which a known kind is read.
pub(in crate::kubernetes) fn resource_of(known: &KnownKind) -> Resource {
    let KnownKind { group, version, plural, .. } = *known;
    Resource { group: group.into(), version: version.into(), plural: plural.into() }
}

/// Counts a watch as open while it lives.
struct OpenWatch(Arc<Enricher>);

impl OpenWatch {
    fn new(enricher: Arc<Enricher>) -> Self {
        enricher.metrics.watch_opened();
        Self(enricher)
    }
}

impl Drop for OpenWatch {
    fn drop(&mut self) {
        self.0.metrics.watch_closed();
    }
}
