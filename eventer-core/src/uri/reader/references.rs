//! What an option can point at instead of saying it: a secret in a file, a file, a ConfigMap. Noted here, read later.

use std::path::PathBuf;

use super::UriReader;
use crate::cluster::ConfigMapKey;
use crate::error::ConfigError;
use crate::secret::{Secret, SecretSource, text_of};
use crate::uri::needs::{FileCheck, NeededFile};
use crate::uri::spec::OptionSpec;

impl UriReader<'_> {
    /// Takes a secret: written out, from the option's variable, or in a file that `<name>_file=` names and that must
    /// hold a text.
    pub fn take_secret(&mut self, option: &OptionSpec) -> Option<SecretSource> {
        let is_text = |content: &[u8]| text_of(content.to_vec()).map(drop).map_err(str::to_owned);
        let files = self.take_secret_files(option, is_text);
        let is_written = self.left.iter().any(|(name, _)| name == option.name);
        if files.is_empty() || is_written {
            let value: Option<Secret<String>> = self.take(option);
            if !files.is_empty() {
                self.invalid_unseen(option, format!("it is given by {} too; give one", option.file_name()));
            }
            return value.map(SecretSource::Value);
        }
        files.into_iter().next()
    }

    /// Takes a secret that must be given.
    ///
    /// # Errors
    /// If it is missing.
    pub fn require_secret(&mut self, option: &OptionSpec) -> Result<SecretSource, ConfigError> {
        let had_errors = self.errors.len();
        self.take_secret(option).ok_or_else(|| self.missing(option, had_errors))
    }

    /// Takes all values of a secret that may be repeated, written out or in files. A file must be there, and `check` have
    /// nothing against its content, before anything is opened.
    pub fn take_secrets(&mut self, option: &OptionSpec, check: FileCheck) -> Vec<SecretSource> {
        let written = self.take_all(option).into_iter().map(SecretSource::Value);
        let written: Vec<_> = written.collect();
        written.into_iter().chain(self.take_secret_files(option, check)).collect()
    }

    /// Takes the path of a file. It must be there, and `check` have nothing against its content, before anything is
    /// opened.
    pub fn take_file(&mut self, option: &OptionSpec, check: FileCheck) -> Option<PathBuf> {
        let path: PathBuf = self.take(option)?;
        self.need_file(option.name, &path, check);
        Some(path)
    }

    /// Takes the name of a ConfigMap, and its namespace, whose text stands under `key`. The source must be one that
    /// speaks to a cluster.
    pub fn take_config_map(
        &mut self,
        name: &OptionSpec,
        namespace: &OptionSpec,
        key: &'static str,
    ) -> Option<ConfigMapKey> {
        let namespace = self.take_or_default(namespace);
        let config_map = self.take(name)?;
        self.needs.config_map = Some(name.name);
        Some(ConfigMapKey { namespace, name: config_map, key })
    }

    fn take_secret_files(&mut self, option: &OptionSpec, check: FileCheck) -> Vec<SecretSource> {
        let name = option.file_name();
        let paths: Vec<PathBuf> = self.take_texts(&name).into_iter().map(PathBuf::from).collect();
        for path in &paths {
            self.need_file(&name, path, check);
        }
        paths.into_iter().map(SecretSource::File).collect()
    }

    fn need_file(&mut self, option: &str, path: &std::path::Path, check: FileCheck) {
        self.needs.files.push(NeededFile {
            component: self.component.clone(),
            option: option.to_owned(),
            path: path.to_owned(),
            check,
        });
    }
}
