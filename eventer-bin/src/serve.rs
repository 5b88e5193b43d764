//! A run: opens what was planned, and delivers events until the sources end or a signal comes.

use std::process::ExitCode;
use std::sync::Arc;

use eventer_core::pipeline::{End, Pipeline, PipelineBuilder, Summary};
use eventer_core::time::format_duration;
use eventer_core::{BuildError, Metrics, SinkReport, SinkSummary, StateDirectory, SystemClock, report};
use prometheus::process_collector::ProcessCollector;
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::admin::{self, Admin};
use crate::args::Args;
use crate::environment;
use crate::logging;
use crate::plans::Plans;
use crate::reload::{ReadAgain, Reload};
use crate::signals::{Caught, Signals};

/// Runs to the end.
pub(crate) fn run(args: Args, plans: Plans, read_again: ReadAgain<'_>) -> ExitCode {
    logging::install(args.log_format, args.verbosity, environment::stderr_takes_colours());
    let threads = args.worker_threads.unwrap_or_else(environment::worker_threads);
    let runtime = runtime::Builder::new_multi_thread().worker_threads(threads.get()).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return failed(&BuildError::new("start the worker threads", error)),
    };
    let code = runtime.block_on(serve(args, plans, read_again)).unwrap_or_else(|error| failed(&error));
    // A thread that reads a pipe or a terminal cannot be interrupted, and is not waited for.
    runtime.shutdown_background();
    code
}

fn failed(error: &BuildError) -> ExitCode {
    tracing::error!(error = report(error), "eventer cannot run");
    ExitCode::FAILURE
}

async fn serve(args: Args, plans: Plans, read_again: ReadAgain<'_>) -> Result<ExitCode, BuildError> {
    let signals = Signals::catch(args.config.is_some() || !environment::ignores_hangup())
        .map_err(|error| BuildError::new("catch signals", error))?;
    log_start(&args, &plans);
    let registry = prometheus::Registry::new();
    let register = |error| BuildError::new("register the metrics", error);
    registry.register(Box::new(ProcessCollector::for_self())).map_err(register)?;
    let clock = Arc::new(SystemClock);
    let metrics = Metrics::new(&registry, clock.clone()).map_err(register)?;
    let (stop, asked_to_stop) = oneshot::channel();
    let builder = Pipeline::builder()
        .metrics(metrics)
        .clock(clock.clone())
        .time_zone(environment::time_zone())
        .stdout_is_terminal(environment::stdout_is_terminal())
        .cluster(args.cluster.clone())
        .static_labels(args.static_labels.clone())
        .frequency(args.frequency)
        .batch_events(args.batch_events)
        .stop_timeout(args.stop_timeout)
        .strict(args.strict)
        .event_metrics(args.event_metrics)
        // Said by dropping the other end.
        .shutdown(async { asked_to_stop.await.unwrap_or_default() });
    let has_state_dir = args.state_dir.is_some();
    let builder = match &args.state_dir {
        Some(path) => builder
            .storage(Arc::new(StateDirectory::new(path, clock.clone())))
            .storage_size(args.journal_size.unwrap_or(PipelineBuilder::DEFAULT_STORAGE_SIZE))
            .forget_sink_after(args.forget_sink_after)
            .journal_size(environment::journal_size()),
        None => builder.journal_size(args.journal_size.unwrap_or_else(environment::journal_size)),
    };
    let builder = plans.sources.into_iter().fold(builder, |builder, plan| builder.source_plan(plan));
    let builder = plans.sinks.into_iter().fold(builder, |builder, plan| builder.sink_plan(plan));
    let builder = plans.drop.into_iter().fold(builder, |builder, rule| builder.drop_rule(rule));
    let pipeline = builder.build()?;

    let address = args.admin_address;
    let listener = TcpListener::bind(address).await.map_err(|error| {
        let tried =
            format!("listen on {address} for the admin server (choose a free --healthz-port; 0 takes any)");
        BuildError::new(tried, error)
    })?;
    let control = pipeline.control();
    let (frequency, ready_requires_sinks) = (args.frequency, args.ready_requires_sinks);
    let reload = Reload::new(read_again, args, control, &registry).map_err(register)?;
    let admin = Admin::new(pipeline.status(), registry, clock, frequency, ready_requires_sinks);
    let mut admin_server = JoinSet::new();
    admin_server.spawn(admin::serve(listener, admin));
    let code = run_until_told(pipeline, has_state_dir, reload, signals, stop).await;
    admin_server.shutdown().await;
    code
}

/// The first signal begins the stop; a second one ends everything at once.
async fn run_until_told(
    pipeline: Pipeline,
    has_state_dir: bool,
    mut reload: Reload<'_>,
    mut signals: Signals,
    stop: oneshot::Sender<()>,
) -> Result<ExitCode, BuildError> {
    let mut stop = Some(stop);
    let mut watch = reload.watched();
    let status = pipeline.status();
    let mut run = Box::pin(pipeline.run());
    loop {
        tokio::select! {
            summary = &mut run => {
                let waiting = if has_state_dir { status.sinks() } else { Vec::new() };
                return summary.map(|summary| conclude(&summary, &waiting));
            }
            () = reload.ended() => {}
            () = watch.changed(), if stop.is_some() => {
                tracing::info!("the configuration has changed");
                reload.begin();
            }
            signal = signals.next() => match stop.take() {
                Some(running) if signal == Caught::Hangup && reload.has_file() => {
                    stop = Some(running);
                    tracing::info!("SIGHUP: the configuration is read again");
                    reload.begin();
                }
                Some(stop) => {
                    tracing::info!(signal = signal.name(), "stopping; another signal ends at once");
                    reload.stop();
                    drop(stop);
                }
                // Whoever wants the configuration to be read again does not want this to end at once.
                None if signal == Caught::Hangup && reload.has_file() => {}
                None => {
                    let message = if has_state_dir {
                        "ending at once; what waits is delivered by the next start"
                    } else {
                        "ending at once; what waits is not delivered"
                    };
                    tracing::warn!(signal = signal.name(), message);
                    return Ok(ExitCode::from(signal.exit_code()));
                }
            },
        }
    }
}

/// Names kinds and names only: a URI may hold a secret.
fn log_start(args: &Args, plans: &Plans) {
    tracing::info!(
        version = crate::VERSION,
        commit = crate::COMMIT,
        sources = plans.source_names(),
        sinks = plans.sink_names(),
        frequency = format_duration(args.frequency),
        "eventer starts"
    );
    for flag in &args.ignored {
        tracing::debug!(flag, "this flag of klog is accepted and has no effect");
    }
    if plans.sinks.is_empty() {
        tracing::warn!("no --sink is given: every event is discarded");
    }
}

/// Being told to stop is no failure, even if the time was too short for some sink; a source that has ended promises
/// that all of it was delivered. Events that are on disk may be `waiting` for their sinks.
fn conclude(summary: &Summary, waiting: &[SinkReport]) -> ExitCode {
    for sink in &summary.sinks {
        let SinkSummary { name, exported, rejected, dropped, undelivered, .. } = sink;
        tracing::info!(sink = &**name, exported, rejected, dropped, undelivered, "sink closed");
    }
    let waiting: Vec<_> = waiting.iter().filter(|sink| sink.backlog > 0).collect();
    for sink in &waiting {
        tracing::warn!(
            sink = &*sink.name,
            events = sink.backlog,
            "these wait in the state directory for the next start"
        );
    }
    for source in &summary.broken_off {
        tracing::error!(source = &**source, "ended in trouble: not all of it may have been read");
    }
    if summary.end == End::SinksGone {
        tracing::error!("all destinations have gone for good");
    }
    let is_complete = summary.is_complete() && waiting.is_empty();
    if summary.end == End::Shutdown || is_complete { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
