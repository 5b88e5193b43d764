//! Looks up in lists that somebody else has read.

use eventer_core::Event;
use tokio::time::Instant;

use super::cluster::{Cluster, Outcome};
use super::fields;
use super::kinds::Following;
use super::options::EnrichOptions;
use super::store::Seen;

/// Objects of a cluster as they were when they were listed, to give to its events what is known around them. For those who
/// have no cluster at hand: recordings, and benchmarks.
#[derive(Debug)]
pub struct Snapshot {
    options: EnrichOptions,
    cluster: Cluster,
}

impl Snapshot {
    /// Knows nothing yet.
    pub fn new(options: EnrichOptions) -> Self {
        Self { cluster: Cluster::new(options.clone(), Vec::new()), options }
    }

    /// Adds a list, in JSON, of all objects of a kind. Items that are no objects are passed over.
    ///
    /// # Errors
    /// It is no list.
    pub fn add(&mut self, api_version: &str, kind: &str, list: &[u8]) -> Result<(), serde_json::Error> {
        let Some(id) = self.cluster.kinds.id(api_version, kind) else { return Ok(()) };
        let page = fields(&self.options, self.cluster.kinds.get(id).known).decode_page(list)?;
        let (scope, _) = self.cluster.kinds.scope(id, None);
        for object in page.objects {
            self.cluster.store.put(id, Seen { scope, list: 1 }, object);
        }
        let version = page.version.unwrap_or_default();
        *self.cluster.kinds.following(scope) = Following::Synced { began: Instant::now(), version };
        Ok(())
    }

    /// Gives an event what is known around its object. Says whether that is all that was asked for.
    pub fn enrich(&mut self, event: &mut Event) -> bool {
        self.cluster.enrich(event, Instant::now(), true) == Outcome::Settled(None)
    }

    /// How many objects are known, and how many bytes of memory they take.
    pub fn size(&self) -> (usize, usize) {
        (self.cluster.store.len(), self.cluster.store.bytes())
    }
}
