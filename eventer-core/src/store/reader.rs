//! The thread that reads batches back for sinks that lag.

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;

use rusqlite::{Connection, OpenFlags, params};
use tokio::sync::oneshot;

use super::error::StoreError;
use super::{number, record, timestamp};
use crate::batch::{EventBatch, Intake};

/// Reads batches back. Clones share the thread, which ends with the last of them.
#[derive(Clone, Debug)]
pub(crate) struct Reader(mpsc::Sender<Request>);

/// A batch as it was read back.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// Its number.
    pub(crate) number: u64,
    /// Number of its first event.
    pub(crate) first_event: u64,
    /// How many events it has, whether or not they can be read.
    pub(crate) events: u64,
    /// The batch, or why it cannot be read.
    pub(crate) batch: Result<EventBatch, String>,
}

#[derive(Debug)]
struct Request {
    from: u64,
    before: u64,
    most_events: u64,
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

    /// The batches from number `from` on and before number `before`, up to the one that fills `most_events`. None, if they
    /// are gone.
    ///
    /// # Errors
    /// Why the file cannot be read now.
    pub(crate) async fn load(&self, from: u64, before: u64, most_events: u64) -> Result<Vec<Loaded>, String> {
        let (reply, answer) = oneshot::channel();
        let gone = || "the thread that reads the journal has ended".to_owned();
        self.0.send(Request { from, before, most_events, reply }).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

fn load(connection: &Connection, request: &Request) -> rusqlite::Result<Vec<Loaded>> {
    let mut query = connection.prepare_cached(
        "SELECT number, first_event, events, source, taken_at, rereadable, payload FROM batch
         WHERE number >= ?1 AND number < ?2 ORDER BY number",
    )?;
    let mut rows = query.query(params![request.from.cast_signed(), request.before.cast_signed()])?;
    let (mut loaded, mut events) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let source: Arc<str> = row.get::<_, String>(3)?.into();
        let taken_at = timestamp(row, 4)?;
        let intake = if row.get(5)? { Intake::Rereadable } else { Intake::Live };
        let batch = record::decode(row.get_ref(6)?.as_blob()?)
            .map(|events| EventBatch::new(source, taken_at, events).with_intake(intake));
        let one = Loaded { number: number(row, 0)?, first_event: number(row, 1)?, events: number(row, 2)?, batch };
        events += one.events;
        loaded.push(one);
        if events >= request.most_events {
            break;
        }
    }
    Ok(loaded)
}
