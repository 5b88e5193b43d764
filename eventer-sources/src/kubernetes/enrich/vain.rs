//! Remembers what was waited for in vain.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

/// So many objects are remembered.
const MAX_KEYS: usize = 10_000;

/// What was waited for in vain. Nothing waits for it again until it has come.
#[derive(Debug, Default)]
pub(super) struct Vain {
    keys: HashSet<Arc<str>>,
    oldest: VecDeque<Arc<str>>,
}

impl Vain {
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.keys.contains(key)
    }

    pub(super) fn remember(&mut self, key: String) {
        let key: Arc<str> = key.into();
        if self.keys.insert(key.clone()) {
            self.oldest.push_back(key);
        }
        // Those that have come since stand in the line, too.
        if self.oldest.len() > MAX_KEYS
            && let Some(key) = self.oldest.pop_front()
        {
            self.keys.remove(&key);
        }
    }

    pub(super) fn forget(&mut self, key: &str) {
        self.keys.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_and_what_came_is_forgotten() {
        let mut vain = Vain::default();
        for n in 0..3 * MAX_KEYS {
            vain.remember(n.to_string());
        }
        let last = (3 * MAX_KEYS - 1).to_string();
        assert_eq!((vain.keys.len(), vain.oldest.len()), (MAX_KEYS, MAX_KEYS));
        assert!(vain.has(&last) && !vain.has("0"));
        vain.forget(&last);
        assert!(!vain.has(&last));
    }
}
