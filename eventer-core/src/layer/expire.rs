//! Drops what has waited so long that nobody wants to hear of it.

use std::borrow::Cow;
use std::time::Duration;

use super::LayerContext;
use super::rate_limit::RateLimit;
use crate::batch::EventBatch;
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

    pub(super) async fn deliver(&self, portion: &EventBatch) -> Option<()> {
        match self.expiry.fresh(portion) {
            Some(fresh) => self.next.deliver(&fresh).await,
            None => Some(()),
        }
    }
}

impl Expiry {
    pub(super) fn new(policy: &Policy, context: &LayerContext) -> Self {
        Self { max_age: policy.max_age, context: context.clone() }
    }

    /// What of the batch is not too old, if anything; the rest is dropped.
    pub(super) fn fresh<'a>(&self, batch: &'a EventBatch) -> Option<Cow<'a, EventBatch>> {
        if self.max_age.is_none() {
            return Some(Cow::Borrowed(batch));
        }
        let now = self.context.clock.now();
        let fresh: Vec<_> =
            batch.iter().filter(|event| !is_expired(event, self.max_age, now)).cloned().collect();
        self.context.dropped(DropReason::MaxAge, batch.len() - fresh.len());
        match fresh.len() {
            0 => None,
            all if all == batch.len() => Some(Cow::Borrowed(batch)),
            _ => Some(Cow::Owned(batch.with_events(fresh))),
        }
    }
}
