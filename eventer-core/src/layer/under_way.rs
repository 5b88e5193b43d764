//! How many attempts of a sink are under way, so that a process can leave between two of them.

use std::sync::Arc;

use tokio::sync::watch;

/// Counts the attempts of one sink. Clones share the count.
#[derive(Clone, Debug)]
pub(crate) struct UnderWay(Arc<watch::Sender<usize>>);

/// An attempt that is under way until this is dropped.
#[derive(Debug)]
pub(super) struct Begun(UnderWay);

impl UnderWay {
    pub(super) fn begin(&self) -> Begun {
        self.0.send_modify(|count| *count += 1);
        Begun(self.clone())
    }

    /// Resolves when none is under way.
    ///
    /// # Cancellation
    /// Safe to cancel.
    pub(crate) async fn none(&self) {
        // The sender is ours, so the channel stays open.
        drop(self.0.subscribe().wait_for(|count| *count == 0).await);
    }
}

impl Default for UnderWay {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}
