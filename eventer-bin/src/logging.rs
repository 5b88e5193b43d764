//! The log: on standard error, since standard output belongs to events.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt};

use crate::args::LogFormat;

/// What all our crates' names begin with.
const OWN: &str = "eventer";

/// Says at each attempt that it failed, which the source says once, and with the reason.
const REPETITIVE: &str = "kube_client";

/// Starts to write the log. A program that has installed a logger of its own before keeps it.
///
/// `verbosity` is the number of `-v`: below 4 info, below 6 debug, else trace. Kubernetes' components log what people
/// want to see at 2 and below, which is what manifests ask for, and debug at 4.
pub(crate) fn install(format: LogFormat, verbosity: i32, is_coloured: bool) {
    // It would tell of an error by a macro that panics when nobody reads standard error any more.
    let lines = fmt::layer().with_writer(io::stderr).log_internal_errors(false);
    let lines: Lines = match format {
        LogFormat::Text => lines.with_ansi(is_coloured).boxed(),
        LogFormat::Json => {
            lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
        }
    };
    start(lines, filter(verbosity));
}

/// As [`install`], for a command whose output people read beside it: without a `verbosity`, of warnings and errors only.
///
/// `open_line` says that a line on the same terminal has no newline yet. The log ends it, and says so there.
pub(crate) fn install_beside(verbosity: Option<i32>, is_coloured: bool, open_line: Option<Arc<AtomicBool>>) {
    let writer = move || {
        if open_line.as_ref().is_some_and(|is_open| is_open.swap(false, Ordering::Relaxed)) {
            // Who cannot write a newline cannot write the log either.
            io::stderr().write_all(b"\n").ok();
        }
        io::stderr()
    };
    let lines = fmt::layer().with_writer(writer).log_internal_errors(false).with_ansi(is_coloured);
    start(lines.boxed(), verbosity.map_or_else(warnings, filter));
}

type Lines = Box<dyn Layer<Registry> + Send + Sync>;

fn start(lines: Lines, filter: Targets) {
    let is_installed = tracing_subscriber::registry().with(lines.with_filter(filter)).try_init();
    if is_installed.is_err() {
        tracing::debug!("the logger that was installed before is kept");
    }
}

/// What people should know who have not asked for a log.
fn warnings() -> Targets {
    Targets::new().with_default(LevelFilter::WARN).with_target(REPETITIVE, LevelFilter::OFF)
}

/// Libraries, and sinks of other programs, are heard one step later than we are.
fn filter(verbosity: i32) -> Targets {
    let (own, others, repetitive) = match verbosity {
        ..=3 => (LevelFilter::INFO, LevelFilter::WARN, LevelFilter::OFF),
        4..=5 => (LevelFilter::DEBUG, LevelFilter::INFO, LevelFilter::INFO),
        6.. => (LevelFilter::TRACE, LevelFilter::DEBUG, LevelFilter::DEBUG),
    };
    Targets::new().with_default(others).with_target(OWN, own).with_target(REPETITIVE, repetitive)
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn our_crates_are_heard_one_step_before_libraries() {
        let would_log = |verbosity, target: &str, level| filter(verbosity).would_enable(target, &level);
        for target in ["eventer", "eventer_core::worker", "eventer_sinks::webhook"] {
            assert!(would_log(2, target, Level::INFO) && !would_log(3, target, Level::DEBUG), "{target}");
            assert!(would_log(4, target, Level::DEBUG) && !would_log(5, target, Level::TRACE), "{target}");
            assert!(would_log(6, target, Level::TRACE), "{target}");
        }
        assert!(would_log(0, "reqwest", Level::WARN) && !would_log(0, "reqwest", Level::INFO));
    }
}
