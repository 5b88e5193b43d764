//! A look into a state directory from outside, beside the process that owns it or without one, and the dead letters put
//! in order. SQLite keeps the two apart.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, params};
use serde_json::value::RawValue;

use super::error::StoreError;
use super::{number, schema, timestamp};
use crate::batch::Checkpoint;
use crate::error::BuildError;

/// How long it waits for the other process, whose transactions take milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// A state directory, looked into from outside.
#[derive(Debug)]
pub struct StateView {
    connection: Connection,
    path: PathBuf,
}

/// What a state directory holds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StateSummary {
    /// Batches of the journal.
    pub batches: u64,
    /// Events in them.
    pub events: u64,
    /// Bytes of them, as they are stored.
    pub bytes: u64,
    /// When the oldest batch was taken from its source.
    pub oldest: Option<Timestamp>,
    /// How far each sink has come, by its name.
    pub sinks: BTreeMap<String, SinkPlace>,
    /// How far each source has come, by its name.
    pub sources: BTreeMap<String, Checkpoint>,
    /// Dead letters.
    pub dead_letters: u64,
}

/// How far a sink has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkPlace {
    /// Number of its first event without a verdict, counted from the first event that was ever stored.
    pub number: u64,
    /// Events without a verdict.
    pub waiting: u64,
    /// When the batch was taken from its source that it is at; `None`: it has had all.
    pub waits_since: Option<Timestamp>,
    /// When it last moved, or began to wait.
    pub seen_at: Timestamp,
}

/// An event that a sink will never take.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeadLetter {
    /// Its id.
    pub id: i64,
    /// The sink.
    pub sink: String,
    /// When it was rejected.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
    /// Whether it is to be delivered again.
    pub is_replaying: bool,
    /// The event's JSON.
    pub event: Box<RawValue>,
}

/// Which dead letters are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetters {
    /// Those of this sink.
    pub sink: Option<String>,
    /// Those of these ids; all if there is none.
    pub ids: Vec<i64>,
}

impl StateView {
    /// Looks into the directory at `path`.
    ///
    /// # Errors
    /// There is no journal in it, or it cannot be read.
    pub fn open(path: &Path) -> Result<Self, BuildError> {
        Self::open_file(&path.join(super::directory::JOURNAL))
            .map_err(|error| BuildError::new("look into the state directory", error))
    }

    /// What it holds.
    ///
    /// # Errors
    /// It cannot be read now.
    pub fn summary(&self) -> Result<StateSummary, BuildError> {
        self.read_summary().map_err(|error| self.failed("read", error))
    }

    /// The dead letters that are meant, the oldest first, at most `limit`.
    ///
    /// # Errors
    /// They cannot be read now.
    pub fn dead_letters(&self, which: &DeadLetters, limit: usize) -> Result<Vec<DeadLetter>, BuildError> {
        self.read_dead_letters(which, limit).map_err(|error| self.failed("read", error))
    }

    /// Has the dead letters that are meant delivered again by their sinks: by the process that owns the directory within
    /// seconds, or else by the next one. Says how many they are.
    ///
    /// # Errors
    /// The file cannot be written now.
    pub fn replay(&self, which: &DeadLetters) -> Result<usize, BuildError> {
        self.change("UPDATE dead_letter SET replay = 1 WHERE", which)
    }

    /// Deletes the dead letters that are meant, and says how many they were.
    ///
    /// # Errors
    /// The file cannot be written now.
    pub fn drop_dead_letters(&self, which: &DeadLetters) -> Result<usize, BuildError> {
        self.change("DELETE FROM dead_letter WHERE", which)
    }

    fn open_file(path: &Path) -> Result<Self, StoreError> {
        if !path.exists() {
            return Err(StoreError::Missing { path: path.to_owned() });
        }
        let failed = |error| StoreError::from_sqlite(path, "read", error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        connection.busy_timeout(PATIENCE).map_err(failed)?;
        schema::recognize(&connection, path)?;
        Ok(Self { connection, path: path.to_owned() })
    }

    fn read_summary(&self) -> rusqlite::Result<StateSummary> {
        // One moment of a file that changes.
        let moment = self.connection.unchecked_transaction()?;
        let (contents, bytes) = super::contents(&moment)?;
        let (batches, events, oldest) = moment.query_row(
            "SELECT count(*), coalesce(sum(events), 0), coalesce(min(taken_at), 0) FROM batch",
            [],
            |row| Ok((number(row, 0)?, number(row, 1)?, timestamp(row, 2)?)),
        )?;
        let mut taken_at = moment.prepare(
            "SELECT taken_at FROM batch WHERE first <= ?1 AND first + events > ?1 ORDER BY first DESC LIMIT 1",
        )?;
        let mut sinks = BTreeMap::new();
        for (name, (mark, seen_at)) in contents.marks {
            let settled = mark.ahead.iter().filter(|is_settled| **is_settled).count() as u64;
            let waits_since =
                taken_at.query_row([mark.number.cast_signed()], |row| timestamp(row, 0)).optional()?;
            let waiting =
                contents.next.saturating_sub(mark.number.max(contents.oldest)).saturating_sub(settled);
            sinks.insert(name, SinkPlace { number: mark.number, waiting, waits_since, seen_at });
        }
        let dead_letters = moment.query_row("SELECT count(*) FROM dead_letter", [], |row| number(row, 0))?;
        Ok(StateSummary {
            batches,
            events,
            bytes,
            oldest: (batches > 0).then_some(oldest),
            sinks,
            sources: contents.checkpoints,
            dead_letters,
        })
    }

    fn read_dead_letters(&self, which: &DeadLetters, limit: usize) -> rusqlite::Result<Vec<DeadLetter>> {
        let query = format!(
            "SELECT id, sink, at, reason, replay, event FROM dead_letter WHERE {MEANT} ORDER BY id LIMIT ?3"
        );
        let mut query = self.connection.prepare(&query)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let letters = query.query_map(params![which.sink, which.ids_json(), limit], dead_letter)?;
        letters.collect()
    }

    fn change(&self, statement: &str, which: &DeadLetters) -> Result<usize, BuildError> {
        self.connection
            .execute(&format!("{statement} {MEANT}"), params![which.sink, which.ids_json()])
            .map_err(|error| self.failed("change", error))
    }

    fn failed(&self, tried: &'static str, error: rusqlite::Error) -> BuildError {
        BuildError::new("look into the state directory", StoreError::from_sqlite(&self.path, tried, error))
    }
}

/// The dead letters of a sink, if there is one, with some ids, if there are any.
const MEANT: &str = "(?1 IS NULL OR sink = ?1) AND (?2 IS NULL OR id IN (SELECT value FROM json_each(?2)))";

impl DeadLetters {
    fn ids_json(&self) -> Option<String> {
        let ids: Vec<String> = self.ids.iter().map(ToString::to_string).collect();
        (!ids.is_empty()).then(|| format!("[{}]", ids.join(",")))
    }
}

fn dead_letter(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    let event: String = row.get(5)?;
    let event = RawValue::from_string(event).unwrap_or_else(|_| RawValue::NULL.to_owned());
    Ok(DeadLetter {
        id: row.get(0)?,
        sink: row.get(1)?,
        at: timestamp(row, 2)?,
        reason: row.get(3)?,
        is_replaying: row.get(4)?,
        event,
    })
}
