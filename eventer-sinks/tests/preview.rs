//! What each kind of sink shows of a delivery, byte for byte (`testdata/preview/`). That it is what arrives, the conformance
//! kit asks of each of them.
//!
//! The ignored test writes the files anew.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use eventer_core::{ComponentUri, Event, EventBatch, Registry, SinkContext, report};

/// The name of a file, and the sink that is shown in it.
const CASES: [(&str, &str); 12] = [
    (
        "dingtalk",
        "dingtalk:https://oapi.dingtalk.com/robot/send?access_token=hunter2&sign=hunter3&label=east",
    ),
    ("file", "file:/nowhere/events.jsonl"),
    ("influxdb", "influxdb:http://influxdb:8086?pw=hunter2&withfields=true&withcount=true"),
    ("log", "log:"),
    (
        "log-layout",
        r#"log:?layout={"id": "{{ .ID }}", "n": "{{ .Count }}", "text": "{{ .Reason }}: {{ .Message }}"}"#,
    ),
    ("log-logfmt", "log:?format=logfmt"),
    ("slack", "slack:?token=hunter2&channel=%23{{ .InvolvedObject.Namespace }}-alerts"),
    ("webhook", "webhook:https://user:hunter2@hooks.example.com/hunter3?key=hunter4&header=X-Key=hunter5"),
    ("webhook-array", "webhook:https://hooks.example.com/hunter2?batch=array&method=POST"),
    (
        "webhook-layout",
        r#"webhook:http://hooks.example.com?method=PUT&layout={"object": "{{ .InvolvedObject }}"}"#,
    ),
    ("webhook-template", "webhook:?url_file=/etc/eventer/url&template={{ .Type }}: {{ .Message }}"),
    ("wechat", "wechat:?corp_id=ww01&corp_secret=hunter2&agent_id=1000012&to_user=zhangsan,lisi"),
];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/preview").join(name).with_extension("txt")
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    eventer_sinks::register_all(&mut registry);
    registry
}

async fn preview(uri: &str) -> Result<Option<String>, String> {
    let inputs = [
        include_str!("../testdata/input-2-warning-backoff.json"),
        include_str!("../testdata/template/enriched.json"),
    ];
    let events = inputs.map(|json| Arc::new(serde_json::from_str::<Event>(json).unwrap()));
    let batch = EventBatch::new("test", "2024-05-06T07:09:00Z".parse().unwrap(), events.into());
    let plan = registry().plan_sink(&ComponentUri::parse("--sink", uri, &()).unwrap()).unwrap();
    plan.preview(&batch, &SinkContext::new("shown")).await.map_err(|error| report(&error))
}

#[tokio::test]
async fn each_sink_shows_what_it_delivers() {
    for (name, uri) in CASES {
        let shown = preview(uri).await.unwrap().unwrap();
        assert_eq!(shown, std::fs::read_to_string(golden(name)).unwrap(), "{name}");
        assert!(!shown.contains("hunter"), "{name} shows a secret");
    }
}

#[tokio::test]
async fn no_kind_is_left_out() {
    for spec in registry().sinks().filter(|spec| spec.kind != "kafka") {
        assert!(CASES.iter().any(|(_, uri)| uri.starts_with(&format!("{}:", spec.kind))), "{}", spec.kind);
    }
}

#[tokio::test]
#[ignore = "writes the files"]
async fn write_the_previews() {
    for (name, uri) in CASES {
        std::fs::write(golden(name), preview(uri).await.unwrap().unwrap()).unwrap();
    }
}

#[tokio::test]
async fn what_cannot_be_shown_says_why() {
    for (uri, expected) in [
        (
            "webhook:http://h?custom_body_configmap=body",
            "could not read the template in key \"content\" of ConfigMap default/body: it is in the cluster, which is not asked for a preview",
        ),
        ("webhook:http://h?template_file=/nowhere/body", "could not use the template in /nowhere/body: "),
        (
            r#"log:?layout="{{ index .Finalizers 1 }}""#,
            "could not make the line of an event: layout: template, line 1, column 4: index: ",
        ),
        ("webhook:http://h?template={{ fail .Reason }}", "could not make the body of an event: "),
        (
            "slack:http://h?text={{ fail .Reason }}",
            "could not make the message of an event: text= could not be rendered: ",
        ),
    ] {
        let error = preview(uri).await.unwrap_err();
        assert!(error.starts_with(expected), "{uri}: {error}");
    }
}
