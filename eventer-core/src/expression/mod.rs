//! Expressions over events, in the Common Expression Language (CEL): what `where=` takes.
//!
//! The crate `cel` reads the language. Its tree is checked against the fields of an event once ([`check`], [`schema`]), so
//! that every name and every type is known to fit, and becomes a tree of our own ([`node`]) that is evaluated over a
//! borrowed event ([`eval`]). `docs/filters.md` describes the language.
//!
//! ```
//! use eventer_core::{Event, Expression};
//!
//! let expression = Expression::parse(r#"type == "Warning" && involvedObject.kind in ["Pod", "Node"]"#)?;
//! let event: Event = serde_json::from_str(r#"{"type": "Warning", "involvedObject": {"kind": "Job"}}"#)?;
//! assert_eq!(expression.matches(&event), Ok(false));
//!
//! let error = Expression::parse("involvedObjekt.kind == 'Pod'").unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     r#"column 1: there is no field "involvedObjekt", did you mean "involvedObject"?"#
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod check;
mod eval;
mod explain;
mod functions;
mod mistakes;
mod node;
mod parse;
mod problem;
mod scan;
mod schema;
#[cfg(test)]
mod tests;
mod value;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::event::Event;
use crate::uri::OptionValue;
use node::Node;
use problem::Problem;
pub use problem::{EvaluationError, ExpressionError};
use scan::Brackets;
pub(crate) use value::quoted;

/// A condition on an event: read and checked once, asked of many. A clone shares it. It is shown as its text.
#[derive(Clone)]
pub struct Expression(Arc<Compiled>);

struct Compiled {
    text: String,
    brackets: Brackets,
    root: Node,
}

impl Expression {
    /// Reads an expression, and checks it: it must be true or false, every field and function must exist, types must
    /// fit, and a regular expression in it must be one.
    ///
    /// # Errors
    /// Tells all that is wrong, each with its place, for a user to read. Of mistakes in the grammar the first is told.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        let (root, brackets) = parse::parse(text).map_err(ExpressionError::new)?;
        Ok(Self(Arc::new(Compiled { text: text.to_owned(), brackets, root })))
    }

    /// Whether it is true of `event`. What the event lacks is `""`, `0`, `false` or empty.
    ///
    /// # Errors
    /// If it cannot be computed for this event, since a number or a time is out of range or a division is by zero. What
    /// does not matter to the answer is no error: `false && 1 / 0 > 1` is false, on both sides.
    pub fn matches(&self, event: &Event) -> Result<bool, EvaluationError> {
        let fault = |fault: eval::Fault| Problem::at(&self.0.text, fault.at, fault.what);
        self.0.root.truth(event).map_err(|it| EvaluationError::new(fault(it)))
    }

    /// Which part of it decided about `event`, and what the fields in that part hold; for people.
    pub(crate) fn explain(&self, event: &Event) -> String {
        match self.matches(event) {
            Ok(truth) => explain::explain(&self.0, event, truth),
            Err(error) => error.to_string(),
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.0.text).finish()
    }
}

impl FromStr for Expression {
    type Err = ExpressionError;

    fn from_str(text: &str) -> Result<Self, ExpressionError> {
        Self::parse(text)
    }
}

impl OptionValue for Expression {
    fn parse_option(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|error| error.to_string())
    }
}
