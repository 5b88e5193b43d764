//! Each event of a batch by itself: sent, refused, or shown. For sinks whose destination takes one event at a time, or that
//! cannot write every event.

#![allow(dead_code, reason = "which parts are used depends on the sinks that are built")]

use std::future::Future;

use eventer_core::{BuildError, Event, EventBatch, ExportError, ExportErrorKind, report};

/// Sends each event with a request of its own, up to the first failure. What was sent before it stays delivered; an event
/// that is refused for good stands alone in that.
pub(crate) async fn send<'b, F>(
    batch: &'b EventBatch,
    send: impl Fn(&'b Event) -> F + Send,
) -> Result<(), ExportError>
where
    F: Future<Output = Result<(), ExportError>> + Send,
{
    for (index, event) in batch.iter().enumerate() {
        send(event).await.map_err(|error| match error.kind() {
            _ if batch.len() == 1 => error,
            ExportErrorKind::Rejected => {
                let reason = report(&error);
                error.with_rejected(index, reason).with_unsent(index + 1..batch.len())
            }
            _ => error.with_unsent(index..batch.len()),
        })?;
    }
    Ok(())
}

/// Says of a batch that is delivered but for some of its events which those are, and why they never can be.
pub(crate) fn refuse(rejections: Vec<(usize, String)>) -> Result<(), ExportError> {
    let Some((_, reason)) = rejections.first() else { return Ok(()) };
    let error = ExportError::rejected(reason.clone());
    Err(rejections.into_iter().fold(error, |error, (index, reason)| error.with_rejected(index, reason)))
}

/// Shows what is sent of each event: `what` of it, such as its message, one a line.
pub(crate) fn show(
    batch: &EventBatch,
    what: &str,
    make: impl Fn(&Event) -> Result<Vec<u8>, String>,
) -> Result<Option<String>, BuildError> {
    let mut shown = String::new();
    for event in batch {
        let made =
            make(event).map_err(|error| BuildError::new(format!("make the {what} of an event"), error))?;
        shown.push_str(&String::from_utf8_lossy(&made));
        shown.push('\n');
    }
    Ok(Some(shown))
}
