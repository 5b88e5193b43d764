//! Events as rows of a table that grows at its end. Pure.
//!
//! What follows is not known yet, so a column is as wide as the widest value so far, up to a limit. Beyond it a value is
//! cut on a terminal, and else pushes the next column on; the line finds back where a shorter value leaves room.
//!
//! The message tells what happened, and is never crowded out ([`MESSAGE`]): where a terminal is narrow, the others become
//! narrower, and then some are left out ([`DISPENSABLE`]).

use std::time::Duration;

use eventer_core::Event;
use eventer_core::event::EventType;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::commands::table::one_line;

const GAP: usize = 2;
const ELLIPSIS: char = '…';

/// So much room the message has at least, even if the line is wider than the terminal for it.
const MESSAGE: usize = 30;

/// What is left out where there is no room, in this order: colours tell the type, too, and the time is mostly now.
const DISPENSABLE: [Column; 2] = [Column::Type, Column::LastSeen];

const DIM: &str = "\x1b[2m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const MAGENTA: &str = "\x1b[35m";
const RESET: &str = "\x1b[0m";

/// What is shown, and how.
#[derive(Clone, Debug)]
pub(super) struct Style {
    /// More columns, and nothing is cut.
    pub(super) is_wide: bool,
    /// A column for the namespace.
    pub(super) has_namespaces: bool,
    /// Colours.
    pub(super) is_colored: bool,
    /// The zone of times.
    pub(super) zone: TimeZone,
}

/// The columns of the table.
#[derive(Debug)]
pub(super) struct Columns {
    style: Style,
    columns: Vec<Column>,
    widths: Vec<usize>,
    /// As the headings say it.
    left_out: &'static [Column],
}

/// An event as a row.
#[derive(Debug)]
pub(super) struct Row {
    cells: Vec<String>,
    /// The colour of the type.
    color: &'static str,
}

/// What stands on a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// With colours.
    pub(super) text: String,
    /// How many columns of a terminal it takes.
    pub(super) columns: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    LastSeen,
    Namespace,
    Type,
    Reason,
    Object,
    Source,
    FirstSeen,
    Count,
    Name,
    Message,
}

impl Columns {
    /// With nothing but headings so far.
    pub(super) fn new(style: Style) -> Self {
        use Column::{Count, FirstSeen, LastSeen, Message, Name, Namespace, Object, Reason, Source, Type};
        let columns: &[Column] = match style.is_wide {
            true => &[LastSeen, Namespace, Type, Reason, Object, Source, FirstSeen, Count, Name, Message],
            false => &[LastSeen, Namespace, Type, Reason, Object, Message],
        };
        let is_shown = |column: &Column| *column != Namespace || style.has_namespaces;
        let columns: Vec<Column> = columns.iter().copied().filter(is_shown).collect();
        Self { style, widths: vec![0; columns.len()], columns, left_out: &[] }
    }

    /// Makes an event a row. Times of the day of `now` are written without it.
    pub(super) fn row(&self, event: &Event, now: Timestamp) -> Row {
        let time = |at: Timestamp| time(at, now, &self.style.zone);
        let cell = |column: &Column| match column {
            Column::LastSeen => time(event.last_seen()),
            Column::Namespace => event.metadata.namespace.clone(),
            Column::Type => event.event_type.as_str().to_owned(),
            Column::Reason => event.reason.clone(),
            Column::Object => format!("{}/{}", event.involved_object.kind, event.involved_object.name),
            Column::Source => source(event),
            Column::FirstSeen => time(first_seen(event)),
            Column::Count => event.count().to_string(),
            Column::Name => event.metadata.name.clone(),
            Column::Message if self.style.is_wide => event.message.clone(),
            Column::Message => format!("{}{}", repeats(event), event.message),
        };
        Row {
            cells: self.columns.iter().map(|column| one_line(&cell(column), usize::MAX)).collect(),
            color: match event.event_type {
                EventType::Normal => GREEN,
                EventType::Warning => YELLOW,
                EventType::Other(_) | EventType::Empty => MAGENTA,
            },
        }
    }

    /// Makes the columns wide enough for `row`, within their limits; `room` is the width of a terminal.
    pub(super) fn grow(&mut self, row: &Row, room: Option<usize>) {
        for ((column, width), cell) in self.columns.iter().zip(&mut self.widths).zip(&row.cells) {
            let wanted = cell.width().clamp(column.least(room), column.limit(room));
            *width = wanted.max(*width);
        }
    }

    /// The headings, within `room`. They say which columns there are from now on.
    pub(super) fn headings(&mut self, room: Option<usize>) -> Line {
        for count in 0..=DISPENSABLE.len() {
            self.left_out = &DISPENSABLE[..count];
            if room.is_none_or(|room| self.narrow().iter().sum::<usize>() + MESSAGE <= room) {
                break;
            }
        }
        let cells = self.columns.iter().map(|column| (column.heading(), None));
        self.join(cells, room)
    }

    /// The line of `row`, within `room`.
    pub(super) fn line(&self, row: &Row, room: Option<usize>) -> Line {
        let color = |column: &Column| match column {
            Column::LastSeen | Column::FirstSeen => Some(DIM),
            Column::Type | Column::Reason => Some(row.color),
            _ => None,
        };
        let cells = self.columns.iter().zip(&row.cells);
        self.join(
            cells.map(|(column, cell)| (&**cell, color(column).filter(|_| self.style.is_colored))),
            room,
        )
    }

    fn join<'a>(
        &self,
        cells: impl Iterator<Item = (&'a str, Option<&'static str>)>,
        room: Option<usize>,
    ) -> Line {
        let mut line = Line { text: String::new(), columns: 0 };
        let widths = self.fitted(room);
        let begin: usize = widths.iter().sum();
        // As many rows as it needs, and all of them.
        let rows = |columns: usize| (begin + MESSAGE).div_ceil(columns) * columns;
        let room_of_line = room.map_or(usize::MAX, |room| room.max(rows(room + 1) - 1));
        let mut end = 0;
        for ((column, width), (cell, color)) in self.columns.iter().zip(widths).zip(cells) {
            if self.left_out.contains(column) {
                continue;
            }
            let limit = if room.is_some() && *column != Column::Message { width - GAP } else { usize::MAX };
            // Empty cells show nothing, and columns must be counted.
            let cell = if cell.is_empty() && *column != Column::Message { "-" } else { cell };
            let cell = match column {
                Column::Object | Column::Name => cut_inside(cell, limit),
                _ => cut(cell, limit),
            };
            line.pad(end, room_of_line);
            line.push(&cell, color, room_of_line);
            end += width;
        }
        line
    }

    /// How wide each column is within `room`, with the gap behind it; the message and what is left out count nothing.
    fn fitted(&self, room: Option<usize>) -> Vec<usize> {
        let columns = self.columns.iter().zip(&self.widths);
        let wanted: Vec<usize> = columns.map(|(column, width)| self.taken(*column, *width)).collect();
        let Some(room) = room else { return wanted };
        let mut widths = self.narrow();
        let mut spare = room.saturating_sub(widths.iter().sum::<usize>() + MESSAGE);
        // The object comes first: without its name nothing can be done about it.
        for (width, wanted) in widths.iter_mut().zip(wanted).rev() {
            let more = (wanted - *width).min(spare);
            *width += more;
            spare -= more;
        }
        widths
    }

    /// The same, with every column as narrow as it may be.
    fn narrow(&self) -> Vec<usize> {
        let columns = self.columns.iter().zip(&self.widths);
        columns.map(|(column, width)| self.taken(*column, column.narrow().min(*width))).collect()
    }

    fn taken(&self, column: Column, width: usize) -> usize {
        let is_there = column != Column::Message && !self.left_out.contains(&column);
        if is_there { width + GAP } else { 0 }
    }
}

impl Column {
    fn heading(self) -> &'static str {
        match self {
            Self::LastSeen => "LAST SEEN",
            Self::Namespace => "NAMESPACE",
            Self::Type => "TYPE",
            Self::Reason => "REASON",
            Self::Object => "OBJECT",
            Self::Source => "SOURCE",
            Self::FirstSeen => "FIRST SEEN",
            Self::Count => "COUNT",
            Self::Name => "NAME",
            Self::Message => "MESSAGE",
        }
    }

    /// How wide the column is at least, so that common values do not widen it later.
    fn least(self, room: Option<usize>) -> usize {
        let least = match self {
            Self::LastSeen | Self::FirstSeen => "15:04:05".len(),
            Self::Type => "Warning".len(),
            Self::Reason => share(room, 7).clamp("Unhealthy".len(), "FailedScheduling".len()),
            Self::Object => share(room, 4).clamp(20, 28),
            _ => 0,
        };
        self.heading().len().max(least)
    }

    /// How narrow the column may become, so that the message has room.
    fn narrow(self) -> usize {
        match self {
            Self::Namespace => "NAMESPACE".len(),
            Self::Reason => "Unhealthy".len(),
            // The kind, and the end of a pod's name.
            Self::Object => 14,
            _ => usize::MAX,
        }
    }

    /// The most that the column grows to, of a terminal with that `room`.
    fn limit(self, room: Option<usize>) -> usize {
        let limit = match self {
            Self::Namespace => share(room, 10).min(28),
            Self::Reason => share(room, 7).min(28),
            Self::Object => share(room, 4).min(60),
            Self::Name => 60,
            Self::Source => 28,
            Self::Message => 0,
            Self::LastSeen | Self::Type | Self::FirstSeen | Self::Count => usize::MAX,
        };
        limit.max(self.least(room))
    }
}

/// One of so many parts of the room that there is.
fn share(room: Option<usize>, parts: usize) -> usize {
    room.map_or(usize::MAX, |room| room / parts)
}

impl Line {
    fn push(&mut self, text: &str, color: Option<&str>, room: usize) {
        let text = cut(text, room - self.columns);
        self.columns += text.width();
        match color.filter(|_| !text.is_empty()) {
            Some(color) => self.text.extend([color, &text, RESET]),
            None => self.text.push_str(&text),
        }
    }

    /// Goes on to the column that begins at `end`, a gap behind what stands there.
    fn pad(&mut self, end: usize, room: usize) {
        if self.columns > 0 {
            let spaces = end.saturating_sub(self.columns).max(GAP).min(room - self.columns);
            self.text.extend(std::iter::repeat_n(' ', spaces));
            self.columns += spaces;
        }
    }
}

/// The time of the day, and the day if it is not that of `now`.
fn time(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (at, now) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    let form = if at.date() == now.date() { "%H:%M:%S" } else { "%b %d %H:%M:%S" };
    at.strftime(form).to_string()
}

fn first_seen(event: &Event) -> Timestamp {
    let first = event.first_timestamp.or(event.event_time).or(event.metadata.creation_timestamp);
    first.unwrap_or(event.received_at)
}

/// As kubectl writes it: the component, and the node that it runs on.
fn source(event: &Event) -> String {
    match (&*event.source.host, &*event.reporting_instance) {
        ("", "") => event.component().to_owned(),
        ("", instance) if event.source.component.is_empty() => format!("{}, {instance}", event.component()),
        ("", _) => event.component().to_owned(),
        (host, _) => format!("{}, {host}", event.component()),
    }
}

/// How often it was seen and over which time, if more than once: `(x7 over 3m) `.
fn repeats(event: &Event) -> String {
    let over = event.last_seen().duration_since(first_seen(event));
    match (event.count(), Duration::try_from(over).unwrap_or_default()) {
        (1, _) => String::new(),
        (count, Duration::ZERO) => format!("(x{count}) "),
        (count, over) => format!("(x{count} over {}) ", rough(over)),
    }
}

/// A span as kubectl writes ages: as precisely as anybody wants to know.
fn rough(span: Duration) -> String {
    let seconds = span.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |many: u64, unit: &str, rest: u64, rest_unit: &str| match rest {
        0 => format!("{many}{unit}"),
        rest => format!("{many}{unit}{rest}{rest_unit}"),
    };
    match () {
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        () if hours < 3 => format!("{minutes}m"),
        () if hours < 8 => two(hours, "h", minutes % 60, "m"),
        () if days < 2 => format!("{hours}h"),
        () => two(days, "d", hours % 24, "h"),
    }
}

/// The text within `limit` columns, without its end.
fn cut(text: &str, limit: usize) -> String {
    if text.width() <= limit {
        return text.to_owned();
    }
    let Some(limit) = limit.checked_sub(1) else { return String::new() };
    format!("{}{ELLIPSIS}", head(text, limit))
}

/// The text within `limit` columns, without its middle: names differ at their ends.
fn cut_inside(text: &str, limit: usize) -> String {
    if text.width() <= limit || limit < 3 {
        return cut(text, limit);
    }
    let tail_columns = (limit - 1) / 2;
    let mut columns = 0;
    let tail = text.char_indices().rev().take_while(|(_, c)| {
        columns += c.width().unwrap_or(0);
        columns <= tail_columns
    });
    let tail = tail.last().map_or("", |(at, _)| &text[at..]);
    format!("{}{ELLIPSIS}{tail}", head(text, limit - 1 - tail.width()))
}

/// The first characters, which take at most so many columns.
fn head(text: &str, limit: usize) -> &str {
    let mut columns = 0;
    let end = text.char_indices().find(|(_, c)| {
        columns += c.width().unwrap_or(0);
        columns > limit
    });
    end.map_or(text, |(at, _)| &text[..at])
}
