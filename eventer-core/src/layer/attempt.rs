//! One attempt: its time limit and its measurement.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::LayerContext;
use super::under_way::UnderWay;
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
    under_way: UnderWay,
}

impl Attempt {
    pub(super) fn new(sink: Arc<dyn EventSink>, limit: Duration, context: &LayerContext) -> Self {
        Self {
            sink,
            limit,
            metrics: context.metrics.clone(),
            journal: context.journal.clone(),
            under_way: context.under_way.clone(),
        }
    }

    pub(super) async fn export(&self, batch: &EventBatch) -> Result<(), ExportError> {
        if self.journal.is_left() {
            // The next process makes it; what is under way elsewhere in this sink is still awaited.
            return std::future::pending().await;
        }
        let _under_way = self.under_way.begin();
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
