//! Old files: how they are called, compressed in the background, and thrown away.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};
use std::thread::{self, JoinHandle};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::{Timestamp, ToSpan};

const COMPRESSED: &str = ".gz";
const PARTIAL: &str = ".gz.partial";
/// The form of the time in the name of an old file, in which `0` stands for any digit.
const STAMP: &str = "00000000T000000.000Z";
const MODE: u32 = 0o640;

/// What is done with old files.
#[derive(Clone, Debug)]
pub(super) struct History {
    /// How many are kept.
    pub(super) keep: usize,
    /// Whether they are compressed.
    pub(super) gzip: bool,
    /// Name of the sink, for logs.
    pub(super) sink: Arc<str>,
}

/// Tidies up behind a file on a thread of its own.
#[derive(Debug)]
pub(super) struct Archivist {
    /// A word in it is a round to do; dropping it ends the thread behind the rounds that wait.
    rounds: SyncSender<()>,
    thread: JoinHandle<()>,
}

impl History {
    /// Moves the file at `path` among the old files.
    pub(super) fn set_aside(&self, path: &Path, now: Timestamp) -> io::Result<()> {
        let mut stamp = now;
        loop {
            let old = with_suffix(path, &stamp.strftime(".%Y%m%dT%H%M%S.%3fZ").to_string());
            if !exists(&old)? && !exists(&with_suffix(&old, COMPRESSED))? {
                return fs::rename(path, old);
            }
            stamp = stamp.checked_add(1.millisecond()).map_err(io::Error::other)?;
        }
    }

    /// Throws away what is too old, and compresses the rest.
    fn tidy(&self, path: &Path) -> io::Result<()> {
        let mut old = OldFile::all(path)?;
        let excess = old.len().saturating_sub(self.keep);
        for file in old.drain(..excess) {
            file.remove()?;
        }
        for file in old.iter().filter(|_| self.gzip) {
            file.compress()?;
        }
        Ok(())
    }
}

impl Archivist {
    pub(super) fn start(path: PathBuf, history: History) -> io::Result<Self> {
        // One round sees all that was done before it began, so that one that waits is enough.
        let (rounds, queue) = mpsc::sync_channel(1);
        let thread = thread::Builder::new().name("file-archivist".to_owned()).spawn(move || {
            for () in queue {
                if let Err(error) = history.tidy(&path) {
                    let (sink, path) = (&*history.sink, path.display());
                    tracing::warn!(sink, %error, "could not tidy up the old files of {path}; it is tried again at the next rotation");
                }
            }
        })?;
        Ok(Self { rounds, thread })
    }

    /// Asks for a round.
    pub(super) fn tidy(&self) {
        // Full: a round waits already.
        self.rounds.try_send(()).ok();
    }

    /// Waits until everything is tidy.
    pub(super) fn finish(self) {
        drop(self.rounds);
        // A panic there has been told by the thread itself.
        self.thread.join().ok();
    }
}

/// One old file, in whichever of its two forms it exists.
#[derive(Debug)]
struct OldFile {
    plain: PathBuf,
}

impl OldFile {
    /// The old files of `path`, the oldest first.
    fn all(path: &Path) -> io::Result<Vec<Self>> {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let Some(own_name) = path.file_name().and_then(|name| name.to_str()) else { return Ok(Vec::new()) };
        let mut stamps = Vec::new();
        for entry in fs::read_dir(parent)? {
            let name = entry?.file_name();
            let stamp = name.to_str().and_then(|name| name.strip_prefix(own_name)?.strip_prefix('.'));
            let Some(stamp) = stamp else { continue };
            let stamp = stamp.strip_suffix(PARTIAL).or(stamp.strip_suffix(COMPRESSED)).unwrap_or(stamp);
            if is_stamp(stamp) {
                stamps.push(stamp.to_owned());
            }
        }
        stamps.sort();
        stamps.dedup();
        Ok(stamps.iter().map(|stamp| Self { plain: with_suffix(path, &format!(".{stamp}")) }).collect())
    }

    fn remove(&self) -> io::Result<()> {
        for form in ["", COMPRESSED, PARTIAL] {
            remove(&with_suffix(&self.plain, form))?;
        }
        Ok(())
    }

    /// Compresses it, so that at any moment one of its forms is whole.
    fn compress(&self) -> io::Result<()> {
        let (compressed, partial) = (with_suffix(&self.plain, COMPRESSED), with_suffix(&self.plain, PARTIAL));
        let mut plain = match File::open(&self.plain) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return remove(&partial),
            Err(error) => return Err(error),
        };
        if !exists(&compressed)? {
            let out = OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(&partial)?;
            let mut encoder = GzEncoder::new(out, Compression::default());
            io::copy(&mut plain, &mut encoder)?;
            encoder.finish()?.sync_all()?;
            fs::rename(&partial, &compressed)?;
        }
        remove(&self.plain)
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn is_stamp(text: &str) -> bool {
    text.len() == STAMP.len()
        && text
            .bytes()
            .zip(STAMP.bytes())
            .all(|(c, form)| if form == b'0' { c.is_ascii_digit() } else { c == form })
}

fn exists(path: &Path) -> io::Result<bool> {
    path.try_exists()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
