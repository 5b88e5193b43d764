//! The state directory, and that one process owns it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::error::StoreError;

/// The file of the journal.
pub(super) const JOURNAL: &str = "journal.db";

/// Nobody else needs to read what happened in the cluster.
const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// A state directory that this process owns, until it is dropped or the process dies.
#[derive(Debug)]
pub(crate) struct StateDir {
    path: PathBuf,
    /// The kernel gives the lock free when the file is closed.
    _lock: File,
}

impl StateDir {
    /// Makes the directory if need be, and takes it into possession. `None`: another process has it.
    pub(crate) fn claim(path: &Path) -> Result<Option<Self>, StoreError> {
        DirBuilder::new()
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(path)
            .map_err(|error| StoreError::io(path, "make the directory", error))?;
        let lock_path = path.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(FILE_MODE)
            .open(&lock_path)
            .map_err(|error| StoreError::io(&lock_path, "open", error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self { path: path.to_owned(), _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(StoreError::io(&lock_path, "lock", error)),
        }
    }

    /// The file of the journal.
    pub(crate) fn journal(&self) -> PathBuf {
        self.path.join(JOURNAL)
    }

    /// The file that says that the journal was found to be damaged.
    pub(super) fn damage_mark(&self) -> PathBuf {
        self.path.join("damaged")
    }

    /// Renames a file and what belongs to it to a name that is free, and says which.
    pub(super) fn move_aside(&self, path: &Path) -> Result<PathBuf, StoreError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let aside = (1..)
            .map(|n| path.with_file_name(format!("{name}.damaged-{n}")))
            .find(|aside| !aside.exists())
            .expect("one of infinitely many names is free");
        // Whoever was here before may not have come to the end.
        for suffix in ["", "-wal", "-shm"] {
            let companion = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
            match fs::rename(companion(path), companion(&aside)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(StoreError::io(&companion(path), "move aside", error));
                }
                _ => {}
            }
        }
        match fs::remove_file(self.damage_mark()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::io(&self.damage_mark(), "remove", error))
            }
            _ => Ok(aside),
        }
    }
}

/// Makes the file if need be, such that nobody else can read it. SQLite gives its companions the same mode.
pub(super) fn make_private(path: &Path) -> Result<(), StoreError> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(FILE_MODE)
        .open(path)
        .map(drop)
        .map_err(|error| StoreError::io(path, "open", error))
}
