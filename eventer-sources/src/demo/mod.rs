//! A made-up cluster that makes believable events for ever: to see what sinks make of events without a cluster.
//!
//! `--source=demo:?rate=5/s&seed=7`. [`Cluster`] is pure: the same seed, begin and rate make the same events. Several stories run
//! at a time, and each kind of [story](stories) comes up before one comes up again.

mod cluster;
mod config;
mod source;
mod stories;
mod story;

pub use cluster::Cluster;
pub use config::DemoConfig;
pub use source::DemoSource;

#[cfg(test)]
mod tests;
