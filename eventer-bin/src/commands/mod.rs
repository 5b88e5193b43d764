//! The commands that look into a state directory, or change what is in it: beside the process that has it, or without one.

pub(crate) mod check;
mod dead_letters;
pub(crate) mod explain;
mod journal;
mod table;
pub(crate) mod tail;
mod tap;

use std::collections::BTreeSet;
use std::future::Future;
use std::io::{self, Write};

use eventer_core::store::{DeadLetter, DeadLetters, StateView};
use eventer_core::{BuildError, Clock};
use serde::Serialize;
use tokio::runtime;

use crate::args::{Action, StateCommand};
use crate::environment;

/// What a command has to say.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// For standard output.
    pub(crate) output: String,
    /// For people to know beside it.
    pub(crate) note: Option<String>,
    /// What went wrong nevertheless.
    pub(crate) failure: Option<String>,
}

/// Does what the command says.
///
/// # Errors
/// The directory cannot be read or written.
pub(crate) fn run(command: &StateCommand, clock: &dyn Clock) -> Result<Told, BuildError> {
    let StateCommand { state_dir, action, output } = command;
    let view = StateView::open(state_dir)?;
    Ok(match action {
        Action::Journal => {
            Told { output: journal::render(&view.summary()?, clock.now(), *output), ..Told::default() }
        }
        Action::List(which, limit) => {
            tell(&view, which, *limit, |letters| dead_letters::list(letters, *output))?
        }
        Action::Show(which, limit) => {
            tell(&view, which, *limit, |letters| dead_letters::show(letters, *output))?
        }
        Action::Replay(which) => {
            let failure = missing(&view, which)?;
            Told { output: dead_letters::replayed(view.replay(which)?, *output), note: None, failure }
        }
        Action::Drop(which) => {
            let failure = missing(&view, which)?;
            Told {
                output: dead_letters::dropped(view.drop_dead_letters(which)?, *output),
                note: None,
                failure,
            }
        }
    })
}

/// Tells of at most `limit` dead letters, and says if there are more or fewer than were asked for.
fn tell(
    view: &StateView,
    which: &DeadLetters,
    limit: usize,
    render: impl Fn(&[DeadLetter]) -> String,
) -> Result<Told, BuildError> {
    let mut letters = view.dead_letters(which, limit.saturating_add(1))?;
    let has_more = letters.len() > limit;
    letters.truncate(limit);
    Ok(Told {
        output: render(&letters),
        note: has_more.then(|| format!("these are the oldest {limit}; --limit=N tells of more")),
        failure: missing(view, which)?,
    })
}

/// The ids that are given and not there.
fn missing(view: &StateView, which: &DeadLetters) -> Result<Option<String>, BuildError> {
    let given: BTreeSet<i64> = which.ids.iter().copied().collect();
    if given.is_empty() {
        return Ok(None);
    }
    let there = view.dead_letters(which, given.len())?;
    let missing: Vec<String> = given
        .iter()
        .filter(|id| there.iter().all(|letter| letter.id != **id))
        .map(ToString::to_string)
        .collect();
    let of_sink = which.sink.as_ref().map(|sink| format!(" of the sink {sink}")).unwrap_or_default();
    Ok((!missing.is_empty()).then(|| {
        format!(
            "no dead letter{of_sink} has the id {}; `eventer dead-letters list` shows those that there are",
            missing.join(", ")
        )
    }))
}

/// Runs what a command does on a runtime of its own.
///
/// # Errors
/// Its own, or that of the threads.
pub(crate) fn block_on<T>(command: impl Future<Output = Result<T, BuildError>>) -> Result<T, BuildError> {
    let threads = environment::worker_threads();
    let runtime = runtime::Builder::new_multi_thread().worker_threads(threads.get()).enable_all().build();
    let runtime = runtime.map_err(|error| BuildError::new("start the worker threads", error))?;
    let result = runtime.block_on(command);
    // A thread that reads or writes a pipe cannot be interrupted, and is not waited for.
    runtime.shutdown_background();
    result
}

/// Tells people something beside the output.
fn note(text: &str) {
    // If standard error is closed, nobody wants to know.
    io::stderr().write_all(format!("note: {text}\n").as_bytes()).ok();
}

/// JSON for programs.
fn json(value: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(value).expect("texts, numbers and lists of them are JSON");
    format!("{text}\n")
}

#[cfg(test)]
mod tests;
