//! The objects that are known, within a bound of memory. Pure.
//!
//! Objects have a slot each, and are found by uid, or by kind and name. One that is deleted stays for a while, for the
//! events that still come. When memory is short, those go first that were deleted longest ago; then a hand goes round
//! the slots, and takes what no event has asked for since it last came by.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use eventer_core::event::{Enrichment, Labels, OwnerReference};
use tokio::time::Instant;

use super::kinds::{KindId, ScopeId};
use super::object::{Detail, Object};
use super::share::{Shared, Size as _};

/// How long an object is known after its deletion.
const KEPT: Duration = Duration::from_secs(600);
/// So many objects are known after their deletion.
const MAX_GRAVES: usize = 10_000;
/// What an object takes besides its texts: itself, and its places in the indexes.
const ENTRY: usize = size_of::<Option<Entry>>() + 128;

/// Index of an object. It is another object's once this one is gone.
pub(super) type Slot = usize;

/// The objects that are known.
#[derive(Debug)]
pub(super) struct Store {
    budget: usize,
    slots: Vec<Option<Entry>>,
    free: Vec<Slot>,
    by_uid: HashMap<Arc<str>, Slot>,
    /// Of each kind, by `namespace/name`. Of several that had a name, the last one.
    by_name: HashMap<KindId, BTreeMap<Arc<str>, Slot>>,
    labels: Shared<Labels>,
    owners: Shared<[OwnerReference]>,
    /// Those that were deleted, and when.
    graves: VecDeque<(Instant, Slot)>,
    hand: usize,
    /// Memory without what is shared.
    bytes: usize,
    /// Grows when something changes that may stand in the memo of another object.
    revision: u64,
    evicted: u64,
    evicted_kinds: HashSet<KindId>,
}

/// An object.
#[derive(Debug)]
pub(super) struct Entry {
    kind: KindId,
    seen: Seen,
    uid: Arc<str>,
    alias: Option<Arc<str>>,
    path: Arc<str>,
    pub(super) labels: Option<Arc<Labels>>,
    pub(super) annotations: Option<Arc<Labels>>,
    pub(super) owners: Option<Arc<[OwnerReference]>>,
    pub(super) detail: Detail,
    is_going: bool,
    deleted_at: Option<Instant>,
    was_asked_for: bool,
    memo: Option<Memo>,
}

/// Where and when an object was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) scope: ScopeId,
    /// The number of the scope's list: what is not on the next one is gone.
    pub(super) list: u32,
}

/// What was found around an object the last time.
#[derive(Debug)]
struct Memo {
    revision: u64,
    node: Option<Box<str>>,
    enrichment: Option<Arc<Enrichment>>,
}

impl Store {
    pub(super) fn new(budget: usize) -> Self {
        Self {
            budget,
            slots: Vec::new(),
            free: Vec::new(),
            by_uid: HashMap::new(),
            by_name: HashMap::new(),
            labels: Shared::default(),
            owners: Shared::default(),
            graves: VecDeque::new(),
            hand: 0,
            bytes: 0,
            revision: 0,
            evicted: 0,
            evicted_kinds: HashSet::new(),
        }
    }

    /// An object is there, in this state. Says whether it is new.
    pub(super) fn put(&mut self, kind: KindId, seen: Seen, object: Object) -> bool {
        let Object { uid, alias, namespace, name, labels, annotations, owners, is_going, detail, .. } =
            object;
        // Another one may have this uid as its alias.
        let known = self.by_uid.get(&*uid).copied().filter(|slot| self.has_uid(*slot, &uid));
        let is_new = known.is_none();
        let before = known.and_then(|slot| self.entry(slot));
        let uid: Arc<str> = before.map_or_else(|| uid.into(), |entry| entry.uid.clone());
        let entry = Entry {
            kind,
            seen,
            uid,
            alias: alias.map(Into::into),
            path: path(&namespace, &name).into(),
            labels: (!labels.is_empty()).then(|| self.labels.share(labels)),
            annotations: (!annotations.is_empty()).then(|| self.labels.share(annotations)),
            owners: (!owners.is_empty()).then(|| self.owners.share(owners)),
            detail,
            is_going,
            deleted_at: None,
            was_asked_for: true,
            memo: None,
        };
        let slot = match known {
            Some(slot) => self.replace(slot, entry),
            None => self.insert(entry),
        };
        self.index(slot);
        self.shrink();
        is_new
    }

    /// An object is gone. It stays for the events that still come.
    pub(super) fn bury(&mut self, uid: &str, now: Instant) {
        let Some(slot) = self.by_uid.get(uid).copied() else { return };
        self.bury_slot(slot, now);
        self.expire(now);
    }

    /// All objects of a scope are on the list, but for those that are gone.
    pub(super) fn bury_unseen(&mut self, seen: Seen, now: Instant) {
        for slot in 0..self.slots.len() {
            let is_gone = |entry: &Entry| entry.seen.scope == seen.scope && entry.seen.list != seen.list;
            if self.entry(slot).is_some_and(is_gone) {
                self.bury_slot(slot, now);
            }
        }
        self.expire(now);
    }

    /// Forgets those that were deleted long ago.
    pub(super) fn expire(&mut self, now: Instant) {
        let is_over = |(at, _): &(Instant, Slot)| now.duration_since(*at) >= KEPT;
        while self.graves.front().is_some_and(is_over) || self.graves.len() > MAX_GRAVES {
            self.clear_oldest_grave();
        }
    }

    pub(super) fn by_uid(&mut self, uid: &str) -> Option<Slot> {
        let slot = *self.by_uid.get(uid)?;
        self.asked_for(slot)
    }

    pub(super) fn by_name(&mut self, kind: KindId, path: &str) -> Option<Slot> {
        let slot = *self.by_name.get(&kind)?.get(path)?;
        self.asked_for(slot)
    }

    /// The objects of a kind that are in a namespace now, by name.
    pub(super) fn in_namespace<'a>(
        &'a self,
        kind: KindId,
        namespace: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a Entry)> {
        let from = path(namespace, "");
        let named = self
            .by_name
            .get(&kind)
            .into_iter()
            .flat_map(move |named| named.range::<str, _>((Bound::Included(&*from), Bound::Unbounded)));
        let named = named.map_while(move |(path, slot)| {
            let name = path.strip_prefix(namespace)?.strip_prefix('/')?;
            Some((name, self.entry(*slot)?))
        });
        named.filter(|(_, entry)| entry.deleted_at.is_none())
    }

    pub(super) fn entry(&self, slot: Slot) -> Option<&Entry> {
        self.slots.get(slot)?.as_ref()
    }

    /// What was found around an object, if that still holds for an event from `node`.
    pub(super) fn memo(&self, slot: Slot, node: Option<&str>) -> Option<Option<Arc<Enrichment>>> {
        let memo = self.entry(slot)?.memo.as_ref()?;
        let holds = memo.revision == self.revision && memo.node.as_deref() == node;
        holds.then(|| memo.enrichment.clone())
    }

    /// Keeps what was found around an object for an event from `node`.
    pub(super) fn keep_memo(&mut self, slot: Slot, node: Option<&str>, enrichment: Option<Arc<Enrichment>>) {
        let revision = self.revision;
        let Some(entry) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        self.bytes -= entry.size();
        entry.memo = Some(Memo { revision, node: node.map(Into::into), enrichment });
        self.bytes += entry.size();
        self.shrink();
    }

    /// Whether objects of a kind had to go since its last list.
    pub(super) fn has_evicted(&self, kind: KindId) -> bool {
        self.evicted_kinds.contains(&kind)
    }

    /// Objects of a kind are listed anew.
    pub(super) fn begins_anew(&mut self, kind: KindId) {
        self.evicted_kinds.remove(&kind);
    }

    /// How many had to go since this was last asked.
    pub(super) fn take_evicted(&mut self) -> u64 {
        std::mem::take(&mut self.evicted)
    }

    /// How many objects are known.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// How much memory they take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes + self.labels.bytes + self.owners.bytes
    }

    fn insert(&mut self, entry: Entry) -> Slot {
        // What has just come is likely to be asked for, and what it leads to or is found by now counts.
        self.revision += u64::from(entry.detail != Detail::None);
        self.bytes += entry.size();
        match self.free.pop() {
            Some(slot) => {
                self.slots[slot] = Some(entry);
                slot
            }
            None => {
                self.slots.push(Some(entry));
                self.slots.len() - 1
            }
        }
    }

    fn replace(&mut self, slot: Slot, mut entry: Entry) -> Slot {
        let Some(mut before) = self.slots[slot].take() else { return slot };
        self.bytes -= before.size();
        self.unshare(&before);
        let is_found_alike =
            before.kind == entry.kind && before.path == entry.path && before.alias == entry.alias;
        if !is_found_alike {
            self.unindex(slot, &before);
        }
        let is_same = is_found_alike
            && before.labels == entry.labels
            && before.owners == entry.owners
            && before.detail == entry.detail
            && before.deleted_at.is_none();
        if is_same {
            entry.memo = before.memo.take();
        } else {
            self.revision += 1;
        }
        entry.was_asked_for = before.was_asked_for;
        self.bytes += entry.size();
        self.slots[slot] = Some(entry);
        slot
    }

    fn index(&mut self, slot: Slot) {
        let Some(Entry { kind, uid, alias, path, .. }) = self.slots[slot].as_ref() else { return };
        self.by_uid.insert(uid.clone(), slot);
        if let Some(alias) = alias
            && !self.by_uid.get(alias).is_some_and(|other| self.has_uid(*other, alias))
        {
            self.by_uid.insert(alias.clone(), slot);
        }
        self.by_name.entry(*kind).or_default().insert(path.clone(), slot);
    }

    fn unindex(&mut self, slot: Slot, entry: &Entry) {
        for uid in entry.alias.iter().chain([&entry.uid]) {
            if self.by_uid.get(uid) == Some(&slot) {
                self.by_uid.remove(uid);
            }
        }
        if let Some(named) = self.by_name.get_mut(&entry.kind)
            && named.get(&entry.path) == Some(&slot)
        {
            named.remove(&entry.path);
        }
    }

    fn has_uid(&self, slot: Slot, uid: &str) -> bool {
        self.entry(slot).is_some_and(|entry| &*entry.uid == uid)
    }

    fn remove(&mut self, slot: Slot) {
        let Some(entry) = self.slots[slot].take() else { return };
        self.free.push(slot);
        self.bytes -= entry.size();
        self.unshare(&entry);
        self.unindex(slot, &entry);
        self.revision += u64::from(entry.detail != Detail::None);
    }

    fn unshare(&mut self, entry: &Entry) {
        for labels in entry.labels.iter().chain(&entry.annotations) {
            self.labels.release(labels);
        }
        if let Some(owners) = &entry.owners {
            self.owners.release(owners);
        }
    }

    fn bury_slot(&mut self, slot: Slot, now: Instant) {
        let Some(entry) = self.slots[slot].as_mut().filter(|entry| entry.deleted_at.is_none()) else {
            return;
        };
        entry.deleted_at = Some(now);
        self.revision += u64::from(entry.detail != Detail::None);
        self.graves.push_back((now, slot));
    }

    /// Says whether there was one.
    fn clear_oldest_grave(&mut self) -> bool {
        let Some((at, slot)) = self.graves.pop_front() else { return false };
        // It may have come back, or have gone, and its slot be another's.
        if self.entry(slot).is_some_and(|entry| entry.deleted_at == Some(at)) {
            self.remove(slot);
        }
        true
    }

    /// Makes room until memory is within its bounds.
    fn shrink(&mut self) {
        while self.bytes() > self.budget && self.len() > 0 {
            if self.clear_oldest_grave() {
                continue;
            }
            self.hand = (self.hand + 1) % self.slots.len();
            let Some(entry) = self.slots[self.hand].as_mut() else { continue };
            if !std::mem::take(&mut entry.was_asked_for) {
                self.evicted_kinds.insert(entry.kind);
                self.evicted += 1;
                self.remove(self.hand);
            }
        }
    }

    fn asked_for(&mut self, slot: Slot) -> Option<Slot> {
        self.slots.get_mut(slot)?.as_mut()?.was_asked_for = true;
        Some(slot)
    }
}

impl Entry {
    pub(super) fn uid(&self) -> &str {
        &self.uid
    }

    pub(super) fn name(&self) -> &str {
        self.path.split_once('/').map_or("", |(_, name)| name)
    }

    /// Whether it is gone, or going.
    pub(super) fn is_deleted(&self) -> bool {
        self.is_going || self.deleted_at.is_some()
    }

    /// Memory without what is shared.
    fn size(&self) -> usize {
        let detail = match &self.detail {
            Detail::None => 0,
            Detail::Addresses(labels) | Detail::Selector(labels) => labels.size(),
        };
        let memo = self.memo.as_ref().map_or(0, |memo| {
            memo.enrichment.as_ref().map_or(0, |enrichment| enrichment.size())
                + memo.node.as_ref().map_or(0, |node| node.size())
        });
        let alias = self.alias.as_ref().map_or(0, |alias| alias.size());
        ENTRY + self.uid.size() + alias + self.path.size() + detail + memo
    }
}

/// The name by which an object is found.
pub(super) fn path(namespace: &str, name: &str) -> String {
    [namespace, "/", name].concat()
}

#[cfg(test)]
impl Store {
    /// What [`Store::bytes`] is to say, from what is held; and every name leads to an object that has it.
    pub(super) fn recounted(&self) -> usize {
        for (kind, named) in &self.by_name {
            for (path, slot) in named {
                assert!(
                    self.entry(*slot).is_some_and(|entry| entry.kind == *kind && entry.path == *path),
                    "{path}"
                );
            }
        }
        for (uid, slot) in &self.by_uid {
            let has_it = |entry: &Entry| entry.uid == *uid || entry.alias.as_ref() == Some(uid);
            assert!(self.entry(*slot).is_some_and(has_it), "{uid}");
        }
        let entries = || self.slots.iter().flatten();
        let labels: HashSet<&Labels> =
            entries().flat_map(|it| it.labels.iter().chain(&it.annotations)).map(|it| &**it).collect();
        let owners: HashSet<&[OwnerReference]> =
            entries().filter_map(|entry| entry.owners.as_deref()).collect();
        entries().map(Entry::size).sum::<usize>()
            + labels.iter().map(|labels| labels.size()).sum::<usize>()
            + owners.iter().map(|owners| owners.size()).sum::<usize>()
    }
}
