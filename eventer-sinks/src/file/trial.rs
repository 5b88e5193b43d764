//! Whether a file could be written, found out without leaving anything behind.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process;

use crate::line::{Failure, Output};

/// Stands in for the file when nothing will be written.
#[derive(Debug)]
pub(super) struct Trial {
    path: PathBuf,
}

impl Trial {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }
}

impl Output for Trial {
    fn write(&mut self, _: &[u8]) -> Result<(), Failure> {
        could_append(&self.path).map_err(|error| Failure { written: 0, error })
    }
}

/// A file that is there is opened; where there is none, one of another name is made beside it and goes again.
fn could_append(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        // Opening it would wait for somebody to read.
        Ok(meta) if meta.file_type().is_fifo() => Ok(()),
        Ok(_) => OpenOptions::new().append(true).open(path).map(drop),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let beside = path.with_file_name(format!(".{name}.trial-{}", process::id()));
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
            fs::remove_file(beside)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_stays_as_it_is_and_nothing_else_comes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        could_append(&path).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        fs::write(&path, "half a li").unwrap();
        could_append(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "half a li");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_written_is_told() {
        let folder = tempfile::tempdir().unwrap();
        assert!(could_append(folder.path()).is_err(), "a directory");
        let missing = folder.path().join("no/events.jsonl");
        assert_eq!(could_append(&missing).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
