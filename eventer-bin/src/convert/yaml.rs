//! YAML as people write it: keys in their order, and quotes only where they are needed.

use std::fmt;

use eventer_core::text::is_active;

use crate::printable::printable;

use super::variables;

/// A value to be written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Yaml {
    /// A text, with marked variables.
    Text(String),
    /// A number, `true`, `false` or `null`, as it stands.
    Plain(String),
    /// One text of lines that are joined by spaces. None of them may hold a line end.
    Folded(Vec<String>),
    /// A list; in one line, if all are texts that fit.
    List(Vec<Yaml>),
    /// A map.
    Map(Vec<(String, Yaml)>),
}

/// The longest list that is written in one line.
const LINE: usize = 100;

impl Yaml {
    /// A text.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A list of texts.
    pub(super) fn texts(texts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }

    /// Whatever can be written.
    pub(super) fn plain(value: impl fmt::Display) -> Self {
        Self::Plain(format!("{value}"))
    }
}

/// Writes the entries of a map, each line after `indent` spaces.
pub(super) fn entries(entries: &[(String, Yaml)], indent: usize) -> String {
    entries.iter().map(|(key, value)| entry(key, value, indent)).collect()
}

/// Writes an item of a list that is a map.
pub(super) fn item(entries_of_item: &[(String, Yaml)], indent: usize) -> String {
    let text = entries(entries_of_item, indent + 2);
    let mut lines = text.into_bytes();
    if let Some(dash) = lines.get_mut(indent) {
        *dash = b'-';
    }
    String::from_utf8(lines).expect("a space was replaced by a dash")
}

fn entry(key: &str, value: &Yaml, indent: usize) -> String {
    let head = format!("{}{}:", " ".repeat(indent), scalar(key));
    match value {
        Yaml::Text(text) if is_block(text) => {
            let margin = " ".repeat(indent + 2);
            let written = variables::written(text);
            let lines: String = written.split('\n').map(|line| format!("{margin}{line}\n")).collect();
            format!("{head} |-\n{lines}")
        }
        Yaml::Text(text) => format!("{head} {}\n", scalar(&variables::written(text))),
        Yaml::Plain(text) => format!("{head} {text}\n"),
        Yaml::Folded(lines) => match &lines[..] {
            [line] => format!("{head} {}\n", scalar(&variables::written(line))),
            lines => {
                let margin = " ".repeat(indent + 2);
                let lines: String =
                    lines.iter().map(|line| format!("{margin}{}\n", variables::written(line))).collect();
                format!("{head} >-\n{lines}")
            }
        },
        Yaml::Map(map) if map.is_empty() => format!("{head} {{}}\n"),
        Yaml::Map(map) => format!("{head}\n{}", entries(map, indent + 2)),
        Yaml::List(list) => match flow(list).filter(|flow| flow.len() + head.len() < LINE) {
            Some(flow) => format!("{head} {flow}\n"),
            None => {
                let items: String = list.iter().map(|value| list_item(value, indent + 2)).collect();
                format!("{head}\n{items}")
            }
        },
    }
}

fn list_item(value: &Yaml, indent: usize) -> String {
    let margin = " ".repeat(indent);
    match value {
        Yaml::Map(map) if !map.is_empty() => item(map, indent),
        Yaml::Map(_) => format!("{margin}- {{}}\n"),
        Yaml::List(list) => match flow(list) {
            Some(flow) => format!("{margin}- {flow}\n"),
            None => {
                let items: String = list.iter().map(|value| list_item(value, indent + 2)).collect();
                format!("{margin}-\n{items}")
            }
        },
        Yaml::Folded(lines) => format!("{margin}- {}\n", scalar(&variables::written(&lines.join(" ")))),
        Yaml::Text(text) => format!("{margin}- {}\n", scalar(&variables::written(text))),
        Yaml::Plain(text) => format!("{margin}- {text}\n"),
    }
}

/// Whether a text of several lines can stand as it is.
fn is_block(text: &str) -> bool {
    let begins_well = text.starts_with(|c: char| !c.is_whitespace());
    text.contains('\n')
        && begins_well
        && !text.ends_with('\n')
        && !text.split('\n').any(|line| line.is_empty() || line.contains(is_active))
}

/// A list of scalars in one line.
fn flow(list: &[Yaml]) -> Option<String> {
    let items: Option<Vec<String>> = list
        .iter()
        .map(|value| match value {
            Yaml::Text(text) => Some(quoted_unless(&variables::written(text), is_word)),
            Yaml::Plain(text) => Some(text.clone()),
            Yaml::Folded(_) | Yaml::List(_) | Yaml::Map(_) => None,
        })
        .collect();
    Some(format!("[{}]", items?.join(", ")))
}

/// A text, in quotes if it needs them.
pub(super) fn scalar(text: &str) -> String {
    quoted_unless(text, is_plain)
}

fn quoted_unless(text: &str, is_plain: fn(&str) -> bool) -> String {
    if is_plain(text) {
        text.to_owned()
    } else if text.contains(is_active) {
        // JSON's escapes are YAML's, too. JSON leaves some of these as they are: YAML ends a line there, and a terminal turns
        // its text around.
        printable(&serde_json::Value::from(text).to_string())
    } else if text.contains('\'') && !text.contains(['"', '\\']) {
        format!("\"{text}\"")
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

/// Whether YAML reads `text` as this text without quotes, outside of a list in one line.
fn is_plain(text: &str) -> bool {
    let begins = |c: char| c.is_alphanumeric() || matches!(c, '/' | '_' | '.' | '(' | '$');
    let allowed = |c: char| c.is_alphanumeric() || " /_.-+=$@()|&*!<>?;~^%,:#\"[]{}\\'".contains(c);
    text.starts_with(begins)
        && text.chars().all(allowed)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !is_something_else(text)
}

/// The same within a list in one line.
fn is_word(text: &str) -> bool {
    is_plain(text) && !text.contains([',', '[', ']', '{', '}'])
}

/// Whether YAML, of whatever version, may read `text` as no text: a number, a boolean, a time.
fn is_something_else(text: &str) -> bool {
    let words = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", ".inf", ".nan"];
    words.contains(&text.to_ascii_lowercase().as_str())
        || text.starts_with(|c: char| c.is_ascii_digit() || c == '.')
            && text.chars().all(|c| c.is_ascii_hexdigit() || "xXoOtTzZ+-._: ".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Node;

    #[test]
    fn quotes_stand_where_they_are_needed() {
        for (text, expected) in [
            ("prod-eu-1", "prod-eu-1"),
            ("https://hooks.example/in?a=b#c", "https://hooks.example/in?a=b#c"),
            ("type == \"Warning\"", "type == \"Warning\""),
            ("{{ .UID }}", "'{{ .UID }}'"),
            ("it's {{ .UID }}", "it's {{ .UID }}"),
            ("{{ 'x' }}", "\"{{ 'x' }}\""),
            ("a: b", "'a: b'"),
            ("007", "'007'"),
            ("1e3", "'1e3'"),
            ("50Mi", "50Mi"),
            ("Yes", "'Yes'"),
            ("", "''"),
            ("two\nlines", "\"two\\nlines\""),
            ("${NAME}", "${NAME}"),
        ] {
            assert_eq!(scalar(text), expected);
        }
    }

    #[test]
    fn whatever_is_written_is_read_back() {
        let texts = [
            "",
            " ",
            "a",
            "- a",
            "a #b",
            "#a",
            "a: b",
            "a:",
            "'",
            "\"",
            "\\",
            "it's \"x\\\"",
            "\t",
            "a\nb\n",
            "[a",
            "{a}",
            "a, b",
            "null",
            "~",
            "1.10",
            "0x1f",
            "1:30",
            "*a",
            "&a",
            "!a",
            "|",
            ">",
            "%a",
            "@a",
            "`a",
            "\u{2028}",
            "\u{7f}",
            "ü",
            "😀",
            "=",
            "<<",
            "?",
            "-",
            "--",
            "---",
            "...",
            ".5",
            "2024-05-06",
            "a\r\nb",
            "a\n b\nc ",
            "a\n\nb",
            "a\n",
            "\u{feff}x",
            "\u{202e}x",
            "$x",
            "no",
            "=x",
            "(a",
            "a]",
            "0b1",
            "0o7",
            "1_000",
            "+1",
            ".",
            "..",
        ];
        let list = Yaml::texts(texts);
        let map = texts.iter().map(|text| ((*text).to_owned(), Yaml::text(*text))).collect();
        let nested = Yaml::List(vec![Yaml::Map(map), list.clone(), Yaml::List(vec![list])]);
        let text = entries(&[("a".to_owned(), nested)], 0);
        assert!(!text.contains(|c| is_active(c) && c != '\n'), "{text:?}");
        let document = Node::parse(&text).unwrap();
        let items = document.get("a").unwrap().items().unwrap();
        let read: Vec<_> = items[1].items().unwrap().iter().map(|node| node.text()).collect();
        assert_eq!(read, texts.map(Some), "{text}");
        let read: Vec<_> =
            items[0].entries().unwrap().iter().map(|entry| (&*entry.key, entry.node.text())).collect();
        assert_eq!(read, texts.map(|text| (text, Some(text))), "{text}");
    }

    #[test]
    fn a_long_text_is_folded() {
        let folded = Yaml::Folded(vec!["a == \"b\"".to_owned(), "&& c".to_owned()]);
        let text = item(&[("kind".to_owned(), Yaml::text("log")), ("where".to_owned(), folded)], 2);
        assert_eq!(text, "  - kind: log\n    where: >-\n      a == \"b\"\n      && c\n");
    }
}
