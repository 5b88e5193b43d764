//! The destination's own URL, as a user gives it. Pure.

use eventer_core::{ConfigError, Secret, UriReader};
use reqwest::Url;

/// Takes the endpoint, and of its query what no option has taken. Call it last.
///
/// # Errors
/// If it is no URL that can be sent to. The error shows nothing of it, since all of it may be a credential.
pub(crate) fn take_url(uri: &mut UriReader<'_>) -> Result<Secret<Url>, ConfigError> {
    let text = uri.take_destination();
    parse(&text).map(Secret::new).map_err(|reason| uri.endpoint_error(reason))
}

fn parse(text: &str) -> Result<Url, String> {
    const FORM: &str = "it has the form https://HOST/PATH";
    if text.is_empty() || text.starts_with('?') {
        return Err(format!("the URL is missing; {FORM}"));
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
