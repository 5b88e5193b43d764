//! Reads a recording on a thread of its own, as far ahead as a bounded channel lets it.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use eventer_core::metrics::SourceMetrics;
use eventer_core::{Event, report};
use flate2::read::MultiGzDecoder;
use tokio::sync::{mpsc, oneshot};

use super::config::Passes;
use super::record::{Record, RecordError};
use super::split::{Found, Splitter};

/// The most events that are handed over together.
const PORTION_EVENTS: usize = 64;
/// The most bytes of JSON that are handed over together, but for a single event.
const PORTION_BYTES: usize = 256 << 10;
/// How many portions wait in the channel.
const PORTIONS: usize = 8;
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Where a recording is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Input {
    File(PathBuf),
    Stdin,
}

/// How far a recording was played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// How often it was played before.
    pub(super) pass: u64,
    /// How many records of it were read in this pass.
    pub(super) record: u64,
}

/// An event, and the place that is reached with it.
pub(super) type Played = (Box<Event>, Place);

/// Reads a recording.
#[derive(Debug)]
pub(super) struct Player {
    pub(super) input: Input,
    pub(super) passes: Passes,
    pub(super) begin: Place,
    /// For events that do not tell theirs.
    pub(super) cluster: Option<Arc<str>>,
    /// Name of the source, for logs.
    pub(super) name: Arc<str>,
    pub(super) metrics: SourceMetrics,
}

impl Player {
    /// Starts the thread, and waits until the recording is open. What is played comes out of the channel, which closes at
    /// the end, or behind the error that ended it.
    ///
    /// The thread ends when the channel is dropped. It is no task of the runtime, which would wait for it at its end, for
    /// ever if nobody writes to standard input.
    pub(super) async fn start(self) -> io::Result<mpsc::Receiver<io::Result<Vec<Played>>>> {
        let (sender, receiver) = mpsc::channel(PORTIONS);
        let (opened, is_open) = oneshot::channel();
        thread::Builder::new().name("replay".to_owned()).spawn(move || {
            let (input, result) = match self.input.open() {
                Ok(input) => (Some(input), Ok(())),
                Err(error) => (None, Err(error)),
            };
            if let (Some(input), Ok(())) = (input, opened.send(result)) {
                Run::new(self, sender).play(input);
            }
        })?;
        is_open.await.map_err(|_| io::Error::other("the thread that reads has ended"))??;
        Ok(receiver)
    }
}

impl Input {
    fn open(&self) -> io::Result<Box<dyn Read>> {
        let input: Box<dyn Read> = match self {
            Self::Stdin => Box::new(io::stdin()),
            Self::File(path) if fs::metadata(path)?.is_dir() => return Err(ErrorKind::IsADirectory.into()),
            Self::File(path) => Box::new(File::open(path)?),
        };
        Ok(input)
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Stdin => f.write_str("-"),
        }
    }
}

impl Place {
    /// Reads what `Display` writes.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (pass, record) = text.split_once('+').unwrap_or(("0", text));
        Some(Self { pass: pass.parse().ok()?, record: record.parse().ok()? })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pass > 0 { write!(f, "{}+{}", self.pass, self.record) } else { self.record.fmt(f) }
    }
}

struct Run {
    player: Player,
    sender: mpsc::Sender<io::Result<Vec<Played>>>,
    place: Place,
    portion: Vec<Played>,
    portion_bytes: usize,
    undecodable: u64,
}

/// Nobody takes what is played any more.
struct Gone;

impl Run {
    fn new(player: Player, sender: mpsc::Sender<io::Result<Vec<Played>>>) -> Self {
        let place = Place { pass: player.begin.pass, record: 0 };
        Self { player, sender, place, portion: Vec::new(), portion_bytes: 0, undecodable: 0 }
    }

    fn play(mut self, mut input: Box<dyn Read>) {
        loop {
            match self.play_once(input) {
                Ok(Ok(true)) if self.goes_on() => {}
                Ok(Ok(_) | Err(Gone)) => return,
                Err(error) => return self.fail(error),
            }
            self.place = Place { pass: self.place.pass + 1, record: 0 };
            input = match self.player.input.open() {
                Ok(input) => input,
                Err(error) => return self.fail(error),
            };
        }
    }

    /// Says whether there is any record in it: one without would be read over and over for nothing.
    fn play_once(&mut self, input: Box<dyn Read>) -> io::Result<Result<bool, Gone>> {
        let mut splitter = Splitter::new(unpacked(input)?);
        while let Some(found) = splitter.find()? {
            if found == Found::Drained {
                if self.hand_over().is_err() {
                    return Ok(Err(Gone));
                }
                continue;
            }
            self.place.record += 1;
            if self.place.pass == self.player.begin.pass && self.place.record <= self.player.begin.record {
                continue;
            }
            if found == Found::Broken {
                self.is_undecodable("it is not whole");
                continue;
            }
            let document = splitter.document();
            match Record::decode(document) {
                Ok(Record::Event(event)) => {
                    if self.take(event, document.len()).is_err() {
                        return Ok(Err(Gone));
                    }
                }
                Ok(Record::Passed) => {}
                Err(error @ RecordError::NoEvent) => self.is_undecodable(&error.to_string()),
                Err(error) => self.is_undecodable(&report(&error)),
            }
        }
        Ok(self.hand_over().map(|()| self.place.record > 0))
    }

    fn take(&mut self, mut event: Box<Event>, bytes: usize) -> Result<(), Gone> {
        if event.cluster.is_none() {
            event.cluster.clone_from(&self.player.cluster);
        }
        self.portion.push((event, self.place));
        self.portion_bytes += bytes;
        if self.portion.len() < PORTION_EVENTS && self.portion_bytes < PORTION_BYTES {
            return Ok(());
        }
        self.hand_over()
    }

    fn hand_over(&mut self) -> Result<(), Gone> {
        self.portion_bytes = 0;
        if self.portion.is_empty() {
            return if self.sender.is_closed() { Err(Gone) } else { Ok(()) };
        }
        self.sender.blocking_send(Ok(std::mem::take(&mut self.portion))).map_err(|_| Gone)
    }

    fn goes_on(&self) -> bool {
        match self.player.passes {
            Passes::Endless => true,
            Passes::Times(times) => self.place.pass + 1 < times,
        }
    }

    /// What was read before stays played.
    fn fail(&mut self, error: io::Error) {
        if self.hand_over().is_ok() {
            self.sender.blocking_send(Err(error)).ok();
        }
    }

    fn is_undecodable(&mut self, error: &str) {
        self.player.metrics.line_undecodable();
        self.undecodable += 1;
        // A recording of something else has as many of these as lines.
        if self.undecodable.is_power_of_two() {
            let (source, undecodable) = (&*self.player.name, self.undecodable);
            tracing::warn!(
                source,
                error,
                undecodable,
                "record {} is no event and is passed over",
                self.place
            );
        }
    }
}

/// Unpacks gzip, which is known by its first bytes.
fn unpacked(mut input: Box<dyn Read>) -> io::Result<Box<dyn Read>> {
    let mut first = Vec::with_capacity(GZIP.len());
    input.by_ref().take(GZIP.len() as u64).read_to_end(&mut first)?;
    let is_gzip = first == GZIP;
    let whole = io::Cursor::new(first).chain(input);
    Ok(if is_gzip { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) })
}
