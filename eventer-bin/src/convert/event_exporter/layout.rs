//! Layouts: the tool's gave texts only, ours keep the types of values.

use crate::convert::report::{Report, Weight};
use crate::convert::yaml::Yaml;
use crate::document::{Node, Value};

/// The layout of a receiver that has none, as JSON: the event as the tool writes it.
pub(super) fn own(is_dedotted: bool) -> Yaml {
    Yaml::text(if is_dedotted { "\"{{ .DeDot.ToJSON }}\"" } else { "\"{{ .ToJSON }}\"" })
}

/// A layout as we read it.
pub(super) fn read(node: &Node, is_dedotted: bool, place: &str, report: &mut Report) -> Yaml {
    match &node.value {
        Value::Map(entries) => Yaml::Map(
            entries
                .iter()
                .map(|entry| {
                    let place = format!("{place}.{}", entry.key);
                    (entry.key.clone(), read(&entry.node, is_dedotted, &place, report))
                })
                .collect(),
        ),
        Value::List(items) => {
            let items = items.iter().enumerate();
            let items = items.map(|(at, node)| read(node, is_dedotted, &format!("{place}[{at}]"), report));
            Yaml::List(items.collect())
        }
        Value::Text(text) => Yaml::Text(template(text, is_dedotted, node.line, place, report)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            let written = node.text().unwrap_or("null");
            if node.value != Value::Null {
                let text = format!("the tool wrote null for what is no text; here it is {written}");
                report.add(Weight::Differs, node.line, place, text);
            }
            Yaml::plain(written)
        }
    }
}

/// A template that gives a text, as it did there.
fn template(text: &str, is_dedotted: bool, line: u64, place: &str, report: &mut Report) -> String {
    if is_dedotted && [".Labels", ".Annotations"].iter().any(|map| text.contains(map)) {
        // The tool replaced the dots before it rendered, and the keys in the template are those without dots.
        return format!("{{{{ with .DeDot }}}}{text}{{{{ end }}}}");
    }
    let Some(pipeline) = lone_action(text) else { return text.to_owned() };
    match kind_of(pipeline) {
        Kind::Text => text.to_owned(),
        Kind::Label => {
            let told = "of an object without this label it gives null; the tool wrote \"<no value>\"";
            report.add(Weight::Know, line, place, told);
            text.to_owned()
        }
        Kind::Object => {
            let told = "it gives the object itself; the tool wrote it as Go prints it, as a text";
            report.add(Weight::Differs, line, place, told);
            text.to_owned()
        }
        Kind::Other => {
            let told = "`| print` keeps it a text, as it was there; without it, it keeps its own type, such as a number";
            report.add(Weight::Know, line, place, told);
            format!("{{{{ {pipeline} | print }}}}")
        }
    }
}

/// What an action is known to give.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Label,
    Object,
    Other,
}

/// What stands in the only action of a text that is nothing else.
fn lone_action(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("{{")?.strip_suffix("}}")?;
    let inner = inner.strip_prefix("- ").unwrap_or(inner);
    let inner = inner.strip_suffix(" -").unwrap_or(inner);
    (!inner.contains("{{") && !inner.trim().is_empty()).then(|| inner.trim())
}

/// Functions that give a text whatever they are given.
const TEXT_FUNCTIONS: [&str; 42] = [
    "abbrev",
    "b64dec",
    "b64enc",
    "cat",
    "date",
    "dateInZone",
    "html",
    "htmlDate",
    "indent",
    "initials",
    "join",
    "js",
    "lower",
    "nindent",
    "nospace",
    "print",
    "printf",
    "println",
    "quote",
    "regexFind",
    "regexReplaceAll",
    "regexReplaceAllLiteral",
    "repeat",
    "replace",
    "sha1sum",
    "sha256sum",
    "sha512sum",
    "squote",
    "substr",
    "title",
    "toJson",
    "toPrettyJson",
    "toRawJson",
    "toString",
    "trim",
    "trimAll",
    "trimPrefix",
    "trimSuffix",
    "trunc",
    "untitle",
    "upper",
    "urlquery",
];

/// Fields that hold a text.
const TEXT_FIELDS: [&str; 25] = [
    ".Action",
    ".ClusterName",
    ".GenerateName",
    ".GetTimestampISO8601",
    ".InvolvedObject.APIVersion",
    ".InvolvedObject.FieldPath",
    ".InvolvedObject.Kind",
    ".InvolvedObject.Name",
    ".InvolvedObject.Namespace",
    ".InvolvedObject.ResourceVersion",
    ".InvolvedObject.UID",
    ".Message",
    ".Name",
    ".Namespace",
    ".Reason",
    ".ReportingController",
    ".ReportingInstance",
    ".ResourceVersion",
    ".Source.Component",
    ".Source.Host",
    ".Type",
    ".UID",
    ".ObjectMeta.Name",
    ".ObjectMeta.Namespace",
    ".ObjectMeta.UID",
];

/// Fields that hold an object, a map or a list.
const OBJECT_FIELDS: [&str; 13] = [
    ".",
    ".Annotations",
    ".Event",
    ".InvolvedObject",
    ".InvolvedObject.Annotations",
    ".InvolvedObject.Labels",
    ".InvolvedObject.OwnerReferences",
    ".Labels",
    ".ObjectMeta",
    ".Related",
    ".Series",
    ".Source",
    ".ToJSON",
];

fn kind_of(pipeline: &str) -> Kind {
    let last = last_command(pipeline);
    let mut words = last.split_whitespace();
    let first = words.next().unwrap_or_default();
    let rest: Vec<&str> = words.collect();
    let is_map = |word: &str| word.ends_with(".Labels") || word.ends_with(".Annotations");
    if first.starts_with(['"', '`']) || TEXT_FUNCTIONS.contains(&first) {
        return Kind::Text;
    }
    match &rest[..] {
        // Go gives the empty text for a key that is not there.
        [map, key] if first == "index" && is_map(map) && key.starts_with('"') => Kind::Text,
        [] if TEXT_FIELDS.contains(&first) => Kind::Text,
        [] if OBJECT_FIELDS.contains(&first) => Kind::Object,
        [] if first.rsplit_once('.').is_some_and(|(map, _)| is_map(map)) => Kind::Label,
        _ => Kind::Other,
    }
}

/// What stands behind the last bar that is not in quotes or brackets.
fn last_command(pipeline: &str) -> &str {
    let (mut quote, mut depth, mut begin) = (None, 0, 0);
    let mut chars = pipeline.char_indices();
    while let Some((at, c)) = chars.next() {
        match (quote, c) {
            (Some('"'), '\\') => drop(chars.next()),
            (Some(open), c) if open == c => quote = None,
            (None, '"' | '`') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            (None, '|') if depth == 0 => begin = at + 1,
            _ => {}
        }
    }
    pipeline[begin..].trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(text: &str) -> String {
        template(text, false, 1, "layout", &mut Report::default())
    }

    #[test]
    fn what_was_a_text_there_stays_one() {
        for text in [
            "{{ .Reason }}",
            "{{.InvolvedObject.Name}}",
            "n: {{ .Count }}",
            "{{ .Count }} {{ .Type }}",
            "{{ index .InvolvedObject.Labels \"app.kubernetes.io/name\" }}",
            "{{ .Message | trunc 300 }}",
            "{{ toJson . }}",
            "{{ if eq .Type \"Warning\" }}a{{ else }}b{{ end }}",
            "plain",
        ] {
            assert_eq!(converted(text), text);
        }
        for (text, expected) in [
            ("{{ .Count }}", "{{ .Count | print }}"),
            ("{{- .LastTimestamp -}}", "{{ .LastTimestamp | print }}"),
            (
                "{{ default \"a|b\" .InvolvedObject.Labels.team }}",
                "{{ default \"a|b\" .InvolvedObject.Labels.team | print }}",
            ),
            (
                "{{ (index .InvolvedObject.OwnerReferences 0).Name }}",
                "{{ (index .InvolvedObject.OwnerReferences 0).Name | print }}",
            ),
        ] {
            assert_eq!(converted(text), expected);
        }
    }

    #[test]
    fn what_changes_its_form_is_told() {
        let mut report = Report::default();
        let layout =
            "a: 3\nb: [true, null]\nc: '{{ .InvolvedObject }}'\nd: '{{ .InvolvedObject.Labels.team }}'\n";
        let read = read(&Node::parse(layout).unwrap(), false, "layout", &mut report);
        let Yaml::Map(entries) = read else { panic!() };
        assert_eq!(entries[0].1, Yaml::plain(3));
        assert_eq!(
            report.to_string(),
            "## Differs\n\n- line 1: `layout.a`: the tool wrote null for what is no text; here it is 3\n\
             - line 2: `layout.b[0]`: the tool wrote null for what is no text; here it is true\n\
             - line 3: `layout.c`: it gives the object itself; the tool wrote it as Go prints it, as a text\n\n\
             ## Only to know\n\n- line 4: `layout.d`: of an object without this label it gives null; the tool wrote \"<no value>\"\n"
        );
    }
}
