//! `eventer tail`: what is shown of a cluster and of a recording, and how it ends.

use std::io::Write;

use eventer_testkit::{FakeApiServer, Resource, events};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::cluster::happen;
use crate::process::{Running, eventer, eventer_in, soon};

/// A kubeconfig whose context has this namespace.
fn kubeconfig(server: &FakeApiServer, namespace: Option<&str>) -> NamedTempFile {
    let own = namespace.map(|namespace| format!("    namespace: {namespace}\n")).unwrap_or_default();
    let text = server.kubeconfig().replace("    namespace: default\n", &own);
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn flag(name: &str, file: &NamedTempFile) -> String {
    format!("--{name}={}", file.path().display())
}

fn recording(events: &[Value]) -> NamedTempFile {
    let mut file = NamedTempFile::with_suffix(".jsonl").unwrap();
    events.iter().for_each(|event| writeln!(file, "{event}").unwrap());
    file
}

fn golden() -> Vec<Value> {
    (1..=events::GOLDEN_INPUTS)
        .map(|number| serde_json::from_str(events::golden_input(number)).unwrap())
        .collect()
}

#[tokio::test]
async fn it_shows_the_namespace_of_the_context() {
    for (namespace, reason) in [(Some("prod"), "BackOff"), (None, "Scheduled")] {
        let server = FakeApiServer::start().await;
        let config = kubeconfig(&server, namespace);
        let mut tail = Running::start_command(&["tail", &flag("kubeconfig", &config)]);
        happen(&server).await;
        assert!(tail.prints().await.starts_with("LAST SEEN        TYPE     REASON            OBJECT"));
        let line = tail.prints().await;
        assert!(line.contains(reason), "{line}");
        tail.signal("INT").await;
        let ended = tail.ends().await;
        assert_eq!((ended.code, &*ended.stderr), (0, ""));
    }
}

#[tokio::test]
async fn all_namespaces_have_a_column_and_the_past_is_shown_on_request() {
    let server = FakeApiServer::start().await;
    for number in 1..=events::GOLDEN_INPUTS {
        server.add(events::golden_input(number));
    }
    let config = kubeconfig(&server, Some("prod"));
    let config = [flag("kubeconfig", &config), "--since=1000000h".to_owned()];
    for (scope, columns, lines) in [
        (&["-A"][..], "LAST SEEN        NAMESPACE  TYPE", 4),
        (&["-n", "prod,batch"], "LAST SEEN        NAMESPACE  TYPE", 2),
        (&["-n=prod", "--namespace=batch"], "LAST SEEN        NAMESPACE  TYPE", 2),
        (&["--namespaces=pro*"], "LAST SEEN        NAMESPACE  TYPE", 1),
        (&["-A", "--where=count() == 7"], "LAST SEEN        NAMESPACE  TYPE", 1),
        (&[], "LAST SEEN        TYPE", 1),
    ] {
        let arguments: Vec<&str> = ["tail"]
            .into_iter()
            .chain(scope.iter().copied())
            .chain(config.iter().map(String::as_str))
            .collect();
        let mut tail = Running::start_command(&arguments);
        assert!(tail.prints().await.starts_with(columns), "{scope:?}");
        for _ in 0..lines {
            tail.prints().await;
        }
        tail.signal("TERM").await;
        let ended = tail.ends().await;
        assert_eq!((ended.code, &*ended.stdout, &*ended.stderr), (0, "", ""), "{scope:?}");
    }
}

#[tokio::test]
async fn the_server_selects_an_objects_name() {
    let server = FakeApiServer::start().await;
    let config = kubeconfig(&server, None);
    let mut tail = Running::start_command(&["tail", "-A", "--for=pods/web-0", &flag("kubeconfig", &config)]);
    happen(&server).await;
    tail.prints().await;
    assert!(tail.prints().await.contains("Pod/web-0"));
    let watches = server.requests().into_iter().filter(|request| request.is_watch());
    let selectors: Vec<_> = watches.map(|watch| watch.param("fieldSelector").map(str::to_owned)).collect();
    assert_eq!(selectors, [Some("involvedObject.name=web-0".to_owned())]);
    tail.signal("INT").await;
    assert_eq!(tail.ends().await.stdout, "");
}

#[tokio::test]
async fn the_end_of_a_source_is_the_end() {
    let file = recording(&golden());
    let source = format!("--source=replay:{}", file.path().display());
    let ended = eventer(&["tail", &source, "-n=prod", "-o=table"]).await;
    assert_eq!((ended.code, &*ended.stderr), (0, ""));
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{}", ended.stdout);
    assert!(lines[1].contains("  (x7 over 8m10s) Back-off restarting"), "{}", lines[1]);
}

#[tokio::test]
async fn a_repeat_is_folded_but_not_for_programs() {
    let mut event = golden().remove(1);
    let repeats: Vec<Value> = (1..=50)
        .map(|count| {
            event["count"] = json!(count);
            event.clone()
        })
        .collect();
    let file = recording(&repeats);
    let source = format!("--source=replay:{}", file.path().display());
    let ended = eventer(&["tail", &source]).await;
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{}", ended.stdout);
    assert!(!lines[1].contains("(x") && lines[2].contains("(x50 over "), "{}", ended.stdout);
    let ended = eventer(&["tail", &source, "-o", "json"]).await;
    let counts: Vec<Value> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["count"].clone())
        .collect();
    assert_eq!(counts, (1..=50).map(Value::from).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_closed_output_is_a_quiet_end() {
    let mut tail = Running::start_command(&["tail", "--source=demo:?rate=1000/s"]);
    tail.prints().await;
    tail.close_output();
    let ended = tail.ends().await;
    assert_eq!((ended.code, &*ended.stderr), (0, ""));
}

#[tokio::test]
async fn without_a_kubeconfig_it_says_so() {
    let ended = eventer_in(&["tail"], &[("HOME", "/nowhere"), ("KUBECONFIG", "/nowhere/config")]).await;
    assert_eq!((ended.code, &*ended.stdout), (1, ""));
    ended.says(&["error: could not read the kubeconfig of kubectl", "/nowhere/config"]);
    let ended = eventer(&["tail", "--source=replay:/nowhere.jsonl"]).await;
    assert_eq!((ended.code, &*ended.stdout), (1, ""));
    ended.says(&["error: could not read the events: /nowhere.jsonl: No such file"]);
}

#[tokio::test]
async fn a_cluster_that_refuses_or_is_not_there_is_told_at_once() {
    let server = FakeApiServer::start().await;
    let config = kubeconfig(&server, Some("prod"));
    server.forbid(Resource::Events);
    let ended = eventer(&["tail", &flag("kubeconfig", &config)]).await;
    assert_eq!((ended.code, &*ended.stdout), (1, ""));
    ended.says(&[
        "error: could not read the events: list and watch of events",
        "not allowed in the namespace prod",
    ]);
    server.stop().await;
    let ended = eventer(&["tail", &flag("kubeconfig", &config), "-o=json"]).await;
    assert_eq!((ended.code, &*ended.stdout), (1, ""));
    ended.says(&["error: could not read the events: could not ask the API server"]);
}

#[tokio::test]
async fn wrong_flags_are_told_by_their_names() {
    let ended = eventer(&[
        "--cluster-name=x",
        "tail",
        "-A",
        "-n=UPPER",
        "--level=warnig",
        "--exclude-reason=(",
        "--where=involvedObject.knd == \"Pod\"",
        "--for=web-0",
        "--since=10",
        "--sicne=10m",
        "-o=yaml",
        "--color=red",
        "stray",
    ])
    .await;
    assert_eq!((ended.code, &*ended.stdout), (2, ""));
    for parts in [
        &["--cluster-name stands before tail"][..],
        &["-A stands beside -n"],
        &["-n: \"UPPER\" is no name of a namespace"],
        &["--level: \"warnig\""],
        &["--exclude-reason: ", "unclosed group"],
        &["--where: ", "did you mean \"kind\"?"],
        &["--for takes an object as KIND/NAME"],
        &["--since takes a duration"],
        &["--sicne is not known, did you mean \"--since\"?"],
        &["-o takes table, wide or json"],
        &["--color takes auto, always or never"],
        &["is neither a flag nor a command"],
    ] {
        ended.says(parts);
    }
    let ended = eventer(&["tail", "--source=demo:", "--since=1m", "--context=x"]).await;
    assert_eq!(ended.code, 2);
    ended.says(&["--context is for the cluster that kubectl knows"]);
    ended.says(&["--since is for the cluster"]);
}

/// `script` runs it on a terminal of 80 columns, and passes on what the terminal gets.
#[tokio::test]
async fn on_a_terminal_it_is_coloured_cut_and_rewritten_in_place() {
    let mut event = golden().remove(1);
    event["message"] = json!("Back-off restarting the failed container ".repeat(10));
    let first = event.clone();
    event["count"] = json!(8);
    let file = recording(&[first, event]);
    let shell = format!(
        "stty cols 80; exec {} tail -n prod --source=replay:{}",
        env!("CARGO_BIN_EXE_eventer"),
        file.path().display()
    );
    let script = tokio::process::Command::new("script")
        .args(["--quiet", "--return", "--command", &shell, "/dev/null"])
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("TERM", "xterm")
        .stdin(std::process::Stdio::null())
        .output();
    let output = soon(script).await.unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{shown}");
    // The terminal itself begins each line in the first column.
    let shown = shown.replace("\r\n", "\n");
    let lines: Vec<&str> = shown.lines().collect();
    let [headings, line] = &lines[..] else { panic!("{shown:?}") };
    assert!(headings.starts_with("LAST SEEN"), "{shown:?}");
    let (before, after) = line.split_once('\r').unwrap();
    assert!(before.contains("\x1b[33mBackOff\x1b[0m") && before.contains("(x7 over "), "{shown:?}");
    assert!(after.contains("(x8 over ") && after.ends_with("…\x1b[K"), "{shown:?}");
}

#[tokio::test]
async fn several_sources_are_shown_if_they_have_names_of_their_own() {
    let (first, second) = (recording(&golden()[..1]), recording(&golden()[1..2]));
    let source = |file: &NamedTempFile, name: &str| {
        format!("--source=replay:{}?source_name={name}", file.path().display())
    };
    let sources = [source(&first, "a"), source(&second, "b")];
    let ended = eventer(&["tail", "-w", &sources[0], &sources[1]]).await;
    assert_eq!((ended.code, ended.stdout.lines().count()), (0, 3), "{}{}", ended.stdout, ended.stderr);

    let ended = eventer(&["tail", &sources[0], &sources[0]]).await;
    assert_eq!((ended.code, &*ended.stdout), (2, ""));
    ended.says(&["--source: could not name"]);
}
