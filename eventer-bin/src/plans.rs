//! From the URIs of the flags to plans that can be opened. Everything is read before anything is opened.

use std::path::Path;
use std::sync::Arc;

use eventer_core::{
    BuildError, ComponentUri, ConfigError, Environment, Pipeline, PipelineBuilder, Registry, Secret,
    SinkPlan, SourcePlan, StateDirectory, SystemClock, report,
};

use crate::args::Args;

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

/// What the URIs of the flags ask for.
#[derive(Debug, Default)]
pub(crate) struct Plans {
    /// One for each `--source`.
    pub(crate) sources: Vec<SourcePlan>,
    /// One for each `--sink`.
    pub(crate) sinks: Vec<SinkPlan>,
}

impl Plans {
    /// Reads the URIs; what is wrong goes to `mistakes`.
    pub(crate) fn read(
        args: &Args,
        registry: &Registry,
        environment: &dyn Environment,
        mistakes: &mut Vec<String>,
    ) -> Self {
        let mut reader = Reader { environment, state_dir: args.state_dir.as_deref(), mistakes };
        let plans = Self {
            sources: reader.plans("--source", &args.sources, |uri| registry.plan_source(uri)),
            sinks: reader.plans(SINK, &args.sinks, |uri| registry.plan_sink(uri)),
        };
        reader.fit_together("--source", &plans.sources, PipelineBuilder::source_plan);
        reader.fit_together(SINK, &plans.sinks, PipelineBuilder::sink_plan);
        let knows_all_sources = !args.sources.is_empty() && plans.sources.len() == args.sources.len();
        if knows_all_sources && !plans.sources.iter().any(SourcePlan::has_config_maps) {
            reader.mistakes.extend(plans.sinks.iter().filter_map(without_config_maps));
        }
        for plan in &plans.sinks {
            let errors = plan.check_files().err().unwrap_or_default();
            reader.mistakes.extend(errors.iter().map(ToString::to_string));
        }
        plans
    }

    /// The names under which the sources and the sinks run, each in their order.
    ///
    /// # Errors
    /// Two have the same.
    pub(crate) fn names(&self) -> Result<(Vec<Arc<str>>, Vec<Arc<str>>), BuildError> {
        let builder = self.sources.iter().cloned().fold(Pipeline::builder(), PipelineBuilder::source_plan);
        let status = self.sinks.iter().cloned().fold(builder, PipelineBuilder::sink_plan).build()?.status();
        let sources = status.sources().into_iter().map(|source| source.name).collect();
        Ok((sources, status.sinks().into_iter().map(|sink| sink.name).collect()))
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

/// The mistake of a sink that asks for a ConfigMap where there is none.
fn without_config_maps(plan: &SinkPlan) -> Option<String> {
    let error = ConfigError::InvalidOption {
        component: format!("{SINK}={}", plan.kind),
        option: plan.config_map_option()?.to_owned(),
        reason: "no source speaks to a cluster, where the ConfigMap is; add --source=kubernetes:".to_owned(),
    };
    Some(error.to_string())
}

struct Reader<'a> {
    environment: &'a dyn Environment,
    /// With it, each name must last.
    state_dir: Option<&'a Path>,
    mistakes: &'a mut Vec<String>,
}

impl Reader<'_> {
    fn plans<P>(
        &mut self,
        flag: &str,
        uris: &[Secret<String>],
        plan: impl Fn(&ComponentUri) -> Result<P, Vec<ConfigError>>,
    ) -> Vec<P> {
        let mut plans = Vec::new();
        for text in uris {
            let uri = ComponentUri::parse(flag, text.expose(), self.environment);
            let told = match uri {
                Ok(uri) => plan(&uri).map_err(|errors| mistakes(flag, &uri, &errors)),
                Err(error) => Err(vec![error.to_string()]),
            };
            match told {
                Ok(plan) => plans.push(plan),
                Err(told) => self.mistakes.extend(told),
            }
        }
        plans
    }

    /// Finds what is wrong with the plans of one flag only beside one another, such as names that they share. The
    /// pipeline knows it; nothing is opened to be told.
    fn fit_together<P: Clone>(
        &mut self,
        flag: &str,
        plans: &[P],
        add: impl Fn(PipelineBuilder, P) -> PipelineBuilder,
    ) {
        let builder = match self.state_dir {
            Some(path) => {
                Pipeline::builder().storage(Arc::new(StateDirectory::new(path, Arc::new(SystemClock))))
            }
            None => Pipeline::builder(),
        };
        if let Err(error) = plans.iter().cloned().fold(builder, add).build() {
            self.mistakes.push(format!("{flag}: {}", report(&error)));
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
