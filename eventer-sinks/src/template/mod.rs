//! Go text/template over an event, for the sinks whose text is the user's own.
//!
//! [`Template`] is read and checked once ([`parse`]: the language itself by the crate `gotmpl`; [`blocks`], [`check`]:
//! what it lets pass), and rendered for each event ([`eval`]). The evaluation is our own, since Go's templates call methods
//! (`.LastTimestamp.Format`), which `gotmpl` has not, and since a rendering must end: every step is counted ([`limits`]).
//! It borrows the event: a field that no template asks for costs nothing.
//!
//! What a template sees of an event is in [`shape`] and [`record`], a time in [`time`] and [`kind`], the functions in
//! [`functions`]; what kubernetes-event-exporter's templates ask besides, in [`exporter`].
//! `docs/templates.md` tells users of all this.

#![allow(dead_code, unused_imports, reason = "which parts are used depends on the sinks that are built")]

mod blocks;
mod check;
mod escapes;
mod eval;
mod exporter;
mod functions;
mod kind;
mod limits;
mod output;
mod parse;
mod pass;
mod problem;
mod record;
mod scope;
mod shape;
mod time;
mod value;
mod variables;

pub(crate) use limits::{OUTPUT_BYTES, TEMPLATE_BYTES};
pub(crate) use parse::Template;
pub(crate) use pass::Pass;
pub(crate) use problem::TemplateError;
pub(crate) use scope::{Escaping, Scope};

#[cfg(test)]
mod tests;
