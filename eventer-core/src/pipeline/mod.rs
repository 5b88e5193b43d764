//! The pipeline: sources, the journal and sinks, put together and run to their end.
//!
//! Nothing here is global: the metrics, the clock and the wish to stop come in through the [`PipelineBuilder`], and two
//! pipelines run side by side in one process.

mod assembly;
mod builder;
mod control;
mod driver;
mod rules;
mod sources;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::{sleep, timeout};

use crate::batch::Checkpoint;
use crate::error::BuildError;
use crate::journal::storage::Storage;
use crate::journal::{Attachment, Begin, Journal};
use crate::manager::{SinkManager, SinkSummary};
use crate::metrics::Metrics;
use crate::registry::{SinkPlan, SourcePlan};
use crate::shutdown::Phase;
use crate::status::{PipelineStatus, SourceState};
use crate::time::{Clock, format_duration};
use crate::uri::ByteSize;
use crate::worker::Worker;
use assembly::Assembly;
pub use builder::PipelineBuilder;
pub use control::{Changes, Exchange, PipelineControl, Setup};
use control::{Requests, Running};
use sources::Sources;

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

/// Sources, the journal and sinks, ready to run.
pub struct Pipeline {
    assembly: Assembly,
    sources: Vec<(Arc<SourceState>, SourcePlan)>,
    workers: Vec<Worker>,
    manager: SinkManager,
    storage: Option<StoragePlan>,
    status: PipelineStatus,
    control: PipelineControl,
    requests: Requests,
    asked_to_stop: BoxFuture<'static, ()>,
    stop_timeout: Duration,
    is_strict: bool,
}

/// Why a pipeline ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was asked to.
    Shutdown,
    /// All its sources ended.
    SourcesEnded,
    /// The destinations of all its sinks have gone for good.
    SinksGone,
}

/// What became of everything.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Why the pipeline ended.
    pub end: End,
    /// What became of the events of each sink.
    pub sinks: Vec<SinkSummary>,
    /// The sources that ended in trouble, so that not all of them may have been read.
    pub broken_off: Vec<Arc<str>>,
}

impl Summary {
    /// Whether every source was read to its end, and every sink has had every event that it wanted.
    pub fn is_complete(&self) -> bool {
        self.broken_off.is_empty()
            && self.sinks.iter().all(|sink| sink.rejected + sink.dropped + sink.undelivered == 0)
    }
}

impl Pipeline {
    /// Begins with nothing but defaults.
    pub fn builder() -> PipelineBuilder {
        PipelineBuilder::default()
    }

    /// How it is, at any time.
    pub fn status(&self) -> PipelineStatus {
        self.status.clone()
    }

    /// A handle by which its sources, sinks and rules can be exchanged while it runs.
    pub fn control(&self) -> PipelineControl {
        self.control.clone()
    }

    /// Runs until it is asked to stop or all its sources have ended, delivers what waits, and says what became of it.
    ///
    /// Asked to stop, it delivers for as long as the stop timeout; on a storage, it ends the attempts that are under way and
    /// leaves the rest to the next process. At the end of its sources, it delivers until no sink
    /// has made progress for that long.
    ///
    /// # Errors
    /// A source could not be opened; or, if it is strict, a sink.
    ///
    /// # Cancellation
    /// Dropping the future ends everything at once, without verdicts.
    pub async fn run(self) -> Result<Summary, BuildError> {
        let Self {
            mut assembly,
            sources: planned,
            workers,
            mut manager,
            storage,
            mut requests,
            control,
            mut asked_to_stop,
            stop_timeout,
            is_strict,
            status,
        } = self;
        // Without a handle nobody asks any more.
        drop(control);
        let (journal, shutdown) = (assembly.journal.clone(), assembly.shutdown.clone());
        let mut sources = Sources::default();
        let mut workers = VecDeque::from(workers);
        let open = async {
            if let Some(plan) = &storage {
                sources = Sources::new(plan.open(&journal, &workers).await?);
            }
            for (state, plan) in planned {
                sources.start(&assembly, state, plan).await?;
            }
            while let Some(worker) = workers.front() {
                let sink = match is_strict {
                    true => Some(worker.plan.open(worker.context.clone()).await?),
                    false => None,
                };
                manager.start(workers.pop_front().expect("it has a front"), sink);
            }
            Ok(())
        };
        let is_asked_early = tokio::select! {
            biased;
            opened = open => opened.map(|()| false)?,
            () = &mut asked_to_stop => true,
        };

        // Asked to stop while a sink was opened, the rest may still deliver what waits for it.
        for worker in workers {
            manager.start(worker, None);
        }

        let keep_up = async {
            let Some(plan) = &storage else { return std::future::pending().await };
            let mut looks = 0_u32;
            loop {
                journal.look_for_replays().await;
                sleep(LOOK_EVERY).await;
                looks += 1;
                if looks.is_multiple_of(LOOKS_PER_RENEWAL) {
                    journal.renew_claims(plan.clock.now());
                }
            }
        };
        tokio::pin!(keep_up);
        let end = loop {
            let request = tokio::select! {
                biased;
                () = std::future::ready(()), if is_asked_early => break End::Shutdown,
                () = &mut asked_to_stop, if !is_asked_early => break End::Shutdown,
                Some(request) = requests.recv() => request,
                () = sources.all_ended() => break End::SourcesEnded,
                () = manager.deserted() => break End::SinksGone,
                () = &mut keep_up => break End::Shutdown,
            };
            let mut running = Running {
                assembly: &mut assembly,
                sources: &mut sources,
                manager: &mut manager,
                status: &status,
                has_storage: storage.is_some(),
            };
            // Asked to stop meanwhile, it may use up a part of the time: a sink between two workers delivers nothing.
            let too_late = async {
                (&mut asked_to_stop).await;
                sleep(stop_timeout / EXCHANGES_SHARE).await;
            };
            tokio::select! {
                biased;
                () = running.serve(request) => {}
                () = too_late => break End::Shutdown,
            }
        };
        shutdown.advance(Phase::Stopping);
        match end {
            End::SourcesEnded => {
                let standstill = manager.standstill(stop_timeout);
                let stopped = async {
                    asked_to_stop.await;
                    if storage.is_some() {
                        journal.leave();
                    }
                    sleep(stop_timeout).await;
                };
                shutdown.advance(Phase::Draining);
                manager
                    .drain(async {
                        tokio::select! { () = standstill => {}, () = stopped => {} }
                    })
                    .await;
            }
            End::SinksGone => shutdown.advance(Phase::Draining),
            End::Shutdown => {
                let drain = async {
                    // What the sources have buffered goes into the journal first. They may not use up all the time.
                    let ended = timeout(stop_timeout / SOURCES_SHARE, sources.all_ended()).await;
                    shutdown.advance(Phase::Draining);
                    if ended.is_err() {
                        sources.all_ended().await;
                    }
                    if storage.is_some() {
                        // It is safe there; what is under way is awaited.
                        journal.leave();
                    }
                    manager.drain(std::future::pending()).await;
                };
                if timeout(stop_timeout, drain).await.is_err() {
                    tracing::warn!(timeout = format_duration(stop_timeout), "the time to stop is up");
                }
            }
        }
        shutdown.advance(Phase::Draining);
        let sinks = manager.finish().await;
        if timeout(stop_timeout.max(LEAST_SYNC), journal.synced()).await.is_err() {
            tracing::error!("the disk hangs: what was delivered last may be delivered again");
        }
        if sources.has_panicked() {
            return Err(BuildError::new("keep a source running", "a bug in it made it panic"));
        }
        Ok(Summary { end, sinks, broken_off: status.broken_off() })
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sources: Vec<_> = self.sources.iter().map(|(state, _)| state.name()).collect();
        let sinks: Vec<_> = self.workers.iter().map(|worker| &worker.context.name).collect();
        f.debug_struct("Pipeline").field("sources", &sources).field("sinks", &sinks).finish_non_exhaustive()
    }
}

/// Where the journal is kept, and how.
struct StoragePlan {
    storage: Arc<dyn Storage>,
    size: ByteSize,
    forget_sink_after: Duration,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
}

impl StoragePlan {
    /// Opens the storage, and lets the journal go on where it left off. Says how far the sources had come.
    async fn open(
        &self,
        journal: &Journal,
        workers: &VecDeque<Worker>,
    ) -> Result<BTreeMap<String, Checkpoint>, BuildError> {
        let (backing, contents) = self.storage.open().await?;
        let begin = |name: &str| {
            let worker = workers.iter().find(|worker| &*worker.layers.name == name);
            worker.map_or(Begin::Newest, |worker| worker.plan.policy.from)
        };
        let now = self.clock.now();
        let metrics_of = |name: &str| self.metrics.sink(name, name);
        let attachment = Attachment {
            backing,
            capacity: self.size.0,
            contents: &contents,
            begin: &begin,
            forget_after: self.forget_sink_after,
            metrics_of: &metrics_of,
        };
        journal.attach(attachment, now);
        Ok(contents.checkpoints)
    }
}

/// Whether the names of sources and sinks last as long as they have to.
fn check_names(has_storage: bool, sources: &[SourcePlan], sinks: &[SinkPlan]) -> Result<(), BuildError> {
    if !has_storage {
        return Ok(());
    }
    name_that_lasts("source_name", sources.iter().map(|plan| (plan.kind, plan.name.as_deref())))?;
    name_that_lasts("sink_name", sinks.iter().map(|plan| (plan.kind, plan.name.as_deref())))
}

/// On a storage, sources and sinks are known by their names: numbers in the order of the flags would change with it.
fn name_that_lasts<'a>(
    option: &str,
    plans: impl Iterator<Item = (&'static str, Option<&'a str>)>,
) -> Result<(), BuildError> {
    let mut unnamed = Vec::new();
    for (kind, _) in plans.filter(|(_, name)| name.is_none()) {
        if unnamed.contains(&kind) {
            let cause = format!(
                "two are of the kind {kind}; with a state directory each needs a name that lasts: {option}="
            );
            return Err(BuildError::new("name the sources and sinks", cause));
        }
        unnamed.push(kind);
    }
    Ok(())
}

/// Shares a name between a list of plans: the second of a kind is `kind-2`, unless it was given a name.
fn names<'a>(
    plans: impl Iterator<Item = (&'static str, Option<&'a str>)>,
) -> Result<Vec<Arc<str>>, BuildError> {
    let mut names: Vec<Arc<str>> = Vec::new();
    for (kind, given) in plans {
        let name: Arc<str> = match given {
            Some(name) if names.iter().any(|known| **known == *name) => {
                let cause = format!("two are called \"{name}\"; give each a name of its own");
                return Err(BuildError::new("name the sources and sinks", cause));
            }
            Some(name) => name.into(),
            None => (1..)
                .map(|n| if n == 1 { kind.to_owned() } else { format!("{kind}-{n}") })
                .find(|name| names.iter().all(|known| **known != **name))
                .expect("one of infinitely many names is free")
                .into(),
        };
        names.push(name);
    }
    Ok(names)
}
