//! What the bodies of `webhook` cost an event: kube-eventer's default one, templates, and several in one request.

// These modules belong to the crate alone, so they are built into this program once more.
#[allow(dead_code, unreachable_pub, unused, reason = "it is no library here, and not all of it is used")]
#[path = "../src/webhook/encode.rs"]
mod encode;
#[allow(unreachable_pub, unused, reason = "it is no library here, and its tests are not run")]
#[path = "../src/template/mod.rs"]
mod template;
#[allow(dead_code, unreachable_pub, unused, reason = "it is no library here, and not all of it is used")]
#[path = "../src/webhook/template.rs"]
mod webhook_template;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use eventer_core::Event;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use template::Escaping;
use webhook_template::{BodyTemplate, Form};

const EVENT: &str = include_str!("../testdata/input-2-warning-backoff.json");

/// The templates of the page: the whole event, a Teams card and an alert.
const TEMPLATES: [(&str, &str); 3] = [
    ("template/event", "{{ toJson . }}"),
    (
        "template/fields",
        "{\"reason\": \"{{ .Reason }}\", \"object\": \"{{ .InvolvedObject.Namespace }}/{{ .InvolvedObject.Name }}\", \
         \"text\": \"{{ .Message }}\", \"count\": {{ .Count }}}",
    ),
    (
        "template/functions",
        "{\"color\": \"{{ if eq .Type \"Warning\" }}red{{ else }}green{{ end }}\", \"type\": \"{{ lower .Type }}\", \
         \"text\": \"{{ .Message | trunc 100 }}\", \
         \"at\": \"{{ .LastTimestamp.Format \"2006-01-02T15:04:05Z07:00\" }}\"}",
    ),
];

/// Events of a batch that goes in one request.
const EVENTS: usize = 1000;

fn bodies(c: &mut Criterion) {
    let event: Event = serde_json::from_str(EVENT).expect("it is an event");
    let mut group = c.benchmark_group("webhook");
    group.throughput(Throughput::Elements(1));
    group.bench_function("default", |bencher| {
        bencher.iter(|| encode::default_body(black_box(&event), &TimeZone::UTC));
    });
    for (name, text) in TEMPLATES {
        let template = BodyTemplate::parse(text, Form::Strict).expect("it is a template that gives JSON");
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                template.render(black_box(&event), &TimeZone::UTC, Timestamp::UNIX_EPOCH, Escaping::None)
            });
        });
    }
    let texts = vec![encode::default_body(&event, &TimeZone::UTC); EVENTS];
    group.throughput(Throughput::Elements(EVENTS as u64));
    group.bench_function("array", |bencher| bencher.iter(|| encode::array(black_box(&texts))));
    group.bench_function("ndjson", |bencher| bencher.iter(|| encode::ndjson(black_box(&texts))));
    group.finish();
}

criterion_group!(benches, bodies);
criterion_main!(benches);
