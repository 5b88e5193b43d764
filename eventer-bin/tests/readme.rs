//! The README against the code: its example is the one that is compiled, its tables name what there is.

#![expect(clippy::unwrap_used, reason = "tests, and what they share, say by a panic what went wrong")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use eventer_core::metrics::{EventCounters, SERIES_LIMIT};
use eventer_core::testing::{FakeSource, ScriptedSink, batch};
use eventer_core::{Event, Metrics, Pipeline, Policy, Registry, SystemClock};

const EXAMPLE: &str = include_str!("../examples/custom_sink.rs");

fn readme() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_custom_sink_is_the_one_that_is_compiled_and_short() {
    assert!(
        readme().contains(EXAMPLE.trim_end()),
        "the README shows another text than examples/custom_sink.rs"
    );
    assert!(EXAMPLE.lines().count() <= 40);
}

#[test]
fn every_kind_is_named() {
    let mut registry = Registry::new();
    eventer_sources::register_all(&mut registry);
    eventer_sinks::register_all(&mut registry);
    for kind in registry.sources().chain(registry.sinks()) {
        assert!(readme().contains(&format!("| `{}:", kind.kind)), "{} is missing", kind.kind);
    }
}

#[test]
fn the_sinks_of_kube_eventer_are_promised_as_far_as_they_are_there() {
    let mut registry = Registry::new();
    eventer_sinks::register_all(&mut registry);
    let own = ["file", "slack"];
    let there: BTreeSet<_> =
        registry.sinks().map(|kind| kind.kind).filter(|kind| !own.contains(kind)).collect();
    let deploy = include_str!("../../deploy/README.md");
    for (text, begin, end) in [
        (&*readme(), "of its sinks there are ", ", with"),
        (deploy, "If your sinks are ", ", put this image"),
    ] {
        let sentence = text.split(begin).nth(1).and_then(|rest| rest.split(end).next()).unwrap();
        let named: BTreeSet<_> = sentence.split('`').skip(1).step_by(2).collect();
        assert!(named.is_superset(&there), "{begin}: {named:?} lacks one of {there:?}");
        // What this build lacks is there in another one if it has a page.
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/sinks");
        for kind in named.difference(&there) {
            assert!(docs.join(kind).with_extension("md").exists(), "{begin}: {kind}");
        }
    }
}

#[tokio::test]
async fn every_metric_is_explained_and_no_other() {
    let registry = prometheus::Registry::new();
    let metrics = Metrics::new(&registry, Arc::new(SystemClock)).unwrap();
    // A family without a series is not written: bring each to life.
    let source = metrics.source("s");
    source.watch_opened(Some("closed"));
    source.heard();
    // Its series are there when it is asked for.
    let _enrichment = source.enrichment();
    let counters = EventCounters::register(&registry, SERIES_LIMIT).unwrap();
    for json in [r#"{"reason":"Evicted"}"#, r#"{"type":"Warning"}"#, "{}"] {
        counters.count(&serde_json::from_str::<Event>(json).unwrap());
    }
    let pipeline = Pipeline::builder()
        .metrics(metrics)
        .source(FakeSource::ending("s", [batch(0..1)]))
        .sink("k", ScriptedSink::default(), Policy::default())
        .build()
        .unwrap();
    let names = || registry.gather().into_iter().map(|family| family.name().to_owned());
    // Those of the journal are there while the pipeline is, others once it has run.
    let mut there: BTreeSet<String> = names().collect();
    pipeline.run().await.unwrap();
    there.extend(names());
    // What the program itself adds.
    there.extend(["eventer_config_is_current", "eventer_config_reloads_total"].map(str::to_owned));

    let readme = readme();
    let table =
        &readme[readme.find("## What it tells").unwrap()..readme.find("## What is promised").unwrap()];
    let named: BTreeSet<String> = table
        .split('`')
        .filter(|word| word.starts_with("eventer_"))
        .map(|word| word.split('{').next().unwrap_or(word).to_owned())
        .collect();
    assert_eq!(named, there);
    assert!(table.contains("`process_*`"));
}
