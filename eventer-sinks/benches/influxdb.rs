//! What line protocol costs an event, in each of its shapes, without and with compression.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use eventer_core::{Event, EventBatch};
use eventer_sinks::influxdb::Shape;
use jiff::Timestamp;

const EVENT: &str = include_str!("../testdata/input-2-warning-backoff.json");
const EVENTS: usize = 1000;

fn encode(c: &mut Criterion) {
    let event: Arc<Event> = Arc::new(serde_json::from_str(EVENT).expect("it is an event"));
    let batch = EventBatch::new("bench", Timestamp::UNIX_EPOCH, vec![event; EVENTS]);
    let mut group = c.benchmark_group("influxdb");
    group.throughput(Throughput::Elements(EVENTS as u64));
    for (name, with_fields) in [("whole", false), ("withfields", true)] {
        let shape = Shape { with_fields, ..Shape::default() };
        group.bench_function(name, |bencher| bencher.iter(|| shape.payload(black_box(&batch))));
        group.bench_function(format!("{name}, compressed"), |bencher| {
            bencher.iter(|| shape.payload(black_box(&batch)).gzip());
        });
    }
    group.finish();
}

criterion_group!(benches, encode);
criterion_main!(benches);
