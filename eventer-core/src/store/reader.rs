//! The thread that reads batches back for sinks that lag.

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;

use rusqlite::{Connection, OpenFlags, params};
use tokio::sync::oneshot;

use super::error::StoreError;
use super::{number, record, timestamp};
use crate::batch::{EventBatch, Intake};
use crate::journal::storage::Loaded;

/// Reads batches back. Clones share the thread, which ends with the last of them.
#[derive(Clone, Debug)]
pub(crate) struct Reader(mpsc::Sender<Request>);

#[derive(Debug)]
struct Request {
    from: u64,
    before: u64,
    most: u64,
    reply: oneshot::Sender<Result<Vec<Loaded>, String>>,
}

impl Reader {
    /// Opens the file at `path` for reading, on a thread of its own.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)
            .map_err(|error| StoreError::from_sqlite(path, "open", error))?;
        let (sender, requests) = mpsc::channel::<Request>();
        thread::Builder::new()
            .name("journal-reader".to_owned())
            .spawn(move || {
                for request in requests {
                    let loaded = load(&connection, &request).map_err(|error| error.to_string());
                    // Whoever asked may be gone.
                    drop(request.reply.send(loaded));
                }
            })
            .map_err(|error| StoreError::io(path, "start a thread for", error))?;
        Ok(Self(sender))
    }

    /// The batch that holds the event `from`, or else the oldest one, and those after it that begin before `before`, until
    /// they hold `most` events.
    ///
    /// # Errors
    /// Why the file cannot be read now.
    pub(crate) async fn load(&self, from: u64, before: u64, most: u64) -> Result<Vec<Loaded>, String> {
        let (reply, answer) = oneshot::channel();
        let gone = || "the thread that reads the journal has ended".to_owned();
        self.0.send(Request { from, before, most, reply }).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

fn load(connection: &Connection, request: &Request) -> rusqlite::Result<Vec<Loaded>> {
    let mut query = connection.prepare_cached(
        "SELECT first, events, source, taken_at, rereadable, payload FROM batch
         WHERE first >= coalesce((SELECT max(first) FROM batch WHERE first <= ?1), ?1) AND first < ?2 ORDER BY first",
    )?;
    let mut rows = query.query(params![request.from.cast_signed(), request.before.cast_signed()])?;
    let (mut loaded, mut events) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let source: Arc<str> = row.get::<_, String>(2)?.into();
        let taken_at = timestamp(row, 3)?;
        let intake = if row.get(4)? { Intake::Rereadable } else { Intake::Live };
        let batch = record::decode(row.get_ref(5)?.as_blob()?)
            .map(|events| EventBatch::new(source, taken_at, events).with_intake(intake));
        let one = Loaded { first: number(row, 0)?, events: number(row, 1)?, batch };
        events += one.events;
        loaded.push(one);
        if events >= request.most {
            break;
        }
    }
    Ok(loaded)
}
