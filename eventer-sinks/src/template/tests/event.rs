//! What a template sees of an event where Go's templates see something else, or nothing.

use super::*;

fn render(text: &str, event: &Event) -> String {
    render_as(text, event, Escaping::None).unwrap()
}

#[test]
fn our_own_answers_have_names_of_their_own() {
    let mut event = event(include_str!("../../../testdata/template/input-4-eventtime-series.json"));
    event.cluster = Some("prod-eu".into());
    assert_eq!(
        render("{{ .Cluster }} {{ .ID }} {{ .LastSeen }} {{ .Occurrences }} {{ .Reporter }}", &event),
        "prod-eu 44444444-4444-4444-8444-444444444444-4004 2024-05-06 07:18:12.654321 +0000 UTC 3 default-scheduler"
    );
    assert_eq!(render("[{{ .Cluster }}]", &backoff()), "[]");
}

#[test]
fn the_last_timestamp_is_kube_eventers_even_where_the_event_has_none() {
    let series = event(include_str!("../../../testdata/template/input-4-eventtime-series.json"));
    assert_eq!(render("{{ .LastTimestamp }}", &series), "2024-05-06 07:08:12.123456 +0000 UTC");
    let mut none = backoff();
    none.last_timestamp = None;
    assert_eq!(render("{{ .LastTimestamp }}", &none), "2025-01-05 01:00:00 +0000 UTC");
}

#[test]
fn a_time_that_was_never_set_prints_as_in_go_in_any_zone() {
    let mut event = backoff();
    event.first_timestamp = None;
    let template =
        Template::parse("{{ .FirstTimestamp }} {{ .FirstTimestamp.Local.Year }} {{ .FirstTimestamp.Unix }}")
            .unwrap();
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    let scope = Scope { time_zone: &zone, now: now(), escaping: Escaping::None };
    assert_eq!(template.render(&event, &scope).unwrap(), "0001-01-01 00:00:00 +0000 UTC 1 -62135596800");
}

#[test]
fn of_what_is_not_there_nothing_is_there() {
    assert_eq!(render("{{ .Series.Count }} {{ .Related.Name }}", &backoff()), "<no value> <no value>");
    assert_eq!(
        render("{{ .Labels.app | upper }}|{{ .Labels.app | default \"x\" | upper }}", &backoff()),
        "|X"
    );
}

#[test]
fn a_function_of_text_takes_a_number() {
    assert_eq!(render("{{ .Count | upper }} {{ contains \"7\" .Count }}", &backoff()), "7 true");
}

#[test]
fn a_character_is_not_cut_in_two() {
    assert_eq!(
        render(
            "{{ trunc 4 \"aüü\" }}|{{ trunc -3 \"üüa\" }}|{{ abbrev 5 \"aüüü\" }}|{{ substr 0 2 \"aü\" }}",
            &backoff()
        ),
        "aü|üa|a...|a"
    );
}

#[test]
fn ages_count_from_the_scopes_now() {
    assert_eq!(
        render(
            "{{ ago (dateModify \"-90s\" now) }} {{ durationRound (dateModify \"-49h\" now) }} {{ now }}",
            &backoff()
        ),
        "1m30s 2d 2025-01-05 01:00:00 +0000 UTC"
    );
    assert_eq!(
        render("{{ date \"2006-01-02\" .LastTimestamp }} {{ .LastTimestamp | unixEpoch }}", &backoff()),
        "2024-05-06 1714979290"
    );
}
