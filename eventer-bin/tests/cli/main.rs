//! The real program: flags in; exit code, messages, events and answers out.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

mod check;
mod cluster;
mod config;
mod convert;
mod custom_sink;
mod dead_letters;
mod explain;
mod flags;
mod listing;
mod process;
mod references;
mod replay;
mod run;
mod state;
mod state_trouble;
mod tail;
