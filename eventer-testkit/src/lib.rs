//! Misbehaving destinations for eventer's own tests.

pub mod destination;
pub mod http;

pub use destination::{FakeDestination, Reply};
pub use http::{Request, Response};
