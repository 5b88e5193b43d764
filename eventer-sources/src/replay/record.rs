//! What one object of a recording is: an Event by itself, or in a line of a watch.

use eventer_core::Event;
use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;

/// What one object of a recording says.
#[derive(Debug)]
pub(super) enum Record {
    /// Something happened.
    Event(Box<Event>),
    /// Nothing that anybody wants to hear of: an expiry, a bookmark, an error of a watch, a list without items.
    Passed,
}

/// An object that is no record.
#[derive(Debug, Error)]
pub(super) enum RecordError {
    /// It is not the JSON that it should be.
    #[error("it is not the JSON of an Event")]
    Json(#[from] serde_json::Error),
    /// It is something else.
    #[error("it is neither an Event nor a line of a watch")]
    NoEvent,
}

impl Record {
    pub(super) fn decode(document: &[u8]) -> Result<Self, RecordError> {
        let head: Head<'_> = serde_json::from_slice(document)?;
        let kind = head.kind.as_deref();
        match (head.word.as_deref(), head.object) {
            (Some("ADDED" | "MODIFIED"), Some(object)) => event(object.get().as_bytes()),
            (Some("DELETED" | "BOOKMARK" | "ERROR"), Some(_)) => Ok(Self::Passed),
            (_, None) if kind.is_none_or(|kind| kind == "Event") => event(document),
            (_, None) if kind.is_some_and(|kind| kind.ends_with("List")) => Ok(Self::Passed),
            _ => Err(RecordError::NoEvent),
        }
    }
}

/// What tells the kinds of objects apart.
#[derive(Deserialize)]
struct Head<'a> {
    kind: Option<String>,
    #[serde(rename = "type")]
    word: Option<String>,
    #[serde(borrow)]
    object: Option<&'a RawValue>,
}

/// Every field of an Event can be missing, and so any object would do; but one that says nothing about anything is none.
fn event(json: &[u8]) -> Result<Record, RecordError> {
    let event: Event = serde_json::from_slice(json)?;
    if event.involved_object.kind.is_empty() && event.reason.is_empty() {
        return Err(RecordError::NoEvent);
    }
    Ok(Record::Event(Box::new(event)))
}
