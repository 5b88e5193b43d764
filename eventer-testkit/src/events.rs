//! Sample events: recorded, golden, synthetic.

use std::sync::LazyLock;

use crate::flood::template::Templates;

/// The lines of a watch of `core/v1` Events, byte for byte from a real 1.36 API server, without line feeds.
///
/// Some three hundred, ADDED and MODIFIED, with every reason and component of the whole recording. Among them are
/// events with null timestamps, with a series, and about objects of many kinds.
#[must_use]
pub fn recorded_watch_lines() -> Vec<&'static str> {
    include_str!("../testdata/events-core-v1.jsonl").lines().collect()
}

/// Some lines of a watch of `events.k8s.io/v1`, of the same events, without line feeds.
#[must_use]
pub fn recorded_watch_lines_of_events_v1() -> Vec<&'static str> {
    include_str!("../testdata/events-k8s-io-v1.jsonl").lines().collect()
}

/// The object of a watch line, as JSON.
///
/// # Panics
/// If the line is not a watch line.
#[must_use]
#[track_caller]
pub fn object_of(line: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Line<'a> {
        #[serde(borrow)]
        object: &'a serde_json::value::RawValue,
    }
    let line: Line<'_> = serde_json::from_str(line).expect("a watch line");
    line.object.get().to_owned()
}

/// The number of golden inputs.
pub const GOLDEN_INPUTS: usize = 4;

/// The event, as JSON, that golden payload number `number` (from 1) was made from.
///
/// 1: Normal, scheduled. 2: Warning, with quotes, markup, backslashes and Chinese in the message. 3: about a node,
/// whose uid is its name. 4: `eventTime` and a series instead of timestamps, two lines of message.
///
/// # Panics
/// If there is no such number.
#[must_use]
#[track_caller]
pub fn golden_input(number: usize) -> &'static str {
    match number {
        1 => include_str!("../testdata/golden/input-1-normal-scheduled.json"),
        2 => include_str!("../testdata/golden/input-2-warning-backoff.json"),
        3 => include_str!("../testdata/golden/input-3-node-notready.json"),
        4 => include_str!("../testdata/golden/input-4-eventtime-series.json"),
        _ => panic!("golden inputs are numbered 1 to {GOLDEN_INPUTS}"),
    }
}

/// A synthetic `core/v1` Event, as JSON in one line, about 1.3 KB with its `managedFields`.
///
/// The same `number` gives the same bytes. Names, uids and versions are all different; eight namespaces, eight
/// reasons, four events to a pod.
#[must_use]
pub fn flood_event(number: u64) -> Vec<u8> {
    // Prepared texts, which never change.
    static TEMPLATES: LazyLock<Templates> = LazyLock::new(Templates::new);
    let mut out = Vec::with_capacity(1536);
    TEMPLATES.put_object(number, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn recorded_lines_are_watch_lines() {
        let lines = recorded_watch_lines();
        assert!(lines.len() >= 290);
        for line in lines.iter().chain(&recorded_watch_lines_of_events_v1()) {
            let value: Value = serde_json::from_str(&object_of(line)).unwrap();
            assert_eq!(value["kind"], "Event");
        }
    }

    #[test]
    fn golden_inputs_are_events() {
        for number in 1..=GOLDEN_INPUTS {
            let value: Value = serde_json::from_str(golden_input(number)).unwrap();
            assert_eq!(value["kind"], "Event");
        }
    }

    #[test]
    fn flood_events_differ() {
        assert_eq!(flood_event(7), flood_event(7));
        assert_ne!(flood_event(7), flood_event(8));
    }
}
