//! A fake Kubernetes API server, true to the recorded wire.
//!
//! [`FakeApiServer`] is the whole of it for a test: `server` starts and ends it and tells what it saw, `drive`
//! moves it, `cluster` fills it with other objects and says what is allowed. Behind it: `state` (what tasks and test share), `store` (objects with their past, and the log that
//! watches read), `serve` (connections), `list`, `watch`, `write` (the verbs), `discovery` (what there is, and what is allowed), `status` and `answer` (the words of
//! errors), `object`, `page` and `selector` (small formats).

mod answer;
mod cluster;
mod discovery;
mod drive;
pub(crate) mod list;
pub(crate) mod object;
pub(crate) mod page;
mod resource;
pub(crate) mod selector;
mod serve;
mod server;
mod state;
pub(crate) mod status;
mod store;
pub(crate) mod watch;
mod write;

pub use answer::Answer;
pub(crate) use resource::Route;
pub use resource::{OtherKind, Resource};
pub(crate) use serve::After;
pub use server::{FakeApiServer, TOKEN};
