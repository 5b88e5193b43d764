//! Gauges of the journal, computed when they are asked for, while there is a journal.

use std::collections::HashMap;
use std::sync::Arc;

use prometheus::Registry;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{Gauge, Metric, MetricFamily, MetricType};

use super::age::{family, label_pair};
use crate::journal::{Journal, WeakJournal};
use crate::status::age;
use crate::time::Clock;

/// Registers the gauges of `journal`, which may have to wait for a storage to open.
pub(crate) fn register_journal(
    registry: &Registry,
    journal: &Journal,
    has_storage: bool,
    clock: Arc<dyn Clock>,
) -> Result<(), prometheus::Error> {
    let desc = |name: &str, help: &str, labels: &[&str]| {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        Desc::new(name.to_owned(), help.to_owned(), labels, HashMap::new())
    };
    registry.register(Box::new(JournalCollector {
        events: desc("eventer_journal_events", "Events that wait for the sink.", &["sink"])?,
        lag: desc(
            "eventer_sink_lag_seconds",
            "How long the oldest event that waits for the sink has been waiting, by its receipt.",
            &["sink"],
        )?,
        bytes: desc("eventer_journal_bytes", "Bytes of events in the journal.", &[])?,
        capacity: desc("eventer_journal_capacity_bytes", "Bytes of events that the journal can hold.", &[])?,
        writable: desc(
            "eventer_journal_writable",
            "Whether the journal takes events in: 0 while the state directory is not open or cannot be written.",
            &[],
        )?,
        journal: journal.downgrade(),
        has_storage,
        clock,
    }))
}

struct JournalCollector {
    events: Desc,
    lag: Desc,
    bytes: Desc,
    capacity: Desc,
    writable: Desc,
    /// The registry may outlive the pipeline by far, and must not hold its events for so long.
    journal: WeakJournal,
    has_storage: bool,
    clock: Arc<dyn Clock>,
}

impl Collector for JournalCollector {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.events, &self.lag, &self.bytes, &self.capacity, &self.writable]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Some(journal) = self.journal.upgrade() else { return Vec::new() };
        let now = self.clock.now();
        let backlogs = journal.backlogs();
        let events = backlogs.iter().map(|(sink, backlog)| gauge(Some(sink), backlog.events as f64));
        let lag = backlogs.iter().map(|(sink, backlog)| {
            let lag = backlog.oldest.map(|oldest| age(now, oldest)).unwrap_or_default();
            gauge(Some(sink), lag.as_secs_f64())
        });
        let is_open = journal.is_on_disk() || !self.has_storage;
        let is_writable = is_open && journal.trouble().is_none();
        let of = |desc, metrics| family(desc, MetricType::GAUGE, metrics);
        vec![
            of(&self.events, events.collect()),
            of(&self.lag, lag.collect()),
            of(&self.bytes, vec![gauge(None, journal.bytes() as f64)]),
            of(&self.capacity, vec![gauge(None, journal.capacity() as f64)]),
            of(&self.writable, vec![gauge(None, f64::from(u8::from(is_writable)))]),
        ]
    }
}

fn gauge(sink: Option<&str>, value: f64) -> Metric {
    let mut gauge = Gauge::default();
    gauge.set_value(value);
    let mut metric = Metric::default();
    metric.set_label(sink.map(|sink| label_pair("sink", sink)).into_iter().collect());
    metric.set_gauge(gauge);
    metric
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use async_trait::async_trait;
    use jiff::Timestamp;
    use prometheus::TextEncoder;
    use tokio::time::sleep;

    use super::*;
    use crate::batch::EventBatch;
    use crate::event::Event;
    use crate::journal::storage::{Backing, Contents, Loaded, Mark, Replay};
    use crate::journal::{Attachment, Begin};
    use crate::metrics::Metrics;
    use crate::pipeline::Pipeline;
    use crate::policy::Policy;
    use crate::testing::{Answer, FakeSource, ScriptedSink, batch};
    use crate::time::SystemClock;

    #[tokio::test(start_paused = true)]
    async fn a_pipeline_that_has_ended_shows_no_backlog_and_leaves_no_event_in_memory() {
        let registry = Registry::new();
        let shown = || TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        let events = batch(0..1000);
        let last = Arc::downgrade(&events.events()[999]);
        let pipeline = Pipeline::builder()
            .metrics(Metrics::new(&registry, Arc::new(SystemClock)).unwrap())
            .source(FakeSource::lasting("watch", [events]))
            .sink("hangs", ScriptedSink::always(|| Answer::Hang), Policy::default())
            .shutdown(sleep(Duration::from_secs(5)))
            .build()
            .unwrap();
        let run = tokio::spawn(pipeline.run());
        sleep(Duration::from_secs(2)).await;
        assert!(shown().contains(r#"eventer_journal_events{sink="hangs"} 1000"#), "{}", shown());
        assert_eq!(run.await.unwrap().unwrap().sinks[0].undelivered, 1000);
        for gauge in ["eventer_journal", "eventer_sink_lag"] {
            assert!(!shown().contains(gauge), "{}", shown());
        }
        assert!(last.upgrade().is_none(), "the registry keeps the journal alive");
    }

    /// A storage that holds nothing, and says whether it could.
    #[derive(Debug, Default)]
    struct Disk {
        is_full: AtomicBool,
    }

    #[async_trait]
    impl Backing for Disk {
        async fn append(&self, _: u64, _: EventBatch) -> bool {
            false
        }

        async fn reach(&self, _: EventBatch) -> bool {
            false
        }

        fn mark(&self, _: &Arc<str>, _: Mark) {}

        fn forget(&self, _: &Arc<str>) {}

        fn delete_before(&self, _: u64) {}

        fn bury(&self, _: &Arc<str>, _: &Arc<Event>, _: &str) {}

        async fn replays(&self, _: Vec<String>, _: usize) -> Result<Vec<Replay>, String> {
            Ok(Vec::new())
        }

        fn replayed(&self, _: i64) {}

        async fn synced(&self) -> bool {
            true
        }

        async fn load(&self, _: u64, _: u64, _: u64) -> Result<Vec<Loaded>, String> {
            Ok(Vec::new())
        }

        fn bytes(&self) -> u64 {
            0
        }

        fn trouble(&self) -> Option<String> {
            self.is_full.load(Ordering::Relaxed).then(|| "the disk is full".to_owned())
        }
    }

    #[test]
    fn a_journal_is_writable_once_its_storage_is_open_and_has_no_trouble() {
        let writable = |journal: &Journal, has_storage: bool| {
            let registry = Registry::new();
            register_journal(&registry, journal, has_storage, Arc::new(SystemClock)).unwrap();
            let shown = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
            let line = shown.lines().find_map(|line| line.strip_prefix("eventer_journal_writable "));
            line.unwrap().to_owned()
        };
        let journal = Journal::new(4096);
        assert_eq!(writable(&journal, false), "1", "memory can always be written");
        assert_eq!(writable(&journal, true), "0", "it is not open");
        let disk = Arc::new(Disk::default());
        let begin = |_: &str| Begin::Newest;
        let (contents, never) = (Contents::default(), Duration::MAX);
        let attachment = Attachment {
            backing: disk.clone(),
            capacity: 4096,
            contents: &contents,
            begin: &begin,
            forget_after: never,
            metrics_of: &crate::metrics::SinkMetrics::unregistered,
        };
        journal.attach(attachment, Timestamp::UNIX_EPOCH);
        assert_eq!(writable(&journal, true), "1");
        disk.is_full.store(true, Ordering::Relaxed);
        assert_eq!(writable(&journal, true), "0");
    }
}
