//! The robot's URL, as a user gives it. Pure.
//!
//! DingTalk shows it with its access token, `https://oapi.dingtalk.com/robot/send?access_token=…`. Written out in a flag,
//! the token is the option `access_token`; in the file of `url_file=` it stands in the URL.

use eventer_core::{ConfigError, Secret, UriReader};
use reqwest::Url;

use crate::http::{URL_FILE, UrlSource};

/// Name of the token in the query.
pub(super) const ACCESS_TOKEN: &str = "access_token";

/// Takes the URL from the endpoint or a file. `has_token`: the token is given by itself, and the file need not hold it.
///
/// # Errors
/// If neither is given or both are, or the endpoint is no URL. Nothing of it is shown: it may be a credential.
pub(super) fn take(uri: &mut UriReader<'_>, has_token: bool) -> Result<UrlSource, ConfigError> {
    let check = if has_token { check } else { check_with_token };
    match uri.take_file(&URL_FILE, check) {
        Some(_) if !uri.endpoint().is_empty() => {
            Err(uri.endpoint_error("the URL stands here and in url_file=; give one of them"))
        }
        Some(path) => Ok(UrlSource::File(path)),
        None => parse(uri.endpoint())
            .map(|url| UrlSource::Value(Secret::new(url)))
            .map_err(|reason| uri.endpoint_error(reason)),
    }
}

/// The token in the query of a URL.
pub(super) fn token(url: &Url) -> Option<String> {
    let token = url.query_pairs().find(|(name, _)| name == ACCESS_TOKEN)?.1.into_owned();
    (!token.is_empty()).then_some(token)
}

/// A URL without a scheme is one of https, and so is one of a scheme that is none of HTTP's, as for kube-eventer.
pub(super) fn parse(text: &str) -> Result<Url, String> {
    const FORM: &str = "it has the form https://oapi.dingtalk.com/robot/send";
    let Some((scheme, rest)) = text.split_once("//") else {
        return Err(format!("the URL is missing; {FORM}, or stands in a file that url_file= names"));
    };
    // A parser for browsers would take the first part of the path for the host.
    if rest.starts_with('/') {
        return Err(format!("the URL has no host; {FORM}"));
    }
    let scheme = if scheme.eq_ignore_ascii_case("http:") { "http:" } else { "https:" };
    let url: Url = format!("{scheme}//{rest}")
        .parse()
        .map_err(|error| format!("the URL is not understood: {error}; {FORM}"))?;
    if url.fragment().is_some() {
        return Err("a # would end the URL that is sent; write %23 for it".to_owned());
    }
    Ok(url)
}

fn check(content: &[u8]) -> Result<(), String> {
    read(content).map(drop)
}

fn check_with_token(content: &[u8]) -> Result<(), String> {
    let url = read(content)?;
    token(&url).map(drop).ok_or_else(|| "the URL has no access_token".to_owned())
}

fn read(content: &[u8]) -> Result<Url, String> {
    let text = std::str::from_utf8(content).map_err(|_| "it is no text in UTF-8".to_owned())?;
    parse(text.trim_end_matches(['\r', '\n']))
}
