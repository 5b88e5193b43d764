//! What the `log` sink costs an event, from the batch to the write, in each format.

use std::hint::black_box;
use std::io;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use eventer_core::{ComponentUri, Event, EventBatch, EventSink, SinkConfig, SinkContext, UriReader};
use eventer_sinks::log::{LogConfig, LogSink};
use jiff::Timestamp;

const EVENT: &str = include_str!("../testdata/input-2-warning-backoff.json");
const EVENTS: usize = 1000;

fn sink(format: &str) -> LogSink {
    let uri = ComponentUri::parse("--sink", &format!("log:?format={format}"), &()).expect("it is a URI");
    let mut reader = UriReader::new("--sink", &uri, &LogConfig::SPEC, &[]);
    let config = LogConfig::from_uri(&mut reader).expect("it is a log sink's");
    config.build_to(&SinkContext::new("log"), io::sink()).expect("there is a thread left")
}

fn export(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("there is memory left");
    let event: Arc<Event> = Arc::new(serde_json::from_str(EVENT).expect("it is an event"));
    let batch = EventBatch::new("bench", Timestamp::UNIX_EPOCH, vec![event; EVENTS]);
    let mut group = c.benchmark_group("log");
    group.throughput(Throughput::Elements(EVENTS as u64));
    for format in ["json", "text", "logfmt"] {
        let sink = sink(format);
        group.bench_function(format, |bencher| {
            bencher
                .iter(|| runtime.block_on(sink.export_events(black_box(&batch))).expect("a sink takes all"));
        });
    }
    group.finish();
}

criterion_group!(benches, export);
criterion_main!(benches);
