//! HTTP as every sink speaks it: the destination's URL ([`url`]), the client ([`client`]), and what an answer means for the
//! events ([`classify`]).

mod classify;
mod client;
mod url;

pub(crate) use client::HttpClient;
pub(crate) use url::take_url;

#[cfg(test)]
pub(crate) mod tests;

/// What `just new-sink` copies; compiled and tested here, so that it stays true.
#[cfg(test)]
#[path = "../../scaffold/mod.rs"]
#[allow(unreachable_pub, unused_imports, reason = "a sink's module is public, and this one is not")]
mod scaffold;
