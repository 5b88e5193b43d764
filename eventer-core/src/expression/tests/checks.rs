//! Every mistake is told with its place, and with what was meant.

use super::*;

#[track_caller]
fn tells(text: &str, told: &str) {
    match Expression::parse(text) {
        Ok(_) => panic!("{text} was taken"),
        Err(error) => assert_eq!(error.to_string(), told, "{text}"),
    }
}

#[test]
fn a_name_that_is_misspelt_is_told_with_what_was_meant() {
    tells(
        "involvedObjet.kind == 'Pod'",
        r#"column 1: there is no field "involvedObjet", did you mean "involvedObject"?"#,
    );
    tells("involvedObject.kin == 'Pod'", r#"column 16: there is no .kin in an object, did you mean "kind"?"#);
    tells("kind == 'Pod'", r#"column 1: there is no field "kind", did you mean "involvedObject.kind"?"#);
    tells(
        "namespace == 'prod'",
        r#"column 1: there is no field "namespace", did you mean "involvedObject.namespace"?"#,
    );
    tells("Type == 'Warning'", r#"column 1: there is no field "Type", did you mean "type"?"#);
    tells("x.y.z", r#"column 1: there is no field "x""#);
    tells("reason.x == ''", "column 8: there is no .x in a string");
    tells("message.contain('x')", r#"column 9: there is no function "contain", did you mean "contains"?"#);
    tells("lastSeen > eventTime", "column 1: lastSeen is a function, and is written lastSeen()");
    tells("reason() == 'x'", "column 1: reason is a field, and is written without brackets");
    tells("contains(message, 'x')", "column 1: contains is asked of something: write message.contains(…)");
    tells("has(series.count, series.count)", "column 1: has is written has(series.count)");
    tells(
        "message.timestamp() > lastSeen()",
        "column 9: timestamp is written timestamp(\"2026-11-21T06:00:00Z\")",
    );
    tells("matches()", "column 1: matches is written message.matches(\"regex\")");
    tells("message.age() > age()", "column 9: age is asked of the event, not of a string: write age()");
}

#[test]
fn every_mistake_is_told_in_its_order_and_in_its_line() {
    tells(
        "messag == 'ü' ||\n  ('é' == reasn && typ)",
        "line 1, column 1: there is no field \"messag\", did you mean \"message\"?; \
         line 2, column 11: there is no field \"reasn\", did you mean \"reason\"?; \
         line 2, column 20: there is no field \"typ\", did you mean \"type\"?",
    );
}

#[test]
fn types_must_fit() {
    tells("type", "column 1: it must be true or false, and this is a string");
    tells("(((count)))", "column 4: it must be true or false, and this is an int");
    tells("type == 1", "column 6: == cannot compare a string with an int");
    tells(
        "lastTimestamp > '2026'",
        "column 15: > cannot compare a timestamp with a string; write timestamp(\"2026-11-21T06:00:00Z\")",
    );
    tells(
        "age() > 90",
        "column 7: > cannot compare a duration with an int; a duration is written duration(\"90s\")",
    );
    tells("series == related", "column 8: == cannot compare a series with an object; compare a field of it");
    tells(
        "metadata.labels == metadata.annotations",
        "column 17: == cannot compare a map(string, string) with a map(string, string); \
         ask by in, by size() or by an index",
    );
    tells("!reason", "column 2: this must be true or false, and is a string");
    tells("reason && true", "column 1: this must be true or false, and is a string");
    tells("reason ? true : false", "column 1: this must be true or false, and is a string");
    tells(
        "true ? 1 : 'a'",
        "column 8: both sides of : must be of one type, and here are an int and a string",
    );
    tells("count + reason == ''", "column 7: there is no + of an int and a string");
    tells("count + 1.5 > 2.0", "column 7: there is no + of an int and a double");
    tells("-reason == ''", "column 1: there is no - of a string");
    tells("staticLabels[1] == ''", "column 13: a map(string, string) has no index of an int");
    tells("cluster[0] == ''", "column 8: a string has no index of an int");
    tells("reason in ['a', 1]", "column 17: this is an int, and left of in stands a string");
    tells("count in metadata.finalizers", "column 7: an int cannot be in a list(string)");
    tells("message.contains(1)", "column 9: contains takes a string, not an int");
    tells("message.contains()", "column 9: contains takes a string, not nothing");
    tells(
        "count.size() == 1",
        "column 7: size is asked of a string or a map(string, string) or a list(string) or a list(owner), not of an int",
    );
}

#[test]
fn what_is_computed_when_it_is_read_must_be_written_out() {
    tells(
        "message.matches(reason)",
        "column 1: matches takes a regular expression that is written out as a string",
    );
    tells("message.matches('a(')", "column 17: \"a(\" is no regular expression: unclosed group");
    tells("count.matches('a')", "column 1: matches is asked of a string, not of an int");
    tells("duration(reason) > age()", "column 1: duration takes a string that is written out");
    tells("duration('5') > age()", "column 10: \"5\" is no duration such as 90s or 1h30m");
    tells("timestamp('x') > lastSeen()", "column 11: \"x\" is no timestamp such as 2026-11-21T06:00:00Z");
}

#[test]
fn what_of_cel_is_not_offered_is_refused_in_plain_words() {
    for text in [
        "enrichment.owners.exists(o, o.kind == 'Deployment')",
        "metadata.finalizers.all(f, f != '')",
        "metadata.finalizers.map(f, f).size() > 0",
        "metadata.finalizers.filter(f, true).size() > 0",
        "metadata.finalizers.exists_one(f, true)",
        "metadata.finalizers.exists(x)",
    ] {
        let error = Expression::parse(text).unwrap_err().to_string();
        assert!(error.contains("all, exists, exists_one, map and filter are not offered"), "{text}: {error}");
    }
    tells("[1, 2][0] == 1", "column 1: a list stands right of in, and nowhere else");
    tells("'a' in {'a': 1}", "column 8: a map cannot be written here");
    tells("reason == b'x'", "column 11: nothing in an event is bytes; leave the b out");
    tells(
        "related == null",
        "column 12: nothing is null here: what is absent is \"\", 0 or empty, and has(series.count) asks for it",
    );
    tells(
        "has(reason)",
        "column 5: has is asked of a field of a field, such as has(series.count); \
         a field of the event itself is compared, such as reason != \"\"",
    );
}

#[test]
fn mistakes_of_the_grammar_are_told_in_plain_words() {
    tells("", "column 1: it is empty");
    tells(" \n", "line 1, column 1: it is empty");
    tells("reason == ", "column 11: it ends too early");
    tells("reason in ['a'", "column 15: it ends too early");
    tells("type = 'a'", "column 6: a single = means nothing; == compares");
    tells("'ü' == 'ü' and true", "column 12: and is written &&");
    tells("true or false", "column 6: or is written ||");
    tells("reason == 'x') || true", "column 14: ) is not expected here");
    tells("reason # 'x'", "column 8: '#' is not understood");
    tells("'ü' != 'ü' & true", "column 12: '&' is not understood");
    tells(
        r#"message.matches("a\d")"#,
        r"column 19: this escape means nothing; a backslash is written \\, or r before the string",
    );
    tells("true ? false", "column 13: it ends too early");
    tells("9223372036854775808 > count", "column 1: invalid int literal");
    tells(
        "reason == 'x",
        "column 11: the string that begins here is not closed; in a URI a & in it is written %26",
    );
}
