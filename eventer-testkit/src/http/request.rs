//! A request as it came in, and how it is read from a socket.

use std::collections::BTreeMap;
use std::io;

use bytes::{Buf, Bytes, BytesMut};
use tokio::time::Instant;

use super::Connection;

/// The end of a request's head.
const BLANK_LINE: &[u8] = b"\r\n\r\n";

/// A request that a fake server has received.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request {
    /// The method, in upper case.
    pub method: String,
    /// The path, percent-decoded, without the query.
    pub path: String,
    /// The query as sent, without the question mark.
    pub raw_query: String,
    /// The query's parameters, percent-decoded. Of a parameter given twice, the last.
    pub query: BTreeMap<String, String>,
    /// The headers in the order sent, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, without its transfer encoding.
    pub body: Bytes,
    /// When the head had been read, on tokio's clock.
    pub at: Instant,
}

impl Request {
    /// The first header of that name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The query parameter of that name, unless it is absent or empty.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whether this is a Kubernetes watch.
    #[must_use]
    pub fn is_watch(&self) -> bool {
        matches!(self.param("watch"), Some("true" | "1"))
    }

    /// The body as text, with what is not UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is not JSON.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("the body is not JSON: {error}: {}", self.text()),
        }
    }

    /// Whether the client wants the connection closed after the answer.
    pub(crate) fn wants_close(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    fn parse(head: &str) -> Option<Self> {
        let mut lines = head.split("\r\n");
        let mut start = lines.next()?.split(' ');
        let (method, target) = (start.next()?, start.next()?);
        let (path, raw_query) = target.split_once('?').unwrap_or((target, ""));
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let query = raw_query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(key, value)| (decode(key, true), decode(value, true)))
            .collect();
        Some(Self {
            method: method.to_ascii_uppercase(),
            path: decode(path, false),
            raw_query: raw_query.to_owned(),
            query,
            headers,
            body: Bytes::new(),
            at: Instant::now(),
        })
    }
}

impl Connection {
    /// Reads the next request's head; `None` when the client has closed.
    pub(crate) async fn read_head(&mut self) -> io::Result<Option<Request>> {
        let end = loop {
            if let Some(at) = find(&self.unread, BLANK_LINE) {
                break at;
            }
            if !self.fill().await? {
                return Ok(None);
            }
        };
        let head = self.unread.split_to(end);
        self.unread.advance(BLANK_LINE.len());
        let text = String::from_utf8_lossy(&head);
        Request::parse(&text).map(Some).ok_or_else(|| io::Error::other("not an HTTP request"))
    }

    /// Reads the body that belongs to the head of `request` into it.
    pub(crate) async fn read_body(&mut self, request: &mut Request) -> io::Result<()> {
        if request.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        if request.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            request.body = self.read_chunks().await?;
        } else if let Some(length) = request.header("content-length") {
            let length = length.parse().map_err(io::Error::other)?;
            request.body = self.take(length).await?.freeze();
        }
        Ok(())
    }

    async fn read_chunks(&mut self) -> io::Result<Bytes> {
        let mut body = BytesMut::new();
        loop {
            let line = loop {
                if let Some(at) = find(&self.unread, b"\r\n") {
                    break self.take(at + 2).await?;
                }
                self.fill_more().await?;
            };
            let text = String::from_utf8_lossy(&line);
            let digits = text.trim().split(';').next().unwrap_or_default();
            let size = usize::from_str_radix(digits, 16).map_err(io::Error::other)?;
            let chunk = self.take(size + 2).await?;
            if size == 0 {
                return Ok(body.freeze());
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }

    async fn take(&mut self, length: usize) -> io::Result<BytesMut> {
        while self.unread.len() < length {
            self.fill_more().await?;
        }
        Ok(self.unread.split_to(length))
    }

    async fn fill_more(&mut self) -> io::Result<()> {
        if self.fill().await? { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// Percent-decodes; in a query a plus is a space.
fn decode(text: &str, in_query: bool) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (bytes[at], hex) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                at += 2;
            }
            (b'+', _) if in_query => decoded.push(b' '),
            (byte, _) => decoded.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_head_is_taken_apart() {
        let request = Request::parse(
            "GET /a%20b?fieldSelector=type%3DWarning&q=x+y&empty HTTP/1.1\r\nHost: h\r\nX-A:  b ",
        )
        .unwrap();
        assert_eq!(request.path, "/a b");
        assert_eq!(request.param("fieldSelector"), Some("type=Warning"));
        assert_eq!(request.param("q"), Some("x y"));
        assert_eq!(request.param("empty"), None);
        assert_eq!(request.header("x-a"), Some("b"));
    }

    #[test]
    fn what_is_no_escape_stays() {
        assert_eq!(decode("100%", false), "100%");
        assert_eq!(decode("%zz%e4%b8%ad", false), "%zz中");
    }
}
