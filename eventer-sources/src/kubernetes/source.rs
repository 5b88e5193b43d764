//! The source: a task per scope, the buffer between them and the pipeline, and the checkpoint.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use eventer_core::{
    Checkpoint, Clock, EventBatch, EventSource, Position, SourceContext, SourceError, SourceStatus,
    async_trait,
};
use kube::Client;
use tokio::task::JoinSet;

use super::api::Api;
use super::board::Board;
use super::buffer::{Buffer, Taken};
use super::enrich::{Enricher, follow};
use super::options::WatchOptions;
use super::place::Place;
use super::scope::{Scope, Setting};

/// The most that waits in memory, whatever the size of a batch.
const MAX_BUFFERED_BYTES: usize = 8 * 1024 * 1024;

/// Watches the Events of a cluster, or of some of its namespaces.
///
/// It reads ahead of the pipeline by two batches at most. Dropping it stops it.
#[derive(Debug)]
pub struct KubernetesSource {
    name: Arc<str>,
    clock: Arc<dyn Clock>,
    buffer: Arc<Buffer>,
    enricher: Option<Arc<Enricher>>,
    board: Arc<Board>,
    /// The name of each scope in the checkpoint, by its index.
    keys: Vec<String>,
    checkpoint: Checkpoint,
    // Dropped last of all: ends the tasks.
    _tasks: JoinSet<()>,
}

impl KubernetesSource {
    /// Watches through `client`, whose own retries should be off: they would hide what the API server says.
    ///
    /// Goes on from the context's checkpoint where that knows the scope. `realm` tells apart clusters that share one
    /// checkpoint; it may be empty.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(client: &Client, realm: &str, options: WatchOptions, context: SourceContext) -> Self {
        let SourceContext { name, cluster, checkpoint, batch_events, clock, metrics, .. } = context;
        let options = Arc::new(options);
        let cluster = options.cluster_name.as_deref().map(Arc::from).or(cluster);
        let namespaces: Vec<Option<&str>> = match &*options.namespaces {
            [] => vec![None],
            names => names.iter().map(|name| Some(name.as_str())).collect(),
        };
        let labels = namespaces.iter().map(|namespace| match namespace {
            Some(name) => format!("namespace {name}"),
            None => "all namespaces".to_owned(),
        });
        let labels: Vec<String> = labels.collect();
        let answer_time = options.request_timeout.saturating_add(Duration::from_secs(1));
        let patience = options.probe_interval.saturating_add(answer_time);
        let board = Arc::new(Board::new(labels.clone(), metrics.clone(), patience));
        let buffer = Arc::new(Buffer::new(batch_events.get(), max_bytes(batch_events)));
        let stored = checkpoint.unwrap_or_default();
        let mut checkpoint = Checkpoint::default();
        let mut keys = Vec::new();
        let mut tasks = JoinSet::new();
        let enricher = options.enrich.is_any().then(|| {
            let (enricher, wanted) =
                Enricher::new(options.enrich.clone(), options.namespaces.clone(), metrics.enrichment());
            tasks.spawn(follow(enricher.clone(), wanted, client.clone(), options.clone(), name.clone()));
            enricher
        });
        for (index, (namespace, label)) in namespaces.into_iter().zip(labels).enumerate() {
            let key = scope_key(realm, namespace, &options);
            let place = stored.0.get(&key).and_then(|position| read_place(position, &name, &label));
            if let Some(place) = &place {
                checkpoint.0.insert(key.clone(), place.to_position());
            }
            keys.push(key);
            let setting = Setting {
                index,
                source: name.clone(),
                label,
                namespace: namespace.map(str::to_owned),
                api: Api::events(client.clone(), namespace, &options),
                options: options.clone(),
                cluster: cluster.clone(),
                buffer: buffer.clone(),
                enricher: enricher.clone(),
                board: board.clone(),
                metrics: metrics.clone(),
                clock: clock.clone(),
            };
            tasks.spawn(Scope::new(setting, place).run());
        }
        Self { name, clock, buffer, enricher, board, keys, checkpoint, _tasks: tasks }
    }
}

impl Drop for KubernetesSource {
    fn drop(&mut self) {
        self.board.close();
    }
}

#[async_trait]
impl EventSource for KubernetesSource {
    fn name(&self) -> &str {
        &self.name
    }

    async fn ready(&mut self) {
        self.buffer.full_batch().await;
    }

    async fn get_new_events(&mut self) -> Result<Option<EventBatch>, SourceError> {
        if let Some(enricher) = &self.enricher {
            // For what these events have been waiting for already, and no longer than they may; not for more events.
            self.buffer.settle(enricher).await;
        }
        let Taken { intake, events, reached } = self.buffer.take();
        let has_moved = !reached.is_empty();
        for (scope, place) in reached {
            self.checkpoint.0.insert(self.keys[scope].clone(), place.to_position());
        }
        let batch = EventBatch::new(self.name.clone(), self.clock.now(), events).with_intake(intake);
        let batch = if has_moved { batch.with_checkpoint(self.checkpoint.clone()) } else { batch };
        Ok(Some(batch))
    }

    fn status(&self) -> SourceStatus {
        self.board.status()
    }
}

/// What a position is stored under: whatever makes it mean something else when it changes.
fn scope_key(realm: &str, namespace: Option<&str>, options: &WatchOptions) -> String {
    let realm = Some(realm).filter(|realm| !realm.is_empty());
    let parts = BTreeMap::from([
        ("cluster", realm),
        ("fields", options.field_selector.as_deref()),
        ("labels", options.label_selector.as_deref()),
        ("namespace", namespace),
    ]);
    let parts = parts.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value?)));
    let key = parts.collect::<Vec<_>>().join(" ");
    if key.is_empty() { "all".to_owned() } else { key }
}

fn read_place(position: &Position, source: &str, label: &str) -> Option<Place> {
    let place = Place::from_position(position);
    if place.is_none() {
        tracing::warn!(source, scope = label, "the stored position is none of this source's and is not used");
    }
    place
}

/// Room for two batches of common events.
fn max_bytes(batch_events: NonZeroUsize) -> usize {
    const COMMON_EVENT: usize = 4096;
    batch_events.get().saturating_mul(2 * COMMON_EVENT).min(MAX_BUFFERED_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_belongs_to_what_is_watched() {
        let all = WatchOptions::default();
        assert_eq!(scope_key("", None, &all), "all");
        let warnings = WatchOptions { field_selector: Some("type=Warning".to_owned()), ..all };
        assert_eq!(
            scope_key("west", Some("prod"), &warnings),
            "cluster=west fields=type=Warning namespace=prod"
        );
    }
}
