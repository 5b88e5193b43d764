//! Millions of events that are generated as they are read.
//!
//! Event `n` (from 1) has the version [`BASE`]` + n` and is always the same bytes, so nothing is stored: a watch
//! from any version and a page from any token are computed. [`Flood`] says how many there are;
//! [`crate::FakeApiServer::start_flood`] serves them; `template` makes the bytes.

mod serve;
pub(crate) mod template;

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use template::Templates;

/// The version of the cluster before the first event. Large, so that all versions have the same length.
pub const BASE: u64 = 1_000_000_000;

/// How many events there are and how they are sent.
#[derive(Debug)]
pub struct Flood {
    listed: u64,
    events: u64,
    rate: Option<NonZeroU64>,
    bookmarks: bool,
    ends: bool,
    templates: Templates,
    /// The newest event that any watch has sent, or that existed before. Lists show events up to it.
    newest: AtomicU64,
    /// Becomes true when a watch has sent the last event.
    done: watch::Sender<bool>,
}

impl Flood {
    /// A flood of `events`, sent to a watch as fast as it reads.
    #[must_use]
    pub fn new(events: u64) -> Self {
        Self {
            listed: 0,
            events,
            rate: None,
            bookmarks: false,
            ends: false,
            templates: Templates::new(),
            newest: AtomicU64::new(0),
            done: watch::Sender::new(false),
        }
    }

    /// Has this many events exist already: lists show them, and a watch from the list's version does not.
    #[must_use]
    pub fn with_listed(self, listed: u64) -> Self {
        Self { listed, newest: AtomicU64::new(listed), ..self }
    }

    /// Sends at most this many events a second to each watch.
    #[must_use]
    pub fn with_rate(self, rate: NonZeroU64) -> Self {
        Self { rate: Some(rate), ..self }
    }

    /// Sends bookmarks, once a minute and behind the last event, to watches that ask for them.
    #[must_use]
    pub fn with_bookmarks(self, on: bool) -> Self {
        Self { bookmarks: on, ..self }
    }

    /// Ends a watch cleanly behind the last event, instead of keeping it open.
    #[must_use]
    pub fn ending(self, on: bool) -> Self {
        Self { ends: on, ..self }
    }

    /// Waits until a watch has sent the last event.
    ///
    /// # Cancellation
    /// Safe.
    pub async fn wait_for_end(&self) {
        let mut done = self.done.subscribe();
        // The sender lives as long as `self`.
        drop(done.wait_for(|done| *done).await);
    }

    fn last(&self) -> u64 {
        self.listed + self.events
    }

    fn newest(&self) -> u64 {
        self.newest.load(Ordering::Relaxed)
    }

    fn sent(&self, event: u64) {
        self.newest.fetch_max(event, Ordering::Relaxed);
    }
}
