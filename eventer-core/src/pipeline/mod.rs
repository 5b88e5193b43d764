//! The pipeline: sources, the journal and sinks, put together and run to their end.
//!
//! Nothing here is global: the metrics, the clock and the wish to stop come in through the [`PipelineBuilder`], and two
//! pipelines run side by side in one process.

mod assembly;
mod builder;
mod control;
mod driver;
mod rules;
mod run;
mod sources;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};

use crate::batch::Checkpoint;
use crate::error::BuildError;
use crate::journal::storage::Storage;
use crate::journal::{Attachment, Begin, Journal};
use crate::manager::{SinkManager, SinkSummary};
use crate::metrics::Metrics;
use crate::registry::{SinkPlan, SourcePlan};
use crate::status::{PipelineStatus, SourceState};
use crate::time::Clock;
use crate::uri::ByteSize;
use crate::worker::Worker;
use assembly::Assembly;
pub use builder::PipelineBuilder;
use control::Requests;
pub use control::{Changes, Exchange, PipelineControl, Setup};
use run::Running;
use sources::Sources;

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
        let asked_to_stop = self.asked_to_stop.shared();
        let mut running = Running {
            sources: Sources::default(),
            manager: self.manager,
            assembly: self.assembly,
            storage: self.storage,
            status: self.status,
            asked_to_stop: asked_to_stop.clone(),
            stop_timeout: self.stop_timeout,
        };
        // Without a handle nobody asks for an exchange any more.
        drop(self.control);
        let mut workers = VecDeque::from(self.workers);
        let is_asked_early = tokio::select! {
            biased;
            opened = running.open(self.sources, &mut workers, self.is_strict) => opened.map(|()| false)?,
            () = asked_to_stop => true,
        };
        // Asked to stop while a sink was opened, the rest may still deliver what waits for it.
        for worker in workers {
            running.manager.start(worker, None);
        }
        let end = if is_asked_early { End::Shutdown } else { running.until_end(self.requests).await };
        running.drain(end).await;
        running.finish(end).await
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
