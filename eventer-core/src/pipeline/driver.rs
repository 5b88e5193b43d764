//! Drives one source: takes its events every tick, or as soon as a full batch waits, into the journal.

use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use crate::batch::EventBatch;
use crate::error::report;
use crate::journal::Journal;
use crate::metrics::{EventCounters, Rounds, SourceMetrics};
use crate::shutdown::{Phase, Shutdown};
use crate::source::EventSource;
use crate::status::SourceState;
use crate::time::{Clock, format_duration};

use super::rules::Rules;

/// How often the source's status is published, however long its ticks are.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);

/// How often while the source is not fresh.
const PUBLISH_SOON: Duration = Duration::from_millis(20);

/// A wait for room that lasts longer is told in the log: a full journal is normal for a moment.
const TELL_AFTER: Duration = Duration::from_secs(10);

/// Time that a source has to hand over what it has when another one comes in its place.
const RETIRE_WITHIN: Duration = Duration::from_secs(10);

/// What a source may still hand out when it is stopped, in full batches: what it has buffered, and no more, since it
/// reads on.
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
    /// Stops this source alone.
    pub(super) retired: Shutdown,
    pub(super) rules: Rules,
    pub(super) frequency: Duration,
    pub(super) batch_events: NonZeroUsize,
}

/// What a source had.
enum Taken {
    /// A full batch: more may wait.
    Full,
    /// So many events, and nothing more waits at present.
    Rest(usize),
    /// Trouble that passes.
    Failed,
    /// Nothing, and there will be nothing more.
    Ended,
    /// The sources' time is up.
    TimeUp,
}

impl Driver {
    /// Drives the source until it ends or the pipeline stops; then takes what it has buffered, and drops it.
    pub(super) async fn run(self, mut source: Box<dyn EventSource>) {
        let is_broken_off = self.drive(source.as_mut()).await;
        self.state.ended(is_broken_off);
    }

    /// Says in the end whether the source ended in trouble.
    async fn drive(&self, source: &mut dyn EventSource) -> bool {
        let mut tick = interval(self.frequency);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut next_publish = Instant::now();
        // A source in trouble, or one that was ready for nothing, is asked again at the next tick, not at once.
        let mut may_be_ready = true;
        let mut is_in_trouble = false;
        loop {
            let was_ready = tokio::select! {
                biased;
                () = self.stopping() => {
                    self.take_last(source).await;
                    return false;
                }
                () = sleep_until(next_publish) => {
                    let status = source.status();
                    // Whoever waits for it to become ready should not wait for us.
                    next_publish = Instant::now() + if status.is_fresh { PUBLISH_EVERY } else { PUBLISH_SOON };
                    self.state.turned(status);
                    continue;
                }
                () = source.ready(), if may_be_ready => true,
                _ = tick.tick() => false,
            };
            let mut taken = self.take(source).await;
            may_be_ready = match taken {
                Taken::Failed => false,
                Taken::Rest(0) => !was_ready,
                _ => true,
            };
            while matches!(taken, Taken::Full) && !self.is_stopping() {
                // Nothing else here waits while the source is full and the journal has room.
                yield_now().await;
                taken = self.take(source).await;
            }
            match taken {
                Taken::Ended => return is_in_trouble,
                Taken::TimeUp => return false,
                Taken::Full | Taken::Rest(_) | Taken::Failed => {}
            }
            is_in_trouble = matches!(taken, Taken::Failed);
            self.state.turned(source.status());
        }
    }

    /// Waits until this source, or all of them, should stop.
    async fn stopping(&self) {
        tokio::select! {
            () = self.shutdown.reached(Phase::Stopping) => {}
            () = self.retired.reached(Phase::Stopping) => {}
        }
    }

    /// Waits until this source has been asked for so long to make room for another one.
    async fn retired_for(&self, patience: Duration) {
        self.retired.reached(Phase::Stopping).await;
        sleep(patience).await;
    }

    fn is_stopping(&self) -> bool {
        self.shutdown.phase() != Phase::Running || self.retired.phase() != Phase::Running
    }

    /// Takes what the source has buffered, in however small batches.
    async fn take_last(&self, source: &mut dyn EventSource) {
        let mut left = LAST_BATCHES * self.batch_events.get();
        while left > 0 {
            left = match self.take(source).await {
                Taken::Full => left.saturating_sub(self.batch_events.get()),
                Taken::Rest(events) if events > 0 => left.saturating_sub(events),
                Taken::Rest(_) | Taken::Failed | Taken::Ended | Taken::TimeUp => return,
            };
        }
    }

    /// Takes a batch into the journal.
    async fn take(&self, source: &mut dyn EventSource) -> Taken {
        let begin = Instant::now();
        let taken = tokio::select! {
            biased;
            taken = source.get_new_events() => taken,
            // A source that hands nothing out must not keep the sinks from stopping in order, nor its successor waiting.
            () = self.shutdown.reached(Phase::Draining) => return Taken::TimeUp,
            () = self.retired_for(RETIRE_WITHIN) => return Taken::TimeUp,
        };
        let batch = match taken {
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
        let events = batch.len();
        let checkpoint = batch.shared_checkpoint();
        if !self.append(self.rules.apply(batch, &self.metrics)).await {
            // What comes after it must not be taken for stored.
            return Taken::TimeUp;
        }
        if let Some(checkpoint) = checkpoint {
            self.state.reached(checkpoint.clone());
            tokio::select! {
                biased;
                () = source.committed(&checkpoint) => {}
                () = self.shutdown.reached(Phase::Draining) => {}
                () = self.retired_for(RETIRE_WITHIN) => {}
            }
        }
        if events >= self.batch_events.get() { Taken::Full } else { Taken::Rest(events) }
    }

    /// Waits for room, and says while waiting that this is no standstill. False: there was none when the sources' time was
    /// up, or when the source had to make room for another one. The batch is then counted as undelivered, unless it has a
    /// checkpoint: who comes after this source reads it again.
    async fn append(&self, batch: EventBatch) -> bool {
        let can_be_read_again = batch.checkpoint().is_some();
        let patience = if can_be_read_again { Duration::ZERO } else { RETIRE_WITHIN };
        let mut append = pin!(self.journal.append_unless(batch.clone(), self.retired_for(patience)));
        let mut closing = pin!(self.shutdown.reached(Phase::Draining));
        let begin = Instant::now();
        let mut is_told = false;
        let appended = loop {
            tokio::select! {
                biased;
                is_appended = &mut append => break Some(is_appended),
                () = &mut closing => break None,
                () = sleep(PUBLISH_EVERY) => self.state.waits_for_room(true),
            }
            // What is wrong with a disk is told where it is found.
            if !is_told && begin.elapsed() >= TELL_AFTER && self.journal.trouble().is_none() {
                is_told = true;
                tracing::warn!(
                    source = &*self.name,
                    "the journal is full and its sinks lag: nothing more is read until they have made room"
                );
            }
        };
        if is_told {
            let waited = format_duration(Duration::from_secs(begin.elapsed().as_secs()));
            tracing::info!(source = &*self.name, waited, "the wait for room in the journal is over");
        }
        let is_appended = appended.unwrap_or(false);
        if !is_appended && (appended.is_none() || !can_be_read_again) {
            self.journal.refuse(&batch);
        }
        self.state.waits_for_room(false);
        is_appended
    }
}
