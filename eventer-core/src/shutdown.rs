//! Stopping in order: first the intake stops, then what waits is delivered, then the time is up.

use std::sync::Arc;

use tokio::sync::watch;

/// How far the stop has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Everything runs.
    #[default]
    Running,
    /// Sources hand over what they have buffered, and end.
    Stopping,
    /// Nothing more comes in; sinks deliver what waits and leave when nothing waits.
    Draining,
    /// The time is up: whoever still delivers leaves at once, without a verdict.
    Expired,
}

/// Announces the phases of a stop. Whoever holds a clone can wait for them; a phase never goes back.
#[derive(Clone, Debug)]
pub struct Shutdown(Arc<watch::Sender<Phase>>);

impl Shutdown {
    /// Everything runs.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Phase::Running)))
    }

    /// Announces a phase. Going back has no effect.
    pub fn advance(&self, phase: Phase) {
        self.0.send_if_modified(|current| {
            let is_later = phase > *current;
            *current = phase.max(*current);
            is_later
        });
    }

    /// The phase now.
    pub fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    /// Waits until `phase` or a later one is announced.
    ///
    /// # Cancellation
    /// Safe to cancel.
    pub async fn reached(&self, phase: Phase) {
        let mut phases = self.0.subscribe();
        phases.wait_for(|current| *current >= phase).await.expect("the sender lives as long as self");
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_phase_is_seen_by_who_waits_and_by_who_comes_late() {
        let shutdown = Shutdown::new();
        let waiter = {
            let shutdown = shutdown.clone();
            async move { shutdown.reached(Phase::Draining).await }
        };
        let (_, ()) = tokio::join!(waiter, async { shutdown.advance(Phase::Expired) });
        shutdown.reached(Phase::Draining).await;
        shutdown.advance(Phase::Running);
        assert_eq!(shutdown.phase(), Phase::Expired);
    }
}
