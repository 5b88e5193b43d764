//! How a test fills the fake server with objects that events are about, and says who may read them.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::object::Object;
use super::server::FakeApiServer;
use super::state::Target;
use super::store::Key;
use super::{Answer, Resource, write};
use crate::http::Request;

/// Objects.
impl FakeApiServer {
    /// Loads recorded lists: lines with the `path` of each and the `list`. The objects keep their versions.
    ///
    /// # Panics
    /// If a line is none, or of a kind that the server does not keep.
    #[track_caller]
    pub fn load(&self, lists: &str) {
        #[derive(Deserialize)]
        struct Line<'a> {
            path: String,
            #[serde(borrow)]
            list: List<'a>,
        }
        #[derive(Deserialize)]
        struct List<'a> {
            #[serde(borrow)]
            items: Vec<&'a RawValue>,
        }
        for line in lists.lines() {
            let Line { path, list } = serde_json::from_str(line).expect("a list with its path");
            let resource = resource_of(&path);
            for item in list.items {
                let (key, object) = read(resource, item.get().as_bytes());
                let version = object.meta("resourceVersion").and_then(|version| version.parse().ok());
                let version: u64 = version.expect("an object that was listed has a version");
                self.shared.update(|inner| {
                    inner.store.load(version, key, object.into_item());
                    inner.store.advance_to(version);
                });
            }
        }
    }

    /// Creates an object, or changes it to this.
    ///
    /// # Panics
    /// If it is not an object with a name.
    #[track_caller]
    pub fn put(&self, resource: Resource, object: impl AsRef<[u8]>) -> u64 {
        let (key, object) = read(resource, object.as_ref());
        self.shared.update(|inner| {
            write::insert(&mut inner.store, key, object);
            inner.store.version()
        })
    }

    /// Deletes an object.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn delete(&self, resource: Resource, namespace: &str, name: &str) -> u64 {
        let key = Key::new(resource, namespace, name);
        self.shared.update(|inner| {
            assert!(inner.store.get(&key).is_some(), "no {} {}", resource.kind(), key.path);
            let version = inner.store.next_version();
            write::remove(&mut inner.store, version, key);
            version
        })
    }
}

/// Who may read what, and when.
impl FakeApiServer {
    /// Answers 403 to whoever reads a resource, until [`Self::allow`]. Open watches go on, as they do on a real server.
    pub fn forbid(&self, resource: Resource) {
        self.shared.update(|inner| inner.forbidden.insert(resource));
    }

    /// Ends [`Self::forbid`].
    pub fn allow(&self, resource: Resource) {
        self.shared.update(|inner| inner.forbidden.remove(&resource));
    }

    /// Does not answer requests about a resource, until [`Self::release`].
    pub fn hold(&self, resource: Resource) {
        self.shared.update(|inner| inner.held.insert(resource));
    }

    /// Answers all requests that [`Self::hold`] has kept waiting.
    pub fn release(&self, resource: Resource) {
        self.shared.update(|inner| inner.held.remove(&resource));
    }

    /// Orders the answer to the next list of a resource that has no method of its own for that.
    pub fn next_list_of(&self, resource: Resource, answer: Answer) {
        self.enqueue(Target::ListOf(resource), answer);
    }

    /// Orders the answer to the next watch of a resource that has no method of its own for that.
    pub fn next_watch_of(&self, resource: Resource, answer: Answer) {
        self.enqueue(Target::WatchOf(resource), answer);
    }

    /// Orders the answer to the next question for the resources of an API group.
    pub fn next_discovery(&self, answer: Answer) {
        self.enqueue(Target::Discovery, answer);
    }

    /// Waits until there has been a request of which `is_it` is true.
    ///
    /// # Cancellation
    /// Safe.
    pub async fn wait_for_request(&self, is_it: impl Fn(&Request) -> bool) {
        self.shared.wait_for(|inner| inner.requests.iter().any(&is_it).then_some(())).await;
    }
}

#[track_caller]
fn resource_of(path: &str) -> Resource {
    let is_at = |known: &Resource| {
        let group = if known.group().is_empty() { "/api" } else { "/apis" };
        path == format!("{group}/{}/{}", known.api_version(), known.plural())
    };
    Resource::all().find(is_at).unwrap_or_else(|| panic!("nothing is kept at {path}"))
}

#[track_caller]
fn read(resource: Resource, json: &[u8]) -> (Key, Object) {
    let object = Object::parse(json).expect("a JSON object with metadata");
    let name = object.meta("name").expect("an object has a name");
    let namespace = object.meta("namespace").unwrap_or_default();
    (Key::new(resource, &namespace, &name), object)
}
