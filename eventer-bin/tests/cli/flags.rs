//! What the program says of its command line before it opens anything.

use crate::listing::built_in;
use crate::process::{Ended, eventer, eventer_in};

#[track_caller]
fn assert_refused(ended: &Ended) {
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
}

#[tokio::test]
async fn help_and_version_end_well() {
    for help in ["-h", "-help", "--help"] {
        let ended = eventer(&[help]).await;
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
        assert!(
            ended.stdout.contains("--source=<URI>") && ended.stdout.contains("--healthz-port"),
            "{}",
            ended.stdout
        );
    }
    let ended = eventer(&["-version"]).await;
    assert_eq!(ended.code, 0);
    assert!(ended.stdout.starts_with(concat!("eventer version: ", env!("CARGO_PKG_VERSION"), " commit: ")));
}

#[tokio::test]
async fn every_mistake_of_every_flag_is_told_at_once() {
    let ended = eventer(&[
        "--source=kubernets:",
        "--source=kubernetes:?inClusterConfig=maybe",
        "--sink=webhok:http://127.0.0.1",
        "--sink=webhook:http://127.0.0.1?levle=Warning&timeout=5",
        "--sink=file:/tmp/x?level=warnig",
        "--sink=log:?format=xml",
        "--sink=log:?x=$NOT_DEFINED",
        "--sink=kafak:?brokers=b:9092",
        "--frequency=5",
        "--healthz-port=99999",
        "--frequncy=5s",
    ])
    .await;
    assert_refused(&ended);
    for parts in [
        ["--source=kubernets", "did you mean \"kubernetes\"?"],
        ["--source=kubernetes", "option \"inClusterConfig\""],
        ["--sink=webhok", "did you mean \"webhook\"?"],
        ["--sink=webhook", "option \"levle\" is not known, did you mean \"level\"?"],
        ["--sink=webhook", "option \"timeout\": \"5\" is not a duration"],
        ["--sink=file", "option \"level\""],
        ["--sink=log", "option \"format\""],
        ["--sink=log", "$NOT_DEFINED"],
        ["--sink=kafak", "known are"],
        ["--frequency", "a duration from 10ms to 3m"],
        ["--healthz-port", "a port"],
        ["--frequncy", "did you mean \"--frequency\"?"],
    ] {
        ended.says(&parts);
    }
    let mistakes = ended.stderr.lines().filter(|line| line.starts_with("error: ")).count();
    assert_eq!(mistakes, 12, "{}", ended.stderr);
}

#[tokio::test]
async fn names_that_are_given_twice_are_told_among_the_others() {
    let ended = eventer(&[
        "--source=demo:?source_name=a",
        "--source=demo:?source_name=a",
        "--sink=log:",
        "--sink=webhook:http://127.0.0.1?sink_name=log",
        "--frequency=5",
    ])
    .await;
    assert_refused(&ended);
    ended.says(&["error: --frequency"]);
    ended.says(&["error: --source: ", "two are called \"a\""]);
    ended.says(&["error: --sink: ", "two are called \"log\""]);
    assert!(!ended.stderr.contains("eventer starts"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_sink_of_kube_eventers_that_is_not_there_is_no_slip() {
    let kinds = [
        "dingtalk",
        "elasticsearch",
        "eventbridge",
        "honeycomb",
        "influxdb",
        "kafka",
        "mongo",
        "mysql",
        "riemann",
        "sls",
        "wechat",
    ];
    let there: Vec<&str> = built_in().sinks().map(|spec| spec.kind).collect();
    for kind in kinds.into_iter().filter(|kind| !there.contains(kind)) {
        let ended =
            eventer(&["--source=demo:", &format!("--sink={kind}:https://h/hunter2?token=hunter2")]).await;
        assert_refused(&ended);
        ended.says(&[
            &format!("error: --sink={kind} is a sink of kube-eventer's that this build does not support"),
            &format!("it supports {}", there.join(", ")),
        ]);
        let ended = eventer(&["sinks", kind]).await;
        assert_refused(&ended);
        ended.says(&[kind, "this build does not support"]);
    }
}

#[tokio::test]
async fn a_bare_url_is_told_to_be_a_webhook() {
    for kind in ["http", "https"] {
        let ended = eventer(&["--source=demo:", &format!("--sink={kind}://h/hunter2")]).await;
        assert_refused(&ended);
        ended.says(&[&format!("error: --sink={kind} is not known"), &format!("--sink=webhook:{kind}://…")]);
        assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn no_source_is_refused_with_what_to_do() {
    let ended = eventer(&["--sink=log:"]).await;
    assert_refused(&ended);
    ended.says(&["--source is missing", "--source=kubernetes:"]);
}

#[tokio::test]
async fn no_mistake_shows_a_secret() {
    for arguments in [
        &["--source=demo:", "--sink=webhok:http://u:hunter2@h/hunter2?token=hunter2"][..],
        &["--source=demo:", "--sink=webhook:http://h/hunter2?header=Authorization=hunter2&levle=hunter2"],
        &["--source=demo:", "--sink=webhook:hunter2"],
        &["--source=demo:", "--sink=http//hunter2"],
        &["--source=demo:", "--sink", "webhook:http://h", "?token=hunter2"],
        &["--source=demo:", "--snik=webhook:http://h/hunter2"],
        &["--source=demo:", "--frequency", "webhook:http://h/hunter2"],
        &["sinks", "webhok:http://h/hunter2"],
    ] {
        let ended = eventer(arguments).await;
        assert_refused(&ended);
        assert!(!ended.stderr.contains("hunter2"), "{arguments:?}: {}", ended.stderr);
    }
}

#[tokio::test]
async fn variables_come_from_the_environment() {
    let arguments = ["--source=demo:", "--sink=log:?format=$FORMAT"];
    let ended = eventer_in(&arguments, &[("FORMAT", "xml")]).await;
    assert_refused(&ended);
    ended.says(&["option \"format\""]);
}
