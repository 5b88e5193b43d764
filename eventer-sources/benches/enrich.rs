//! What it costs to look up what is around an event's object: recorded events in the recorded cluster, and in one of ten
//! thousand pods.

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Read as _;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use eventer_core::Event;
use eventer_sources::kubernetes::{Decoder, EnrichOptions, Snapshot, Stamp, WatchLine};
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::value::RawValue;

const EVENTS: &[u8] = include_bytes!("../testdata/cluster-events.jsonl.gz");
const OBJECTS: &[u8] = include_bytes!("../testdata/cluster-objects.jsonl.gz");

fn everything() -> EnrichOptions {
    EnrichOptions {
        labels: true,
        owners: true,
        node: true,
        namespace: true,
        services: true,
        ..EnrichOptions::default()
    }
}

fn text(zipped: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(zipped).read_to_string(&mut text).expect("it was packed for this");
    text
}

fn snapshot(options: EnrichOptions) -> Snapshot {
    #[derive(Deserialize)]
    struct Line<'a> {
        #[serde(borrow)]
        list: &'a RawValue,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct List {
        api_version: String,
        kind: String,
    }
    let mut snapshot = Snapshot::new(options);
    for line in text(OBJECTS).lines() {
        let Line { list } = serde_json::from_str(line).expect("a list");
        let List { api_version, kind } = serde_json::from_str(list.get()).expect("a list");
        let kind = kind.trim_end_matches("List");
        snapshot.add(&api_version, kind, list.get().as_bytes()).expect("a list");
    }
    snapshot
}

/// The recorded events of which all is known.
fn events(lines: &str, snapshot: &mut Snapshot) -> Vec<Event> {
    let mut decoder = Decoder::default();
    let mut events = Vec::new();
    for line in lines.lines() {
        let Ok(WatchLine::Event(event)) = decoder.decode(line.as_bytes(), &Stamp::default()) else {
            continue;
        };
        let event = Event::clone(&event);
        if snapshot.enrich(&mut event.clone()) {
            events.push(event);
        }
    }
    events
}

/// A list of pods, as the API server shows their metadata.
fn pods(count: usize) -> String {
    let mut list = String::from(r#"{"metadata":{"resourceVersion":"9"},"items":["#);
    for n in 0..count {
        let comma = if n == 0 { "" } else { "," };
        // Thirty pods to a ReplicaSet.
        let (set, hash) = (n / 30, 1_000_000 + n / 30);
        write!(
            list,
            r#"{comma}{{"metadata":{{"name":"service-{set}-{hash:x}-{n:05x}","namespace":"team-{}","uid":"5b936261-64a5-46cc-8de0-{n:012x}","resourceVersion":"7","labels":{{"app.kubernetes.io/name":"service-{set}","app.kubernetes.io/part-of":"shop","app.kubernetes.io/version":"2026.11.20","pod-template-hash":"{hash:x}"}},"annotations":{{"cni.example.com/podIP":"10.1.{}.{}/32","prometheus.io/scrape":"true"}},"ownerReferences":[{{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"service-{set}-{hash:x}","uid":"aaaaaaaa-64a5-46cc-8de0-{set:012x}","controller":true,"blockOwnerDeletion":true}}]}}}}"#,
            set % 20,
            n / 250 % 250,
            n % 250,
        )
        .expect("a String takes it");
    }
    list.push_str("]}");
    list
}

fn enrich(c: &mut Criterion) {
    let lines = text(EVENTS);
    let mut snapshot = snapshot(everything());
    let events = events(&lines, &mut snapshot);

    let mut group = c.benchmark_group("enrich");
    group.throughput(Throughput::Elements(events.len() as u64));
    group.bench_function("everything", |b| {
        b.iter_batched_ref(
            || events.clone(),
            |events| events.iter_mut().for_each(|event| _ = black_box(snapshot.enrich(event))),
            BatchSize::LargeInput,
        );
    });
    group.bench_function("everything, around each object for the first time", |b| {
        b.iter_batched_ref(
            || (self::snapshot(everything()), events.clone()),
            |(fresh, events)| events.iter_mut().for_each(|event| _ = black_box(fresh.enrich(event))),
            BatchSize::LargeInput,
        );
    });
    let only_labels = EnrichOptions { labels: true, ..EnrichOptions::default() };
    let mut of_labels = self::snapshot(only_labels);
    group.bench_function("labels", |b| {
        b.iter_batched_ref(
            || events.clone(),
            |events| events.iter_mut().for_each(|event| _ = black_box(of_labels.enrich(event))),
            BatchSize::LargeInput,
        );
    });
    group.finish();

    const PODS: usize = 10_000;
    let list = pods(PODS);
    let mut group = c.benchmark_group("enrich");
    group.throughput(Throughput::Elements(PODS as u64));
    group.bench_function("read a list of ten thousand pods", |b| {
        b.iter(|| {
            let mut snapshot = Snapshot::new(everything());
            snapshot.add("v1", "Pod", list.as_bytes()).expect("a list");
            black_box(snapshot.size())
        });
    });
    group.finish();
    let mut large = Snapshot::new(everything());
    large.add("v1", "Pod", list.as_bytes()).expect("a list");
    for (what, (objects, bytes)) in
        [("the recorded cluster", snapshot.size()), ("ten thousand pods", large.size())]
    {
        eprintln_size(what, objects, bytes);
    }
}

#[expect(clippy::print_stderr, reason = "a benchmark tells what it measures")]
fn eprintln_size(what: &str, objects: usize, bytes: usize) {
    eprintln!("{what}: {objects} objects in {bytes} bytes, {} each", bytes / objects.max(1));
}

criterion_group!(benches, enrich);
criterion_main!(benches);
