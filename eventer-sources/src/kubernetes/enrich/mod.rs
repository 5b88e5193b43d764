//! Looks up what is known around the objects of events, and gives it to the events before they are handed out.
//!
//! ```text
//!  watch of events ─▶ Scope ── enrich ──▶ Buffer ── settle ──▶ get_new_events
//!                                │                    │
//!                                ▼                    ▼
//!                           Enricher: one lock around Cluster (kinds, store)
//!                                ▲
//!  watch of pods, nodes, … ─▶ Follower, one for each kind that was asked for
//! ```
//!
//! An event is looked at when it is received. What is not known yet, it waits for in the buffer, at its place, with those
//! behind it waiting at the same time; what must be read for it is read from then on. [`EnrichOptions::wait`] counts from
//! the receipt, so that the waits of many do not add up.
//!
//! - [`cluster`]: what an event gets, and **when there is nothing to wait for**; [`kinds`], [`store`], [`share`]
//!   and [`vain`] are what it knows. [`snapshot`] is the same without a cluster at hand.
//! - [`follow`]: list and watch of one kind; [`discovery`]: under which resource that is read; [`object`]: bytes to objects.

mod cluster;
mod discovery;
mod follow;
mod kinds;
mod object;
mod options;
mod share;
mod snapshot;
mod store;
mod vain;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use eventer_core::Event;
use eventer_core::metrics::{EnrichmentMetrics, UnenrichedReason};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::Instant;

pub(super) use cluster::Wanted;
use cluster::{Cluster, Outcome};
pub(super) use follow::{follow, resource_of};
use kinds::{Following, KindId, ScopeId};
pub use kinds::{KNOWN_KINDS, KnownKind};
use object::{Fields, Object};
pub use options::EnrichOptions;
pub use snapshot::Snapshot;
use store::Seen;

/// A wait that does not end. A longer one would be beyond what an `Instant` holds.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// What all scopes and followers of a source share.
#[derive(Debug)]
pub(super) struct Enricher {
    options: EnrichOptions,
    cluster: Mutex<Cluster>,
    wanted: UnboundedSender<Wanted>,
    /// Something has come that may be waited for.
    changed: Notify,
    metrics: EnrichmentMetrics,
}

/// For events.
impl Enricher {
    /// Looks only into these namespaces, if some are given. What has to be read for it, the other one receives.
    pub(super) fn new(
        options: EnrichOptions,
        namespaces: Vec<String>,
        metrics: EnrichmentMetrics,
    ) -> (Arc<Self>, UnboundedReceiver<Wanted>) {
        let (wanted, receiver) = mpsc::unbounded_channel();
        let cluster = Mutex::new(Cluster::new(options.clone(), namespaces));
        (Arc::new(Self { options, cluster, wanted, changed: Notify::new(), metrics }), receiver)
    }

    /// An event was received. `Some`: it has to wait for something, since then.
    pub(super) fn enrich(&self, event: &mut Event) -> Option<Instant> {
        let since = Instant::now();
        self.settle(event, since).err().map(|_| since)
    }

    /// Looks again for what an event that was received at `since` waits for.
    ///
    /// # Errors
    /// It is not there yet; until then it may still come.
    pub(super) fn settle(&self, event: &mut Event, since: Instant) -> Result<(), Instant> {
        let due = since + self.options.wait.min(FOREVER);
        let is_due = Instant::now() >= due;
        let mut cluster = self.lock();
        let outcome = cluster.enrich(event, since, is_due);
        let wanted = cluster.take_wanted();
        drop(cluster);
        for wanted in wanted {
            // Nobody receives when the source ends.
            drop(self.wanted.send(wanted));
        }
        match outcome {
            Outcome::Settled(None) => Ok(()),
            Outcome::Settled(Some(reason)) => {
                self.metrics.unenriched(reason);
                Ok(())
            }
            Outcome::Later => Err(due),
        }
    }

    /// Resolves when something has come that may be waited for.
    pub(super) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    fn lock(&self) -> MutexGuard<'_, Cluster> {
        self.cluster.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For followers.
impl Enricher {
    /// What is read of a kind.
    fn fields(&self, known: Option<&KnownKind>) -> Fields {
        fields(&self.options, known)
    }

    /// All objects of a kind are about to be read.
    fn lists(&self, kind: KindId) {
        self.lock().store.begins_anew(kind);
    }

    /// An object is there, in this state.
    fn put(&self, kind: KindId, seen: Seen, object: Object) {
        let mut cluster = self.lock();
        self.put_into(&mut cluster, kind, seen, object);
    }

    /// An object is gone.
    fn gone(&self, kind: KindId, seen: Seen, object: Object) {
        let mut cluster = self.lock();
        let uid = object.uid.clone();
        self.put_into(&mut cluster, kind, seen, object);
        cluster.store.bury(&uid, Instant::now());
        self.count(&mut cluster);
    }

    /// All that there was when `began` is known.
    fn synced(&self, seen: Seen, began: Instant, version: u64) {
        let mut cluster = self.lock();
        cluster.store.bury_unseen(seen, Instant::now());
        *cluster.kinds.following(seen.scope) = Following::Synced { began, version };
        self.count(&mut cluster);
        drop(cluster);
        self.changed.notify_waiters();
    }

    /// All changes up to `version` are known.
    fn reached(&self, scope: ScopeId, to: u64) {
        if let Following::Synced { version, .. } = self.lock().kinds.following(scope) {
            *version = to.max(*version);
        }
        self.changed.notify_waiters();
    }

    /// A kind cannot be read now. What was read of it before stays.
    fn cannot(&self, scope: ScopeId, reason: UnenrichedReason) {
        let mut cluster = self.lock();
        let following = cluster.kinds.following(scope);
        let is_passing = reason == UnenrichedReason::Unavailable;
        if !is_passing || !matches!(following, Following::Synced { .. }) {
            *following = Following::Not(reason);
        }
        drop(cluster);
        self.changed.notify_waiters();
    }

    fn put_into(&self, cluster: &mut Cluster, kind: KindId, seen: Seen, object: Object) {
        if object.uid.is_empty() {
            return;
        }
        cluster.came(kind, &object);
        if cluster.store.put(kind, seen, object) {
            self.changed.notify_waiters();
        }
        self.count(cluster);
    }

    fn count(&self, cluster: &mut Cluster) {
        self.metrics.evicted(cluster.store.take_evicted());
        self.metrics.holds(cluster.store.len(), cluster.store.bytes());
    }
}

fn fields(options: &EnrichOptions, known: Option<&KnownKind>) -> Fields {
    match known.map(|known| known.plural) {
        Some("nodes") if options.node => Fields::Addresses,
        Some("services") if options.services => Fields::Selector,
        _ => Fields::Metadata,
    }
}

#[cfg(test)]
mod tests;
