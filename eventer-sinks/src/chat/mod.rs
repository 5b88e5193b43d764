//! What DingTalk and WeCom have in common: kube-eventer's chat text ([`text`]), cut to what a service takes ([`fit`]),
//! and the answer that hides an error code in a 200 ([`reply`]).

// No sink uses all of it.
#![allow(dead_code, unused_imports, reason = "which parts are used depends on the sinks that are built")]

mod fit;
mod reply;
mod text;

pub(crate) use fit::{fit, json_width};
pub(crate) use reply::{Reply, ask};
pub(crate) use text::text;

#[cfg(test)]
mod tests;
