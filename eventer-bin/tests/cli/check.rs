//! `eventer check`: what it asks, what it leaves alone, and how it ends.

use std::fs;

use eventer_testkit::{FakeDestination, Reply, Resource};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::cluster::cluster;
use crate::process::{eventer, eventer_in, soon};

/// The line of the answer with these parts.
#[track_caller]
fn line<'a>(stdout: &'a str, parts: &[&str]) -> &'a str {
    let found = stdout.lines().find(|line| parts.iter().all(|part| line.contains(part)));
    found.unwrap_or_else(|| panic!("no line with {parts:?} in:\n{stdout}"))
}

#[tokio::test]
async fn it_tells_what_would_run_and_no_secret() {
    let destination = FakeDestination::start().await;
    let pager = format!("--sink=webhook:{}/T0KEN?sink_name=pager&bearer_token=$SECRET", destination.url());
    let flags = ["check", "--source=demo:", &pager, "--sink=log:", "--healthz-port=0", "-v=2"];
    let ended = eventer_in(&flags, &[("SECRET", "s3cr3t")]).await;
    assert_eq!((ended.code, &*ended.stderr), (0, ""), "{}", ended.stdout);
    assert!(ended.stdout.starts_with(
        "WHAT    NAME   KIND     RESULT   DETAIL\n\
         source  demo   demo     planned\n\
         sink    pager  webhook  planned\n\
         sink    log    log      planned\n"
    ));
    assert!(!ended.stdout.contains("T0KEN") && !ended.stdout.contains("s3cr3t"), "{}", ended.stdout);
    assert_eq!(destination.connections(), 0);
}

#[tokio::test]
async fn what_is_wrong_with_the_flags_is_told_as_a_run_tells_it() {
    let sink = "--sink=webhook:http://127.0.0.1/?bearer_token_file=/nowhere/token";
    let ended = eventer(&["check", "--sink=log:?levle=Warning", sink, "--frequency=5", "--conect"]).await;
    assert_eq!((ended.code, &*ended.stdout), (2, ""));
    ended.says(&["--source is missing"]);
    ended.says(&["\"levle\" is not known, did you mean \"level\"?"]);
    ended.says(&["could not read /nowhere/token"]);
    ended.says(&["--frequency takes a duration"]);
    ended.says(&["--conect is not known, did you mean \"--connect\"?"]);
    let ended =
        eventer(&["check", "--source=demo:", "--sink=log:", "--send-test=lgo", "--send-test=x"]).await;
    assert_eq!((ended.code, &*ended.stdout), (2, ""));
    ended.says(&["--send-test: no sink has this name, did you mean \"log\"?"]);
    ended.says(&["--send-test: no sink has this name; there are log"]);
}

#[tokio::test]
async fn an_event_for_standard_output_is_not_mixed_with_json() {
    let flags = ["check", "--source=demo:", "--sink=log:?sink_name=lines", "--send-test=lines"];
    let ended = eventer(&[&flags[..], &["-o", "json"]].concat()).await;
    assert_eq!((ended.code, &*ended.stdout), (2, ""));
    ended.says(&["--send-test: the sink lines (log) writes to standard output", "-o=json"]);
    let ended = eventer(&flags).await;
    assert_eq!((ended.code, &*ended.stderr), (0, ""));
    assert!(ended.stdout.contains("This is a test of eventer"), "{}", ended.stdout);
}

#[tokio::test]
async fn a_recording_that_cannot_be_read_is_told() {
    let ended = eventer(&["check", "--source=replay:/nowhere.jsonl", "--sink=log:", "--connect"]).await;
    assert_eq!(ended.code, 1);
    line(&ended.stdout, &["source", "replay", "failed", "read the recording: /nowhere.jsonl: No such file"]);
    let ended = eventer(&["check", "--source=replay:/", "--sink=log:", "--connect"]).await;
    assert_eq!(ended.code, 1);
    line(&ended.stdout, &["replay", "failed", "read the recording: /: is a directory"]);
}

#[tokio::test]
async fn destinations_are_asked_and_what_to_do_is_told() {
    let (well, refusing) = (FakeDestination::start().await, FakeDestination::start().await);
    refusing.set_default(Reply::status(401));
    let well = format!("--sink=influxdb:{}?sink_name=well", well.url());
    let refuses = format!("--sink=influxdb:{}?sink_name=refuses", refusing.url());
    let ended = eventer(&["check", "--connect", "--source=demo:", &well]).await;
    assert_eq!((ended.code, &*ended.stderr), (0, ""), "{}", ended.stdout);
    line(&ended.stdout, &["well", "ok", "its destination is there"]);

    let hook = "--sink=webhook:http://127.0.0.1/?sink_name=hook";
    let nowhere = "--sink=file:/nowhere/at/all.jsonl";
    let ended = eventer(&["check", "--connect", "--source=demo:", &well, &refuses, hook, nowhere]).await;
    assert_eq!(ended.code, 1);
    ended.says(&["error: not all of it would work"]);
    line(&ended.stdout, &["source", "demo", "unknown", "can be asked nothing"]);
    line(&ended.stdout, &["well", "ok"]);
    line(&ended.stdout, &["refuses", "failed", "401", "see that its credentials are right"]);
    line(&ended.stdout, &["hook", "unknown", "--send-test"]);
    line(&ended.stdout, &["file", "failed", "/nowhere/at does not exist; create it"]);
}

#[tokio::test]
async fn the_api_server_is_asked_what_it_allows() {
    let (server, source) = cluster().await;
    let ended = eventer(&["check", "--connect", &source, "--sink=log:"]).await;
    assert_eq!((ended.code, &*ended.stderr), (0, ""), "{}", ended.stdout);
    line(&ended.stdout, &["source", "kubernetes", "ok", "reach the API server (v"]);
    line(&ended.stdout, &["source", "kubernetes", "ok", "may list and watch events in all namespaces"]);
    assert!(server.requests().iter().all(|request| !request.is_watch()));

    server.forbid(Resource::Events);
    let ended = eventer(&["check", "--connect", &source, "--sink=log:", "-o=json"]).await;
    assert_eq!(ended.code, 1);
    let told: Value = serde_json::from_str(&ended.stdout).unwrap();
    let answers = told["sources"][0]["answers"].as_array().unwrap();
    assert_eq!((&answers[0]["result"], &answers[1]["result"]), (&"ok".into(), &"failed".into()));
    assert!(answers[1]["detail"].as_str().unwrap().contains("apply deploy/20-rbac.yaml"), "{told}");
}

/// Each answers only when both have been asked.
#[tokio::test]
async fn all_are_asked_at_the_same_time() {
    let listeners =
        [TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap()];
    let sink = |index: usize| {
        format!("--sink=influxdb:http://{}?sink_name=s{index}", listeners[index].local_addr().unwrap())
    };
    let sinks = [sink(0), sink(1)];
    let flags = ["check", "--connect", "--source=demo:", &sinks[0], &sinks[1]];
    let answer = async {
        let (a, b) = tokio::join!(listeners[0].accept(), listeners[1].accept());
        for mut stream in [a.unwrap().0, b.unwrap().0] {
            let mut request = [0; 4096];
            assert!(stream.read(&mut request).await.unwrap() > 0);
            stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await.unwrap();
        }
    };
    let (ended, ()) = soon(async { tokio::join!(eventer(&flags), answer) }).await;
    assert_eq!(ended.code, 0, "{}", ended.stdout);
}

#[tokio::test]
async fn a_destination_that_says_nothing_has_the_time_of_its_sink() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sink = format!("--sink=influxdb:http://{}?timeout=100ms", listener.local_addr().unwrap());
    let ended = eventer(&["check", "--connect", "--source=demo:", &sink]).await;
    assert_eq!(ended.code, 1);
    line(&ended.stdout, &["influxdb", "failed", "no answer within 100ms"]);
}

#[tokio::test]
async fn a_file_is_left_as_it_is_and_none_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    // Full, half written, and with more of the past than is kept.
    fs::write(path("full.jsonl"), "x".repeat(4096)).unwrap();
    fs::write(path("full.jsonl.20260101T000000.000Z"), "old\n").unwrap();
    fs::write(path("full.jsonl.20260102T000000.000Z"), "old\n").unwrap();
    let listing = || {
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                (entry.file_name(), entry.metadata().unwrap().len())
            })
            .collect();
        names.sort();
        names
    };
    let before = listing();
    let full = format!("--sink=file:{}?rotate_size=1Ki&keep=1&sink_name=full", path("full.jsonl").display());
    let new = format!("--sink=file:{}?sink_name=new", path("new.jsonl").display());
    let ended = eventer(&["check", "--connect", "--source=demo:", &full, &new]).await;
    assert_eq!((ended.code, &*ended.stderr), (0, ""), "{}", ended.stdout);
    line(&ended.stdout, &["full", "ok"]);
    line(&ended.stdout, &["new", "ok"]);
    assert_eq!(listing(), before);
}

#[tokio::test]
async fn a_test_is_delivered_whatever_the_filters_say() {
    let destination = FakeDestination::start().await;
    let sink = |name: &str| {
        format!("--sink=webhook:{}/{name}?method=POST&level=Warning&sink_name={name}", destination.url())
    };
    let (pager, other) = (sink("pager"), sink("other"));
    let ended =
        eventer(&["check", "--source=demo:", &pager, &other, "--send-test=pager", "--cluster-name=c"]).await;
    assert_eq!((ended.code, &*ended.stderr), (0, ""), "{}", ended.stdout);
    line(&ended.stdout, &["pager", "ok", "the test event (EventerTest) is delivered"]);
    line(&ended.stdout, &["other", "planned"]);
    let requests = destination.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].path, "/pager");
    let body = requests[0].text();
    assert!(body.contains("EventerTest") && body.contains("This is a test of eventer"), "{body}");

    destination.set_default(Reply::status(400));
    let ended = eventer(&["check", "--source=demo:", &pager, "--send-test=pager", "-o=json"]).await;
    assert_eq!(ended.code, 1);
    let told: Value = serde_json::from_str(&ended.stdout).unwrap();
    let answer = &told["sinks"][0]["answers"][0];
    assert_eq!(answer["result"], "failed");
    let detail = answer["detail"].as_str().unwrap();
    assert!(detail.starts_with("the test event is not delivered: ") && detail.contains("400"), "{detail}");
    assert_eq!(destination.count(), 2, "it is tried once");
}
