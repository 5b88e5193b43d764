//! The running `file` sink: each batch is one write.

use std::sync::Arc;

use eventer_core::{EventBatch, EventSink, ExportError, async_trait};

use crate::each;
use crate::line::{LineEncoder, LineWriter};

/// Appends events to a file.
#[derive(Debug)]
pub struct FileSink {
    name: Arc<str>,
    encoder: LineEncoder,
    writer: LineWriter,
}

impl FileSink {
    pub(super) fn new(name: Arc<str>, encoder: LineEncoder, writer: LineWriter) -> Self {
        Self { name, encoder, writer }
    }
}

#[async_trait]
impl EventSink for FileSink {
    fn name(&self) -> &str {
        &self.name
    }

    async fn export_events(&self, batch: &EventBatch) -> Result<(), ExportError> {
        let mut rejections = Vec::new();
        let written = self.writer.write(|out| rejections = self.encoder.encode(batch, out)).await;
        written.map_err(ExportError::unavailable)?;
        each::refuse(rejections)
    }

    fn can_be_asked(&self) -> bool {
        true
    }

    async fn stop(&self) {
        self.writer.close().await;
    }
}
