//! What happens between the journal and the wire, layer by layer.
//!
//! The order is the design, and it stands in [`Delivery::wrap`] only:
//!
//! | layer | why it is at this height |
//! |---|---|
//! | filter | first: what a sink does not want costs nothing further down |
//! | [`split`] | after the filter, so that portions are full; before retry, so that only what failed is sent again |
//! | [`expire`] | per portion and before the wait for its turn, so that what is too old takes no turn |
//! | [`rate_limit`] | outside retry: a portion takes one turn however often it is tried |
//! | [`retry`] | knows whether and when to try again |
//! | [`attempt`] | inside retry: the time limit is per attempt |
//! | sink | the wire |

mod attempt;
mod expire;
mod rate_limit;
mod retry;
mod split;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::batch::EventBatch;
use crate::event::Event;
use crate::filter::EventFilter;
use crate::metrics::{DropReason, SinkMetrics};
use crate::policy::Policy;
use crate::sink::{BatchLimits, EventSink};
use crate::status::SinkState;
use crate::time::Clock;
use attempt::Attempt;
use expire::Expire;
use rate_limit::RateLimit;
use retry::Retry;
pub(crate) use split::Portion;

/// What the layers need besides the sink.
#[derive(Clone)]
pub(crate) struct LayerContext {
    pub(crate) name: Arc<str>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: SinkMetrics,
    pub(crate) state: Arc<SinkState>,
}

/// A sink with everything that happens around it.
pub(crate) struct Delivery {
    filter: EventFilter,
    limits: BatchLimits,
    portions: Expire,
}

/// What became of the events of a portion: each of them is in one of the three.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) delivered: usize,
    /// The events that the destination will never take, and what it said.
    pub(crate) rejected: Vec<(Arc<Event>, String)>,
    /// How many events were given up, and why.
    pub(crate) dropped: Vec<(DropReason, usize)>,
}

impl Delivery {
    /// Wraps a sink. The order of the layers is here and nowhere else.
    pub(crate) fn wrap(sink: Arc<dyn EventSink>, policy: &Policy, context: &LayerContext) -> Self {
        let limits = policy.batch.min(sink.limits());
        let attempt = Attempt::new(sink, policy.timeout, context);
        let retry = Retry::new(attempt, policy, context);
        let rate_limit = RateLimit::new(retry, policy.rate);
        let expire = Expire::new(rate_limit, policy.max_age, context);
        Self { filter: policy.filter.clone(), limits, portions: expire }
    }

    /// The events of `batch` that the sink wants, cut into portions of a size that it takes.
    pub(crate) fn portions(&self, batch: &EventBatch) -> Vec<Portion> {
        split::split(batch, self.limits, |event| self.filter.wants(event))
    }

    /// Delivers one portion, as often as it takes.
    ///
    /// # Cancellation
    /// Dropping the future leaves the portion without a verdict.
    pub(crate) async fn deliver(&self, portion: &EventBatch) -> Outcome {
        self.portions.deliver(portion).await
    }
}
