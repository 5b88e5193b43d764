//! Drops what has waited so long that nobody wants to hear of it.

use std::time::Duration;

use super::rate_limit::RateLimit;
use super::{LayerContext, Portion, Settle};
use crate::filter::is_expired;
use crate::metrics::DropReason;
use crate::policy::Policy;

pub(super) struct Expire {
    next: RateLimit,
    expiry: Expiry,
}

/// Tells what is too old, and counts it. Asked before a portion waits for its turn, and again before each attempt.
pub(super) struct Expiry {
    max_age: Option<Duration>,
    context: LayerContext,
}

impl Expire {
    pub(super) fn new(next: RateLimit, expiry: Expiry) -> Self {
        Self { next, expiry }
    }

    pub(super) async fn deliver(&self, portion: Portion, settle: Settle<'_>) -> Option<()> {
        match self.expiry.fresh(portion, settle) {
            Some(fresh) => self.next.deliver(fresh, settle).await,
            None => Some(()),
        }
    }
}

impl Expiry {
    pub(super) fn new(policy: &Policy, context: &LayerContext) -> Self {
        Self { max_age: policy.max_age, context: context.clone() }
    }

    /// What of the portion is not too old, if anything; the rest is dropped.
    pub(super) fn fresh(&self, portion: Portion, settle: Settle<'_>) -> Option<Portion> {
        if self.max_age.is_none() {
            return Some(portion);
        }
        let now = self.context.clock.now();
        let is_old = |at: &usize| is_expired(&portion.batch.events()[*at], self.max_age, now);
        let (old, fresh): (Vec<usize>, Vec<usize>) = (0..portion.batch.len()).partition(is_old);
        if old.is_empty() {
            return Some(portion);
        }
        self.context.dropped(DropReason::MaxAge, old.len());
        settle(&portion.part(&old).indices);
        (!fresh.is_empty()).then(|| portion.part(&fresh))
    }
}
