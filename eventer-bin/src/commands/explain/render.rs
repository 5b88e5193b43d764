//! What is told of an event, for people and for programs. Pure.

use eventer_core::Event;
use eventer_core::text::is_active;
use serde::Serialize;

use super::{Explanation, Payload, Verdict};
use crate::args::Output;
use crate::commands::table::{object, one_line};

/// Before what a sink would be sent.
const INDENT: &str = "    ";

/// The most characters of a message that the first line repeats.
const MESSAGE_COLUMNS: usize = 100;

/// What is told of an event: lines, or one line of JSON.
pub(super) fn render(told: &Explanation<'_>, output: Output) -> String {
    match output {
        Output::Text => text(told),
        Output::Json => {
            let line = serde_json::to_string(&Json::new(told)).expect("an event has only text for keys");
            format!("{line}\n")
        }
    }
}

fn text(told: &Explanation<'_>) -> String {
    let dropped =
        told.dropped.iter().map(|reason| format!("  no sink gets it: {}\n", one_line(reason, usize::MAX)));
    let lines: String = dropped.chain(told.sinks.iter().map(sink)).collect();
    format!("{}\n{lines}\n", headline(&told.event))
}

fn headline(event: &Event) -> String {
    let count = match event.count() {
        1 => String::new(),
        count => format!(" (x{count})"),
    };
    let head = format!("{} {} {}{count}", event.event_type, event.reason, object(&event.involved_object));
    format!("{}: {}", one_line(&head, usize::MAX), one_line(&event.message, MESSAGE_COLUMNS))
}

fn sink(verdict: &Verdict<'_>) -> String {
    let Verdict { name, kind, decision, payload } = verdict;
    let name = one_line(name, usize::MAX);
    let sink = if name == *kind { name } else { format!("{name} ({kind})") };
    let gets = if decision.is_wanted { "gets it" } else { "does not get it" };
    let line = format!("  {sink} {gets}: {}\n", one_line(&decision.reason, usize::MAX));
    match payload {
        Payload::Nothing => line,
        Payload::Unknown => format!("{line}{INDENT}(sinks of this kind cannot show what they send)\n"),
        Payload::Text(text) => format!("{line}{}", indented(text)),
        Payload::Impossible(reason) => {
            format!("{line}{INDENT}but could not be sent it: {}\n", one_line(reason, usize::MAX))
        }
    }
}

/// The lines of a payload, with what would steer a terminal as an escape of JSON.
fn indented(payload: &str) -> String {
    let shown = |line: &str| -> String {
        let escaped = |c: char| match c {
            '\t' => "\t".to_owned(),
            c if is_active(c) => format!("\\u{:04x}", u32::from(c)),
            c => c.to_string(),
        };
        line.chars().map(escaped).collect()
    };
    payload.lines().map(|line| format!("{INDENT}{}\n", shown(line))).collect()
}

#[derive(Serialize)]
struct Json<'a> {
    event: &'a Event,
    /// The rule that drops it, and why.
    dropped: Option<&'a str>,
    sinks: Vec<JsonVerdict<'a>>,
}

#[derive(Serialize)]
struct JsonVerdict<'a> {
    name: &'a str,
    kind: &'a str,
    gets_it: bool,
    /// The option that refused it.
    option: Option<&'a str>,
    reason: &'a str,
    payload: Option<&'a str>,
    /// Why there is no payload.
    payload_error: Option<&'a str>,
}

impl<'a> Json<'a> {
    fn new(told: &'a Explanation<'a>) -> Self {
        Self {
            event: &told.event,
            dropped: told.dropped.as_deref(),
            sinks: told.sinks.iter().map(JsonVerdict::new).collect(),
        }
    }
}

impl<'a> JsonVerdict<'a> {
    fn new(verdict: &'a Verdict<'a>) -> Self {
        let (payload, payload_error) = match &verdict.payload {
            Payload::Nothing | Payload::Unknown => (None, None),
            Payload::Text(text) => (Some(text.as_str()), None),
            Payload::Impossible(reason) => (None, Some(reason.as_str())),
        };
        Self {
            name: verdict.name,
            kind: verdict.kind,
            gets_it: verdict.decision.is_wanted,
            option: verdict.decision.option,
            reason: &verdict.decision.reason,
            payload,
            payload_error,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use eventer_core::event::EventType;
    use eventer_core::filter::Decision;

    use super::*;

    fn event() -> Arc<Event> {
        let mut event = Event {
            event_type: EventType::Warning,
            reason: "BackOff".to_owned(),
            message: "Back-off\nrestarting".to_owned(),
            count: 7,
            ..Event::default()
        };
        event.involved_object.kind = "Pod".to_owned();
        event.involved_object.namespace = "prod".to_owned();
        event.involved_object.name = "web-0".to_owned();
        Arc::new(event)
    }

    fn told() -> Explanation<'static> {
        let decision =
            |is_wanted, option, reason: &str| Decision { is_wanted, option, reason: reason.to_owned() };
        let verdict = |name, kind, decision, payload| Verdict { name, kind, decision, payload };
        let wanted = || decision(true, None, "nothing refuses it");
        Explanation {
            event: event(),
            dropped: None,
            sinks: vec![
                verdict("log", "log", wanted(), Payload::Text("{\n\t\"a\": \"\u{1b}\"\n}\n".to_owned())),
                verdict("pager", "webhook", wanted(), Payload::Impossible("no file".to_owned())),
                verdict("own", "own", wanted(), Payload::Unknown),
                verdict("audit", "file", decision(false, Some("level"), "level: too low"), Payload::Nothing),
            ],
        }
    }

    #[test]
    fn people_read_who_gets_it_why_and_what() {
        assert_eq!(
            render(&told(), Output::Text),
            "Warning BackOff Pod prod/web-0 (x7): Back-off restarting\n\
             \x20 log gets it: nothing refuses it\n\
             \x20   {\n\
             \x20   \t\"a\": \"\\u001b\"\n\
             \x20   }\n\
             \x20 pager (webhook) gets it: nothing refuses it\n\
             \x20   but could not be sent it: no file\n\
             \x20 own gets it: nothing refuses it\n\
             \x20   (sinks of this kind cannot show what they send)\n\
             \x20 audit (file) does not get it: level: too low\n\
             \n"
        );
    }

    #[test]
    fn of_what_is_dropped_no_sink_is_told() {
        let told =
            Explanation { event: event(), dropped: Some("drop[1]: where: x".to_owned()), sinks: Vec::new() };
        let text = render(&told, Output::Text);
        assert_eq!(text.lines().nth(1), Some("  no sink gets it: drop[1]: where: x"));
        let json: serde_json::Value = serde_json::from_str(&render(&told, Output::Json)).unwrap();
        assert_eq!((&json["dropped"], &json["sinks"]), (&"drop[1]: where: x".into(), &serde_json::json!([])));
    }

    #[test]
    fn programs_read_a_line_of_json() {
        let text = render(&told(), Output::Json);
        assert_eq!(text.lines().count(), 1);
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["event"]["reason"], "BackOff");
        let sinks = json["sinks"].as_array().unwrap();
        assert_eq!(sinks[0]["payload"], "{\n\t\"a\": \"\u{1b}\"\n}\n");
        assert_eq!((&sinks[1]["gets_it"], &sinks[1]["payload_error"]), (&true.into(), &"no file".into()));
        assert_eq!(
            sinks[3],
            serde_json::json!({
                "name": "audit", "kind": "file", "gets_it": false, "option": "level", "reason": "level: too low",
                "payload": null, "payload_error": null
            })
        );
    }
}
