//! What eventer itself has against a config that a conversion gave: a template's function that is not offered, say.

use std::collections::BTreeSet;

use eventer_core::{Environment, Registry};

use crate::args;
use crate::config::ConfigFile;
use crate::plans::Plans;

/// The name of the config in what is told.
const NAME: &str = "eventer.yaml";

/// What a variable may hold: what one value makes a mistake may be none with another.
const VALUES: [&str; 4] = ["https://example.com/", "1", "1s", "::1"];

/// Every variable has this value.
struct Always(&'static str);

impl Environment for Always {
    fn get(&self, _: &str) -> Option<String> {
        Some(self.0.to_owned())
    }
}

/// The mistakes in a config, whatever its variables hold. The files that it names are still to be made.
pub(super) fn mistakes(config: &str, registry: &Registry) -> BTreeSet<String> {
    let told = VALUES.map(|value| with(config, registry, &Always(value)));
    let [first, others @ ..] = &told;
    first.iter().filter(|mistake| others.iter().all(|other| other.contains(*mistake))).cloned().collect()
}

/// Reads all that a run reads.
fn with(config: &str, registry: &Registry, environment: &Always) -> BTreeSet<String> {
    let mut told = Vec::new();
    let Some(file) = ConfigFile::parse(NAME, config, environment, &mut told) else {
        return told.into_iter().collect();
    };
    let (args, mut mistakes) = args::args_of(file);
    mistakes.append(&mut told);
    Plans::read_without_files(&args, registry, environment, &mut mistakes);
    mistakes.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_a_run_reads_is_read() {
        let mut registry = Registry::new();
        eventer_sources::register_all(&mut registry);
        eventer_sinks::register_all(&mut registry);
        let config = "sources: [{kind: demo}]\nsinks: [{kind: log, sink_name: a}, {kind: log, sink_name: a}]\n\
                      frequency: abc\nadmin: {ip: zzz, port: x}\ndrop: [reason = 1]\n";
        let mistakes = mistakes(config, &registry);
        for part in [
            "sinks: could not",
            "frequency: it takes",
            "admin.ip: it takes",
            "admin.port: it takes",
            "drop[0]",
        ] {
            assert!(mistakes.iter().any(|mistake| mistake.contains(part)), "{part}: {mistakes:#?}");
        }
        assert_eq!(mistakes.len(), 5, "{mistakes:#?}");
        let config = "sources: [{kind: demo}]\nfrequency: ${X}\nadmin: {ip: '${X}', port: '${X}'}\n";
        assert_eq!(super::mistakes(config, &registry), BTreeSet::new());
    }
}
