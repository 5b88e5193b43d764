//! One copy of what many objects have in common: the pods of a ReplicaSet have the same labels and the same owner.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use eventer_core::event::{Enrichment, Labels, OwnerReference};

/// What the allocator needs for itself, for each piece.
const OVERHEAD: usize = 16;

/// Values, each held once however many have it, with the number of its holders.
#[derive(Debug)]
pub(super) struct Shared<T: ?Sized> {
    uses: HashMap<Arc<T>, usize>,
    /// Memory of all of them.
    pub(super) bytes: usize,
}

impl<T: ?Sized> Default for Shared<T> {
    fn default() -> Self {
        Self { uses: HashMap::new(), bytes: 0 }
    }
}

impl<T: ?Sized + Eq + Hash + Size> Shared<T> {
    /// The one copy of `value`, for one more holder.
    pub(super) fn share(&mut self, value: impl Borrow<T> + Into<Arc<T>>) -> Arc<T> {
        if let Some((shared, _)) = self.uses.get_key_value(value.borrow()) {
            let shared = shared.clone();
            self.uses.entry(shared.clone()).and_modify(|uses| *uses += 1);
            return shared;
        }
        let shared: Arc<T> = value.into();
        self.bytes += shared.size();
        self.uses.insert(shared.clone(), 1);
        shared
    }

    /// A holder needs it no more.
    pub(super) fn release(&mut self, shared: &Arc<T>) {
        let Some(uses) = self.uses.get_mut(shared) else { return };
        *uses -= 1;
        if *uses == 0 {
            self.uses.remove(shared);
            self.bytes -= shared.size();
        }
    }
}

/// How much memory a value takes.
pub(super) trait Size {
    fn size(&self) -> usize;
}

impl Size for Labels {
    fn size(&self) -> usize {
        // A node of a map has room for eleven entries, used or not, and is half full at least.
        const NODE: usize = 11 * 2 * size_of::<String>() + OVERHEAD;
        let text: usize = self.iter().map(|(name, value)| name.len() + value.len() + 2 * OVERHEAD).sum();
        OVERHEAD + size_of::<Self>() + self.len().div_ceil(6) * NODE + text
    }
}

impl Size for [OwnerReference] {
    fn size(&self) -> usize {
        let text = |owner: &OwnerReference| {
            owner.api_version.len() + owner.kind.len() + owner.name.len() + owner.uid.len() + 4 * OVERHEAD
        };
        OVERHEAD + size_of_val(self) + self.iter().map(text).sum::<usize>()
    }
}

impl Size for str {
    fn size(&self) -> usize {
        2 * OVERHEAD + self.len()
    }
}

impl Size for Enrichment {
    fn size(&self) -> usize {
        let node = self.node.as_ref().map_or(0, |node| node.name.len() + node.addresses.size());
        let services: usize =
            self.services.iter().map(|name| name.len() + size_of::<String>() + OVERHEAD).sum();
        OVERHEAD + size_of::<Self>() + self.owners.size() + self.namespace_labels.size() + node + services
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_same_is_held_once_until_nobody_needs_it() {
        let mut shared = Shared::<Labels>::default();
        let labels = || Labels::from([("app".to_owned(), "web".to_owned())]);
        let first = shared.share(labels());
        let second = shared.share(labels());
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(shared.bytes, labels().size());
        shared.release(&first);
        assert_eq!(shared.bytes, labels().size());
        // An event may still have it; that is the event's own memory.
        shared.release(&second);
        assert_eq!(shared.bytes, 0);
        assert!(!Arc::ptr_eq(&shared.share(labels()), &first));
    }
}
