//! A fake Kubernetes API server, true to the recorded wire.
//!
//! [`FakeApiServer`] is the whole of it for a test. Behind it: `state` (what tasks and test share), `store`
//! (objects with their past, and the log that watches read), `serve` (connections), `list`, `watch`, `write`
//! (the verbs), `status` and `answer` (the words of errors), `object`, `page` and `selector` (small formats).

mod answer;
pub(crate) mod list;
mod object;
pub(crate) mod page;
mod resource;
pub(crate) mod selector;
mod serve;
mod state;
pub(crate) mod status;
mod store;
pub(crate) mod watch;
mod write;

pub use answer::Answer;
pub use resource::Resource;
pub(crate) use resource::Route;
pub(crate) use serve::After;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::flood::Flood;
use crate::http::Request;
use object::Object;
use state::{Shared, Target};
use store::{Key, Order};

/// The bearer token in [`FakeApiServer::kubeconfig`].
pub const TOKEN: &str = "fake-token";

/// A kube-apiserver on loopback, plain HTTP/1.1, that a test drives step by step.
///
/// It keeps Events, ConfigMaps and Leases; answers as a real server does, until told otherwise; and
/// remembers every request. Dropping it ends it. Every method that changes objects gives back the version that
/// the change made.
///
/// # Ends
/// [`Self::stop`] and drop are a SIGKILL: streams end without their last chunk. For a SIGTERM, call
/// [`Self::end_watches`] first.
///
/// # Virtual time
/// It works with `#[tokio::test(start_paused = true)]`: it waits with `tokio::time` only. But sockets are
/// real, and whenever every task waits for one, tokio moves a paused clock to the next timer. So a `timeoutSeconds`
/// can be over as soon as both sides are idle: turn it off with [`Self::set_watch_timeouts`] where it is not what
/// is tested, and expect the client's own idle limits to come at once.
#[derive(Debug)]
pub struct FakeApiServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Ends the accepting task, which then ends all connections. Dropped: the same.
    stop: Option<oneshot::Sender<()>>,
    accepting: JoinHandle<()>,
}

impl FakeApiServer {
    /// Starts a server without objects on a free port.
    ///
    /// # Panics
    /// If loopback has no free port.
    pub async fn start() -> Self {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("loopback has a free port")
    }

    /// Starts a server on `address`, for instance that of one that was stopped.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start_on(address: SocketAddr) -> io::Result<Self> {
        Self::open(address, None).await
    }

    /// Starts a server whose events are a flood: generated, never stored. All else works as usual; the
    /// methods that change events have no effect on what lists and watches of events show.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start_flood(address: SocketAddr, flood: Flood) -> io::Result<Self> {
        Self::open(address, Some(flood)).await
    }

    async fn open(address: SocketAddr, flood: Option<Flood>) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(flood));
        let (stop, stopped) = oneshot::channel();
        let accepting = tokio::spawn(serve::accept(listener, Arc::clone(&shared), stopped));
        Ok(Self { address, shared, stop: Some(stop), accepting })
    }

    /// The server's URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A kubeconfig, in YAML, that points here and carries [`TOKEN`].
    #[must_use]
    pub fn kubeconfig(&self) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: fake\n\
             clusters:\n- name: fake\n  cluster:\n    server: {}\n\
             contexts:\n- name: fake\n  context:\n    cluster: fake\n    user: fake\n    namespace: default\n\
             users:\n- name: fake\n  user:\n    token: {TOKEN}\n",
            self.url()
        )
    }

    /// Ends the server and waits until the port is free and all connections are closed.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        // An error would be a panic in the accepting task, and it has been printed.
        drop((&mut self.accepting).await);
    }
}

/// Events, step by step.
impl FakeApiServer {
    /// Creates an event from its JSON (with or without `kind` and `apiVersion`, in any layout). It gets the next
    /// `resourceVersion`; its own uid and creation time stay, if it has them.
    ///
    /// # Panics
    /// If it is not an object with a name, or such an event exists.
    #[track_caller]
    pub fn add(&self, event: impl AsRef<[u8]>) -> u64 {
        let (key, object) = read_event(event.as_ref());
        self.shared.update(|inner| {
            assert!(inner.store.get(&key).is_none(), "{} exists; use modify or replay", key.path);
            write::insert(&mut inner.store, key, object);
            inner.store.version()
        })
    }

    /// Plays a recorded watch line: ADDED and MODIFIED put its object, DELETED removes it. Versions are the
    /// server's own.
    ///
    /// # Panics
    /// If the line is not a watch line with an object that has a name.
    #[track_caller]
    pub fn replay(&self, line: impl AsRef<[u8]>) -> u64 {
        let members = object::Members::parse(line.as_ref()).expect("a watch line is a JSON object");
        let object = members.get("object").expect("a watch line has an object");
        let (key, object) = read_event(object.get().as_bytes());
        let is_deletion = members.text("type").as_deref() == Some("DELETED");
        self.shared.update(|inner| {
            let version = inner.store.next_version();
            if is_deletion {
                write::remove(&mut inner.store, version, key);
            } else {
                write::put(&mut inner.store, version, key, object);
            }
            version
        })
    }

    /// Changes an event. As with a PATCH, a change that changes nothing makes no new version.
    ///
    /// # Panics
    /// If there is no such event, or what becomes of it is not an object.
    #[track_caller]
    pub fn modify(&self, namespace: &str, name: &str, change: impl FnOnce(&mut Value)) -> u64 {
        let key = Key::new(Resource::Events, namespace, name);
        self.shared.update(|inner| {
            let item = inner.store.get(&key).unwrap_or_else(|| panic!("no event {}", key.path));
            let mut value = serde_json::from_slice(item).expect("the store holds JSON");
            change(&mut value);
            write::change(&mut inner.store, key, &value).expect("the changed event is an object");
            inner.store.version()
        })
    }

    /// Lets an event expire: watches see DELETED with its last state and a new version.
    ///
    /// # Panics
    /// If there is no such event.
    #[track_caller]
    pub fn expire(&self, namespace: &str, name: &str) -> u64 {
        self.expire_together(&[(namespace, name)])
    }

    /// Lets several events expire at one version, as etcd's leases do.
    ///
    /// # Panics
    /// If one of them does not exist.
    #[track_caller]
    pub fn expire_together(&self, events: &[(&str, &str)]) -> u64 {
        self.shared.update(|inner| {
            let version = inner.store.next_version();
            for (namespace, name) in events {
                let key = Key::new(Resource::Events, namespace, name);
                assert!(inner.store.get(&key).is_some(), "no event {}", key.path);
                write::remove(&mut inner.store, version, key);
            }
            version
        })
    }

    /// The present version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.shared.lock().store.version()
    }

    /// Moves the version on to `version`, as writes to other objects do in a cluster. Never back.
    pub fn advance_to(&self, version: u64) {
        self.shared.update(|inner| inner.store.advance_to(version));
    }
}

/// What befalls the server's store and cache.
impl FakeApiServer {
    /// Compacts: watches and exact lists from below the present version get 410, and so do the `continue` tokens of
    /// such lists. A position at the present version stays valid, as in etcd: call [`Self::advance_to`] first
    /// if even that one shall be gone. Open watches go on (recorded: `86-watch-while-compacting`).
    pub fn compact(&self) {
        self.shared.update(|inner| inner.store.compact());
    }

    /// Restores etcd from a backup taken at `version`: what came later has never been. Open watches end. A
    /// position above `version` is from the future now: a watch from there answers 200 and stays silent until
    /// the version has passed it, a list 504.
    pub fn restore(&self, version: u64) {
        self.shared.update(|inner| inner.store.restore(version));
    }

    /// Freezes etcd: open watches fall silent and end at their `timeoutSeconds`, new ones open and are silent too;
    /// lists hang for 60 seconds and are closed without a status (recorded: `99-…` to `99d-…`).
    pub fn freeze(&self) {
        self.shared.update(|inner| inner.is_frozen = true);
    }

    /// Ends [`Self::freeze`]: watches go on without a loss, waiting lists are answered.
    pub fn thaw(&self) {
        self.shared.update(|inner| inner.is_frozen = false);
    }

    /// Has a watch cache or not (default: not, as real servers have none for events). With one, the words of 410
    /// and 504 differ.
    pub fn set_watch_cache(&self, on: bool) {
        self.shared.update(|inner| inner.watch_cache = on);
    }
}

/// What befalls watches.
impl FakeApiServer {
    /// Sends a bookmark with the present version to every open watch that asked for bookmarks.
    pub fn bookmark(&self) {
        self.shared.update(|inner| {
            let version = inner.store.version();
            inner.store.order(Order::Bookmark(version));
        });
    }

    /// Sends bookmarks once a minute to the watches that ask for them (default: off, as without a watch cache).
    pub fn set_bookmarks(&self, on: bool) {
        self.shared.update(|inner| inner.bookmarks = on);
    }

    /// Whether `timeoutSeconds` ends a watch (default: yes).
    pub fn set_watch_timeouts(&self, on: bool) {
        self.shared.update(|inner| inner.watch_timeouts = on);
    }

    /// Sends these bytes, and a line feed, to every open watch as one chunk.
    pub fn send_line(&self, line: impl AsRef<[u8]>) {
        let mut bytes = line.as_ref().to_vec();
        bytes.push(b'\n');
        self.order(Order::Line(bytes.into()));
    }

    /// Ends open watches cleanly, as `timeoutSeconds` does.
    pub fn end_watches(&self) {
        self.order(Order::End);
    }

    /// Breaks open watches in the middle of a line: half a chunk, then the connection closes.
    pub fn cut_watches_mid_line(&self) {
        self.order(Order::Cut);
    }

    /// Makes open watches silent for ever, like a peer that is gone without a word: no line, no end, whatever
    /// `timeoutSeconds` says. The next watch works again.
    pub fn silence_watches(&self) {
        self.order(Order::Silence);
    }

    fn order(&self, order: Order) {
        self.shared.update(|inner| inner.store.order(order));
    }
}

/// Answers on order.
impl FakeApiServer {
    /// Orders the answer to the next watch of events that nothing is ordered for yet.
    pub fn next_watch(&self, answer: Answer) {
        self.enqueue(Target::Watch, answer);
    }

    /// Orders the answer to the next list of events without `continue` (a whole one, or a first page).
    pub fn next_list(&self, answer: Answer) {
        self.enqueue(Target::List, answer);
    }

    /// Orders the answer to the next list of events with `continue` (a second or later page).
    pub fn next_page(&self, answer: Answer) {
        self.enqueue(Target::Page, answer);
    }

    /// Orders the answer to the next request about leases.
    pub fn next_lease(&self, answer: Answer) {
        self.enqueue(Target::Lease, answer);
    }

    /// Orders the answer to the next request about ConfigMaps.
    pub fn next_configmap(&self, answer: Answer) {
        self.enqueue(Target::ConfigMap, answer);
    }

    /// Gives this answer to every request, until `None` is said. Orders in the queues wait meanwhile.
    pub fn refuse_all(&self, answer: Option<Answer>) {
        self.shared.update(|inner| inner.refusal = answer);
    }

    /// Answers 401 to requests without this bearer token (default: none is asked for). Open watches go on, as they
    /// do on a real server.
    pub fn require_token(&self, token: Option<&str>) {
        self.shared.update(|inner| inner.token = token.map(str::to_owned));
    }

    fn enqueue(&self, target: Target, answer: Answer) {
        self.shared.update(|inner| inner.orders.entry(target).or_default().push_back(answer));
    }
}

/// Other objects.
impl FakeApiServer {
    /// Creates or changes a ConfigMap with this `data`.
    pub fn set_configmap(&self, namespace: &str, name: &str, data: &[(&str, &str)]) -> u64 {
        let data: serde_json::Map<String, Value> =
            data.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
        let object = json!({"metadata": {"name": name, "namespace": namespace}, "data": data}).to_string();
        let object = Object::parse(object.as_bytes()).expect("the JSON was just made");
        let key = Key::new(Resource::ConfigMaps, namespace, name);
        self.shared.update(|inner| {
            write::insert(&mut inner.store, key, object);
            inner.store.version()
        })
    }

    /// Deletes a ConfigMap, if there is one.
    pub fn delete_configmap(&self, namespace: &str, name: &str) {
        self.shared.update(|inner| {
            let version = inner.store.next_version();
            write::remove(&mut inner.store, version, Key::new(Resource::ConfigMaps, namespace, name));
        });
    }

    /// The object as it is now, as a GET would show it without `kind` and `apiVersion`.
    #[must_use]
    pub fn get(&self, resource: Resource, namespace: &str, name: &str) -> Option<Bytes> {
        self.shared.lock().store.get(&Key::new(resource, namespace, name)).cloned()
    }
}

/// What a test looks at.
impl FakeApiServer {
    /// All requests so far, in order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.lock().requests.clone()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.shared.lock().requests.clear();
    }

    /// Waits until there have been `count` requests, and gives all back.
    ///
    /// # Cancellation
    /// Safe.
    pub async fn wait_for_requests(&self, count: usize) -> Vec<Request> {
        self.shared.wait_for(|inner| (inner.requests.len() >= count).then(|| inner.requests.clone())).await
    }

    /// Waits until a watch is open: everything from here on reaches it.
    ///
    /// # Cancellation
    /// Safe.
    pub async fn wait_for_watch(&self) {
        self.wait_for_open_watches(1).await;
    }

    /// Waits until exactly `count` watches are open.
    ///
    /// # Cancellation
    /// Safe.
    pub async fn wait_for_open_watches(&self, count: usize) {
        self.shared.wait_for(|inner| (inner.open_watches == count).then_some(())).await;
    }

    /// Waits until `count` watches have been opened since the start. Those that an ordered answer ended at
    /// once do not count.
    ///
    /// # Cancellation
    /// Safe.
    pub async fn wait_for_watches_opened(&self, count: usize) {
        self.shared.wait_for(|inner| (inner.watches_opened >= count).then_some(())).await;
    }

    /// How many watches are open now, silent ones included.
    #[must_use]
    pub fn open_watches(&self) -> usize {
        self.shared.lock().open_watches
    }

    /// Waits until no watch of a flood has anything left to send. At once, where there is no flood.
    ///
    /// # Cancellation
    /// Safe.
    pub async fn wait_for_flood_end(&self) {
        let flood = self.shared.lock().flood.clone();
        if let Some(flood) = flood {
            flood.wait_for_end().await;
        }
    }
}

#[track_caller]
fn read_event(json: &[u8]) -> (Key, Object) {
    let mut object = Object::parse(json).expect("an event is a JSON object with metadata");
    let name = object.meta("name").expect("an event has a name");
    object.default_meta("namespace", "default");
    let namespace = object.meta("namespace").unwrap_or_default();
    (Key::new(Resource::Events, &namespace, &name), object)
}
