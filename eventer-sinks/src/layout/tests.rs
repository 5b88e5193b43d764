//! Layouts: types, order, places of errors, limits, and the examples of `docs/layouts.md`.

use eventer_core::event::EventType;
use proptest::prelude::*;

use super::*;
use crate::template::TEMPLATE_BYTES;

const ENRICHED: &str = include_str!("../../testdata/template/enriched.json");

fn event() -> Event {
    let mut event: Event = serde_json::from_str(ENRICHED).unwrap();
    event.received_at = now();
    event
}

fn now() -> Timestamp {
    "2024-05-06T07:20:00Z".parse().unwrap()
}

fn try_write(layout: &str, event: &Event) -> Result<String, String> {
    let mut out = b"before ".to_vec();
    let written = Layout::parse(layout).unwrap().write(event, &TimeZone::UTC, now(), &mut out);
    let text = String::from_utf8(out).unwrap();
    let text = text.strip_prefix("before ").unwrap();
    assert!(written.is_ok() || text.is_empty(), "nothing is left of what could not be written: {text}");
    written.map(|()| text.to_owned())
}

fn write(layout: &str) -> String {
    try_write(layout, &event()).unwrap()
}

fn problem(layout: &str) -> String {
    Layout::parse(layout).map(drop).unwrap_err()
}

#[test]
fn keys_keep_their_order_and_values_their_types() {
    let layout = r#"{
        "z": "{{ .Reason }}",
        "count": "{{ .Count }}",
        "text": "{{ .Count }} times",
        "deleted": "{{ .InvolvedObject.Deleted }}",
        "series": "{{ .Series }}",
        "labels": "{{ .InvolvedObject.Labels }}",
        "services": "{{ .Enrichment.Services }}",
        "at": "{{ .LastTimestamp }}",
        "list": ["{{ .Type }}", [], {}, null, true, 1, -2, 1.5],
        "a": {"{{ .Reason }}": "not rendered"}
    }"#;
    let expected = concat!(
        r#"{"z":"BackOff","count":7,"text":"7 times","deleted":true,"series":null,"#,
        r#""labels":{"app.kubernetes.io/name":"web","team":"payments"},"services":["web","web-headless"],"#,
        r#""at":"2024-05-06T07:08:10Z","list":["Warning",[],{},null,true,1,-2,1.5],"#,
        r#""a":{"{{ .Reason }}":"not rendered"}}"#,
    );
    assert_eq!(write(layout), expected);
}

#[test]
fn a_layout_may_be_any_json() {
    for (layout, expected) in [
        (r#""{{ .Reason }}""#, r#""BackOff""#),
        (r#""{{ .Count }}""#, "7"),
        (r#""plain \"text\" }}""#, r#""plain \"text\" }}""#),
        (r#"["{{ .Count }}", "{{ .Type }}"]"#, r#"[7,"Warning"]"#),
        (" null ", "null"),
        ("18446744073709551615", "18446744073709551615"),
    ] {
        assert_eq!(write(layout), expected, "{layout}");
    }
    assert_eq!(serde_json::from_str::<Event>(&write(r#""{{ . }}""#)).unwrap().message, event().message);
}

#[test]
fn all_that_is_wrong_is_told_with_its_place() {
    assert_eq!(
        problem(
            r#"{"object": {"kind": "{{ .InvolvedObject.Knid }}"}, "a b": ["", "{{ .Reasn }}"], "x": 1, "x": 2}"#
        ),
        "layout.object.kind: line 1, column 4: there is no .Knid in an object reference, did you mean .Kind?; \
         layout[\"a b\"][1]: line 1, column 4: there is no .Reasn in the event, did you mean .Reason?; \
         layout.x: the key stands here twice"
    );
    assert_eq!(
        problem(r#""{{ uper .Type }}""#),
        "layout: line 1, column 4: there is no function \"uper\", did you mean upper?"
    );
    for broken in ["", "{", "{{ .Reason }}", r#"{"a": 1} x"#, r#"{"a": 1,}"#] {
        let problem = problem(broken);
        assert!(
            problem.starts_with("it is no JSON, in which a template stands in quotes: "),
            "{broken}: {problem}"
        );
    }
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    assert!(problem(&deep).contains("recursion limit"), "{}", problem(&deep));
    let long = format!("\"{}\"", "x".repeat(TEMPLATE_BYTES));
    assert!(problem(&long).contains("longer than"), "{}", problem(&long));
}

#[test]
fn an_event_that_cannot_be_laid_out_is_told_with_its_place() {
    let error = try_write(r#"{"a": 1, "owner": ["{{ index .OwnerReferences 3 }}"]}"#, &event()).unwrap_err();
    assert!(error.starts_with("layout.owner[0]: template, line 1, column 4: index: "), "{error}");
    let error = try_write(r#"{"n": "{{ float64 `NaN` }}"}"#, &event());
    assert!(error.as_ref().is_err_and(|error| error.contains("no number in JSON")), "{error:?}");
}

#[test]
fn all_templates_of_a_layout_keep_to_the_limits_of_one() {
    let busy = "{{ range until 50000 }}{{ end }}";
    assert_eq!(try_write(&format!("[\"{busy}\"]"), &event()).unwrap(), r#"[""]"#);
    let error =
        try_write(&format!("[{}]", [format!("\"{busy}\"").as_str(); 9].join(",")), &event()).unwrap_err();
    assert!(error.ends_with("the template takes too many steps"), "{error}");

    let long = r#""{{ repeat 600000 "x" }}""#.replace("\"x\"", "\\\"x\\\"");
    assert!(try_write(&format!("[{long}]"), &event()).is_ok());
    let error = try_write(&format!("[{long},{long}]"), &event()).unwrap_err();
    assert!(error.starts_with("what the layout gives is longer than"), "{error}");
    let escaped = long.replace("\\\"x\\\"", "\\\"\\\\\\\"\\\"");
    let error = try_write(&format!("[{escaped}]"), &event()).unwrap_err();
    assert!(error.contains("longer than"), "{error}");
}

#[test]
fn a_secret_in_a_layout_is_not_shown_by_debug() {
    let layout = Layout::parse(r#"{"token": "hunter2", "at": "hunter2 {{ .Reason }}"}"#).unwrap();
    assert_eq!(format!("{layout:?}"), "Layout { .. }");
}

proptest! {
    #[test]
    fn it_is_json_whatever_the_event_holds(text in ".*", key in ".*", kind in ".*", count in any::<i32>()) {
        let mut event = event();
        event.message.clone_from(&text);
        event.event_type = EventType::from(kind.as_str());
        event.count = count;
        event.metadata.labels.insert(key.clone(), text.clone());
        let layout = r#"{"text": "{{ .Message }}", "mixed": "{{ .Type }}: {{ .Message }}\n", "labels": "{{ .Labels }}",
            "count": "{{ .Count }}", "event": "{{ . }}", "exported": "{{ .ToJSON }}", "quoted": "{{ toJson .Message }}"}"#;
        let json: serde_json::Value = serde_json::from_str(&try_write(layout, &event).unwrap()).unwrap();
        prop_assert_eq!(&json["text"], &serde_json::json!(text));
        prop_assert_eq!(&json["mixed"], &serde_json::json!(format!("{kind}: {text}\n")));
        prop_assert_eq!(&json["labels"][&key], &serde_json::json!(text));
        prop_assert_eq!(&json["count"], &serde_json::json!(count));
        prop_assert_eq!(&json["event"]["message"], &json["exported"]["message"]);
    }
}

/// JSON without the space between its tokens.
fn compact(json: &str) -> String {
    let (mut is_string, mut is_escaped) = (false, false);
    let is_kept = |c: &char| {
        let is_kept = is_string || !c.is_whitespace();
        is_string ^= *c == '"' && !is_escaped;
        is_escaped = *c == '\\' && !is_escaped;
        is_kept
    };
    json.chars().filter(is_kept).collect()
}

#[test]
fn the_examples_of_the_page_give_what_it_says() {
    let page = include_str!("../../../docs/layouts.md");
    let blocks: Vec<&str> = page.split("```").skip(1).step_by(2).collect();
    let json: Vec<&str> = blocks.iter().filter_map(|block| block.strip_prefix("json\n")).collect();
    assert!(json.len() >= 6 && json.len().is_multiple_of(2), "{}", json.len());
    for example in json.chunks(2) {
        assert_eq!(write(example[0]), compact(example[1]), "{}", example[0]);
    }
    let wrong =
        problem(r#"{"object": {"kind": "{{ .InvolvedObject.Knid }}"}, "tags": ["", "{{ .Reasn }}"]}"#);
    assert!(page.contains(&format!("option \"layout\": {wrong}\n")), "{wrong}");
}
