//! What happens to every event before it enters the journal: the user's own labels are put on, and what no sink should get
//! is left out.

use std::sync::{Arc, PoisonError, RwLock};

use crate::batch::EventBatch;
use crate::event::{Event, Labels};
use crate::filter::EventFilter;
use crate::metrics::SourceMetrics;

/// The rules that hold now. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules(Arc<RwLock<Arc<RuleSet>>>);

/// Rules that hold together.
#[derive(Clone, Debug, Default)]
pub(super) struct RuleSet {
    /// Labels for every event.
    pub(super) static_labels: Option<Arc<Labels>>,
    /// An event that one of these wants goes to no sink.
    pub(super) drop: Vec<EventFilter>,
}

impl Rules {
    pub(super) fn new(rules: RuleSet) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(rules))))
    }

    /// Others hold from the next batch on.
    pub(super) fn set(&self, rules: RuleSet) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }

    /// Applies them to a batch that came from its source, whose checkpoint stays.
    pub(super) fn apply(&self, batch: EventBatch, metrics: &SourceMetrics) -> EventBatch {
        let rules = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut batch = rules.kept(batch, metrics);
        if let Some(labels) = &rules.static_labels {
            batch.each_mut(|event| event.static_labels = Some(labels.clone()));
        }
        batch
    }
}

impl RuleSet {
    pub(super) fn new(static_labels: Labels, drop: Vec<EventFilter>) -> Self {
        Self { static_labels: (!static_labels.is_empty()).then(|| Arc::new(static_labels)), drop }
    }

    fn kept(&self, batch: EventBatch, metrics: &SourceMetrics) -> EventBatch {
        if self.drop.is_empty() {
            return batch;
        }
        let is_dropped = |event: &Event| {
            self.drop.iter().any(|rule| {
                // What cannot be decided is kept.
                rule.ask(event).unwrap_or_else(|_| {
                    metrics.rule_failed();
                    false
                })
            })
        };
        let kept: Vec<_> = batch.iter().filter(|event| !is_dropped(event)).cloned().collect();
        if kept.len() == batch.len() {
            return batch;
        }
        metrics.ruled_out(batch.len() - kept.len());
        batch.with_events(kept)
    }
}
