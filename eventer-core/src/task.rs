//! Tasks that do not outlive their owner.

use tokio::task::{JoinError, JoinHandle};

/// A task that is aborted when this is dropped.
#[derive(Debug)]
pub(crate) struct OwnedTask<T>(Option<JoinHandle<T>>);

impl<T: Send + 'static> OwnedTask<T> {
    pub(crate) fn spawn(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Some(tokio::spawn(work)))
    }

    /// Waits for its end. `None`: that was told before.
    ///
    /// # Cancellation
    /// Safe to cancel.
    pub(crate) async fn ended(&mut self) -> Option<Result<T, JoinError>> {
        let ended = self.0.as_mut()?.await;
        self.0 = None;
        Some(ended)
    }

    /// Ends it at its next await.
    pub(crate) fn abort(&self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

impl<T> Drop for OwnedTask<T> {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}
