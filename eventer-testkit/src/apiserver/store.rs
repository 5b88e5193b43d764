//! The objects with all their past, and the log that watches read.
//!
//! One version counter serves all kinds, as etcd's does. Objects are never overwritten: a list at an old version
//! sees them as they were. Orders to open watches stand in the same log as the changes, so that a bookmark
//! comes out between the events it was ordered between.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::Resource;

/// The version that an empty store has. Not 0 or 1, which mean something of their own to the API.
pub(crate) const FIRST_VERSION: u64 = 100;

/// An object's place: etcd's key below `/registry/<plural>/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) resource: Resource,
    /// `namespace/name`: keys sort as this text does.
    pub(crate) path: String,
}

impl Key {
    pub(crate) fn new(resource: Resource, namespace: &str, name: &str) -> Self {
        Self { resource, path: format!("{namespace}/{name}") }
    }

    pub(crate) fn is_in(&self, resource: Resource, namespace: Option<&str>) -> bool {
        self.resource == resource
            && namespace
                .is_none_or(|namespace| self.path.split_once('/').is_some_and(|(ns, _)| ns == namespace))
    }
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Added,
    Modified,
    Deleted,
}

impl Kind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) kind: Kind,
    pub(crate) key: Key,
    /// The object after the change; a deleted one as last seen, with the version of its deletion.
    pub(crate) item: Bytes,
    /// The object before the change.
    pub(crate) before: Option<Bytes>,
}

/// What open watches are told to do.
#[derive(Clone, Debug)]
pub(crate) enum Order {
    /// Send a bookmark with this version, if the watch asked for bookmarks.
    Bookmark(u64),
    /// Send these bytes as one chunk.
    Line(Bytes),
    /// End with the last chunk.
    End,
    /// Send half a line and close without the last chunk.
    Cut,
    /// Send nothing any more, not even the end.
    Silence,
}

#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Change(Change),
    Order(Order),
}

#[derive(Clone, Debug)]
struct Revision {
    version: u64,
    /// `None`: deleted.
    item: Option<Bytes>,
}

#[derive(Debug)]
pub(crate) struct Store {
    version: u64,
    /// Positions below this one are gone.
    compacted: u64,
    /// Counts the restores; a watch of an older generation has lost its place in the log.
    generation: u64,
    objects: BTreeMap<Key, Vec<Revision>>,
    log: Vec<Entry>,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self {
            version: FIRST_VERSION,
            compacted: 0,
            generation: 0,
            objects: BTreeMap::new(),
            log: Vec::new(),
        }
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn compacted(&self) -> u64 {
        self.compacted
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    pub(crate) fn log(&self) -> &[Entry] {
        &self.log
    }

    /// The place in the log of the first change that is newer than `version`.
    pub(crate) fn position_after(&self, version: u64) -> usize {
        let newer = |entry: &Entry| matches!(entry, Entry::Change(change) if change.version > version);
        self.log.iter().position(newer).unwrap_or(self.log.len())
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Bytes> {
        self.objects.get(key)?.last()?.item.as_ref()
    }

    /// The objects as they were at `version`, in key order.
    pub(crate) fn at<'a>(
        &'a self,
        version: u64,
        resource: Resource,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a str, &'a Bytes)> {
        self.objects.iter().filter(move |(key, _)| key.is_in(resource, namespace)).filter_map(
            move |(key, revisions)| {
                let revision = revisions.iter().rev().find(|revision| revision.version <= version)?;
                Some((key.path.as_str(), revision.item.as_ref()?))
            },
        )
    }

    /// An object that has been there since `version`, as it was loaded.
    pub(crate) fn load(&mut self, version: u64, key: Key, item: Bytes) {
        self.objects.entry(key).or_default().push(Revision { version, item: Some(item) });
    }

    /// Takes the next version; what is put with it belongs to it.
    pub(crate) fn next_version(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    /// Makes the version at least `version`, as writes of other kinds do in a cluster.
    pub(crate) fn advance_to(&mut self, version: u64) {
        self.version = self.version.max(version);
    }

    /// Records that the object at `key` became `item` at `version`, which [`Self::next_version`] gave out.
    pub(crate) fn put(&mut self, version: u64, key: Key, item: Bytes) {
        let before = self.get(&key).cloned();
        let kind = if before.is_some() { Kind::Modified } else { Kind::Added };
        self.record(version, kind, key, item, before);
    }

    /// Records that the object at `key` is gone; `last` is how watches see it go.
    pub(crate) fn delete(&mut self, version: u64, key: Key, last: Bytes) {
        let before = self.get(&key).cloned();
        self.record(version, Kind::Deleted, key, last, before);
    }

    fn record(&mut self, version: u64, kind: Kind, key: Key, item: Bytes, before: Option<Bytes>) {
        let lives = (kind != Kind::Deleted).then(|| item.clone());
        self.objects.entry(key.clone()).or_default().push(Revision { version, item: lives });
        self.log.push(Entry::Change(Change { version, kind, key, item, before }));
    }

    pub(crate) fn order(&mut self, order: Order) {
        self.log.push(Entry::Order(order));
    }

    /// Forgets what was before now: a position below the present version is gone.
    pub(crate) fn compact(&mut self) {
        self.compacted = self.version;
    }

    /// Goes back to how things were at `version`. Open watches lose their place.
    pub(crate) fn restore(&mut self, version: u64) {
        self.version = version;
        self.compacted = self.compacted.min(version);
        self.generation += 1;
        self.log.retain(|entry| matches!(entry, Entry::Change(change) if change.version <= version));
        self.objects.retain(|_, revisions| {
            revisions.retain(|revision| revision.version <= version);
            !revisions.is_empty()
        });
    }
}
