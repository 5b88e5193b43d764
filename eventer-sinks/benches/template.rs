//! What a template or a layout costs an event.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use eventer_core::Event;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use layout::Layout;
use template::{Escaping, Scope, Template};

// The modules are the crate's own: no user of the crate renders with them.
#[path = "../src/layout/mod.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "here it is not part of its crate, and its tests are not run"
)]
mod layout;
#[path = "../src/template/mod.rs"]
#[allow(unreachable_pub, reason = "here it is not part of its crate")]
mod template;

const EVENT: &str = include_str!("../testdata/input-2-warning-backoff.json");

const KUBE_EVENTER: &str = r#"
{
	"EventType": "{{ .Type }}",
	"EventKind": "{{ .InvolvedObject.Kind }}",
	"EventReason": "{{ .Reason }}",
	"EventTime": "{{ .LastTimestamp }}",
	"EventMessage": "{{ .Message }}"
}"#;

const CHAT: &str = r#"{
  "attachments": [{
    "color": "{{ if eq .Type "Warning" }}#d29922{{ else }}#3fb950{{ end }}",
    "title": {{ printf "%s %s/%s" .InvolvedObject.Kind .InvolvedObject.Namespace .InvolvedObject.Name | toJson }},
    "text": {{ .Message | trunc 300 | toJson }},
    "fields": [
      {"title": "Reason", "value": "{{ .Reason }}", "short": true},
      {"title": "Count", "value": "{{ default 1 .Count }}", "short": true},
      {"title": "Node", "value": "{{ .Source.Host | default "-" }}", "short": true}
      {{- with .Labels.app }}, {"title": "App", "value": "{{ . }}"}{{ end }}
      {{- if regexMatch "(?i)back-?off" .Message }}, {"title": "Hint", "value": "see its logs"}{{ end }}
    ],
    "footer": "{{ .Cluster | default "cluster" | upper }} at {{ .LastTimestamp.UTC.Format "2006-01-02T15:04:05Z07:00" }}",
    "ts": {{ .LastTimestamp.Unix }}
  }]
}"#;

const TOPIC: &str = "events.{{ .InvolvedObject.Namespace | default \"cluster\" }}";

const LAYOUT: &str = r#"{
  "id": "{{ .ID }}",
  "at": "{{ .LastSeen }}",
  "severity": "{{ lower .Type }}",
  "count": "{{ .Count }}",
  "title": "{{ .Reason }}: {{ .InvolvedObject.Kind }} {{ .InvolvedObject.Namespace }}/{{ .InvolvedObject.Name }}",
  "text": "{{ .Message }}",
  "object": {"labels": "{{ .InvolvedObject.Labels }}", "node": "{{ .Source.Host }}"},
  "tags": ["k8s", "{{ .Reason }}", "{{ .ClusterName }}"],
  "version": 2
}"#;

fn render(c: &mut Criterion) {
    let event: Event = serde_json::from_str(EVENT).expect("it is an event");
    let mut group = c.benchmark_group("template");
    group.throughput(Throughput::Elements(1));
    for (name, text, escaping) in [
        ("kube-eventer", KUBE_EVENTER, Escaping::Json),
        ("chat", CHAT, Escaping::Json),
        ("topic", TOPIC, Escaping::None),
    ] {
        let template = Template::parse(text).expect("it is a template");
        let scope = Scope { time_zone: &TimeZone::UTC, now: Timestamp::UNIX_EPOCH, escaping };
        group.bench_function(name, |bencher| {
            bencher.iter(|| template.render(black_box(&event), &scope).expect("it can be rendered"));
        });
    }
    group.finish();
}

fn lay_out(c: &mut Criterion) {
    let event: Event = serde_json::from_str(EVENT).expect("it is an event");
    let mut group = c.benchmark_group("layout");
    group.throughput(Throughput::Elements(1));
    for (name, text) in
        [("usual", LAYOUT), ("whole event", r#""{{ . }}""#), ("exported", r#""{{ .ToJSON }}""#)]
    {
        let layout = Layout::parse(text).expect("it is a layout");
        let mut out = Vec::new();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                out.clear();
                let written =
                    layout.write(black_box(&event), &TimeZone::UTC, Timestamp::UNIX_EPOCH, &mut out);
                written.expect("it can be written");
            });
        });
    }
    group.bench_function("serde, for comparison", |bencher| {
        bencher.iter(|| serde_json::to_string(black_box(&event)).expect("it is JSON"));
    });
    group.finish();
}

criterion_group!(benches, render, lay_out);
criterion_main!(benches);
