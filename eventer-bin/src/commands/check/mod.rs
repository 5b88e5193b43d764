//! `eventer check`: tells whether flags would work.
//!
//! That the flags and the files are understood is known before this begins. `--connect` asks the rest, all at the same
//! time: every source through its plan, every sink when it is open. [`render`] says it.

mod render;

use std::sync::Arc;
use std::time::Duration;

use eventer_core::event::EventType;
use eventer_core::time::format_duration;
use eventer_core::uri::nearest;
use eventer_core::{
    BuildError, Clock, Event, EventBatch, ExportError, ExportErrorKind, Finding, SinkContext, SinkPlan,
    SourcePlan, SystemClock, report,
};
use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Told;
use crate::args::{CheckArgs, Output};
use crate::plans::Plans;
use crate::{environment, logging};

/// The reason of the event that `--send-test` delivers.
const TEST: &str = "EventerTest";

/// The kind that delivers to standard output.
const WRITES_TO_OUTPUT: &str = "log";

/// The longest wait for all answers of a source.
const SOURCE_LIMIT: Duration = Duration::from_secs(60);

/// The longest wait for a sink that closes.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

const UNASKED_SOURCE: &str = "a source of this kind can be asked nothing before it runs";

const UNASKED_SINK: &str =
    "it can be opened; its destination can be asked nothing but to take an event, as --send-test does";

/// What is wrong beside the plans themselves: a test for a sink that is not there, or whose event would stand in the answer.
pub(crate) fn mistakes(args: &CheckArgs, plans: &Plans) -> Vec<String> {
    let names = plans.names().unwrap_or_default().sinks;
    let unknown = args.send_test.iter().filter(|name| !names.iter().any(|known| **known == ***name));
    let mistake = |name: &String| {
        let hint = match nearest(name, names.iter().map(|name| &**name)) {
            Some(name) => format!(", did you mean \"{name}\"?"),
            None if names.is_empty() => "; there is none at all".to_owned(),
            None => format!("; there are {}", names.join(", ")),
        };
        format!("--send-test: no sink has this name{hint}")
    };
    let kinds = names.iter().zip(plans.sinks.iter().map(|plan| plan.kind));
    let is_tested = |name: &str| args.send_test.iter().any(|tested| *tested == name);
    let mixed = kinds
        .filter(|(name, kind)| args.output == Output::Json && *kind == WRITES_TO_OUTPUT && is_tested(name));
    let told = mixed.map(|(name, kind)| {
        format!(
            "--send-test: the sink {name} ({kind}) writes to standard output, where -o=json has nothing but JSON; leave one of the \
             two out"
        )
    });
    unknown.map(mistake).chain(told).collect()
}

/// Asks what the flags say is to be asked.
///
/// # Errors
/// Nothing can be asked.
pub(crate) async fn run(args: CheckArgs, plans: Plans) -> Result<Told, BuildError> {
    logging::install_beside(args.verbosity, environment::stderr_takes_colours(), None);
    let names = plans.names()?;
    let config_maps = plans.sources.iter().find_map(SourcePlan::config_maps);
    let mut asked = JoinSet::new();
    let sources = names.sources.into_iter().zip(plans.sources);
    for (index, (name, plan)) in sources.enumerate() {
        let component = Component { role: Role::Source, name, kind: plan.kind };
        let connect = args.connect;
        asked.spawn(async move {
            let answers = if connect { ask_source(&plan).await } else { vec![Answer::planned()] };
            (Role::Source, index, Report { component, answers })
        });
    }
    let test_event = Arc::new(test_event(&args, SystemClock.now()));
    for (index, (name, plan)) in names.sinks.into_iter().zip(plans.sinks).enumerate() {
        let mut context = SinkContext::new(name.clone());
        context.time_zone = environment::time_zone();
        context.config_maps.clone_from(&config_maps);
        let component = Component { role: Role::Sink, name: name.clone(), kind: plan.kind };
        let test = args.send_test.iter().any(|tested| **tested == *name).then(|| test_event.clone());
        let connect = args.connect;
        asked.spawn(async move {
            let answers = ask_sink(&plan, context, connect, test).await;
            (Role::Sink, index, Report { component, answers })
        });
    }
    let mut reports = asked.join_all().await;
    reports.sort_by_key(|(role, index, _)| (*role, *index));
    let reports: Vec<Report> = reports.into_iter().map(|(.., report)| report).collect();
    let is_well =
        reports.iter().flat_map(|report| &report.answers).all(|answer| answer.verdict != Verdict::Bad);
    Ok(Told {
        output: render::render(&reports, args.connect, args.output),
        note: None,
        failure: (!is_well).then(|| "not all of it would work".to_owned()),
    })
}

/// What was asked of a source or a sink, and what it said.
#[derive(Debug, PartialEq, Eq)]
struct Report {
    component: Component,
    answers: Vec<Answer>,
}

/// A source or a sink.
#[derive(Debug, PartialEq, Eq)]
struct Component {
    role: Role,
    name: Arc<str>,
    kind: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    Source,
    Sink,
}

/// What was asked, and what was said.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    verdict: Verdict,
    /// What was asked or done, and if it is bad what to do.
    detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// It would run; nothing was asked.
    Planned,
    /// Nothing could be asked.
    Unknown,
    /// Well.
    Good,
    /// It would not work.
    Bad,
}

impl Answer {
    fn planned() -> Self {
        Self { verdict: Verdict::Planned, detail: String::new() }
    }

    fn unknown(detail: &str) -> Self {
        Self { verdict: Verdict::Unknown, detail: detail.to_owned() }
    }

    fn good(detail: impl Into<String>) -> Self {
        Self { verdict: Verdict::Good, detail: detail.into() }
    }

    fn bad(detail: impl Into<String>) -> Self {
        Self { verdict: Verdict::Bad, detail: detail.into() }
    }
}

async fn ask_source(plan: &SourcePlan) -> Vec<Answer> {
    let Ok(findings) = timeout(SOURCE_LIMIT, plan.check()).await else {
        return vec![Answer::bad(format!("it gave no answer within {}", format_duration(SOURCE_LIMIT)))];
    };
    if findings.is_empty() {
        return vec![Answer::unknown(UNASKED_SOURCE)];
    }
    findings.into_iter().map(finding).collect()
}

fn finding(Finding { question, answer }: Finding) -> Answer {
    match answer {
        Ok(()) => Answer::good(question),
        Err(reason) => Answer::bad(format!("{question}: {reason}")),
    }
}

/// Opens the sink if there is something to ask or to deliver. Only for a delivery it is opened as in a run.
async fn ask_sink(
    plan: &SinkPlan,
    mut context: SinkContext,
    connect: bool,
    test: Option<Arc<Event>>,
) -> Vec<Answer> {
    if !connect && test.is_none() {
        return vec![Answer::planned()];
    }
    let limit = plan.policy.timeout;
    let late = || Answer::bad(format!("it gave no answer within {}", format_duration(limit)));
    context.is_trial = test.is_none();
    let clock = context.clock.clone();
    let sink = match timeout(limit, plan.open(context)).await {
        Ok(Ok(sink)) => sink,
        Ok(Err(error)) => return vec![Answer::bad(report(&error))],
        Err(_) => return vec![late()],
    };
    let mut answers = Vec::new();
    // What can be asked nothing is told by the test.
    if connect && (sink.can_be_asked() || test.is_none()) {
        answers.push(match timeout(limit, sink.check_health()).await {
            Ok(Ok(())) if sink.can_be_asked() => {
                Answer::good("its destination is there, and would take events")
            }
            Ok(Ok(())) => Answer::unknown(UNASKED_SINK),
            Ok(Err(error)) => Answer::bad(advice(&error)),
            Err(_) => late(),
        });
    }
    if let Some(event) = test {
        let batch = EventBatch::new("check", clock.now(), vec![event]);
        answers.push(match timeout(limit, sink.export_events(&batch)).await {
            Ok(Ok(())) => Answer::good(format!("the test event ({TEST}) is delivered")),
            Ok(Err(error)) => Answer::bad(format!("the test event is not delivered: {}", advice(&error))),
            Err(_) => late(),
        });
    }
    // What it would still flush is not ours to wait for.
    timeout(CLOSE_LIMIT, sink.stop()).await.ok();
    answers
}

/// What went wrong, and what to do.
fn advice(error: &ExportError) -> String {
    let advice = match error.kind() {
        ExportErrorKind::Unauthorized => "see that its credentials are right and may do this",
        ExportErrorKind::RateLimited => "it is there, and asks for patience; try again later",
        ExportErrorKind::Rejected => "it would never take this; see its options",
        _ => "see that it is up, and can be reached from here",
    };
    format!("{}; {advice}", report(error))
}

/// An event that says that it is none.
fn test_event(args: &CheckArgs, now: Timestamp) -> Event {
    let id = format!("eventer-test-{}", now.as_microsecond());
    let mut event = Event {
        reason: TEST.to_owned(),
        message: "This is a test of eventer. Nothing has happened, and nothing needs to be done.".to_owned(),
        event_type: EventType::Normal,
        first_timestamp: Some(now),
        last_timestamp: Some(now),
        count: 1,
        reporting_component: "eventer".to_owned(),
        cluster: args.run.cluster.clone(),
        static_labels: Some(args.run.static_labels.clone()).filter(|labels| !labels.is_empty()).map(Arc::new),
        received_at: now,
        ..Event::default()
    };
    event.source.component = "eventer".to_owned();
    event.metadata.name.clone_from(&id);
    event.metadata.namespace = "default".to_owned();
    event.metadata.uid = id;
    event.metadata.resource_version = "1".to_owned();
    event.metadata.creation_timestamp = Some(now);
    event.involved_object.kind = "Pod".to_owned();
    event.involved_object.api_version = "v1".to_owned();
    event.involved_object.namespace = "default".to_owned();
    event.involved_object.name = "eventer-test".to_owned();
    event.involved_object.uid = "eventer-test".to_owned();
    event
}
