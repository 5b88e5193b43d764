//! `eventer convert`: what it reads, what it writes, and what scripts see of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::process::eventer;

/// A receiver that can be taken over.
const KEPT: &str = "receivers:\n- {name: a, slack: {token: \"${TOKEN}\", channel: '#a', message: m}}\nroute: {match: [{receiver: a}]}\n";
/// The same, and another one that cannot.
const LOST: &str = "receivers:\n- {name: a, slack: {token: \"${TOKEN}\", channel: '#a', message: m}}\n- {name: b, loki: {}}\nroute: {match: [{receiver: a}, {receiver: b}]}\n";
/// A receiver with a secret.
const SECRET: &str = "receivers: [{name: a, slack: {token: xoxb-hunter2, channel: '#a', message: m}}]\nroute: {match: [{receiver: a}]}\n";
/// A receiver whose template cannot be used here.
const REFUSED: &str = "receivers: [{name: a, slack: {token: \"${TOKEN}\", channel: '#a', message: '{{ env \"HOME\" }}'}}]\nroute: {match: [{receiver: a}]}\n";

/// Writes a file into the directory, and gives its path.
fn file(directory: &Path, name: &str, content: &str) -> String {
    let path = directory.join(name);
    fs::write(&path, content).unwrap();
    path.display().to_string()
}

#[tokio::test]
async fn without_output_the_config_is_printed_and_the_report_stands_apart() {
    let directory = tempfile::tempdir().unwrap();
    let config = file(directory.path(), "config.yaml", KEPT);
    let ended = eventer(&["convert", "kubernetes-event-exporter", &config]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("- kind: slack\n    sink_name: a\n"), "{}", ended.stdout);
    assert!(ended.stderr.starts_with("## Differs\n"), "{}", ended.stderr);
}

#[tokio::test]
async fn what_could_not_be_taken_over_is_an_exit_code() {
    let directory = tempfile::tempdir().unwrap();
    let config = file(directory.path(), "config.yaml", LOST);
    let ended = eventer(&["convert", "kubernetes-event-exporter", &config]).await;
    assert_eq!(ended.code, 1);
    assert!(ended.stdout.contains("- kind: slack\n"), "{}", ended.stdout);
    assert!(ended.stderr.contains("`receivers.b`: there is no sink loki yet"), "{}", ended.stderr);
}

#[tokio::test]
async fn what_eventer_does_not_take_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let config = file(directory.path(), "config.yaml", REFUSED);
    let ended = eventer(&["convert", "kubernetes-event-exporter", &config]).await;
    assert_eq!(ended.code, 1);
    let told = "eventer.yaml:9: sinks[0] (slack): option \"text\": ";
    assert!(
        ended.stderr.contains(told) && ended.stderr.contains("the function env is not offered"),
        "{}",
        ended.stderr
    );
}

#[tokio::test]
async fn files_are_written_once_and_the_secret_is_nobody_elses() {
    let directory = tempfile::tempdir().unwrap();
    let config = file(directory.path(), "config.yaml", SECRET);
    let out = directory.path().join("out");
    let output = format!("--output={}", out.display());
    let arguments = ["convert", "kubernetes-event-exporter", &config, &output];
    let ended = eventer(&arguments).await;
    assert_eq!((ended.code, &*ended.stdout), (0, ""), "{}", ended.stderr);
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    let secret = out.join("secret.yaml");
    assert_eq!(fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(&secret).unwrap().contains("xoxb-hunter2"));
    let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
    assert!(read("eventer.yaml").contains("token_file: /etc/eventer/secrets/a-token"));
    assert!(read("report.md").starts_with("# From kubernetes-event-exporter to eventer\n\n## Differs\n"));

    file(directory.path(), "config.yaml", KEPT);
    let again = eventer(&arguments).await;
    assert_eq!(again.code, 2);
    assert!(again.stderr.contains("eventer.yaml exists; --force replaces it"), "{}", again.stderr);
    assert!(read("eventer.yaml").contains("token_file"));
    let forced = eventer(&[&arguments[..], &["--force"]].concat()).await;
    assert_eq!(forced.code, 0, "{}", forced.stderr);
    assert!(read("eventer.yaml").contains("token: ${TOKEN}"));
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_line_and_nothing_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let config = file(directory.path(), "config.yaml", "route: {}\nreceivers: [hunter2\n");
    let output = format!("--output={}", directory.path().join("out").display());
    let ended = eventer(&["convert", "kubernetes-event-exporter", &config, &output]).await;
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.starts_with("error: ") && ended.stderr.contains("config.yaml:"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    assert!(!directory.path().join("out").exists());
    let ended = eventer(&["convert", "kubernetes-event-exporter", "/does/not/exist"]).await;
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.starts_with("error: could not read /does/not/exist: "), "{}", ended.stderr);
}

#[tokio::test]
async fn a_command_that_is_not_whole_is_told() {
    let ended = eventer(&["convert"]).await;
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("kubernetes-event-exporter or kube-eventer"), "{}", ended.stderr);
    assert!(ended.stderr.contains("which file to read"), "{}", ended.stderr);
    let ended = eventer(&["convert", "kube-eventer", "-", "--output"]).await;
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("--output needs a value"), "{}", ended.stderr);
    let ended = eventer(&["convert", "kube-eventer", "-"]).await;
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.starts_with("error: standard input: no flags of kube-eventer"), "{}", ended.stderr);
    let help = eventer(&["convert", "--help"]).await;
    assert_eq!(help.code, 0);
    assert!(help.stdout.contains("eventer convert TOOL FILE"), "{}", help.stdout);
}
