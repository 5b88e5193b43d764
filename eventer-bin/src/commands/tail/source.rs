//! Where the events come from: the cluster that kubectl speaks to, or what `--source` says.

use eventer_core::{
    BuildError, ComponentUri, ConfigError, Environment, Pipeline, PipelineBuilder, Registry, SourcePlan,
    report,
};
use eventer_sources::kubernetes::ConnectOptions;

use crate::args::{ClusterArgs, Namespaces, TailArgs, option_mistake};
use crate::plans;

const FLAG: &str = "--source";
const KUBERNETES: &str = "kubernetes";

/// Plans the sources, that of a cluster for these namespaces. Nothing is opened.
///
/// # Errors
/// Everything that is wrong, for people to read.
pub(super) fn plans(
    args: &TailArgs,
    namespaces: &Namespaces,
    registry: &Registry,
    environment: &dyn Environment,
) -> Result<Vec<SourcePlan>, Vec<String>> {
    if args.sources.is_empty() {
        return plan_cluster(&args.cluster, namespaces, registry).map(|plan| vec![plan]);
    }
    let (mut planned, mut mistakes) = (Vec::new(), Vec::new());
    for source in &args.sources {
        match plan(source.expose(), registry, environment) {
            Ok(plan) => planned.push(plan),
            Err(told) => mistakes.extend(told),
        }
    }
    // Two may have the same name.
    let builder = planned.iter().cloned().fold(Pipeline::builder(), PipelineBuilder::source_plan);
    mistakes.extend(builder.build().err().map(|error| format!("{FLAG}: {}", report(&error))));
    if mistakes.is_empty() { Ok(planned) } else { Err(mistakes) }
}

fn plan(source: &str, registry: &Registry, environment: &dyn Environment) -> Result<SourcePlan, Vec<String>> {
    let uri = ComponentUri::parse(FLAG, source, environment).map_err(|error| vec![error.to_string()])?;
    registry.plan_source(&uri).map_err(|errors| plans::mistakes(FLAG, &uri, &errors))
}

/// The namespaces of the flags, with that of the context by its name.
///
/// # Errors
/// It is not known how to reach a cluster.
pub(super) async fn namespaces(args: &TailArgs) -> Result<Namespaces, BuildError> {
    if args.namespaces != Namespaces::OfContext {
        return Ok(args.namespaces.clone());
    }
    let ClusterArgs { kubeconfig, context, .. } = &args.cluster;
    let connect = ConnectOptions {
        kubeconfig: kubeconfig.as_ref().map(Into::into),
        context: context.clone(),
        ..ConnectOptions::default()
    };
    Ok(Namespaces::Named(vec![connect.namespace().await?]))
}

fn plan_cluster(
    args: &ClusterArgs,
    namespaces: &Namespaces,
    registry: &Registry,
) -> Result<SourcePlan, Vec<String>> {
    let names = match namespaces {
        Namespaces::Named(names) => Some(names.join(",")),
        Namespaces::All | Namespaces::OfContext => None,
    };
    // The server selects by the name, so that the rest of the cluster need not be read.
    let selector = args.object_name.as_ref().map(|name| format!("involvedObject.name={name}"));
    let options = [
        ("kubeconfig", &args.kubeconfig),
        ("context", &args.context),
        ("backfill", &args.since),
        ("namespaces", &names),
        ("field_selector", &selector),
    ];
    let options = options.iter().filter(|(_, value)| value.is_some());
    let options = options.map(|(name, value)| ((*name).to_owned(), (*value).clone())).collect();
    let uri = ComponentUri::from_parts(KUBERNETES, "", options, Vec::new());
    let mistakes =
        |errors: Vec<ConfigError>| errors.iter().map(|error| option_mistake(error, flag)).collect();
    registry.plan_source(&uri).map_err(mistakes)
}

/// The flag that an option of the source stands for.
fn flag(option: &str) -> String {
    match option {
        "backfill" => "--since".to_owned(),
        "field_selector" => "--for".to_owned(),
        "namespaces" => "-n".to_owned(),
        option => format!("--{option}"),
    }
}
