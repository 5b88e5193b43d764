//! Writes events to standard output, one line an event, for people or for a collector of logs.
//!
//! `--sink=log:?format=json`. The lines are those of [`line`](crate::line), which other sinks share.
//!
//! # Mended
//! | kube-eventer | here | because |
//! |---|---|---|
//! | wrote events to standard error, between the lines of its own log | standard output | a collector could not tell them apart |
//! | wrote them in Go's `%+v` | text, JSON or logfmt | nothing reads it back, and its fields cannot be told from their values |
//! | wrote a message's line feeds as they are | one line an event | one event became several records |

mod config;
mod sink;

pub use config::LogConfig;
pub use sink::LogSink;

#[cfg(test)]
mod tests;
