//! kubernetes-event-exporter's config file.
//!
//! [`routes`] and [`rules`] read the route tree, [`receivers`] make sinks, [`layout`] says what they send. The keys at the top
//! of the file are dealt with here.

mod fields;
mod files;
mod kafka;
mod layout;
mod receivers;
mod routes;
mod rules;
mod slack;
mod webhook;

use eventer_core::Expression;
use fields::{Fields, tell_of_form};
use receivers::{Receiver, Workshop};
use routes::Route;

use super::config::{Config, Sink};
use super::expression::Condition;
use super::report::{Report, Weight, did_you_mean};
use super::secrets::Secrets;
use super::variables;
use super::yaml::{self, Yaml};
use crate::document::{Node, Value};

const KEYS: &[&str] = &[
    "logLevel",
    "logFormat",
    "throttlePeriod",
    "maxEventAgeSeconds",
    "clusterName",
    "namespace",
    "leaderElection",
    "route",
    "receivers",
    "kubeQPS",
    "kubeBurst",
    "metricsNamePrefix",
    "omitLookup",
    "cacheSize",
];

/// Those whose values are taken over.
const TEXTS: [&str; 5] = ["clusterName", "namespace", "omitLookup", "logLevel", "logFormat"];

/// Whether a document looks like the tool's config. Alertmanager's has the same keys, and other receivers.
pub(super) fn is_config(document: &Node) -> bool {
    let is_ours = ["sources", "sinks"].iter().any(|key| document.get(key).is_some());
    match document.get("receivers").map(|node| &node.value) {
        Some(Value::List(items)) if !items.is_empty() => !is_ours && items.iter().any(receivers::is_receiver),
        Some(Value::List(_) | Value::Null) | None => !is_ours && document.get("route").is_some(),
        Some(_) => false,
    }
}

/// Turns the config into ours.
pub(super) fn convert(document: &Node, report: &mut Report, secrets: &mut Secrets) -> Config {
    let top = Fields::open(document, String::new(), &[], &mut Report::default());
    for entry in document.entries().unwrap_or_default() {
        if !KEYS.contains(&entry.key.as_str()) {
            let hint = match entry.key.as_str() {
                "drop" | "match" | "routes" => "; it belongs under route".to_owned(),
                key => did_you_mean(key, KEYS.iter().copied()),
            };
            let text = format!("there is no such key, and the tool ignores it{hint}");
            report.add(Weight::Know, entry.line, entry.key.clone(), text);
        }
    }
    for key in TEXTS {
        if let Some(node) = top.get(key).filter(|node| node.text().is_none()) {
            tell_of_form(node, key, "a text", report);
        }
    }
    let mut config = Config { origin: "kubernetes-event-exporter".to_owned(), ..Config::default() };
    config.head.extend(top.text("clusterName").map(|name| ("cluster_name".to_owned(), Yaml::text(name))));

    let omits_lookup = top.text("omitLookup").is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let mut route = top.get("route").map(|node| Route::read(node, "route", report)).unwrap_or_default();
    let needs_lookup = route.rules().iter().any(|rule| rule.needs_lookup);
    if omits_lookup {
        route.forget_labels(report);
    }
    warn_of_repeats(&route, report);
    if let Some(node) = top.get("receivers").filter(|node| node.items().is_none()) {
        tell_of_form(node, "receivers", "a list", report);
    }
    let receivers = top.get("receivers").map(|node| receivers::read(node, report)).unwrap_or_default();
    warn_of_unknown_receivers(&route, &receivers, report);
    config.sinks = sinks(&route, &receivers, report, secrets);
    if config.sinks.iter().all(|sink| sink.instead.is_some()) {
        report.add(Weight::Lost, 0, "sinks", "no receiver is left that could be taken over");
    }

    let mut source = vec![("kind".to_owned(), Yaml::text("kubernetes"))];
    source.extend(top.text("namespace").map(|name| ("namespaces".to_owned(), Yaml::texts([name]))));
    if !omits_lookup {
        source.extend(enrich(needs_lookup, &config.sinks, report));
    }
    config.sources.push(source);
    config.tail.extend(log(&top, report));
    tell_of_the_rest(&top, report);
    tell_of_updates(&mut config, report);
    config
}

fn sinks(route: &Route, receivers: &[Receiver<'_>], report: &mut Report, secrets: &mut Secrets) -> Vec<Sink> {
    let mut workshop = Workshop { report, secrets };
    let made = receivers.iter().map(|receiver| {
        let condition = route.condition(&receiver.name);
        warn_of_length(receiver, &condition, workshop.report);
        receiver.sink(condition, &mut workshop)
    });
    made.collect()
}

/// What is longer or deeper than an expression may be is written nevertheless, for people to cut.
fn warn_of_length(receiver: &Receiver<'_>, condition: &Condition, report: &mut Report) {
    let text = condition.to_cel();
    // A variable is put in later.
    if variables::has_any(&text) {
        return;
    }
    if let Err(error) = Expression::parse(&text) {
        let text = format!(
            "its rules give a where= that eventer does not take, and that has to be made shorter: {error}"
        );
        report.add(Weight::Lost, receiver.line, receiver.place(), text);
    }
}

fn warn_of_unknown_receivers(route: &Route, receivers: &[Receiver<'_>], report: &mut Report) {
    for (name, line) in route.named() {
        if receivers.iter().all(|receiver| receiver.name != name) {
            let hint = did_you_mean(&name, receivers.iter().map(|receiver| receiver.name.as_str()));
            let text = format!(
                "there is no receiver {name}: what is meant for it goes nowhere, there as here{hint}"
            );
            report.add(Weight::Know, line, "receiver", text);
        }
    }
}

fn warn_of_repeats(route: &Route, report: &mut Report) {
    for rule in route.rules().iter().filter(|rule| rule.needs_repeats) {
        let text = "the tool saw an Event when it was new, and a count of more than 1 hardly ever; here it is counted on, and this rule \
                    matches. An Event of the new form (events.k8s.io) has no such count, and never matches";
        report.add(Weight::Differs, rule.line, "minCount", text);
    }
}

/// What of the objects rules ask for, and sinks show.
fn enrich(is_asked_for: bool, sinks: &[Sink], report: &mut Report) -> Option<(String, Yaml)> {
    // As a whole, an object has its labels and its owners.
    const WHOLE: [&str; 5] =
        ["{{ .InvolvedObject }}", "{{.InvolvedObject}}", ".ToJSON", "Json .}", "Json . "];
    const LABELS: [&str; 3] =
        ["InvolvedObject.Labels", "InvolvedObject.Annotations", "InvolvedObject.Deleted"];
    let shown: Vec<String> = sinks
        .iter()
        .filter(|sink| sink.instead.is_none())
        .map(|sink| yaml::entries(&sink.options, 0))
        .collect();
    let shows = |parts: &[&str]| shown.iter().any(|text| parts.iter().any(|part| text.contains(part)));
    let words = [
        ("labels", is_asked_for || shows(&WHOLE) || shows(&LABELS)),
        ("owners", shows(&WHOLE) || shows(&["InvolvedObject.OwnerReferences"])),
    ];
    let words: Vec<&str> =
        words.into_iter().filter(|(_, is_needed)| *is_needed).map(|(word, _)| word).collect();
    if words.is_empty() {
        return None;
    }
    let text = format!(
        "the objects of events are looked up (enrich: [{}]), which needs the rights of deploy/enrichment/; an event that has waited \
         for enrich_wait (500ms) goes without, so that no label of it matches",
        words.join(", ")
    );
    report.add(Weight::Differs, 0, "enrich", text);
    Some(("enrich".to_owned(), Yaml::texts(words)))
}

/// The log, as far as it is not as it would be anyway.
fn log(top: &Fields<'_>, report: &mut Report) -> Option<(String, Yaml)> {
    let mut log = Vec::new();
    if top.text("logFormat") == Some("json") {
        log.push(("format".to_owned(), Yaml::text("json")));
    }
    match top.text("logLevel") {
        Some("trace") => log.push(("verbosity".to_owned(), Yaml::plain(6))),
        Some("debug") => log.push(("verbosity".to_owned(), Yaml::plain(4))),
        None | Some("info") => {}
        Some(_) => {
            let text = "the log tells of what is of level info and above";
            report.add(Weight::Know, top.line_of("logLevel"), "logLevel", text);
        }
    }
    (!log.is_empty()).then_some(("log".to_owned(), Yaml::Map(log)))
}

/// The keys that have no counterpart, and why.
fn tell_of_the_rest(top: &Fields<'_>, report: &mut Report) {
    let age = ["maxEventAgeSeconds", "throttlePeriod"].into_iter().find(|key| top.text(key).is_some());
    let text = "no event is dropped for its age: a restart goes on where the one before it ended (with --state-dir), and what is \
                late is sent late. max_age= of a sink drops what has waited too long for its destination";
    let (line, key) = age.map_or((0, "maxEventAgeSeconds"), |key| (top.line_of(key), key));
    report.add(Weight::Differs, line, key, text);
    let of_key = |report: &mut Report, weight, key: &str, text: &str| {
        if top.get(key).is_some_and(|node| node.value != Value::Null) {
            report.add(weight, top.line_of(key), key, text);
        }
    };
    let is_elected =
        top.get("leaderElection").and_then(|node| node.get("enabled")).and_then(Node::text) == Some("true");
    if is_elected {
        let text = "there is no election: run one replica. The next pod goes on where it ended (with --state-dir), so that nothing is \
                    lost between the two; two replicas would send everything twice";
        report.add(Weight::Differs, top.line_of("leaderElection"), "leaderElection", text);
    }
    let text = "the metrics have other names, which docs/migrate/kubernetes-event-exporter.md lists";
    of_key(report, Weight::Differs, "metricsNamePrefix", text);
    let text = "one watch needs no limit of requests";
    of_key(report, Weight::Know, "kubeQPS", text);
    of_key(report, Weight::Know, "kubeBurst", text);
    of_key(report, Weight::Know, "cacheSize", "what is looked up is watched, and bounded by itself");
    if let Some(namespace) = top.text("namespace").filter(|text| variables::has_any(text)) {
        let text = format!(
            "all namespaces were watched if {} was empty; here that is an error",
            variables::shown(namespace)
        );
        report.add(Weight::Differs, top.line_of("namespace"), "namespace", text);
    }
}

fn tell_of_updates(config: &mut Config, report: &mut Report) {
    let text = "the tool sent an Event once, when it was new, and never again when it happened once more; here each update is sent. \
                `drop: [count() > 1]`, which stands at the end of the file as a comment, comes nearest to what it did";
    report.add(Weight::Differs, 0, "updates", text);
    config.comment = vec![
        "Each update of an Event is sent, too. To send it but once, as before, take away the marks of these lines:".to_owned(),
        "drop:".to_owned(),
        "  - count() > 1".to_owned(),
    ];
}

#[cfg(test)]
mod tests;
