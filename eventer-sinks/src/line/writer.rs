//! Writes lines on a thread of their own, so that a pipe that nobody reads can hold up an export but not the runtime.
//!
//! An attempt that is given up does not stop the thread: the write goes on, and the next attempt begins by waiting for
//! it. If it brings the same lines again, as a retry does, it goes on behind what is written; if it brings others, it
//! closes a line that was left half written first.

use std::io::{self, ErrorKind, Write};
use std::mem;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{Mutex, oneshot};

/// The most bytes of a buffer that are kept for the next batch.
const KEPT_CAPACITY: usize = 2 << 20;
/// How long to wait before a descriptor that is set to non-blocking is tried again.
const NONBLOCKING_WAIT: Duration = Duration::from_millis(10);

/// Where lines go. Lives on the writer's thread, and may block it.
pub(crate) trait Output: Send + 'static {
    /// Writes `bytes`, one or more lines. With no bytes, only makes sure that it is open.
    ///
    /// # Errors
    /// Says how many of the bytes stay written nevertheless.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure>;

    /// Finishes what goes on in the background.
    fn close(&mut self) {}
}

/// A write that did not come to its end.
#[derive(Debug)]
pub(crate) struct Failure {
    /// How many bytes stay written.
    pub(crate) written: usize,
    /// Why no more.
    pub(crate) error: io::Error,
}

/// Hands lines to the thread that writes them.
#[derive(Debug)]
pub(crate) struct LineWriter {
    target: String,
    jobs: mpsc::Sender<Job>,
    state: Mutex<State>,
}

/// The lines could not be written. Whatever keeps them from it, a full disk or a closed pipe, can pass.
#[derive(Debug, Error)]
#[error("could not write to {target}")]
pub(crate) struct WriteError {
    target: String,
    #[source]
    pub(crate) cause: io::Error,
}

impl LineWriter {
    /// Starts the thread. `target` is what errors call the output.
    ///
    /// The thread ends when this is dropped. It is no task of the runtime, which would wait for it at its end, for ever
    /// if the output is stuck.
    ///
    /// # Errors
    /// The system has no thread left.
    pub(crate) fn start(target: impl Into<String>, output: impl Output) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel();
        thread::Builder::new().name("line-writer".to_owned()).spawn(move || run(output, &queue))?;
        Ok(Self { target: target.into(), jobs, state: Mutex::default() })
    }

    /// Writes the lines that `encode` adds to an empty buffer, with one write if the system takes them so. No lines only
    /// make sure that the output is open.
    ///
    /// # Errors
    /// The lines are not written, or not all of them.
    ///
    /// # Cancellation
    /// The write goes on; see the top of this file.
    pub(crate) async fn write(&self, encode: impl FnOnce(&mut Vec<u8>)) -> Result<(), WriteError> {
        let mut state = self.state.lock().await;
        // What became of it is in `state.left`, and its error belongs to an attempt that was given up.
        state.settle().await.ok();
        let mut lines = mem::take(&mut state.spare);
        encode(&mut lines);
        let work = match state.left.take() {
            Some(left) => left.followed_by(lines),
            None => Work { bytes: lines, ..Work::default() },
        };
        if work.is_done() {
            state.recycle(work);
            return Ok(());
        }
        let written = self.run(&mut state, work).await;
        written.map_err(|cause| WriteError { target: self.target.clone(), cause })
    }

    /// Waits for a write that goes on, and for what the output does in the background.
    pub(crate) async fn close(&self) {
        let mut state = self.state.lock().await;
        state.settle().await.ok();
        let (done, closed) = oneshot::channel();
        if self.jobs.send(Job::Close(done)).is_ok() {
            closed.await.ok();
        }
    }

    async fn run(&self, state: &mut State, work: Work) -> io::Result<()> {
        let (done, pending) = oneshot::channel();
        self.jobs.send(Job::Write(work, done)).map_err(|_| thread_ended())?;
        state.pending = Some(pending);
        state.settle().await?;
        if let Some(work) = state.left.take() {
            state.recycle(work);
        }
        Ok(())
    }
}

/// Writes `bytes`, and waits for a descriptor that some other process has set to non-blocking.
pub(crate) fn write_counted(output: &mut impl Write, bytes: &[u8]) -> Result<(), Failure> {
    let mut written = 0;
    while written < bytes.len() {
        match output.write(&bytes[written..]) {
            Ok(0) => return Err(Failure { written, error: ErrorKind::WriteZero.into() }),
            Ok(more) => written += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // The flag belongs to the open file, which we share with others, so that it is not ours to take off.
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::park_timeout(NONBLOCKING_WAIT),
            Err(error) => return Err(Failure { written, error }),
        }
    }
    output.flush().map_err(|error| Failure { written, error })
}

enum Job {
    Write(Work, oneshot::Sender<(Work, io::Result<()>)>),
    Close(oneshot::Sender<()>),
}

fn run(mut output: impl Output, queue: &mpsc::Receiver<Job>) {
    for job in queue {
        match job {
            Job::Write(mut work, done) => {
                let result = match output.write(&work.bytes[work.written..]) {
                    Ok(()) => {
                        work.written = work.bytes.len();
                        Ok(())
                    }
                    Err(failure) => {
                        work.written += failure.written;
                        Err(failure.error)
                    }
                };
                // Nobody waits any more if the sink is gone.
                done.send((work, result)).ok();
            }
            Job::Close(done) => {
                output.close();
                done.send(()).ok();
            }
        }
    }
}

fn thread_ended() -> io::Error {
    io::Error::other("the thread that writes has ended")
}

#[derive(Debug, Default)]
struct State {
    /// A buffer to use again.
    spare: Vec<u8>,
    /// The write that goes on; sends what became of it. Outlives an attempt that is given up.
    pending: Option<oneshot::Receiver<(Work, io::Result<()>)>>,
    /// The last write, unless an attempt has reported that it was done.
    left: Option<Work>,
}

impl State {
    /// Waits for the write that goes on, if there is one.
    async fn settle(&mut self) -> io::Result<()> {
        let Some(pending) = &mut self.pending else { return Ok(()) };
        let outcome = pending.await;
        self.pending = None;
        let (work, result) = outcome.map_err(|_| thread_ended())?;
        self.left = Some(work);
        result
    }

    fn recycle(&mut self, work: Work) {
        self.spare = work.bytes;
        self.spare.clear();
        self.spare.shrink_to(KEPT_CAPACITY);
    }
}

/// Bytes to write, and how far that has come.
#[derive(Debug, Default)]
struct Work {
    bytes: Vec<u8>,
    /// How many bytes at the front close a line that an earlier write left open.
    rest: usize,
    written: usize,
}

impl Work {
    /// Whether an attempt that was given up has come to its end since.
    fn is_done(&self) -> bool {
        self.written > 0 && self.written == self.bytes.len()
    }

    /// What is to be done if `lines` are to be written next.
    fn followed_by(self, lines: Vec<u8>) -> Self {
        if self.bytes[self.rest..] == lines {
            return self;
        }
        let open = self.open_line();
        if open.is_empty() {
            return Self { bytes: lines, ..Self::default() };
        }
        Self { bytes: [open, &lines].concat(), rest: open.len(), written: 0 }
    }

    /// The rest of the line that was left half written.
    fn open_line(&self) -> &[u8] {
        let is_open = match self.written {
            0 => self.rest > 0,
            written => self.bytes[written - 1] != b'\n',
        };
        let left = &self.bytes[self.written..];
        let end = left.iter().position(|byte| *byte == b'\n').map_or(left.len(), |at| at + 1);
        if is_open { &left[..end] } else { &[] }
    }
}
