//! A response and the bytes it becomes.

use std::borrow::Cow;

use bytes::Bytes;

/// Up to this size Go's server knows the length before it must send the head, and sends `Content-Length`;
/// a longer body goes out in chunks (recorded: `84-list-notolderthan-compacted`, `01-list-limit2`).
const CONTENT_LENGTH_LIMIT: usize = 2048;
/// The size of one chunk of a long body.
const CHUNK: usize = 32 * 1024;

/// A whole response: status, headers, body.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers, without those that frame the body.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// The body.
    pub body: Bytes,
}

impl Response {
    /// A response without headers and body.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// A JSON response with the headers of the real API server.
    #[must_use]
    pub fn json(status: u16, body: impl Into<Bytes>) -> Self {
        Self::new(status)
            .with_header("Cache-Control", "no-cache, private")
            .with_header("Content-Type", "application/json")
            .with_body(body)
    }

    /// A plain text response with the headers of the real API server.
    #[must_use]
    pub fn text(status: u16, body: impl Into<Bytes>) -> Self {
        Self::new(status)
            .with_header("Cache-Control", "no-cache, private")
            .with_header("Content-Type", "text/plain; charset=utf-8")
            .with_header("X-Content-Type-Options", "nosniff")
            .with_body(body)
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// The bytes of the whole response, framed as Go's server frames them.
    pub(crate) fn encode(&self, close: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.body.len() + 512);
        self.encode_head(close, &mut out);
        if self.body.len() > CONTENT_LENGTH_LIMIT {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
            for part in self.body.chunks(CHUNK) {
                put_chunk(part, &mut out);
            }
            out.extend_from_slice(LAST_CHUNK);
        } else {
            out.extend_from_slice(format!("Content-Length: {}\r\n\r\n", self.body.len()).as_bytes());
            out.extend_from_slice(&self.body);
        }
        out
    }

    /// The bytes of a head that announces chunks.
    pub(crate) fn encode_chunked_head(&self, close: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        self.encode_head(close, &mut out);
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
        out
    }

    fn encode_head(&self, close: bool, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("HTTP/1.1 {} {}\r\n", self.status, phrase(self.status)).as_bytes());
        for (name, value) in &self.headers {
            out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        if close {
            out.extend_from_slice(b"Connection: close\r\n");
        }
    }
}

/// The end of a body in chunks.
pub(crate) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Appends `data` as one chunk.
pub(crate) fn put_chunk(data: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        413 => "Request Entity Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_body_has_a_length_and_a_long_one_chunks() {
        let short = String::from_utf8(Response::new(200).with_body("ok").encode(true)).unwrap();
        assert_eq!(short, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
        let long = String::from_utf8(Response::new(200).with_body(vec![b'x'; 40_000]).encode(false)).unwrap();
        assert!(long.starts_with("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8000\r\n"));
        assert!(long.ends_with("\r\n0\r\n\r\n"));
    }
}
