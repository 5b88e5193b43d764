//! What Go's text/template with sprig 3.3 makes of the same templates and events (`testdata/template/cases.json`).

use serde::Deserialize;

use super::*;

/// What each template gives for each of [`EVENTS`], in `zone`; `ERROR` where Go gave up.
#[derive(Deserialize)]
struct Case {
    template: String,
    #[serde(default)]
    zone: String,
    expected: Vec<String>,
}

const CASES: &str = include_str!("../../../testdata/template/cases.json");
const EVENTS: [&str; 5] = [
    include_str!("../../../testdata/template/input-1-normal-scheduled.json"),
    include_str!("../../../testdata/template/input-2-warning-backoff.json"),
    include_str!("../../../testdata/template/input-3-node-notready.json"),
    include_str!("../../../testdata/template/input-4-eventtime-series.json"),
    include_str!("../../../testdata/template/labelled.json"),
];

#[test]
fn templates_give_what_go_gives() {
    let cases: Vec<Case> = serde_json::from_str(CASES).unwrap();
    let mut wrong = Vec::new();
    for case in &cases {
        let zone = match case.zone.as_str() {
            "" => TimeZone::UTC,
            zone => TimeZone::get(zone).unwrap(),
        };
        let template = Template::parse(&case.template);
        assert_eq!(case.expected.len(), EVENTS.len());
        for (json, expected) in EVENTS.iter().zip(&case.expected) {
            let scope = Scope { time_zone: &zone, now: now(), escaping: Escaping::None };
            let given = match &template {
                Ok(template) => template.render(&event(json), &scope).map_err(|error| error.to_string()),
                Err(error) => Err(error.clone()),
            };
            let is_right = match &given {
                Ok(text) => text == expected,
                Err(_) => expected == "ERROR",
            };
            if !is_right {
                wrong.push(format!(
                    "{:?} {}\n  Go:   {expected:?}\n  here: {given:?}",
                    case.template, case.zone
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len() * EVENTS.len(), wrong.join("\n"));
}
