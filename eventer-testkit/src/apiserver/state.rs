//! What the server's tasks and the test share: the store, the orders, the record of requests.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::answer::{Answer, Facts, Outcome};
use super::status::Status;
use super::store::Store;
use super::{Resource, Route};
use crate::flood::Flood;
use crate::http::Request;

/// The requests that an answer can be ordered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Target {
    Watch,
    List,
    Page,
    Lease,
    ConfigMap,
    ListOf(Resource),
    WatchOf(Resource),
    Discovery,
}

impl Target {
    fn of(route: &Route, request: &Request) -> Option<Self> {
        match route {
            Route::Collection { resource: Resource::Events, .. } if request.method == "GET" => {
                Some(match request.param("continue") {
                    _ if request.is_watch() => Self::Watch,
                    Some(_) => Self::Page,
                    None => Self::List,
                })
            }
            Route::Collection { resource, .. } | Route::Object { resource, .. } => match resource {
                Resource::Leases => Some(Self::Lease),
                Resource::ConfigMaps => Some(Self::ConfigMap),
                Resource::Events => None,
                other if request.is_watch() => Some(Self::WatchOf(*other)),
                other => Some(Self::ListOf(*other)),
            },
            Route::Group { .. } => Some(Self::Discovery),
            Route::Version | Route::Health | Route::AccessReview | Route::Unknown => None,
        }
    }
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) store: Store,
    pub(super) requests: Vec<Request>,
    pub(super) orders: HashMap<Target, VecDeque<Answer>>,
    pub(super) refusal: Option<Answer>,
    pub(super) token: Option<String>,
    /// What may not be read.
    pub(super) forbidden: BTreeSet<Resource>,
    /// Whose requests are not answered for now.
    pub(super) held: BTreeSet<Resource>,
    pub(super) is_frozen: bool,
    pub(super) bookmarks: bool,
    pub(super) watch_cache: bool,
    pub(super) watch_timeouts: bool,
    pub(super) open_watches: usize,
    pub(super) watches_opened: usize,
    pub(super) flood: Option<Arc<Flood>>,
}

impl Inner {
    /// Says what is ordered for a request.
    pub(super) fn take_order(&mut self, request: &Request, route: &Route) -> Outcome {
        let resource = route.resource().unwrap_or(Resource::Events);
        let facts = Facts { resource, version: self.store.version(), watch_cache: self.watch_cache };
        if let Some(refusal) = &self.refusal {
            return refusal.outcome(request, facts);
        }
        if let Some(token) = &self.token
            && request.header("authorization") != Some(&format!("Bearer {token}"))
        {
            return Outcome::Respond(Status::unauthorized().to_response());
        }
        if route.resource().is_some_and(|resource| self.forbidden.contains(&resource)) {
            return Answer::Forbidden.outcome(request, facts);
        }
        let queue = Target::of(route, request).and_then(|target| self.orders.get_mut(&target));
        match queue.and_then(VecDeque::pop_front) {
            Some(answer) => answer.outcome(request, facts),
            None => Outcome::AsUsual,
        }
    }
}

/// The state behind its lock, and the bell that rings at every change of it.
#[derive(Debug)]
pub(super) struct Shared {
    inner: Mutex<Inner>,
    changed: watch::Sender<()>,
}

impl Shared {
    pub(super) fn new(flood: Option<Flood>) -> Self {
        let inner = Inner {
            store: Store::new(),
            requests: Vec::new(),
            orders: HashMap::new(),
            refusal: None,
            token: None,
            forbidden: BTreeSet::new(),
            held: BTreeSet::new(),
            is_frozen: false,
            bookmarks: false,
            watch_cache: false,
            watch_timeouts: true,
            open_watches: 0,
            watches_opened: 0,
            flood: flood.map(Arc::new),
        };
        Self { inner: Mutex::new(inner), changed: watch::Sender::new(()) }
    }

    /// Looks at the state.
    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        // A test that panicked under the lock has failed already; its server may still be asked things.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and rings the bell.
    pub(super) fn update<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.send_replace(());
        result
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Waits until `look` finds something.
    pub(super) async fn wait_for<T>(&self, mut look: impl FnMut(&Inner) -> Option<T>) -> T {
        let mut changed = self.subscribe();
        loop {
            if let Some(found) = look(&self.lock()) {
                return found;
            }
            // The sender lives as long as `self`, so this does not fail.
            drop(changed.changed().await);
        }
    }
}
