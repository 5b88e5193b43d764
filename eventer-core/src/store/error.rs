//! Why the state directory cannot be used.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use thiserror::Error;

/// Why the state directory cannot be used.
#[derive(Debug, Error)]
pub(crate) enum StoreError {
    /// Something of it cannot be opened or written now.
    #[error("could not {tried} {path}", path = .path.display())]
    Io {
        tried: &'static str,
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    /// SQLite cannot open or read the file now.
    #[error("could not {tried} {path}", path = .path.display())]
    Sqlite {
        tried: &'static str,
        path: PathBuf,
        #[source]
        cause: rusqlite::Error,
    },
    /// There is no journal in the directory.
    #[error("there is no journal at {path}; is it the directory that --state-dir names?", path = .path.display())]
    Missing { path: PathBuf },
    /// The file is damaged, or of another program.
    #[error("{path} cannot be read: {reason}", path = .path.display())]
    Damaged { path: PathBuf, reason: String },
    /// A newer eventer wrote it. It is no damage, and nothing is done to it.
    #[error(
        "{path} has the format {found} of a newer eventer, and this one knows formats up to {known}; run that one, or give \
         another --state-dir",
        path = .path.display()
    )]
    Newer { path: PathBuf, found: i32, known: i32 },
}

impl StoreError {
    pub(super) fn io(path: &Path, tried: &'static str, cause: io::Error) -> Self {
        Self::Io { tried, path: path.to_owned(), cause }
    }

    /// Tells damage from trouble that passes.
    pub(super) fn from_sqlite(path: &Path, tried: &'static str, cause: rusqlite::Error) -> Self {
        if is_damage(&cause) {
            return Self::Damaged { path: path.to_owned(), reason: cause.to_string() };
        }
        Self::Sqlite { tried, path: path.to_owned(), cause }
    }
}

/// Whether the error says that the file is no database, or a broken one.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}
