//! The stored form of a batch's events: one line an event, its time of receipt and its JSON, all compressed with LZ4.
//!
//! JSON, since it is the one form of an event that outlives a version of this program.

use std::io::Write as _;
use std::sync::Arc;

use jiff::Timestamp;
use memchr::memchr;

use crate::batch::EventBatch;
use crate::event::Event;

/// The events of a batch in their stored form.
pub(super) fn encode(batch: &EventBatch) -> Vec<u8> {
    let size: usize = batch.iter().map(|event| event.json_size_hint()).sum();
    let mut lines = Vec::with_capacity(size);
    for event in batch {
        let written = write!(lines, "{} ", event.received_at.as_microsecond())
            .map_err(serde_json::Error::io)
            .and_then(|()| serde_json::to_writer(&mut lines, event));
        written.expect("an event is JSON by its derive, and a vector takes it");
        lines.push(b'\n');
    }
    lz4_flex::compress_prepend_size(&lines)
}

/// Reads the events of a batch back.
pub(super) fn decode(payload: &[u8]) -> Result<Vec<Arc<Event>>, String> {
    let lines = lz4_flex::decompress_size_prepended(payload).map_err(|error| error.to_string())?;
    let mut events = Vec::new();
    let mut rest = lines.as_slice();
    while let Some(end) = memchr(b'\n', rest) {
        events.push(Arc::new(decode_line(&rest[..end])?));
        rest = &rest[end + 1..];
    }
    if rest.is_empty() { Ok(events) } else { Err("its last line is cut off".to_owned()) }
}

fn decode_line(line: &[u8]) -> Result<Event, String> {
    let (received_at, json) = memchr(b' ', line).map(|at| line.split_at(at)).ok_or("a line has no time")?;
    let micros = std::str::from_utf8(received_at).ok().and_then(|text| text.parse().ok());
    let received_at = micros
        .and_then(|micros| Timestamp::from_microsecond(micros).ok())
        .ok_or("a line begins with no time")?;
    let event: Event = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    Ok(Event { received_at, ..event })
}
