//! One attempt: its time limit and its measurement.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::LayerContext;
use crate::batch::EventBatch;
use crate::error::ExportError;
use crate::metrics::SinkMetrics;
use crate::sink::EventSink;
use crate::time::format_duration;

pub(super) struct Attempt {
    sink: Arc<dyn EventSink>,
    limit: Duration,
    metrics: SinkMetrics,
}

impl Attempt {
    pub(super) fn new(sink: Arc<dyn EventSink>, limit: Duration, context: &LayerContext) -> Self {
        Self { sink, limit, metrics: context.metrics.clone() }
    }

    pub(super) async fn export(&self, batch: &EventBatch) -> Result<(), ExportError> {
        let begin = Instant::now();
        let result = match timeout(self.limit, self.sink.export_events(batch)).await {
            Ok(result) => result,
            Err(_) => Err(ExportError::unavailable(format!(
                "it gave no answer within {}",
                format_duration(self.limit)
            ))),
        };
        self.metrics.attempt(begin.elapsed(), result.as_ref().err().map(ExportError::kind));
        result
    }
}
