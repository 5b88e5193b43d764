//! `eventer tail`: shows events as they come.
//!
//! A [pipeline](eventer_core::Pipeline) brings them, with the filters of the flags, into a [tap](super::tap). A thread of
//! its own writes, so that a pager that does not read holds up nothing else: [`view`] says what is shown, of which
//! [`fold`] decides what of the repeats, [`columns`] how a row looks, and [`screen`] how it reaches a terminal.

mod columns;
mod fold;
mod screen;
mod source;
#[cfg(test)]
mod tests;
mod view;

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use eventer_core::{
    BuildError, Clock, Environment, EventBatch, Finding, PipelineBuilder, Policy, Registry, Summary,
    SystemClock,
};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};

use super::tap::Tap;
use crate::args::{Color, Namespaces, TailArgs, TailOutput};
use crate::signals::Signals;
use crate::{environment, logging};
use columns::Style;
use screen::Terminal;
use view::{Now, View};

/// How often it is looked for repeats whose time has come.
const TICK: Duration = Duration::from_secs(1);

/// After a signal, the last line is ended within this time or not at all.
const LAST_LINE: Duration = Duration::from_secs(1);

/// Everything that is wrong with the flags.
pub(crate) fn mistakes(args: &TailArgs, registry: &Registry, environment: &dyn Environment) -> Vec<String> {
    source::plans(args, &args.namespaces, registry, environment).err().unwrap_or_default()
}

/// Shows events until a signal comes, the source ends, or nobody reads any more.
///
/// # Errors
/// The events cannot be read.
pub(crate) async fn run(
    args: TailArgs,
    registry: &Registry,
    environment: &dyn Environment,
) -> Result<(), BuildError> {
    let mut signals = Signals::catch(!environment::ignores_hangup())
        .map_err(|error| BuildError::new("catch signals", error))?;
    let is_terminal = environment::stdout_is_terminal();
    let terminal = environment::stdout_takes_sequences().then(|| Terminal {
        columns: environment::stdout_columns,
        is_open: Arc::new(AtomicBool::new(false)),
    });
    let log_may_break = terminal.as_ref().filter(|_| environment::stderr_is_terminal());
    let line = log_may_break.map(|terminal| terminal.is_open.clone());
    logging::install_beside(args.verbosity, environment::stderr_takes_colours(), line);

    let begin = async {
        let namespaces = source::namespaces(&args).await?;
        let plans = source::plans(&args, &namespaces, registry, environment)
            .map_err(|mistakes| BuildError::new("read the flags", mistakes.join("; ")))?;
        for plan in &plans {
            may_read(plan.check().await)?;
        }
        Ok::<_, BuildError>((namespaces, plans))
    };
    let (namespaces, plans) = tokio::select! {
        begun = begin => begun?,
        _ = signals.next() => return Ok(()),
    };
    if is_terminal && let (Namespaces::OfContext, Namespaces::Named(names)) = (&args.namespaces, &namespaces)
    {
        super::note(&format!("events of the namespace {}; -A shows all", names.join(", ")));
    }

    let policy = Policy { filter: args.filter.clone(), ..Policy::default() };
    let (builder, batches) = Tap::pipeline(policy);
    let pipeline = plans.into_iter().fold(builder, PipelineBuilder::source_plan).build()?;
    let (stop, stopped) = oneshot::channel();
    let mut shown = show(view(&args, &namespaces, terminal), batches, stopped)?;
    let summary = tokio::select! {
        summary = pipeline.run() => summary,
        written = &mut shown => return finish(written),
        _ = signals.next() => {
            drop(stop);
            // Who does not read keeps it from ending its last line.
            return timeout(LAST_LINE, shown).await.map_or(Ok(()), finish);
        }
    };
    tokio::select! {
        written = shown => finish(written)?,
        _ = signals.next() => {}
    }
    is_whole(&summary?)
}

/// Shows the batches on a thread of its own until they end, or the other end of `stopped` is dropped. It is no task of the
/// runtime, which would wait for it at its end, for ever if nobody reads.
fn show(
    mut view: View<io::Stdout>,
    mut batches: mpsc::Receiver<EventBatch>,
    mut stopped: oneshot::Receiver<()>,
) -> Result<oneshot::Receiver<io::Result<()>>, BuildError> {
    let (done, is_done) = oneshot::channel();
    let runtime = Handle::current();
    let show = async move {
        loop {
            tokio::select! {
                biased;
                _ = &mut stopped => return view.close(),
                batch = batches.recv() => match batch {
                    Some(batch) => view.show(&batch, now())?,
                    None => return view.end(now()),
                },
                () = sleep(TICK) => view.tick(now())?,
            }
        }
    };
    let thread = thread::Builder::new().name("tail".to_owned());
    // Nobody waits any more if the program ends.
    thread
        .spawn(move || done.send(runtime.block_on(show)).ok())
        .map_err(|error| BuildError::new("start the thread that writes", error))?;
    Ok(is_done)
}

fn view(args: &TailArgs, namespaces: &Namespaces, terminal: Option<Terminal>) -> View<io::Stdout> {
    if args.output == TailOutput::Json {
        return View::Json(io::stdout());
    }
    let is_one_namespace = matches!(namespaces, Namespaces::Named(names) if names.len() == 1);
    let style = Style {
        is_wide: args.output == TailOutput::Wide,
        has_namespaces: !is_one_namespace,
        is_colored: match args.color {
            Color::Auto => environment::stdout_takes_colours(),
            Color::Always => true,
            Color::Never => false,
        },
        zone: environment::time_zone(),
    };
    View::table(style, io::stdout(), terminal)
}

fn now() -> Now {
    Now { instant: Instant::now(), timestamp: SystemClock.now() }
}

/// Who reads the output may have read enough (`| head`), which is no error.
fn finish(written: Result<io::Result<()>, oneshot::error::RecvError>) -> Result<(), BuildError> {
    match written {
        Ok(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(BuildError::new("write to standard output", error))
        }
        Ok(_) => Ok(()),
        Err(_) => Err(BuildError::new("show the events", "a bug made it panic")),
    }
}

/// What the source says of itself before anything is read.
fn may_read(findings: Vec<Finding>) -> Result<(), BuildError> {
    let refusals: Vec<String> = findings.into_iter().filter_map(|finding| finding.answer.err()).collect();
    if refusals.is_empty() { Ok(()) } else { Err(BuildError::new("read the events", refusals.join("; "))) }
}

fn is_whole(summary: &Summary) -> Result<(), BuildError> {
    match &*summary.broken_off {
        [] => Ok(()),
        _ => Err(BuildError::new("read all of the source", "it ended in trouble, which was told above")),
    }
}
