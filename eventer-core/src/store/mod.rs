//! What outlives the process: one SQLite file in a directory that one process owns.
//!
//! ```text
//!   DIR/lock          held for as long as the process lives ([`directory`])
//!   DIR/journal.db    batches, positions of the sources, cursors of the sinks, dead letters ([`schema`])
//! ```
//!
//! A batch and the position that it reaches enter in one transaction, and what is deleted goes in the transaction that
//! moves the cursors past it: whatever dies, the file tells one consistent story of some moment. Write-ahead log with
//! `synchronous=NORMAL`: a killed process loses nothing that was committed; a power cut may take back the last commits,
//! batches, positions and cursors together.
//!
//! One thread writes ([`writer`]) and one reads ([`reader`]), since SQLite blocks and the journal must not.

mod directory;
mod error;
mod reader;
mod record;
mod schema;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, Transaction, params};

use crate::batch::{Checkpoint, EventBatch, Position};
use crate::uri::ByteSize;
pub(crate) use directory::StateDir;
pub(crate) use error::StoreError;
pub(crate) use reader::{Loaded, Reader};
use record::encode;
pub(crate) use writer::{Health, Writer};

/// How much of the file SQLite may keep in memory, for each connection.
const CACHE: ByteSize = ByteSize(2 << 20);

/// The write-ahead log is cut back to this size when it was carried over into the file.
const LOG_LIMIT: ByteSize = ByteSize(16 << 20);

/// The open file, for one thread.
#[derive(Debug)]
pub(crate) struct Store {
    connection: Connection,
}

/// What the file holds when it is opened, without the events.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Contents {
    /// Number of the oldest batch; that of the next one, if there is none.
    pub(crate) first: u64,
    /// Number of the next batch.
    pub(crate) next: u64,
    /// Number of the next event.
    pub(crate) next_event: u64,
    /// Bytes of all batches as they are stored.
    pub(crate) bytes: u64,
    /// How far each source has come, by its name.
    pub(crate) positions: BTreeMap<String, Checkpoint>,
    /// How far each sink has come, by its name.
    pub(crate) cursors: BTreeMap<String, StoredCursor>,
}

/// How far a sink has come.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StoredCursor {
    pub(crate) mark: Mark,
    /// When it last moved, or its sink was last in the flags.
    pub(crate) seen_at: Timestamp,
}

/// A place in the log with a verdict on everything before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Number of the batch.
    pub(crate) batch: u64,
    /// Index of the event in it.
    pub(crate) event: usize,
    /// Number of that event, counted from the first event ever stored.
    pub(crate) number: u64,
    /// Of the events from there on in the order of the log, which have a verdict already.
    pub(crate) ahead: Vec<bool>,
}

/// A batch that is to be stored.
#[derive(Clone, Debug)]
pub(crate) struct NewBatch {
    pub(crate) number: u64,
    /// Number of its first event.
    pub(crate) first_event: u64,
    pub(crate) batch: EventBatch,
}

impl Store {
    /// Opens the file in `directory`, or makes it. A file that is damaged or of another program is moved aside; its new
    /// name is handed back.
    pub(crate) fn open(directory: &StateDir) -> Result<(Self, Option<PathBuf>), StoreError> {
        let path = directory.journal();
        match Self::open_file(&path) {
            Err(StoreError::Damaged { reason, .. }) => {
                let aside = directory.move_aside(&path)?;
                tracing::error!(
                    path = %path.display(),
                    moved_to = %aside.display(),
                    error = reason,
                    "the journal on disk cannot be read and was moved aside; a new one begins, and what it held is not delivered"
                );
                Ok((Self::open_file(&path)?, Some(aside)))
            }
            opened => Ok((opened?, None)),
        }
    }

    fn open_file(path: &Path) -> Result<Self, StoreError> {
        directory::make_private(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)
            .map_err(|error| StoreError::from_sqlite(path, "open", error))?;
        schema::prepare(&connection, path)?;
        Ok(Self { connection })
    }

    /// What the file holds.
    pub(crate) fn contents(&self) -> rusqlite::Result<Contents> {
        let counters = "SELECT next_batch, next_event FROM counter";
        let (next, next_event) =
            self.connection.query_row(counters, [], |row| Ok((number(row, 0)?, number(row, 1)?)))?;
        let batches = "SELECT min(number), coalesce(sum(length), 0) FROM batch";
        let (first, bytes) = self
            .connection
            .query_row(batches, [], |row| Ok((row.get::<_, Option<i64>>(0)?, number(row, 1)?)))?;
        let first = first.map_or(next, i64::cast_unsigned);

        let mut contents = Contents { first, next, next_event, bytes, ..Contents::default() };
        let mut query = self.connection.prepare("SELECT source, scope, version, at FROM position")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let (source, scope): (String, String) = (row.get(0)?, row.get(1)?);
            let position = Position { version: row.get(2)?, at: timestamp(row, 3)? };
            contents.positions.entry(source).or_default().0.insert(scope, position);
        }
        let mut query =
            self.connection.prepare("SELECT sink, batch, event, number, ahead, seen_at FROM cursor")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let mark = Mark {
                batch: number(row, 1)?,
                event: usize::try_from(number(row, 2)?).unwrap_or(usize::MAX),
                number: number(row, 3)?,
                ahead: row.get::<_, Vec<u8>>(4)?.iter().map(|flag| *flag == b'1').collect(),
            };
            let seen_at = timestamp(row, 5)?;
            contents.cursors.insert(row.get(0)?, StoredCursor { mark, seen_at });
        }
        Ok(contents)
    }

    #[cfg(test)]
    fn limit_pages(&self, pages: u32) {
        self.connection.pragma_update(None, "max_page_count", pages).unwrap();
    }

    /// Does `work` in one transaction: all of it is stored, or nothing.
    pub(crate) fn transact<T>(
        &mut self,
        work: impl FnOnce(&Changes<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let changes = Changes(self.connection.transaction()?);
        let done = work(&changes)?;
        changes.0.commit()?;
        Ok(done)
    }
}

/// Changes that are stored together.
#[derive(Debug)]
pub(crate) struct Changes<'a>(Transaction<'a>);

impl Changes<'_> {
    /// Adds a batch, with the position that it reaches, and says how many bytes it takes. `payload` is the batch
    /// [encoded](encode).
    pub(crate) fn append(&self, new: &NewBatch, payload: &[u8]) -> rusqlite::Result<u64> {
        let NewBatch { number, first_event, batch } = new;
        self.0
            .prepare_cached(
                "INSERT INTO batch (number, first_event, events, source, taken_at, rereadable, length, payload)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                number.cast_signed(),
                first_event.cast_signed(),
                i64::try_from(batch.len()).unwrap_or(i64::MAX),
                &**batch.source(),
                batch.taken_at().as_microsecond(),
                batch.intake() == crate::batch::Intake::Rereadable,
                i64::try_from(payload.len()).unwrap_or(i64::MAX),
                payload,
            ])?;
        self.0.prepare_cached("UPDATE counter SET next_batch = ?1, next_event = ?2")?.execute([
            (number + 1).cast_signed(),
            (first_event + batch.len() as u64).cast_signed(),
        ])?;
        self.position(batch)?;
        Ok(payload.len() as u64)
    }

    /// Stores how far the source has come with the batch.
    pub(crate) fn position(&self, batch: &EventBatch) -> rusqlite::Result<()> {
        let Some(checkpoint) = batch.checkpoint() else { return Ok(()) };
        // A checkpoint is whole: a scope that it does not name is none any more.
        self.0.prepare_cached("DELETE FROM position WHERE source = ?1")?.execute([&**batch.source()])?;
        let mut insert = self
            .0
            .prepare_cached("INSERT INTO position (source, scope, version, at) VALUES (?1, ?2, ?3, ?4)")?;
        for (scope, position) in &checkpoint.0 {
            insert.execute(params![
                &**batch.source(),
                scope,
                position.version,
                position.at.as_microsecond()
            ])?;
        }
        Ok(())
    }

    /// Stores how far a sink has come.
    pub(crate) fn cursor(&self, sink: &str, mark: &Mark, seen_at: Timestamp) -> rusqlite::Result<()> {
        let ahead: Vec<u8> = mark.ahead.iter().map(|is_settled| if *is_settled { b'1' } else { b'0' }).collect();
        self.0
            .prepare_cached(
                "INSERT OR REPLACE INTO cursor (sink, batch, event, number, ahead, seen_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                sink,
                mark.batch.cast_signed(),
                i64::try_from(mark.event).unwrap_or(i64::MAX),
                mark.number.cast_signed(),
                ahead,
                seen_at.as_microsecond(),
            ])
            .map(drop)
    }

    /// Forgets a sink that is no longer in the flags.
    pub(crate) fn forget(&self, sink: &str) -> rusqlite::Result<()> {
        self.0.prepare_cached("DELETE FROM cursor WHERE sink = ?1")?.execute([sink]).map(drop)
    }

    /// Deletes the batches before `number`, and says how many bytes that frees.
    pub(crate) fn delete_before(&self, number: u64) -> rusqlite::Result<u64> {
        let freed = self
            .0
            .prepare_cached("SELECT coalesce(sum(length), 0) FROM batch WHERE number < ?1")?
            .query_row([number.cast_signed()], |row| row.get::<_, i64>(0))?;
        self.0.prepare_cached("DELETE FROM batch WHERE number < ?1")?.execute([number.cast_signed()])?;
        Ok(freed.cast_unsigned())
    }
}

/// The stored form of a batch's events.
pub(crate) fn encoded(batch: &EventBatch) -> Arc<[u8]> {
    encode(batch).into()
}

fn number(row: &rusqlite::Row<'_>, index: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(index).map(i64::cast_unsigned)
}

fn timestamp(row: &rusqlite::Row<'_>, index: usize) -> rusqlite::Result<Timestamp> {
    let micros = row.get(index)?;
    // A number that is no time was not written by us; a time long ago does no harm.
    Ok(Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH))
}
