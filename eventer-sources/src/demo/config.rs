//! What a user can say of the `demo` source.

use std::sync::Arc;
use std::time::Duration;

use eventer_core::uri::Rate;
use eventer_core::{
    BuildError, ComponentSpec, ConfigError, EndpointSpec, OptionSpec, SourceConfig, SourceContext, UriReader,
};

use super::{Cluster, DemoSource};

/// `--source=demo:?rate=5/s`
#[derive(Clone, Debug)]
pub struct DemoConfig {
    interval: Duration,
    seed: u64,
    events: Option<u64>,
    cluster: Option<String>,
}

const RATE: OptionSpec =
    OptionSpec::new("rate", "N/SPAN", "How many events in a span, such as 5/s.").default("2/s");
const SEED: OptionSpec =
    OptionSpec::new("seed", "N", "The same seed makes the same events, at other times.").default("1");
const EVENTS: OptionSpec = OptionSpec::new("events", "N", "Ends after so many events; else never.");
const CLUSTER_NAME: OptionSpec = OptionSpec::new("cluster_name", "NAME", "Name of the cluster.");

impl SourceConfig for DemoConfig {
    const SPEC: ComponentSpec = ComponentSpec {
        kind: "demo",
        summary: "Makes up a small cluster: roll-outs, crash loops, a node lost, failed mounts, quota and more.",
        endpoint: EndpointSpec::None,
        options: &[RATE, SEED, EVENTS, CLUSTER_NAME],
        example: "--source=demo:?rate=5/s&seed=7",
    };
    type Source = DemoSource;

    fn from_uri(uri: &mut UriReader<'_>) -> Result<Self, ConfigError> {
        let rate: Rate = uri.take_or_default(&RATE);
        let interval = rate.per.div_f64(rate.count.get() as f64);
        if interval.is_zero() {
            uri.invalid(&RATE, "it is more than one event in a nanosecond");
        }
        Ok(Self {
            interval,
            seed: uri.take_or_default(&SEED),
            events: uri.take(&EVENTS),
            cluster: uri.take(&CLUSTER_NAME).filter(|name: &String| !name.is_empty()),
        })
    }

    async fn build(&self, context: SourceContext) -> Result<DemoSource, BuildError> {
        let cluster = Cluster::new(self.seed, context.clock.now(), self.interval);
        let name = self.cluster.as_deref().map(Arc::from).or(context.cluster.clone());
        Ok(DemoSource::new(context, cluster, name, self.interval, self.events))
    }
}
