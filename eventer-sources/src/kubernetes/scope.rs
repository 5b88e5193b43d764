//! The life of one watch, over all its ends: the state machine of a scope.
//!
//! ```text
//!            ┌────────── no position: begin now ──────────┐
//!            │                                            ▼
//! start ─▶ Locating ── position is not ahead ───────▶ Watching ─── closed, broken, silent, refused ──┐
//!            │                                         │    ▲                                        │
//!            ├─ backfill, or server behind position    │    └── last page handed on ──┐              │
//!            ▼                                         │                             │              │
//!         Listing ◀──────────── 410, or ended at once twice ────────────── Listing ──┘              │
//!            └───────────────── any failure ─────────▶ Waiting ◀────────────────────────────────────┘
//! ```
//!
//! The position moves with every line of a watch, and after the last page of a list. In between, the checkpoint keeps how
//! far the list has come ([`place`](super::place)): the next process goes on with it instead of repeating what was read.

use std::sync::Arc;
use std::time::Duration;

use eventer_core::metrics::SourceMetrics;
use eventer_core::time::format_duration;
use eventer_core::{Backoff, Clock, Event, Intake};
use futures_util::FutureExt as _;
use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};

use super::api::{Api, Resource};
use super::board::{Activity, Board};
use super::buffer::{Buffer, Item, Reached};
use super::decode::{Page, Stamp, stamped};
use super::enrich::Enricher;
use super::failure::{Failure, FailureKind};
use super::options::{Backfill, WatchOptions};
use super::place::{Place, Progress};
use super::relist::{Base, Listed, Relist};
use super::trouble::Trouble;
use super::watch::{Ending, Watched};

/// A watch that was open so long has been calm: the waits begin anew.
const CALM: Duration = Duration::from_secs(60);
/// A watch that ends sooner and without a line has ended at once.
const AT_ONCE: Duration = Duration::from_secs(1);
/// After so many refusals of a page, the list is begun again without its token.
const MAX_REFUSALS: u32 = 5;
/// A page of more bytes makes the next one smaller.
const PAGE_BYTES: usize = 4 * 1024 * 1024;
/// A page is not made smaller than this.
const MIN_PAGE_SIZE: usize = 10;
/// How many times `relist_interval` two lists stand apart at most, while the server goes on to forget positions.
const MAX_RELIST_FACTOR: u32 = 32;

/// One namespace, or all of them: what is watched, how far it has come, and how it fares.
#[derive(Debug)]
pub(super) struct Scope {
    pub(super) setting: Setting,
    pub(super) position: Option<Reached>,
    /// The list that an earlier process left unfinished.
    pub(super) unfinished: Option<Progress>,
    pub(super) trouble: Trouble,
    /// Lines and items that cannot be decoded.
    pub(super) damage: Trouble,
    /// A watch is opened anew after so long a silence. It grows while nothing is heard.
    pub(super) idle_timeout: Duration,
    backoff: Backoff,
    pub(super) relist_backoff: Backoff,
    pub(super) next_relist: Instant,
    /// The last watch has ended at once.
    has_ended_at_once: bool,
    /// Why the last watch ended.
    ended: Option<&'static str>,
}

/// What a scope is given.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) index: usize,
    pub(super) source: Arc<str>,
    pub(super) label: String,
    /// The namespace that is watched; `None`: all of them.
    pub(super) namespace: Option<String>,
    pub(super) api: Api,
    pub(super) options: Arc<WatchOptions>,
    pub(super) cluster: Option<Arc<str>>,
    pub(super) buffer: Arc<Buffer>,
    /// If something is looked up around the objects of events.
    pub(super) enricher: Option<Arc<Enricher>>,
    pub(super) board: Arc<Board>,
    pub(super) metrics: SourceMetrics,
    pub(super) clock: Arc<dyn Clock>,
}

/// What a scope does next.
#[derive(Debug)]
pub(super) enum State {
    /// Asks where the server stands. That is where to begin, if there is no position; and a position that is ahead of
    /// it (a restored etcd) would be a watch that is silent for ever.
    Locating,
    /// Reads the next page of a list.
    Listing(Listing),
    /// Opens a watch at the position, and reads it to its end.
    Watching,
    /// Waits, and goes on.
    Waiting(Instant, Box<State>),
}

#[derive(Debug)]
pub(super) struct Listing {
    relist: Relist,
    token: Option<String>,
    page_size: usize,
    /// When its first page was asked for: everything up to then is on it.
    began: Timestamp,
    refusals: u32,
}

impl Scope {
    pub(super) fn new(setting: Setting, place: Option<Place>) -> Self {
        let options = &setting.options;
        let relist = options.relist_interval;
        let (position, unfinished) = match place {
            None => (None, None),
            Some(Place::At(reached)) => (Some(reached), None),
            Some(Place::Listing(progress)) => (None, Some(progress)),
        };
        Self {
            idle_timeout: options.idle_timeout,
            backoff: Backoff::new(options.min_backoff, options.max_backoff),
            relist_backoff: Backoff::new(relist, relist.saturating_mul(MAX_RELIST_FACTOR)),
            next_relist: Instant::now(),
            trouble: Trouble::default(),
            damage: Trouble::default(),
            has_ended_at_once: false,
            ended: None,
            position,
            unfinished,
            setting,
        }
    }

    /// Goes on for ever. A panic is a mistake in this program; it must not end the watch of a cluster.
    pub(super) async fn run(mut self) {
        while std::panic::AssertUnwindSafe(self.run_states()).catch_unwind().await.is_err() {
            let Setting { source, label, .. } = &self.setting;
            tracing::error!(%source, scope = label, "the watch panicked and begins again");
            self.setting.board.set(self.setting.index, Activity::Waiting);
            tokio::time::sleep(self.setting.options.max_backoff).await;
        }
    }

    async fn run_states(&mut self) {
        let mut state = State::Locating;
        loop {
            let (board, index) = (&self.setting.board, self.setting.index);
            state = match state {
                State::Locating => {
                    board.set(index, Activity::Connecting);
                    self.locate().await
                }
                State::Listing(listing) => {
                    board.set(index, Activity::Listing);
                    self.list(listing).await
                }
                State::Watching => self.watch().await,
                State::Waiting(until, then) => {
                    board.set(index, Activity::Waiting);
                    sleep_until(until).await;
                    *then
                }
            };
        }
    }

    async fn locate(&mut self) -> State {
        if let (None, Some(progress)) = (self.position, self.unfinished.clone()) {
            return self.resumed(progress).await;
        }
        let now = self.setting.clock.now();
        let backfill = match (self.position, self.setting.options.backfill) {
            (Some(_), _) | (None, Backfill::Off) => None,
            (None, Backfill::All) => Some(Base::All),
            (None, Backfill::Within(span)) => Some(Base::SeenSince(before(now, span))),
        };
        if let Some(base) = backfill {
            return State::Listing(self.listing(Relist::new(base)));
        }
        let version = match self.setting.api.newest_version().await {
            Ok(version) => version,
            Err(failure) => return self.wait_after(&failure, State::Locating),
        };
        self.setting.board.heard(self.setting.index, &*self.setting.clock);
        match self.position {
            Some(position) if position.version > version => self.restored(position, version).await,
            Some(_) => State::Watching,
            None => {
                self.reach(Reached { version, at: now }).await;
                State::Watching
            }
        }
    }

    async fn watch(&mut self) -> State {
        let Some(position) = self.position else { return State::Locating };
        // Not all clients at once come back to a server that was away.
        let seconds = fastrand::u64(1800..=3600);
        let body = match self.setting.api.watch(position.version, seconds).await {
            Ok(body) => body,
            Err(failure) if failure.kind == FailureKind::Expired => return self.expired(position).await,
            Err(failure) if failure.kind == FailureKind::Unreachable => {
                return self.wait_after(&failure, State::Locating);
            }
            Err(failure) => return self.wait_after(&failure, State::Watching),
        };
        self.setting.board.watches(self.setting.index, self.ended.take());
        let Setting { source, label, .. } = &self.setting;
        tracing::info!(%source, scope = label, version = position.version, "watching");

        let watched = self.read(body, Duration::from_secs(seconds)).await;
        self.ended = Some(watched.ending.reason());
        self.after_watch(watched).await
    }

    async fn after_watch(&mut self, watched: Watched) -> State {
        if watched.lines > 0 || watched.lasted >= CALM {
            self.backoff.reset();
        }
        if watched.lasted >= CALM {
            self.relist_backoff.reset();
        }
        let is_at_once = watched.lines == 0 && watched.lasted < AT_ONCE;
        let was_at_once_before = std::mem::take(&mut self.has_ended_at_once);
        let Some(position) = self.position else { return State::Locating };
        match watched.ending {
            Ending::Expired => return self.expired(position).await,
            Ending::Restored(version) => return self.restored(position, version).await,
            // Some servers end a watch so, instead of a 410 (kubernetes/kubernetes#104171).
            Ending::Closed if is_at_once && was_at_once_before => return self.expired(position).await,
            Ending::Closed => {
                self.has_ended_at_once = is_at_once;
                if !is_at_once && !watched.was_held_back {
                    // It was alive to its end, so there was nothing else to tell.
                    self.reach(Reached { at: self.setting.clock.now(), ..position }).await;
                }
            }
            Ending::Broken(failure) => return self.wait_after(&failure, State::Locating),
            Ending::Refused(failure) => return self.wait_after(&failure, State::Watching),
            Ending::Silent | Ending::Overdue => {}
        }
        State::Waiting(Instant::now() + self.backoff.next_wait(), Box::new(State::Locating))
    }

    /// Reads one page and hands on what is new on it.
    async fn list(&mut self, mut listing: Listing) -> State {
        let page = self.setting.api.page(listing.page_size, listing.token.as_deref()).await;
        let (page, bytes) = match page {
            Ok(page) => page,
            Err(failure) => return self.list_failed(&failure, listing),
        };
        self.works();
        let Some(version) = page.version else {
            let failure = Failure::undecodable(&Resource::EVENTS, "its resourceVersion is no number");
            return self.wait_after(&failure, State::Listing(listing));
        };
        listing.refusals = 0;
        if let Some(seen) = listing.relist.newer_than(version) {
            return self.restored_under_list(seen, version).await;
        }
        listing.relist.page_of(version);
        let Page { next, events, undecodable, .. } = page;
        for _ in 0..undecodable {
            self.damaged("an item of a list is no event");
        }
        let stamp = self.stamp();
        let listed = listing.relist.listed(listing.began);
        for event in events {
            // `last_seen` wants to know of the receipt.
            let event = stamped(event, &stamp);
            if listing.relist.admits(&event) {
                self.hand_on_listed(event, listed.clone()).await;
            }
        }
        if next.is_some() {
            let most = self.setting.options.page_size;
            let fitting = listing.page_size.saturating_mul(PAGE_BYTES) / bytes.max(1);
            listing.page_size = fitting.clamp(most.min(MIN_PAGE_SIZE), most);
            listing.token = next;
            return State::Listing(listing);
        }
        let version = listing.relist.version().unwrap_or(version);
        self.reach(Reached { version, at: listing.began }).await;
        self.backoff.reset();
        State::Watching
    }

    /// A page that did not come: on a passing break the list goes on where it was, else it begins again.
    fn list_failed(&mut self, failure: &Failure, mut listing: Listing) -> State {
        listing.refusals += u32::from(failure.kind == FailureKind::Refused);
        let is_lost = matches!(failure.kind, FailureKind::Expired | FailureKind::Invalid);
        if listing.token.is_some() && (is_lost || listing.refusals >= MAX_REFUSALS) {
            listing.relist.restart();
            listing.token = None;
            listing.refusals = 0;
            listing.began = self.setting.clock.now();
        }
        self.wait_after(failure, State::Listing(listing))
    }

    pub(super) fn listing(&self, relist: Relist) -> Listing {
        let page_size = self.setting.options.page_size;
        let began = self.setting.clock.now();
        Listing { relist, token: None, page_size, began, refusals: 0 }
    }

    fn wait_after(&mut self, failure: &Failure, then: State) -> State {
        self.troubled(failure);
        let wait = self.backoff.next_wait().max(failure.retry_after.unwrap_or_default());
        State::Waiting(Instant::now() + wait, Box::new(then))
    }
}

/// What the states share.
impl Scope {
    pub(super) fn stamp(&self) -> Stamp {
        Stamp { received_at: self.setting.clock.now(), cluster: self.setting.cluster.clone() }
    }

    /// Puts an event of a watch into the buffer, and moves the position. Says whether it had to wait for room.
    pub(super) async fn hand_on(&mut self, event: Arc<Event>, reached: Option<Reached>) -> bool {
        let item = Item { reached, ..self.item(event, Intake::Live) };
        let has_waited = self.push_enriched(item).await;
        self.position = reached.or(self.position);
        has_waited
    }

    /// Puts an event of a list into the buffer.
    async fn hand_on_listed(&mut self, event: Arc<Event>, listed: Arc<Listed>) {
        let item = Item { listed: Some(listed), ..self.item(event, Intake::Rereadable) };
        self.push_enriched(item).await;
    }

    /// Puts an event of our own into the buffer.
    pub(super) async fn hand_on_own(&mut self, event: Event) {
        let item = self.item(event.into(), Intake::Rereadable);
        self.setting.buffer.push(item).await;
    }

    async fn push_enriched(&self, mut item: Item) -> bool {
        if let (Some(enricher), Some(event)) = (&self.setting.enricher, &mut item.event) {
            // Nobody else has it yet, so nothing is copied.
            item.waits_since = enricher.enrich(Arc::make_mut(event));
        }
        self.setting.buffer.push(item).await
    }

    fn item(&self, event: Arc<Event>, intake: Intake) -> Item {
        let scope = self.setting.index;
        Item { scope, intake, event: Some(event), reached: None, listed: None, waits_since: None }
    }

    /// Moves the position without an event.
    pub(super) async fn reach(&mut self, reached: Reached) {
        let scope = self.setting.index;
        let (intake, reached_then) = (Intake::Live, Some(reached));
        let item =
            Item { scope, intake, event: None, reached: reached_then, listed: None, waits_since: None };
        self.setting.buffer.push(item).await;
        self.position = Some(reached);
    }

    /// The API server was heard, and what was tried works.
    pub(super) fn works(&mut self) {
        self.setting.board.heard(self.setting.index, &*self.setting.clock);
        if let Some(span) = self.trouble.is_over() {
            let Setting { source, label, .. } = &self.setting;
            tracing::info!(%source, scope = label, "works again, after {}", format_duration(span));
        }
    }

    pub(super) fn troubled(&mut self, failure: &Failure) {
        let text = failure.to_string();
        if self.trouble.is_news(&text) {
            let Setting { source, label, .. } = &self.setting;
            tracing::warn!(%source, scope = label, error = text, "cannot read events now, trying again");
        }
        self.setting.board.trouble(self.setting.index, text);
    }

    pub(super) fn damaged(&mut self, what: &str) {
        self.setting.metrics.line_undecodable();
        if self.damage.is_news(what) {
            let Setting { source, label, .. } = &self.setting;
            tracing::warn!(%source, scope = label, error = what, "skipped something that is no event");
        }
    }
}

fn before(now: Timestamp, span: Duration) -> Timestamp {
    now.checked_sub(span).unwrap_or(Timestamp::MIN)
}
