//! Values that must never be shown.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A value that shows itself nowhere: `Debug` and `Display` redact, and there is no `Serialize`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Hides `value`.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, to be sent to where it belongs.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Where a secret comes from. `Debug` shows a file's path, and never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// It was written out, or a variable gave it.
    Value(Secret<String>),
    /// It stands in a file, whose last line end does not belong to it. Read again for each use, so that a secret may
    /// change.
    File(PathBuf),
}

impl SecretSource {
    /// The secret as it is now.
    ///
    /// # Errors
    /// The file cannot be read now, or holds no text.
    pub async fn read(&self) -> Result<Secret<String>, SecretError> {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::File(path) => {
                let content =
                    tokio::fs::read(path).await.map_err(|cause| SecretError { path: path.clone(), cause })?;
                text_of(content).map(Secret::new).map_err(|reason| SecretError {
                    path: path.clone(),
                    cause: io::Error::new(io::ErrorKind::InvalidData, reason),
                })
            }
        }
    }

    /// The file, if it stands in one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Value(_) => None,
            Self::File(path) => Some(path),
        }
    }
}

/// A secret that could not be read from its file.
#[derive(Debug, Error)]
#[error("could not read the secret in {path}", path = .path.display())]
pub struct SecretError {
    path: PathBuf,
    #[source]
    cause: io::Error,
}

/// The text of a file that holds a secret. The reason shows nothing of it.
pub(crate) fn text_of(content: Vec<u8>) -> Result<String, &'static str> {
    let mut text = String::from_utf8(content).map_err(|_| "it is no text in UTF-8")?;
    let end = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(end);
    if text.is_empty() { Err("it is empty") } else { Ok(text) }
}

/// Shows of a URL what helps to find the destination, and nothing that could be a secret: scheme, host and port.
///
/// Paths and queries of webhooks are credentials themselves (Slack, DingTalk).
pub fn redact_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "[redacted]".to_owned() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let more = if authority.len() < rest.trim_end_matches('/').len() { "/…" } else { "" };
    format!("{scheme}://{host}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_itself_nowhere() {
        let secret = Secret::new("hunter2");
        assert!(!format!("{secret} {secret:?}").contains("hunter2"));
        assert_eq!(*secret.expose(), "hunter2");
    }

    #[test]
    fn a_url_shows_its_host_only() {
        let shown = redact_url("https://user:pw@hooks.example.com:8443/services/T0/B0?access_token=x");
        assert_eq!(shown, "https://hooks.example.com:8443/…");
        assert_eq!(redact_url("http://a/"), "http://a");
        assert_eq!(redact_url("user:pw@tcp(h:3306)"), "[redacted]");
    }

    #[tokio::test]
    async fn a_secret_in_a_file_is_read_again_for_each_use() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let source = SecretSource::File(path.clone());
        let report = crate::report(&source.read().await.unwrap_err());
        assert!(report.contains("token: No such file"), "{report}");
        for (content, secret) in [("hunter2\n", "hunter2"), ("a b\r\n", "a b"), ("next", "next")] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(source.read().await.unwrap().expose(), secret);
        }
        for content in [&b"\n"[..], b"hunter2\xff"] {
            std::fs::write(&path, content).unwrap();
            let error = source.read().await.unwrap_err();
            assert!(!format!("{} {error:?}", crate::report(&error)).contains("hunter2"));
        }
    }
}
