//! HTTP as every sink speaks it: where it goes ([`url`]), which options say how to get there ([`options`]), the client
//! ([`client`]) with its TLS ([`tls`]), and what an answer means for the events ([`answer`], [`classify`]).

// No sink uses all of it.
#![allow(dead_code, unused_imports, reason = "which parts are used depends on the sinks that are built")]

mod answer;
mod classify;
mod client;
mod no_answer;
mod options;
mod tls;
mod url;
mod verifier;

pub(crate) use answer::Answer;
pub(crate) use client::HttpClient;
pub(crate) use options::{CA_FILE, CERT_FILE, INSECURE, KEY_FILE, PROXY, Transport};
pub(crate) use url::{URL_FILE, UrlSource, take_url, take_url_file};

#[cfg(test)]
pub(crate) mod tests;

/// What `just new-sink` copies; compiled and tested here, so that it stays true.
#[cfg(test)]
#[path = "../../scaffold/mod.rs"]
#[allow(unreachable_pub, unused_imports, reason = "a sink's module is public, and this one is not")]
mod scaffold;
