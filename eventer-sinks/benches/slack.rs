//! What a message to Slack costs an event: by default, with a link, in the user's own words, and cut to Slack's limits.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use eventer_core::{ComponentUri, Event, SinkConfig, SinkContext, UriReader};
use eventer_sinks::slack::{SlackConfig, SlackSink};

const EVENT: &str = include_str!("../testdata/input-2-warning-backoff.json");

async fn sink(options: &str) -> SlackSink {
    let uri = format!("slack:?token=xoxb-1&channel=C1&{options}");
    let uri = ComponentUri::parse("--sink", &uri, &()).expect("it is a URI");
    let mut reader = UriReader::new("--sink", &uri, &SlackConfig::SPEC, &[]);
    let config = SlackConfig::from_uri(&mut reader).expect("it is a slack sink's");
    config.build(&SinkContext::new("slack")).await.expect("nothing has to be up")
}

fn message(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("there is memory left");
    let event: Event = serde_json::from_str(EVENT).expect("it is an event");
    let mut long = event.clone();
    long.message = long.message.repeat(1000);
    let mut group = c.benchmark_group("slack");
    group.throughput(Throughput::Elements(1));
    for (name, options, event) in [
        ("default", "", &event),
        ("cut", "", &long),
        ("link", "link=https://grafana.example.com/d/pods?var-pod={{ .InvolvedObject.Name }}", &event),
        ("text", "text=*{{ .Reason }}* {{ .InvolvedObject.Name }}: {{ .Message }}", &event),
    ] {
        let sink = runtime.block_on(sink(options));
        group.bench_function(name, |bencher| {
            bencher.iter(|| sink.message(black_box(event)).expect("there is something to say"));
        });
    }
    group.finish();
}

criterion_group!(benches, message);
criterion_main!(benches);
