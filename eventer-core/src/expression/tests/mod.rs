//! What the checker tells, what is computed, and what is told of a decision.

use super::*;

/// A pod's warning with everything filled in that a filter asks for.
fn event() -> Event {
    serde_json::from_str(include_str!("../../../testdata/input-2-warning-backoff.json")).unwrap()
}

fn problem(text: &str) -> String {
    Expression::parse(text).map(|it| format!("{it} was taken")).unwrap_err().to_string()
}
