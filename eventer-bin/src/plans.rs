//! From the URIs of the flags and the components of the file to plans that can be opened. Everything is read before anything is opened.

use std::sync::Arc;

use eventer_core::{
    BuildError, ComponentSpec, ComponentUri, ConfigError, EndpointSpec, Environment, EventFilter, Pipeline,
    PipelineBuilder, PolicyDefaults, Registry, Secret, SinkPlan, SourcePlan, StateDirectory, SystemClock,
    UriReader, filter, report,
};

use crate::args::Args;
use crate::config::{self, Component, List, Place};

/// The flag of sinks.
const SINK: &str = "--sink";

/// The kinds of kube-eventer's sinks.
const KUBE_EVENTER_SINKS: [&str; 13] = [
    "dingtalk",
    "elasticsearch",
    "eventbridge",
    "honeycomb",
    "influxdb",
    "kafka",
    "log",
    "mongo",
    "mysql",
    "riemann",
    "sls",
    "webhook",
    "wechat",
];

/// What the flags and the file ask for.
#[derive(Debug, Default)]
pub(crate) struct Plans {
    /// One for each source.
    pub(crate) sources: Vec<SourcePlan>,
    /// One for each sink.
    pub(crate) sinks: Vec<SinkPlan>,
    /// What no sink gets.
    pub(crate) drop: Vec<EventFilter>,
}

/// The names of sources and sinks, in the order of their plans.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// One for each source.
    pub(crate) sources: Vec<Arc<str>>,
    /// One for each sink.
    pub(crate) sinks: Vec<Arc<str>>,
}

/// A rule has the options of a filter, and nothing else.
const RULE: ComponentSpec = ComponentSpec {
    kind: config::DROP,
    summary: "Events that no sink gets.",
    endpoint: EndpointSpec::None,
    options: &[],
    example: "",
};

impl Plans {
    /// Reads the components that the flags name, or where there are none those of the file, and the files that these
    /// need; what is wrong goes to `mistakes`.
    pub(crate) fn read(
        args: &Args,
        registry: &Registry,
        environment: &dyn Environment,
        mistakes: &mut Vec<String>,
    ) -> Self {
        let (plans, places) = Self::read_without_files(args, registry, environment, mistakes);
        for (plan, place) in plans.sinks.iter().zip(places) {
            let errors = plan.check_files().err().unwrap_or_default();
            mistakes.extend(errors.into_iter().map(|error| place.tell(plan.kind, error).to_string()));
        }
        plans
    }

    /// As [`read`](Self::read), but for the files that the components need. Tells where each sink is asked for.
    pub(crate) fn read_without_files(
        args: &Args,
        registry: &Registry,
        environment: &dyn Environment,
        mistakes: &mut Vec<String>,
    ) -> (Self, Vec<Place>) {
        let mut reader = Reader { args, environment, mistakes };
        let specs: Vec<_> = registry.sources().collect();
        let asked = reader.asked(List::Sources, &args.sources, &specs);
        let asked_sources = asked.len();
        let sources = reader.plans(asked, |uri| registry.plan_source(uri));
        let specs: Vec<_> = registry.sinks().collect();
        let asked = reader.asked(List::Sinks, &args.sinks, &specs);
        let sinks = reader.plans(asked, |uri| registry.plan_sink(uri));
        let asked = reader.asked(List::Drop, &[], &[]);
        let drop = reader.plans(asked, rule);

        reader.fit_together(&sources, PipelineBuilder::source_plan);
        reader.fit_together(&sinks, PipelineBuilder::sink_plan);
        let knows_all_sources = !sources.is_empty() && sources.len() == asked_sources;
        if knows_all_sources && !sources.iter().any(|(plan, _)| plan.has_config_maps()) {
            reader.mistakes.extend(sinks.iter().filter_map(without_config_maps));
        }
        let (sinks, places) = sinks.into_iter().unzip();
        let sources = sources.into_iter().map(|(plan, _)| plan).collect();
        let drop = drop.into_iter().map(|(rule, _)| rule).collect();
        (Self { sources, sinks, drop }, places)
    }

    /// The names under which the sources and the sinks run.
    ///
    /// # Errors
    /// Two have the same.
    pub(crate) fn names(&self) -> Result<Names, BuildError> {
        let builder = self.sources.iter().cloned().fold(Pipeline::builder(), PipelineBuilder::source_plan);
        let status = self.sinks.iter().cloned().fold(builder, PipelineBuilder::sink_plan).build()?.status();
        let sources = status.sources().into_iter().map(|source| source.name).collect();
        let sinks = status.sinks().into_iter().map(|sink| sink.name).collect();
        Ok(Names { sources, sinks })
    }

    /// The sources by kind and name, for the log.
    pub(crate) fn source_names(&self) -> String {
        names(self.sources.iter().map(|plan| (plan.kind, plan.name.as_deref())))
    }

    /// The sinks by kind and name, for the log.
    pub(crate) fn sink_names(&self) -> String {
        names(self.sinks.iter().map(|plan| (plan.kind, plan.name.as_deref())))
    }
}

/// What is wrong with a URI, for people to read. Knows what people try beside the kinds that there are.
pub(crate) fn mistakes(flag: &str, uri: &ComponentUri, errors: &[ConfigError]) -> Vec<String> {
    errors.iter().map(|error| mistake(flag, uri.kind(), error)).collect()
}

fn mistake(flag: &str, kind: &str, error: &ConfigError) -> String {
    let ConfigError::UnknownKind { component, known, .. } = error else { return error.to_string() };
    let known: Vec<&str> = known.split(", ").collect();
    match kind {
        _ if flag != SINK => error.to_string(),
        "http" | "https" if known.contains(&"webhook") => format!(
            "{component} is not known; to send events to a URL write {flag}=webhook:{kind}://… (known are {})",
            known.join(", ")
        ),
        _ if KUBE_EVENTER_SINKS.contains(&kind) => format!(
            "{component} is a sink of kube-eventer's that this build does not support; it supports {}",
            known.join(", ")
        ),
        _ => error.to_string(),
    }
}

/// A filter of its own.
fn rule(uri: &ComponentUri) -> Result<EventFilter, Vec<ConfigError>> {
    let mut reader = UriReader::new(config::DROP, uri, &RULE, filter::OPTIONS);
    let rule = EventFilter::take(&mut reader, PolicyDefaults::NONE);
    let errors = reader.finish();
    if !errors.is_empty() {
        return Err(errors);
    }
    if !rule.has_condition() {
        let reason = "a rule without a condition would drop everything".to_owned();
        return Err(vec![ConfigError::Syntax { component: config::DROP.to_owned(), reason }]);
    }
    Ok(rule)
}

/// The mistake of a sink that asks for a ConfigMap where there is none.
fn without_config_maps((plan, place): &(SinkPlan, Place)) -> Option<String> {
    let error = ConfigError::InvalidOption {
        component: format!("{SINK}={}", plan.kind),
        option: plan.config_map_option()?.to_owned(),
        reason: "no source speaks to a cluster, where the ConfigMap is; add --source=kubernetes:".to_owned(),
    };
    Some(place.tell(plan.kind, error).to_string())
}

struct Reader<'a> {
    args: &'a Args,
    environment: &'a dyn Environment,
    mistakes: &'a mut Vec<String>,
}

impl Reader<'_> {
    /// What was asked for. A list of the flags stands in for that of the file.
    fn asked(
        &mut self,
        list: List,
        flags: &[Secret<String>],
        specs: &[&'static ComponentSpec],
    ) -> Vec<Component> {
        if flags.is_empty() {
            let Some((_, config)) = &self.args.config else { return Vec::new() };
            return config.components(list, specs, self.environment, self.mistakes);
        }
        let flag = list.flag();
        let read = flags.iter().map(|text| ComponentUri::parse(flag, text.expose(), self.environment));
        let read = read.map(|uri| uri.map_err(|error| self.mistakes.push(error.to_string())));
        read.flatten().map(|uri| Component { uri, place: Place::Flag(flag), is_incomplete: false }).collect()
    }

    fn plans<P>(
        &mut self,
        asked: Vec<Component>,
        plan: impl Fn(&ComponentUri) -> Result<P, Vec<ConfigError>>,
    ) -> Vec<(P, Place)> {
        let mut plans = Vec::new();
        for Component { uri, place, is_incomplete } in asked {
            match plan(&uri) {
                Ok(plan) => plans.push((plan, place)),
                Err(errors) => {
                    // What is missing may be what was left out.
                    let is_told = |error: &ConfigError| {
                        !is_incomplete || matches!(error, ConfigError::InvalidOption { .. })
                    };
                    let errors =
                        errors.into_iter().filter(is_told).map(|error| place.tell(uri.kind(), error));
                    self.mistakes.extend(errors.map(|error| mistake(place.flag(), uri.kind(), &error)));
                }
            }
        }
        plans
    }

    /// Finds what is wrong with the plans of one list only beside one another, such as names that they share. The
    /// pipeline knows it; nothing is opened to be told.
    fn fit_together<P: Clone>(
        &mut self,
        plans: &[(P, Place)],
        add: impl Fn(PipelineBuilder, P) -> PipelineBuilder,
    ) {
        let Some((_, place)) = plans.first() else { return };
        // With a state directory, each name must last.
        let builder = match &self.args.state_dir {
            Some(path) => {
                Pipeline::builder().storage(Arc::new(StateDirectory::new(path, Arc::new(SystemClock))))
            }
            None => Pipeline::builder(),
        };
        let plans = plans.iter().map(|(plan, _)| plan.clone());
        if let Err(error) = plans.fold(builder, add).build() {
            self.mistakes.push(format!("{}: {}", place.list(), report(&error)));
        }
    }
}

fn names<'a>(components: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> String {
    let words = components.map(|(kind, name)| match name {
        Some(name) => format!("{kind} ({name})"),
        None => kind.to_owned(),
    });
    words.collect::<Vec<_>>().join(", ")
}
