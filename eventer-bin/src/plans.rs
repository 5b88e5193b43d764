//! From the URIs of the flags to plans that can be opened. Everything is read before anything is opened.

use eventer_core::{ComponentUri, ConfigError, Environment, Registry, Secret, SinkPlan, SourcePlan};

use crate::args::Args;

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
        let mut read_all = Reader { environment, mistakes };
        Self {
            sources: read_all.plans("--source", &args.sources, |uri| registry.plan_source(uri)),
            sinks: read_all.plans("--sink", &args.sinks, |uri| registry.plan_sink(uri)),
        }
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

struct Reader<'a> {
    environment: &'a dyn Environment,
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
            let uri = ComponentUri::parse(flag, text.expose(), self.environment).map_err(|error| vec![error]);
            match uri.and_then(|uri| plan(&uri)) {
                Ok(plan) => plans.push(plan),
                Err(errors) => self.mistakes.extend(errors.iter().map(ToString::to_string)),
            }
        }
        plans
    }
}

fn names<'a>(components: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> String {
    let words = components.map(|(kind, name)| match name {
        Some(name) => format!("{kind} ({name})"),
        None => kind.to_owned(),
    });
    words.collect::<Vec<_>>().join(", ")
}
