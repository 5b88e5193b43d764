//! What eventer itself has against a config that a conversion gave: a template's function that is not offered, say.

use std::collections::BTreeSet;

use eventer_core::{Environment, Registry};

use crate::config::{Component, ConfigFile, List};

/// The name of the config in what is told.
const NAME: &str = "eventer.yaml";

/// Every variable has this value.
struct Always(&'static str);

impl Environment for Always {
    fn get(&self, _: &str) -> Option<String> {
        Some(self.0.to_owned())
    }
}

/// The mistakes in a config, whatever its variables hold.
pub(super) fn mistakes(config: &str, registry: &Registry) -> BTreeSet<String> {
    // What one value makes a mistake may be none with another.
    let [urls, numbers] = ["https://example.com/", "1"].map(|value| with(config, registry, &Always(value)));
    urls.intersection(&numbers).cloned().collect()
}

fn with(config: &str, registry: &Registry, environment: &Always) -> BTreeSet<String> {
    let mut told = Vec::new();
    let Some(file) = ConfigFile::parse(NAME, config, environment, &mut told) else {
        return told.into_iter().collect();
    };
    let specs: Vec<_> = registry.sources().collect();
    for Component { uri, place, .. } in file.components(List::Sources, &specs, environment, &mut told) {
        let errors = registry.plan_source(&uri).err().unwrap_or_default();
        told.extend(errors.into_iter().map(|error| place.tell(uri.kind(), error).to_string()));
    }
    let specs: Vec<_> = registry.sinks().collect();
    for Component { uri, place, .. } in file.components(List::Sinks, &specs, environment, &mut told) {
        let errors = registry.plan_sink(&uri).err().unwrap_or_default();
        told.extend(errors.into_iter().map(|error| place.tell(uri.kind(), error).to_string()));
    }
    told.into_iter().collect()
}
