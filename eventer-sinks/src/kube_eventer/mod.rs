//! JSON as kube-eventer writes it, shared by the sinks that keep to it: Go's escaping ([`go`]), the event
//! as its client library knows it ([`event`]), and the envelope around it ([`envelope`]).
//!
//! # Mended
//! | kube-eventer | here | because |
//! |---|---|---|
//! | `metadata.managedFields` of the event, where the API server sends them | left out | a third of the bytes, and they tell nothing of what happened |

// No sink uses all of it.
#![allow(dead_code, unused_imports, reason = "which parts are used depends on the sinks that are built")]

mod envelope;
mod event;
mod go;

pub(crate) use envelope::write_envelope;
pub(crate) use event::{write_compact, write_indented};
pub(crate) use go::compact;

#[cfg(test)]
mod tests;
