//! What people write into the file, and the mistakes they make.

use std::collections::BTreeMap;

use eventer_core::{ComponentUri, Registry};

use super::*;
use crate::args::{Args, CommandLine, Invocation, parse};
use crate::plans::Plans;

/// Variables, and files by their paths.
#[derive(Default)]
struct Fake {
    variables: BTreeMap<String, String>,
    files: BTreeMap<String, String>,
}

impl Environment for Fake {
    fn get(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn read(&self, path: &str) -> Result<String, String> {
        self.files.get(path).cloned().ok_or_else(|| "there is none".to_owned())
    }
}

fn environment() -> Fake {
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    Fake {
        variables: [("TENANT", "a&b"), ("EMPTY", ""), ("SECRET", "hunter2")].map(owned).into(),
        files: [owned(("/run/secrets/token", "hunter2"))].into(),
    }
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    eventer_sources::register_all(&mut registry);
    eventer_sinks::register_all(&mut registry);
    registry
}

/// What flags make of a file with this text, or what is wrong with it.
fn read(text: &str, flags: &str) -> Result<(Args, Plans), Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("eventer.yaml");
    fs::write(&path, text).unwrap();
    let arguments = format!("--config={} {flags}", path.display());
    let line = parse(arguments.split_whitespace().map(Into::into), &environment());
    let CommandLine { invocation: Invocation::Run(args), mut mistakes } = line else { panic!("no run") };
    let plans = Plans::read(&args, &registry(), &environment(), &mut mistakes);
    let folder = format!("{}/", folder.path().display());
    if mistakes.is_empty() {
        Ok((*args, plans))
    } else {
        Err(mistakes.into_iter().map(|mistake| mistake.replace(&folder, "")).collect())
    }
}

#[track_caller]
fn good(text: &str, flags: &str) -> (Args, Plans) {
    read(text, flags).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
}

#[track_caller]
fn mistakes(text: &str) -> Vec<String> {
    read(text, "").expect_err("something is wrong")
}

/// A component of the file as it is handed to its kind.
fn uri(text: &str) -> ComponentUri {
    let (registry, mut mistakes) = (registry(), Vec::new());
    let file = ConfigFile::parse("eventer.yaml", text, &environment(), &mut mistakes).unwrap();
    let specs: Vec<_> = registry.sinks().collect();
    let mut components = file.components(List::Sinks, &specs, &environment(), &mut mistakes);
    assert!(mistakes.is_empty(), "{mistakes:#?}");
    components.pop().unwrap().uri
}

const WHOLE: &str = r#"
cluster_name: prod-eu-1
static_labels: {team: platform, tier: 1}
sources:
  - demo:?seed=7
  - kind: replay
    endpoint: /tmp/events.jsonl
    source_name: recording
sinks:
  - log:
  - log:?format=json&sink_name=more
  - kind: webhook
    sink_name: pager
    endpoint: https://hooks.example/in?token=abc&method=keep
    method: POST
    header: ["X-Scope=${TENANT}", X-More=1]
    bearer_token: ${file:/run/secrets/token}
    kinds: [Pod, Node]
    level: Warning
    timeout: 5s
    batch_events: 7
    insecure: true
    where: type == "Warning" && involvedObject.kind in ["Pod", "Node"]
drop:
  - involvedObject.namespace.startsWith("sandbox-")
  - {types: [Normal], kinds: Node}
frequency: 2s
journal: {size: 64Mi}
admin: {ip: 127.0.0.1, port: 0, event_metrics: false}
log: {format: json, verbosity: 4}
strict: true
"#;

#[test]
fn a_file_says_all_that_flags_say() {
    let (args, plans) = good(WHOLE, "");
    assert_eq!(args.cluster.as_deref(), Some("prod-eu-1"));
    assert_eq!(args.static_labels["tier"], "1");
    assert_eq!((args.frequency.as_secs(), args.verbosity, args.strict), (2, 4, true));
    assert_eq!(args.admin_address.to_string(), "127.0.0.1:0");
    assert_eq!((args.event_metrics, args.journal_size.unwrap().to_string()), (false, "64Mi".to_owned()));
    assert_eq!(plans.source_names(), "demo, replay (recording)");
    assert_eq!(plans.sink_names(), "log, log (more), webhook (pager)");
    assert_eq!(plans.drop.len(), 2);
    let pager = &plans.sinks[2].policy;
    assert_eq!((pager.timeout.as_secs(), pager.batch.events.get()), (5, 7));
    assert_eq!(pager.filter.kinds, ["Pod", "Node"]);
    assert!(pager.filter.expression.is_some());
}

#[test]
fn a_flag_wins_over_the_file() {
    let (args, plans) =
        good(WHOLE, "--frequency=9s --sink=log:?sink_name=only --static-label=team=mine --v=0");
    assert_eq!((args.frequency.as_secs(), args.verbosity), (9, 0));
    assert_eq!(plans.sink_names(), "log (only)");
    assert_eq!(plans.source_names(), "demo, replay (recording)");
    assert_eq!((&*args.static_labels["team"], &*args.static_labels["tier"]), ("mine", "1"));
}

#[test]
fn references_are_put_into_values_and_change_nothing_else() {
    let uri = uri(
        "sinks:\n  - kind: webhook\n    endpoint: https://h/${TENANT}\n    header: 'X=${TENANT}'\n    \
                   bearer_token: ${file:/run/secrets/token}\n    reason: ^a$\n    template: '$${X} $TENANT $${'\n",
    );
    let options: BTreeMap<_, _> = uri.options().iter().cloned().collect();
    let value = |name: &str| options[name].clone().unwrap();
    assert_eq!(uri.endpoint(), "https://h/a&b");
    assert_eq!(value("header"), "X=a&b");
    assert_eq!(value("bearer_token"), "hunter2");
    assert_eq!(value("reason"), "^a$");
    assert_eq!(value("template"), "${X} $TENANT ${");
}

#[test]
fn the_query_of_a_destinations_url_is_the_destinations() {
    let uri =
        uri("sinks:\n  - kind: webhook\n    endpoint: https://h/p?method=GET&a=%26b&c$d\n    query.x: 1\n");
    assert_eq!(uri.endpoint(), "https://h/p");
    let options: Vec<_> = uri.options().iter().map(|(name, value)| (&**name, value.as_deref())).collect();
    let expected =
        [("query.method", Some("GET")), ("query.a", Some("&b")), ("query.c$d", None), ("query.x", Some("1"))];
    assert_eq!(options, expected);
}

#[test]
fn every_mistake_is_told_with_file_line_and_key() {
    let text = r#"
sources:
  - kind: kubernets
  - 7
sinks:
  - kind: webhook
    endpoint: http://h
    tiemout: 5s
    method: [POST, PUT]
    where: invlvedObject.kind == "Pod"
  - kind: log
    endpoint: x
    timeout: 20
    header: a=b
  - endpoint: x
  - kind: file
    endpoint: /tmp/x
    url: y
    keep:
  - {kind: webhook, endpoint: "http://h", bearer_token: "${file:/nowhere}", header: "${NOT_THERE}", url: x}
  - webhok:http://h
  - log:?tiemout=3s
drop:
  - reason = "x"
  - {}
  - {reazon: x}
journl: {size: 1Gi}
journal: {sise: 1Gi, size: 1}
frequency: [1s]
static_labels: [a]
log: text
admin: {port: 99999}
"#;
    let told = mistakes(text);
    let expected = [
        r#"eventer.yaml:27: journl: the key is not known, did you mean "journal"?"#,
        r#"eventer.yaml:28: journal.sise: the key is not known, did you mean "size"?"#,
        "eventer.yaml:28: journal.size: it takes a size of at least 1Mi, such as 64Mi",
        "eventer.yaml:29: frequency: it takes one value, and this is a list",
        "eventer.yaml:30: static_labels: it takes a map of names and values",
        "eventer.yaml:31: log: it takes a map of keys",
        "eventer.yaml:32: admin.port: it takes a port from 0 to 65535",
        r#"eventer.yaml:3: sources[0] (kubernets) is not known, did you mean "kubernetes"?"#,
        "eventer.yaml:4: sources[1]: it takes a URI or a map, and this is a number",
        r#"eventer.yaml:8: sinks[0].tiemout: the key is not known, did you mean "timeout"?"#,
        "eventer.yaml:9: sinks[0].method: it takes one value, and this is a list",
        r#"eventer.yaml:10: sinks[0] (webhook): option "where": "#,
        r#"eventer.yaml:13: sinks[1] (log): option "timeout": "#,
        "eventer.yaml:12: sinks[1].endpoint: this kind has none; leave the key out",
        "eventer.yaml:14: sinks[1].header: the key is not known; known are ",
        "eventer.yaml:15: sinks[2]: its kind is missing: kind: with one of ",
        r#"eventer.yaml:18: sinks[3].url: the key is not known, a URL is written under "endpoint""#,
        "eventer.yaml:19: sinks[3].keep: it has no value; leave the key out, or give one",
        "eventer.yaml:20: sinks[4].bearer_token: could not read /nowhere: there is none",
        "eventer.yaml:20: sinks[4].header: the variable $NOT_THERE is not defined",
        r#"eventer.yaml:20: sinks[4].url: the key is not known, a URL is written under "endpoint""#,
        r#"eventer.yaml:21: sinks[5] (webhok) is not known, did you mean "webhook"?"#,
        r#"eventer.yaml:22: sinks[6] (log): option "tiemout" is not known, did you mean "timeout"?"#,
        "eventer.yaml:25: drop[1] (drop): a rule without a condition would drop everything",
        r#"eventer.yaml:26: drop[2].reazon: the key is not known, did you mean "reason"?"#,
        r#"eventer.yaml:24: drop[0] (drop): option "where": "#,
    ];
    for expected in expected {
        assert!(told.iter().any(|told| told.starts_with(expected)), "{expected}\n{told:#?}");
    }
    assert_eq!(told.len(), expected.len(), "{told:#?}");
}

#[test]
fn what_is_wrong_with_an_option_is_told_at_its_line() {
    let text = "sources: [demo:]\nsinks:\n  - kind: log\n    format: txt\n    timeout: 20\n    \
                where: invlvedObject.kind == \"Pod\"\n  - kind: webhook\n    method: POST\n";
    let told = mistakes(text);
    assert_eq!(told.len(), 4, "{told:#?}");
    assert!(told[0].starts_with("eventer.yaml:6: sinks[0] (log): option \"where\": "), "{told:#?}");
    assert!(told[0].contains("involvedObject"), "{told:#?}");
    assert!(told[1].starts_with("eventer.yaml:5: sinks[0] (log): option \"timeout\": "), "{told:#?}");
    assert!(told[2].starts_with("eventer.yaml:4: sinks[0] (log): option \"format\": "), "{told:#?}");
    assert!(told[3].starts_with("eventer.yaml:7: sinks[1] (webhook)"), "{told:#?}");
}

#[test]
fn what_does_not_fit_together_is_told_of_the_list() {
    let told = mistakes("sources: [demo:]\nsinks: [log:?sink_name=a, file:/tmp/x?sink_name=a]\n");
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].starts_with("eventer.yaml: sinks: could not name"), "{told:#?}");
}

#[test]
fn no_message_shows_what_may_be_a_secret() {
    let text = "sources: [demo:]\nsinks:\n  - kind: webhook\n    endpoint: hunter2\n    bearer_token: [hunter2, hunter2]\n    \
                timeout: ${file:/run/secrets/token}\n    header: hunter2\n  - log:?format=${file:/run/secrets/token}\n";
    let told = mistakes(text);
    assert!(told.len() >= 2 && !told.concat().contains("hunter2"), "{told:#?}");
    let text = text.replace("    bearer_token: [hunter2, hunter2]\n", "");
    let told = mistakes(&text);
    assert!(told.len() >= 3 && !told.concat().contains("hunter2"), "{told:#?}");
    let file = ConfigFile::parse("x", &text, &environment(), &mut Vec::new()).unwrap();
    assert!(!format!("{file:?}").contains("hunter2"), "{file:?}");
}

#[test]
fn a_rule_that_says_nothing_does_not_drop_everything() {
    for rule in ["{}", "{namespaces: []}", "{kinds: ''}", "{min_count: 1}"] {
        let told = mistakes(&format!("sources: [demo:]\ndrop: [{rule}]\n"));
        assert_eq!(told.len(), 1, "{rule}: {told:#?}");
        assert!(told[0].contains("without a condition would drop everything"), "{rule}: {told:#?}");
    }
}

#[test]
fn a_rule_does_not_show_what_a_variable_gave() {
    for rule in ["'${EMPTY}${SECRET}'", "{where: '${SECRET}'}", "'reason.matches(\"(${SECRET}\")'"] {
        let told = mistakes(&format!("sources: [demo:]\ndrop: [{rule}]\n"));
        assert_eq!(told.len(), 1, "{told:#?}");
        assert!(!told[0].contains("hunter2") && told[0].contains("not shown"), "{told:#?}");
    }
}

#[test]
fn without_a_source_a_file_says_nothing_to_do() {
    let told = mistakes("sinks: [log:]\n");
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("eventer.yaml: sources is missing"), "{told:#?}");
    assert!(mistakes("sources: []\n")[0].starts_with("eventer.yaml: sources: there is none"));
    assert!(mistakes("")[0].starts_with("eventer.yaml: sources is missing"));
    let told = mistakes("sinks: 5\nsources: 7\n");
    assert_eq!(told.len(), 3, "{told:#?}");
}

#[test]
fn a_file_that_is_not_there_or_no_map_is_told() {
    let line = parse(["--config=/nowhere/eventer.yaml".into()], &environment());
    assert_eq!(line.mistakes.len(), 1, "{:?}", line.mistakes);
    assert!(line.mistakes[0].contains("/nowhere/eventer.yaml: No such file"), "{:?}", line.mistakes);
    assert!(mistakes("- log:\n")[0].starts_with("eventer.yaml:1: it is no map of keys"));
    assert!(mistakes("route: {}\nreceivers: []\n")[0].contains("`eventer convert kubernetes-event-exporter"));
}

#[test]
fn the_schema_knows_every_key_that_is_read() {
    let schema: serde_json::Value = serde_json::from_str(&schema_text(&registry())).unwrap();
    for setting in keys::settings() {
        let pointer = setting.path.split('.').map(|key| format!("/properties/{key}")).collect::<String>();
        assert!(schema.pointer(&pointer).is_some_and(|value| value["description"].is_string()), "{pointer}");
    }
    let kinds = |list: &str| {
        let items = schema.pointer(&format!("/properties/{list}/items/anyOf")).unwrap().as_array().unwrap();
        let kinds = items.iter().filter_map(|item| item.pointer("/properties/kind/const")?.as_str());
        kinds.map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(
        kinds("sources").contains(&"kubernetes".to_owned()) && kinds("sinks").contains(&"webhook".to_owned())
    );
}
