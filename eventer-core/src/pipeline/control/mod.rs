//! Exchanges sources, sinks and rules while a pipeline runs. What does not change keeps running; each sink keeps its place
//! in the journal, and each source goes on where it stood.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::assembly::Assembly;
use super::rules::RuleSet;
use super::sources::Sources;
use super::{check_names, names};
use crate::error::{BuildError, report};
use crate::event::Labels;
use crate::filter::EventFilter;
use crate::manager::SinkManager;
use crate::registry::{SinkPlan, SourcePlan};
use crate::status::{Components, PipelineStatus, SourceState};

/// What a pipeline is to consist of.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Name of the cluster for sources that are given none of their own.
    pub cluster: Option<Arc<str>>,
    /// Labels for every event; they go with it to the sinks.
    pub static_labels: Labels,
    /// An event that one of these wants goes to no sink.
    pub drop: Vec<EventFilter>,
    /// The sources.
    pub sources: Vec<SourcePlan>,
    /// The sinks.
    pub sinks: Vec<SinkPlan>,
}

/// What was exchanged.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Changes {
    /// The sources.
    pub sources: Exchange,
    /// The sinks.
    pub sinks: Exchange,
}

/// What became of the components of one kind, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exchange {
    /// Those that are new.
    pub added: Vec<Arc<str>>,
    /// Those that come in the place of one with other options.
    pub changed: Vec<Arc<str>>,
    /// Those that are not there any more.
    pub removed: Vec<Arc<str>>,
    /// Those that keep running.
    pub kept: Vec<Arc<str>>,
    /// Those that could not be opened, and why. A source that was there before runs on as it was.
    pub failed: Vec<(Arc<str>, String)>,
}

/// Speaks to a pipeline that runs. Clones speak to the same one.
#[derive(Clone, Debug)]
pub struct PipelineControl(mpsc::Sender<Request>);

/// Something that a running pipeline is asked to do.
#[derive(Debug)]
pub(super) struct Request {
    setup: Setup,
    answer: oneshot::Sender<Result<Changes, BuildError>>,
}

/// The end at which a pipeline hears.
pub(super) type Requests = mpsc::Receiver<Request>;

impl PipelineControl {
    pub(super) fn new() -> (Self, Requests) {
        let (sender, requests) = mpsc::channel(1);
        (Self(sender), requests)
    }

    /// Makes the pipeline consist of `setup`. Sources and sinks are known by their names; one whose options have not changed
    /// keeps running. A sink that changes ends the attempt that is under way, and its successor goes on behind it; on a
    /// storage, one that goes keeps its claim. A source that changes hands over what it has buffered, and goes on there.
    ///
    /// # Errors
    /// The components do not fit together, and nothing has changed; or the pipeline does not run.
    ///
    /// # Cancellation
    /// The exchange goes on.
    pub async fn apply(&self, setup: Setup) -> Result<Changes, BuildError> {
        let (answer, answered) = oneshot::channel();
        let ended = |()| BuildError::new("exchange sources and sinks", "the pipeline does not run any more");
        self.0.send(Request { setup, answer }).await.map_err(|_| ended(()))?;
        answered.await.map_err(|_| ended(()))?
    }
}

/// What a request may change.
pub(super) struct Running<'a> {
    pub(super) assembly: &'a mut Assembly,
    pub(super) sources: &'a mut Sources,
    pub(super) manager: &'a mut SinkManager,
    pub(super) status: &'a PipelineStatus,
    pub(super) has_storage: bool,
}

impl Running<'_> {
    /// Does what is asked, and answers.
    pub(super) async fn serve(&mut self, request: Request) {
        let answer = self.apply(request.setup).await;
        // Whoever asked may have gone.
        drop(request.answer.send(answer));
    }

    async fn apply(&mut self, setup: Setup) -> Result<Changes, BuildError> {
        let Setup { cluster, static_labels, drop, sources, sinks } = setup;
        check_names(self.has_storage, &sources, &sinks)?;
        let source_names = names(sources.iter().map(|plan| (plan.kind, plan.name.as_deref())))?;
        let sink_names = names(sinks.iter().map(|plan| (plan.kind, plan.name.as_deref())))?;
        self.assembly.rules.set(RuleSet::new(static_labels, drop));
        self.assembly.cluster = cluster;
        let config_maps = self.assembly.config_maps(sources.iter());

        let mut changes = Changes::default();
        // Sinks first: what new sources bring is for them too.
        let asked: Vec<_> = sink_names.into_iter().zip(sinks).collect();
        changes.sinks = compare(self.manager.plans(), &asked, SinkPlan::is_same);
        let leaving = [&changes.sinks.changed[..], &changes.sinks.removed].concat();
        self.manager.retire(&leaving).await;
        for name in &changes.sinks.removed {
            self.manager.remove(name, self.assembly.clock.now());
        }
        for (name, plan) in asked {
            if changes.sinks.kept.contains(&name) {
                continue;
            }
            let worker = match self.manager.take(&name) {
                Some((cursor, state)) => self.assembly.successor(cursor, state, plan, config_maps.clone()),
                None => self.assembly.worker(name, plan, config_maps.clone()),
            };
            self.manager.start(worker, None);
        }
        self.publish();

        let asked: Vec<_> = source_names.into_iter().zip(sources).collect();
        let cluster = self.assembly.cluster.as_deref();
        changes.sources =
            compare(self.sources.iter(), &asked, |source, plan| source.is_as_planned(plan, cluster));
        self.exchange_sources(asked, &mut changes.sources).await;
        self.publish();
        Ok(changes)
    }

    async fn exchange_sources(&mut self, asked: Vec<(Arc<str>, SourcePlan)>, exchange: &mut Exchange) {
        let leaving = [&exchange.changed[..], &exchange.removed].concat();
        let retired = self.sources.retire(self.assembly, &leaving).await;
        for (name, plan) in asked.into_iter().filter(|(name, _)| !exchange.kept.contains(name)) {
            let former = retired.iter().find(|(_, state)| *state.name() == name);
            let state = match former {
                Some((_, state)) => state.clone(),
                None => Arc::new(SourceState::new(name.clone())),
            };
            let Err(error) = self.sources.start(self.assembly, state.clone(), plan).await else { continue };
            exchange.failed.push((name, report(&error)));
            if let Some((plan, _)) = former
                && let Err(error) = self.sources.start(self.assembly, state.clone(), plan.clone()).await
            {
                tracing::error!(
                    source = &**state.name(),
                    error = report(&error),
                    "the source as it was cannot be opened either"
                );
            }
        }
    }

    /// Shows what there is now.
    fn publish(&self) {
        let (sources, sinks) = (self.sources.states(), self.manager.states());
        self.status.set_components(Components { sources, sinks });
    }
}

/// Which of the components that run stay what they are beside those that are asked for.
fn compare<'a, R: 'a, P>(
    running: impl Iterator<Item = (&'a Arc<str>, &'a R)>,
    asked: &[(Arc<str>, P)],
    is_same: impl Fn(&R, &P) -> bool,
) -> Exchange {
    let running: Vec<_> = running.collect();
    let mut exchange = Exchange::default();
    for (name, plan) in asked {
        let became = match running.iter().find(|(known, _)| *known == name) {
            Some((_, known)) if is_same(known, plan) => &mut exchange.kept,
            Some(_) => &mut exchange.changed,
            None => &mut exchange.added,
        };
        became.push(name.clone());
    }
    let is_asked = |name: &Arc<str>| asked.iter().any(|(known, _)| known == name);
    exchange.removed =
        running.iter().map(|(name, _)| (*name).clone()).filter(|name| !is_asked(name)).collect();
    exchange
}

#[cfg(test)]
mod tests;
