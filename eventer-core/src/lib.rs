#![doc = include_str!("../README.md")]
//!
//! # Layout
//! In reading order: what travels ([`event`], [`batch`]), the two traits ([`source`], [`sink`]), how a flag becomes one of
//! them ([`uri`], [`registry`], [`policy`], [`filter`], [`expression`]), and what happens in between.

pub mod batch;
pub mod cluster;
pub mod error;
pub mod event;
pub mod expression;
pub mod filter;
pub mod metrics;
pub mod pipeline;
pub mod policy;
pub mod re2;
pub mod registry;
pub mod secret;
pub mod shutdown;
pub mod sink;
pub mod source;
pub mod status;
#[cfg(feature = "disk")]
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
pub mod text;
pub mod time;
pub mod uri;

mod backoff;
mod journal;
mod layer;
mod manager;
mod task;
mod worker;

pub use async_trait::async_trait;
pub use backoff::Backoff;
pub use batch::{Checkpoint, EventBatch, Intake, Position};
pub use cluster::{ConfigMapKey, ConfigMaps};
pub use error::{BoxError, BuildError, ConfigError, ExportError, ExportErrorKind, SourceError, report};
pub use event::Event;
pub use expression::Expression;
pub use filter::{Decision, EventFilter};
pub use journal::{Begin, storage};
pub use manager::SinkSummary;
pub use metrics::Metrics;
pub use pipeline::{Changes, End, Exchange, Pipeline, PipelineBuilder, PipelineControl, Setup, Summary};
pub use policy::{Policy, PolicyDefaults};
pub use registry::{Finding, Registry, SinkConfig, SinkPlan, SourceConfig, SourcePlan};
pub use secret::{Secret, SecretSource};
pub use shutdown::{Phase, Shutdown};
pub use sink::{BatchLimits, EventSink, SinkContext};
pub use source::{EventSource, SourceContext, SourceStatus};
pub use status::{PipelineStatus, SinkReport, SourceReport};
#[cfg(feature = "disk")]
pub use store::StateDirectory;
pub use time::{Clock, SystemClock};
pub use uri::{ComponentSpec, ComponentUri, EndpointSpec, Environment, OptionSpec, OptionValue, UriReader};
