//! Where the lines go: a pipe, or a terminal whose last line can be changed.
//!
//! On a terminal the last line has no newline yet: the next line brings it. So changing the line moves the cursor within
//! it only, and never up: whatever somebody else has written meanwhile (the log, an Enter of the user) stays.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::columns::Line;

/// To the first column.
const RETURN: &str = "\r";
/// Empties the line from the cursor on.
const CLEAR_REST: &str = "\x1b[K";

/// Writes lines.
#[derive(Debug)]
pub(super) struct Screen<W> {
    out: W,
    terminal: Option<Terminal>,
    /// What is to be written.
    waiting: String,
    /// Whether the last line takes one row only.
    is_one_row: bool,
}

/// A terminal.
#[derive(Clone, Debug)]
pub(super) struct Terminal {
    /// How many columns it has now.
    pub(super) columns: fn() -> Option<usize>,
    /// Whether the last line has no newline yet. Whoever else writes to the terminal ends the line, and says so here.
    pub(super) is_open: Arc<AtomicBool>,
}

impl<W: Write> Screen<W> {
    pub(super) fn new(out: W, terminal: Option<Terminal>) -> Self {
        Self { out, terminal, waiting: String::new(), is_one_row: false }
    }

    /// How many columns a line may take, if it has an end: the last one of a terminal stays free, since behind it a
    /// terminal goes on in the next row.
    pub(super) fn room(&self) -> Option<usize> {
        let columns = (self.terminal.as_ref()?.columns)()?;
        columns.checked_sub(1).filter(|room| *room > 0)
    }

    /// Whether the last line can be changed.
    pub(super) fn can_change(&self) -> bool {
        self.is_one_row
            && self.terminal.as_ref().is_some_and(|terminal| terminal.is_open.load(Ordering::Relaxed))
    }

    /// Adds a line.
    pub(super) fn next(&mut self, line: &Line) {
        match &self.terminal {
            Some(terminal) => {
                if terminal.is_open.swap(true, Ordering::Relaxed) {
                    self.waiting.push('\n');
                }
                self.waiting.push_str(&line.text);
            }
            None => self.waiting.extend([&line.text, "\n"]),
        }
        self.is_one_row = self.room().is_some_and(|room| line.columns <= room);
    }

    /// Changes the last line, or adds one if that cannot be done any more.
    pub(super) fn change(&mut self, line: &Line) {
        if !self.can_change() {
            return self.next(line);
        }
        self.waiting.extend([RETURN, &line.text, CLEAR_REST]);
        self.is_one_row = self.room().is_some_and(|room| line.columns <= room);
    }

    /// Ends the last line.
    pub(super) fn end(&mut self) {
        let is_open =
            self.terminal.as_ref().is_some_and(|terminal| terminal.is_open.swap(false, Ordering::Relaxed));
        if is_open {
            self.waiting.push('\n');
        }
    }

    /// Writes what was added.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        self.out.write_all(waiting.as_bytes())?;
        self.out.flush()
    }

    /// Where it was written.
    #[cfg(test)]
    pub(super) fn output(&mut self) -> &mut W {
        &mut self.out
    }
}
