//! For tests of sinks and sources, and of programs that embed them: a clock on virtual time, fakes, and the kit that
//! every sink has to pass ([`conformance`]).

pub mod conformance;
mod fakes;
mod log;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

pub use fakes::{Answer, FakeSource, Recorded, ScriptedSink};

use crate::batch::EventBatch;
use crate::event::{Event, EventType, Metadata, ObjectReference};
use crate::time::Clock;

/// A wall clock that follows tokio's, and so stands still and jumps with paused time.
#[derive(Clone, Copy, Debug)]
pub struct VirtualClock {
    begin: Timestamp,
    begun_at: Instant,
}

impl VirtualClock {
    /// Shows `begin` now.
    pub fn starting_at(begin: Timestamp) -> Self {
        Self { begin, begun_at: Instant::now() }
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.begun_at.elapsed()).unwrap_or(SignedDuration::MAX);
        self.begin.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
    }
}

/// A warning about a pod, numbered: its message is `event <n>`, its uid `uid-<n>`, its version `n`.
pub fn event(n: usize) -> Event {
    Event {
        metadata: Metadata {
            name: format!("web-{n}.17a1b2c3d4e5f602"),
            namespace: "prod".to_owned(),
            uid: format!("uid-{n}"),
            resource_version: n.to_string(),
            ..Metadata::default()
        },
        involved_object: ObjectReference {
            kind: "Pod".to_owned(),
            namespace: "prod".to_owned(),
            name: format!("web-{n}"),
            uid: format!("pod-{}", n % 7),
            ..ObjectReference::default()
        },
        reason: "BackOff".to_owned(),
        message: format!("event {n}"),
        event_type: EventType::Warning,
        count: 1,
        ..Event::default()
    }
}

/// A batch of the numbered [`event`]s.
pub fn batch(numbers: impl IntoIterator<Item = usize>) -> EventBatch {
    let events = numbers.into_iter().map(|n| Arc::new(event(n))).collect();
    EventBatch::new("test", Timestamp::UNIX_EPOCH, events)
}
