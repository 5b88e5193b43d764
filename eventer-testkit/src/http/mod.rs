//! HTTP/1.1 over a bare socket: just enough of it, with every byte of the answer under control.
//!
//! A library server would repair what the tests want broken (a stream without its last chunk, an answer that
//! never comes), so requests are read and responses written here. Requests: [`request`]; responses:
//! [`response`].

pub(crate) mod request;
pub(crate) mod response;

pub use request::Request;
pub use response::Response;

use std::io;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One accepted socket, with what was read from it and not yet used.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    unread: BytesMut,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> Self {
        // Each watch line is to leave at once, as from the real server. Failing to set it harms nothing.
        drop(stream.set_nodelay(true));
        Self { stream, unread: BytesMut::new() }
    }

    /// Reads more bytes; false at the end of the stream.
    async fn fill(&mut self) -> io::Result<bool> {
        self.unread.reserve(16 * 1024);
        Ok(self.stream.read_buf(&mut self.unread).await? > 0)
    }

    /// Writes all of `bytes`, waiting for a slow reader.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Resolves when the peer has closed its side.
    ///
    /// # Cancellation
    /// Safe: what was read stays in the buffer for the next request.
    pub(crate) async fn closed(&mut self) {
        while let Ok(true) = self.fill().await {}
    }
}
