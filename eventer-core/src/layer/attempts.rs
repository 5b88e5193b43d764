//! The attempts of a sink that are under way, so that its worker can leave between two of them.

use std::sync::Arc;

use tokio::sync::watch;

/// Counts the attempts of one worker, and says whether more may begin. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Attempts(Arc<watch::Sender<State>>);

#[derive(Clone, Copy, Debug, Default)]
struct State {
    under_way: usize,
    is_over: bool,
}

/// An attempt that is under way until this is dropped.
#[derive(Debug)]
pub(super) struct Begun(Attempts);

impl Attempts {
    /// Begins one. `None`: no more may begin.
    pub(super) fn begin(&self) -> Option<Begun> {
        let begun = self.0.send_if_modified(|state| {
            state.under_way += usize::from(!state.is_over);
            !state.is_over
        });
        begun.then(|| Begun(self.clone()))
    }

    /// No more may begin; those under way go on to their end.
    pub(crate) fn end(&self) {
        self.0.send_modify(|state| state.is_over = true);
    }

    /// Resolves when no more may begin.
    ///
    /// # Cancellation
    /// Safe to cancel.
    pub(crate) async fn over(&self) {
        // The sender is ours, so the channel stays open.
        drop(self.0.subscribe().wait_for(|state| state.is_over).await);
    }

    /// Resolves when none is under way.
    ///
    /// # Cancellation
    /// Safe to cancel.
    pub(crate) async fn none(&self) {
        drop(self.0.subscribe().wait_for(|state| state.under_way == 0).await);
    }
}

impl Default for Attempts {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(State::default())))
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.0.send_modify(|state| state.under_way -= 1);
    }
}
