//! What is seen: batches in, lines out.

use std::io::{self, Write};
use std::sync::Arc;

use eventer_core::{Event, EventBatch};
use jiff::Timestamp;
use tokio::time::Instant;

use super::columns::{Columns, Row, Style};
use super::fold::{Fold, Place};
use super::screen::{Screen, Terminal};

/// Shows events.
#[derive(Debug)]
pub(super) enum View<W> {
    /// In a table.
    Table(Table<W>),
    /// Each as JSON on a line, for programs.
    Json(W),
}

/// A table that grows at its end.
#[derive(Debug)]
pub(super) struct Table<W> {
    columns: Columns,
    /// Whether lines end where a terminal does.
    is_cut: bool,
    has_headings: bool,
    fold: Fold,
    pub(super) screen: Screen<W>,
}

/// The time, to measure with and to write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub(super) instant: Instant,
    pub(super) timestamp: Timestamp,
}

impl<W: Write> View<W> {
    pub(super) fn table(style: Style, out: W, terminal: Option<Terminal>) -> Self {
        Self::Table(Table {
            is_cut: !style.is_wide,
            columns: Columns::new(style),
            has_headings: false,
            fold: Fold::default(),
            screen: Screen::new(out, terminal),
        })
    }

    /// Shows what is new, and the repeats whose time has come.
    pub(super) fn show(&mut self, batch: &EventBatch, now: Now) -> io::Result<()> {
        match self {
            Self::Table(table) => table.show(batch, now),
            Self::Json(out) => {
                let mut lines = Vec::new();
                for event in batch {
                    serde_json::to_writer(&mut lines, event)?;
                    lines.push(b'\n');
                }
                out.write_all(&lines)?;
                out.flush()
            }
        }
    }

    /// Time has passed: shows the repeats whose time has come.
    pub(super) fn tick(&mut self, now: Now) -> io::Result<()> {
        match self {
            Self::Table(table) => {
                let due = table.fold.due(now.instant);
                table.show_due(due, now);
                table.screen.flush()
            }
            Self::Json(_) => Ok(()),
        }
    }

    /// Nothing more will come: shows the repeats that are held.
    pub(super) fn end(&mut self, now: Now) -> io::Result<()> {
        if let Self::Table(table) = self {
            let rest = table.fold.rest(now.instant);
            table.show_due(rest, now);
        }
        self.close()
    }

    /// Nobody wants to see more: ends the last line.
    pub(super) fn close(&mut self) -> io::Result<()> {
        match self {
            Self::Table(table) => {
                table.screen.end();
                table.screen.flush()
            }
            Self::Json(_) => Ok(()),
        }
    }
}

impl<W: Write> Table<W> {
    fn show(&mut self, batch: &EventBatch, now: Now) -> io::Result<()> {
        let rows: Vec<Row> = batch.iter().map(|event| self.columns.row(event, now.timestamp)).collect();
        let room = self.room();
        rows.iter().for_each(|row| self.columns.grow(row, room));
        for (event, row) in batch.iter().zip(&rows) {
            match self.fold.place(event, self.screen.can_change(), now.instant) {
                Place::Next => self.next(row),
                Place::Same => self.screen.change(&self.columns.line(row, room)),
                Place::Held => {}
            }
        }
        // Afterwards: a newer repeat may have come just now.
        let due = self.fold.due(now.instant);
        self.show_due(due, now);
        self.screen.flush()
    }

    fn show_due(&mut self, events: Vec<Arc<Event>>, now: Now) {
        for event in events {
            let row = self.columns.row(&event, now.timestamp);
            self.next(&row);
        }
    }

    fn next(&mut self, row: &Row) {
        let room = self.room();
        if !std::mem::replace(&mut self.has_headings, true) {
            self.screen.next(&self.columns.headings(room));
        }
        self.screen.next(&self.columns.line(row, room));
    }

    fn room(&self) -> Option<usize> {
        self.screen.room().filter(|_| self.is_cut)
    }
}
