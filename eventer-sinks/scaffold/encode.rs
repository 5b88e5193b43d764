//! The body of a request. Pure.

use eventer_core::EventBatch;

/// Writes the events as JSON, one a line.
pub(super) fn body(batch: &EventBatch) -> serde_json::Result<Vec<u8>> {
    let mut body = Vec::with_capacity(batch.iter().map(|event| event.json_size_hint()).sum());
    for event in batch {
        serde_json::to_writer(&mut body, &**event)?;
        body.push(b'\n');
    }
    Ok(body)
}
