//! JSON stays JSON whatever the message is, and what a template escapes itself is not escaped again.

use super::*;

const NASTY: &str = "a \"quoted\" \\ path\r\n\ttab \u{1} <b> & 中文 \u{2028}";

fn nasty() -> Event {
    let mut event = backoff();
    event.message = NASTY.to_owned();
    event
}

fn message_in(text: &str) -> String {
    let body = render_as(text, &nasty(), Escaping::Json).unwrap();
    let json: serde_json::Value =
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{text}: {error}: {body}"));
    json["m"].as_str().unwrap_or_else(|| panic!("{text}: {body}")).to_owned()
}

#[test]
fn a_message_between_quotes_is_escaped() {
    for text in [
        "{\"m\": \"{{ .Message }}\"}",
        "{\"m\": \"{{ with .Message }}{{ . }}{{ end }}\"}",
        "{\"m\": \"{{ if .Series }}{{ else }}{{ .Message }}{{ end }}\"}",
        "{{ $m := .Message }}{\"r\": \"{{ .Reason }}\", \"m\": \"{{ $m }}\"}",
        "{\"m\": \"{{ template \"t\" . }}\"}{{ define \"t\" }}{{ .Message }}{{ end }}",
        "{\"x\\\"\": \"\\\\\", \"m\": \"{{ printf \"%s\" .Message }}\"}",
    ] {
        assert_eq!(message_in(text), NASTY, "{text}");
    }
    assert_eq!(message_in("{\"m\": \"<{{ .Reason }}> {{ .Message }}!\"}"), format!("<BackOff> {NASTY}!"));
    assert_eq!(message_in("{\"m\": \"{{ .Message | replace \"\\n\" \" \" }}\"}"), NASTY.replace('\n', " "));
    assert_eq!(
        message_in("{\"m\": \"{{ regexReplaceAll \"\\\\s+\" .Message \" \" }}\"}"),
        "a \"quoted\" \\ path tab \u{1} <b> & 中文 \u{2028}"
    );
    assert_eq!(message_in("{\"m\": \"{{ .Labels }}{{ .Labels.no }}\"}"), "map[]<no value>");
}

#[test]
fn what_a_template_escapes_itself_is_left_as_it_is() {
    for text in [
        "{\"m\": {{ .Message | toJson }}}",
        "{\"m\": {{ toRawJson .Message }}}",
        "{{ toJson (dict \"m\" .Message) }}",
        "{{ $m := toJson .Message }}{\"m\": {{ $m }}}",
        "{\"m\": \"{{ .Message | toJson | trimPrefix \"\\\"\" | trimSuffix \"\\\"\" }}\"}",
        "{{ $m := .Message | toJson | trimAll \"x\" }}{\"m\": {{ $m }}, \"r\": \"{{ .Reason }}\"}",
    ] {
        assert_eq!(message_in(text), NASTY, "{text}");
    }
    let mut event = backoff();
    event.message = "say \"hi\" \\ \n".to_owned();
    for text in [
        "{\"m\": {{ quote .Message }}}",
        "{\"m\": {{ printf \"%q\" .Message }}}",
        "{\"m\": \"{{ .Message | replace \"\\\\\" \"\\\\\\\\\" | replace \"\\\"\" \"\\\\\\\"\" | replace \"\\n\" \"\\\\n\" }}\"}",
    ] {
        let body = render_as(text, &event, Escaping::Json).unwrap();
        let json: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(json["m"], event.message, "{text}");
    }
}

#[test]
fn values_outside_of_quotes_are_put_in_as_they_are() {
    let text = "{\"n\": {{ .Count }}, \"w\": {{ eq .Type \"Warning\" }}, \"l\": {{ toJson .Labels }}}";
    assert_eq!(render_as(text, &backoff(), Escaping::Json).unwrap(), "{\"n\": 7, \"w\": true, \"l\": null}");
}

#[test]
fn quotes_are_taken_out_of_the_message_alone_and_only_if_wanted() {
    let mut event = backoff();
    event.message = "a \"b\"".to_owned();
    event.metadata.labels.insert("l".to_owned(), "\"c\"".to_owned());
    let text = "{{ .Message }} {{ .Labels.l }} {{ \"\\\"\" }}";
    assert_eq!(render_as(text, &event, Escaping::QuotesTakenOut).unwrap(), "a b \"c\" \"");
    assert_eq!(render_as(text, &event, Escaping::None).unwrap(), "a \"b\" \"c\" \"");
}

#[test]
fn kube_eventers_default_template_gives_its_payload() {
    let text = "\n{\n\t\"EventType\": \"{{ .Type }}\",\n\t\"EventKind\": \"{{ .InvolvedObject.Kind }}\",\n\t\"EventReason\": \"{{ .Reason }}\",\n\t\"EventTime\": \"{{ .LastTimestamp }}\",\n\t\"EventMessage\": \"{{ .Message }}\"\n}";
    let body = render_as(text, &backoff(), Escaping::QuotesTakenOut).unwrap();
    assert_eq!(
        body,
        "\n{\n\t\"EventType\": \"Warning\",\n\t\"EventKind\": \"Pod\",\n\t\"EventReason\": \"BackOff\",\n\t\"EventTime\": \"2024-05-06 07:08:10 +0000 UTC\",\n\t\"EventMessage\": \"Back-off restarting failed container web in pod web-0_prod <exit=1> & retry; path=C:\\tmp 100% 中文\"\n}"
    );
}

#[test]
fn json_is_recognised_by_its_beginning() {
    for json in ["{\"a\": 1}", "\n [1]", "{{ $x := 1 }}\n{ \"a\": {{ $x }} }", "{{/* c */}}{}"] {
        assert!(Template::parse(json).unwrap().looks_like_json(), "{json}");
    }
    for text in ["a {}", "{{ .Reason }}: {{ .Message }}", "", "<b>"] {
        assert!(!Template::parse(text).unwrap().looks_like_json(), "{text}");
    }
}
