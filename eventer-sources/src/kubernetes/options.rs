//! How events are watched, apart from how the cluster is reached.

use std::time::Duration;

use eventer_core::OptionValue;
use eventer_core::time::parse_duration;

use super::enrich::EnrichOptions;

/// How events are watched. The defaults are those of the URI's options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchOptions {
    /// Watches only these namespaces, each with a watch of its own; all if it is empty.
    pub namespaces: Vec<String>,
    /// Watches only events with these fields; the server selects.
    pub field_selector: Option<String>,
    /// Watches only events with these labels; the server selects.
    pub label_selector: Option<String>,
    /// Name of the cluster on each event; else that of the pipeline.
    pub cluster_name: Option<String>,
    /// What is read of the past when there is no position to go on from.
    pub backfill: Backfill,
    /// How long the server keeps events (`--event-ttl` of kube-apiserver). A position that is older leaves a gap.
    pub event_ttl: Duration,
    /// Events on a page of a list.
    pub page_size: usize,
    /// After so long a silence the server is asked whether it is there.
    pub probe_interval: Duration,
    /// After so long a silence the watch is opened anew, if the server has gone on or does not answer.
    pub idle_timeout: Duration,
    /// The longest wait for an answer.
    pub request_timeout: Duration,
    /// The first wait after a failure, and the least wait before a watch is opened again.
    pub min_backoff: Duration,
    /// The longest wait after a failure.
    pub max_backoff: Duration,
    /// The least time between two lists of everything.
    pub relist_interval: Duration,
    /// What is looked up around the objects of events.
    pub enrich: EnrichOptions,
}

/// What is read of the past at the first start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backfill {
    /// Nothing: it begins now.
    #[default]
    Off,
    /// All that the server still has.
    All,
    /// What was seen within this span before the start.
    Within(Duration),
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            namespaces: Vec::new(),
            field_selector: None,
            label_selector: None,
            cluster_name: None,
            backfill: Backfill::Off,
            event_ttl: Duration::from_secs(3600),
            page_size: 500,
            probe_interval: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(240),
            request_timeout: Duration::from_secs(30),
            min_backoff: Duration::from_millis(500),
            max_backoff: Duration::from_secs(30),
            relist_interval: Duration::from_secs(10),
            enrich: EnrichOptions::default(),
        }
    }
}

impl OptionValue for Backfill {
    fn parse_option(text: &str) -> Result<Self, String> {
        match bool::parse_option(text) {
            Ok(true) => Ok(Self::All),
            Ok(false) => Ok(Self::Off),
            Err(_) => parse_duration(text)
                .map(Self::Within)
                .map_err(|_| format!("\"{text}\" is neither true, false nor a duration such as 5m")),
        }
    }
}
