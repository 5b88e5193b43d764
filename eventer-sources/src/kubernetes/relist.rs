//! Which events of a list are handed on, when lists break off and are begun again.
//!
//! A list comes in the order of its keys (`namespace/name`), and all its pages show one version. So what was handed
//! on of a list that broke off is told by two facts: how far it came, and which version it showed. Of the list that
//! follows, an item up to there is new if it is newer than that version; an item behind there, if it is newer than the
//! position. No memory of single events is needed, however long the list is, and the two facts outlive the process in the
//! checkpoint.

use std::sync::Arc;

use eventer_core::Event;
use jiff::Timestamp;

use super::decode::version_of;
use super::place::Progress;

/// A list that is being read, over all its attempts.
#[derive(Clone, Debug)]
pub(super) struct Relist {
    base: Base,
    /// What earlier attempts covered: keys ascend, versions descend.
    covered: Vec<Covered>,
    attempt: Attempt,
}

/// What is new before anything of the list was handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// Everything.
    All,
    /// What is newer than this version.
    NewerThan(u64),
    /// What was seen at this time or later. For a server whose versions cannot be compared with ours.
    SeenSince(Timestamp),
}

/// A part of a list that was handed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Covered {
    /// Keys up to this one, itself included,
    pub(super) through: String,
    /// were handed on as of this version.
    pub(super) version: u64,
}

/// What the items of a page share, so that each of them can tell how far the list has come with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    base: Base,
    covered: Vec<Covered>,
    /// The version that the list shows; `None`: it has no order, and how far it has come says nothing.
    version: Option<u64>,
    began: Timestamp,
}

#[derive(Clone, Debug, Default)]
struct Attempt {
    /// The version that the first page showed.
    version: Option<u64>,
    /// The key of the last item so far.
    last: Option<String>,
    is_unordered: bool,
}

impl Relist {
    pub(super) fn new(base: Base) -> Self {
        Self { base, covered: Vec::new(), attempt: Attempt::default() }
    }

    /// A list that goes on where an earlier process left off.
    pub(super) fn resume(progress: Progress) -> Self {
        let Progress { base, covered, .. } = progress;
        Self { base, covered, attempt: Attempt::default() }
    }

    /// What the items of the next page share. `began` is when the attempt was begun.
    pub(super) fn listed(&self, began: Timestamp) -> Arc<Listed> {
        let version = self.attempt.version.filter(|_| !self.attempt.is_unordered);
        let covered = if self.attempt.is_unordered { Vec::new() } else { self.covered.clone() };
        Arc::new(Listed { base: self.base, covered, version, began })
    }

    /// A version that was seen and is newer than `version`: the server has gone back.
    pub(super) fn newer_than(&self, version: u64) -> Option<u64> {
        let base = match self.base {
            Base::NewerThan(position) => Some(position),
            Base::All | Base::SeenSince(_) => None,
        };
        let seen = self.covered.iter().map(|covered| covered.version).chain(base);
        seen.max().filter(|seen| *seen > version)
    }

    /// The version of the list; `None` before the first page.
    pub(super) fn version(&self) -> Option<u64> {
        self.attempt.version
    }

    /// A page has come that shows `version`. That of the first page holds for all: if a later page shows a newer one,
    /// the watch repeats some of it.
    pub(super) fn page_of(&mut self, version: u64) {
        self.attempt.version.get_or_insert(version);
    }

    /// The next item of the list. Says whether it is to be handed on.
    pub(super) fn admits(&mut self, event: &Event) -> bool {
        let key = key_of(event);
        if self.attempt.last.as_ref().is_some_and(|last| *last >= key) {
            self.attempt.is_unordered = true;
        }
        let covered =
            self.covered.iter().find(|covered| key <= covered.through).map(|covered| covered.version);
        self.attempt.last = Some(key);
        let version = version_of(event);
        match (covered, version) {
            (Some(covered), Some(version)) => version > covered && self.base.admits_version(version),
            _ => self.base.admits(event, version),
        }
    }

    /// The list cannot be read to its end; it is begun again.
    pub(super) fn restart(&mut self) {
        let Attempt { version, last, is_unordered } = std::mem::take(&mut self.attempt);
        if is_unordered {
            // What this server has shown so far says nothing of what is still to come: better twice than not at all.
            self.covered.clear();
        } else if let (Some(version), Some(last)) = (version, last) {
            cover(&mut self.covered, Covered { through: last, version });
        }
    }
}

impl Listed {
    /// How far the list has come when `event` is handed on.
    pub(super) fn through(&self, event: &Event) -> Progress {
        let mut covered = self.covered.clone();
        if let Some(version) = self.version {
            cover(&mut covered, Covered { through: key_of(event), version });
        }
        Progress { base: self.base, covered, began: self.began }
    }
}

/// Adds what was handed on at last. Its version is the newest.
fn cover(covered: &mut Vec<Covered>, newest: Covered) {
    covered.retain(|older| older.through > newest.through);
    covered.insert(0, newest);
}

/// The key by which a list is sorted.
fn key_of(event: &Event) -> String {
    format!("{}/{}", event.metadata.namespace, event.metadata.name)
}

impl Base {
    fn admits(self, event: &Event, version: Option<u64>) -> bool {
        match self {
            Self::All => true,
            Self::NewerThan(_) => version.is_none_or(|version| self.admits_version(version)),
            Self::SeenSince(at) => event.last_seen() >= at,
        }
    }

    fn admits_version(self, version: u64) -> bool {
        match self {
            Self::NewerThan(position) => version > position,
            Self::All | Self::SeenSince(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use proptest::prelude::*;

    fn event(name: &str, version: u64) -> Event {
        let mut event = Event::default();
        event.metadata.namespace = "prod".to_owned();
        event.metadata.name = name.to_owned();
        event.metadata.resource_version = version.to_string();
        event
    }

    #[test]
    fn only_what_is_newer_than_the_position_is_handed_on() {
        let mut relist = Relist::new(Base::NewerThan(99));
        relist.page_of(200);
        // As numbers, not as text.
        assert!(relist.admits(&event("a", 100)));
        assert!(!relist.admits(&event("b", 99)));
    }

    #[test]
    fn a_list_that_is_begun_again_skips_what_it_handed_on() {
        let mut relist = Relist::new(Base::NewerThan(10));
        relist.page_of(20);
        assert!(relist.admits(&event("a", 15)));
        assert!(relist.admits(&event("b", 16)));
        relist.restart();
        relist.page_of(30);
        assert!(!relist.admits(&event("a", 15)), "handed on already");
        assert!(relist.admits(&event("b", 25)), "a newer version");
        assert!(relist.admits(&event("c", 17)), "not reached before");
    }

    #[test]
    fn a_list_without_order_is_handed_on_again() {
        let mut relist = Relist::new(Base::All);
        relist.page_of(20);
        assert!(relist.admits(&event("b", 15)));
        assert!(relist.admits(&event("a", 16)));
        relist.restart();
        relist.page_of(30);
        assert!(relist.admits(&event("a", 16)));
    }

    proptest! {
        /// A store that changes between the attempts of a list, each of which breaks off somewhere but the last.
        #[test]
        fn each_version_is_handed_on_once(
            writes in proptest::collection::vec(0_u8..12, 1..80),
            attempts in proptest::collection::vec((0_usize..80, 0_usize..13), 0..6),
            position in 0_u64..40,
        ) {
            let store = |version: usize| -> BTreeMap<u8, u64> {
                writes[..version.min(writes.len())].iter().zip(1..).map(|(key, at)| (*key, at)).collect()
            };
            let mut relist = Relist::new(Base::NewerThan(position));
            let mut handed_on = Vec::new();
            let mut version = 0;
            let mut ends: Vec<(usize, usize)> = attempts;
            ends.push((writes.len(), usize::MAX));
            for (written, items) in ends {
                version = written.max(version);
                relist.page_of(version as u64);
                for (key, at) in store(version).into_iter().take(items) {
                    if relist.admits(&event(&format!("{key:02}"), at)) {
                        handed_on.push((key, at));
                    }
                }
                if items != usize::MAX {
                    relist.restart();
                }
            }
            let once: BTreeSet<(u8, u64)> = handed_on.iter().copied().collect();
            prop_assert_eq!(once.len(), handed_on.len(), "a version was handed on twice");
            for (key, at) in store(version) {
                prop_assert_eq!(once.contains(&(key, at)), at > position, "key {} at {}", key, at);
            }
        }
    }
}
