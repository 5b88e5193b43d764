//! Writes events to standard output, one line an event, for people or for a collector of logs.
//!
//! `--sink=log:?format=json`. The lines are those of [`line`](crate::line), which other sinks share.
//!
//! kube-eventer's `log` wrote its own log records with Go's `%+v` to standard error; that is mended: events go to
//! standard output, and each is one line.

mod config;
mod sink;

pub use config::LogConfig;
pub use sink::LogSink;

#[cfg(test)]
mod tests;
