//! What each scope does now, for `/readyz`, metrics and people.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use eventer_core::SourceStatus;
use eventer_core::metrics::SourceMetrics;
use eventer_core::time::{Clock, format_duration};
use jiff::Timestamp;
use tokio::time::Instant;

/// Lines come by the thousand; that they come is written down no more often than anybody could tell.
const HEARD_GRAIN: Duration = Duration::from_millis(100);

/// The state of all scopes of a source, written by them and read by whoever asks.
#[derive(Debug)]
pub(super) struct Board {
    scopes: Mutex<Vec<ScopeState>>,
    /// `None` once the source is gone: its tasks end a little later, and must not count as it any more.
    metrics: Mutex<Option<SourceMetrics>>,
    /// Without a watch, and without a word for longer than this, a scope is not fresh.
    patience: Duration,
}

/// What a scope does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Activity {
    #[default]
    Connecting,
    Listing,
    Watching,
    Waiting,
}

#[derive(Debug)]
struct ScopeState {
    label: String,
    activity: Activity,
    heard: Option<(Instant, Timestamp)>,
    trouble: Option<String>,
}

impl Board {
    pub(super) fn new(labels: Vec<String>, metrics: SourceMetrics, patience: Duration) -> Self {
        let scopes = labels.into_iter().map(|label| ScopeState {
            label,
            activity: Activity::Connecting,
            heard: None,
            trouble: None,
        });
        Self { scopes: Mutex::new(scopes.collect()), metrics: Mutex::new(Some(metrics)), patience }
    }

    /// A scope does something else now.
    pub(super) fn set(&self, scope: usize, activity: Activity) {
        let mut scopes = self.lock();
        let was_watching = scopes[scope].activity == Activity::Watching;
        scopes[scope].activity = activity;
        if was_watching && scopes.iter().all(|scope| scope.activity != Activity::Watching) {
            self.count(SourceMetrics::watch_closed);
        }
    }

    /// A scope has opened a watch. `reason` says why the one before ended.
    pub(super) fn watches(&self, scope: usize, reason: Option<&str>) {
        self.count(|metrics| metrics.watch_opened(reason));
        self.set(scope, Activity::Watching);
    }

    /// The API server was heard; it is well.
    pub(super) fn heard(&self, scope: usize, clock: &dyn Clock) {
        let now = Instant::now();
        let mut scopes = self.lock();
        let state = &mut scopes[scope];
        let is_known = state.heard.is_some_and(|(at, _)| now.duration_since(at) < HEARD_GRAIN);
        if is_known && state.trouble.is_none() {
            return;
        }
        state.heard = Some((now, clock.now()));
        state.trouble = None;
        drop(scopes);
        self.count(SourceMetrics::heard);
    }

    /// Something keeps the scope from being fresh.
    pub(super) fn trouble(&self, scope: usize, text: String) {
        self.lock()[scope].trouble = Some(text);
    }

    pub(super) fn status(&self) -> SourceStatus {
        let scopes = self.lock();
        let is_fresh = scopes.iter().all(|scope| scope.is_fresh(self.patience));
        // The scope that is worst off speaks for all.
        let worst = scopes.iter().min_by_key(|scope| (scope.is_fresh(self.patience), scope.heard));
        let heard: Option<Vec<Timestamp>> = scopes.iter().map(|scope| Some(scope.heard?.1)).collect();
        SourceStatus {
            is_fresh,
            last_heard: heard.and_then(|heard| heard.into_iter().min()),
            detail: worst.map(ScopeState::detail).unwrap_or_default(),
        }
    }

    /// The source is gone: from now on nothing is counted.
    pub(super) fn close(&self) {
        *self.metrics() = None;
    }

    fn count(&self, what: impl FnOnce(&SourceMetrics)) {
        if let Some(metrics) = &*self.metrics() {
            what(metrics);
        }
    }

    fn metrics(&self) -> MutexGuard<'_, Option<SourceMetrics>> {
        self.metrics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<ScopeState>> {
        self.scopes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ScopeState {
    fn is_fresh(&self, patience: Duration) -> bool {
        let was_heard = self.heard.is_some_and(|(at, _)| at.elapsed() < patience);
        match self.activity {
            Activity::Watching => self.trouble.is_none(),
            // Between two watches nothing is missed.
            _ => was_heard,
        }
    }

    fn detail(&self) -> String {
        let doing = match self.activity {
            Activity::Connecting => "asking the API server where it stands",
            Activity::Listing => "listing what a watch cannot tell any more",
            Activity::Watching => "watching",
            Activity::Waiting => "waiting to try again",
        };
        let mut text = format!("{}: {doing}", self.label);
        if let Some((at, _)) = self.heard {
            let silence = format_duration(Duration::from_secs(at.elapsed().as_secs().max(1)));
            text.push_str(&format!(", last heard {silence} ago"));
        }
        if let Some(trouble) = &self.trouble {
            text.push_str(": ");
            text.push_str(trouble);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use eventer_core::{Metrics, SystemClock};
    use prometheus::Registry;

    fn board(labels: &[&str]) -> Board {
        let metrics = SourceMetrics::unregistered("kubernetes", Arc::new(SystemClock));
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        Board::new(labels, metrics, Duration::from_secs(60))
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_watch_is_fresh_until_a_probe_fails() {
        let board = board(&["all namespaces"]);
        assert!(!board.status().is_fresh);
        board.set(0, Activity::Watching);
        assert!(board.status().is_fresh);
        board.trouble(0, "the API server did not answer".to_owned());
        assert!(!board.status().is_fresh);
        assert!(board.status().detail.contains("did not answer"));
        board.heard(0, &SystemClock);
        assert!(board.status().is_fresh);
    }

    #[tokio::test(start_paused = true)]
    async fn between_two_watches_it_stays_fresh_for_a_while() {
        let board = board(&["all namespaces"]);
        board.heard(0, &SystemClock);
        assert!(board.status().is_fresh);
        tokio::time::advance(Duration::from_secs(61)).await;
        assert!(!board.status().is_fresh);
    }

    #[tokio::test(start_paused = true)]
    async fn the_scope_that_is_worst_off_speaks_for_all() {
        let board = board(&["namespace a", "namespace b"]);
        board.set(0, Activity::Watching);
        board.heard(0, &SystemClock);
        board.trouble(1, "the API server answered 403".to_owned());
        let status = board.status();
        assert!(!status.is_fresh && status.last_heard.is_none());
        assert!(
            status.detail.starts_with("namespace b") && status.detail.contains("403"),
            "{}",
            status.detail
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_its_tasks_still_do_counts_no_more_once_the_source_is_gone() {
        for (is_gone, series) in [(false, 2), (true, 0)] {
            let registry = Registry::new();
            let metrics = Metrics::new(&registry, Arc::new(SystemClock)).unwrap().source("kubernetes");
            let board = Board::new(vec!["all namespaces".to_owned()], metrics, Duration::from_secs(60));
            if is_gone {
                board.close();
            }
            board.watches(0, None);
            board.heard(0, &SystemClock);
            let families = registry.gather();
            let ages = families.iter().filter(|family| {
                ["eventer_watch_age_seconds", "eventer_watch_silence_seconds"].contains(&family.name())
            });
            assert_eq!(ages.map(|family| family.get_metric().len()).sum::<usize>(), series);
        }
    }
}
