//! Makes one event after the other out of the stories that are going on.

use std::time::Duration;

use eventer_core::Event;
use eventer_core::event::{EventType, Metadata, Origin, Series};
use fastrand::Rng;
use jiff::Timestamp;

use super::stories::{self, Teller};
use super::story::{Happening, Reporter, Step, Story, uid};

/// How many stories go on at a time.
const STORIES: usize = 5;
const SCHEDULER: &str = "default-scheduler";

/// A made-up cluster. Event number n happens n intervals after the begin.
#[derive(Debug)]
pub struct Cluster {
    rng: Rng,
    now: Timestamp,
    interval: Duration,
    version: u64,
    going_on: Vec<Story>,
    /// The kinds of stories that have not come up yet in this round.
    deck: Vec<Teller>,
}

impl Cluster {
    /// A cluster whose first event happens at `begin`.
    pub fn new(seed: u64, begin: Timestamp, interval: Duration) -> Self {
        let mut rng = Rng::with_seed(seed);
        let version = rng.u64(10_000..1_000_000);
        Self { rng, now: begin, interval, version, going_on: Vec::new(), deck: Vec::new() }
    }

    /// Makes the next event. It was not received yet, and has no cluster's name.
    pub fn next_event(&mut self) -> Event {
        while self.going_on.len() < STORIES {
            let story = self.begin_story();
            self.going_on.push(story);
        }
        let at = self.rng.usize(..self.going_on.len());
        self.version += self.rng.u64(1..20);
        let step = self.going_on[at].steps.pop_front().expect("a story without steps is not going on");
        let event = match step {
            Step::Happens(happening) => {
                let event = self.happens(*happening);
                self.going_on[at].events.push(event.clone());
                event
            }
            Step::Again(number) => {
                let event = &mut self.going_on[at].events[number];
                seen_again(event, self.now, self.version);
                event.clone()
            }
        };
        if self.going_on[at].steps.is_empty() {
            self.going_on.swap_remove(at);
        }
        self.now = self.now.checked_add(self.interval).unwrap_or(self.now);
        event
    }

    fn begin_story(&mut self) -> Story {
        if self.deck.is_empty() {
            self.deck.extend(stories::ALL);
            self.rng.shuffle(&mut self.deck);
        }
        let teller = self.deck.pop().expect("it was filled");
        let mut story = Story::default();
        teller(&mut story, &mut self.rng);
        story
    }

    fn happens(&mut self, happening: Happening) -> Event {
        let Happening { object, reason, message, is_warning, reporter } = happening;
        let seconds = whole_seconds(self.now);
        let namespace = if object.namespace.is_empty() { "default" } else { &object.namespace };
        let metadata = Metadata {
            name: format!("{}.{:x}", object.name, self.now.as_nanosecond()),
            namespace: namespace.to_owned(),
            uid: uid(&mut self.rng),
            resource_version: self.version.to_string(),
            creation_timestamp: Some(seconds),
            ..Metadata::default()
        };
        let event = Event {
            metadata,
            involved_object: object,
            reason: reason.to_owned(),
            message,
            event_type: if is_warning { EventType::Warning } else { EventType::Normal },
            ..Event::default()
        };
        let (component, host) = match reporter {
            Reporter::Scheduler(action) => {
                return Event {
                    event_time: Some(whole_micros(self.now)),
                    action: action.to_owned(),
                    reporting_component: SCHEDULER.to_owned(),
                    reporting_instance: format!("{SCHEDULER}-control-plane-1"),
                    ..event
                };
            }
            Reporter::Controller(component) => (component, String::new()),
            Reporter::OnNode(component, node) => (component, node),
        };
        Event {
            source: Origin { component: component.to_owned(), host: host.clone() },
            first_timestamp: Some(seconds),
            last_timestamp: Some(seconds),
            count: 1,
            reporting_component: component.to_owned(),
            reporting_instance: host,
            ..event
        }
    }
}

/// Makes the next version of an event: in the old form it counts on, in the new form it begins or goes on with a series.
fn seen_again(event: &mut Event, now: Timestamp, version: u64) {
    event.metadata.resource_version = version.to_string();
    if event.event_time.is_some() {
        let count = event.series.as_ref().map_or(1, |series| series.count) + 1;
        event.series =
            Some(Series { count, last_observed_time: Some(whole_micros(now)), ..Series::default() });
    } else {
        event.count += 1;
        event.last_timestamp = Some(whole_seconds(now));
    }
}

fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

fn whole_micros(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}
