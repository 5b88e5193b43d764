//! One task per sink: opens it, leases from the journal, delivers, moves the cursor on a verdict.

use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroUsize;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::time::sleep;

use crate::backoff::Backoff;
use crate::batch::EventBatch;
use crate::error::report;
use crate::event::Event;
use crate::journal::{Cursor, Lease};
use crate::layer::{Delivery, LayerContext, Outcome};
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
    /// Runs until the journal is closed and read to its end, or the time to stop is up. `sink` is given if it is open
    /// already.
    pub(crate) async fn run(self, sink: Option<Arc<dyn EventSink>>) {
        let expired = self.shutdown.reached(Phase::Expired);
        tokio::select! {
            biased;
            // No verdict: what is leased goes back to the journal.
            () = expired => {}
            () = self.work(sink) => {}
        }
    }

    async fn work(&self, sink: Option<Arc<dyn EventSink>>) {
        let sink = match sink {
            Some(sink) => sink,
            None => self.open().await,
        };
        self.layers.state.opened();
        let delivery = Delivery::wrap(sink.clone(), &self.plan.policy, &self.layers);
        while let Some(lease) = self.cursor.lease(self.plan.policy.batch.events).await {
            match self.plan.policy.concurrency {
                NonZeroUsize::MIN => self.deliver_in_order(&delivery, &lease).await,
                lanes => self.deliver_in_lanes(&delivery, &lease, lanes).await,
            }
            self.cursor.settle(&lease, lease.batch().len());
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

    /// One portion after the other; the cursor follows each verdict.
    async fn deliver_in_order(&self, delivery: &Delivery, lease: &Lease) {
        for portion in delivery.portions(lease.batch()) {
            let outcome = delivery.deliver(&portion.batch).await;
            self.count(&outcome);
            self.cursor.settle(lease, portion.settles);
        }
    }

    /// Several portions at a time. The events of one object share a lane and so keep their order.
    async fn deliver_in_lanes(&self, delivery: &Delivery, lease: &Lease, lanes: NonZeroUsize) {
        let lanes = lanes_by_object(lease.batch(), lanes);
        join_all(lanes.iter().map(|lane| async {
            for portion in delivery.portions(lane) {
                let outcome = delivery.deliver(&portion.batch).await;
                self.count(&outcome);
            }
        }))
        .await;
    }

    fn count(&self, outcome: &Outcome) {
        let metrics = &self.layers.metrics;
        metrics.exported(outcome.delivered);
        metrics.rejected(outcome.rejected.len());
        let mut dropped = 0;
        for (reason, events) in &outcome.dropped {
            metrics.dropped(*reason, *events);
            dropped += events;
            let (sink, reason) = (&*self.layers.name, reason.as_str());
            tracing::error!(sink, events, reason, "events were given up");
        }
        for (event, reason) in &outcome.rejected {
            let (sink, event) = (&*self.layers.name, event.id());
            tracing::error!(sink, event, error = reason, "the destination will never take this event");
        }
        self.layers.state.count(|totals| {
            totals.exported += outcome.delivered as u64;
            totals.rejected += outcome.rejected.len() as u64;
            totals.dropped += dropped as u64;
        });
    }
}

fn lanes_by_object(batch: &EventBatch, lanes: NonZeroUsize) -> Vec<EventBatch> {
    let hasher = RandomState::new();
    let mut events: Vec<Vec<Arc<Event>>> = vec![Vec::new(); lanes.get().min(batch.len())];
    let count = events.len() as u64;
    for event in batch {
        let lane = hasher.hash_one(event.object_key()) % count;
        events[lane as usize].push(event.clone());
    }
    events.into_iter().filter(|lane| !lane.is_empty()).map(|lane| batch.with_events(lane)).collect()
}
