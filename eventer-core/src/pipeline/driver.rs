//! Drives one source: takes its events every tick, or as soon as a full batch waits, into the journal.

use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::batch::EventBatch;
use crate::error::report;
use crate::journal::Journal;
use crate::metrics::{EventCounters, Rounds, SourceMetrics};
use crate::shutdown::{Phase, Shutdown};
use crate::source::EventSource;
use crate::status::SourceState;
use crate::time::Clock;

/// How often the source's status is published, however long its ticks are.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);

/// What a source may still hand out when it is stopped: what it has buffered, and no more, since it reads on.
const LAST_BATCHES: usize = 4;

pub(super) struct Driver {
    pub(super) name: Arc<str>,
    pub(super) state: Arc<SourceState>,
    pub(super) metrics: SourceMetrics,
    pub(super) rounds: Rounds,
    pub(super) counters: Option<EventCounters>,
    pub(super) journal: Journal,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) shutdown: Shutdown,
    pub(super) frequency: Duration,
    pub(super) batch_events: NonZeroUsize,
}

/// What a source had.
enum Taken {
    /// A full batch: more may wait.
    Full,
    /// Less than a full batch: nothing more waits at present.
    Rest,
    /// Trouble that passes.
    Failed,
    /// Nothing, and there will be nothing more.
    Ended,
}

impl Driver {
    /// Drives the source until it ends or the pipeline stops; then takes what it has buffered, and drops it.
    pub(super) async fn run(self, mut source: Box<dyn EventSource>) {
        let mut tick = interval(self.frequency);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut publish = interval(PUBLISH_EVERY);
        publish.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut taken = Taken::Rest;
        while !matches!(taken, Taken::Ended) {
            tokio::select! {
                biased;
                () = self.shutdown.reached(Phase::Draining) => {
                    self.take_last(source.as_mut()).await;
                    break;
                }
                _ = publish.tick() => {
                    self.state.turned(source.status());
                    continue;
                }
                // A source in trouble is asked again at the next tick, not at once.
                () = source.ready(), if !matches!(taken, Taken::Failed) => {}
                _ = tick.tick() => {}
            }
            taken = Taken::Full;
            while matches!(taken, Taken::Full) && self.shutdown.phase() == Phase::Running {
                taken = self.take(source.as_mut()).await;
                // Nothing else here waits while the source is full and the journal has room.
                yield_now().await;
            }
            self.state.turned(source.status());
        }
        self.state.ended();
    }

    async fn take_last(&self, source: &mut dyn EventSource) {
        for _ in 0..LAST_BATCHES {
            if !matches!(self.take(source).await, Taken::Full) {
                break;
            }
        }
    }

    /// Takes a batch into the journal.
    async fn take(&self, source: &mut dyn EventSource) -> Taken {
        let begin = Instant::now();
        let batch = match source.get_new_events().await {
            Ok(Some(batch)) => batch,
            Ok(None) => return Taken::Ended,
            Err(error) => {
                tracing::warn!(source = &*self.name, error = report(&error), "could not take new events");
                return Taken::Failed;
            }
        };
        let now = self.clock.now();
        self.state.round(now);
        self.rounds.scraped(now, batch.len(), begin.elapsed());
        self.metrics.received(&batch);
        if let Some(counters) = &self.counters {
            batch.iter().for_each(|event| counters.count(event));
        }
        let is_full = batch.len() >= self.batch_events.get();
        let checkpoint = batch.checkpoint().cloned();
        if !self.append(batch).await {
            return Taken::Rest;
        }
        if let Some(checkpoint) = checkpoint {
            source.committed(&checkpoint).await;
        }
        if is_full { Taken::Full } else { Taken::Rest }
    }

    /// Waits for room, and says while waiting that this is no standstill. False: there was none when time was up.
    async fn append(&self, batch: EventBatch) -> bool {
        let mut append = pin!(self.journal.append(batch));
        let expired = self.shutdown.reached(Phase::Expired);
        let mut expired = pin!(expired);
        loop {
            let wait = async {
                tokio::select! {
                    biased;
                    () = &mut append => true,
                    () = &mut expired => false,
                }
            };
            match timeout(PUBLISH_EVERY, wait).await {
                Ok(is_appended) => {
                    self.state.waits_for_room(false);
                    return is_appended;
                }
                Err(_) => self.state.waits_for_room(true),
            }
        }
    }
}
