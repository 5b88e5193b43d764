//! What a flag points at instead of saying it: files, variables, ConfigMaps.

use eventer_testkit::FakeDestination;

use crate::cluster::{cluster, happen};
use crate::process::{Ended, Running, eventer, eventer_in, soon};

#[track_caller]
fn assert_refused(ended: &Ended, mistakes: usize) {
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    let told = ended.stderr.lines().filter(|line| line.starts_with("error: ")).count();
    assert_eq!(told, mistakes, "{}", ended.stderr);
    assert!(
        !ended.stderr.contains("eventer starts") && !ended.stderr.contains("hunter2"),
        "{}",
        ended.stderr
    );
}

#[tokio::test]
async fn every_file_that_cannot_be_used_is_told_among_the_other_mistakes() {
    let folder = tempfile::tempdir().unwrap();
    let [empty, text] = ["empty", "text"].map(|name| folder.path().join(name).display().to_string());
    std::fs::write(&empty, "\n").unwrap();
    std::fs::write(&text, "hunter2").unwrap();
    let ended = eventer(&[
        "--source=demo:",
        &format!("--sink=webhook:http://h?ca_file={text}&header_file={empty}&sink_name=a"),
        "--sink=webhook:?url_file=/nowhere/url&sink_name=b",
        "--sink=log:?format=xml",
        "--frequency=5",
    ])
    .await;
    assert_refused(&ended, 5);
    ended.says(&["error: --sink=webhook: option \"ca_file\"", &text]);
    ended.says(&["error: --sink=webhook: option \"header_file\"", &empty, "it is empty"]);
    ended.says(&["error: --sink=webhook: option \"url_file\"", "could not read /nowhere/url: No such file"]);
    ended.says(&["error: --sink=log: option \"format\""]);
    ended.says(&["error: --frequency"]);
}

#[tokio::test]
async fn an_option_has_a_variable_of_its_own() {
    let arguments = ["--source=kubernets:", "--sink=slack:?channel=C0123456789"];
    let ended = eventer(&arguments).await;
    assert_refused(&ended, 2);
    ended.says(&["error: --sink=slack", "SLACK_TOKEN"]);
    let ended = eventer_in(&arguments, &[("SLACK_TOKEN", "xoxb-hunter2")]).await;
    assert_refused(&ended, 1);
    ended.says(&["did you mean \"kubernetes\"?"]);
}

#[tokio::test]
async fn a_config_map_needs_a_source_that_speaks_to_a_cluster() {
    let sink = "--sink=webhook:http://h?custom_body_configmap=body";
    let ended = eventer(&["--source=demo:", "--source=replay:-", sink, "--sink=log:?levle=x"]).await;
    assert_refused(&ended, 2);
    ended.says(&[
        "error: --sink=webhook: option \"custom_body_configmap\": no source speaks to a cluster",
        "add --source=kubernetes:",
    ]);
    // What a source would be that cannot be understood, nobody knows.
    let ended = eventer(&["--source=kubernets:", sink]).await;
    assert_refused(&ended, 1);
    ended.says(&["did you mean \"kubernetes\"?"]);
}

#[tokio::test]
async fn a_body_comes_from_a_config_map_and_changes_with_it() {
    let (server, source) = cluster().await;
    server.set_configmap("shop", "body", &[("content", "{\"first\":\"{{ .Reason }}\"}")]);
    let destination = FakeDestination::start().await;
    let sink = format!(
        "--sink=webhook:{}/?method=POST&custom_body_configmap=body&custom_body_configmap_namespace=shop",
        destination.url()
    );
    let mut running = Running::start(&["--source=demo:?rate=20/s", &source, &sink, "--frequency=10ms"]);
    running.logs("the text is read").await;
    soon(sent(&destination, b"{\"first\":\"")).await;
    server.set_configmap("shop", "body", &[("content", "{\"second\":\"{{ .Reason }}\"}")]);
    soon(sent(&destination, b"{\"second\":\"")).await;
}

/// Waits for a body that begins so.
async fn sent(destination: &FakeDestination, begin: &[u8]) {
    while !destination.requests().iter().any(|request| request.body.starts_with(begin)) {
        destination.wait_for(destination.count() + 1).await;
    }
}

#[tokio::test]
async fn a_token_comes_from_a_file_and_a_url_too() {
    let folder = tempfile::tempdir().unwrap();
    let [url, header] = ["url", "header"].map(|name| folder.path().join(name).display().to_string());
    let destination = FakeDestination::start().await;
    std::fs::write(&url, format!("{}/hook\n", destination.url())).unwrap();
    std::fs::write(&header, "Authorization=Bearer abc\n").unwrap();
    let (server, source) = cluster().await;
    let sink = format!("--sink=webhook:?url_file={url}&header_file={header}&level=Normal");
    let _running = Running::start(&[&source, &sink, "--frequency=10ms"]);
    happen(&server).await;
    let requests = soon(destination.wait_for(1)).await;
    assert_eq!(
        (requests[0].path.as_str(), requests[0].header("authorization")),
        ("/hook", Some("Bearer abc"))
    );
}
