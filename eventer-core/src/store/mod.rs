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
mod inspect;
mod reader;
mod record;
mod schema;
mod storage;
#[cfg(test)]
mod tests;
mod writer;

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, Row, Transaction, TransactionBehavior, params};

use crate::batch::{EventBatch, Intake, Position};
use crate::event::Event;
use crate::journal::storage::{Contents, Mark};
use crate::uri::ByteSize;
use directory::StateDir;
use error::StoreError;
pub use inspect::{DeadLetter, DeadLetters, SinkPlace, StateSummary, StateView};
pub use storage::StateDirectory;

/// How much of the file SQLite may keep in memory, for each connection.
const CACHE: ByteSize = ByteSize(2 << 20);

/// The write-ahead log is cut back to this size when it was carried over into the file.
const LOG_LIMIT: ByteSize = ByteSize(16 << 20);

/// The open file, for one thread.
#[derive(Debug)]
pub(crate) struct Store {
    connection: Connection,
    /// Ours for as long as somebody can write.
    directory: StateDir,
}

impl Store {
    /// Opens the file in `directory`, or makes it. A file that is damaged or of another program is moved aside.
    /// Says what it holds, too, and the bytes of its batches.
    pub(crate) fn open(directory: StateDir) -> Result<(Self, Contents, u64), StoreError> {
        let path = directory.journal();
        let opened = match open_file(&directory, &path) {
            Err(StoreError::Damaged { reason, .. }) => {
                let aside = directory.move_aside(&path)?;
                tracing::error!(
                    path = %path.display(),
                    moved_to = %aside.display(),
                    error = reason,
                    "the journal on disk cannot be read and was moved aside; a new one begins, and what it held is not delivered"
                );
                open_file(&directory, &path)
            }
            opened => opened,
        };
        opened.map(|(connection, contents, bytes)| (Self { connection, directory }, contents, bytes))
    }

    /// Bytes of all dead letters.
    fn dead_letter_bytes(&self) -> u64 {
        let sum = "SELECT coalesce(sum(length), 0) FROM dead_letter";
        // What cannot be read is found out when it is written.
        self.connection.query_row(sum, [], |row| number(row, 0)).unwrap_or_default()
    }

    /// Has the next process move the file aside.
    pub(crate) fn mark_damaged(&self) {
        let marked = std::fs::write(
            self.directory.damage_mark(),
            "the journal is damaged; the next start moves it aside\n",
        );
        if let Err(error) = marked {
            tracing::error!(%error, "could not mark the journal as damaged; move it aside by hand");
        }
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
        let changes = Changes(self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?);
        let done = work(&changes)?;
        changes.0.commit()?;
        Ok(done)
    }
}

/// Changes that are stored together.
#[derive(Debug)]
pub(crate) struct Changes<'a>(Transaction<'a>);

impl Changes<'_> {
    /// Adds a batch whose first event has the number `first`, and the checkpoint that it reaches. `payload` is its
    /// [stored form](record::encode).
    pub(crate) fn append(&self, first: u64, batch: &EventBatch, payload: &[u8]) -> rusqlite::Result<()> {
        self.0
            .prepare_cached(
                "INSERT INTO batch (first, events, source, taken_at, rereadable, length, payload)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                first.cast_signed(),
                (batch.len() as u64).cast_signed(),
                &**batch.source(),
                batch.taken_at().as_microsecond(),
                batch.intake() == Intake::Rereadable,
                (payload.len() as u64).cast_signed(),
                payload,
            ])?;
        let next = first + batch.len() as u64;
        let length = payload.len() as u64;
        self.0
            .prepare_cached("UPDATE counter SET next = ?1, bytes = bytes + ?2")?
            .execute([next.cast_signed(), length.cast_signed()])?;
        self.reach(batch)
    }

    /// Stores how far the source has come with the batch.
    pub(crate) fn reach(&self, batch: &EventBatch) -> rusqlite::Result<()> {
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
    pub(crate) fn mark(&self, sink: &str, mark: &Mark, seen_at: Timestamp) -> rusqlite::Result<()> {
        let ahead: String = mark.ahead.iter().map(|is_settled| if *is_settled { '1' } else { '0' }).collect();
        self.0
            .prepare_cached(
                "INSERT OR REPLACE INTO mark (sink, number, ahead, orphans, seen_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                sink,
                mark.number.cast_signed(),
                ahead,
                mark.orphans.cast_signed(),
                seen_at.as_microsecond()
            ])
            .map(drop)
    }

    /// Forgets a sink.
    pub(crate) fn forget(&self, sink: &str) -> rusqlite::Result<()> {
        self.0.prepare_cached("DELETE FROM mark WHERE sink = ?1")?.execute([sink]).map(drop)
    }

    /// Deletes the batches whose events all have numbers below `number`, and says how many bytes that frees.
    pub(crate) fn delete_before(&self, number: u64) -> rusqlite::Result<u64> {
        // The batch that holds the event, or else begins with it, stays.
        let keep = match self.next()? <= number {
            true => i64::MAX,
            false => {
                let holder = "SELECT max(first) FROM batch WHERE first <= ?1";
                let holder: Option<i64> =
                    self.0.prepare_cached(holder)?.query_row([number.cast_signed()], |row| row.get(0))?;
                let Some(first) = holder else { return Ok(0) };
                first
            }
        };
        let freed = self
            .0
            .prepare_cached("SELECT coalesce(sum(length), 0) FROM batch WHERE first < ?1")?
            .query_row([keep], |row| row.get::<_, i64>(0))?;
        self.0.prepare_cached("DELETE FROM batch WHERE first < ?1")?.execute([keep])?;
        self.0.prepare_cached("UPDATE counter SET bytes = bytes - ?1")?.execute([freed])?;
        Ok(freed.cast_unsigned())
    }

    /// Keeps an event that a sink will never take, and says how many bytes that takes.
    pub(crate) fn bury(
        &self,
        sink: &str,
        event: &Event,
        reason: &str,
        at: Timestamp,
    ) -> rusqlite::Result<u64> {
        let json = serde_json::to_string(event).expect("an event is JSON by its derive");
        self.0
            .prepare_cached(
                "INSERT INTO dead_letter (sink, at, reason, received_at, length, event)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                sink,
                at.as_microsecond(),
                reason,
                event.received_at.as_microsecond(),
                (json.len() as u64).cast_signed(),
                json,
            ])?;
        Ok(json.len() as u64)
    }

    /// Lets the oldest dead letters go until they take no more than `most` bytes, and says how many went and how many bytes
    /// are left.
    pub(crate) fn bound_dead_letters(&self, most: u64) -> rusqlite::Result<(usize, u64)> {
        let total = || {
            self.0
                .prepare_cached("SELECT coalesce(sum(length), 0) FROM dead_letter")?
                .query_row([], |row| number(row, 0))
        };
        let mut gone = 0;
        let mut left = total()?;
        while left > most {
            let oldest =
                "DELETE FROM dead_letter WHERE id IN (SELECT id FROM dead_letter ORDER BY id LIMIT 100)";
            gone += self.0.prepare_cached(oldest)?.execute([])?;
            left = total()?;
        }
        Ok((gone, left))
    }

    /// Deletes a dead letter.
    pub(crate) fn delete_dead_letter(&self, id: i64) -> rusqlite::Result<()> {
        self.0.prepare_cached("DELETE FROM dead_letter WHERE id = ?1")?.execute([id]).map(drop)
    }

    fn next(&self) -> rusqlite::Result<u64> {
        self.0.prepare_cached("SELECT next FROM counter")?.query_row([], |row| number(row, 0))
    }
}

/// What the file holds, and the bytes of its batches.
fn open_file(directory: &StateDir, path: &Path) -> Result<(Connection, Contents, u64), StoreError> {
    if directory.damage_mark().exists() {
        let reason = "it was found to be damaged while it was in use".to_owned();
        return Err(StoreError::Damaged { path: path.to_owned(), reason });
    }
    directory::make_private(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)
        .map_err(|error| StoreError::from_sqlite(path, "open", error))?;
    schema::prepare(&connection, path)?;
    let (contents, bytes) =
        contents(&connection).map_err(|error| StoreError::from_sqlite(path, "read", error))?;
    Ok((connection, contents, bytes))
}

fn contents(connection: &Connection) -> rusqlite::Result<(Contents, u64)> {
    let one = |query: &str| connection.query_row(query, [], |row| number(row, 0));
    let next = one("SELECT next FROM counter")?;
    let bytes = one("SELECT bytes FROM counter")?;
    let oldest = connection
        .query_row("SELECT min(first) FROM batch", [], |row| row.get::<_, Option<i64>>(0))?
        .map_or(next, i64::cast_unsigned);
    let mut contents = Contents { oldest, next, ..Contents::default() };

    let mut query = connection.prepare("SELECT source, scope, version, at FROM position")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (source, scope): (String, String) = (row.get(0)?, row.get(1)?);
        let position = Position { version: row.get(2)?, at: timestamp(row, 3)? };
        contents.checkpoints.entry(source).or_default().0.insert(scope, position);
    }
    let mut query = connection.prepare("SELECT sink, number, ahead, orphans, seen_at FROM mark")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let ahead: String = row.get(2)?;
        let ahead = ahead.bytes().map(|flag| flag == b'1').collect();
        let mark = Mark { number: number(row, 1)?, ahead, orphans: number(row, 3)? };
        contents.marks.insert(row.get(0)?, (mark, timestamp(row, 4)?));
    }
    Ok((contents, bytes))
}

fn number(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(index).map(i64::cast_unsigned)
}

fn timestamp(row: &Row<'_>, index: usize) -> rusqlite::Result<Timestamp> {
    let micros = row.get(index)?;
    // A number that is no time was not written by us; a time long ago does no harm.
    Ok(Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH))
}
