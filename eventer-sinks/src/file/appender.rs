//! The open file: appends to it, repairs what a failed write leaves, notices that it was moved away, rotates it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use eventer_core::Clock;
use jiff::Timestamp;

use super::history::{Archivist, History};
use crate::line::{Failure, Output, write_counted};

/// Events tell of a cluster's inner life: readable for the group, which collectors of logs are in, and nobody else.
const MODE: u32 = 0o640;
/// How long to wait after a rotation that failed.
const ROTATION_RETRY: Duration = Duration::from_secs(60);

/// When a file is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rotation {
    /// Bytes that it does not grow over.
    pub(super) size: Option<u64>,
    /// Span of one file; spans are counted from 1970 in UTC, so that a restart changes nothing.
    pub(super) every: Option<Duration>,
}

/// Appends to the file at a path.
#[derive(Debug)]
pub(super) struct Appender {
    path: PathBuf,
    rotation: Rotation,
    history: History,
    clock: Arc<dyn Clock>,
    file: Option<Open>,
    archivist: Option<Archivist>,
    no_rotation_before: Option<Timestamp>,
}

#[derive(Debug)]
enum Open {
    /// What was written can be taken back.
    Regular { file: File, dev: u64, ino: u64, last_write: Timestamp },
    /// A pipe or a device.
    Stream(File),
}

impl Rotation {
    fn is_due(self, len: u64, more: usize, last_write: Timestamp, now: Timestamp) -> bool {
        let is_full = self.size.is_some_and(|size| len.saturating_add(more as u64) > size);
        let is_over = self.every.is_some_and(|every| span(last_write, every) != span(now, every));
        len > 0 && (is_full || is_over)
    }
}

impl Appender {
    pub(super) fn new(path: PathBuf, rotation: Rotation, history: History, clock: Arc<dyn Clock>) -> Self {
        Self { path, rotation, history, clock, file: None, archivist: None, no_rotation_before: None }
    }

    /// Whether opening it waits for somebody to read: a named pipe.
    pub(super) fn waits_for_reader(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|meta| meta.file_type().is_fifo())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let mut open = self.take_open().map_err(nothing_written)?;
        if self.is_rotation_due(&open, bytes.len()).map_err(nothing_written)? && self.set_aside() {
            open = self.open().map_err(nothing_written)?;
        }
        let written = match &mut open {
            Open::Regular { file, last_write, .. } if !bytes.is_empty() => {
                *last_write = self.clock.now();
                write_or_take_back(file, bytes)
            }
            Open::Regular { .. } => Ok(()),
            Open::Stream(file) => write_to_stream(file, bytes),
        };
        let is_lost = matches!(written, Err((_, true)));
        self.file = (!is_lost).then_some(open);
        written.map_err(|(failure, _)| failure)
    }

    /// The open file, or a new one if it is not open or not the one at the path any more.
    fn take_open(&mut self) -> io::Result<Open> {
        match self.file.take() {
            Some(Open::Regular { file, dev, ino, last_write }) => match fs::metadata(&self.path) {
                Ok(meta) if (meta.dev(), meta.ino()) == (dev, ino) => {
                    Ok(Open::Regular { file, dev, ino, last_write })
                }
                _ => self.open(),
            },
            Some(stream) => Ok(stream),
            None => self.open(),
        }
    }

    fn open(&mut self) -> io::Result<Open> {
        if let Some(file) = standard_stream(&self.path)? {
            return Ok(Open::Stream(file));
        }
        let is_regular = match fs::metadata(&self.path) {
            Ok(meta) => meta.is_file() && !is_special(&self.path),
            Err(error) if error.kind() == ErrorKind::NotFound => true,
            Err(error) => return Err(error),
        };
        if !is_regular {
            return Ok(Open::Stream(OpenOptions::new().append(true).open(&self.path)?));
        }
        let mut options = OpenOptions::new();
        let mut file = options.read(true).append(true).create(true).mode(MODE).open(&self.path)?;
        let meta = file.metadata()?;
        let modified = meta.modified().ok().filter(|_| meta.len() > 0);
        let last_write = modified.and_then(|at| Timestamp::try_from(at).ok());
        let last_write = last_write.unwrap_or_else(|| self.clock.now());
        close_last_line(&mut file, meta.len())?;
        if self.archivist.is_none() && self.rotation != Rotation::default() {
            let archivist = Archivist::start(self.real_path(), self.history.clone())?;
            archivist.tidy();
            self.archivist = Some(archivist);
        }
        Ok(Open::Regular { file, dev: meta.dev(), ino: meta.ino(), last_write })
    }

    fn is_rotation_due(&self, open: &Open, more: usize) -> io::Result<bool> {
        let Open::Regular { file, last_write, .. } = open else { return Ok(false) };
        let now = self.clock.now();
        let is_due = self.rotation.is_due(file.metadata()?.len(), more, *last_write, now);
        Ok(is_due && self.no_rotation_before.is_none_or(|earliest| now >= earliest))
    }

    /// Moves the file away. If that fails, events go on into the full file.
    fn set_aside(&mut self) -> bool {
        let now = self.clock.now();
        if let Err(error) = self.history.set_aside(&self.real_path(), now) {
            self.no_rotation_before = now.checked_add(ROTATION_RETRY).ok();
            let (sink, path) = (&*self.history.sink, self.path.display());
            tracing::warn!(sink, %error, "could not rotate {path}; it grows on, see that its directory is writable");
            return false;
        }
        self.no_rotation_before = None;
        if let Some(archivist) = &self.archivist {
            archivist.tidy();
        }
        true
    }

    /// Where the file is behind symbolic links, so that it is the file that is moved and not the link.
    fn real_path(&self) -> PathBuf {
        fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone())
    }
}

impl Output for Appender {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.append(bytes)
    }

    fn close(&mut self) {
        self.file = None;
        if let Some(archivist) = self.archivist.take() {
            archivist.finish();
        }
    }
}

fn nothing_written(error: io::Error) -> Failure {
    Failure { written: 0, error }
}

/// Writes all of `bytes` to the end of the file, or nothing. Says of a failure whether the file must be opened anew,
/// which closes the line that could not be taken back.
fn write_or_take_back(file: &mut File, bytes: &[u8]) -> Result<(), (Failure, bool)> {
    let len = file.metadata().map_err(|error| (nothing_written(error), true))?.len();
    write_counted(file, bytes).map_err(|Failure { written, error }| {
        // Whatever else stands behind our bytes is not ours to cut.
        let is_ours = file.metadata().is_ok_and(|meta| meta.len() == len + written as u64);
        let is_lost = written > 0 && !(is_ours && file.set_len(len).is_ok());
        (nothing_written(error), is_lost)
    })
}

/// Says of a failure whether the reader is gone. Who opens the pipe next begins with a whole line.
fn write_to_stream(file: &mut File, bytes: &[u8]) -> Result<(), (Failure, bool)> {
    write_counted(file, bytes).map_err(|Failure { written, error }| {
        let is_closed = error.kind() == ErrorKind::BrokenPipe;
        let written = if is_closed { line_start(bytes, written) } else { written };
        (Failure { written, error }, is_closed)
    })
}

/// Standard output and error by their names. Opening these by path fails for sockets, and for pipes of another user.
fn standard_stream(path: &Path) -> io::Result<Option<File>> {
    let fd = match path.to_str() {
        Some("/dev/stdout") => io::stdout().as_fd().try_clone_to_owned()?,
        Some("/dev/stderr") => io::stderr().as_fd().try_clone_to_owned()?,
        _ => return Ok(None),
    };
    Ok(Some(File::from(fd)))
}

/// Whether the path names something else than a file of its own, even if a regular file stands behind it.
fn is_special(path: &Path) -> bool {
    path.starts_with("/proc") || (path.starts_with("/dev") && !path.starts_with("/dev/shm"))
}

/// Closes a line that a killed process left half written.
fn close_last_line(file: &mut File, len: u64) -> io::Result<()> {
    if len == 0 {
        return Ok(());
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last == *b"\n" { Ok(()) } else { write_counted(file, b"\n").map_err(|failure| failure.error) }
}

fn line_start(bytes: &[u8], at: usize) -> usize {
    bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1)
}

/// Number of the span of length `every` that `at` is in.
fn span(at: Timestamp, every: Duration) -> i128 {
    at.as_nanosecond().div_euclid(i128::try_from(every.as_nanos()).unwrap_or(i128::MAX).max(1))
}
