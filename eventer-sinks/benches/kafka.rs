//! What the `kafka` sink's encoder costs an event: value, key, headers and timestamp, in each format.

// The modules belong to the crate alone, so they are built into this program once more.
#[path = "../src/kafka/encode.rs"]
mod encode;
#[allow(unreachable_pub, unused_macros, reason = "it is no library here, and its tests are not run")]
#[path = "../src/kube_eventer/mod.rs"]
mod kube_eventer;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use encode::{Format, headers, key, timestamp, write_value};
use eventer_core::Event;

const EVENT: &str = include_str!("../testdata/input-2-warning-backoff.json");

fn encode(c: &mut Criterion) {
    let event: Event = serde_json::from_str(EVENT).expect("it is an event");
    let mut value = Vec::new();
    let mut group = c.benchmark_group("kafka");
    group.throughput(Throughput::Elements(1));
    for (name, format) in [("eventer", Format::Eventer), ("event", Format::Event)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let event = black_box(&event);
                value.clear();
                write_value(event, format, &mut value);
                black_box((key(event), headers(event), timestamp(event), value.len()));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, encode);
criterion_main!(benches);
