//! What is wrong with a template or with its rendering, and where in its text.

use std::fmt;

/// Something wrong at one place of a template.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    line: usize,
    column: usize,
    what: String,
}

impl Problem {
    /// A problem at a line and a column, both counted from 1.
    pub(super) fn new(line: usize, column: usize, what: impl Into<String>) -> Self {
        Self { line: line.max(1), column: column.max(1), what: what.into() }
    }

    /// A problem at the byte `offset` of `text`.
    pub(super) fn at(text: &str, offset: usize, what: impl Into<String>) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        let column = before[line_start..].chars().count() + 1;
        Self::new(line, column, what)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.what)
    }
}

/// Why an event could not be rendered. The next event may well be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TemplateError {
    /// An action could not be computed with what the event holds.
    #[error("template, {0}")]
    Action(Problem),
    /// The text grew longer than the limit.
    #[error("the template's text is longer than {0} bytes")]
    TooLong(usize),
    /// It took more steps than the limit.
    #[error("the template takes too many steps")]
    TooManySteps,
    /// Templates called one another too deeply.
    #[error("the template's own templates call one another too deeply")]
    TooDeep,
}
