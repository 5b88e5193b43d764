//! Which events of a request InfluxDB will never take, read from its answer. Pure.
//!
//! | version | how it names a line | what became of the others |
//! |---|---|---|
//! | 1 | `unable to parse '<line>': <reason>`, one for each | written |
//! | 2 | the same, the first one only | not written |
//! | 3 | `data: [{line_number, original_line, error_message}]` | written |
//!
//! The others are sent once more in either case: a point that is written twice is the same point. What else is wrong with
//! some of the points (`partial write: points beyond retention policy dropped=1`, `field type conflict`) names none of
//! them; then nothing is known, and the framework looks for the guilty ones by halves.
//!
//! Sources: `ParsePointsWithPrecision` in <https://github.com/influxdata/influxdb/blob/v1.8.10/models/points.go>,
//! `parsePointsWithPrecision` of the same at v2.7, `WriteLineError` in
//! <https://github.com/influxdata/influxdb/tree/main/influxdb3_write>; for 1 also the live tests.

use serde::Deserialize;

use super::encode::Payload;

/// What stands before a line in the answers of 1 and 2.
const UNABLE: &str = "unable to parse '";

/// An event that will never be taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Guilty {
    /// Its index.
    pub(super) index: usize,
    /// What the server says of it, without the line itself.
    pub(super) reason: String,
}

/// What may stand in the body of an error.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    /// Of 1 and 3.
    error: String,
    /// Of 2.
    message: String,
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Data {
    All(Vec<LineError>),
    First(LineError),
    Other(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct LineError {
    original_line: String,
    /// From 1.
    line_number: usize,
    error_message: String,
}

/// The events of `payload` that the body of an answer names. None if it names none, or anything that is none of them.
pub(super) fn named(body: &[u8], payload: &Payload) -> Vec<Guilty> {
    let Ok(refusal) = serde_json::from_slice::<Refusal>(body) else { return Vec::new() };
    match &refusal.data {
        Some(Data::All(errors)) => by_number(errors, payload),
        Some(Data::First(error)) => by_number(std::slice::from_ref(error), payload),
        Some(Data::Other(_)) | None => by_text(&format!("{}\n{}", refusal.error, refusal.message), payload),
    }
}

/// Whether the server would take the points if somebody raised a limit of it, which every new series runs into.
pub(super) fn is_limit(body: &[u8]) -> bool {
    let Ok(refusal) = serde_json::from_slice::<Refusal>(body) else { return false };
    ["max-values-per-tag limit exceeded", "max-series-per-database limit exceeded"]
        .iter()
        .any(|limit| refusal.error.contains(limit))
}

fn by_text(text: &str, payload: &Payload) -> Vec<Guilty> {
    if !text.contains(UNABLE) {
        return Vec::new();
    }
    let guilty = payload.lines().enumerate().filter_map(|(index, line)| {
        let line = std::str::from_utf8(line).ok()?;
        let (_, rest) = text.split_once(&format!("{UNABLE}{line}': "))?;
        let reason = rest.lines().next().unwrap_or_default();
        // How many more were dropped is said at the end, of all of them.
        let reason = reason.rsplit_once(" dropped=").map_or(reason, |(reason, _)| reason);
        Some(Guilty { index, reason: reason.to_owned() })
    });
    guilty.collect()
}

fn by_number(errors: &[LineError], payload: &Payload) -> Vec<Guilty> {
    let guilty: Option<Vec<Guilty>> = errors
        .iter()
        .map(|error| {
            let index = error.line_number.checked_sub(1)?;
            let line = payload.lines().nth(index)?;
            // A long line is cut.
            let shown = error.original_line.trim_end_matches('\n').trim_end_matches("...");
            line.starts_with(shown.as_bytes()).then(|| Guilty { index, reason: error.error_message.clone() })
        })
        .collect();
    guilty.unwrap_or_default()
}

/// What of the body of a 2xx says that nothing was written: a page of another server, such as a login, or an error.
pub(super) fn belies_success(body: &[u8]) -> Option<String> {
    let is_page = body.trim_ascii_start().starts_with(b"<");
    if is_page { Some(String::from_utf8_lossy(body).into_owned()) } else { super::database::failure(body) }
}
