//! Runs with a file of configuration: what it says, what is wrong with it, and what becomes of a change.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use eventer_core::testing::event;
use eventer_testkit::{FakeApiServer, FakeDestination, Reply};
use tempfile::TempDir;

use crate::process::{Running, eventer, get, metrics_show, soon};

/// A folder with a file of configuration.
struct File(TempDir);

impl File {
    fn new(text: &str) -> Self {
        let file = Self(tempfile::tempdir().unwrap());
        file.write(text);
        file
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("eventer.yaml")
    }

    fn flag(&self) -> String {
        format!("--config={}", self.path().display())
    }

    fn write(&self, text: &str) {
        fs::write(self.path(), text).unwrap();
    }
}

/// A file whose source is a cluster, and whose sinks are these destinations, each with an option more.
fn configuration(server: &FakeApiServer, source: &str, sinks: &[(&str, &FakeDestination, &str)]) -> String {
    let mut text = format!(
        "frequency: 10ms\nsources:\n  - kind: kubernetes\n    endpoint: {}\n    inClusterConfig: false\n    \
         source_name: cluster\n{source}sinks:\n",
        server.url()
    );
    for (name, destination, option) in sinks {
        text.push_str(&format!(
            "  - kind: webhook\n    sink_name: {name}\n    endpoint: {}\n    method: POST\n    level: Normal\n    \
             template: '\"{{{{ .UID }}}}\"'\n{option}",
            destination.url()
        ));
    }
    text
}

/// How often each event came.
fn counts(destination: &FakeDestination) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for request in destination.requests() {
        *counts.entry(String::from_utf8(request.body.to_vec()).unwrap()).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn all_that_is_wrong_is_told_with_2_and_nothing_is_started() {
    let file = File::new("sources: [demo:]\nsinks:\n  - {kind: log, tiemout: 5s}\nfreqency: 1s\n");
    let ended = eventer(&[&file.flag(), "--frequency=1h"]).await;
    assert_eq!((ended.code, &*ended.stdout), (2, ""));
    ended.says(&["eventer.yaml:4: freqency: the key is not known, did you mean \"frequency\"?"]);
    ended.says(&["--frequency takes"]);
    file.write("sources: [demo:]\nsinks:\n  - {kind: log, tiemout: 5s}\n");
    let ended = eventer(&[&file.flag()]).await;
    assert_eq!(ended.code, 2);
    ended.says(&["eventer.yaml:3: sinks[0].tiemout: the key is not known, did you mean \"timeout\"?"]);
}

#[tokio::test]
async fn no_mistake_steers_the_terminal() {
    let file = File::new("sources: [demo:]\n\"k\\e[31m\": 1\nsinks: [{kind: \"l\\e[0m\"}]\n");
    let ended = eventer(&[&file.flag()]).await;
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("k\\u001b[31m") && !ended.stderr.contains('\x1b'), "{:?}", ended.stderr);
}

#[tokio::test]
async fn a_file_runs_as_flags_do() {
    let recording =
        format!("{}/testdata/watch-core-v1.jsonl", env!("CARGO_MANIFEST_DIR").replace("-bin", "-sources"));
    let file = File::new(&format!(
        "cluster_name: west\nstatic_labels: {{team: platform}}\nsources: ['replay:{recording}']\nsinks:\n  \
         - {{kind: log, format: json, where: 'involvedObject.kind == \"Pod\"'}}\ndrop:\n  - type == \"Normal\"\n\
         admin: {{ip: 127.0.0.1, port: 0}}\n"
    ));
    let ended = eventer(&[&file.flag()]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let lines: Vec<serde_json::Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(!lines.is_empty());
    for line in lines {
        assert_eq!((&line["type"], &line["involvedObject"]["kind"]), (&"Warning".into(), &"Pod".into()));
        assert_eq!((&line["cluster"], &line["staticLabels"]["team"]), (&"west".into(), &"platform".into()));
    }
}

#[tokio::test]
async fn reloads_under_load_lose_and_repeat_nothing() {
    const EVENTS: usize = 600;
    const RELOADS: usize = 12;
    let server = FakeApiServer::start().await;
    let (kept, changing) = (FakeDestination::start().await, FakeDestination::start().await);
    let text = |reload: usize| {
        // Every third one is another source, too.
        let source = format!("    cluster_name: c{}\n", reload / 3);
        let option = format!("    timeout: {}s\n", 20 + reload);
        configuration(&server, &source, &[("kept", &kept, ""), ("changing", &changing, &option)])
    };
    let file = File::new(&text(0));
    let mut running = Running::start(&[&file.flag(), "--reload=false"]);
    let address = running.admin_address().await;
    soon(server.wait_for_watch()).await;
    for reload in 1..=RELOADS {
        for n in (reload - 1) * EVENTS / RELOADS..reload * EVENTS / RELOADS {
            server.add(serde_json::to_vec(&event(n)).unwrap());
            tokio::task::yield_now().await;
        }
        // In the middle of what was just added.
        let before = kept.count();
        soon(kept.wait_for(before + 1)).await;
        file.write(&text(reload));
        running.signal("HUP").await;
        running.logs("the configuration is taken up").await;
    }
    for destination in [&kept, &changing] {
        soon(async {
            while counts(destination).len() < EVENTS {
                destination.wait_for(destination.count() + 1).await;
            }
        })
        .await;
        assert!(counts(destination).values().all(|count| *count == 1), "{:?}", counts(destination));
    }
    let applied = format!("eventer_config_reloads_total{{outcome=\"applied\"}} {RELOADS}\n");
    metrics_show(address, &applied).await;
    running.signal("TERM").await;
    let ended = running.ends().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    for sink in ["kept", "changing"] {
        let closed = ended.log().into_iter().rfind(|entry| entry["sink"] == sink).unwrap();
        assert_eq!(closed["exported"], EVENTS, "{closed}");
    }
}

#[tokio::test]
async fn a_link_that_leads_elsewhere_is_a_change() {
    let server = FakeApiServer::start().await;
    let (first, second) = (FakeDestination::start().await, FakeDestination::start().await);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    // As the kubelet mounts a ConfigMap.
    for (version, destination) in [("..1", &first), ("..2", &second)] {
        fs::create_dir(path(version)).unwrap();
        let text = configuration(&server, "", &[("only", destination, "")]);
        fs::write(path(version).join("eventer.yaml"), text).unwrap();
    }
    let link = |version| {
        std::os::unix::fs::symlink(version, path("..new")).unwrap();
        fs::rename(path("..new"), path("..data")).unwrap();
    };
    link("..1");
    std::os::unix::fs::symlink("..data/eventer.yaml", path("eventer.yaml")).unwrap();
    let mut running = Running::start(&[&format!("--config={}", path("eventer.yaml").display())]);
    soon(server.wait_for_watch()).await;
    server.add(serde_json::to_vec(&event(1)).unwrap());
    soon(first.wait_for(1)).await;
    link("..2");
    running.logs("the configuration is taken up").await;
    server.add(serde_json::to_vec(&event(2)).unwrap());
    soon(second.wait_for(1)).await;
    assert_eq!((first.count(), second.count()), (1, 1));
}

#[tokio::test]
async fn a_bad_file_changes_nothing_and_says_so() {
    let server = FakeApiServer::start().await;
    let destination = FakeDestination::start().await;
    let good = configuration(&server, "", &[("only", &destination, "")]);
    let file = File::new(&good);
    let mut running = Running::start(&[&file.flag(), "--reload=false"]);
    let address = running.admin_address().await;
    soon(server.wait_for_watch()).await;
    file.write(&good.replace("method: POST", "metod: POST").replace("level: Normal", "level: Norml"));
    running.signal("HUP").await;
    let told = running.logs("the configuration is wrong").await;
    assert!(told["error"].as_str().unwrap().contains("eventer.yaml:11: sinks[0].metod"), "{told}");
    let told = running.logs("the configuration is wrong").await;
    assert!(
        told["error"].as_str().unwrap().contains("eventer.yaml:12: sinks[0] (webhook): option \"level\""),
        "{told}"
    );
    running.logs("everything runs on as it was").await;
    metrics_show(address, "eventer_config_is_current 0\n").await;
    fs::remove_file(file.path()).unwrap();
    running.signal("HUP").await;
    running.logs("the configuration is wrong").await;
    server.add(serde_json::to_vec(&event(1)).unwrap());
    soon(destination.wait_for(1)).await;
    file.write(&good);
    running.signal("HUP").await;
    running.logs("the configuration is taken up").await;
    metrics_show(address, "eventer_config_is_current 1\n").await;
    assert_eq!(server.open_watches(), 1);
}

#[tokio::test]
async fn a_hangup_does_not_end_a_stop() {
    let server = FakeApiServer::start().await;
    let destination = FakeDestination::start().await;
    destination.set_default(Reply::status(503));
    let quick = "    min_backoff: 1ms\n    max_backoff: 1ms\n";
    let file = File::new(&configuration(&server, "", &[("only", &destination, quick)]));
    let mut running = Running::start(&[&file.flag(), "--stop-timeout=1h"]);
    soon(server.wait_for_watch()).await;
    server.add(serde_json::to_vec(&event(1)).unwrap());
    soon(destination.wait_for(1)).await;
    running.signal("TERM").await;
    running.logs("stopping").await;
    running.signal("HUP").await;
    let tries = destination.count();
    soon(destination.wait_for(tries + 3)).await;
    destination.set_default(Reply::ok());
    let ended = running.ends().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let closed = ended.log().into_iter().rfind(|entry| entry["sink"] == "only").unwrap();
    assert_eq!(closed["exported"], 1, "{closed}");
}

#[tokio::test]
async fn a_sink_that_is_taken_out_and_comes_back_goes_on_where_it_was() {
    let server = FakeApiServer::start().await;
    let (stays, leaves) = (FakeDestination::start().await, FakeDestination::start().await);
    leaves.set_default(Reply::status(503));
    let both = |option| configuration(&server, "", &[("stays", &stays, ""), ("leaves", &leaves, option)]);
    let quick = "    min_backoff: 1ms\n    max_backoff: 1ms\n";
    let file = File::new(&both(quick));
    let folder = tempfile::tempdir().unwrap();
    let state = format!("--state-dir={}", folder.path().join("state").display());
    let mut running = Running::start(&[&file.flag(), &state, "--reload=false"]);
    let address = running.admin_address().await;
    soon(server.wait_for_watch()).await;
    server.add(serde_json::to_vec(&event(1)).unwrap());
    soon(leaves.wait_for(1)).await;
    file.write(&configuration(&server, "", &[("stays", &stays, "")]));
    running.signal("HUP").await;
    running.logs("sink leaves is taken out").await;
    server.add(serde_json::to_vec(&event(2)).unwrap());
    soon(stays.wait_for(2)).await;
    assert!(!get(address, "/metrics").await.1.contains("eventer_journal_events{sink=\"leaves\"}"));
    leaves.set_default(Reply::ok());
    leaves.clear();
    file.write(&both(quick));
    running.signal("HUP").await;
    soon(leaves.wait_for(2)).await;
    assert_eq!(counts(&leaves).keys().collect::<Vec<_>>(), ["\"uid-1\"", "\"uid-2\""]);
}
