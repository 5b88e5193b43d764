//! What an answer over HTTP means for the events: the one table of statuses. Pure.
//!
//! | status | kind | because |
//! |---|---|---|
//! | 2xx | taken | kube-eventer knew 200 only, and many receivers answer 201, 202 or 204 |
//! | 400, 413, 422 | `Rejected` | they judge this content: the next event may pass, this one never will |
//! | 401, 403, 407 | `Unauthorized` | secrets rotate |
//! | 429; 503 with `Retry-After` | `RateLimited` | the destination says when it wants more |
//! | 408, 425, other 5xx | `Unavailable` | trouble that passes |
//! | 3xx | `Unavailable` | what the client does not follow would lose the event or tell another host of it |
//! | other 4xx (404, 405, 409, 410, 414, 415 …) | `Unavailable` | they judge the address, the method or the headers, hence every event alike: someone will mend the flag or the receiver, and until then no event is given up |
//!
//! `Retry-After` is kept with whatever kind is tried again, up to [`LONGEST_RETRY_AFTER`]. The start of the body goes
//! into the cause, without the secrets that the sink knows: servers like to repeat what they were sent.

use std::time::Duration;

use eventer_core::secret::redact_url;
use eventer_core::{ExportError, ExportErrorKind, Secret};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};

/// The longest `Retry-After` that is believed: a destination that answers nonsense must not be silent for years.
pub(super) const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// How many characters of a body are shown.
const EXCERPT_CHARS: usize = 200;

/// Judges an answer, of whose body the start is enough. `now` is what an HTTP date in `Retry-After` is compared with.
///
/// # Errors
/// As the table of this module says. The cause names the status and shows an excerpt of the body without `secrets`.
pub(super) fn classify(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    secrets: &[Secret<String>],
    now: Timestamp,
) -> Result<(), ExportError> {
    if status.is_success() {
        return Ok(());
    }
    let retry_after = retry_after(headers, now);
    let kind = match status.as_u16() {
        400 | 413 | 422 => ExportErrorKind::Rejected,
        401 | 403 | 407 => ExportErrorKind::Unauthorized,
        429 => ExportErrorKind::RateLimited,
        503 if retry_after.is_some() => ExportErrorKind::RateLimited,
        _ => ExportErrorKind::Unavailable,
    };
    let retry_after = retry_after.filter(|_| kind != ExportErrorKind::Rejected);
    Err(ExportError::new(kind, cause(status, headers, body, secrets)).with_retry_after(retry_after))
}

fn cause(status: StatusCode, headers: &HeaderMap, body: &[u8], secrets: &[Secret<String>]) -> String {
    let mut text = format!("it answered {status}");
    if status.is_redirection() {
        text.push_str(", a redirect that cannot be followed with the event in hand");
        if let Some(location) = headers.get(LOCATION).and_then(|location| location.to_str().ok()) {
            // A path is not shown: it may be a credential.
            let location = if location.contains("://") {
                redact_url(location)
            } else {
                "another path of the same host".to_owned()
            };
            let location = excerpt(location.as_bytes(), secrets);
            text.push_str(&format!("; it leads to {location}: give the URL at its end instead"));
        }
    }
    let excerpt = excerpt(body, secrets);
    if !excerpt.is_empty() {
        text.push_str(": ");
        text.push_str(&excerpt);
    }
    text
}

/// `Retry-After` in seconds or as an HTTP date (RFC 9110, 10.2.3), from now.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if value.starts_with(|c: char| c.is_ascii_digit()) {
        let seconds = value.parse::<f64>().ok()?;
        Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_RETRY_AFTER)
    } else {
        let at = rfc2822::parse(value).ok()?.timestamp();
        Duration::try_from(at.duration_since(now)).unwrap_or_default()
    };
    Some(wait.min(LONGEST_RETRY_AFTER))
}

/// The first characters of a body, in one line, with nothing that plays tricks on a terminal, and without secrets.
pub(super) fn excerpt(body: &[u8], secrets: &[Secret<String>]) -> String {
    let mut text = String::from_utf8_lossy(body).into_owned();
    for secret in secrets.iter().map(Secret::expose).filter(|secret| !secret.is_empty()) {
        if text.contains(secret.as_str()) {
            text = text.replace(secret.as_str(), "[redacted]");
        }
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    let mut shown = String::with_capacity(EXCERPT_CHARS);
    for c in line.chars().take(EXCERPT_CHARS) {
        if c.is_control() || is_bidi_control(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    if line.chars().nth(EXCERPT_CHARS).is_some() {
        shown.push('…');
    }
    shown
}

/// Characters that turn the direction of what follows.
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
