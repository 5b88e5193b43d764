//! Who waits and what goes when the journal is full.
//!
//! - Input that can be read again waits, since nothing is lost by it; and what of it is in the log is not dropped for the
//!   sake of the live watch.
//! - The live watch waits too, while no sink has reached the newest batch: all of them lag.
//! - Once a sink that keeps up would be held up by one that lags, the oldest batch goes.
//!
//! Input that can be read again does not wait for ever for a sink that is dead: the sinks that keep up would never hear
//! of anything newer. After [`PATIENCE`] without a single verdict it is treated as the live watch is.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::state::{CursorState, State};
use crate::batch::Intake;

/// How long input that can be read again waits for a sink that gives no verdict while others keep up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// What an append waits for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wait {
    /// A cursor has to move.
    ForMove,
    /// A cursor has to move, or patience ends.
    Until(Instant),
}

impl Wait {
    /// Resolves when it is worth looking again; `moved` resolves when a cursor has moved.
    pub(super) async fn over(self, moved: impl Future<Output = ()>) {
        match self {
            Self::ForMove => moved.await,
            Self::Until(deadline) => _ = timeout_at(deadline, moved).await,
        }
    }
}

impl State {
    /// Makes room in memory for `bytes`, if need be by dropping; otherwise says what to wait for.
    pub(super) fn make_room(&mut self, bytes: usize, capacity: usize, intake: Intake) -> Result<(), Wait> {
        self.release();
        while self.bytes + bytes > capacity
            && let Some(oldest) = self.entries.front()
        {
            let (end, oldest_intake) = (oldest.end(), oldest.batch.intake());
            self.may_drop(end, [intake, oldest_intake])?;
            if let Some(entry) = self.entries.pop_front() {
                self.bytes -= entry.bytes;
                self.drop_oldest(entry.first, end, entry.batch.events());
            }
        }
        Ok(())
    }

    /// Whether the oldest batch, which ends before the event `end`, may go for the sake of another one; otherwise what to
    /// wait for. `intakes` are those of both.
    pub(super) fn may_drop(&self, end: u64, intakes: [Intake; 2]) -> Result<(), Wait> {
        if !self.holds_up_a_sink(end) {
            return Err(Wait::ForMove);
        }
        if intakes.contains(&Intake::Rereadable)
            && let Some(patience_ends) = self.patience_ends(end)
            && Instant::now() < patience_ends
        {
            return Err(Wait::Until(patience_ends));
        }
        Ok(())
    }

    /// Whether some sink has come to the newest batch while another has still the oldest before it.
    fn holds_up_a_sink(&self, end: u64) -> bool {
        let newest = self.entries.back().map_or(self.next, |entry| entry.first);
        self.sinks().map(CursorState::at).any(|at| at >= end && at >= newest)
    }

    /// When the last of those that have the oldest batch before them counts as dead.
    fn patience_ends(&self, end: u64) -> Option<Instant> {
        let laggards =
            self.sinks().filter(|cursor| cursor.next < end || self.is_on_disk && cursor.at() < end);
        laggards.filter_map(|cursor| cursor.moved_at.checked_add(cursor.patience)).max()
    }
}
