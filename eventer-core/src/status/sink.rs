//! How one sink is: what its worker and the layers around it write down.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::SinkReport;
use crate::event::Event;
use crate::expression::EvaluationError;
use crate::layer::Window;
use crate::metrics::DropReason;
use crate::time::{Clock, format_duration};

/// Trouble that goes on is logged again this often.
const LOG_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// What the worker of a sink and the layers around it write down of it. Logs trouble when it begins, when it changes,
/// once a minute while it lasts, and when it is over.
#[derive(Debug)]
pub(crate) struct SinkState {
    name: Arc<str>,
    clock: Arc<dyn Clock>,
    is_open: AtomicBool,
    /// What its rate limit remembers.
    window: Window,
    inner: Mutex<SinkInner>,
}

#[derive(Debug, Default)]
struct SinkInner {
    kind: &'static str,
    failing_since: Option<(Timestamp, Instant)>,
    failures: u64,
    last_error: Option<String>,
    logged_at: Option<Instant>,
    rejection_logged_at: Option<Instant>,
    drops_unlogged: u64,
    drops_logged_at: Option<Instant>,
    filter_errors_unlogged: u64,
    filter_errors_logged_at: Option<Instant>,
    totals: Totals,
}

fn is_due(logged_at: Option<Instant>) -> bool {
    logged_at.is_none_or(|at| at.elapsed() >= LOG_AGAIN_AFTER)
}

/// What became of the events of a sink so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) exported: u64,
    pub(crate) rejected: u64,
    pub(crate) dropped: u64,
}

impl Totals {
    /// Events with a verdict.
    pub(crate) fn settled(self) -> u64 {
        self.exported + self.rejected + self.dropped
    }
}

impl SinkState {
    pub(crate) fn new(name: Arc<str>, kind: &'static str, clock: Arc<dyn Clock>) -> Self {
        let inner = Mutex::new(SinkInner { kind, ..SinkInner::default() });
        Self { name, clock, is_open: AtomicBool::new(false), window: Window::default(), inner }
    }

    /// Another sink comes in its place, which is not open yet. What became of the events so far still counts.
    pub(crate) fn becomes(&self, kind: &'static str) {
        self.is_open.store(false, Ordering::Relaxed);
        let mut inner = self.lock();
        let totals = inner.totals;
        *inner = SinkInner { kind, totals, ..SinkInner::default() };
    }

    /// What its rate limit remembers, for whichever worker it has.
    pub(crate) fn window(&self) -> Window {
        self.window.clone()
    }

    /// It could be opened. That is all that is known of the destination.
    pub(crate) fn opened(&self) {
        self.is_open.store(true, Ordering::Relaxed);
        self.succeeded();
    }

    /// An attempt brought the events further.
    pub(crate) fn succeeded(&self) {
        let mut inner = self.lock();
        let failures = std::mem::take(&mut inner.failures);
        inner.logged_at = None;
        if let Some((_, since)) = inner.failing_since.take() {
            let after = format_duration(Duration::from_millis(since.elapsed().as_millis() as u64));
            drop(inner);
            tracing::info!(sink = &*self.name, failures, after, "works again");
        }
    }

    /// An attempt failed.
    pub(crate) fn failed(&self, error: String) {
        let mut inner = self.lock();
        inner.failures += 1;
        inner.failing_since.get_or_insert_with(|| (self.clock.now(), Instant::now()));
        let is_news = inner.last_error.as_ref() != Some(&error);
        let is_told = is_news || is_due(inner.logged_at);
        let attempt = inner.failures;
        let told = is_told.then(|| error.clone());
        inner.last_error = Some(error);
        if let Some(error) = told {
            inner.logged_at = Some(Instant::now());
            drop(inner);
            tracing::warn!(sink = &*self.name, attempt, error, "an attempt failed");
        }
    }

    /// Events were given up. Many are told together, once a minute.
    pub(crate) fn dropped(&self, reason: DropReason, events: usize) {
        if events == 0 {
            return;
        }
        let mut inner = self.lock();
        inner.totals.dropped += events as u64;
        inner.drops_unlogged += events as u64;
        if is_due(inner.drops_logged_at) {
            inner.drops_logged_at = Some(Instant::now());
            let events = std::mem::take(&mut inner.drops_unlogged);
            drop(inner);
            tracing::error!(sink = &*self.name, events, reason = reason.as_str(), "events are given up");
        }
    }

    /// An event was rejected. Of many, the first ones are told and then one a minute: the reason is mostly the same.
    pub(crate) fn rejected(&self, event: &Event, error: &str) {
        const FIRST: u64 = 10;
        let mut inner = self.lock();
        inner.totals.rejected += 1;
        let so_far = inner.totals.rejected;
        if so_far > FIRST && !is_due(inner.rejection_logged_at) {
            return;
        }
        inner.rejection_logged_at = Some(Instant::now());
        drop(inner);
        let event = event.id();
        tracing::error!(
            sink = &*self.name,
            event,
            error,
            so_far,
            "the destination will never take this event"
        );
    }

    /// It could not be computed whether the sink wants an event. One is told a minute, with how many there were.
    pub(crate) fn filter_failed(&self, event: &Event, error: &EvaluationError) {
        let mut inner = self.lock();
        inner.filter_errors_unlogged += 1;
        if !is_due(inner.filter_errors_logged_at) {
            return;
        }
        inner.filter_errors_logged_at = Some(Instant::now());
        let events = std::mem::take(&mut inner.filter_errors_unlogged);
        drop(inner);
        let (event, error) = (event.id(), error.to_string());
        tracing::warn!(sink = &*self.name, events, event, error, "a filter fails, so these are delivered");
    }

    /// Adds to what became of its events.
    pub(crate) fn count(&self, add: impl FnOnce(&mut Totals)) {
        add(&mut self.lock().totals);
    }

    pub(crate) fn totals(&self) -> Totals {
        self.lock().totals
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(super) fn report(&self) -> SinkReport {
        let inner = self.lock();
        SinkReport {
            name: self.name.clone(),
            kind: inner.kind,
            is_open: self.is_open.load(Ordering::Relaxed),
            failing_since: inner.failing_since.map(|(at, _)| at),
            last_error: inner.last_error.clone(),
            backlog: 0,
            lag: Duration::ZERO,
        }
    }

    fn lock(&self) -> MutexGuard<'_, SinkInner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
