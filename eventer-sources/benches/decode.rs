//! How fast a core turns the bytes of a watch into events: recorded lines, as they come in chunks from a socket.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use eventer_sources::kubernetes::{Decoder, Line, Lines, Stamp};

const RECORDED: &str = include_str!("../testdata/watch-core-v1.jsonl");
/// The usual read of a socket.
const CHUNK: usize = 64 * 1024;

fn decode(c: &mut Criterion) {
    let lines: Vec<&[u8]> = RECORDED.lines().map(str::as_bytes).collect();
    let stamp = Stamp::default();
    let mut decoder = Decoder::default();

    let mut group = c.benchmark_group("watch");
    group.throughput(Throughput::Elements(lines.len() as u64));
    group.bench_function("decode", |b| {
        b.iter(|| {
            for line in &lines {
                black_box(decoder.decode(line, &stamp).expect("it was recorded"));
            }
        });
    });

    let recorded = Bytes::from_static(RECORDED.as_bytes());
    let chunks: Vec<Bytes> = (0..recorded.len())
        .step_by(CHUNK)
        .map(|at| recorded.slice(at..recorded.len().min(at + CHUNK)))
        .collect();
    group.bench_function("split and decode", |b| {
        b.iter(|| {
            let mut splitter = Lines::new(1 << 22);
            for chunk in &chunks {
                splitter.push(chunk.clone());
                while let Some(line) = splitter.next_line() {
                    let Line::Whole(line) = line else { unreachable!("no line is too long") };
                    black_box(decoder.decode(line, &stamp).expect("it was recorded"));
                }
            }
        });
    });
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
