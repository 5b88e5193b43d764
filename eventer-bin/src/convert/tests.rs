//! Whole conversions against files that are reviewed like code. The ignored test writes them anew.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;

/// The tool of each folder, and its inputs.
const INPUTS: [(Tool, &str); 4] = [
    (Tool::EventExporter, "event-exporter/config.yaml"),
    (Tool::EventExporter, "event-exporter/mistakes.yaml"),
    (Tool::KubeEventer, "kube-eventer/deployment.yaml"),
    (Tool::KubeEventer, "kube-eventer/flags.txt"),
];

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/convert").join(name)
}

/// What is written for an input: the names of the files and what they hold.
fn written(tool: Tool, input: &str) -> Vec<(PathBuf, String)> {
    let text = fs::read_to_string(path(input)).unwrap();
    let conversion = convert(tool, &text).unwrap();
    let folder = path(input).with_extension("");
    let secret = conversion.secret().map(|secret| ("secret.yaml", secret));
    let files = [("eventer.yaml", conversion.config), ("report.md", conversion.report.to_string())];
    files.into_iter().chain(secret).map(|(name, text)| (folder.join(name), text)).collect()
}

#[test]
fn every_conversion_is_the_one_that_was_reviewed() {
    for (tool, input) in INPUTS {
        for (path, text) in written(tool, input) {
            let golden = fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(text, golden, "{}", path.display());
        }
    }
}

#[test]
fn the_pages_show_what_is_written() {
    let pages = [(INPUTS[0], "kubernetes-event-exporter.md"), (INPUTS[2], "kube-eventer.md")];
    for ((tool, input), page) in pages {
        let page = path("../../../docs/migrate").join(page);
        let shown = fs::read_to_string(&page).unwrap();
        let public = written(tool, input).into_iter().filter(|(path, _)| !path.ends_with("secret.yaml"));
        let texts = public.map(|(_, text)| text).chain([fs::read_to_string(path(input)).unwrap()]);
        for text in texts {
            assert!(shown.contains(&format!("\n{text}```\n")), "{} does not show\n{text}", page.display());
        }
    }
}

#[test]
#[ignore = "writes the files that are reviewed"]
fn write_the_conversions() {
    for (tool, input) in INPUTS {
        for (path, text) in written(tool, input) {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }
}

#[test]
fn secrets_stand_in_the_secret_only() {
    let mut secrets = 0;
    for (tool, input) in INPUTS {
        for (path, text) in written(tool, input) {
            let is_secret = path.ends_with("secret.yaml");
            assert_eq!(text.contains("hunter2"), is_secret, "{}", path.display());
            secrets += usize::from(is_secret);
        }
        let text = fs::read_to_string(path(input)).unwrap();
        assert!(!format!("{:?}", convert(tool, &text).unwrap()).contains("hunter2"));
    }
    assert_eq!(secrets, 2);
}

#[test]
fn every_config_is_yaml_with_the_sinks_that_were_taken_over() {
    for (tool, input) in INPUTS {
        let config = convert(tool, &fs::read_to_string(path(input)).unwrap()).unwrap().config;
        let document = Node::parse(&config).unwrap();
        let sinks = document.get("sinks").unwrap().items().unwrap();
        assert!(sinks.iter().all(|sink| sink.get("kind").is_some()), "{config}");
    }
}

#[test]
fn eventer_takes_what_a_conversion_gives() {
    let mut registry = Registry::new();
    eventer_sources::register_all(&mut registry);
    eventer_sinks::register_all(&mut registry);
    for (tool, input) in INPUTS {
        let config = convert(tool, &fs::read_to_string(path(input)).unwrap()).unwrap().config;
        let mut mistakes = verify::mistakes(&config, &registry);
        // This build may do without Kafka.
        mistakes.retain(|mistake| !mistake.contains("(kafka)"));
        assert!(mistakes.is_empty(), "{input}: {mistakes:#?}");
    }
}

#[test]
fn a_flag_that_eventer_would_refuse_is_left_out_or_brought_within_bounds() {
    let mut registry = Registry::new();
    eventer_sources::register_all(&mut registry);
    eventer_sinks::register_all(&mut registry);
    for (flag, expected, told, has_lost) in [
        ("--frequency=abc", "", "it is no duration; that is 1s then", true),
        ("--frequency=10m", "frequency: 3m\n", "it is out of bounds; 3m is the nearest", false),
        ("--frequency=1m30s", "frequency: 1m30s\n", "", false),
        ("--frequency=$EACH", "frequency: ${EACH}\n", "", false),
        ("--healthz-ip=zzz", "", "it is no IP address; that is 0.0.0.0 then", true),
        ("--healthz-ip=localhost", "admin:\n  ip: localhost\n", "", false),
        ("--healthz-ip=${POD_IP}", "admin:\n  ip: ${POD_IP}\n", "", false),
        ("--healthz-port=99999", "", "it is no port; that is 8084 then", true),
        ("--healthz-port=$PORT", "admin:\n  port: ${PORT}\n", "", false),
    ] {
        let line = format!("/kube-eventer --source=kubernetes: --sink=log: {flag}");
        let mut conversion = convert(Tool::KubeEventer, &line).unwrap();
        conversion.verify(&registry);
        let (_, tail) = conversion.config.split_once("sink_name: log\n").unwrap();
        assert_eq!(tail, expected, "{flag}");
        let report = conversion.report;
        assert!(report.to_string().contains(told), "{flag}: {report}");
        assert_eq!(report.has_lost(), has_lost, "{flag}: {report}");
    }
}

#[test]
fn a_tool_is_told_by_its_document() {
    let tool = |text: &str| detect(&Node::parse(text).unwrap());
    for (expected, input) in INPUTS.into_iter().take(3) {
        let text = fs::read_to_string(path(input)).unwrap();
        assert_eq!(Node::parse_all(&text).unwrap().iter().find_map(detect), Some(expected));
    }
    assert_eq!(tool("receivers: [{name: a, stdout: {}}]"), Some(Tool::EventExporter));
    assert_eq!(tool("route: {match: []}"), Some(Tool::EventExporter));
    assert_eq!(tool("sources: ['kubernetes:']\nsinks: [{kind: log}]"), None);
    assert_eq!(tool("route: {}\nreceivers: []"), Some(Tool::EventExporter));
    assert_eq!(tool("route: {receiver: a, routes: []}\nreceivers: [{name: a, slack_configs: []}]"), None);
    assert_eq!(tool("receivers: {otlp: {}}\nexporters: {}"), None);
    assert_eq!(tool("kind: Deployment\nspec: {containers: [{image: nginx}]}"), None);
    assert_eq!(tool("[]"), None);
}

#[test]
fn what_is_no_config_is_refused() {
    let reason = |tool, text: &str| convert(tool, text).unwrap_err().reason;
    let told = reason(Tool::EventExporter, "a: 1");
    assert_eq!(told, "this is no config of kubernetes-event-exporter: it has neither a route nor receivers");
    let manifest = "kind: Pod\nspec: {containers: [{image: kube-eventer}]}";
    assert!(reason(Tool::EventExporter, manifest).ends_with("; it looks like one of kube-eventer"));
    let config_map = "kind: ConfigMap\ndata: {config.yaml: 'route: {}'}";
    assert!(reason(Tool::EventExporter, config_map).contains("it is a ConfigMap"));
    assert!(reason(Tool::EventExporter, "a: [1").starts_with("this is no YAML"));
    assert!(
        reason(Tool::KubeEventer, "kind: Pod\nspec: {containers: [{image: nginx}]}")
            .starts_with("no container")
    );
    assert!(reason(Tool::KubeEventer, "kube-eventer").starts_with("no flags"));
}
