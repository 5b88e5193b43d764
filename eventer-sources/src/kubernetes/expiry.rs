//! What a scope does when the server cannot go on from its position: it lists what there is, and tells what may be missing.

use std::time::Duration;

use eventer_core::Intake;
use eventer_core::time::format_duration;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::buffer::Reached;
use super::gap::Gap;
use super::relist::Base;
use super::scope::{Scope, Setting, State};

impl Scope {
    /// The server has forgotten what happened just after the position. What still lives of it is in a list.
    pub(super) async fn expired(&mut self, position: Reached) -> State {
        let Setting { source, label, options, .. } = &self.setting;
        let age = self.setting.clock.now().duration_since(position.at);
        tracing::info!(%source, scope = label, version = position.version, "the position has expired, listing what is newer");
        if age > SignedDuration::try_from(options.event_ttl).unwrap_or(SignedDuration::MAX) {
            let age = format_duration(Duration::from_secs(age.as_secs().unsigned_abs()));
            tracing::warn!(
                %source,
                scope = label,
                "nothing was read for {age}, which is longer than events live; some may be lost"
            );
            self.tell_gap(position, "nothing was read for longer than the API server keeps events").await;
        }
        self.relist(Base::NewerThan(position.version))
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

    fn relist(&mut self, base: Base) -> State {
        self.setting.metrics.relisted();
        let at = self.next_relist.max(Instant::now());
        self.next_relist = at + self.relist_backoff.next_wait();
        State::Waiting(at, Box::new(State::Listing(self.listing(base))))
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
        self.hand_on(gap.event().into(), Intake::Rereadable, None).await;
    }
}
