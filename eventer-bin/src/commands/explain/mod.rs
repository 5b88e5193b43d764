//! `eventer explain`: tells of events which sinks would get them, why, and what they would be sent.
//!
//! A [pipeline](eventer_core::Pipeline) brings the events, from a file or from where a run would take them, into a
//! [tap](super::tap). The sinks are asked, and never opened. [`render`] says it.

mod render;

use std::io::{self, Write};
use std::sync::Arc;

use eventer_core::event::Labels;
use eventer_core::filter::Decision;
use eventer_core::{
    BuildError, ComponentUri, Event, EventBatch, EventFilter, PipelineBuilder, Policy, Registry, SinkContext,
    SinkPlan, SourcePlan, report,
};

use super::tap::Tap;
use crate::args::{Events, ExplainArgs};
use crate::config::DROP;
use crate::plans::{self, Plans};
use crate::{environment, logging};

const NO_SINK: &str =
    "--sink is missing: say which sinks are asked, by --sink or --config, as a run is told them";

/// What is wrong beside the plans themselves.
pub(crate) fn mistakes(plans: &Plans) -> Option<String> {
    plans.sinks.is_empty().then(|| NO_SINK.to_owned())
}

/// Explains events.
///
/// # Errors
/// There are none, or they cannot be read.
pub(crate) async fn run(args: ExplainArgs, plans: Plans, registry: &Registry) -> Result<(), BuildError> {
    logging::install_beside(args.verbosity, environment::stderr_takes_colours(), None);
    if args.events == Events::Stdin && environment::stdin_is_terminal() {
        super::note("reads events from standard input; --event=FILE names a file");
    }
    let mut asked = Asked::new(&plans, args.run.static_labels)?;
    let sources = sources(&args.events, plans.sources, registry)?;
    let (builder, mut batches) = Tap::pipeline(Policy::default());
    let builder = sources.into_iter().fold(builder.cluster(args.run.cluster), PipelineBuilder::source_plan);
    let pipeline = builder.build()?;

    let most = args.count.unwrap_or(u64::MAX);
    let mut explained = 0;
    let explain = async {
        while let Some(batch) = batches.recv().await {
            for event in &batch {
                let told = asked.explain(event, &batch).await;
                if !print(&render::render(&told, args.output))? {
                    return Ok(());
                }
                explained += 1;
                if explained == most {
                    return Ok(());
                }
            }
        }
        Ok(())
    };
    let (mut explain, mut run) = (Box::pin(explain), Box::pin(pipeline.run()));
    let result = tokio::select! {
        result = &mut explain => result,
        summary = &mut run => {
            let summary = summary?;
            // What the tap has handed over last is still to be explained.
            drop(run);
            explain.as_mut().await?;
            match &*summary.broken_off {
                [] => Ok(()),
                _ => Err(BuildError::new("read all events", "the source ended in trouble, which was told above")),
            }
        }
    };
    drop(explain);
    result?;
    if explained == 0 {
        return Err(BuildError::new("explain an event", "there is none in what was read"));
    }
    Ok(())
}

/// What is told of an event.
#[derive(Debug)]
struct Explanation<'a> {
    event: Arc<Event>,
    /// The rule that drops it, and why.
    dropped: Option<String>,
    /// None, if it is dropped.
    sinks: Vec<Verdict<'a>>,
}

/// What a sink would do with an event.
#[derive(Debug)]
struct Verdict<'a> {
    name: &'a str,
    kind: &'static str,
    decision: Decision,
    /// What it would be sent, if it would get the event.
    payload: Payload,
}

/// What a sink would be sent.
#[derive(Debug)]
enum Payload {
    /// Nothing.
    Nothing,
    /// It is known to the sink only while it delivers.
    Unknown,
    /// This.
    Text(String),
    /// It could not be made, for this reason.
    Impossible(String),
}

/// What is asked: the rules of a run, then its sinks.
struct Asked {
    drop: Vec<EventFilter>,
    static_labels: Option<Arc<Labels>>,
    sinks: Vec<(Arc<str>, SinkPlan)>,
    context: SinkContext,
}

impl Asked {
    fn new(plans: &Plans, static_labels: Labels) -> Result<Self, BuildError> {
        let mut context = SinkContext::new("");
        context.time_zone = environment::time_zone();
        context.config_maps = plans.sources.iter().find_map(SourcePlan::config_maps);
        let names = plans.names()?.sinks;
        Ok(Self {
            drop: plans.drop.clone(),
            static_labels: (!static_labels.is_empty()).then(|| Arc::new(static_labels)),
            sinks: names.into_iter().zip(plans.sinks.iter().cloned()).collect(),
            context,
        })
    }

    async fn explain(&mut self, event: &Arc<Event>, batch: &EventBatch) -> Explanation<'_> {
        let rules = self.drop.iter().enumerate();
        let dropped =
            rules.filter_map(|(index, rule)| Some(format!("{DROP}[{index}]: {}", rule.drops(event)?)));
        let dropped = dropped.into_iter().next();
        // As in a run, the rules have not seen them.
        let event = match &self.static_labels {
            Some(labels) => Arc::new(Event { static_labels: Some(labels.clone()), ..Event::clone(event) }),
            None => event.clone(),
        };
        let mut sinks = Vec::new();
        if dropped.is_none() {
            let alone = batch.with_events(vec![event.clone()]);
            for (name, plan) in &self.sinks {
                self.context.name = name.clone();
                sinks.push(verdict(name, plan, &event, &alone, &self.context).await);
            }
        }
        Explanation { event, dropped, sinks }
    }
}

async fn verdict<'a>(
    name: &'a str,
    plan: &SinkPlan,
    event: &Event,
    alone: &EventBatch,
    context: &SinkContext,
) -> Verdict<'a> {
    let decision = plan.policy.filter.decide(event);
    let payload = match decision.is_wanted {
        true => match plan.preview(alone, context).await {
            Ok(Some(text)) => Payload::Text(text),
            Ok(None) => Payload::Unknown,
            Err(error) => Payload::Impossible(report(&error)),
        },
        false => Payload::Nothing,
    };
    Verdict { name, kind: plan.kind, decision, payload }
}

/// Where the events come from. A file is a recording.
fn sources(
    events: &Events,
    sources: Vec<SourcePlan>,
    registry: &Registry,
) -> Result<Vec<SourcePlan>, BuildError> {
    let path = match events {
        Events::Live => return Ok(sources),
        Events::Stdin => "-".to_owned(),
        Events::File(path) => path.display().to_string(),
    };
    let uri = ComponentUri::from_parts("replay", path, Vec::new(), Vec::new());
    let plan = registry.plan_source(&uri).map_err(|errors| {
        let mistakes = plans::mistakes("--event", &uri, &errors);
        BuildError::new("read the events", mistakes.join("; "))
    })?;
    Ok(vec![plan])
}

/// Says whether anybody still reads (`| head`).
fn print(text: &str) -> Result<bool, BuildError> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(BuildError::new("write to standard output", error)),
    }
}
