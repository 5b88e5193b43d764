//! Which users have an event already that others are still to get. Pure.
//!
//! WeCom would take all users of an event in one request, but kube-eventer sends each a request of his own, so that each
//! sees himself as the only receiver and one who is unknown is known by name. An event that some have when an attempt
//! fails is remembered here, and the next attempt sends it to the others only.

use std::collections::VecDeque;

use eventer_core::Event;

/// The most events that are remembered. As many are in flight at most as `concurrency=` says; others were given up.
const MOST_EVENTS: usize = 256;

/// The users who have an event, for each event that not all of them have; the oldest first.
#[derive(Debug, Default)]
pub(super) struct Progress(VecDeque<Entry>);

#[derive(Debug)]
struct Entry {
    event: String,
    /// By their place in the list of users.
    users: Vec<usize>,
}

/// What an event is known by over its attempts. `None`: nothing tells it from others, and it is not remembered.
pub(super) fn key(event: &Event) -> Option<String> {
    let is_known = !event.metadata.uid.is_empty() && !event.metadata.resource_version.is_empty();
    is_known.then(|| event.id())
}

impl Progress {
    /// Whether the user has the event.
    pub(super) fn has(&self, event: Option<&str>, user: usize) -> bool {
        self.0.iter().any(|entry| Some(entry.event.as_str()) == event && entry.users.contains(&user))
    }

    /// Notes that the user has the event.
    pub(super) fn note(&mut self, event: Option<&str>, user: usize) {
        let Some(event) = event else { return };
        if let Some(entry) = self.0.iter_mut().find(|entry| entry.event == event) {
            entry.users.push(user);
            return;
        }
        if self.0.len() == MOST_EVENTS {
            self.0.pop_front();
        }
        self.0.push_back(Entry { event: event.to_owned(), users: vec![user] });
    }

    /// Forgets the event, which all have.
    pub(super) fn settle(&mut self, event: Option<&str>) {
        self.0.retain(|entry| Some(entry.event.as_str()) != event);
    }
}
