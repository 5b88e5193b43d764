//! Gauges of the journal, computed when they are asked for.

use std::collections::HashMap;
use std::sync::Arc;

use prometheus::Registry;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{Gauge, Metric, MetricFamily, MetricType};

use super::age::{family, label_pair};
use crate::journal::Journal;
use crate::status::age;
use crate::time::Clock;

/// Registers the gauges of `journal`.
pub(crate) fn register_journal(
    registry: &Registry,
    journal: Journal,
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
        journal,
        clock,
    }))
}

struct JournalCollector {
    events: Desc,
    lag: Desc,
    bytes: Desc,
    capacity: Desc,
    journal: Journal,
    clock: Arc<dyn Clock>,
}

impl Collector for JournalCollector {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.events, &self.lag, &self.bytes, &self.capacity]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let now = self.clock.now();
        let backlogs = self.journal.backlogs();
        let events = backlogs.iter().map(|(sink, backlog)| gauge(Some(sink), backlog.events as f64));
        let lag = backlogs.iter().map(|(sink, backlog)| {
            let lag = backlog.oldest.map(|oldest| age(now, oldest)).unwrap_or_default();
            gauge(Some(sink), lag.as_secs_f64())
        });
        let of = |desc, metrics| family(desc, MetricType::GAUGE, metrics);
        vec![
            of(&self.events, events.collect()),
            of(&self.lag, lag.collect()),
            of(&self.bytes, vec![gauge(None, self.journal.resident_bytes() as f64)]),
            of(&self.capacity, vec![gauge(None, self.journal.capacity() as f64)]),
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
