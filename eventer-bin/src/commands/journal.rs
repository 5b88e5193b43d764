//! What is told of the journal. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use eventer_core::store::{SinkPlace, StateSummary};
use eventer_core::time::{format_duration, rfc3339_micros, rfc3339_seconds};
use jiff::Timestamp;
use serde::Serialize;

use super::json;
use super::table::{one_line, table};
use crate::args::Output;

/// The most characters of a version.
const VERSION_COLUMNS: usize = 40;

/// How full the journal is, and how far each sink and source has come at `now`.
pub(super) fn render(summary: &StateSummary, now: Timestamp, output: Output) -> String {
    match output {
        Output::Text => text(summary, now),
        Output::Json => json(&Journal::new(summary, now)),
    }
}

fn text(summary: &StateSummary, now: Timestamp) -> String {
    let facts = [
        ("batches", summary.batches.to_string()),
        ("events", summary.events.to_string()),
        ("bytes", summary.bytes.to_string()),
        ("oldest", summary.oldest.map_or("-".to_owned(), rfc3339_seconds)),
        ("dead letters", summary.dead_letters.to_string()),
    ];
    let mut out: String =
        facts.iter().map(|(name, value)| format!("{:14}{value}\n", format!("{name}:"))).collect();
    let sinks = summary.sinks.iter().map(|(name, place)| {
        [
            one_line(name, usize::MAX),
            place.number.to_string(),
            place.waiting.to_string(),
            lag(place, now).map_or("-".to_owned(), format_duration),
            rfc3339_seconds(place.seen_at),
        ]
    });
    out.push('\n');
    out.push_str(&table(["SINK", "NUMBER", "WAITING", "LAG", "LAST SEEN"], sinks));
    let sources = summary.sources.iter().flat_map(|(name, checkpoint)| {
        checkpoint.0.iter().map(|(scope, position)| {
            [
                one_line(name, usize::MAX),
                if scope.is_empty() { "-".to_owned() } else { one_line(scope, usize::MAX) },
                one_line(&position.version, VERSION_COLUMNS),
                rfc3339_seconds(position.at),
            ]
        })
    });
    out.push('\n');
    out.push_str(&table(["SOURCE", "SCOPE", "VERSION", "WHEN"], sources));
    out
}

#[derive(Serialize)]
struct Journal<'a> {
    batches: u64,
    events: u64,
    bytes: u64,
    oldest: Option<String>,
    dead_letters: u64,
    sinks: BTreeMap<&'a str, Sink>,
    sources: BTreeMap<&'a str, BTreeMap<&'a str, Source<'a>>>,
}

#[derive(Serialize)]
struct Sink {
    number: u64,
    waiting: u64,
    waits_since: Option<String>,
    lag_seconds: u64,
    seen_at: String,
}

#[derive(Serialize)]
struct Source<'a> {
    version: &'a str,
    at: String,
}

impl<'a> Journal<'a> {
    fn new(summary: &'a StateSummary, now: Timestamp) -> Self {
        let sink = |place: &SinkPlace| Sink {
            number: place.number,
            waiting: place.waiting,
            waits_since: place.waits_since.map(rfc3339_micros),
            lag_seconds: lag(place, now).unwrap_or_default().as_secs(),
            seen_at: rfc3339_micros(place.seen_at),
        };
        let sources = summary.sources.iter().map(|(name, checkpoint)| {
            let positions = checkpoint.0.iter().map(|(scope, position)| {
                (&**scope, Source { version: &position.version, at: rfc3339_micros(position.at) })
            });
            (&**name, positions.collect())
        });
        Self {
            batches: summary.batches,
            events: summary.events,
            bytes: summary.bytes,
            oldest: summary.oldest.map(rfc3339_micros),
            dead_letters: summary.dead_letters,
            sinks: summary.sinks.iter().map(|(name, place)| (&**name, sink(place))).collect(),
            sources: sources.collect(),
        }
    }
}

/// How long the oldest event that waits for the sink has been there, in whole seconds.
fn lag(place: &SinkPlace, now: Timestamp) -> Option<Duration> {
    let since = place.waits_since.filter(|_| place.waiting > 0)?;
    let lag = Duration::try_from(now.duration_since(since)).unwrap_or_default();
    Some(Duration::from_secs(lag.as_secs()))
}
