//! The headers of a request, among them its credentials: what a user said, and what is sent.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use eventer_core::{Secret, SecretSource, UriReader};
use reqwest::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING,
};

use super::config::{HEADER, PASSWORD, TOKEN, USER};
use super::template::Form;

/// Where the headers come from. `Debug` shows no value.
#[derive(Clone, Debug, Default)]
pub(super) struct HeaderSources {
    /// Those that were written out. Of a name the last one holds, as in kube-eventer.
    written: HeaderMap,
    /// Files with further ones, one a line. They hold against those that were written out.
    files: Vec<SecretSource>,
    credentials: Credentials,
}

#[derive(Clone, Debug, Default)]
enum Credentials {
    #[default]
    None,
    Basic(String, Option<SecretSource>),
    Bearer(SecretSource),
}

/// The headers of one request, and what of them must not be shown beside the values that are marked as sensitive.
#[derive(Debug, Default)]
pub(super) struct Headers {
    pub(super) map: HeaderMap,
    pub(super) hidden: Vec<Secret<String>>,
}

impl HeaderSources {
    /// Takes the headers and the credentials.
    pub(super) fn take(uri: &mut UriReader<'_>) -> Self {
        let mut sources = Self::default();
        for source in uri.take_secrets(&HEADER, check) {
            let SecretSource::Value(text) = &source else {
                sources.files.push(source);
                continue;
            };
            match parse(text.expose()) {
                Ok((name, value)) => _ = sources.written.insert(name, value),
                Err(reason) => uri.invalid(&HEADER, reason),
            }
        }
        let user: Option<String> = uri.take(&USER);
        let (password, token) = (uri.take_secret(&PASSWORD), uri.take_secret(&TOKEN));
        if let Some(SecretSource::Value(token)) = &token
            && HeaderValue::from_str(token.expose()).is_err()
        {
            uri.invalid(&TOKEN, "its value, which is not shown, holds a character that no header can");
        }
        if matches!(&token, Some(SecretSource::Value(token)) if token.expose().trim().is_empty()) {
            uri.invalid(&TOKEN, "it is empty; leave the option out to send none");
        }
        if user.as_ref().is_some_and(|user| user.contains(':')) {
            uri.invalid(&USER, "a colon would end the name; the password belongs into basic_password=");
        }
        if password.is_some() && user.is_none() {
            uri.invalid(&PASSWORD, "it needs basic_user=");
        }
        if user.is_some() && token.is_some() {
            uri.invalid(
                &TOKEN,
                "basic_user= is given too, and a request has one Authorization; give one of them",
            );
        }
        let is_authorized = user.is_some() || token.is_some();
        if is_authorized && sources.written.contains_key(AUTHORIZATION) {
            uri.invalid(
                &HEADER,
                "Authorization is given with basic_user= or bearer_token= too; give one of them",
            );
        }
        sources.credentials = match (user, token) {
            (_, Some(token)) => Credentials::Bearer(token),
            (Some(user), None) => Credentials::Basic(user, password),
            (None, None) => Credentials::None,
        };
        sources
    }

    /// What the body has to be by the headers that were written out.
    pub(super) fn form(&self) -> Form {
        let Some(content_type) = self.written.get(CONTENT_TYPE) else { return Form::Either };
        let is_json = content_type.to_str().is_ok_and(|value| value.to_ascii_lowercase().contains("json"));
        if is_json { Form::Json } else { Form::Text }
    }

    /// The headers as they are now.
    ///
    /// # Errors
    /// A file cannot be read now, or holds what is no header. The error shows no value.
    pub(super) async fn read(&self) -> Result<Headers, eventer_core::BoxError> {
        let mut headers = Headers { map: self.written.clone(), hidden: Vec::new() };
        for file in &self.files {
            let text = file.read().await?;
            let in_file = |reason: String| {
                let path = file.path().unwrap_or_else(|| "header_file".as_ref()).display();
                format!("{path}: {reason}")
            };
            headers.map.extend(parse_lines(text.expose()).map_err(in_file)?);
        }
        let authorization = match &self.credentials {
            Credentials::None => return Ok(headers),
            Credentials::Basic(user, password) => {
                let password = match password {
                    Some(password) => password.read().await?,
                    None => Secret::default(),
                };
                let encoded = BASE64_STANDARD.encode(format!("{user}:{}", password.expose()));
                headers.hidden.push(password);
                format!("Basic {encoded}")
            }
            Credentials::Bearer(token) => format!("Bearer {}", token.read().await?.expose()),
        };
        let mut value = HeaderValue::from_str(&authorization)
            .map_err(|_| "the token holds a character that no header can")?;
        value.set_sensitive(true);
        headers.map.insert(AUTHORIZATION, value);
        Ok(headers)
    }
}

/// Says what is wrong with a file of headers; shows nothing of it.
fn check(content: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(content).map_err(|_| "it is no text in UTF-8".to_owned())?;
    if parse_lines(text)?.is_empty() { Err("it is empty".to_owned()) } else { Ok(()) }
}

/// The headers of a file, of which each stands on a line. Of a name the last one holds.
fn parse_lines(text: &str) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let (name, value) = parse(line).map_err(|reason| format!("line {}: {reason}", number + 1))?;
        headers.insert(name, value);
    }
    Ok(headers)
}

/// A header of the form `NAME=VALUE`, cut at its first `=`. The reason of a failure shows nothing of it.
fn parse(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let wrong = || format!("its value, which is not shown, is not of the form {}", HEADER.value);
    let (name, value) = text.split_once('=').ok_or_else(wrong)?;
    let name: HeaderName = name.trim().parse().map_err(|_| wrong())?;
    if name == CONTENT_LENGTH || name == TRANSFER_ENCODING {
        return Err(format!("{name} is set by the body"));
    }
    let mut value: HeaderValue = value.trim().parse().map_err(|_| wrong())?;
    value.set_sensitive(name != CONTENT_TYPE);
    Ok((name, value))
}
