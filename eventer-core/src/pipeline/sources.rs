//! Owns the sources: opens them where they stood, drives each in a task of its own, and exchanges them while the pipeline
//! runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep_until, timeout};

use super::assembly::Assembly;
use crate::batch::Checkpoint;
use crate::error::{BuildError, report};
use crate::registry::SourcePlan;
use crate::shutdown::{Phase, Shutdown};
use crate::status::SourceState;
use crate::task::OwnedTask;
use crate::time::format_duration;

/// Pause before a source that could not be opened is tried again.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// Time for opening a source while others run.
const OPEN_WITHIN: Duration = Duration::from_secs(30);

/// The sources of a pipeline.
#[derive(Default)]
pub(super) struct Sources {
    running: Vec<Source>,
    /// Those that could not be opened while the pipeline ran.
    waiting: Vec<(Arc<SourceState>, SourcePlan)>,
    /// When these are tried again.
    next_try: Option<Instant>,
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

    /// The states of all, also of those that could not be opened.
    pub(super) fn states(&self) -> Vec<Arc<SourceState>> {
        let running = self.running.iter().map(|source| source.state.clone());
        running.chain(self.waiting.iter().map(|(state, _)| state.clone())).collect()
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

    /// As [`start`](Self::start), while others run, which does not take for ever.
    ///
    /// # Errors
    /// It cannot be opened in time.
    ///
    /// # Cancellation
    /// As there.
    pub(super) async fn start_in_time(
        &mut self,
        assembly: &Assembly,
        state: Arc<SourceState>,
        plan: SourcePlan,
    ) -> Result<(), BuildError> {
        timeout(OPEN_WITHIN, self.start(assembly, state, plan)).await.unwrap_or_else(|_| {
            let cause = format!("it took longer than {}", format_duration(OPEN_WITHIN));
            Err(BuildError::new("open the source", cause))
        })
    }

    /// As [`start_in_time`](Self::start_in_time), now or as soon as it can be opened.
    pub(super) async fn start_or_try(
        &mut self,
        assembly: &Assembly,
        state: Arc<SourceState>,
        plan: SourcePlan,
    ) {
        if let Err(error) = self.start_in_time(assembly, state.clone(), plan.clone()).await {
            tracing::error!(
                source = &**state.name(),
                error = report(&error),
                "the source cannot be opened; it is tried again"
            );
            self.try_later(state, plan);
        }
    }

    /// Opens a source as soon as it can be opened.
    pub(super) fn try_later(&mut self, state: Arc<SourceState>, plan: SourcePlan) {
        self.waiting.push((state, plan));
    }

    /// Tries no more to open what could not be opened.
    pub(super) fn give_up_trying(&mut self) {
        self.waiting.clear();
    }

    /// Stops the sources of these names, when what they have buffered is in the journal, and lets go of them. How far they
    /// have come is known if they come back. What waits to be opened is forgotten.
    ///
    /// # Cancellation
    /// Safe to cancel: they stop nevertheless, and stay until they are asked again.
    pub(super) async fn retire(
        &mut self,
        assembly: &Assembly,
        names: &[Arc<str>],
    ) -> Vec<(SourcePlan, Arc<SourceState>)> {
        self.waiting.clear();
        let is_meant = |source: &Source| names.contains(source.state.name());
        let retired = self.running.iter_mut().filter(|source| is_meant(source));
        let panics = join_all(retired.map(|source| {
            source.retired.advance(Phase::Stopping);
            source.ended()
        }));
        self.has_panicked |= panics.await.contains(&true);
        let (retired, running): (Vec<_>, _) =
            std::mem::take(&mut self.running).into_iter().partition(is_meant);
        self.running = running;
        for source in &retired {
            assembly.metrics.source(source.state.name()).gone();
            if let Some(checkpoint) = source.state.checkpoint() {
                self.checkpoints.insert(source.state.name().to_string(), (*checkpoint).clone());
            }
        }
        retired.into_iter().map(|source| (source.plan.clone(), source.state.clone())).collect()
    }

    /// Opens what could not be opened before, and waits until all have ended.
    ///
    /// # Cancellation
    /// Safe to cancel.
    pub(super) async fn all_ended(&mut self, assembly: &Assembly) {
        while !self.waiting.is_empty() {
            let at = *self.next_try.get_or_insert_with(|| Instant::now() + TRY_AGAIN_AFTER);
            sleep_until(at).await;
            self.next_try = None;
            // One that is being opened when this is cancelled is still there.
            for _ in 0..self.waiting.len() {
                let (state, plan) = self.waiting[0].clone();
                let is_open = self.start_in_time(assembly, state.clone(), plan.clone()).await.is_ok();
                self.waiting.remove(0);
                if is_open {
                    tracing::info!(source = &**state.name(), "the source is open now");
                } else {
                    self.waiting.push((state, plan));
                }
            }
        }
        let panics = join_all(self.running.iter_mut().map(Source::ended)).await;
        self.has_panicked |= panics.contains(&true);
    }
}

impl Source {
    /// The plan that it came of.
    pub(super) fn plan(&self) -> &SourcePlan {
        &self.plan
    }

    /// Whether it is what `plan` makes of it in a cluster of this name.
    pub(super) fn is_as_planned(&self, plan: &SourcePlan, cluster: Option<&str>) -> bool {
        self.plan.is_same(plan) && self.cluster.as_deref() == cluster
    }

    /// Waits for its end, and says whether a bug made it panic.
    async fn ended(&mut self) -> bool {
        let has_panicked = matches!(self.task.ended().await, Some(Err(error)) if error.is_panic());
        if has_panicked {
            let source = &**self.state.name();
            tracing::error!(source, "a bug in the source made it panic; nothing more will come from it");
        }
        has_panicked
    }
}
