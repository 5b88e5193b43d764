//! An event as one line of aligned columns, for people.
//!
//! Columns end at fixed places. A value that is too long is not cut: it pushes the next column on, and the line finds
//! back to the columns where a shorter value leaves room.

use eventer_core::Event;
use eventer_core::event::EventType;
use eventer_core::time::rfc3339_seconds;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::escape::write_shown;

const GAP: usize = 2;
const UTC_TIME: usize = "2024-05-06T07:08:10Z".len();
const LOCAL_TIME: usize = "2024-05-06T15:08:10+08:00".len();
const TYPE: usize = "Warning".len();
const OBJECT: usize = 42;
const REASON: usize = 20;
const COUNT: usize = 4;
const COMPONENT: usize = 21;
const CLUSTER: usize = 12;

const DIM: &str = "\x1b[2m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const MAGENTA: &str = "\x1b[35m";
const RESET: &str = "\x1b[0m";

/// Adds the line of `event`, without its newline.
pub(super) fn encode(event: &Event, zone: &TimeZone, is_colored: bool, out: &mut Vec<u8>) {
    let color = match event.event_type {
        EventType::Normal => GREEN,
        EventType::Warning => YELLOW,
        _ => MAGENTA,
    };
    let mut line = Line { out, is_colored, at: 0, end: 0 };
    let is_utc = *zone == TimeZone::UTC;
    let time = if is_utc { UTC_TIME } else { LOCAL_TIME };
    line.cell(time, Some(DIM), &[&local_time(event.last_seen(), zone, is_utc)]);
    line.cell(TYPE, Some(color), &[event.event_type.as_str()]);
    let object = &event.involved_object;
    if object.namespace.is_empty() {
        line.cell(OBJECT, None, &[&object.kind, "/", &object.name]);
    } else {
        line.cell(OBJECT, None, &[&object.namespace, "/", &object.kind, "/", &object.name]);
    }
    line.cell(REASON, Some(color), &[&event.reason]);
    line.cell(COUNT, None, &["x", &event.count().to_string()]);
    line.cell(COMPONENT, None, &[event.component()]);
    if let Some(cluster) = &event.cluster {
        line.cell(CLUSTER, None, &[cluster]);
    }
    line.rest(&event.message);
}

fn local_time(at: Timestamp, zone: &TimeZone, is_utc: bool) -> String {
    if is_utc {
        return rfc3339_seconds(at);
    }
    at.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

struct Line<'a> {
    out: &'a mut Vec<u8>,
    is_colored: bool,
    /// Characters written.
    at: usize,
    /// Where the last column ends.
    end: usize,
}

impl Line<'_> {
    /// Writes a column of that width; one without a value is `-`, so that columns can be counted.
    fn cell(&mut self, width: usize, color: Option<&str>, parts: &[&str]) {
        self.pad();
        self.end += width + GAP;
        let color = color.filter(|_| self.is_colored);
        self.out.extend_from_slice(color.unwrap_or_default().as_bytes());
        if parts.iter().all(|part| part.is_empty()) {
            self.at += write_shown("-", self.out);
        }
        for part in parts {
            self.at += write_shown(part, self.out);
        }
        self.out.extend_from_slice(color.map_or("", |_| RESET).as_bytes());
    }

    fn rest(&mut self, text: &str) {
        if !text.is_empty() {
            self.pad();
            write_shown(text, self.out);
        }
    }

    fn pad(&mut self) {
        if self.end > 0 {
            let spaces = self.end.saturating_sub(self.at).max(GAP);
            self.out.resize(self.out.len() + spaces, b' ');
            self.at += spaces;
        }
    }
}
