//! What is told when a template is read.

use eventer_core::event::{Enrichment, NodeInfo};

use super::super::record::Record;
use super::super::shape::Shape;
use super::super::value::Value;
use super::super::{functions, kind::Kind};
use super::*;

fn problem(text: &str) -> String {
    match Template::parse(text) {
        Ok(_) => panic!("{text} was taken"),
        Err(problem) => problem,
    }
}

fn assert_taken(text: &str) {
    if let Err(problem) = Template::parse(text) {
        panic!("{text} was refused: {problem}");
    }
}

#[test]
fn a_misspelt_field_is_told_with_its_place_and_the_one_that_was_meant() {
    assert_eq!(
        problem("a\n  {{ .Reasn }}"),
        "line 2, column 6: there is no .Reasn in the event, did you mean .Reason?"
    );
    assert_eq!(
        problem("{{ .InvolvedObject.Nmae }}"),
        "line 1, column 4: there is no .Nmae in an object reference, did you mean .Name?"
    );
    assert!(problem("{{ .message }}").contains("did you mean .Message?"));
    assert!(problem("{{ .metadata.name }}").contains("did you mean .ObjectMeta?"));
    assert!(problem("{{ Message }}").contains("there is no function \"Message\", did you mean .Message?"));
}

#[test]
fn a_field_is_followed_as_far_as_it_is_known_what_it_is_asked_of() {
    for wrong in [
        "{{ with .Source }}{{ .Hots }}{{ end }}",
        "{{ with .Source }}{{ .Reason }}{{ end }}",
        "{{ with .Source }}{{ else }}{{ .Hots }}{{ end }}",
        "{{ with .InvolvedObject }}{{ $.Reasn }}{{ end }}",
        "{{ range .OwnerReferences }}{{ .Nmae }}{{ end }}",
        "{{ range $i, $o := .OwnerReferences }}{{ $o.Nmae }}{{ end }}",
        "{{ $o := .InvolvedObject }}{{ $o.Nmae }}",
        "{{ (index .OwnerReferences 0).Nmae }}",
        "{{ if .Series }}{{ .Series.Cuont }}{{ end }}",
        "{{ .Reasn | upper }}",
        "{{ printf \"%s\" (upper .Reasn) }}",
        "{{ define \"x\" }}{{ .Nmae }}{{ end }}{{ template \"x\" .InvolvedObject }}",
        "{{ block \"x\" .Source }}{{ .Hots }}{{ end }}",
        "{{ .Message.Length }}",
        "{{ .Count.String }}",
        "{{ .LastTimestamp.Formt \"2006\" }}",
        "{{ .LastTimestamp.UTC.Formt \"2006\" }}",
        "{{ now.Formt \"2006\" }}",
        "{{ range .Message }}{{ end }}",
    ] {
        problem(wrong);
    }
    for right in [
        "{{ .Labels.app }}{{ .Annotations.anything }}{{ index .Labels \"a.b/c\" }}",
        "{{ $l := .Labels }}{{ $l.app }}{{ range $k, $v := .Labels }}{{ $k }}{{ $v }}{{ end }}",
        "{{ (fromJson .Message).anything.at.all }}",
        "{{ with fromJson .Message }}{{ .anything }}{{ end }}",
        "{{ define \"unused\" }}{{ .anything }}{{ end }}",
        "{{ define \"x\" }}{{ .Name }}{{ end }}{{ template \"x\" . }}{{ template \"x\" .InvolvedObject }}",
        "{{ $x := .Reason }}{{ if .Series }}{{ $x = .Series }}{{ $x.Count }}{{ end }}",
        "{{ define \"r\" }}{{ template \"r\" . }}{{ end }}{{ template \"r\" . }}",
        "{{ now.Format \"2006\" }}{{ (dateModify \"1h\" now).Unix }}",
        "{{ .LastTimestamp.Time.UTC.Local.Time.Format \"2006\" }}",
    ] {
        assert_taken(right);
    }
}

#[test]
fn what_a_template_calls_must_exist_and_take_what_it_is_given() {
    for (wrong, what) in [
        ("{{ uper .Reason }}", "there is no function \"uper\", did you mean upper?"),
        ("{{ trunc .Message }}", "trunc takes 2 values, not 1"),
        ("{{ .Message | trunc 5 6 }}", "trunc takes 2 values, not 3"),
        ("{{ slice .Reason 1 2 3 4 }}", "slice takes 1 to 4 values, not 5"),
        ("{{ dig \"a\" }}", "dig takes at least 3 values, not 1"),
        ("{{ env \"HOME\" }}", "env is not offered: a template must not show the environment"),
        ("{{ getHostByName \"a\" }}", "getHostByName is not offered"),
        ("{{ uuidv4 }}", "an event that is sent again must give the same text"),
        ("{{ set (dict) \"a\" 1 }}", "a map does not change"),
        ("{{ .LastTimestamp.Add 5 }}", ".Add of a time is not offered; use .Format"),
        ("{{ .LastTimestamp.Format }}", ".Format takes 1 value, not 0"),
        ("{{ .LastTimestamp.Unix 3 }}", ".Unix takes no values"),
        ("{{ .Reason .Message }}", ".Reason takes no values"),
        ("{{ .Message | .Reason }}", ".Reason takes no values"),
        ("{{ .Message | \"x\" }}", "this is no function, and takes no values"),
        ("{{ $x }}", "there is no variable $x"),
        ("{{ if true }}{{ $x := 1 }}{{ end }}{{ $x }}", "there is no variable $x"),
        ("{{ $x = 1 }}", "there is no variable $x"),
        ("{{ template \"y\" }}{{ define \"yy\" }}{{ end }}", "there is no template \"y\""),
        ("{{ define \"y\" }}a{{ end }}{{ define \"y\" }}b{{ end }}", "the template \"y\" is defined twice"),
        ("{{ break }}", "break and continue belong into a range"),
        ("{{ nil }}", "nil is no value to print"),
        ("{{ regexMatch \"(\" .Message }}", "\"(\" is no regular expression: unclosed group"),
        ("{{ dateInZone \"15\" now \"Mars/Olympus\" }}", "there is no time zone \"Mars/Olympus\""),
        ("{{ .Labels.app.kubernetes }}", "a key with dots in it is read by index"),
        ("{{ .Labels.app-name }}", "a key that is not one word is read by index"),
    ] {
        let problem = problem(wrong);
        assert!(problem.contains(what), "{wrong}: {problem}");
    }
}

#[test]
fn blocks_must_be_closed_and_an_end_must_close_one() {
    for (wrong, what) in [
        ("{{ if .Reason }}abc", "line 1, column 4: this if has no end"),
        ("a {{ end }} b", "line 1, column 6: an end without a block"),
        ("{{ if .Reason }}a{{ end }}{{ end }}b", "an end without a block"),
        ("{{ else }}", "an else without an if"),
        ("{{ define \"x\" }}a{{ else }}b{{ end }}", "an else without an if"),
        ("{{ define \"x\" }}a", "this define has no end"),
        ("{{ .Reason", "unclosed action"),
        ("{{ \"abc }}", "unterminated string"),
        ("{{ (.Reason }}", "line 1"),
    ] {
        let problem = problem(wrong);
        assert!(problem.contains(what), "{wrong}: {problem}");
    }
    for right in [
        "{{ if .Reason }}{{ \"{{ end }}\" }}{{ end }}",
        "{{/* {{ if }} */}}{{- /* {{ end }} */ -}}",
        "{{ if .Reason }}a{{ else if .Message }}b{{ else with .Source }}c{{ else }}d{{ end }}",
        "{{ `}}` }}{{ '\"' }}{{ \"\\\"}}\" }}",
        "{{- if .Reason -}}a{{- end -}}",
        "{{\n  if .Reason\n}}a{{\nend }}",
    ] {
        assert_taken(right);
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    assert_eq!(
        problem("{{ .Reasn }}\n{{ .Msg }} {{ uper .Type }}"),
        "line 1, column 4: there is no .Reasn in the event, did you mean .Reason?; \
         line 2, column 4: there is no .Msg in the event; \
         line 2, column 15: there is no function \"uper\", did you mean upper?"
    );
}

#[test]
fn the_schema_says_what_the_fields_hold() {
    let mut event = event(include_str!("../../../testdata/template/labelled.json"));
    event.series = Some(eventer_core::event::Series::default());
    event.metadata.deletion_timestamp = Some(now());
    event.metadata.deletion_grace_period_seconds = Some(1);
    event.metadata.owner_references[0].block_owner_deletion = Some(true);
    let enrichment = Enrichment { node: Some(NodeInfo::default()), ..Enrichment::default() };
    let scope = Scope { time_zone: &TimeZone::UTC, now: now(), escaping: Escaping::None };
    let pass = Pass::new(scope);
    let records = [
        Record::Event(&event),
        Record::Metadata(&event.metadata),
        Record::Reference(&event.involved_object),
        Record::Source(&event.source),
        Record::Series(event.series.as_ref().unwrap()),
        Record::Owner(&event.metadata.owner_references[0]),
        Record::TypeMeta,
        Record::Enrichment(&enrichment),
        Record::Node(enrichment.node.as_ref().unwrap()),
        Record::Exported(&event),
    ];
    for record in records {
        for (name, kind) in record.shape().names() {
            let value =
                record.field(name, &pass).unwrap_or_else(|| panic!("{:?} has no {name}", record.shape()));
            let is_right = match (kind, &value) {
                (Kind::Record(shape), Value::Record(record)) => record.shape() == shape,
                (Kind::Text, Value::Text(_))
                | (Kind::Int, Value::Int(_))
                | (Kind::Bool, Value::Bool(_))
                | (Kind::Time, Value::Time(_))
                | (Kind::Labels, Value::Labels(_))
                | (Kind::List(_), Value::List(_)) => true,
                _ => false,
            };
            assert!(is_right, "{:?} {name}: {value:?} is no {kind:?}", record.shape());
        }
    }
    assert!(Shape::Event.field("GetName").is_some() && Shape::Reference.field("GetName").is_none());
}

#[test]
fn no_function_is_there_twice_or_left_out_and_there() {
    let mut names: Vec<&str> = functions::all().map(|function| function.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    for name in names {
        assert_eq!(functions::why_not(name), None, "{name}");
    }
}
