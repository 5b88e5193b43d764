//! A summary without quantiles, the type in which kube-eventer counts durations. The prometheus crate has none.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus::core::{Collector, Desc};
use prometheus::proto::{Metric, MetricFamily, MetricType, Summary as SummaryValue};

use super::age::{family, label_pair};

/// Sums and counts, per value of at most one label.
#[derive(Clone, Debug)]
pub(super) struct SummaryVec {
    desc: Desc,
    label: Option<&'static str>,
    summaries: Arc<Mutex<BTreeMap<String, Summary>>>,
}

/// A sum and a count.
#[derive(Clone, Debug, Default)]
pub(super) struct Summary(Arc<Mutex<(f64, u64)>>);

impl SummaryVec {
    pub(super) fn new(
        name: &str,
        help: &str,
        label: Option<&'static str>,
    ) -> Result<Self, prometheus::Error> {
        let labels = label.iter().map(|label| (*label).to_owned()).collect();
        let desc = Desc::new(name.to_owned(), help.to_owned(), labels, HashMap::new())?;
        Ok(Self { desc, label, summaries: Arc::default() })
    }

    pub(super) fn with_label(&self, value: &str) -> Summary {
        lock(&self.summaries).entry(value.to_owned()).or_default().clone()
    }
}

impl Summary {
    pub(super) fn observe(&self, value: f64) {
        let mut total = lock(&self.0);
        total.0 += value;
        total.1 += 1;
    }
}

impl Collector for SummaryVec {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let summaries = lock(&self.summaries);
        let series = summaries.iter().map(|(value, summary)| {
            let (sum, count) = *lock(&summary.0);
            let mut written = SummaryValue::default();
            written.set_sample_sum(sum);
            written.set_sample_count(count);
            let mut metric = Metric::default();
            metric.set_label(self.label.iter().map(|label| label_pair(label, value)).collect());
            metric.set_summary(written);
            metric
        });
        vec![family(&self.desc, MetricType::SUMMARY, series.collect())]
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
