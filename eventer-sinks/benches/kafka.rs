//! What the `kafka` sink's encoder costs an event: value, key, headers and timestamp, in each format.

// The modules belong to the crate alone, so they are built into this program once more.
#[path = "../src/kafka/encode.rs"]
mod encode;
#[allow(unreachable_pub, unused_macros, reason = "it is no library here, and its tests are not run")]
#[path = "../src/kube_eventer/mod.rs"]
mod kube_eventer;
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "it is no library here, and its tests are not run"
)]
#[path = "../src/layout/mod.rs"]
mod layout;
#[allow(unreachable_pub, reason = "it is no library here")]
#[path = "../src/template/mod.rs"]
mod template;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use encode::{Format, headers, key, timestamp, write_value};
use eventer_core::Event;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use template::{Escaping, Scope};

const EVENT: &str = include_str!("../testdata/input-2-warning-backoff.json");

const LAYOUT: &str =
    r#"{"id": "{{ .ID }}", "count": "{{ .Count }}", "text": "{{ .Reason }}: {{ .Message }}"}"#;

fn encode(c: &mut Criterion) {
    let event: Event = serde_json::from_str(EVENT).expect("it is an event");
    let mut value = Vec::new();
    let mut group = c.benchmark_group("kafka");
    group.throughput(Throughput::Elements(1));
    let layout = layout::Layout::parse(LAYOUT).expect("it is a layout");
    let scope = Scope { time_zone: &TimeZone::UTC, now: Timestamp::UNIX_EPOCH, escaping: Escaping::None };
    for (name, format) in
        [("eventer", Format::Eventer), ("event", Format::Event), ("layout", Format::Layout(layout))]
    {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let event = black_box(&event);
                value.clear();
                write_value(event, &format, &scope, &mut value).expect("it can be written");
                black_box((key(event), headers(event), timestamp(event), value.len()));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, encode);
criterion_main!(benches);
