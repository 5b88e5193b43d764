//! Lets at most so many portions through in a span of time.

use std::collections::VecDeque;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use super::retry::Retry;
use super::{Portion, Settle};
use crate::uri::Rate;

pub(super) struct RateLimit {
    next: Retry,
    rate: Option<Rate>,
    /// When the last portions went through, at most as many as the rate allows. A window rather than a bucket: chat
    /// services count a window, and a full bucket would let twice the rate through in the first one.
    passed: Mutex<VecDeque<Instant>>,
}

impl RateLimit {
    pub(super) fn new(next: Retry, rate: Option<Rate>) -> Self {
        Self { next, rate, passed: Mutex::default() }
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
