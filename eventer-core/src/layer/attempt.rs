//! One attempt: its time limit and its measurement.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::LayerContext;
use super::attempts::Attempts;
use crate::batch::EventBatch;
use crate::error::ExportError;
use crate::journal::Journal;
use crate::metrics::SinkMetrics;
use crate::sink::EventSink;
use crate::time::format_duration;

pub(super) struct Attempt {
    sink: Arc<dyn EventSink>,
    limit: Duration,
    metrics: SinkMetrics,
    journal: Journal,
    attempts: Attempts,
}

impl Attempt {
    pub(super) fn new(sink: Arc<dyn EventSink>, limit: Duration, context: &LayerContext) -> Self {
        Self {
            sink,
            limit,
            metrics: context.metrics.clone(),
            journal: context.journal.clone(),
            attempts: context.attempts.clone(),
        }
    }

    pub(super) async fn export(&self, batch: &EventBatch) -> Result<(), ExportError> {
        let begun = if self.journal.is_left() { None } else { self.attempts.begin() };
        let Some(_under_way) = begun else {
            // The next process or worker makes it; what is under way elsewhere in this sink is still awaited.
            return std::future::pending().await;
        };
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
