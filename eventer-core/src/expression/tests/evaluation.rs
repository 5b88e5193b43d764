//! What an expression is of an event.

use jiff::SignedDuration;

use super::*;

#[track_caller]
fn holds(text: &str, event: &Event) {
    assert_eq!(matches(text, event), Ok(true), "{text}");
}

#[test]
fn fields_are_compared_by_their_types() {
    let event = event();
    for text in [
        "type == 'Warning' && reason != 'Created'",
        "count == 7 && count > 6 && count >= 7 && count < 8 && count <= 7u && count > 6.5 && 7.0 == count",
        "involvedObject.kind < 'Pof' && 'Pod' >= involvedObject.kind",
        "lastTimestamp > firstTimestamp && lastTimestamp > timestamp('2001-01-01T00:00:00Z')",
        "lastTimestamp - firstTimestamp > duration('1s')",
        "firstTimestamp + duration('1h') > firstTimestamp && duration('1h') + firstTimestamp > firstTimestamp",
        "duration('1h30m') == duration('90m') && duration('-1s') < duration('0')",
        "false < true && (1 < 2) == true",
        "reason + '/' + type == 'BackOff/Warning'",
        "-count == -7 && count * 2 - 1 == 13 && count / 2 == 3 && count % 4 == 3 && -count / 2 == -3",
        "count > 100 ? false : reason == 'BackOff'",
        "(count > 100 ? related : involvedObject).kind == 'Pod'",
    ] {
        holds(text, &event);
    }
}

#[test]
fn lists_and_maps_are_looked_into() {
    let event = event_with(
        r#"{"staticLabels": {"team": "a", "empty": ""}, "metadata": {"finalizers": ["x", "y"]},
            "enrichment": {"owners": [{"kind": "ReplicaSet", "controller": true}, {"kind": "Deployment"}],
                           "services": ["web"], "node": {"name": "n1", "addresses": {"InternalIP": "10.0.0.1"}}}}"#,
    );
    for text in [
        "staticLabels['team'] == 'a' && staticLabels.team == 'a' && staticLabels[reason] == ''",
        "'team' in staticLabels && !('tea' in staticLabels) && 'empty' in staticLabels",
        "'x' in metadata.finalizers && !(reason in metadata.finalizers) && metadata.finalizers[1] == 'y'",
        "enrichment.owners[1].kind == 'Deployment' && enrichment.owners[0].controller",
        "enrichment.owners.size() == 2 && size(enrichment.services) == 1 && staticLabels.size() == 2",
        "enrichment.node.addresses['InternalIP'].startsWith('10.')",
        "reason in ['Created', 'BackOff'] && !(count in [1, 2]) && !(reason in [])",
        "7.0 in [count] && count in [7.0]",
    ] {
        holds(text, &event);
    }
}

#[test]
fn text_is_asked_as_cel_asks() {
    let event = event_with(r#"{"message": " Größe 10Gi ", "reason": "BackOff"}"#);
    for text in [
        "reason.contains('kO') && reason.startsWith('Back') && reason.endsWith('Off')",
        "reason.lowerAscii() == 'backoff' && reason.upperAscii() == 'BACKOFF'",
        "message.trim() == 'Größe 10Gi' && message.size() == 12",
        r"message.matches('\\d+Gi') && matches(message, r'^\s') && !reason.matches('^back') && reason.matches('(?i)^back')",
        // Word characters are those of ASCII, as RE2 has them.
        r"!message.matches(r'Gr\w+e')",
    ] {
        holds(text, &event);
    }
}

#[test]
fn what_is_absent_is_zero_also_below_what_is_absent() {
    let event = Event::default();
    for text in [
        "type == '' && reason == '' && cluster == '' && count == 0 && count() == 1",
        "series.count == 0 && series.state == '' && related.kind == '' && !related.deleted",
        "enrichment.node.name == '' && enrichment.owners[3].kind == '' && enrichment.owners[-1 * 1].name == ''",
        "enrichment.node.addresses['InternalIP'] == '' && involvedObject.labels['team'] == ''",
        "involvedObject.ownerReferences.size() == 0 && !('a' in involvedObject.labels) && staticLabels.size() == 0",
        "metadata.finalizers[0] == '' && !('x' in enrichment.services)",
        "lastTimestamp == timestamp('0001-01-01T00:00:00Z') && series.lastObservedTime == eventTime",
        "lastTimestamp - firstTimestamp == duration('0s') && age() == duration('0s')",
    ] {
        holds(text, &event);
    }
}

#[test]
fn has_asks_whether_a_field_is_filled_in() {
    let absent = Event::default();
    for text in [
        "has(series.count)",
        "has(series.lastObservedTime)",
        "has(enrichment.node)",
        "has(enrichment.owners)",
        "has(involvedObject.labels.team)",
        "has(involvedObject.deleted)",
        "has(related.name)",
    ] {
        assert_eq!(matches(text, &absent), Ok(false), "{text}");
    }
    let event = event_with(
        r#"{"series": {"count": 2, "lastObservedTime": "2026-11-21T06:00:00Z"}, "related": {"name": "x"},
            "involvedObject": {"labels": {"team": ""}, "deleted": true},
            "enrichment": {"owners": [{"kind": "Job"}], "node": {"name": "n1"}}}"#,
    );
    holds(
        "has(series.count) && has(series.lastObservedTime) && has(enrichment.node) && has(enrichment.owners)",
        &event,
    );
    holds("has(involvedObject.labels.team) && has(involvedObject.deleted) && has(related.name)", &event);
}

#[test]
fn the_events_own_answers_are_functions() {
    let mut event = event_with(r#"{"series": {"count": 12}, "source": {"component": "kubelet"}}"#);
    event.received_at = event.last_seen() + SignedDuration::from_secs(90);
    holds("count() == 12 && count == 7 && component() == 'kubelet' && age() == duration('90s')", &event);
    holds("lastSeen() == lastTimestamp && objectNamespace() == involvedObject.namespace", &event);
    holds("id() == metadata.uid + '-' + metadata.resourceVersion", &event);
}

#[test]
fn what_leaves_its_range_and_a_division_by_zero_are_errors() {
    for (text, told) in [
        ("count / (count - 7) > 0", "column 1: the division is by zero"),
        ("true && count % 0 == 0", "column 9: the division is by zero"),
        ("9223372036854775807 + count > 0", "column 1: the number is too large"),
        ("-9223372036854775807 - count < 0", "column 1: the number is too large"),
        ("9223372036854775807 * count > 0", "column 1: the number is too large"),
        ("(-9223372036854775807 - 1) / -1 > count", "column 2: the number is too large"),
        ("-(-9223372036854775807 - 1) > count", "column 1: the number is too large"),
        ("firstTimestamp + duration('90000000h') > lastTimestamp", "column 1: the time is out of range"),
        (
            "timestamp('0001-01-01T00:00:00Z') - duration('1s') < lastTimestamp",
            "column 1: the time is out of range",
        ),
        ("reason in ['BackOff', 1 / 0 > 1 ? '' : '']", "column 23: the division is by zero"),
    ] {
        assert_eq!(matches(text, &event()), Err(format!("it could not be computed: {told}")), "{text}");
    }
}

#[test]
fn an_error_on_one_side_is_absorbed_if_the_other_decides() {
    for (text, answer) in [
        ("1 / 0 > 1 && false", Some(false)),
        ("false && 1 / 0 > 1", Some(false)),
        ("1 / 0 > 1 || true", Some(true)),
        ("true || 1 / 0 > 1", Some(true)),
        ("1 / 0 > 1 && true", None),
        ("true && 1 / 0 > 1", None),
        ("1 / 0 > 1 || false", None),
        ("!(1 / 0 > 1 && false)", Some(true)),
        ("1 / 0 > 1 && true && 1 / 0 > 2 && false", Some(false)),
        ("true ? true : 1 / 0 > 1", Some(true)),
        ("1 / 0 > 1 ? true : true", None),
    ] {
        assert_eq!(matches(text, &event()).ok(), answer, "{text}");
    }
}

#[test]
fn an_expression_shows_its_text() {
    let text = " type == 'Warning' // a comment";
    assert_eq!(expression(text).to_string(), text);
    assert_eq!(format!("{:?}", text.parse::<Expression>()), format!("Ok(Expression({text:?}))"));
}
