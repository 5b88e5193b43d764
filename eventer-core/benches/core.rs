//! What the framework costs an event: reading and writing its JSON, a filter, an expression, the journal.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use eventer_core::filter::{EventFilter, Level};
use eventer_core::testing::{FakeSource, ScriptedSink, batch, event};
use eventer_core::{Event, Expression, Pipeline, Policy};
use regex::Regex;

const BACKOFF: &[u8] = include_bytes!("../testdata/input-2-warning-backoff.json");
const BATCH: usize = 1000;

fn json(c: &mut Criterion) {
    let event: Event = serde_json::from_slice(BACKOFF).expect("the input is an event");
    let mut group = c.benchmark_group("event");
    group.throughput(Throughput::Elements(1));
    group.bench_function("read", |b| b.iter(|| serde_json::from_slice::<Event>(black_box(BACKOFF))));
    let mut buffer = Vec::with_capacity(4096);
    group.bench_function("write", |b| {
        b.iter(|| {
            buffer.clear();
            serde_json::to_writer(&mut buffer, black_box(&event))
        });
    });
    let filter = EventFilter {
        level: Some(Level::Warning),
        kinds: vec!["Pod".to_owned()],
        reason: vec![Regex::new("^Back").expect("the expression is right")],
        ..EventFilter::default()
    };
    group.bench_function("filter", |b| b.iter(|| filter.wants(black_box(&event))));
    group.finish();
}

/// Expressions as people write them; each is computed to its end.
fn expressions(c: &mut Criterion) {
    let event: Event = serde_json::from_slice(BACKOFF).expect("the input is an event");
    let mut group = c.benchmark_group("expression");
    group.throughput(Throughput::Elements(1));
    for (name, text) in [
        ("a field", r#"type == "Warning""#),
        ("three fields", r#"type == "Warning" && involvedObject.kind == "Pod" && reason != "Pulled""#),
        ("a list", r#"!(involvedObject.namespace in ["dev", "test", "kube-system"])"#),
        ("a label that is absent", r#"involvedObject.labels["team"] == "payments" || count() > 5"#),
        ("text", r#"message.contains("retry") && !involvedObject.name.startsWith("canary-")"#),
        ("a regular expression", r#"reason.matches("^(BackOff|Failed.*|Unhealthy)$")"#),
        ("times", r#"lastSeen() - firstTimestamp > duration("5m")"#),
        (
            "all of these",
            r#"type == "Warning" && !(involvedObject.namespace in ["dev", "test", "kube-system"])
                && (involvedObject.labels["team"] == "payments" || count() > 5)
                && message.contains("retry") && !involvedObject.name.startsWith("canary-")
                && reason.matches("^(BackOff|Failed.*|Unhealthy)$")
                && lastSeen() - firstTimestamp > duration("5m")"#,
        ),
    ] {
        let expression = Expression::parse(text).expect("the expression is right");
        assert_eq!(expression.matches(&event), Ok(true), "{text}");
        group.bench_function(name, |b| b.iter(|| expression.matches(black_box(&event))));
    }
    group.finish();
}

fn pipeline(c: &mut Criterion) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime can be built");
    let events: Vec<_> = (0..BATCH).map(|n| Arc::new(event(n))).collect();
    let mut group = c.benchmark_group("pipeline");
    group.throughput(Throughput::Elements(100 * BATCH as u64));
    for sinks in [1, 3] {
        group.bench_function(format!("journal and layers, {sinks} sinks"), |b| {
            b.iter(|| {
                let batches = (0..100).map(|_| batch([]).with_events(events.clone()));
                let mut builder = Pipeline::builder().source(FakeSource::ending("bench", batches));
                for n in 0..sinks {
                    builder = builder.sink(format!("sink-{n}"), ScriptedSink::default(), Policy::default());
                }
                let pipeline = builder.build().expect("the pipeline is right");
                runtime.block_on(pipeline.run()).expect("nothing is opened")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, json, expressions, pipeline);
criterion_main!(benches);
