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

/// Registers the gauges of `journal`.
pub(crate) fn register_journal(
    registry: &Registry,
    journal: &Journal,
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
        journal: journal.downgrade(),
        clock,
    }))
}

struct JournalCollector {
    events: Desc,
    lag: Desc,
    bytes: Desc,
    capacity: Desc,
    /// The registry may outlive the pipeline by far, and must not hold its events for so long.
    journal: WeakJournal,
    clock: Arc<dyn Clock>,
}

impl Collector for JournalCollector {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.events, &self.lag, &self.bytes, &self.capacity]
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
        let of = |desc, metrics| family(desc, MetricType::GAUGE, metrics);
        vec![
            of(&self.events, events.collect()),
            of(&self.lag, lag.collect()),
            of(&self.bytes, vec![gauge(None, journal.bytes() as f64)]),
            of(&self.capacity, vec![gauge(None, journal.capacity() as f64)]),
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
    use std::time::Duration;

    use prometheus::TextEncoder;
    use tokio::time::sleep;

    use super::*;
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
}
