//! Watches the Events of a Kubernetes cluster, without losing one.
//!
//! It drives list and watch itself over a [`kube::Client`], which brings authentication and TLS, and reads each line
//! straight into an [`Event`](eventer_core::Event). `kube::runtime`'s watcher cannot begin at a known version, hides
//! bookmarks, and repeats a 410 for ever.
//!
//! - [`config`] and [`connect`]: from `--source=kubernetes:…` to a client; [`options`]: what is watched, and how.
//! - [`source`]: the [`EventSource`](eventer_core::EventSource), a task per scope, with [`buffer`] in between.
//! - [`scope`]: **the state machine** of one watch over all its ends; [`watch`] reads it while it is open, [`relist`]
//!   closes the gap behind a 410. [`place`] is what a checkpoint keeps of it.
//! - [`api`]: the requests, [`failure`]: their refusals; [`lines`] and [`decode`]: bytes to events.
//! - [`enrich`]: what is looked up around the objects of events.
//! - [`config_maps`]: the ConfigMaps of the same cluster, for sinks that ask.
//! - [`check`]: whether the API server would hand out what is read.
//! - [`board`]: what `/readyz` sees; [`trouble`]: what is worth a line in the log.

mod api;
mod board;
mod buffer;
mod check;
mod config;
mod config_maps;
mod connect;
mod decode;
mod enrich;
mod expiry;
mod failure;
mod gap;
mod lines;
mod options;
mod place;
mod relist;
mod scope;
mod source;
mod trouble;
mod watch;

pub use config::KubernetesConfig;
pub use connect::ConnectOptions;
pub use decode::{DecodeError, Decoder, Stamp, Status, WatchLine};
pub use enrich::{EnrichOptions, KNOWN_KINDS, KnownKind, Snapshot};
pub use lines::{Line, Lines};
pub use options::{Backfill, WatchOptions};
pub use source::KubernetesSource;
