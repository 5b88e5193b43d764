//! A sink that hands events to the command that looks at them.

use eventer_core::{EventBatch, EventSink, ExportError, async_trait};
use tokio::sync::mpsc;

/// Hands batches over. They wait for as long as it takes.
#[derive(Debug)]
pub(super) struct Tap {
    batches: mpsc::Sender<EventBatch>,
}

impl Tap {
    /// The name of the sink.
    pub(super) const NAME: &str = "tap";

    /// The sink, and where its batches come out. They end when the sink is dropped.
    pub(super) fn new() -> (Self, mpsc::Receiver<EventBatch>) {
        let (batches, receiver) = mpsc::channel(1);
        (Self { batches }, receiver)
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
