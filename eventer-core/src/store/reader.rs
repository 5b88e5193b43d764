//! The thread that reads batches back for sinks that lag.

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use tokio::sync::oneshot;

use super::error::{StoreError, is_damage};
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
    Replays { sinks: Vec<String>, most: usize, reply: Reply<Replay> },
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
    pub(crate) async fn replays(&self, sinks: Vec<String>, most: usize) -> Result<Vec<Replay>, String> {
        self.ask(|reply| Request::Replays { sinks, most, reply }).await
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
        Request::Replays { sinks, most, reply } => {
            drop(reply.send(replays(connection, &sinks, most).map_err(told)));
        }
    }
}

fn replays(connection: &Connection, sinks: &[String], most: usize) -> rusqlite::Result<Vec<Replay>> {
    let mut query = connection.prepare_cached(
        "SELECT id, sink, event FROM dead_letter INDEXED BY dead_letter_replay
         WHERE replay AND sink IN (SELECT value FROM json_each(?1)) ORDER BY id LIMIT ?2",
    )?;
    let sinks = serde_json::to_string(sinks).expect("names are JSON");
    let mut rows = query.query(params![sinks, i64::try_from(most).unwrap_or(i64::MAX)])?;
    let mut replays = Vec::new();
    while let Some(row) = rows.next()? {
        // Its receipt was long ago, and must not make it too old for whoever wants it now. What cannot be read stays where it is, for people to look at.
        if let Ok(event) = serde_json::from_str::<Event>(row.get_ref(2)?.as_str()?) {
            let event = Arc::new(event);
            replays.push(Replay { id: row.get(0)?, sink: row.get(1)?, event });
        }
    }
    Ok(replays)
}

fn load(connection: &Connection, from: u64, before: u64, most: u64) -> rusqlite::Result<Vec<Loaded>> {
    let headers = match headers(connection, from, before, most) {
        Err(error) if is_damage(&error) => {
            let end = after_damage(connection, from, before)?;
            return Ok(vec![Loaded { first: from, events: end - from, batch: Err(error.to_string()) }]);
        }
        headers => headers?,
    };
    headers
        .into_iter()
        .map(|header| {
            let batch = match payload(connection, header.first) {
                Ok(events) => events.map(|events| header.batch(events)),
                Err(error) if is_damage(&error) => Err(error.to_string()),
                Err(error) => return Err(error),
            };
            Ok(Loaded { first: header.first, events: header.events, batch })
        })
        .collect()
}

/// A batch without its events.
struct Header {
    first: u64,
    events: u64,
    source: Arc<str>,
    taken_at: Timestamp,
    intake: Intake,
}

impl Header {
    fn batch(&self, events: Vec<Arc<Event>>) -> EventBatch {
        EventBatch::new(self.source.clone(), self.taken_at, events).with_intake(self.intake)
    }
}

fn headers(connection: &Connection, from: u64, before: u64, most: u64) -> rusqlite::Result<Vec<Header>> {
    let mut query = connection.prepare_cached(
        "SELECT first, events, source, taken_at, rereadable FROM batch
         WHERE first >= coalesce((SELECT max(first) FROM batch WHERE first <= ?1), ?1) AND first < ?2 ORDER BY first",
    )?;
    let mut rows = query.query(params![from.cast_signed(), before.cast_signed()])?;
    let (mut headers, mut events) = (Vec::new(), 0);
    loop {
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => break,
            // What comes before the damage comes first.
            Err(error) if is_damage(&error) && !headers.is_empty() => break,
            Err(error) => return Err(error),
        };
        let header = Header {
            first: number(row, 0)?,
            events: number(row, 1)?,
            source: row.get::<_, String>(2)?.into(),
            taken_at: timestamp(row, 3)?,
            intake: if row.get(4)? { Intake::Rereadable } else { Intake::Live },
        };
        events += header.events;
        headers.push(header);
        if events >= most {
            break;
        }
    }
    Ok(headers)
}

/// Number of the first event after `from` and before `before` from which on something can be found again, when nothing can
/// be found at `from`; `before` if there is none.
fn after_damage(connection: &Connection, from: u64, before: u64) -> rusqlite::Result<u64> {
    let found = |number: u64| {
        let mut query = connection.prepare_cached(
            "SELECT first FROM batch WHERE first >= ?1 AND first < ?2 ORDER BY first LIMIT 1",
        )?;
        let numbers = params![number.cast_signed(), before.cast_signed()];
        match query.query_row(numbers, |row| self::number(row, 0)).optional() {
            Err(error) if is_damage(&error) => Ok(None),
            found => found.map(|first| Some(first.unwrap_or(before))),
        }
    };
    // Longer and longer steps until something is found, and back to the first of it.
    let (mut bad, mut step, mut tried, mut good) = (from, 1, before, before);
    while from + step < before {
        tried = from + step;
        if let Some(first) = found(tried)? {
            good = first;
            break;
        }
        (bad, tried) = (tried, before);
        step *= 2;
    }
    while bad + 1 < tried {
        let middle = bad + (tried - bad) / 2;
        match found(middle)? {
            Some(first) => (tried, good) = (middle, good.min(first)),
            None => bad = middle,
        }
    }
    Ok(good)
}

/// The events of a batch, or why they cannot be read.
fn payload(connection: &Connection, first: u64) -> rusqlite::Result<Result<Vec<Arc<Event>>, String>> {
    let mut query = connection.prepare_cached("SELECT payload FROM batch WHERE first = ?1")?;
    let decoded = query
        .query_row([first.cast_signed()], |row| Ok(record::decode(row.get_ref(0)?.as_blob()?)))
        .optional()?;
    // It was deleted in between.
    Ok(decoded.unwrap_or_else(|| Err("it is gone".to_owned())))
}
