//! Whether and when to try again, and what is left to be tried.
//!
//! Only a verdict ends the loop: delivered, rejected for good, or given up for a reason that the user chose. What the
//! destination refused as a whole is cut in halves until the guilty event stands alone.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::attempt::Attempt;
use super::expire::Expiry;
use super::{LayerContext, Portion, Settle};
use crate::backoff::Backoff;
use crate::error::{ExportError, ExportErrorKind, report};
use crate::metrics::DropReason;
use crate::policy::Policy;

/// No destination may silence a sink for longer than this with one answer.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

pub(super) struct Retry {
    next: Attempt,
    expiry: Expiry,
    min_backoff: Duration,
    max_backoff: Duration,
    retry_for: Option<Duration>,
    context: LayerContext,
}

/// What became of one event of a batch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Delivered,
    Unsent,
    Rejected,
}

impl Retry {
    pub(super) fn new(next: Attempt, expiry: Expiry, policy: &Policy, context: &LayerContext) -> Self {
        Self {
            next,
            expiry,
            min_backoff: policy.min_backoff,
            max_backoff: policy.max_backoff,
            retry_for: policy.retry_for,
            context: context.clone(),
        }
    }

    /// `None`: the destination has gone for good, and there is no verdict on what is left.
    pub(super) async fn deliver(&self, portion: Portion, settle: Settle<'_>) -> Option<()> {
        let mut backoff = Backoff::new(self.min_backoff, self.max_backoff);
        let mut failing_since: Option<Instant> = None;
        let mut is_retry = false;
        let mut left = VecDeque::from([portion]);
        while let Some(portion) = left.pop_front() {
            let Some(portion) = self.expiry.fresh(portion, settle) else { continue };
            if std::mem::take(&mut is_retry) {
                self.context.metrics.retried(portion.batch.len());
            }
            let Err(error) = self.next.export(&portion.batch).await else {
                self.context.delivered(portion.batch.len());
                settle(&portion.indices);
                self.context.state.succeeded();
                backoff.reset();
                failing_since = None;
                continue;
            };
            if error.kind() == ExportErrorKind::Gone {
                self.context.state.failed(report(&error));
                return None;
            }
            let is_progress = self.sort(portion, &error, &mut left, settle);
            if is_progress {
                backoff.reset();
                failing_since = None;
                if !error.is_retryable() || left.is_empty() {
                    self.context.state.succeeded();
                    continue;
                }
            }

            self.context.state.failed(report(&error));
            let since = *failing_since.get_or_insert_with(Instant::now);
            match self.wait_before_retry(&error, &mut backoff, since) {
                Some(wait) => sleep(wait).await,
                None => {
                    for portion in &left {
                        self.context.dropped(DropReason::RetryFor, portion.batch.len());
                        if portion.batch.is_replay() {
                            self.context.bury_again(&portion.batch, &report(&error));
                        }
                        settle(&portion.indices);
                    }
                    break;
                }
            }
            is_retry = true;
        }
        Some(())
    }

    /// How long to wait; `None` if the time for trying is up, or would be before the destination wants to be asked.
    fn wait_before_retry(
        &self,
        error: &ExportError,
        backoff: &mut Backoff,
        since: Instant,
    ) -> Option<Duration> {
        let own = match error.kind() {
            ExportErrorKind::Unauthorized => backoff.longest_wait(),
            _ => backoff.next_wait(),
        };
        let theirs = error.retry_after().unwrap_or_default().min(LONGEST_RETRY_AFTER);
        let Some(limit) = self.retry_for else { return Some(own.max(theirs)) };
        let rest = limit.saturating_sub(since.elapsed());
        (!rest.is_zero() && theirs <= rest).then(|| own.min(rest).max(theirs))
    }

    /// Puts each event of a portion that failed where it belongs: among the delivered, the rejected, or what is left.
    /// Says whether anything got further.
    fn sort(
        &self,
        portion: Portion,
        error: &ExportError,
        left: &mut VecDeque<Portion>,
        settle: Settle<'_>,
    ) -> bool {
        let len = portion.batch.len();
        if !error.is_partial() || error.names_events_beyond(len) {
            match (error.is_retryable(), len) {
                (true, _) => left.push_front(portion),
                (false, 1) => {
                    self.context.rejected(&portion.batch.events()[0], &report(error));
                    settle(&portion.indices);
                }
                (false, _) => {
                    let places: Vec<usize> = (0..len).collect();
                    let (first, second) = places.split_at(len / 2);
                    left.push_front(portion.part(second));
                    left.push_front(portion.part(first));
                }
            }
            return !error.is_retryable();
        }
        let mut fates = vec![Fate::Delivered; len];
        for index in error.unsent() {
            fates[*index] = Fate::Unsent;
        }
        for rejection in error.rejections() {
            if std::mem::replace(&mut fates[rejection.index], Fate::Rejected) != Fate::Rejected {
                self.context.rejected(&portion.batch.events()[rejection.index], &rejection.reason);
            }
        }
        self.context.delivered(fates.iter().filter(|fate| **fate == Fate::Delivered).count());
        let (unsent, settled): (Vec<usize>, Vec<usize>) = (0..len).partition(|at| fates[*at] == Fate::Unsent);
        settle(&portion.part(&settled).indices);
        if !unsent.is_empty() {
            left.push_front(portion.part(&unsent));
        }
        !settled.is_empty()
    }
}
