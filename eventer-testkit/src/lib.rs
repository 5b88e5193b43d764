//! A fake Kubernetes API server, misbehaving destinations and sample events, for eventer's own tests.
//!
//! - [`FakeApiServer`]: lists, watches, leases and ConfigMaps as a real server gives them byte for byte, and
//!   every way in which one fails, on order.
//! - [`FakeDestination`]: an HTTP destination that records what it gets and misbehaves as told.
//! - [`events`]: recorded events, the four golden ones, and a flood of synthetic ones.
//! - [`flood`]: millions of events, generated as they are read, for benchmarks.
//! - `live`, with the feature of that name: real servers, for tests that speak to them.
//!
//! Nothing here is global: every server listens on its own port and dies with its value. Never a dependency of a
//! shipped crate.

pub mod apiserver;
pub mod destination;
pub mod events;
pub mod flood;
pub mod http;
#[cfg(feature = "live")]
pub mod live;

pub use apiserver::{Answer, FakeApiServer, Resource};
pub use destination::{FakeDestination, Reply};
pub use http::{Request, Response};

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
