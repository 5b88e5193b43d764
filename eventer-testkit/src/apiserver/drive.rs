//! How a test moves the fake server: events, misfortunes, answers on order.

use bytes::Bytes;
use serde_json::{Value, json};

use super::object::{Members, Object};
use super::server::FakeApiServer;
use super::state::Target;
use super::store::{Key, Order};
use super::{Answer, Resource, write};

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
        let members = Members::parse(line.as_ref()).expect("a watch line is a JSON object");
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

    pub(super) fn enqueue(&self, target: Target, answer: Answer) {
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

#[track_caller]
fn read_event(json: &[u8]) -> (Key, Object) {
    let mut object = Object::parse(json).expect("an event is a JSON object with metadata");
    let name = object.meta("name").expect("an event has a name");
    object.default_meta("namespace", "default");
    let namespace = object.meta("namespace").unwrap_or_default();
    (Key::new(Resource::Events, &namespace, &name), object)
}
