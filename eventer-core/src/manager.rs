//! Owns the journal and the workers: a batch that is appended fans out to every sink, and none waits for another.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::select_all;
use jiff::Timestamp;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::backoff::Backoff;
use crate::journal::{Cursor, Journal};
use crate::metrics::DropReason;
use crate::shutdown::{Phase, Shutdown};
use crate::sink::EventSink;
use crate::status::SinkState;
use crate::task::OwnedTask;
use crate::worker::Worker;

/// Pause before a worker that panicked is started again, for the first time.
const RESTART_AFTER: Duration = Duration::from_secs(1);

/// Time for the workers to notice that the time to stop is up.
const LEAVE_WITHIN: Duration = Duration::from_secs(1);

/// How often the progress of a drain is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The sinks of a pipeline, each with its worker.
pub(crate) struct SinkManager {
    journal: Journal,
    shutdown: Shutdown,
    sinks: Vec<Sink>,
    /// What became of those that were taken out.
    former: Vec<SinkSummary>,
}

struct Sink {
    state: Arc<SinkState>,
    cursor: Cursor,
    worker: Worker,
    task: OwnedTask<()>,
    /// When it is left behind if it has not ended; it has begun to retire.
    retires_by: Option<Instant>,
}

/// What became of the events of one sink.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SinkSummary {
    /// Its name.
    pub name: Arc<str>,
    /// Events that the destination took.
    pub exported: u64,
    /// Events that the destination will never take.
    pub rejected: u64,
    /// Events that were given up while it ran.
    pub dropped: u64,
    /// Events that still waited when the process stopped.
    pub undelivered: u64,
}

impl SinkManager {
    pub(crate) fn new(journal: Journal, shutdown: Shutdown) -> Self {
        Self { journal, shutdown, sinks: Vec::new(), former: Vec::new() }
    }

    /// The journal that the workers read.
    #[cfg(test)]
    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Starts a worker; `sink` is given if it is open already.
    pub(crate) fn start(&mut self, worker: Worker, sink: Option<Arc<dyn EventSink>>) {
        let (state, cursor) = (worker.layers.state.clone(), worker.cursor.clone());
        let task = OwnedTask::spawn(supervise(worker.clone(), sink));
        self.sinks.push(Sink { state, cursor, worker, task, retires_by: None });
    }

    /// The workers of the sinks by their names.
    pub(crate) fn workers(&self) -> impl Iterator<Item = (&Arc<str>, &Worker)> {
        self.sinks.iter().map(|sink| (sink.state.name(), &sink.worker))
    }

    /// The states of the sinks.
    pub(crate) fn states(&self) -> Vec<Arc<SinkState>> {
        self.sinks.iter().map(|sink| sink.state.clone()).collect()
    }

    /// Has the sinks of these names end with the attempt that is under way; what they have not delivered stays in the
    /// journal.
    pub(crate) fn begin_retiring(&mut self, names: &[Arc<str>]) {
        for sink in self.sinks.iter_mut().filter(|sink| names.contains(sink.state.name())) {
            sink.worker.layers.attempts.end();
            sink.retires_by.get_or_insert_with(|| Instant::now() + sink.worker.time_to_retire());
        }
    }

    /// Waits until one of these sinks, which begun to retire, has done so, and says which. `None`: there is none.
    ///
    /// # Cancellation
    /// Safe to cancel.
    pub(crate) async fn next_retired(&mut self, names: &[Arc<str>]) -> Option<Arc<str>> {
        let retiring = self.sinks.iter_mut().filter(|sink| names.contains(sink.state.name()));
        let retiring: Vec<_> = retiring.map(|sink| Box::pin(sink.retired())).collect();
        if retiring.is_empty() {
            return None;
        }
        Some(select_all(retiring).await.0)
    }

    /// Lets go of the sink `name`, which has retired, and says what it leaves to its successor.
    pub(crate) fn take(&mut self, name: &str) -> Option<(Cursor, Arc<SinkState>)> {
        let index = self.sinks.iter().position(|sink| **sink.state.name() == *name)?;
        let sink = self.sinks.remove(index);
        Some((sink.cursor, sink.state))
    }

    /// Takes the sink `name`, which has retired, out for good.
    pub(crate) fn remove(&mut self, name: &str, now: Timestamp) {
        let Some(index) = self.sinks.iter().position(|sink| **sink.state.name() == *name) else { return };
        let sink = self.sinks.remove(index);
        let lost = sink.cursor.leave(now);
        if lost > 0 {
            tracing::error!(
                sink = name,
                events = lost,
                "the sink is taken out, and what waited for it is dropped"
            );
        }
        let totals = sink.state.totals();
        self.former.push(SinkSummary {
            name: sink.state.name().clone(),
            exported: totals.exported,
            rejected: totals.rejected,
            dropped: totals.dropped + sink.cursor.take_lost(),
            undelivered: 0,
        });
    }

    async fn all_ended(&mut self) {
        for sink in &mut self.sinks {
            sink.task.ended().await;
        }
    }

    /// Nothing more will come: waits until the sinks have delivered everything, or `gives_up` says that they will not.
    pub(crate) async fn drain(&mut self, gives_up: impl Future<Output = ()>) {
        self.journal.close();
        tokio::select! {
            () = gives_up => {}
            () = self.all_ended() => {}
        }
    }

    /// Waits until every sink has gone for good. Without sinks it waits for ever: then events are discarded on purpose.
    pub(crate) async fn deserted(&mut self) {
        if self.sinks.is_empty() {
            std::future::pending::<()>().await;
        }
        self.all_ended().await;
    }

    /// Waits until no sink has made progress for `patience`. A sink that waits for its turn under a rate limit is
    /// given that time too.
    pub(crate) fn standstill(&self, patience: Duration) -> impl Future<Output = ()> + use<> {
        let states: Vec<_> = self.sinks.iter().map(|sink| sink.state.clone()).collect();
        let turn =
            self.sinks.iter().filter_map(|sink| sink.worker.plan.policy.rate).map(|rate| rate.per).max();
        let patience = patience.saturating_add(turn.unwrap_or_default());
        async move {
            let settled = || states.iter().map(|state| state.totals().settled()).sum::<u64>();
            let (mut last, mut moved_at) = (settled(), Instant::now());
            loop {
                sleep(LOOK_EVERY.min(patience)).await;
                let now = settled();
                if now != last {
                    (last, moved_at) = (now, Instant::now());
                } else if moved_at.elapsed() >= patience {
                    return;
                }
            }
        }
    }

    /// Ends the workers, whatever they do, and says what became of everything.
    pub(crate) async fn finish(mut self) -> Vec<SinkSummary> {
        self.shutdown.advance(Phase::Expired);
        // A sink that never yields would hold us for ever; its task is left to the runtime's end.
        if timeout(LEAVE_WITHIN, self.all_ended()).await.is_err() {
            tracing::error!("a sink blocks its thread and cannot be stopped");
        }
        self.sinks.iter().for_each(|sink| sink.task.abort());
        self.former.into_iter().chain(self.sinks.iter().map(Sink::summary)).collect()
    }
}

impl Sink {
    /// Waits until it has ended, which it has a certain time for, and says its name.
    async fn retired(&mut self) -> Arc<str> {
        let by = self.retires_by.unwrap_or_else(Instant::now);
        if timeout_at(by, self.task.ended()).await.is_err() {
            tracing::error!(sink = &**self.state.name(), "it does not stop, and is left behind");
            self.task.abort();
            // Unless it blocks its thread, it ends now. What it says later counts no more: its place is another's.
            timeout(LEAVE_WITHIN, self.task.ended()).await.ok();
        }
        self.state.name().clone()
    }

    fn summary(&self) -> SinkSummary {
        let totals = self.state.totals();
        let filter = &self.worker.plan.policy.filter;
        let undelivered = self.cursor.wanted(|event| filter.wants(event)) as u64;
        if undelivered > 0 {
            self.worker.layers.metrics.dropped(DropReason::Stopped, undelivered as usize);
            tracing::error!(
                sink = &**self.state.name(),
                events = undelivered,
                "stopped before these were delivered"
            );
        }
        SinkSummary {
            name: self.state.name().clone(),
            exported: totals.exported,
            rejected: totals.rejected,
            dropped: totals.dropped + self.cursor.lost(),
            undelivered,
        }
    }
}

/// Starts a worker again when a bug of its sink ended it. The events are still in the journal.
async fn supervise(worker: Worker, mut sink: Option<Arc<dyn EventSink>>) {
    let mut backoff = Backoff::new(RESTART_AFTER, worker.plan.policy.max_backoff);
    loop {
        let mut task = OwnedTask::spawn(worker.clone().run(sink.take()));
        let Some(Err(error)) = task.ended().await else { return };
        if !error.is_panic() || worker.cursor.is_gone() {
            return;
        }
        worker.layers.metrics.worker_restarted();
        worker.layers.state.failed("a bug in the sink made it panic; its events are kept".to_owned());
        tokio::select! {
            () = worker.shutdown.reached(Phase::Expired) => return,
            () = worker.layers.attempts.over() => return,
            () = sleep(backoff.next_wait()) => {}
        }
    }
}
