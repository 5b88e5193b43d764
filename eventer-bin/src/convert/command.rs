//! The command: the file that is read, and those that are written.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use eventer_core::Registry;

use super::report::Report;
use super::{Conversion, convert};
use crate::args::ConvertCommand;
use crate::printable::printable;

/// What a conversion has to say.
#[derive(Debug)]
pub(crate) struct Converted {
    /// For standard output: the config file, if it is written nowhere else.
    pub(crate) output: String,
    /// The files that were written.
    pub(crate) written: Vec<PathBuf>,
    /// What changes.
    pub(crate) report: Report,
}

/// The files of a conversion: their names, what they hold, and whether others may read them.
struct Files<'c>(Vec<(&'static str, &'c str, bool)>);

/// Converts what the command names, and writes the files.
///
/// # Errors
/// Nothing was converted: the input cannot be read or is not understood, or a file cannot be written or is there. In words,
/// of one line.
pub(crate) fn run(command: &ConvertCommand, registry: &Registry) -> Result<Converted, String> {
    let (name, text) = read(&command.input)?;
    let mut conversion: Conversion = convert(command.tool, &text).map_err(|error| {
        let line = error.line.map(|line| format!(":{line}")).unwrap_or_default();
        format!("{name}{line}: {}", printable(&error.reason))
    })?;
    conversion.verify(registry);
    let Some(directory) = &command.output else {
        return Ok(Converted { output: conversion.config, written: Vec::new(), report: conversion.report });
    };
    let report = format!("# From {} to eventer\n\n{}", command.tool, conversion.report);
    let secret = conversion.secret();
    let mut files = vec![("eventer.yaml", &*conversion.config, true), ("report.md", &*report, true)];
    files.extend(secret.as_deref().map(|secret| ("secret.yaml", secret, false)));
    let written = Files(files).write(directory, command.is_forced)?;
    Ok(Converted { output: String::new(), written, report: conversion.report })
}

/// The input, with its name for people.
fn read(path: &Path) -> Result<(String, String), String> {
    let (name, read) = if path.as_os_str() == "-" {
        let mut text = String::new();
        ("standard input".to_owned(), io::stdin().lock().read_to_string(&mut text).map(|_| text))
    } else {
        (path.display().to_string(), fs::read_to_string(path))
    };
    match read {
        Ok(text) => Ok((name, text)),
        Err(error) => Err(format!("could not read {name}: {error}")),
    }
}

impl Files<'_> {
    /// Writes all of them, or none if one is there that may not be replaced.
    fn write(self, directory: &Path, is_forced: bool) -> Result<Vec<PathBuf>, String> {
        let paths = self.0.iter().map(|(name, ..)| directory.join(name));
        let paths: Vec<PathBuf> = paths.collect();
        if let Some(path) = paths.iter().find(|path| !is_forced && path.exists()) {
            return Err(format!("{} exists; --force replaces it", path.display()));
        }
        let failed = |path: &Path, error: &io::Error| format!("could not write {}: {error}", path.display());
        fs::create_dir_all(directory).map_err(|error| failed(directory, &error))?;
        for ((_, content, is_public), path) in self.0.iter().zip(&paths) {
            write(path, content, *is_public).map_err(|error| failed(path, &error))?;
        }
        Ok(paths)
    }
}

fn write(path: &Path, content: &str, is_public: bool) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    if !is_public {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        options.mode(0o600);
        let file = options.open(path)?;
        // One that is replaced keeps its mode.
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        return (&file).write_all(content.as_bytes());
    }
    options.open(path)?.write_all(content.as_bytes())
}
