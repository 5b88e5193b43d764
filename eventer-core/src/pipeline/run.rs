//! A pipeline that runs: it opens, goes on until something ends it, delivers what waits, and says what became of it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, Shared};
use tokio::time::{sleep, timeout};

use super::assembly::Assembly;
use super::control::Requests;
use super::sources::Sources;
use super::{End, StoragePlan, Summary};
use crate::error::BuildError;
use crate::journal::Journal;
use crate::manager::SinkManager;
use crate::registry::SourcePlan;
use crate::shutdown::Phase;
use crate::status::{PipelineStatus, SourceState};
use crate::time::{Clock, format_duration};
use crate::worker::Worker;

/// Time that the storage has at least to write down the last verdicts.
const LEAST_SYNC: Duration = Duration::from_secs(5);

/// How often it is looked for dead letters that are to be delivered again.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// After so many looks, the claims of the sinks on the storage are renewed.
const LOOKS_PER_RENEWAL: u32 = 300;

/// When the pipeline is asked to stop, sources that have not handed over everything end after this part of the time.
const SOURCES_SHARE: u32 = 4;

/// When the pipeline is asked to stop while sources and sinks are exchanged, that ends after this part of the time.
const EXCHANGES_SHARE: u32 = 4;

/// What runs.
pub(super) struct Running {
    pub(super) assembly: Assembly,
    pub(super) sources: Sources,
    pub(super) manager: SinkManager,
    pub(super) storage: Option<StoragePlan>,
    pub(super) status: PipelineStatus,
    /// Each clone resolves.
    pub(super) asked_to_stop: Shared<BoxFuture<'static, ()>>,
    pub(super) stop_timeout: Duration,
}

impl Running {
    /// Opens the storage, and starts the sources and the sinks; those that are started are taken from `workers`.
    ///
    /// # Errors
    /// A source could not be opened; or, if it is strict, a sink.
    pub(super) async fn open(
        &mut self,
        sources: Vec<(Arc<SourceState>, SourcePlan)>,
        workers: &mut VecDeque<Worker>,
        is_strict: bool,
    ) -> Result<(), BuildError> {
        if let Some(plan) = &self.storage {
            self.sources = Sources::new(plan.open(&self.assembly.journal, workers).await?);
        }
        for (state, plan) in sources {
            self.sources.start(&self.assembly, state, plan).await?;
        }
        while let Some(worker) = workers.front() {
            let sink = match is_strict {
                true => Some(worker.plan.open(worker.context.clone()).await?),
                false => None,
            };
            self.manager.start(workers.pop_front().expect("it has a front"), sink);
        }
        Ok(())
    }

    /// Goes on, and does what is asked for, until it should end.
    pub(super) async fn until_end(&mut self, mut requests: Requests) -> End {
        let clock = self.storage.as_ref().map(|plan| plan.clock.clone());
        let mut keep_up = Box::pin(keep_up(clock, self.assembly.journal.clone()));
        loop {
            let request = tokio::select! {
                biased;
                () = self.asked_to_stop.clone() => return End::Shutdown,
                Some(request) = requests.recv() => request,
                () = self.sources.all_ended(&self.assembly) => return End::SourcesEnded,
                () = self.manager.deserted() => return End::SinksGone,
                never = &mut keep_up => match never {},
            };
            // Asked to stop meanwhile, it may use up a part of the time: a sink between two workers delivers nothing.
            let (asked_to_stop, time) = (self.asked_to_stop.clone(), self.stop_timeout / EXCHANGES_SHARE);
            let too_late = async {
                asked_to_stop.await;
                sleep(time).await;
            };
            tokio::select! {
                biased;
                () = self.serve(request) => {}
                () = too_late => return End::Shutdown,
            }
        }
    }

    /// Delivers what waits, as far as the kind of the end and the time allow.
    pub(super) async fn drain(&mut self, end: End) {
        let (journal, shutdown) = (self.assembly.journal.clone(), self.assembly.shutdown.clone());
        let has_storage = self.storage.is_some();
        shutdown.advance(Phase::Stopping);
        self.sources.give_up_trying();
        match end {
            End::SourcesEnded => {
                let standstill = self.manager.standstill(self.stop_timeout);
                let (asked_to_stop, time) = (self.asked_to_stop.clone(), self.stop_timeout);
                let stopped = async {
                    asked_to_stop.await;
                    if has_storage {
                        journal.leave();
                    }
                    sleep(time).await;
                };
                shutdown.advance(Phase::Draining);
                let gives_up = async {
                    tokio::select! { () = standstill => {}, () = stopped => {} }
                };
                self.manager.drain(gives_up).await;
            }
            End::SinksGone => shutdown.advance(Phase::Draining),
            End::Shutdown => {
                let (time, assembly) = (self.stop_timeout, &self.assembly);
                let drain = async {
                    // What the sources have buffered goes into the journal first. They may not use up all the time.
                    let ended = timeout(time / SOURCES_SHARE, self.sources.all_ended(assembly)).await;
                    shutdown.advance(Phase::Draining);
                    if ended.is_err() {
                        self.sources.all_ended(assembly).await;
                    }
                    if has_storage {
                        // It is safe there; what is under way is awaited.
                        journal.leave();
                    }
                    self.manager.drain(pending()).await;
                };
                if timeout(time, drain).await.is_err() {
                    tracing::warn!(timeout = format_duration(time), "the time to stop is up");
                }
            }
        }
        shutdown.advance(Phase::Draining);
    }

    /// Ends what still runs, and says what became of everything.
    ///
    /// # Errors
    /// A bug made a source panic.
    pub(super) async fn finish(self, end: End) -> Result<Summary, BuildError> {
        let sinks = self.manager.finish().await;
        let journal = self.assembly.journal;
        if timeout(self.stop_timeout.max(LEAST_SYNC), journal.synced()).await.is_err() {
            tracing::error!("the disk hangs: what was delivered last may be delivered again");
        }
        if self.sources.has_panicked() {
            return Err(BuildError::new("keep a source running", "a bug in it made it panic"));
        }
        Ok(Summary { end, sinks, broken_off: self.status.broken_off() })
    }
}

/// Looks for dead letters that are to be delivered again, and renews the claims of the sinks, on a storage whose clock this
/// is.
async fn keep_up(clock: Option<Arc<dyn Clock>>, journal: Journal) -> Infallible {
    let Some(clock) = clock else { return pending().await };
    let mut looks = 0_u32;
    loop {
        journal.look_for_replays().await;
        sleep(LOOK_EVERY).await;
        looks += 1;
        if looks.is_multiple_of(LOOKS_PER_RENEWAL) {
            journal.renew_claims(clock.now());
        }
    }
}
