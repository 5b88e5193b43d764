//! The tables, their version, and the way from one version to the next.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::error::StoreError;
use super::{CACHE, LOG_LIMIT};

/// How long a transaction waits for that of another process.
const PATIENCE: Duration = Duration::from_secs(5);

/// Marks the file as ours: `evtr`.
const APPLICATION_ID: i32 = 0x6576_7472;

/// What leads from each version to the next. The first makes the tables.
const MIGRATIONS: [&str; 1] = ["
    CREATE TABLE batch (
        first      INTEGER PRIMARY KEY, -- number of its first event, counted from the first that was ever stored
        events     INTEGER NOT NULL,
        source     TEXT    NOT NULL,
        taken_at   INTEGER NOT NULL,    -- microseconds since the epoch, as all times here
        rereadable INTEGER NOT NULL,
        length     INTEGER NOT NULL,    -- of the payload
        payload    BLOB    NOT NULL
    );
    -- Number of the next event. Batches are deleted; the numbers of their events are never used again.
    CREATE TABLE counter (next INTEGER NOT NULL, bytes INTEGER NOT NULL); -- bytes: of all payloads
    INSERT INTO counter VALUES (0, 0);
    CREATE TABLE position (
        source  TEXT NOT NULL,
        scope   TEXT NOT NULL,
        version TEXT NOT NULL,
        at      INTEGER NOT NULL,
        PRIMARY KEY (source, scope)
    ) WITHOUT ROWID;
    CREATE TABLE mark (
        sink    TEXT NOT NULL PRIMARY KEY,
        number  INTEGER NOT NULL, -- of the first event without a verdict
        ahead   TEXT    NOT NULL, -- of the events from there on: 1 has a verdict, 0 has none
        orphans INTEGER NOT NULL, -- events that it held and the log had dropped
        seen_at INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE dead_letter (
        id      INTEGER PRIMARY KEY AUTOINCREMENT,
        sink    TEXT    NOT NULL,
        at      INTEGER NOT NULL,
        reason  TEXT    NOT NULL,
        received_at INTEGER NOT NULL,
        length  INTEGER NOT NULL, -- of the event
        event   TEXT    NOT NULL,
        replay  INTEGER NOT NULL DEFAULT 0 -- 1: is to be delivered again
    );
    CREATE INDEX dead_letter_replay ON dead_letter (id) WHERE replay;
"];

/// The version that this program writes.
pub(super) const VERSION: i32 = MIGRATIONS.len() as i32;

/// A file of up to this size is checked from end to end when it is opened, which takes a tenth of a second.
const CHECKED_BYTES: u64 = 32 << 20;

/// Makes a new file ours, or finds out whether it is, checks it, and brings it to the version of this program.
pub(super) fn prepare(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let failed = |error| StoreError::from_sqlite(path, "read", error);
    let tables = "SELECT count(*) FROM sqlite_schema";
    let is_new = connection.query_row(tables, [], |row| row.get::<_, i64>(0)).map_err(failed)? == 0;
    let version = if is_new {
        connection.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
        0
    } else {
        recognize(connection, path)?
    };
    tune(connection).map_err(failed)?;
    migrate(connection, version).map_err(failed)?;
    if !is_new && path.metadata().is_ok_and(|file| file.len() <= CHECKED_BYTES) {
        let verdict: String =
            connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(failed)?;
        if verdict != "ok" {
            return Err(StoreError::Damaged { path: path.to_owned(), reason: verdict });
        }
    }
    Ok(())
}

/// The version of a file that is ours and not newer than this program.
pub(super) fn recognize(connection: &Connection, path: &Path) -> Result<i32, StoreError> {
    let number = |pragma: &str| {
        connection
            .pragma_query_value(None, pragma, |row| row.get::<_, i32>(0))
            .map_err(|error| StoreError::from_sqlite(path, "read", error))
    };
    if number("application_id")? != APPLICATION_ID {
        let reason = "it is a database of another program".to_owned();
        return Err(StoreError::Damaged { path: path.to_owned(), reason });
    }
    match number("user_version")? {
        version if version > VERSION => {
            Err(StoreError::Newer { path: path.to_owned(), found: version, known: VERSION })
        }
        version => Ok(version),
    }
}

/// How SQLite is to work for every connection.
pub(super) fn tune(connection: &Connection) -> rusqlite::Result<()> {
    // Somebody may look at the dead letters.
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "journal_size_limit", LOG_LIMIT.0.cast_signed())?;
    // Negative: in KiB.
    connection.pragma_update(None, "cache_size", -(CACHE.0.cast_signed() / 1024))
}

fn migrate(connection: &Connection, from: i32) -> rusqlite::Result<()> {
    for (version, migration) in (1..).zip(MIGRATIONS).filter(|(version, _)| *version > from) {
        connection.execute_batch(&format!("BEGIN; {migration}; PRAGMA user_version = {version}; COMMIT;"))?;
    }
    Ok(())
}
