//! What stands around the object of an event, and what kubernetes-event-exporter's templates ask.

use super::*;

fn enriched() -> Event {
    event(include_str!("../../../testdata/template/enriched.json"))
}

fn render(text: &str, event: &Event) -> String {
    render_as(text, event, Escaping::None).unwrap()
}

fn json(text: &str, event: &Event) -> String {
    let scope = Scope { time_zone: &TimeZone::UTC, now: now(), escaping: Escaping::None };
    let pass = Pass::new(scope);
    Template::parse(text).unwrap().render_json(event, &pass).unwrap()
}

#[test]
fn what_was_looked_up_is_seen() {
    let event = enriched();
    for (template, expected) in [
        ("{{ .InvolvedObject.Labels.team }} {{ .InvolvedObject.Annotations.alert }}", "payments page"),
        ("{{ index .InvolvedObject.Labels \"app.kubernetes.io/name\" }}", "web"),
        ("{{ range .InvolvedObject.OwnerReferences }}{{ .Kind }}/{{ .Name }}{{ end }}", "StatefulSet/web"),
        ("{{ .InvolvedObject.Deleted }}", "true"),
        ("{{ (first .Enrichment.Owners).Name }} {{ .Enrichment.NamespaceLabels.env }}", "web prod"),
        ("{{ .Enrichment.Node.Name }} {{ .Enrichment.Node.Addresses.InternalIP }}", "node-1 10.0.0.4"),
        ("{{ join \",\" .Enrichment.Services }} {{ .StaticLabels.team }}", "web,web-headless platform"),
        ("{{ .Enrichment.Node }}", r#"{"name":"node-1","addresses":{"InternalIP":"10.0.0.4"}}"#),
    ] {
        assert_eq!(render(template, &event), expected, "{template}");
    }
    let whole = render("{{ toRawJson . }}", &event);
    assert_eq!(
        serde_json::from_str::<Event>(&whole).unwrap(),
        Event { received_at: Timestamp::UNIX_EPOCH, ..event }
    );
}

#[test]
fn what_was_not_looked_up_is_empty() {
    let event = backoff();
    for (template, expected) in [
        ("{{ .InvolvedObject.Labels.team }}|{{ index .InvolvedObject.Labels \"team\" }}", "<no value>|"),
        ("{{ len .InvolvedObject.Annotations }} {{ len .InvolvedObject.OwnerReferences }}", "0 0"),
        ("{{ .InvolvedObject.Deleted }} {{ len .StaticLabels }}", "false 0"),
        ("{{ range .Enrichment.Owners }}{{ .Kind }}{{ else }}nobody{{ end }}", "nobody"),
        ("{{ index .Enrichment.NamespaceLabels \"env\" }}[{{ .Enrichment.Node.Name }}]", "[]"),
        ("{{ index .Enrichment.Node.Addresses \"InternalIP\" }}{{ len .Enrichment.Services }}", "0"),
    ] {
        assert_eq!(render(template, &event), expected, "{template}");
    }
}

#[test]
fn the_name_of_the_cluster_stands_before_that_of_the_metadata() {
    let mut event = enriched();
    event.metadata.cluster_name = "old".to_owned();
    assert_eq!(render("{{ .ClusterName }} {{ .ObjectMeta.ClusterName }}", &event), "prod-eu-1 old");
    event.cluster = None;
    assert_eq!(render("{{ .ClusterName }}", &event), "old");
}

#[test]
fn an_events_beginning_is_told_in_utc_wherever_the_process_is() {
    let template = Template::parse("{{ .GetTimestampMs }} {{ .GetTimestampISO8601 }}").unwrap();
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    let scope = Scope { time_zone: &zone, now: now(), escaping: Escaping::None };
    let rendered = |event: &Event| template.render(event, &scope).unwrap();
    assert_eq!(rendered(&enriched()), "1714978800000 2024-05-06T07:00:00.000Z");
    let series = event(include_str!("../../../testdata/template/input-4-eventtime-series.json"));
    assert_eq!(rendered(&series), "1714979292123 2024-05-06T07:08:12.123Z");
    let neither = Event { received_at: now(), ..Event::default() };
    assert_eq!(rendered(&neither), "1736038800000 2025-01-05T01:00:00.000Z");
}

#[test]
fn the_json_is_kubernetes_event_exporters_with_what_it_does_not_know_behind() {
    let event = enriched();
    let expected = include_str!("../../../testdata/template/enriched.exported.json").trim_end();
    assert_eq!(render("{{ .ToJSON }}", &event), expected);
    assert_eq!(json("{{ .ToJSON }}", &event), expected, "in a layout it is an object");
    assert_eq!(render("{{ .ToJSON | toString | trunc 12 }}", &event), r#"{"metadata":"#);
    let plain = backoff();
    let end = r#""clusterName":"","involvedObject":{"kind":"Pod","namespace":"prod","name":"web-0","uid":"aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa2","apiVersion":"v1","resourceVersion":"1990","fieldPath":"spec.containers{web}","deleted":false}}"#;
    assert!(render("{{ .ToJSON }}", &plain).ends_with(end), "{}", render("{{ .ToJSON }}", &plain));
}

#[test]
fn keys_are_without_dots_where_that_is_asked() {
    let event = enriched();
    for (template, expected) in [
        ("{{ .DeDot.InvolvedObject.Labels }}", "map[app_kubernetes_io/name:web team:payments]"),
        (
            "{{ with .DeDot }}{{ .Annotations }}{{ .InvolvedObject.Annotations }}{{ end }}",
            "map[example_com/source:kubelet]map[alert:page]",
        ),
        ("{{ .DeDot.StaticLabels }}", "map[cost_center:42 team:platform]"),
        ("{{ .DeDot.Enrichment.NamespaceLabels }}", "map[env:prod kubernetes_io/metadata_name:shop]"),
        ("{{ .DeDot.DeDot.Message }}", &event.message),
        ("{{ .DeDot.InvolvedObject.Name }} {{ len .InvolvedObject.Labels }}", "web-0 2"),
        ("{{ index .InvolvedObject.Labels \"app.kubernetes.io/name\" }}", "web"),
    ] {
        assert_eq!(render(template, &event), expected, "{template}");
    }
    let shown = json("{{ .DeDot }}", &event);
    assert!(shown.contains(r#""labels":{"app_kubernetes_io/name":"web","team":"payments"}"#), "{shown}");
}

#[test]
fn one_action_alone_gives_json_of_its_own_type() {
    let event = enriched();
    for (template, expected) in [
        ("{{ .Count }}", "7"),
        ("{{- .Count -}}", "7"),
        ("{{ .Count }} ", "\"7 \""),
        ("{{ if true }}{{ .Count }}{{ end }}", "\"7\""),
        ("{{ print .Count }}", "\"7\""),
        ("{{ .InvolvedObject.Deleted }}", "true"),
        ("{{ .Series }}", "null"),
        ("{{ .Labels.nothing }}", "null"),
        ("{{ .Labels }}", "{}"),
        ("{{ .Finalizers }}", "[]"),
        ("{{ .Enrichment.Services }}", r#"["web","web-headless"]"#),
        ("{{ dict \"b\" 1 \"a\" (list .Type nil 1.5) }}", r#"{"a":["Warning",null,1.5],"b":1}"#),
        ("{{ .LastTimestamp }}", "\"2024-05-06T07:08:10Z\""),
        ("{{ .EventTime }}", "null"),
        ("{{ .Message }}", r#""Back-off restarting failed container \"web\" <exit=1>""#),
        ("{{ toJson .Count }}", "\"7\""),
        ("{{ $n := .Count }}", "\"\""),
        ("", "\"\""),
    ] {
        assert_eq!(json(template, &event), expected, "{template}");
    }
}

#[test]
fn kubernetes_event_exporters_templates_work_as_they_are() {
    let event = enriched();
    for (template, expected) in [
        ("#{{ index .InvolvedObject.Labels \"team\" }}-alerts", "#payments-alerts"),
        ("{{ .Reason }}: {{ .Message | trunc 8 }}", "BackOff: Back-off"),
        ("{{ if eq .Type \"Warning\" }}danger{{ else }}good{{ end }}", "danger"),
        (
            "{{ .InvolvedObject.Kind }} {{ .InvolvedObject.Namespace }}/{{ .InvolvedObject.Name }} {{ .ClusterName }}",
            "Pod shop/web-0 prod-eu-1",
        ),
        (
            "{{ .UID }} {{ .GetTimestampISO8601 }}",
            "22222222-2222-4222-8222-222222222222 2024-05-06T07:00:00.000Z",
        ),
        ("{{ .Source.Component }} {{ .Source.Host }} {{ .ReportingController }}", "kubelet node-1 kubelet"),
        (
            "{{ .FirstTimestamp }} {{ .EventTime }}",
            "2024-05-06 07:00:00 +0000 UTC 0001-01-01 00:00:00 +0000 UTC",
        ),
        ("{{ .InvolvedObject.Labels.absent }}", "<no value>"),
        ("{{ toJson .InvolvedObject.Labels }}", r#"{"app.kubernetes.io/name":"web","team":"payments"}"#),
    ] {
        assert_eq!(render(template, &event), expected, "{template}");
    }
}
