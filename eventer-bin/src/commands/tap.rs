//! A sink that hands events to the command that looks at them.

use std::time::Duration;

use eventer_core::{EventBatch, EventSink, ExportError, Pipeline, PipelineBuilder, Policy, async_trait};
use tokio::sync::mpsc;

/// How often events are taken from the sources: people watch.
const FREQUENCY: Duration = Duration::from_millis(100);

/// Whoever reads a pager takes the time that it takes.
const PATIENCE: Duration = Duration::from_secs(365 * 24 * 3600);

/// Hands batches over. They wait for as long as it takes.
#[derive(Debug)]
pub(super) struct Tap {
    batches: mpsc::Sender<EventBatch>,
}

impl Tap {
    const NAME: &str = "tap";

    /// A pipeline with a tap as its only sink, still without a source, and where its batches come out. They end with the
    /// pipeline.
    pub(super) fn pipeline(policy: Policy) -> (PipelineBuilder, mpsc::Receiver<EventBatch>) {
        let (batches, receiver) = mpsc::channel(1);
        let builder = Pipeline::builder().frequency(FREQUENCY).stop_timeout(PATIENCE);
        (builder.sink(Self::NAME, Self { batches }, policy), receiver)
    }
}

#[async_trait]
impl EventSink for Tap {
    fn name(&self) -> &str {
        Self::NAME
    }

    async fn export_events(&self, batch: &EventBatch) -> Result<(), ExportError> {
        match self.batches.send(batch.clone()).await {
            Ok(()) => Ok(()),
            // Whoever looked at them has seen enough, and ends the program.
            Err(_) => std::future::pending().await,
        }
    }
}
