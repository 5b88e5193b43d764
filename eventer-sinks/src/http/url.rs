//! The destination's own URL, as a user gives it: written out, or in a file.

use std::path::PathBuf;

use eventer_core::secret::redact_url;
use eventer_core::{ConfigError, ExportError, OptionSpec, Secret, SecretSource, UriReader};
use reqwest::Url;

/// The file with the URL.
pub(crate) const URL_FILE: OptionSpec = OptionSpec::new(
    "url_file",
    "PATH",
    "File with the destination's URL, for one that is a secret by itself; it is read again for each request.",
);

/// Where the URL stands. `Debug` shows a file's path, and never a URL.
#[derive(Clone, Debug)]
pub(crate) enum UrlSource {
    /// It was written out, or a variable gave it.
    Value(Secret<Url>),
    /// It stands in a file, read again for each use.
    File(PathBuf),
}

impl UrlSource {
    /// The URL as it is now.
    ///
    /// # Errors
    /// `Unavailable`, if the file cannot be read now or holds no URL. Nothing of its content is shown.
    pub(crate) async fn read(&self) -> Result<Secret<Url>, ExportError> {
        match self {
            Self::Value(url) => Ok(url.clone()),
            Self::File(path) => {
                let text = SecretSource::File(path.clone()).read().await.map_err(ExportError::unavailable)?;
                parse(text.expose()).map(Secret::new).map_err(|reason| {
                    ExportError::unavailable(format!("{} holds no URL to send to: {reason}", path.display()))
                })
            }
        }
    }

    /// What of it may be shown: the host, or where it stands.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Value(url) => redact_url(url.expose().as_str()),
            Self::File(path) => format!("the URL in {}", path.display()),
        }
    }
}

/// Takes the file with the URL alone, for a sink that can do without a URL; with [`URL_FILE`] among its options.
pub(crate) fn take_url_file(uri: &mut UriReader<'_>) -> Option<UrlSource> {
    uri.take_file(&URL_FILE, check).map(UrlSource::File)
}

/// Takes the file with the URL, or else the endpoint and of its query what no option has taken. Call it last, with
/// [`URL_FILE`] among the sink's options.
///
/// # Errors
/// If neither is given or both are, or the endpoint is no URL that can be sent to. The error shows nothing of it, since
/// all of it may be a credential.
pub(crate) fn take_url(uri: &mut UriReader<'_>) -> Result<UrlSource, ConfigError> {
    let file = take_url_file(uri);
    let text = uri.take_destination();
    let Some(file) = file else {
        return parse(&text)
            .map(Secret::new)
            .map(UrlSource::Value)
            .map_err(|reason| uri.endpoint_error(reason));
    };
    if !text.is_empty() {
        return Err(uri.endpoint_error(
            "the URL stands here and in url_file=; give one of them (a query of its own belongs into the file)",
        ));
    }
    Ok(file)
}

fn check(content: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(content).map_err(|_| "it is no text in UTF-8".to_owned())?;
    parse(text.trim_end_matches(['\r', '\n'])).map(drop)
}

/// The reason of a failure shows nothing of the text.
fn parse(text: &str) -> Result<Url, String> {
    const FORM: &str = "it has the form https://HOST/PATH";
    if text.is_empty() || text.starts_with('?') {
        return Err(format!("the URL is missing; {FORM}, or stands in a file that url_file= names"));
    }
    // The parser would leave them out, and two lines become one URL.
    if text.contains(['\r', '\n', '\t']) {
        return Err(format!("a line end or a tab stands in the URL; {FORM}"));
    }
    let url: Url = text.parse().map_err(|error| format!("the URL is not understood: {error}; {FORM}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("the URL begins neither with http:// nor with https://; {FORM}"));
    }
    if url.fragment().is_some() {
        return Err("a # would end the URL that is sent; write %23 for it".to_owned());
    }
    Ok(url)
}
