//! What a message says.

use std::sync::Arc;

use eventer_core::{ComponentUri, Event, SinkConfig as _, UriReader};
use jiff::tz::TimeZone;
use serde_json::Value;

use super::super::encode::{FALLBACK, SECTION_TEXT};
use super::super::fields::FIELD_TEXT;
use super::super::mrkdwn::utf16_len;
use super::super::wording::{Scope, TEXT};
use super::golden_event;
use crate::slack::SlackConfig;

/// The message that a sink with these options writes, percent escapes for what a query would swallow.
fn try_message(options: &str, event: &Event) -> Result<Value, String> {
    let uri = ComponentUri::parse("--sink", &format!("slack:http://h/x?{options}"), &()).unwrap();
    let mut reader = UriReader::new("--sink", &uri, &SlackConfig::SPEC, &[]);
    let config = SlackConfig::from_uri(&mut reader).unwrap();
    assert_eq!(reader.finish(), []);
    let scope = Scope { time_zone: &TimeZone::UTC, now: "2024-05-06T07:30:00Z".parse().unwrap() };
    let body = config.layout.body(event, None, &scope)?;
    Ok(serde_json::from_slice(&body).unwrap())
}

fn message(options: &str, event: &Event) -> Value {
    try_message(options, event).unwrap()
}

fn text(options: &str, event: &Event) -> String {
    message(options, event)["text"].as_str().unwrap().to_owned()
}

#[test]
fn golden_events_make_golden_messages() {
    for (number, golden) in [
        (1, include_str!("../../../testdata/slack/input-1.json")),
        (2, include_str!("../../../testdata/slack/input-2.json")),
        (3, include_str!("../../../testdata/slack/input-3.json")),
        (4, include_str!("../../../testdata/slack/input-4.json")),
    ] {
        let message = serde_json::to_string_pretty(&message("", &golden_event(number))).unwrap();
        assert_eq!(format!("{message}\n"), golden, "input {number}");
    }
}

#[test]
fn a_hostile_event_makes_a_golden_message() {
    let mut event = golden_event(2);
    event.cluster = Some(Arc::from("prod <eu>"));
    event.reason = "*Back*\n<!here>".to_owned();
    event.message =
        "<!channel> <https://evil.example|your bank> @everyone #general &amp; \u{0}\u{1b}[31m\r\n\tend"
            .to_owned();
    event.involved_object.name = "a|b>c".to_owned();
    event.source.host = "<@U1>".to_owned();
    let options = "link=https://grafana.example/d?pod={{ .InvolvedObject.Name }}%26x=1&fields=cluster,host,object,last_seen";
    let message = serde_json::to_string_pretty(&message(options, &event)).unwrap();
    assert_eq!(format!("{message}\n"), include_str!("../../../testdata/slack/hostile.json"));
}

#[test]
fn the_users_text_stands_for_title_and_message_and_its_markup_is_kept() {
    let event = golden_event(2);
    let message = message("text=<!here> *{{ .Reason }}* R%26D: {{ .Message | trunc 19 }}", &event);
    assert_eq!(message["text"], "<!here> *BackOff* R&D: Back-off restarting");
    let block = &message["attachments"][0]["blocks"][0];
    assert_eq!((block.get("text"), block["fields"].as_array().unwrap().len()), (None, 6));
}

#[test]
fn what_comes_from_the_event_is_no_markup_however_it_comes() {
    let mut event = golden_event(2);
    event.message = "<!channel> & <@U1>".to_owned();
    event.metadata.annotations.insert("b64".to_owned(), "PCFjaGFubmVsPg==".to_owned());
    let escaped = "&lt;!channel&gt; &amp; &lt;@U1&gt;";
    for (template, says) in [
        ("{{ .Message }}", escaped),
        ("{{ .Message | printf \"%s\" }}", escaped),
        ("{{ .Message | trunc 4 }}", "&lt;!ch"),
        ("{{ .Message | upper }}", "&lt;!CHANNEL&gt; &amp; &lt;@U1&gt;"),
        ("{{ $$m := .Message }}{{ $$m }}", escaped),
        ("{{ with .Message }}{{ . }}{{ end }}", escaped),
        ("{{ if contains \"<!\" .Message }}<!here>{{ end }}", "<!here>"),
        ("<https://e.example|{{ .Message }}>", "<https://e.example|&lt;!channel&gt; &amp; &lt;@U1&gt;>"),
        ("{{ index .Annotations \"b64\" | b64dec }}", "&lt;!channel&gt;"),
        ("{{ \"<!here>\" }}", "&lt;!here&gt;"),
        ("{{ .Message | quote }}", "\"&lt;!channel&gt; &amp; &lt;@U1&gt;\""),
        ("{{ .Message | printf \"%q\" }}", "\"&lt;!channel&gt; &amp; &lt;@U1&gt;\""),
        ("{{ .Labels.absent }}", "&lt;no value&gt;"),
        ("{{ define \"m\" }}<{{ .Message }}>{{ end }}{{ template \"m\" . }}", &format!("<{escaped}>")),
    ] {
        let options = format!("text={}", template.replace('&', "%26").replace('+', "%2B"));
        assert_eq!(text(&options, &event), says, "{template}");
    }
}

#[test]
fn without_fields_a_text_stands_alone() {
    let message = message("text={{ .Message }}&fields=", &golden_event(1));
    assert_eq!(message.get("attachments"), None);
    assert_eq!(message["text"], golden_event(1).message);
}

#[test]
fn a_text_that_says_nothing_is_an_error() {
    let says = "text={{ if eq .Type \"Warning\" }}!{{ end }}";
    assert!(try_message(says, &golden_event(2)).is_ok());
    assert_eq!(try_message(says, &golden_event(1)).unwrap_err(), "text= says nothing of this event");
}

#[test]
fn a_link_that_is_no_url_to_click_on_is_left_out() {
    let mut event = golden_event(2);
    let link = "link={{ index .Annotations \"url\" }}";
    let title = |event: &Event| text(link, event);
    let plain = "Warning *BackOff*: Pod prod/web-0";
    assert_eq!(title(&event), plain);
    for url in ["javascript:alert(1)", "ftp://h/", "/relative", "https://", "<no value>", "mailto:a@b"] {
        event.metadata.annotations.insert("url".to_owned(), url.to_owned());
        assert_eq!(title(&event), plain, "{url}");
    }
    event.metadata.annotations.insert("url".to_owned(), format!("https://h/{}", "x".repeat(3000)));
    assert_eq!(title(&event), plain);
    for (url, link) in [
        ("https://h/a b?q=<x>&r=1|2#f|<g>", "https://h/a%20b?q=%3Cx%3E&amp;r=1%7C2#f%7C%3Cg%3E"),
        (" HTTP://H/中 ", "http://h/%E4%B8%AD"),
    ] {
        event.metadata.annotations.insert("url".to_owned(), url.to_owned());
        assert_eq!(title(&event), format!("Warning *BackOff*: Pod <{link}|prod/web-0>"));
    }
}

#[test]
fn an_event_that_says_nothing_makes_a_message_that_slack_takes() {
    assert_eq!(text("", &Event::default()), "an event that says neither why nor of what");
    let empty = message("fields=namespace", &Event::default());
    assert_eq!(empty.get("attachments"), None);
    let blank = Event { message: " \n ".to_owned(), ..Event::default() };
    assert_eq!(message("fields=", &blank).get("attachments"), None);
}

#[test]
fn the_colour_is_that_of_the_type() {
    let mut event = golden_event(1);
    for (word, color) in [("Normal", "good"), ("Warning", "danger"), ("Odd", "#808080"), ("", "#808080")] {
        event.event_type = word.into();
        assert_eq!(message("", &event)["attachments"][0]["color"], color, "{word}");
    }
}

/// No text is longer than Slack takes, and none has markup that is not ours.
fn assert_is_sound(message: &Value, what: &str) {
    let within = |text: &Value, limit: usize| {
        let text = text.as_str().unwrap();
        assert!((1..=limit).contains(&utf16_len(text)), "{what}: {} of {limit}", utf16_len(text));
        let ours = text.replace("<!date^", "").replace("<https://e.example/", "");
        assert!(!ours.contains('<'), "{what}: {text}");
        // Every `&` begins an escape that ends.
        let cut = text
            .split('&')
            .skip(1)
            .find(|rest| !["amp;", "lt;", "gt;"].iter().any(|escape| rest.starts_with(escape)));
        assert_eq!(cut, None, "{what}");
        assert!(!text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')), "{what}: {text:?}");
    };
    within(&message["text"], TEXT);
    let Some(attachment) = message.get("attachments").map(|attachments| &attachments[0]) else { return };
    within(&attachment["fallback"], FALLBACK);
    let section = &attachment["blocks"][0];
    if let Some(text) = section.get("text") {
        within(&text["text"], SECTION_TEXT);
    }
    let fields = section.get("fields").map(|fields| fields.as_array().unwrap().clone()).unwrap_or_default();
    assert!(fields.len() <= 10);
    for field in fields {
        assert_eq!(field["verbatim"], true);
        within(&field["text"], FIELD_TEXT);
    }
}

#[test]
fn no_event_makes_a_message_that_slack_refuses_or_that_mentions_anybody() {
    let odd: String = (0..=0xff_u8).map(char::from).collect();
    let seeds = [
        "",
        " ",
        "<",
        "&",
        ">",
        "🦀",
        "é",
        "中",
        "<!channel>",
        "&lt;",
        "a|b",
        "\u{202e}",
        "\u{2028}",
        "]]>",
        "*_~`",
        &odd,
    ];
    let options = [
        "fields=type,reason,object,kind,namespace,count,component,host,cluster,action",
        "fields=first_seen,last_seen,name&link=https://e.example/{{ .InvolvedObject.Name }}",
        "text={{ .Message }} {{ .Reason }}",
        "text=*{{ .InvolvedObject.Name }}*{{ range until 9 }}{{ $$.Reason }}{{ end }}",
    ];
    for seed in seeds {
        for times in [1, 150, 999, 3_000, 12_000] {
            let hostile = seed.repeat(times.min(20_000 / seed.len().max(1)));
            let mut event = golden_event(4);
            event.cluster = Some(Arc::from(hostile.as_str()));
            event.event_type = hostile.as_str().into();
            for text in [
                &mut event.reason,
                &mut event.message,
                &mut event.action,
                &mut event.source.component,
                &mut event.source.host,
                &mut event.involved_object.kind,
                &mut event.involved_object.namespace,
                &mut event.involved_object.name,
            ] {
                text.clone_from(&hostile);
            }
            for options in options {
                let what = format!("{options}: {seed:?} * {times}");
                match try_message(options, &event) {
                    Ok(message) => assert_is_sound(&message, &what),
                    Err(_) => assert!(options.starts_with("text="), "{what}"),
                }
            }
        }
    }
}
