//! What a scope does when the server cannot go on from its position: it lists what there is, and tells what may be missing.

use std::time::Duration;

use eventer_core::time::format_duration;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::buffer::Reached;
use super::gap::Gap;
use super::place::Progress;
use super::relist::{Base, Relist};
use super::scope::{Scope, Setting, State};

impl Scope {
    /// The server has forgotten what happened just after the position. What still lives of it is in a list.
    pub(super) async fn expired(&mut self, position: Reached) -> State {
        let Setting { source, label, .. } = &self.setting;
        tracing::info!(%source, scope = label, version = position.version, "the position has expired, listing what is newer");
        self.tell_if_too_old(position).await;
        self.relist(Base::NewerThan(position.version))
    }

    /// An earlier process left a list unfinished.
    pub(super) async fn resumed(&mut self, progress: Progress) -> State {
        let Setting { source, label, .. } = &self.setting;
        tracing::info!(%source, scope = label, "going on with an unfinished list");
        let version = progress.covered.first().map_or(0, |covered| covered.version);
        self.tell_if_too_old(Reached { version, at: progress.began }).await;
        State::Listing(self.listing(Relist::resume(progress)))
    }

    /// Tells of a gap if events may have come and gone since everything was known.
    async fn tell_if_too_old(&mut self, position: Reached) {
        let Setting { source, label, options, .. } = &self.setting;
        let age = self.setting.clock.now().duration_since(position.at);
        if age > SignedDuration::try_from(options.event_ttl).unwrap_or(SignedDuration::MAX) {
            let age = format_duration(Duration::from_secs(age.as_secs().unsigned_abs()));
            tracing::warn!(
                %source,
                scope = label,
                "nothing was read for {age}, which is longer than events live; some may be lost"
            );
            self.tell_gap(position, "nothing was read for longer than the API server keeps events").await;
        }
    }

    /// The server is behind the position: its etcd was restored from a backup, and versions cannot be compared.
    pub(super) async fn restored(&mut self, position: Reached, version: u64) -> State {
        let Setting { source, label, .. } = &self.setting;
        tracing::warn!(
            %source,
            scope = label,
            "the API server is at version {version}, behind our position {}: its etcd seems to have been restored; \
             going on with what was seen since {}",
            position.version,
            position.at
        );
        self.tell_gap(position, "the API server was set back to an earlier state").await;
        // Most timestamps of events are whole seconds, cut off.
        let whole_second = Timestamp::from_second(position.at.as_second()).unwrap_or(position.at);
        self.relist(Base::SeenSince(whole_second))
    }

    /// The server is behind what a list has shown of it before.
    pub(super) async fn restored_under_list(&mut self, seen: u64, version: u64) -> State {
        let known_at = self.position.map(|position| position.at);
        match known_at.or(self.unfinished.as_ref().map(|progress| progress.began)) {
            Some(at) => self.restored(Reached { version: seen, at }, version).await,
            // Nothing was known but parts of the first list.
            None => self.relist(Base::All),
        }
    }

    fn relist(&mut self, base: Base) -> State {
        self.setting.metrics.relisted();
        let at = self.next_relist.max(Instant::now());
        self.next_relist = at + self.relist_backoff.next_wait();
        State::Waiting(at, Box::new(State::Listing(self.listing(Relist::new(base)))))
    }

    /// Counts a gap that cannot be closed, and hands on an event that tells of it.
    async fn tell_gap(&mut self, from: Reached, why: &str) {
        let Setting { source, namespace, cluster, clock, metrics, .. } = &self.setting;
        metrics.gap();
        let gap = Gap {
            source,
            namespace: namespace.as_deref().unwrap_or_default(),
            cluster: cluster.clone(),
            from,
            to: clock.now(),
            why,
        };
        let event = gap.event();
        self.hand_on_own(event).await;
    }
}
