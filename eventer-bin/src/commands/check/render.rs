//! What is told of a check, for people and for programs. Pure.

use serde::Serialize;

use super::{Report, Role, Verdict};
use crate::args::Output;
use crate::commands::json;
use crate::commands::table::{one_line, table};

const PLANNED: &str =
    "All flags and files are understood. --connect asks the cluster and the destinations.\n";

/// A line for each answer.
pub(super) fn render(reports: &[Report], has_connected: bool, output: Output) -> String {
    match output {
        Output::Text => text(reports, has_connected),
        Output::Json => json(&Json::new(reports)),
    }
}

fn text(reports: &[Report], has_connected: bool) -> String {
    let rows = reports.iter().flat_map(|report| {
        let component = &report.component;
        report.answers.iter().map(move |answer| {
            [
                role(component.role).to_owned(),
                one_line(&component.name, usize::MAX),
                component.kind.to_owned(),
                result(answer.verdict).to_owned(),
                one_line(&answer.detail, usize::MAX),
            ]
        })
    });
    let table = table(["WHAT", "NAME", "KIND", "RESULT", "DETAIL"], rows);
    if has_connected { table } else { format!("{table}\n{PLANNED}") }
}

#[derive(Serialize)]
struct Json<'a> {
    sources: Vec<JsonReport<'a>>,
    sinks: Vec<JsonReport<'a>>,
}

#[derive(Serialize)]
struct JsonReport<'a> {
    name: &'a str,
    kind: &'a str,
    answers: Vec<JsonAnswer<'a>>,
}

#[derive(Serialize)]
struct JsonAnswer<'a> {
    result: &'a str,
    detail: &'a str,
}

impl<'a> Json<'a> {
    fn new(reports: &'a [Report]) -> Self {
        let of = |role: Role| {
            let reports = reports.iter().filter(move |report| report.component.role == role);
            reports.map(JsonReport::new).collect()
        };
        Self { sources: of(Role::Source), sinks: of(Role::Sink) }
    }
}

impl<'a> JsonReport<'a> {
    fn new(report: &'a Report) -> Self {
        let answers = report.answers.iter();
        Self {
            name: &report.component.name,
            kind: report.component.kind,
            answers: answers
                .map(|answer| JsonAnswer { result: result(answer.verdict), detail: &answer.detail })
                .collect(),
        }
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Source => "source",
        Role::Sink => "sink",
    }
}

fn result(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Planned => "planned",
        Verdict::Unknown => "unknown",
        Verdict::Good => "ok",
        Verdict::Bad => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Answer, Component};
    use super::*;

    fn reports() -> Vec<Report> {
        let report = |role, name: &str, kind, answers| {
            let component = Component { role, name: name.into(), kind };
            Report { component, answers }
        };
        vec![
            report(
                Role::Source,
                "kubernetes",
                "kubernetes",
                vec![Answer::good("may list events"), Answer::bad("may watch events: it may not\n\x1b[31m")],
            ),
            report(Role::Sink, "pager", "webhook", vec![Answer::unknown("who knows")]),
        ]
    }

    #[test]
    fn each_answer_is_a_line() {
        assert_eq!(
            render(&reports(), true, Output::Text),
            "WHAT    NAME        KIND        RESULT   DETAIL\n\
             source  kubernetes  kubernetes  ok       may list events\n\
             source  kubernetes  kubernetes  failed   may watch events: it may not [31m\n\
             sink    pager       webhook     unknown  who knows\n"
        );
        assert!(render(&[], false, Output::Text).contains("--connect asks"));
    }

    #[test]
    fn programs_get_each_answer_under_its_component() {
        let told: serde_json::Value = serde_json::from_str(&render(&reports(), true, Output::Json)).unwrap();
        assert_eq!(told["sources"][0]["answers"][1]["result"], "failed");
        assert_eq!(
            told["sinks"][0],
            serde_json::json!({
                "name": "pager",
                "kind": "webhook",
                "answers": [{"result": "unknown", "detail": "who knows"}]
            })
        );
    }
}
