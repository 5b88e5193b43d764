//! What the journal on disk costs: taking batches in, reading them back, and opening it with a million events in it.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use eventer_core::storage::{Backing, Storage as _};
use eventer_core::testing::event;
use eventer_core::{Event, EventBatch, StateDirectory, SystemClock};
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

const BATCH: u64 = 1000;

/// Events of the size that clusters write, about a kilobyte of JSON.
fn batch() -> EventBatch {
    let events = (0..BATCH).map(|n| {
        let plain = event(usize::try_from(n).expect("it is small"));
        let message = format!(
            "{}: Back-off restarting failed container web in pod web-{n}_prod(7d1e8f3c-52a4-4a35-9d0e-3f3a{n:08}), {}",
            plain.message,
            "the last state was terminated with exit code 137 ".repeat(6)
        );
        Arc::new(Event { message, ..plain })
    });
    EventBatch::new("bench", Timestamp::UNIX_EPOCH, events.collect())
}

fn open(runtime: &Runtime, directory: &TempDir) -> Arc<dyn Backing> {
    let storage = StateDirectory::new(directory.path(), Arc::new(SystemClock));
    runtime.block_on(storage.open()).expect("the directory is ours").0
}

fn fill(runtime: &Runtime, backing: &Arc<dyn Backing>, batches: u64) {
    let batch = batch();
    for n in 0..batches {
        assert!(runtime.block_on(backing.append(n * BATCH, batch.clone())));
    }
}

fn disk(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    let folder = || tempfile::tempdir().expect("there is room for a directory");
    let mut group = criterion.benchmark_group("disk");
    group.sample_size(10);

    group.throughput(Throughput::Elements(100 * BATCH));
    group.bench_function("append 100 batches of 1000 events", |bencher| {
        bencher.iter_batched(
            || {
                let directory = folder();
                (open(&runtime, &directory), directory)
            },
            |(backing, directory)| {
                fill(&runtime, &backing, 100);
                (backing, directory)
            },
            BatchSize::PerIteration,
        );
    });

    let directory = folder();
    let backing = open(&runtime, &directory);
    fill(&runtime, &backing, 1000);
    group.throughput(Throughput::Elements(BATCH));
    group.bench_function("read back 1000 of a million events", |bencher| {
        let mut from = 0;
        bencher.iter(|| {
            from = (from + BATCH) % (1000 * BATCH);
            let loaded = runtime.block_on(backing.load(from, u64::MAX >> 1, BATCH));
            black_box(loaded.expect("the file can be read"))
        });
    });
    drop(backing);
    group.throughput(Throughput::Elements(1));
    group.bench_function("open with a million events", |bencher| {
        bencher.iter(|| open(&runtime, &directory));
    });
    group.finish();
}

criterion_group!(benches, disk);
criterion_main!(benches);
