//! The running `replay` source: hands out what was read, at once or when its time has come.

use std::collections::VecDeque;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use eventer_core::{
    Checkpoint, Clock, Event, EventBatch, EventSource, Intake, Position, SourceContext, SourceError,
    SourceStatus, async_trait,
};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::config::Speed;
use super::player::{Input, Place, Played};

/// Plays a recording of events.
#[derive(Debug)]
pub struct ReplaySource {
    name: Arc<str>,
    file: String,
    has_positions: bool,
    batch_events: NonZeroUsize,
    clock: Arc<dyn Clock>,
    /// What was read; `None` after its end. The thread that reads ends with it.
    played: Option<mpsc::Receiver<io::Result<Vec<Played>>>>,
    waiting: VecDeque<Waiting>,
    pace: Option<Pace>,
    failure: Option<io::Error>,
    place: Place,
    last_heard: Option<Timestamp>,
}

#[derive(Debug)]
struct Waiting {
    event: Box<Event>,
    place: Place,
    due: Option<Instant>,
}

/// When events are due that happened at their own times.
#[derive(Debug)]
struct Pace {
    speed: f64,
    /// In one pass, an event that happened at this time is due at that one.
    begin: Option<(u64, Timestamp, Instant)>,
    last_due: Instant,
}

impl ReplaySource {
    pub(super) fn new(
        context: SourceContext,
        input: &Input,
        speed: Speed,
        played: mpsc::Receiver<io::Result<Vec<Played>>>,
    ) -> Self {
        let pace = match speed {
            Speed::Max => None,
            Speed::Times(speed) => Some(Pace { speed, begin: None, last_due: Instant::now() }),
        };
        Self {
            name: context.name,
            file: input.to_string(),
            has_positions: *input != Input::Stdin,
            batch_events: context.batch_events,
            clock: context.clock,
            played: Some(played),
            waiting: VecDeque::new(),
            pace,
            failure: None,
            place: Place::default(),
            last_heard: None,
        }
    }

    fn is_full(&self) -> bool {
        self.waiting.len() >= self.batch_events.get()
    }

    fn hold(&mut self, played: Option<io::Result<Vec<Played>>>) {
        match played {
            Some(Ok(events)) => {
                for (mut event, place) in events {
                    event.received_at = self.clock.now();
                    let due = self.pace.as_mut().map(|pace| pace.due(event.last_seen(), place.pass));
                    self.waiting.push_back(Waiting { event, place, due });
                }
            }
            Some(Err(error)) => self.failure = Some(error),
            None => self.played = None,
        }
    }

    fn take_due(&mut self) -> Vec<Arc<Event>> {
        let (now, received_at) = (Instant::now(), self.clock.now());
        let most = self.waiting.len().min(self.batch_events.get());
        let due =
            self.waiting.iter().take(most).take_while(|waiting| waiting.due.is_none_or(|due| due <= now));
        let due = due.count();
        let take = |Waiting { mut event, place, .. }: Waiting| {
            event.received_at = received_at;
            self.place = place;
            Arc::from(event)
        };
        self.waiting.drain(..due).map(take).collect()
    }

    fn checkpoint(&self, at: Timestamp) -> Checkpoint {
        let position = Position { version: self.place.to_string(), at };
        Checkpoint([(self.file.clone(), position)].into())
    }
}

#[async_trait]
impl EventSource for ReplaySource {
    fn name(&self) -> &str {
        &self.name
    }

    async fn ready(&mut self) {
        while !self.is_full() {
            let Some(played) = &mut self.played else { break };
            let played = played.recv().await;
            self.hold(played);
        }
        let last = self.batch_events.get().min(self.waiting.len()).checked_sub(1);
        let due = last.and_then(|last| self.waiting[last].due);
        if let Some(due) = due {
            tokio::time::sleep_until(due).await;
        }
    }

    async fn get_new_events(&mut self) -> Result<Option<EventBatch>, SourceError> {
        while !self.is_full() {
            let Some(played) = &mut self.played else { break };
            let played = match played.try_recv() {
                Ok(played) => Some(played),
                Err(mpsc::error::TryRecvError::Disconnected) => None,
                Err(mpsc::error::TryRecvError::Empty) => break,
            };
            self.hold(played);
        }
        let events = self.take_due();
        if events.is_empty() && self.waiting.is_empty() {
            if let Some(error) = self.failure.take() {
                let tried = format!("read the recording {} behind record {}", self.file, self.place);
                return Err(SourceError::new(tried, error));
            }
            if self.played.is_none() {
                return Ok(None);
            }
        }
        let now = self.clock.now();
        let is_new = !events.is_empty();
        let batch = EventBatch::new(self.name.clone(), now, events).with_intake(Intake::Rereadable);
        if !is_new {
            return Ok(Some(batch));
        }
        self.last_heard = Some(now);
        Ok(Some(if self.has_positions { batch.with_checkpoint(self.checkpoint(now)) } else { batch }))
    }

    fn status(&self) -> SourceStatus {
        let is_at_end = self.played.is_none() && self.waiting.is_empty();
        let at = if is_at_end { "came to the end of" } else { "plays" };
        SourceStatus {
            is_fresh: true,
            last_heard: self.last_heard,
            detail: format!("{at} {}, record {}", self.file, self.place),
        }
    }
}

impl Pace {
    fn due(&mut self, at: Timestamp, pass: u64) -> Instant {
        let (begin_pass, begin, begin_due) = *self.begin.get_or_insert_with(|| (pass, at, Instant::now()));
        if begin_pass != pass {
            // The next pass follows the last event of this one.
            self.begin = Some((pass, at, self.last_due));
            return self.last_due;
        }
        let after = at.duration_since(begin).max(SignedDuration::ZERO).as_secs_f64() / self.speed;
        // Events are not sorted by their times, and are handed out in the order in which they stand.
        let due = Duration::try_from_secs_f64(after).ok().and_then(|after| begin_due.checked_add(after));
        self.last_due = self.last_due.max(due.unwrap_or(self.last_due));
        self.last_due
    }
}
