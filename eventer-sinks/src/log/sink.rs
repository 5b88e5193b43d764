//! The running `log` sink: each batch is one write.

use std::io::{self, Write};
use std::sync::Arc;

use eventer_core::{EventBatch, EventSink, ExportError, async_trait};

use crate::each;
use crate::line::{Failure, LineEncoder, LineWriter, Output, write_counted};

/// Writes events to standard output.
#[derive(Debug)]
pub struct LogSink {
    name: Arc<str>,
    encoder: LineEncoder,
    writer: LineWriter,
}

impl LogSink {
    pub(super) fn start(
        name: Arc<str>,
        encoder: LineEncoder,
        output: impl Write + Send + 'static,
    ) -> io::Result<Self> {
        let writer = LineWriter::start("standard output", Stream(output))?;
        Ok(Self { name, encoder, writer })
    }
}

#[async_trait]
impl EventSink for LogSink {
    fn name(&self) -> &str {
        &self.name
    }

    async fn export_events(&self, batch: &EventBatch) -> Result<(), ExportError> {
        let mut rejections = Vec::new();
        let written = self.writer.write(|out| rejections = self.encoder.encode(batch, out)).await;
        written.map_err(|error| match error.cause.kind() {
            // Nobody can open our standard output again.
            io::ErrorKind::BrokenPipe => ExportError::gone(error),
            _ => ExportError::unavailable(error),
        })?;
        each::refuse(rejections)
    }

    fn can_be_asked(&self) -> bool {
        true
    }

    async fn stop(&self) {
        self.writer.close().await;
    }
}

/// Bytes that cannot be taken back: what a failed write has brought out stays.
struct Stream<W>(W);

impl<W: Write + Send + 'static> Output for Stream<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        write_counted(&mut self.0, bytes)
    }
}
