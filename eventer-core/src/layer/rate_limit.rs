//! Lets at most so many portions through in a span of time.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use super::retry::Retry;
use super::{Portion, Settle};
use crate::uri::Rate;

/// When the last portions of a sink went through, at most as many as its rate allows. A window rather than a bucket: chat
/// services count a window, and a full bucket would let twice the rate through in the first one. It outlives a worker, since
/// a destination does not know of them.
pub(crate) type Window = Arc<Mutex<VecDeque<Instant>>>;

pub(super) struct RateLimit {
    next: Retry,
    rate: Option<Rate>,
    passed: Window,
}

impl RateLimit {
    pub(super) fn new(next: Retry, rate: Option<Rate>, passed: Window) -> Self {
        Self { next, rate, passed }
    }

    pub(super) async fn deliver(&self, portion: Portion, settle: Settle<'_>) -> Option<()> {
        if let Some(rate) = self.rate {
            self.turn(rate).await;
        }
        self.next.deliver(portion, settle).await
    }

    /// Waits for its turn. The lock is held while waiting, so that turns are given in the order of asking.
    async fn turn(&self, rate: Rate) {
        let mut passed = self.passed.lock().await;
        while passed.len() > rate.count.get() {
            // Those of a sink that was allowed more.
            passed.pop_front();
        }
        if passed.len() >= rate.count.get()
            && let Some(oldest) = passed.front()
        {
            sleep_until(*oldest + rate.per).await;
        }
        let now = Instant::now();
        while passed.front().is_some_and(|at| now.duration_since(*at) >= rate.per) {
            passed.pop_front();
        }
        passed.push_back(now);
    }
}
