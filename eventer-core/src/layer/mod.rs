//! What happens between the journal and the wire, layer by layer.
//!
//! The order is the design, and it stands in [`Delivery::wrap`] only:
//!
//! | layer | why it is at this height |
//! |---|---|
//! | filter | first: what a sink does not want costs nothing further down |
//! | [`split`] | after the filter, so that portions are full; before retry, so that only what failed is sent again |
//! | [`expire`] | per portion and before the wait for its turn, so that what is too old takes no turn; retry asks again |
//! | [`rate_limit`] | outside retry: a portion takes one turn however often it is tried |
//! | [`retry`] | knows whether and when to try again |
//! | [`attempt`] | inside retry: the time limit is per attempt |
//! | sink | the wire |

mod attempt;
mod attempts;
mod expire;
mod rate_limit;
mod retry;
mod split;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::batch::EventBatch;
use crate::event::Event;
use crate::expression::EvaluationError;
use crate::filter::EventFilter;
use crate::journal::Journal;
use crate::metrics::{DropReason, SinkMetrics};
use crate::policy::Policy;
use crate::sink::{BatchLimits, EventSink};
use crate::status::SinkState;
use crate::time::Clock;
use attempt::Attempt;
pub(crate) use attempts::Attempts;
use expire::{Expire, Expiry};
use rate_limit::RateLimit;
pub(crate) use rate_limit::Window;
use retry::Retry;
pub(crate) use split::Portion;

/// Is told the indices of events that have a verdict.
pub(crate) type Settle<'a> = &'a (dyn Fn(&[usize]) + Send + Sync);

/// What the layers need besides the sink: the clock, and where they write down what becomes of events.
#[derive(Clone)]
pub(crate) struct LayerContext {
    pub(crate) name: Arc<str>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: SinkMetrics,
    pub(crate) journal: Journal,
    pub(crate) attempts: Attempts,
    pub(crate) state: Arc<SinkState>,
}

impl LayerContext {
    /// The destination took so many events.
    fn delivered(&self, events: usize) {
        self.metrics.exported(events);
        self.state.count(|totals| totals.exported += events as u64);
    }

    /// The destination will never take this event.
    fn rejected(&self, event: &Arc<Event>, reason: &str) {
        self.journal.bury(&self.name, event, reason);
        self.metrics.rejected(1);
        self.state.rejected(event, reason);
    }

    /// It could not be computed whether the sink wants this event.
    fn filter_failed(&self, event: &Event, error: &EvaluationError) {
        self.metrics.filter_failed();
        self.state.filter_failed(event, error);
    }

    /// Dead letters that could not be delivered again stay what they are.
    fn bury_again(&self, letters: &EventBatch, reason: &str) {
        letters.iter().for_each(|event| self.journal.bury(&self.name, event, reason));
    }

    /// So many events are given up.
    fn dropped(&self, reason: DropReason, events: usize) {
        self.metrics.dropped(reason, events);
        self.state.dropped(reason, events);
    }
}

/// A sink with everything that happens around it.
pub(crate) struct Delivery {
    filter: EventFilter,
    limits: BatchLimits,
    portions: Expire,
    context: LayerContext,
}

impl Delivery {
    /// Wraps a sink. The order of the layers is here and nowhere else.
    pub(crate) fn wrap(sink: Arc<dyn EventSink>, policy: &Policy, context: &LayerContext) -> Self {
        let limits = policy.batch.min(sink.limits());
        let attempt = Attempt::new(sink, policy.timeout, context);
        let retry = Retry::new(attempt, Expiry::new(policy, context), policy, context);
        let rate_limit = RateLimit::new(retry, policy.rate, context.state.window());
        let expire = Expire::new(rate_limit, Expiry::new(policy, context));
        Self { filter: policy.filter.clone(), limits, portions: expire, context: context.clone() }
    }

    /// The indices of the events of `batch` that the sink wants. What the filter cannot be computed for is wanted.
    pub(crate) fn wanted(&self, batch: &EventBatch) -> Vec<usize> {
        let asked = |event: &Event| {
            self.filter.ask(event).unwrap_or_else(|error| {
                self.context.filter_failed(event, &error);
                true
            })
        };
        // Who has a dead letter delivered again wants it.
        let is_wanted = |event: &Event| batch.is_replay() || asked(event);
        let wanted = batch.iter().enumerate().filter(|(_, event)| is_wanted(event));
        wanted.map(|(index, _)| index).collect()
    }

    /// The events of `batch` at `indices`, cut into portions of a size that the sink takes.
    pub(crate) fn portions(&self, batch: &EventBatch, indices: &[usize]) -> Vec<Portion> {
        split::split(batch, indices, self.limits)
    }

    /// Delivers one portion, as often as it takes. What becomes of its events is counted as it happens, and `settle` is
    /// told of each that has a verdict. Afterwards all have one; but for `None`: the destination has gone for good.
    ///
    /// # Cancellation
    /// Dropping the future leaves without a verdict what `settle` was not told of.
    pub(crate) async fn deliver(&self, portion: Portion, settle: Settle<'_>) -> Option<()> {
        self.portions.deliver(portion, settle).await
    }
}
