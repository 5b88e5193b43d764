//! What a component needs beside its URI: files that must be there, and a cluster to ask. Known when the URI is read,
//! and looked at before anything is opened.

use std::fs;
use std::path::PathBuf;

use crate::error::ConfigError;

/// Says what is wrong with the content of a file, for a user to read; shows no secret.
pub type FileCheck = fn(content: &[u8]) -> Result<(), String>;

/// What a component needs beside its URI.
#[derive(Clone, Debug, Default)]
pub(crate) struct Needs {
    pub(crate) files: Vec<NeededFile>,
    /// The option that asks for a ConfigMap.
    pub(crate) config_map: Option<&'static str>,
}

/// A file that an option names.
#[derive(Clone, Debug)]
pub(crate) struct NeededFile {
    pub(crate) component: String,
    pub(crate) option: String,
    pub(crate) path: PathBuf,
    pub(crate) check: FileCheck,
}

impl NeededFile {
    /// Reads the file, and says what is wrong with it.
    pub(crate) fn verify(&self) -> Result<(), ConfigError> {
        let path = self.path.display();
        let read = fs::read(&self.path).map_err(|error| format!("could not read {path}: {error}"));
        read.and_then(|content| (self.check)(&content).map_err(|reason| format!("{path}: {reason}"))).map_err(
            |reason| ConfigError::InvalidOption {
                component: self.component.clone(),
                option: self.option.clone(),
                reason,
            },
        )
    }
}
