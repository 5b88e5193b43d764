//! The answer of a chat service: its status, and the error code that it hides in a 200.

use eventer_core::ExportError;
use reqwest::RequestBuilder;
use serde::Deserialize;

use crate::http::HttpClient;

/// What a chat service answered with a 2xx.
#[derive(Default, Deserialize)]
pub(crate) struct Reply {
    /// 0 if all is well. It may be missing only beside a token.
    #[serde(default)]
    errcode: Option<i64>,
    /// What the service says of it. As [`ask`] gives it, it is one short line that shows no secret.
    #[serde(default)]
    pub(crate) errmsg: String,
    /// Receivers that WeCom does not know, separated by `|`; the message went to the others.
    #[serde(default)]
    pub(crate) invaliduser: String,
    /// A token, if it was asked for one.
    #[serde(default)]
    pub(crate) access_token: String,
    /// How long that token lasts, in seconds.
    #[serde(default)]
    pub(crate) expires_in: u64,
}

impl Reply {
    /// The error code; 0 if all is well.
    pub(crate) fn code(&self) -> i64 {
        self.errcode.unwrap_or(0)
    }
}

/// Sends a request and reads the answer. `hide` is what the answer may repeat and nobody may read, beside the URL.
///
/// # Errors
/// What the status says; `Unavailable` for a 2xx that is no JSON with an `errcode`, as a captive portal or a wrong
/// address answers. The `errcode` itself is judged by the sink.
///
/// # Cancellation
/// Dropping the future hangs up.
pub(crate) async fn ask(
    http: &HttpClient,
    request: RequestBuilder,
    hide: &[&str],
) -> Result<Reply, ExportError> {
    let answer = http.ask(request, hide).await?;
    answer.verdict()?;
    let read: Option<Reply> = serde_json::from_slice(&answer.body).ok();
    let is_one = |reply: &Reply| reply.errcode.is_some() || !reply.access_token.is_empty();
    let mut reply = read.filter(is_one).ok_or_else(|| {
        let body = String::from_utf8_lossy(&answer.body);
        // One that cannot be read, or is cut off, may hold a token all the same.
        let shown = if body.contains("access_token") { "[redacted]".into() } else { answer.excerpt(&body) };
        ExportError::unavailable(format!(
            "it answered {} with what is no JSON with an errcode: {shown:?}",
            answer.status
        ))
    })?;
    let token = std::mem::take(&mut reply.access_token);
    let without_token = |text: &str| match token.as_str() {
        "" => answer.excerpt(text),
        token => answer.excerpt(&text.replace(token, "[redacted]")),
    };
    reply.errmsg = without_token(&reply.errmsg);
    reply.invaliduser = without_token(&reply.invaliduser);
    reply.access_token = token;
    Ok(reply)
}
