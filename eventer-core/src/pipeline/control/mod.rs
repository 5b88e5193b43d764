//! Exchanges sources, sinks and rules while a pipeline runs. What does not change keeps running; each sink keeps its place
//! in the journal, and each source goes on where it stood.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::rules::RuleSet;
use super::run::Running;
use super::{check_names, names};
use crate::cluster::ConfigMaps;
use crate::error::{BuildError, report};
use crate::event::Labels;
use crate::filter::EventFilter;
use crate::registry::{SinkPlan, SourcePlan};
use crate::status::{Components, SourceState};
use crate::worker::Worker;

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
    /// Sources that could not be opened, and why. One that was there before runs on as it was; one that is new is tried
    /// again.
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

    /// Makes the pipeline consist of `setup`. Sources and sinks are known by their names; one that was planned from the same
    /// URI keeps running, as does one of an embedder's that is a clone of the same plan.
    ///
    /// A sink that changes ends with the attempt that is under way, and its successor goes on behind it; on a storage, one
    /// that goes keeps its claim. A source that changes hands over what it has buffered, as far as there is room, and its
    /// successor goes on there if it knows the position (one that reads another part of a cluster begins anew).
    ///
    /// `None`: the pipeline has ended or is about to, and what was asked for is not done, or not all of it.
    ///
    /// # Errors
    /// The components do not fit together, and nothing has changed.
    ///
    /// # Cancellation
    /// The exchange goes on.
    pub async fn apply(&self, setup: Setup) -> Result<Option<Changes>, BuildError> {
        let (answer, answered) = oneshot::channel();
        if self.0.send(Request { setup, answer }).await.is_err() {
            return Ok(None);
        }
        answered.await.map_or(Ok(None), |answer| answer.map(Some))
    }
}

impl Running {
    /// Does what is asked, and answers.
    pub(super) async fn serve(&mut self, request: Request) {
        let answer = self.apply(request.setup).await;
        // Whoever asked may have gone.
        drop(request.answer.send(answer));
    }

    async fn apply(&mut self, setup: Setup) -> Result<Changes, BuildError> {
        let Setup { cluster, static_labels, drop, sources, sinks } = setup;
        check_names(self.storage.is_some(), &sources, &sinks)?;
        let sources = named(sources, |plan| (plan.kind, plan.name.as_deref()))?;
        let sinks = named(sinks, |plan| (plan.kind, plan.name.as_deref()))?;
        self.assembly.rules.set(RuleSet::new(static_labels, drop));
        self.assembly.cluster = cluster;
        let cluster = self.assembly.cluster.as_deref();
        let mut of_sources =
            compare(self.sources.iter(), &sources, |source, plan| source.is_as_planned(plan, cluster));

        // A source that is kept has the client that it had.
        let known = |name: &Arc<str>| self.sources.iter().find(|(known, _)| *known == name);
        let plans = sources.iter().map(|(name, plan)| match known(name) {
            Some((_, source)) if of_sources.kept.contains(name) => source.plan(),
            _ => plan,
        });
        let config_maps = self.assembly.config_maps(plans);
        // Sinks first: what new sources bring is for them too.
        let is_same = |known: &Worker, plan: &SinkPlan| {
            known.plan.is_same(plan)
                && (plan.config_map_option().is_none() || known.asks(config_maps.as_ref()))
        };
        let of_sinks = compare(self.manager.workers(), &sinks, is_same);
        self.exchange_sinks(sinks, &of_sinks, config_maps).await;
        self.publish();
        self.exchange_sources(sources, &mut of_sources).await;
        self.publish();
        Ok(Changes { sources: of_sources, sinks: of_sinks })
    }

    async fn exchange_sinks(
        &mut self,
        asked: Vec<(Arc<str>, SinkPlan)>,
        exchange: &Exchange,
        config_maps: Option<Arc<dyn ConfigMaps>>,
    ) {
        // One that hangs holds up nobody but its successor.
        let mut retiring = [&exchange.changed[..], &exchange.removed].concat();
        self.manager.begin_retiring(&retiring);
        let (changed, added): (BTreeMap<_, _>, BTreeMap<_, _>) = asked
            .into_iter()
            .filter(|(name, _)| !exchange.kept.contains(name))
            .partition(|(name, _)| exchange.changed.contains(name));
        for (name, plan) in added {
            self.manager.start(self.assembly.worker(name, plan, config_maps.clone()), None);
        }
        self.publish();
        while let Some(retired) = self.manager.next_retired(&retiring).await {
            retiring.retain(|name| *name != retired);
            let Some(plan) = changed.get(&retired).cloned() else {
                self.manager.remove(&retired, self.assembly.clock.now());
                continue;
            };
            let Some((cursor, state)) = self.manager.take(&retired) else { continue };
            let successor = self.assembly.successor(&cursor, state, plan, config_maps.clone());
            self.manager.start(successor, None);
        }
    }

    async fn exchange_sources(&mut self, asked: Vec<(Arc<str>, SourcePlan)>, exchange: &mut Exchange) {
        let leaving = [&exchange.changed[..], &exchange.removed].concat();
        let retired = self.sources.retire(&self.assembly, &leaving).await;
        for (name, plan) in asked.into_iter().filter(|(name, _)| !exchange.kept.contains(name)) {
            let former = retired.iter().find(|(_, state)| *state.name() == name);
            let state = match former {
                Some((_, state)) => state.clone(),
                None => Arc::new(SourceState::new(name.clone())),
            };
            let started = self.sources.start_in_time(&self.assembly, state.clone(), plan.clone()).await;
            let Err(error) = started else { continue };
            exchange.changed.retain(|changed| *changed != name);
            exchange.added.retain(|added| *added != name);
            exchange.failed.push((name, report(&error)));
            match former {
                Some((former, _)) => self.sources.start_or_try(&self.assembly, state, former.clone()).await,
                None => self.sources.try_later(state, plan),
            }
        }
    }

    /// Shows what there is now.
    fn publish(&self) {
        let (sources, sinks) = (self.sources.states(), self.manager.states());
        self.status.set_components(Components { sources, sinks });
    }
}

/// Plans with the names that they run under.
fn named<P>(
    plans: Vec<P>,
    name: impl Fn(&P) -> (&'static str, Option<&str>),
) -> Result<Vec<(Arc<str>, P)>, BuildError> {
    let names = names(plans.iter().map(name))?;
    Ok(names.into_iter().zip(plans).collect())
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
