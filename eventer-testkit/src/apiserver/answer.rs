//! What the fake server can be told to answer instead of the truth.

use bytes::Bytes;

use super::Resource;
use super::status::Status;
use crate::http::{Request, Response};

/// An answer that a test orders for a request, instead of the usual one.
///
/// Where the words of an answer were recorded from a real server, the exchange is named.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Answer {
    /// As if nothing had been ordered: holds a place in a queue, so that the third page can fail.
    AsUsual,
    /// A whole response of the test's own.
    Respond(Response),

    /// HTTP 410, Status `Expired` (`81-410-list-exact-compacted`). A real server gives it to lists only; a
    /// client should survive it on a watch too.
    Gone,
    /// HTTP 410 with a token to go on with, at the price of consistency (`82-410-expired-continue`). For a request
    /// without `continue` it is [`Answer::Gone`].
    ContinueExpired,
    /// HTTP 401 Status (`30-401-bad-token`).
    Unauthorized,
    /// HTTP 403 Status (`32-403-sa-list`, `33-403-sa-watch`).
    Forbidden,
    /// HTTP 404, plain text (`47-404-group`).
    NotFound,
    /// HTTP 429, plain text (`97-429-apf-reject`).
    TooManyRequests {
        /// The `Retry-After` header, in seconds; the real server says 1.
        retry_after: u64,
    },
    /// HTTP 500 with a Status.
    InternalError,
    /// HTTP 500 with a body that is no JSON, as a proxy in between sends it.
    InternalErrorWithoutJson,
    /// HTTP 504 Status `Timeout`, sent as plain text (`99c-lease-get-while-etcd-frozen`).
    GatewayTimeout,
    /// HTTP 504 `Too large resource version` (`16-list-future-rv`).
    VersionTooLarge,

    /// The connection is closed without an answer.
    Drop,
    /// The request is taken and never answered; the connection stays open.
    Hang,
    /// The response breaks off in the middle of its body: half of a page, or of a watch's first line.
    BreakBody,

    /// A watch: 200, an ERROR line with code 410, a clean end (`80-410-watch-compacted`).
    WatchGone,
    /// The same in the words of a server with a watch cache (`80d-410-watch-rv1-watchcache`).
    WatchGoneCached,
    /// A watch: 200, an ERROR line with code 500, a clean end.
    WatchError,
    /// A watch: 200 and a clean end at once, without a line.
    EndAtOnce,
    /// A watch: 200, a line that is not JSON, then as usual.
    GarbageLine,
    /// A watch: 200, one ADDED line of at least this many bytes, then as usual.
    LongLine {
        /// The least length of the line, in bytes.
        bytes: usize,
    },
    /// A watch: 200, then nothing: no line and no end, whatever `timeoutSeconds` says.
    Silence,
}

/// What becomes of a request, once an answer has been ordered for it.
#[derive(Debug)]
pub(super) enum Outcome {
    AsUsual,
    Respond(Response),
    Drop,
    Hang,
    /// The usual answer, cut in the middle.
    Break,
    /// The head of a watch and these lines, each its own chunk.
    Lines(Vec<Bytes>, Then),
}

/// How a watch goes on behind ordered lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    End,
    GoOn,
    Silence,
}

/// The facts that the words of an answer need.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    pub(super) resource: Resource,
    pub(super) version: u64,
    pub(super) watch_cache: bool,
}

impl Answer {
    pub(super) fn outcome(&self, request: &Request, facts: Facts) -> Outcome {
        let status = |status: Status| Outcome::Respond(status.to_response());
        let error_line = |status: Status| Outcome::Lines(vec![status.to_line().into()], Then::End);
        let asked = request.param("resourceVersion").and_then(|text| text.parse().ok()).unwrap_or(0);
        match self {
            Self::AsUsual => Outcome::AsUsual,
            Self::Respond(response) => Outcome::Respond(response.clone()),
            Self::Gone => status(Status::list_too_old()),
            Self::ContinueExpired => match request.param("continue").and_then(super::page::Token::decode) {
                Some(token) => status(Status::continue_too_old(&token.start)),
                None => status(Status::list_too_old()),
            },
            Self::Unauthorized => status(Status::unauthorized()),
            Self::Forbidden => status(Status::forbidden(
                facts.resource,
                verb(request),
                request.path.split_once("/namespaces/").and_then(|(_, rest)| rest.split('/').next()),
            )),
            Self::NotFound => Outcome::Respond(page_not_found()),
            Self::TooManyRequests { retry_after } => Outcome::Respond(
                Response::text(429, "Too many requests, please try again later.\n")
                    .with_header("Retry-After", retry_after.to_string()),
            ),
            Self::InternalError => status(Status::new(
                500,
                "InternalError",
                "Internal error occurred: etcdserver: request timed out",
            )),
            Self::InternalErrorWithoutJson => {
                Outcome::Respond(Response::text(500, "<html><body>upstream connect error</body></html>\n"))
            }
            Self::GatewayTimeout => Outcome::Respond(gateway_timeout()),
            Self::VersionTooLarge => {
                status(Status::version_too_large(asked, facts.version, facts.watch_cache))
            }
            Self::Drop => Outcome::Drop,
            Self::Hang => Outcome::Hang,
            Self::BreakBody => Outcome::Break,
            Self::WatchGone => error_line(Status::watch_too_old()),
            Self::WatchGoneCached => error_line(Status::cached_watch_too_old(asked, facts.version)),
            Self::WatchError => error_line(Status::new(
                500,
                "InternalError",
                "Internal error occurred: etcdserver: leader changed",
            )),
            Self::EndAtOnce => Outcome::Lines(Vec::new(), Then::End),
            Self::GarbageLine => {
                Outcome::Lines(vec![Bytes::from_static(b"{\"type\":\"ADDED\",\"object\":{]}\n")], Then::GoOn)
            }
            Self::LongLine { bytes } => Outcome::Lines(vec![long_line(*bytes, facts.version)], Then::GoOn),
            Self::Silence => Outcome::Lines(Vec::new(), Then::Silence),
        }
    }
}

/// Recorded: `47-404-group`.
pub(super) fn page_not_found() -> Response {
    Response::text(404, "404 page not found\n")
}

/// Recorded: `99c-lease-get-while-etcd-frozen`.
pub(super) fn gateway_timeout() -> Response {
    let body = r#"{"metadata":{},"status":"Failure","message":"Timeout: request did not complete within the allotted timeout","reason":"Timeout","details":{},"code":504}
"#;
    Response::new(504)
        .with_header("Cache-Control", "no-cache, private")
        .with_header("Content-Type", "text/plain; charset=utf-8")
        .with_body(body)
}

/// The verb of a request, in the words of RBAC.
fn verb(request: &Request) -> &'static str {
    match request.method.as_str() {
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" => "delete",
        _ if request.is_watch() => "watch",
        _ if super::Route::of(request).is_object() => "get",
        _ => "list",
    }
}

fn long_line(bytes: usize, version: u64) -> Bytes {
    // The present version, so that the line does not move a client's position.
    let head = r#"{"type":"ADDED","object":{"kind":"Event","apiVersion":"v1","metadata":{"name":"long.1","namespace":"default","uid":"00000000-0000-4000-8000-00000000long","resourceVersion":"VERSION","creationTimestamp":"2026-11-21T05:00:00Z"},"involvedObject":{"kind":"Pod","namespace":"default","name":"long"},"reason":"Long","message":""#
        .replace("VERSION", &version.to_string());
    let tail = "\",\"source\":{},\"firstTimestamp\":null,\"lastTimestamp\":null,\"type\":\"Normal\",\"eventTime\":null,\"reportingComponent\":\"\",\"reportingInstance\":\"\"}}\n";
    let mut line = Vec::with_capacity(bytes.max(head.len()) + tail.len());
    line.extend_from_slice(head.as_bytes());
    line.resize(bytes.saturating_sub(tail.len()).max(head.len()), b'x');
    line.extend_from_slice(tail.as_bytes());
    line.into()
}
