//! Which of the events that repeat are shown, and when. Pure.
//!
//! A crash loop writes the same few Events again and again, each with a higher count. What is new is shown at once; a
//! repeat of what was shown is held until [`SPAN`] has passed since, and then its newest state is shown once. So nothing
//! is told a hundred times, and the last count of a loop that has stopped is still told.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use eventer_core::Event;
use tokio::time::Instant;

/// For so long a repeat is held after its event was shown.
pub(super) const SPAN: Duration = Duration::from_secs(10);

/// What was shown of the events that may repeat.
#[derive(Debug, Default)]
pub(super) struct Fold {
    /// The event on the last line.
    last: Option<Key>,
    recent: HashMap<Key, Recent>,
}

/// What becomes of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// On a line of its own.
    Next,
    /// On the last line, which is that of the same event.
    Same,
    /// Not shown now.
    Held,
}

/// The same for all versions of an Event.
type Key = String;

#[derive(Debug)]
struct Recent {
    shown_at: Instant,
    /// The newest repeat since.
    held: Option<Arc<Event>>,
}

impl Fold {
    /// Decides where `event`, which came `now`, is shown; if the last line `can_change`, its own repeats go there.
    pub(super) fn place(&mut self, event: &Arc<Event>, can_change: bool, now: Instant) -> Place {
        let Some(key) = key(event) else {
            self.last = None;
            return Place::Next;
        };
        let is_last = can_change && self.last.as_ref() == Some(&key);
        if !is_last && let Some(recent) = self.recent.get_mut(&key).filter(|recent| !recent.is_over(now)) {
            recent.held = Some(event.clone());
            return Place::Held;
        }
        self.shown(key, now);
        if is_last { Place::Same } else { Place::Next }
    }

    /// The repeats whose time has come, in the order in which their events were shown. They are shown now.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Arc<Event>> {
        self.take(now, |recent| recent.is_over(now))
    }

    /// All repeats that are held, as nothing more will come.
    pub(super) fn rest(&mut self, now: Instant) -> Vec<Arc<Event>> {
        self.take(now, |_| true)
    }

    fn take(&mut self, now: Instant, is_due: impl Fn(&Recent) -> bool) -> Vec<Arc<Event>> {
        // Without a repeat nothing is known of it that its next version does not tell itself.
        self.recent.retain(|_, recent| recent.held.is_some() || !recent.is_over(now));
        let due = self.recent.iter().filter(|(_, recent)| is_due(recent));
        let mut due: Vec<_> = due
            .filter_map(|(key, recent)| Some((recent.shown_at, key.clone(), recent.held.clone()?)))
            .collect();
        due.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        due.into_iter()
            .map(|(_, key, event)| {
                self.shown(key, now);
                event
            })
            .collect()
    }

    fn shown(&mut self, key: Key, now: Instant) {
        self.last = Some(key.clone());
        self.recent.insert(key, Recent { shown_at: now, held: None });
    }
}

impl Recent {
    fn is_over(&self, now: Instant) -> bool {
        now.duration_since(self.shown_at) >= SPAN
    }
}

/// An event that has neither a uid nor a name repeats none.
fn key(event: &Event) -> Option<Key> {
    let metadata = &event.metadata;
    match (&*metadata.uid, &*metadata.name) {
        ("", "") => None,
        ("", name) => Some(format!("{}/{name}", metadata.namespace)),
        (uid, _) => Some(uid.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(uid: &str, count: i32) -> Arc<Event> {
        let mut event = Event { count, ..Event::default() };
        event.metadata.uid = uid.to_owned();
        Arc::new(event)
    }

    fn counts(events: &[Arc<Event>]) -> Vec<(&str, i32)> {
        events.iter().map(|event| (&*event.metadata.uid, event.count)).collect()
    }

    #[tokio::test]
    async fn what_is_new_is_shown_and_a_repeat_is_held_until_its_time_has_come() {
        let (mut fold, begin) = (Fold::default(), Instant::now());
        assert_eq!(fold.place(&event("a", 1), false, begin), Place::Next);
        assert_eq!(fold.place(&event("b", 1), false, begin), Place::Next);
        for count in 2..7 {
            assert_eq!(fold.place(&event("a", count), false, begin), Place::Held);
        }
        assert!(fold.due(begin + SPAN / 2).is_empty());
        assert_eq!(counts(&fold.due(begin + SPAN)), [("a", 6)]);
        assert_eq!(fold.place(&event("a", 7), false, begin + SPAN), Place::Held);
        assert_eq!(counts(&fold.rest(begin + SPAN)), [("a", 7)]);
        assert!(fold.rest(begin + SPAN).is_empty());
    }

    #[tokio::test]
    async fn a_repeat_after_a_rest_is_shown_at_once() {
        let (mut fold, begin) = (Fold::default(), Instant::now());
        fold.place(&event("a", 1), false, begin);
        assert_eq!(fold.place(&event("a", 2), false, begin + SPAN), Place::Next);
    }

    #[tokio::test]
    async fn a_repeat_of_the_last_line_changes_it_and_no_other_line() {
        let (mut fold, now) = (Fold::default(), Instant::now());
        fold.place(&event("a", 1), true, now);
        assert_eq!(fold.place(&event("a", 2), true, now), Place::Same);
        assert_eq!(fold.place(&event("a", 3), false, now), Place::Held, "it cannot be changed any more");
        fold.place(&event("b", 1), true, now);
        assert_eq!(fold.place(&event("a", 4), true, now), Place::Held);
        assert_eq!(fold.place(&event("b", 2), true, now), Place::Same);
    }

    #[tokio::test]
    async fn held_repeats_come_in_the_order_in_which_their_events_were_shown() {
        let (mut fold, begin) = (Fold::default(), Instant::now());
        for (uid, after) in [("c", 0), ("a", 1), ("b", 2)] {
            fold.place(&event(uid, 1), false, begin + Duration::from_secs(after));
            fold.place(&event(uid, 2), false, begin + Duration::from_secs(after));
        }
        assert_eq!(counts(&fold.due(begin + SPAN + Duration::from_secs(1))), [("c", 2), ("a", 2)]);
    }

    #[tokio::test]
    async fn what_cannot_be_told_apart_repeats_nothing() {
        let (mut fold, now) = (Fold::default(), Instant::now());
        assert_eq!(fold.place(&event("", 1), true, now), Place::Next);
        assert_eq!(fold.place(&event("", 1), true, now), Place::Next);
        assert!(fold.recent.is_empty());
    }

    #[tokio::test]
    async fn what_was_shown_long_ago_takes_no_memory() {
        let (mut fold, begin) = (Fold::default(), Instant::now());
        (0..100).for_each(|n| _ = fold.place(&event(&n.to_string(), 1), false, begin));
        fold.due(begin + SPAN);
        assert!(fold.recent.is_empty());
    }
}
