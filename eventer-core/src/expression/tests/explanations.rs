//! What is told of a decision: the part that decided, in the user's own words, and what the event holds there.

use super::*;

#[track_caller]
fn tells(text: &str, event: &Event, told: &str) {
    assert_eq!(expression(text).explain(event), told, "{text}");
}

#[test]
fn the_operand_that_decides_is_told_and_not_the_others() {
    let event = event();
    tells(
        "type == 'Warning' && involvedObject.kind == \"Node\" && count > 3",
        &event,
        "involvedObject.kind == \"Node\" is false (involvedObject.kind is \"Pod\")",
    );
    tells("reason == 'x' || count > 3 || true", &event, "count > 3 is true (count is 7)");
    tells(
        "type == 'Warning' && (reason == 'a' || reason == 'b')",
        &event,
        "reason == 'a' || reason == 'b' is false (reason is \"BackOff\")",
    );
    tells(
        "!(reason == 'x' || (count > 3 && count < 8)) && type != ''",
        &event,
        "count > 3 && count < 8 is true (count is 7)",
    );
    tells(
        "type == 'Normal' || 1 / 0 > 1 && false",
        &event,
        "type == 'Normal' || 1 / 0 > 1 && false is false (type is \"Warning\")",
    );
    tells("1 / 0 > 1 && count == 8", &event, "count == 8 is false (count is 7)");
    tells("true", &event, "true is true");
}

#[test]
fn what_is_read_of_the_event_is_told_with_it() {
    let event = event_with(
        r#"{"staticLabels": {"app": "web", "team": "a"},
            "enrichment": {"owners": [{"kind": "ReplicaSet", "name": "web-5d"}, {"kind": "Deployment", "name": "web"}]}}"#,
    );
    tells("'x' in staticLabels", &event, "'x' in staticLabels is false (staticLabels is app=web, team=a)");
    tells(
        "(staticLabels[reason] + staticLabels.team) == (\"b\")",
        &event,
        "(staticLabels[reason] + staticLabels.team) == (\"b\") is false \
         (staticLabels[reason] is \"\", reason is \"BackOff\", staticLabels.team is \"a\")",
    );
    tells(
        "enrichment.owners [ 1 ] . kind == 'Job'",
        &event,
        "enrichment.owners [ 1 ] . kind == 'Job' is false (enrichment.owners [ 1 ] . kind is \"Deployment\")",
    );
    tells(
        "size (enrichment.owners) > 2",
        &event,
        "size (enrichment.owners) > 2 is false (enrichment.owners is ReplicaSet web-5d, Deployment web)",
    );
    tells("has (series.count)", &event, "has (series.count) is false (series.count is 0)");
    tells("has(enrichment.node)", &event, "has(enrichment.node) is false (enrichment.node is absent)");
    tells("has(staticLabels.x)", &event, "has(staticLabels.x) is false (staticLabels is app=web, team=a)");
    tells(
        "eventTime > lastTimestamp",
        &event,
        "eventTime > lastTimestamp is false (eventTime is absent, lastTimestamp is 2024-05-06T07:08:10Z)",
    );
    tells("age() > duration('90s')", &event, "age() > duration('90s') is false (age() is 0s)");
    tells("reason in ['a', ('b')]", &event, "reason in ['a', ('b')] is false (reason is \"BackOff\")");
    tells("reason in []", &event, "reason in [] is false (reason is \"BackOff\")");
    tells("-1 > count", &event, "-1 > count is false (count is 7)");
    tells("reason.matches('^(a|b)$')", &event, "reason.matches('^(a|b)$') is false (reason is \"BackOff\")");
    tells("duration ( '1s' ) > age()", &event, "duration ( '1s' ) > age() is true (age() is 0s)");
}

#[test]
fn what_is_long_is_cut() {
    let event = event_with(&format!(r#"{{"message": "{}"}}"#, "ü".repeat(300)));
    let cut = format!("message == '' is false (message is \"{}…\")", "ü".repeat(100));
    tells("message == ''", &event, &cut);
    let long = format!("message == '{}'", "x".repeat(300));
    assert!(expression(&long).explain(&event).starts_with(&format!("{:.100}… is false (message is", long)));
    let many = "type + reason + message + action + cluster + reportingInstance == ''";
    assert!(expression(many).explain(&event).ends_with("action is \"\", cluster is \"\", …)"));
}

#[test]
fn an_error_is_told_with_its_place() {
    tells(
        "count > 1 && 1 % 0 == 1",
        &event(),
        "it could not be computed: column 14: the division is by zero",
    );
}
