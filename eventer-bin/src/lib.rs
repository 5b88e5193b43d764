#![doc = include_str!("../README.md")]

mod admin;
mod app;
mod args;
mod commands;
mod config;
mod convert;
mod defaults;
mod document;
mod environment;
mod listing;
mod logging;
mod plans;
mod printable;
mod reload;
mod serve;
mod signals;

use std::process::ExitCode;
use std::sync::Arc;

use eventer_core::Registry;

use crate::environment::ProcessEnvironment;

/// Version of this crate.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that this was built from, if the build said so.
const COMMIT: &str = match option_env!("EVENTER_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};

/// Runs `eventer` as its command line says, to the end of the process.
#[must_use]
pub fn run() -> ExitCode {
    run_with(|_| {})
}

/// Runs `eventer` with kinds of sources and sinks of your own beside the built-in ones.
///
/// It reads the command line and the environment of the process, installs a logger and signal handlers, and returns the
/// code to exit with. Whoever needs none of that uses [`eventer_core`] directly.
#[must_use]
pub fn run_with(register: impl FnOnce(&mut Registry)) -> ExitCode {
    let mut registry = Registry::new();
    registry.set_environment(Arc::new(ProcessEnvironment));
    eventer_sources::register_all(&mut registry);
    eventer_sinks::register_all(&mut registry);
    register(&mut registry);
    app::run(&registry)
}
