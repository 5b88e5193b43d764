//! What is wrong with an expression or with its evaluation, and where in its text.

use std::fmt;

/// Something wrong at one place of an expression.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Problem {
    /// Counted from 1; `None`: there is one line only.
    line: Option<usize>,
    column: usize,
    what: String,
}

impl Problem {
    /// A problem at the byte `offset` of `text`.
    pub(super) fn at(text: &str, offset: usize, what: impl Into<String>) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = text.contains('\n').then(|| before.matches('\n').count() + 1);
        Self { line, column: before[line_start..].chars().count() + 1, what: what.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}, ")?;
        }
        write!(f, "column {}: {}", self.column, self.what)
    }
}

/// Why a text is no expression: everything that is wrong with it, each with its place, for a user to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionError {
    problems: Vec<Problem>,
}

impl ExpressionError {
    pub(super) fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort();
        problems.dedup();
        Self { problems }
    }
}

impl From<Problem> for ExpressionError {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let before = if index == 0 { "" } else { "; " };
            write!(f, "{before}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ExpressionError {}

/// Why an expression could not be computed for one event: a number or a time left its range, or a division was by zero.
/// It would fail for this event in the same way again; the next event may do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it could not be computed: {problem}")]
pub struct EvaluationError {
    problem: Problem,
}

impl EvaluationError {
    pub(super) fn new(problem: Problem) -> Self {
        Self { problem }
    }
}
