//! The route tree and its conditions, decision by decision.

use std::collections::BTreeSet;
use std::sync::Arc;

use eventer_core::event::{Labels, Metadata, ObjectReference, Origin};
use eventer_core::{Event, Expression};
use fastrand::Rng;
use serde_json::{Value as Json, json};

use super::*;
use crate::convert::pattern;

const EXAMPLE: &str = include_str!("../../../testdata/convert/event-exporter/config.yaml");

/// What the tool does, told as its own code does it, on the tree as it was written.
mod tool {
    use super::*;

    pub(super) fn process<'t>(route: &'t Json, event: &Event, sent: &mut BTreeSet<&'t str>) {
        for rule in list(route, "drop") {
            if matches(rule, event) {
                return;
            }
        }
        let mut all = true;
        for rule in list(route, "match") {
            if matches(rule, event) {
                sent.extend(rule["receiver"].as_str().filter(|name| !name.is_empty()));
            } else {
                all = false;
            }
        }
        if all {
            for route in list(route, "routes") {
                process(route, event, sent);
            }
        }
    }

    fn list<'t>(route: &'t Json, key: &str) -> impl Iterator<Item = &'t Json> {
        route[key].as_array().into_iter().flatten()
    }

    fn matches(rule: &Json, event: &Event) -> bool {
        let object = &event.involved_object;
        let fields = [
            ("message", &*event.message),
            ("apiVersion", &object.api_version),
            ("kind", &object.kind),
            ("namespace", &event.metadata.namespace),
            ("reason", &event.reason),
            ("type", event.event_type.as_str()),
            ("component", &event.source.component),
            ("host", &event.source.host),
        ];
        let empty = Labels::new();
        let maps = [("labels", &object.labels), ("annotations", &object.annotations)];
        fields.iter().all(|(key, value)| {
            let pattern = rule[key].as_str().unwrap_or_default();
            pattern.is_empty() || found(pattern, value)
        }) && maps.iter().all(|(key, known)| {
            let known = known.as_deref().unwrap_or(&empty);
            rule[key].as_object().into_iter().flatten().all(|(name, pattern)| {
                known.get(name).is_some_and(|value| found(pattern.as_str().unwrap(), value))
            })
        }) && i64::from(event.count) >= rule["minCount"].as_i64().unwrap_or(0)
    }

    fn found(pattern: &str, text: &str) -> bool {
        pattern::compile(pattern).is_ok_and(|finds| finds(text))
    }
}

/// When a receiver gets an event, as the program reads it.
fn expression(route: &Route, receiver: &str) -> Expression {
    Expression::parse(&route.condition(receiver).lines().join(" ")).unwrap()
}

fn pick<'v>(random: &mut Rng, values: &[&'v str]) -> &'v str {
    values[random.usize(..values.len())]
}

const RECEIVERS: [&str; 4] = ["a", "b", "c", "d"];

fn random_rule(random: &mut Rng, may_send: bool) -> Json {
    let mut rule = serde_json::Map::new();
    for _ in 0..random.usize(0..3) {
        let (key, pattern) = match random.usize(0..12) {
            0 => ("type", pick(random, &["^Normal$", "Warning", "^(Normal|Warning)$", "*bad*"])),
            1 => ("kind", pick(random, &["^Pod$", "Pod", "^(Pod|Node)$", "od", "^P", "(?i)pod", ""])),
            2 => (
                "namespace",
                pick(random, &["^prod$", "prod", "^kube-", "-system$", ".*", "^$", "^(a|prod)$"]),
            ),
            3 => ("reason", pick(random, &["BackOff", "^BackOff$", "Failed.*", "^.*Off$", "^Failed|Off$"])),
            4 => ("message", pick(random, &["line$", "^one", "^one.*line$", "e\\nl", "\\d", "a|b", ".+"])),
            5 => ("component", pick(random, &["kubelet", "^$", "^kube"])),
            6 => ("host", pick(random, &["node-[0-9]+", "^node-1$"])),
            7 => ("apiVersion", pick(random, &["^v1$", "apps/.*"])),
            8 => {
                rule.insert("minCount".to_owned(), random.i32(0..4).into());
                continue;
            }
            n => {
                let name = pick(random, &["team", "app.kubernetes.io/name"]);
                let pattern = pick(random, &["pay|check", "^pay$", ".*", "", "x*", "["]);
                let map = if n == 9 { "annotations" } else { "labels" };
                rule.insert(map.to_owned(), json!({ name: pattern }));
                continue;
            }
        };
        rule.insert(key.to_owned(), pattern.into());
    }
    if may_send && random.bool() {
        rule.insert("receiver".to_owned(), pick(random, &RECEIVERS).into());
    }
    rule.into()
}

fn random_route(random: &mut Rng, depth: usize) -> Json {
    let drop: Vec<Json> = (0..random.usize(0..2)).map(|_| random_rule(random, false)).collect();
    let matches: Vec<Json> = (0..random.usize(0..4)).map(|_| random_rule(random, true)).collect();
    let below = if depth == 0 { 0 } else { random.usize(0..4) };
    let routes: Vec<Json> = (0..below).map(|_| random_route(random, depth - 1)).collect();
    json!({ "drop": drop, "match": matches, "routes": routes })
}

fn random_event(random: &mut Rng) -> Event {
    let involved_object = ObjectReference {
        kind: pick(random, &["Pod", "Node", "PodDisruptionBudget", ""]).to_owned(),
        api_version: pick(random, &["v1", "apps/v1", ""]).to_owned(),
        ..ObjectReference::default()
    };
    let metadata = Metadata {
        namespace: pick(random, &["prod", "kube-system", "default", "a", ""]).to_owned(),
        ..Metadata::default()
    };
    let source = Origin {
        component: pick(random, &["kubelet", "scheduler", ""]).to_owned(),
        host: pick(random, &["node-1", "node-22", ""]).to_owned(),
    };
    let mut event = Event {
        event_type: pick(random, &["Normal", "Warning", ""]).into(),
        reason: pick(random, &["BackOff", "FailedScheduling", "Failed", ""]).to_owned(),
        message: pick(random, &["one\nline", "one line", "a 7", "\n", ""]).to_owned(),
        count: random.i32(0..4),
        involved_object,
        metadata,
        source,
        ..Event::default()
    };
    for labels in [&mut event.involved_object.labels, &mut event.involved_object.annotations] {
        if random.bool() {
            let mut known = Labels::new();
            for name in ["team", "app.kubernetes.io/name"] {
                if random.bool() {
                    known.insert(name.to_owned(), pick(random, &["pay", "checkout", ""]).to_owned());
                }
            }
            *labels = Some(Arc::new(known));
        }
    }
    event
}

#[test]
fn ten_thousand_events_go_where_the_tree_sends_them() {
    let mut random = Rng::with_seed(20_240_506);
    let (mut sent, mut kept) = (0, 0);
    for _ in 0..1000 {
        let tree = random_route(&mut random, 3);
        let text = tree.to_string();
        let route = Route::read(&Node::parse(&text).unwrap(), "route", &mut Report::default());
        let expressions = RECEIVERS.map(|name| (name, expression(&route, name)));
        for _ in 0..10 {
            let event = random_event(&mut random);
            let decided = expressions.iter().filter(|(_, expression)| expression.matches(&event).unwrap());
            let decided: BTreeSet<&str> = decided.map(|(name, _)| *name).collect();
            let mut expected = BTreeSet::new();
            tool::process(&tree, &event, &mut expected);
            assert_eq!(decided, expected, "{text}\n{}", json!(event));
            sent += expected.len();
            kept += RECEIVERS.len() - expected.len();
        }
    }
    assert!(sent > 2000 && kept > 2000, "{sent} {kept}");
}

#[test]
fn the_worked_example_decides_as_it_should() {
    let document = Node::parse(&variables::mark(EXAMPLE).text).unwrap();
    let route = Route::read(document.get("route").unwrap(), "route", &mut Report::default());
    let names = ["archive", "warnings-loki", "slack-oncall", "pager"];
    let receivers = |event: Json| -> Vec<&str> {
        let event: Event = serde_json::from_value(event).unwrap();
        names.into_iter().filter(|name| expression(&route, name).matches(&event).unwrap()).collect()
    };
    let event = |kind: &str, event_type: &str| {
        json!({
            "type": event_type, "reason": "BackOff", "count": 1, "metadata": {"namespace": "prod"},
            "involvedObject": {"kind": kind, "labels": {"team": "payments"}}, "source": {"component": "kubelet"},
        })
    };
    assert_eq!(receivers(event("Pod", "Warning")), ["archive", "warnings-loki", "slack-oncall"]);
    assert_eq!(receivers(event("Pod", "Normal")), ["archive"]);
    assert_eq!(receivers(event("Node", "Warning")), ["archive"]);
    let mut paged = event("Pod", "Warning");
    paged["involvedObject"]["annotations"] = json!({"alert": "page"});
    assert_eq!(receivers(paged), names);
    let mut dropped = event("Pod", "Warning");
    dropped["metadata"]["namespace"] = json!("sandbox-1");
    assert_eq!(receivers(dropped), [""; 0]);
}

#[test]
fn a_deep_tree_gives_no_more_text_than_it_has() {
    let mut tree = json!({"match": [{"kind": "k0", "receiver": "a"}]});
    for depth in 1..25 {
        tree = json!({
            "drop": [{"reason": format!("drop{depth}"), "message": format!("m{depth}")}],
            "match": [{"kind": format!("k{depth}"), "receiver": "a"}, {"namespace": format!("n{depth}")}],
            "routes": [tree.clone()],
        });
    }
    let text = tree.to_string();
    let route = Route::read(&Node::parse(&text).unwrap(), "route", &mut Report::default());
    let written = route.condition("a").to_cel();
    Expression::parse(&written).unwrap();
    assert!(written.len() < 2 * text.len(), "{} of {}", written.len(), text.len());
}

#[test]
fn what_has_a_form_that_cannot_be_read_is_told() {
    let text = "clusterName: {a: b}\nnamespace: [x]\nlogLevel: [info]\nroute:\n  drop: {kind: Pod}\n  match:\n    - 5\n    \
                - {labels: [a], namespace: [x], receiver: [r], annotations: {a: [b]}, reason: }\n  routes: {a: b}\n\
                receivers: {a: b}\n";
    let mut report = Report::default();
    convert(&Node::parse(text).unwrap(), &mut report, &mut Secrets::default());
    let report = report.to_string();
    let lost = report.split("\n## ").next().unwrap();
    for told in [
        "line 1: `clusterName`: it takes a text, and this is a map",
        "line 2: `namespace`: it takes a text, and this is a list",
        "line 3: `logLevel`: it takes a text, and this is a list",
        "line 5: `route.drop`: it takes a list of rules, and this is a map",
        "line 7: `route.match[0]`: it takes a map, and this is a number",
        "line 8: `route.match[1].labels`: it takes a map of names and expressions, and this is a list",
        "line 8: `route.match[1].namespace`: it takes a regular expression, and this is a list",
        "line 8: `route.match[1].receiver`: it takes a name, and this is a list",
        "line 8: `route.match[1].annotations.a`: it takes a regular expression, and this is a list",
        "line 9: `route.routes`: it takes a list of routes, and this is a map",
        "line 10: `receivers`: it takes a list, and this is a map",
    ] {
        assert!(lost.contains(told), "{told}\n{report}");
    }
    assert_eq!(lost.matches("does not start with it").count(), 11, "{report}");
}
