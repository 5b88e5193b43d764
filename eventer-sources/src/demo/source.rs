//! The running `demo` source: one event after each interval.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use eventer_core::{
    Clock, Event, EventBatch, EventSource, SourceContext, SourceError, SourceStatus, async_trait,
};
use tokio::time::Instant;

use super::Cluster;

/// Makes events up.
#[derive(Debug)]
pub struct DemoSource {
    name: Arc<str>,
    cluster_name: Option<Arc<str>>,
    batch_events: NonZeroUsize,
    clock: Arc<dyn Clock>,
    cluster: Cluster,
    interval: Duration,
    begin: Instant,
    made: u64,
    end: Option<u64>,
}

impl DemoSource {
    pub(super) fn new(
        context: SourceContext,
        cluster: Cluster,
        cluster_name: Option<Arc<str>>,
        interval: Duration,
        end: Option<u64>,
    ) -> Self {
        Self {
            name: context.name,
            cluster_name,
            batch_events: context.batch_events,
            clock: context.clock,
            cluster,
            interval,
            begin: Instant::now(),
            made: 0,
            end,
        }
    }

    /// How many events should have been made until now; the first one at once.
    fn due(&self) -> u64 {
        let intervals = self.begin.elapsed().as_nanos() / self.interval.as_nanos();
        let due = u64::try_from(intervals).unwrap_or(u64::MAX).saturating_add(1);
        self.end.map_or(due, |end| due.min(end))
    }

    fn has_ended(&self) -> bool {
        self.end == Some(self.made)
    }

    fn make(&mut self) -> Arc<Event> {
        let mut event = self.cluster.next_event();
        event.cluster.clone_from(&self.cluster_name);
        event.received_at = self.clock.now();
        self.made += 1;
        Arc::new(event)
    }
}

#[async_trait]
impl EventSource for DemoSource {
    fn name(&self) -> &str {
        &self.name
    }

    async fn ready(&mut self) {
        let full = self.made.saturating_add(self.batch_events.get() as u64);
        let last = self.end.map_or(full, |end| end.min(full)).saturating_sub(1);
        let wait = self.interval.as_secs_f64() * last as f64;
        let wait = Duration::try_from_secs_f64(wait).ok().filter(|_| !self.has_ended());
        if let Some(at) = wait.and_then(|wait| self.begin.checked_add(wait)) {
            tokio::time::sleep_until(at).await;
        }
    }

    async fn get_new_events(&mut self) -> Result<Option<EventBatch>, SourceError> {
        if self.has_ended() {
            return Ok(None);
        }
        let most = self.due().saturating_sub(self.made).min(self.batch_events.get() as u64);
        let events = (0..most).map(|_| self.make()).collect();
        Ok(Some(EventBatch::new(self.name.clone(), self.clock.now(), events)))
    }

    fn status(&self) -> SourceStatus {
        let detail = format!("{} events made up", self.made);
        SourceStatus { is_fresh: true, last_heard: Some(self.clock.now()), detail }
    }
}
