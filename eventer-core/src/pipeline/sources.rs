//! Owns the sources: opens them where they stood, drives each in a task of its own, and exchanges them while the pipeline
//! runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;

use super::assembly::Assembly;
use crate::batch::Checkpoint;
use crate::error::BuildError;
use crate::registry::SourcePlan;
use crate::shutdown::{Phase, Shutdown};
use crate::status::SourceState;
use crate::task::OwnedTask;

/// The sources of a pipeline.
#[derive(Default)]
pub(super) struct Sources {
    running: Vec<Source>,
    /// How far sources have come that are not there now, by name.
    checkpoints: BTreeMap<String, Checkpoint>,
    has_panicked: bool,
}

/// A source that runs.
pub(super) struct Source {
    plan: SourcePlan,
    /// The name of the cluster that it was opened with.
    cluster: Option<Arc<str>>,
    state: Arc<SourceState>,
    retired: Shutdown,
    task: OwnedTask<()>,
}

impl Sources {
    /// Sources that go on from these checkpoints.
    pub(super) fn new(checkpoints: BTreeMap<String, Checkpoint>) -> Self {
        Self { checkpoints, ..Self::default() }
    }

    /// The sources that run, by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Source)> {
        self.running.iter().map(|source| (source.state.name(), source))
    }

    pub(super) fn states(&self) -> Vec<Arc<SourceState>> {
        self.running.iter().map(|source| source.state.clone()).collect()
    }

    /// Whether a bug made one of them panic.
    pub(super) fn has_panicked(&self) -> bool {
        self.has_panicked
    }

    /// Opens a source where it stood, and drives it from now on.
    ///
    /// # Errors
    /// It cannot be opened.
    ///
    /// # Cancellation
    /// Safe to cancel: it is then not there.
    pub(super) async fn start(
        &mut self,
        assembly: &Assembly,
        state: Arc<SourceState>,
        plan: SourcePlan,
    ) -> Result<(), BuildError> {
        let mut context = assembly.source_context(state.name());
        context.checkpoint = self.checkpoints.get(&**state.name()).cloned();
        state.begins(context.checkpoint.clone().map(Arc::new));
        let source = plan.open(context).await?;
        let retired = Shutdown::new();
        let task = OwnedTask::spawn(assembly.driver(&state, &retired).run(source));
        let cluster = assembly.cluster.clone();
        self.running.push(Source { plan, cluster, state, retired, task });
        Ok(())
    }

    /// Stops the sources of these names, when what they have buffered is in the journal, and lets go of them. How far they
    /// have come is known if they come back.
    ///
    /// # Cancellation
    /// Safe to cancel: they stop nevertheless, and stay until they are asked again.
    pub(super) async fn retire(
        &mut self,
        assembly: &Assembly,
        names: &[Arc<str>],
    ) -> Vec<(SourcePlan, Arc<SourceState>)> {
        let is_meant = |source: &Source| names.contains(source.state.name());
        let retired = self.running.iter_mut().filter(|source| is_meant(source));
        let ends = join_all(retired.map(|source| {
            source.retired.advance(Phase::Stopping);
            source.task.ended()
        }));
        self.has_panicked |=
            ends.await.into_iter().flatten().any(|end| end.is_err_and(|error| error.is_panic()));
        let (retired, running) = std::mem::take(&mut self.running).into_iter().partition(is_meant);
        self.running = running;
        let retired: Vec<Source> = retired;
        for source in &retired {
            assembly.metrics.source(source.state.name()).gone();
            if let Some(checkpoint) = source.state.checkpoint() {
                self.checkpoints.insert(source.state.name().to_string(), (*checkpoint).clone());
            }
        }
        retired.into_iter().map(|source| (source.plan.clone(), source.state.clone())).collect()
    }

    /// Waits until all have ended.
    ///
    /// # Cancellation
    /// Safe to cancel.
    pub(super) async fn all_ended(&mut self) {
        for source in &mut self.running {
            if let Some(Err(error)) = source.task.ended().await
                && error.is_panic()
            {
                tracing::error!("a bug in a source made it panic; nothing more will come from it");
                self.has_panicked = true;
            }
        }
    }
}

impl Source {
    /// Whether it is what `plan` makes of it in a cluster of this name.
    pub(super) fn is_as_planned(&self, plan: &SourcePlan, cluster: Option<&str>) -> bool {
        self.plan.is_same(plan) && self.cluster.as_deref() == cluster
    }
}
