//! The thread that reads batches back for sinks that lag.

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;

use rusqlite::{Connection, OpenFlags, params};
use tokio::sync::oneshot;

use super::error::StoreError;
use super::{number, record, timestamp};
use crate::batch::{EventBatch, Intake};
use crate::event::Event;
use crate::journal::storage::{Loaded, Replay};

/// Reads batches back. Clones share the thread, which ends with the last of them.
#[derive(Clone, Debug)]
pub(crate) struct Reader(mpsc::Sender<Request>);

#[derive(Debug)]
enum Request {
    Load { from: u64, before: u64, most: u64, reply: Reply<Loaded> },
    Replays(Reply<Replay>),
}

type Reply<T> = oneshot::Sender<Result<Vec<T>, String>>;

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
                    answer(&connection, request);
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
        self.ask(|reply| Request::Load { from, before, most, reply }).await
    }

    /// The dead letters that are to be delivered again.
    ///
    /// # Errors
    /// Why the file cannot be read now.
    pub(crate) async fn replays(&self) -> Result<Vec<Replay>, String> {
        self.ask(Request::Replays).await
    }

    async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<Vec<T>, String> {
        let (reply, answer) = oneshot::channel();
        let gone = || "the thread that reads the journal has ended".to_owned();
        self.0.send(request(reply)).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

/// Whoever asked may be gone.
fn answer(connection: &Connection, request: Request) {
    let told = |error: rusqlite::Error| error.to_string();
    match request {
        Request::Load { from, before, most, reply } => {
            drop(reply.send(load(connection, from, before, most).map_err(told)));
        }
        Request::Replays(reply) => drop(reply.send(replays(connection).map_err(told))),
    }
}

fn replays(connection: &Connection) -> rusqlite::Result<Vec<Replay>> {
    let mut query = connection
        .prepare_cached("SELECT id, sink, received_at, event FROM dead_letter WHERE replay ORDER BY id")?;
    let mut rows = query.query([])?;
    let mut replays = Vec::new();
    while let Some(row) = rows.next()? {
        let received_at = timestamp(row, 2)?;
        // What cannot be read stays where it is, for people to look at.
        if let Ok(event) = serde_json::from_str::<Event>(row.get_ref(3)?.as_str()?) {
            let event = Arc::new(Event { received_at, ..event });
            replays.push(Replay { id: row.get(0)?, sink: row.get(1)?, event });
        }
    }
    Ok(replays)
}

fn load(connection: &Connection, from: u64, before: u64, most: u64) -> rusqlite::Result<Vec<Loaded>> {
    let mut query = connection.prepare_cached(
        "SELECT first, events, source, taken_at, rereadable, payload FROM batch
         WHERE first >= coalesce((SELECT max(first) FROM batch WHERE first <= ?1), ?1) AND first < ?2 ORDER BY first",
    )?;
    let mut rows = query.query(params![from.cast_signed(), before.cast_signed()])?;
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
        if events >= most {
            break;
        }
    }
    Ok(loaded)
}
