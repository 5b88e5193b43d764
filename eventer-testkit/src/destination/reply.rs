//! What a fake destination can do with a request.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::sleep;

use crate::http::{Connection, Request, Response};

/// What to do with one request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Reply {
    /// Answer.
    Respond(Response),
    /// Do it after this long.
    After(Duration, Box<Reply>),
    /// Take the request and never answer; the connection stays open.
    Hang,
    /// Close the connection when the head has come. Only from the queue: a function or a default sees the
    /// request when its body is read, and then this is [`Reply::CloseAfterBody`].
    CloseBeforeBody,
    /// Close the connection when the body has come, without an answer.
    CloseAfterBody,
    /// Answer, but close in the middle of the response's body.
    BreakBody(Response),
    /// Write these bytes, whatever they are, and close.
    Raw(Bytes),
}

impl Reply {
    /// `200` without a body.
    #[must_use]
    pub fn ok() -> Self {
        Self::status(200)
    }

    /// A status without a body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Respond(Response::new(status))
    }

    /// `200` with a JSON body: chat services hide their errors there.
    #[must_use]
    pub fn json(body: impl Into<Bytes>) -> Self {
        Self::Respond(Response::new(200).with_header("Content-Type", "application/json").with_body(body))
    }

    /// `429` with `Retry-After` in seconds.
    #[must_use]
    pub fn too_many_requests(retry_after: u64) -> Self {
        Self::status(429).with_header("Retry-After", &retry_after.to_string())
    }

    /// `307` to this URL.
    #[must_use]
    pub fn redirect(to: &str) -> Self {
        Self::status(307).with_header("Location", to)
    }

    /// Bytes that are no HTTP.
    #[must_use]
    pub fn nonsense() -> Self {
        Self::Raw(Bytes::from_static(b"\x15\x03\x01\x00\x02\x02\x28 this is not HTTP\n"))
    }

    /// Adds a header to a response; changes nothing else.
    #[must_use]
    pub fn with_header(self, name: &'static str, value: &str) -> Self {
        match self {
            Self::Respond(response) => Self::Respond(response.with_header(name, value)),
            Self::BreakBody(response) => Self::BreakBody(response.with_header(name, value)),
            Self::After(delay, reply) => Self::After(delay, Box::new(reply.with_header(name, value))),
            other => other,
        }
    }

    /// Sets the body of a response; changes nothing else.
    #[must_use]
    pub fn with_body(self, body: impl Into<Bytes>) -> Self {
        match self {
            Self::Respond(response) => Self::Respond(response.with_body(body)),
            Self::BreakBody(response) => Self::BreakBody(response.with_body(body)),
            Self::After(delay, reply) => Self::After(delay, Box::new(reply.with_body(body))),
            other => other,
        }
    }

    /// The same, later.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self::After(delay, Box::new(self))
    }

    /// Does it; false when the connection is to be closed.
    pub(super) async fn perform(self, connection: &mut Connection, request: &Request) -> io::Result<bool> {
        let mut reply = self;
        while let Self::After(delay, then) = reply {
            tokio::select! {
                () = sleep(delay) => {}
                // A client that gave up gets no late answer, and its connection is not kept.
                () = connection.closed() => return Ok(false),
            }
            reply = *then;
        }
        match reply {
            Self::Respond(response) => {
                connection.write(&response.encode(request.wants_close())).await?;
                Ok(true)
            }
            Self::BreakBody(response) => {
                let bytes = response.encode(request.wants_close());
                connection.write(&bytes[..bytes.len() - response.body.len() / 2 - 1]).await?;
                Ok(false)
            }
            Self::Raw(bytes) => {
                connection.write(&bytes).await?;
                Ok(false)
            }
            Self::Hang => {
                connection.closed().await;
                Ok(false)
            }
            Self::CloseBeforeBody | Self::CloseAfterBody | Self::After(..) => Ok(false),
        }
    }
}
