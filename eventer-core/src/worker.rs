//! One task per sink: opens it, leases from the journal, delivers, and says of which events there is a verdict.

use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::time::{sleep, timeout};

use crate::backoff::Backoff;
use crate::batch::EventBatch;
use crate::cluster::ConfigMaps;
use crate::error::report;
use crate::journal::Cursor;
use crate::layer::{Delivery, LayerContext};
use crate::registry::SinkPlan;
use crate::shutdown::{Phase, Shutdown};
use crate::sink::{EventSink, SinkContext};

/// All that one sink's task needs. Cloned when the task has to be started again.
#[derive(Clone)]
pub(crate) struct Worker {
    pub(crate) plan: SinkPlan,
    pub(crate) context: SinkContext,
    pub(crate) layers: LayerContext,
    pub(crate) cursor: Cursor,
    pub(crate) shutdown: Shutdown,
}

impl Worker {
    /// Whether these are the ConfigMaps that it asks for its texts.
    pub(crate) fn asks(&self, config_maps: Option<&Arc<dyn ConfigMaps>>) -> bool {
        match (&self.context.config_maps, config_maps) {
            (Some(own), Some(other)) => Arc::ptr_eq(own, other),
            (own, other) => own.is_none() && other.is_none(),
        }
    }

    /// Time that it has to end: that of an attempt for the one that is under way, as much for what the sink does to stop, and
    /// some for itself.
    pub(crate) fn time_to_retire(&self) -> Duration {
        Duration::from_secs(1) + 2 * self.plan.policy.timeout
    }

    /// Runs until the journal is closed and read to its end, or the time to stop is up. `sink` is given if it is open
    /// already.
    pub(crate) async fn run(self, sink: Option<Arc<dyn EventSink>>) {
        tokio::select! {
            biased;
            // No verdict: what is leased goes back to the journal.
            () = self.shutdown.reached(Phase::Expired) => {}
            () = self.work(sink) => {}
        }
    }

    async fn work(&self, sink: Option<Arc<dyn EventSink>>) {
        let sink = match sink {
            Some(sink) => sink,
            None => tokio::select! {
                biased;
                sink = self.open() => sink,
                // It never opened, and there is nothing for it either.
                () = self.cursor.finished() => return,
                () = self.layers.journal.left() => return,
                () = self.layers.attempts.over() => return,
            },
        };
        self.layers.state.opened();
        let delivering = async {
            tokio::select! {
                biased;
                delivered = self.deliver_all(&sink) => delivered,
                () = self.between_attempts() => Some(()),
            }
        };
        let (_, delivered) = tokio::join!(self.ask_health(&*sink), delivering);
        if delivered.is_none() {
            self.cursor.give_up();
            tracing::error!(
                sink = &*self.layers.name,
                "its destination has gone for good, and the sink with it"
            );
        }
        sink.stop().await;
    }

    /// Opens the sink, however often it takes.
    async fn open(&self) -> Arc<dyn EventSink> {
        let mut backoff = Backoff::new(self.plan.policy.min_backoff, self.plan.policy.max_backoff);
        loop {
            match self.plan.open(self.context.clone()).await {
                Ok(sink) => return sink,
                Err(error) => self.layers.state.failed(report(&error)),
            }
            sleep(backoff.next_wait()).await;
        }
    }

    /// Asks once how the destination is, for the log and the probes. It is delivered to in any case.
    async fn ask_health(&self, sink: &dyn EventSink) {
        let asked = async {
            if let Ok(Err(error)) = timeout(self.plan.policy.timeout, sink.check_health()).await {
                self.layers.state.failed(report(&error));
            }
        };
        tokio::select! {
            () = asked => {}
            () = self.cursor.finished() => {}
            () = self.layers.journal.left() => {}
            () = self.layers.attempts.over() => {}
        }
    }

    /// Resolves when what waits is left for the next process, or for the worker that comes after this one, and no attempt is
    /// under way: what was delivered has its verdict then.
    async fn between_attempts(&self) {
        tokio::select! {
            () = self.layers.journal.left() => {}
            () = self.layers.attempts.over() => {}
        }
        self.layers.attempts.none().await;
    }

    /// Delivers until the journal is closed and read to its end. `None`: the destination has gone for good.
    async fn deliver_all(&self, sink: &Arc<dyn EventSink>) -> Option<()> {
        let delivery = Delivery::wrap(sink.clone(), &self.plan.policy, &self.layers);
        while let Some(lease) = self.cursor.lease(self.plan.policy.batch.events).await {
            let wanted = delivery.wanted(&lease);
            // What the sink does not want needs no verdict of the destination.
            self.cursor.settle(missing(&wanted, lease.len()));
            match self.plan.policy.concurrency {
                NonZeroUsize::MIN => self.deliver(&delivery, &lease, &wanted).await?,
                lanes => {
                    let lanes = lanes_by_object(&lease, &wanted, lanes);
                    try_join_all(
                        lanes
                            .iter()
                            .map(|lane| async { self.deliver(&delivery, &lease, lane).await.ok_or(()) }),
                    )
                    .await
                    .ok()?;
                }
            }
        }
        Some(())
    }

    /// Delivers the events at `indices`, one portion after the other.
    async fn deliver(&self, delivery: &Delivery, lease: &EventBatch, indices: &[usize]) -> Option<()> {
        for portion in delivery.portions(lease, indices) {
            delivery.deliver(portion, &|indices| self.cursor.settle(indices.iter().copied())).await?;
        }
        Some(())
    }
}

/// The indices below `len` that are not among `wanted`, which ascend.
fn missing(wanted: &[usize], len: usize) -> impl Iterator<Item = usize> {
    let mut wanted = wanted.iter().copied().peekable();
    (0..len).filter(move |index| wanted.next_if_eq(index).is_none())
}

/// Shares the events out to lanes that are delivered at the same time. Those of one object share a lane, and so keep
/// their order.
fn lanes_by_object(lease: &EventBatch, wanted: &[usize], lanes: NonZeroUsize) -> Vec<Vec<usize>> {
    let hasher = RandomState::new();
    let mut shared = vec![Vec::new(); lanes.get().min(wanted.len())];
    let count = shared.len() as u64;
    for index in wanted {
        let lane = hasher.hash_one(lease.events()[*index].object_key()) % count;
        shared[lane as usize].push(*index);
    }
    shared
}
