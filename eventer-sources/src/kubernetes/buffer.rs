//! What has been read and not yet taken: a queue bounded by events and by bytes. When it is full, reading waits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eventer_core::{Event, Intake};
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::enrich::Enricher;
use super::place::Place;
use super::relist::Listed;

/// One event, or a step of the position without one.
#[derive(Debug)]
pub(super) struct Item {
    /// Index of the scope that it is from.
    pub(super) scope: usize,
    pub(super) intake: Intake,
    pub(super) event: Option<Arc<Event>>,
    /// The position that is reached once this and all before it is taken.
    pub(super) reached: Option<Reached>,
    /// The list that the event is from.
    pub(super) listed: Option<Arc<Listed>>,
    /// Since when the event has been waiting for what is looked up around its object, if it does.
    pub(super) waits_since: Option<Instant>,
}

/// How far a scope has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reached {
    pub(super) version: u64,
    /// Up to this time everything is known.
    pub(super) at: Timestamp,
}

/// What [`Buffer::take`] hands out.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) intake: Intake,
    pub(super) events: Vec<Arc<Event>>,
    /// How far each scope has come with these events, by the scope's index.
    pub(super) reached: Vec<(usize, Place)>,
}

/// A queue with any number of writers and one reader.
#[derive(Debug)]
pub(super) struct Buffer {
    queue: Mutex<Queue>,
    max_items: usize,
    max_bytes: usize,
    batch_events: usize,
    room: Notify,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Item>,
    events: usize,
    bytes: usize,
}

impl Buffer {
    /// Holds two batches of `batch_events`, or what comes to `max_bytes`, if that is less.
    pub(super) fn new(batch_events: usize, max_bytes: usize) -> Self {
        Self {
            queue: Mutex::default(),
            max_items: batch_events.saturating_mul(2),
            max_bytes,
            batch_events,
            room: Notify::new(),
            filled: Notify::new(),
        }
    }

    /// Adds an item, once there is room. Says whether it had to wait.
    pub(super) async fn push(&self, item: Item) -> bool {
        let mut item = Some(item);
        if self.try_push(&mut item) {
            return false;
        }
        loop {
            let mut room = std::pin::pin!(self.room.notified());
            room.as_mut().enable();
            if self.try_push(&mut item) {
                return true;
            }
            room.await;
        }
    }

    /// Resolves when a full batch waits, or as much as there is room for.
    pub(super) async fn full_batch(&self) {
        loop {
            let filled = self.filled.notified();
            if self.is_full_batch(&self.lock()) {
                return;
            }
            filled.await;
        }
    }

    /// Resolves when no event of the next batch waits any more for what is looked up around its object.
    pub(super) async fn settle(&self, enricher: &Enricher) {
        let last = self.lock().items.len().min(self.batch_events);
        let mut next = 0;
        loop {
            let mut changed = std::pin::pin!(enricher.changed());
            changed.as_mut().enable();
            // They are handed out in order, so it is enough to look at the first that waits.
            let Some(due) = self.settle_until(last, &mut next, enricher) else { return };
            tokio::select! {
                () = changed => {}
                () = sleep_until(due) => {}
            }
        }
    }

    /// Takes what waits, at most a batch, and all of one intake.
    pub(super) fn take(&self) -> Taken {
        let mut taken = Taken::default();
        // Of each scope the last event that is from a list.
        let mut listed: Vec<(usize, Arc<Event>, Arc<Listed>)> = Vec::new();
        let mut queue = self.lock();
        taken.events.reserve_exact(queue.events.min(self.batch_events));
        while let Some(item) = queue.items.front() {
            let is_other = item.event.is_some() && !taken.events.is_empty() && item.intake != taken.intake;
            if is_other || (item.event.is_some() && taken.events.len() == self.batch_events) {
                break;
            }
            if item.waits_since.is_some() {
                break;
            }
            let Some(item) = queue.items.pop_front() else { break };
            if let Some(event) = item.event {
                queue.events -= 1;
                queue.bytes -= event.resident_bytes();
                taken.intake = item.intake;
                if let Some(list) = item.listed {
                    listed.retain(|(scope, ..)| *scope != item.scope);
                    listed.push((item.scope, event.clone(), list));
                }
                taken.events.push(event);
            }
            if let Some(reached) = item.reached {
                listed.retain(|(scope, ..)| *scope != item.scope);
                taken.reached.retain(|(scope, _)| *scope != item.scope);
                taken.reached.push((item.scope, Place::At(reached)));
            }
        }
        drop(queue);
        for (scope, event, list) in listed {
            taken.reached.retain(|(reached, _)| *reached != scope);
            taken.reached.push((scope, Place::Listing(list.through(&event))));
        }
        self.room.notify_waiters();
        taken
    }

    /// Settles items up to `last`, from `next` on. `Some`: that one has to wait, until then at most.
    fn settle_until(&self, last: usize, next: &mut usize, enricher: &Enricher) -> Option<Instant> {
        let mut queue = self.lock();
        let Queue { items, bytes, .. } = &mut *queue;
        for item in items.range_mut(*next..last) {
            if let (Some(since), Some(event)) = (item.waits_since, &mut item.event) {
                let event = Arc::make_mut(event);
                let before = event.resident_bytes();
                if let Err(due) = enricher.settle(event, since) {
                    return Some(due);
                }
                *bytes = *bytes - before + event.resident_bytes();
                item.waits_since = None;
            }
            *next += 1;
        }
        None
    }

    fn try_push(&self, slot: &mut Option<Item>) -> bool {
        let mut queue = self.lock();
        if let Some(Item { scope, event: None, reached: Some(reached), .. }) = slot
            && let Some(last) = queue.items.back_mut()
            && last.scope == *scope
        {
            // No event stands between the two positions.
            last.reached = Some(*reached);
            *slot = None;
            return true;
        }
        if self.is_full(&queue) {
            return false;
        }
        let Some(item) = slot.take() else { return true };
        let was_batch = self.is_full_batch(&queue);
        if let Some(event) = &item.event {
            queue.events += 1;
            queue.bytes += event.resident_bytes();
        }
        queue.items.push_back(item);
        if !was_batch && self.is_full_batch(&queue) {
            drop(queue);
            self.filled.notify_one();
        }
        true
    }

    fn is_full(&self, queue: &Queue) -> bool {
        queue.items.len() >= self.max_items || queue.bytes >= self.max_bytes
    }

    fn is_full_batch(&self, queue: &Queue) -> bool {
        queue.events >= self.batch_events || self.is_full(queue)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::relist::{Base, Relist};
    use futures_util::FutureExt as _;

    fn reached(version: u64) -> Reached {
        Reached { version, at: Timestamp::UNIX_EPOCH }
    }

    fn live(version: u64) -> Item {
        let event = Some(Arc::default());
        Item {
            scope: 0,
            intake: Intake::Live,
            event,
            reached: Some(reached(version)),
            listed: None,
            waits_since: None,
        }
    }

    fn listed() -> Item {
        Item {
            scope: 0,
            intake: Intake::Rereadable,
            event: Some(Arc::default()),
            reached: None,
            listed: None,
            waits_since: None,
        }
    }

    fn passed(scope: usize, version: u64) -> Item {
        Item {
            scope,
            intake: Intake::Live,
            event: None,
            reached: Some(reached(version)),
            listed: None,
            waits_since: None,
        }
    }

    fn at(version: u64) -> Place {
        Place::At(reached(version))
    }

    fn push(buffer: &Buffer, item: Item) {
        assert_eq!(buffer.push(item).now_or_never(), Some(false), "there is no room");
    }

    #[tokio::test]
    async fn a_full_buffer_lets_its_writer_wait() {
        let buffer = Buffer::new(1, usize::MAX);
        push(&buffer, live(1));
        push(&buffer, live(2));
        let mut third = std::pin::pin!(buffer.push(live(3)));
        assert!(third.as_mut().now_or_never().is_none());
        assert_eq!(buffer.take().reached, [(0, at(1))]);
        assert!(third.await, "it did not wait");
    }

    #[tokio::test]
    async fn it_is_full_by_bytes_too() {
        let buffer = Buffer::new(100, 1);
        push(&buffer, live(1));
        assert!(buffer.push(live(2)).now_or_never().is_none());
        assert!(buffer.full_batch().now_or_never().is_some(), "nobody would come to make room");
    }

    #[tokio::test]
    async fn a_full_batch_is_announced() {
        let buffer = Arc::new(Buffer::new(2, usize::MAX));
        let waiter = tokio::spawn({
            let buffer = buffer.clone();
            async move { buffer.full_batch().await }
        });
        tokio::task::yield_now().await;
        push(&buffer, live(1));
        tokio::task::yield_now().await;
        assert!(!waiter.is_finished());
        push(&buffer, live(2));
        waiter.await.unwrap();
    }

    #[test]
    fn a_batch_reaches_no_further_than_its_events() {
        let buffer = Buffer::new(2, usize::MAX);
        for item in [live(1), passed(0, 2), live(3), passed(1, 9), live(4)] {
            push(&buffer, item);
        }
        let taken = buffer.take();
        assert_eq!((taken.events.len(), taken.reached), (2, vec![(0, at(3)), (1, at(9))]));
        assert_eq!(buffer.take().reached, [(0, at(4))]);
        assert!(buffer.take().reached.is_empty());
    }

    #[test]
    fn a_batch_is_of_one_intake() {
        let buffer = Buffer::new(5, usize::MAX);
        for item in [listed(), listed(), passed(0, 5), live(6)] {
            push(&buffer, item);
        }
        let taken = buffer.take();
        assert_eq!((taken.intake, taken.events.len()), (Intake::Rereadable, 2));
        assert_eq!(taken.reached, [(0, at(5))]);
        assert_eq!(buffer.take().intake, Intake::Live);
    }

    #[test]
    fn a_part_of_a_list_tells_how_far_the_list_has_come() {
        let buffer = Buffer::new(2, usize::MAX);
        let mut list = Relist::new(Base::NewerThan(5));
        list.page_of(9);
        let page = list.listed(Timestamp::UNIX_EPOCH);
        for name in ["a", "b", "c"] {
            let mut event = Event::default();
            name.clone_into(&mut event.metadata.name);
            let item = Item { event: Some(event.into()), listed: Some(page.clone()), ..listed() };
            push(&buffer, item);
        }
        let text = |taken: &Taken| taken.reached[0].1.to_position().version;
        assert_eq!(text(&buffer.take()), "list after:5 9:/b");
        push(&buffer, passed(0, 9));
        assert_eq!(buffer.take().reached, [(0, at(9))]);
    }

    #[test]
    fn many_positions_without_events_take_no_room() {
        let buffer = Buffer::new(1, usize::MAX);
        for version in 1..100 {
            push(&buffer, passed(0, version));
        }
        assert_eq!(buffer.take().reached, [(0, at(99))]);
    }
}
