//! Whether and when to try again, and what is left to be tried.
//!
//! Only a verdict ends the loop: delivered, rejected for good, or given up after `retry_for`. What the destination
//! refused as a whole is cut in halves until the guilty event stands alone.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::attempt::Attempt;
use super::{LayerContext, Outcome};
use crate::backoff::Backoff;
use crate::batch::EventBatch;
use crate::error::{ExportError, ExportErrorKind, report};
use crate::metrics::{DropReason, SinkMetrics};
use crate::policy::Policy;
use crate::status::SinkState;

/// No destination may silence a sink for longer than this with one answer.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

pub(super) struct Retry {
    next: Attempt,
    min_backoff: Duration,
    max_backoff: Duration,
    retry_for: Option<Duration>,
    metrics: SinkMetrics,
    state: Arc<SinkState>,
}

impl Retry {
    pub(super) fn new(next: Attempt, policy: &Policy, context: &LayerContext) -> Self {
        Self {
            next,
            min_backoff: policy.min_backoff,
            max_backoff: policy.max_backoff,
            retry_for: policy.retry_for,
            metrics: context.metrics.clone(),
            state: context.state.clone(),
        }
    }

    pub(super) async fn deliver(&self, portion: &EventBatch) -> Outcome {
        let mut outcome = Outcome::default();
        let mut backoff = Backoff::new(self.min_backoff, self.max_backoff);
        let mut failing_since: Option<Instant> = None;
        let mut left = VecDeque::from([portion.clone()]);
        while let Some(batch) = left.pop_front() {
            let error = match self.next.export(&batch).await {
                Ok(()) => {
                    outcome.delivered += batch.len();
                    self.state.succeeded();
                    backoff.reset();
                    failing_since = None;
                    continue;
                }
                Err(error) => error,
            };
            let is_progress = sort(&batch, &error, &mut outcome, &mut left);
            if is_progress {
                backoff.reset();
                failing_since = None;
                if !error.is_retryable() || left.is_empty() {
                    self.state.succeeded();
                    continue;
                }
            }

            self.state.failed(report(&error));
            let wait = self.wait_before_retry(&error, &mut backoff);
            let since = *failing_since.get_or_insert_with(Instant::now);
            let gives_up = self.retry_for.is_some_and(|limit| since.elapsed() + wait > limit);
            if gives_up {
                outcome.dropped.push((DropReason::RetryFor, left.iter().map(EventBatch::len).sum()));
                break;
            }
            sleep(wait).await;
            self.metrics.retried(left.front().map_or(0, EventBatch::len));
        }
        outcome
    }

    fn wait_before_retry(&self, error: &ExportError, backoff: &mut Backoff) -> Duration {
        let wait = match error.kind() {
            ExportErrorKind::Unauthorized => backoff.longest_wait(),
            _ => backoff.next_wait(),
        };
        wait.max(error.retry_after().unwrap_or_default().min(LONGEST_RETRY_AFTER))
    }
}

/// Puts each event of a batch that failed where it belongs: among the delivered, the rejected, or what is left. Says
/// whether anything got further.
fn sort(
    batch: &EventBatch,
    error: &ExportError,
    outcome: &mut Outcome,
    left: &mut VecDeque<EventBatch>,
) -> bool {
    if !error.is_partial() {
        match (error.is_retryable(), batch.len()) {
            (true, _) => left.push_front(batch.clone()),
            (false, 1) => outcome.rejected.push((batch.events()[0].clone(), report(error))),
            (false, len) => {
                let (first, second) = batch.events().split_at(len / 2);
                left.push_front(batch.with_events(second.to_vec()));
                left.push_front(batch.with_events(first.to_vec()));
            }
        }
        return !error.is_retryable();
    }
    let mut unsent = Vec::new();
    let mut sent = 0;
    for (index, event) in batch.iter().enumerate() {
        if let Some(rejection) = error.rejections().iter().find(|rejection| rejection.index == index) {
            outcome.rejected.push((event.clone(), rejection.reason.clone()));
        } else if error.unsent().contains(&index) {
            unsent.push(event.clone());
        } else {
            sent += 1;
        }
    }
    outcome.delivered += sent;
    let is_progress = unsent.len() < batch.len();
    if !unsent.is_empty() {
        left.push_front(batch.with_events(unsent));
    }
    is_progress
}
