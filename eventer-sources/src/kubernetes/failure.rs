//! What a refusal of the API server means, and what to do about it.

use std::time::Duration;

use eventer_core::{BuildError, report};
use http::{Response, StatusCode, header};
use http_body_util::BodyExt as _;
use kube::client::Body;
use thiserror::Error;

use super::api::Resource;
use super::decode::Status;

/// An error's text is for people: as much of it is kept.
const MAX_ERROR_TEXT: usize = 300;
/// The most of an error's body that is read.
const MAX_ERROR_BODY: usize = 64 * 1024;
/// The longest that a `Retry-After` is obeyed.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(600);

/// A request that did not succeed.
#[derive(Debug, Error)]
#[error("{text}")]
pub(super) struct Failure {
    pub(super) kind: FailureKind,
    /// The HTTP status, if there was an answer.
    pub(super) status: Option<StatusCode>,
    /// How long the server wants to be left alone.
    pub(super) retry_after: Option<Duration>,
    text: String,
}

/// What a failure means for what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailureKind {
    /// The position, or the token, is too old to go on from.
    Expired,
    /// The request itself is refused: it would be refused again.
    Invalid,
    /// Another answer of the server, or of something before it. Trying again can help.
    Refused,
    /// No answer, or one that broke off.
    Unreachable,
}

impl Failure {
    /// There is no client that could ask.
    pub(super) fn unconnected(error: &BuildError) -> Self {
        Self::without_answer(FailureKind::Unreachable, report(error))
    }

    /// A request that cannot be made.
    pub(super) fn unformed(error: &http::Error) -> Self {
        Self::without_answer(FailureKind::Invalid, format!("could not form the request: {error}"))
    }

    /// A connection that broke.
    pub(super) fn unreachable(tried: &str, error: &(dyn std::error::Error + 'static)) -> Self {
        Self::without_answer(FailureKind::Unreachable, format!("could not {tried}: {}", report(error)))
    }

    /// There was no answer within `limit`.
    pub(super) fn timed_out(asked: &str, limit: Duration) -> Self {
        let waited = eventer_core::time::format_duration(limit);
        let text = format!("the API server did not answer {asked} within {waited}");
        Self::without_answer(FailureKind::Unreachable, text)
    }

    /// A watch that the server ended with an ERROR line.
    pub(super) fn of_line(resource: &Resource, status: &Status) -> Self {
        let kind = if status.is_expired() { FailureKind::Expired } else { FailureKind::Refused };
        let text = format!(
            "the API server ended the watch of {resource} with {} {}: {}",
            status.code,
            status.reason,
            shortened(&status.message)
        );
        let code = StatusCode::from_u16(status.code).ok();
        Self { kind, status: code, retry_after: wait(status.retry_after_seconds()), text }
    }

    /// An answer that is none.
    pub(super) fn undecodable(resource: &Resource, why: &str) -> Self {
        Self::not_understood(&resource.to_string(), why)
    }

    /// The same, of something that is no resource.
    pub(super) fn not_understood(what: &str, why: &str) -> Self {
        let text = format!("could not understand what the API server says of {what}: {}", shortened(why));
        Self::without_answer(FailureKind::Refused, text)
    }

    /// Reads why the server refuses. It need not be JSON: proxies and overload answer with text. `asked` is what was asked
    /// for, `rights` what would be needed for it.
    pub(super) async fn of_response(asked: &str, rights: &str, response: Response<Body>) -> Self {
        let code = response.status();
        let seconds = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let seconds: Option<u64> = seconds.and_then(|text| text.trim().parse().ok());
        let body = http_body_util::Limited::new(response.into_body(), MAX_ERROR_BODY).collect().await;
        let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let status: Status = serde_json::from_slice(&body).unwrap_or_default();

        let said =
            if status.message.is_empty() { String::from_utf8_lossy(&body) } else { (&status.message).into() };
        let mut text = format!("the API server answered {} to {asked}", code.as_u16());
        let said = shortened(said.trim());
        if !said.is_empty() {
            text.push_str(": ");
            text.push_str(said);
        }
        match code {
            StatusCode::UNAUTHORIZED => text.push_str("; its credentials are missing, wrong or expired"),
            StatusCode::FORBIDDEN if !rights.is_empty() => text.push_str(&format!("; allow {rights}")),
            _ => {}
        }
        let kind = match code {
            _ if status.is_expired() || code == StatusCode::GONE => FailureKind::Expired,
            StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::NOT_FOUND
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS => FailureKind::Refused,
            _ if code.is_client_error() => FailureKind::Invalid,
            _ => FailureKind::Refused,
        };
        Self { kind, status: Some(code), retry_after: wait(seconds.or(status.retry_after_seconds())), text }
    }

    fn without_answer(kind: FailureKind, text: String) -> Self {
        Self { kind, status: None, retry_after: None, text }
    }
}

fn wait(seconds: Option<u64>) -> Option<Duration> {
    seconds.map(|seconds| Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

fn shortened(text: &str) -> &str {
    let end = text.char_indices().map(|(at, _)| at).nth(MAX_ERROR_TEXT).unwrap_or(text.len());
    &text[..end]
}
