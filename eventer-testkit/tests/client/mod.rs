//! A plain TCP client that sees how an answer is framed and how it ends.

// Each test program uses its own part of this.
#![allow(dead_code)]

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How an answer's body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// As announced: all of `Content-Length`, or the last chunk.
    Complete,
    /// The connection closed before.
    Cut,
}

/// An answer as it is read: the head first, then chunk by chunk.
#[derive(Debug)]
pub(crate) struct Answer {
    stream: TcpStream,
    unread: Vec<u8>,
    pub status: u16,
    pub headers: Vec<(String, String)>,
}

impl Answer {
    /// Reads on; false at the end of the stream.
    async fn fill(&mut self) -> bool {
        self.stream.read_buf(&mut self.unread).await.unwrap_or(0) > 0
    }

    async fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.unread.len() < length {
            if !self.fill().await {
                return None;
            }
        }
        Some(self.unread.drain(..length).collect())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The next chunk, or how the body ended.
    pub(crate) async fn chunk(&mut self) -> Result<String, End> {
        let length = loop {
            if let Some(at) = self.unread.windows(2).position(|pair| pair == b"\r\n") {
                let line: Vec<u8> = self.unread.drain(..at + 2).collect();
                let text = String::from_utf8(line).unwrap();
                break usize::from_str_radix(text.trim(), 16).unwrap();
            }
            if !self.fill().await {
                return Err(End::Cut);
            }
        };
        let mut chunk = self.take(length + 2).await.ok_or(End::Cut)?;
        chunk.truncate(length);
        if length == 0 { Err(End::Complete) } else { Ok(String::from_utf8(chunk).unwrap()) }
    }

    /// The whole body and how it ended.
    pub(crate) async fn body(mut self) -> (String, End) {
        let mut body = String::new();
        match self.header("content-length").map(|text| text.parse().unwrap()) {
            Some(length) => match self.take(length).await {
                Some(bytes) => (String::from_utf8(bytes).unwrap(), End::Complete),
                None => (String::from_utf8(self.unread).unwrap(), End::Cut),
            },
            None => loop {
                match self.chunk().await {
                    Ok(chunk) => body.push_str(&chunk),
                    Err(end) => return (body, end),
                }
            },
        }
    }
}

/// Sends raw bytes and reads the head of the answer; `None` when there is none.
pub(crate) async fn send(address: SocketAddr, request: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Answer { stream, unread: Vec::new(), status: 0, headers: Vec::new() };
    let end = loop {
        if let Some(at) = answer.unread.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if !answer.fill().await {
            return None;
        }
    };
    let head: Vec<u8> = answer.unread.drain(..end + 4).collect();
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.trim_end().split("\r\n");
    answer.status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    answer.headers = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Some(answer)
}

/// Sends a GET and reads the head of the answer.
pub(crate) async fn get(address: SocketAddr, target: &str) -> Answer {
    send(address, &format!("GET {target} HTTP/1.1\r\nHost: fake\r\nConnection: close\r\n\r\n")).await.unwrap()
}

/// Sends a request with a JSON body.
pub(crate) async fn send_json(address: SocketAddr, method: &str, target: &str, body: &str) -> Answer {
    let length = body.len();
    let head = "Host: fake\r\nConnection: close\r\nContent-Type: application/json";
    send(address, &format!("{method} {target} HTTP/1.1\r\n{head}\r\nContent-Length: {length}\r\n\r\n{body}"))
        .await
        .unwrap()
}
