//! What kube-eventer's JSON costs an event, in each of its forms.

// The module belongs to the crate alone, so it is built into this program once more.
#[allow(unreachable_pub, unused_macros, reason = "it is no library here, and its tests are not run")]
#[path = "../src/kube_eventer/mod.rs"]
mod kube_eventer;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use eventer_core::Event;
use kube_eventer::{write_compact, write_envelope, write_indented};

const EVENT: &str = include_str!("../testdata/input-2-warning-backoff.json");

type Write = fn(&Event, &mut Vec<u8>);

fn write(c: &mut Criterion) {
    let event: Event = serde_json::from_str(EVENT).expect("it is an event");
    let mut out = Vec::new();
    let mut group = c.benchmark_group("kube_eventer");
    group.throughput(Throughput::Elements(1));
    let forms: [(&str, Write); 3] =
        [("compact", write_compact), ("indented", write_indented), ("envelope", write_envelope)];
    for (name, write) in forms {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                out.clear();
                write(black_box(&event), &mut out);
                black_box(out.len())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, write);
criterion_main!(benches);
