//! A gauge of the seconds since something happened, computed when it is asked for.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{Gauge, LabelPair, Metric, MetricFamily, MetricType};

use crate::time::Clock;

/// Seconds since something happened, per value of one label. A value for which nothing happened has no series.
#[derive(Clone, Debug)]
pub(super) struct AgeGauge {
    desc: Desc,
    label: &'static str,
    clock: Arc<dyn Clock>,
    since: Arc<Mutex<BTreeMap<String, Timestamp>>>,
}

impl AgeGauge {
    pub(super) fn new(
        name: &str,
        help: &str,
        label: &'static str,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, prometheus::Error> {
        let desc = Desc::new(name.to_owned(), help.to_owned(), vec![label.to_owned()], HashMap::new())?;
        Ok(Self { desc, label, clock, since: Arc::default() })
    }

    pub(super) fn set(&self, value: &str, at: Timestamp) {
        let mut since = self.since();
        match since.get_mut(value) {
            Some(known) => *known = at,
            None => _ = since.insert(value.to_owned(), at),
        }
    }

    pub(super) fn clear(&self, value: &str) {
        self.since().remove(value);
    }

    fn since(&self) -> MutexGuard<'_, BTreeMap<String, Timestamp>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for AgeGauge {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let now = self.clock.now();
        let since = self.since();
        let series = since.iter().map(|(value, at)| {
            let mut gauge = Gauge::default();
            gauge.set_value(now.duration_since(*at).as_secs_f64().max(0.0));
            let mut metric = Metric::default();
            metric.set_label(vec![label_pair(self.label, value)]);
            metric.set_gauge(gauge);
            metric
        });
        vec![family(&self.desc, MetricType::GAUGE, series.collect())]
    }
}

pub(crate) fn label_pair(name: &str, value: &str) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(name.to_owned());
    pair.set_value(value.to_owned());
    pair
}

pub(crate) fn family(desc: &Desc, kind: MetricType, metrics: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(desc.fq_name.clone());
    family.set_help(desc.help.clone());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}
