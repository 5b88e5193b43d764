//! What the bodies of chat messages cost an event: DingTalk's in both forms, and WeCom's for one user.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use eventer_core::Event;
use eventer_sinks::{dingtalk, wechat};
use jiff::tz::TimeZone;

const EVENT: &str = include_str!("../testdata/input-2-warning-backoff.json");

fn encode(c: &mut Criterion) {
    let event: Event = serde_json::from_str(EVENT).expect("it is an event");
    let mut long = event.clone();
    long.message = long.message.repeat(1000);
    let labels: Vec<String> = ["cluster-a", "idc-1"].map(str::to_owned).into();
    let zone = TimeZone::UTC;
    let mut group = c.benchmark_group("chat");
    group.throughput(Throughput::Elements(1));

    for (name, message_type) in [
        ("dingtalk text", dingtalk::MessageType::Text),
        ("dingtalk markdown", dingtalk::MessageType::Markdown),
    ] {
        let form = dingtalk::Form {
            message_type,
            labels: labels.clone(),
            cluster_id: "c123".to_owned(),
            region: "cn-hangzhou".to_owned(),
        };
        group.bench_function(name, |bencher| bencher.iter(|| form.body(black_box(&event), &zone)));
        group.bench_function(format!("{name}, cut"), |bencher| {
            bencher.iter(|| form.body(black_box(&long), &zone));
        });
    }
    let form = wechat::Form { agent_id: 1_000_012, labels };
    for (name, event) in [("wechat", &event), ("wechat, cut", &long)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| form.body("zhangsan", &form.content(black_box(event), &zone)));
        });
    }
    group.finish();
}

criterion_group!(benches, encode);
criterion_main!(benches);
