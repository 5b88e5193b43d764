//! Drops what has waited so long that nobody wants to hear of it.

use std::sync::Arc;
use std::time::Duration;

use super::rate_limit::RateLimit;
use super::{LayerContext, Outcome};
use crate::batch::EventBatch;
use crate::filter::is_expired;
use crate::metrics::DropReason;
use crate::time::Clock;

pub(super) struct Expire {
    next: RateLimit,
    max_age: Option<Duration>,
    clock: Arc<dyn Clock>,
}

impl Expire {
    pub(super) fn new(next: RateLimit, max_age: Option<Duration>, context: &LayerContext) -> Self {
        Self { next, max_age, clock: context.clock.clone() }
    }

    pub(super) async fn deliver(&self, portion: &EventBatch) -> Outcome {
        if self.max_age.is_none() {
            return self.next.deliver(portion).await;
        }
        let now = self.clock.now();
        let fresh: Vec<_> =
            portion.iter().filter(|event| !is_expired(event, self.max_age, now)).cloned().collect();
        let expired = portion.len() - fresh.len();
        let mut outcome = match fresh.is_empty() {
            true => Outcome::default(),
            false => self.next.deliver(&portion.with_events(fresh)).await,
        };
        if expired > 0 {
            outcome.dropped.push((DropReason::MaxAge, expired));
        }
        outcome
    }
}
