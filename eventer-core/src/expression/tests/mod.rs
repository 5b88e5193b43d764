//! What is a mistake, what is computed, and what is told of a decision.

mod against_cel;
mod checks;
mod docs;
mod evaluation;
mod explanations;
mod fields;
mod limits;

use super::*;

/// A pod's warning, as a cluster wrote it.
fn event() -> Event {
    serde_json::from_str(include_str!("../../../testdata/input-2-warning-backoff.json")).unwrap()
}

/// The event with `json` in it besides.
fn event_with(json: &str) -> Event {
    let mut value = serde_json::to_value(event()).unwrap();
    let more: serde_json::Map<_, _> = serde_json::from_str(json).unwrap();
    value.as_object_mut().unwrap().extend(more);
    serde_json::from_value(value).unwrap()
}

fn expression(text: &str) -> Expression {
    Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn matches(text: &str, event: &Event) -> Result<bool, String> {
    expression(text).matches(event).map_err(|error| error.to_string())
}
