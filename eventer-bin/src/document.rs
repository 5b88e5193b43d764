//! A YAML document as a tree in which every value and every key knows its line.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, MergeKeyPolicy, Options, Spanned};

/// One value, and where it stands.
#[derive(Clone, PartialEq)]
pub(crate) struct Node {
    /// Its line, from 1. That of its first line, if it has many.
    pub(crate) line: u64,
    /// What stands there.
    pub(crate) value: Value,
}

/// What a [`Node`] holds.
#[derive(Clone, PartialEq)]
pub(crate) enum Value {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it was written.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order in which it was written.
    Map(Vec<Entry>),
}

/// One key of a map with its value.
#[derive(Clone, PartialEq)]
pub(crate) struct Entry {
    /// The key.
    pub(crate) key: String,
    /// Line of the key, from 1.
    pub(crate) line: u64,
    /// What stands under it.
    pub(crate) node: Node,
}

/// Why a text is no YAML, in one line; shows nothing of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DocumentError {
    /// Where, if that is known.
    pub(crate) line: Option<u64>,
    /// What is wrong.
    pub(crate) reason: String,
}

impl Node {
    /// Reads the only document of `text`. Of a text without one, it is a map without keys.
    pub(crate) fn parse(text: &str) -> Result<Self, DocumentError> {
        let mut documents = Self::parse_all(text)?;
        if let Some(second) = documents.get(1) {
            let reason = "a second document begins here, and only one is read".to_owned();
            return Err(DocumentError { line: Some(second.line), reason });
        }
        Ok(documents.pop().unwrap_or(Self { line: 1, value: Value::Map(Vec::new()) }))
    }

    /// Reads all documents of `text`; those without content are passed over.
    pub(crate) fn parse_all(text: &str) -> Result<Vec<Self>, DocumentError> {
        let mut options = Options::default();
        options.merge_keys = MergeKeyPolicy::Merge;
        options.with_snippet = false;
        // Otherwise a few dozen lines of comment in a row are an error.
        options.emit_comments = false;
        // Without it a `!` that begins an expression would take a part of it away.
        options.reject_unsupported_tags = true;
        // `no` and `on` are words: YAML 1.2 knows true and false only.
        options.strict_booleans = true;
        let nodes: Vec<Spanned<Raw>> = serde_saphyr::from_multiple_with_options(text, options)
            .map_err(|error| DocumentError::of(&error))?;
        Ok(nodes.into_iter().map(|node| node_of(node, text)).collect())
    }

    /// What stands under `key`, if this is a map that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entries()?.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    /// The entries, if this is a map.
    pub(crate) fn entries(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items, if this is a list.
    pub(crate) fn items(&self) -> Option<&[Self]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The text of a value that is no list, no map and not empty: numbers as they were written.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Bool(true) => Some("true"),
            Value::Bool(false) => Some("false"),
            Value::Number(text) | Value::Text(text) => Some(text),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }
}

impl Value {
    /// What it is, for people.
    pub(crate) fn form(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

/// Shows lines and forms: a value may be a secret.
impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at line {}", self.value.form(), self.line)
    }
}

/// As [`Node`] does.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.form())
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.key, self.node)
    }
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

/// What to do about a `!` that means itself.
const IN_QUOTES: &str = "; a value that begins with ! is put in quotes";

impl DocumentError {
    /// The parser's message may repeat what is written; its kinds that matter are put in our words.
    fn of(error: &serde_saphyr::Error) -> Self {
        let error = error.without_snippet();
        let line = error.location().map(|location| location.line()).filter(|line| *line > 0);
        let reason = match error {
            serde_saphyr::Error::DuplicateMappingKey { key, .. } => match key {
                Some(key) => format!("the key \"{key}\" stands twice in one map"),
                None => "a key stands twice in one map".to_owned(),
            },
            serde_saphyr::Error::UnsupportedTag { .. } => format!("this is a tag of YAML{IN_QUOTES}"),
            _ => {
                let told = error.to_string();
                let told =
                    told.lines().next().unwrap_or_default().split(" at line ").next().unwrap_or_default();
                let hint = if told.contains("a tag") { IN_QUOTES } else { "" };
                format!("this is no YAML: {}{hint}", told.trim_start_matches("error: "))
            }
        };
        Self { line, reason }
    }
}

/// A value before the text of its numbers is put in.
enum Raw {
    Null,
    Bool(bool),
    /// As it is read, for where the text is not known.
    Number(String),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

fn node_of(node: Spanned<Raw>, text: &str) -> Node {
    let location = node.referenced;
    let value = match node.value {
        Raw::Null => Value::Null,
        Raw::Bool(value) => Value::Bool(value),
        Raw::Number(read) => Value::Number(written(text, &node.defined).map_or(read, str::to_owned)),
        Raw::Text(text) => Value::Text(text),
        Raw::List(items) => Value::List(items.into_iter().map(|item| node_of(item, text)).collect()),
        Raw::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, value)| Entry {
                    line: key.referenced.line(),
                    key: key.value,
                    node: node_of(value, text),
                })
                .collect(),
        ),
    };
    Node { line: location.line(), value }
}

/// The number as it stands in `text`.
fn written<'t>(text: &'t str, location: &Location) -> Option<&'t str> {
    let span = location.span();
    let begin = usize::try_from(span.byte_offset()?).ok()?;
    let end = begin.checked_add(usize::try_from(span.byte_len()?).ok()?)?;
    text.get(begin..end).map(str::trim).filter(|number| !number.is_empty())
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_and_every_key_knows_its_line() {
        let text = "a: 1\nb:\n  - x\n  - y: yes\n    z: |\n      two\n      lines\n";
        let document = Node::parse(text).unwrap();
        let b = document.get("b").unwrap().items().unwrap();
        assert_eq!(document.entries().unwrap()[1].line, 2);
        assert_eq!((b[0].line, b[0].text()), (3, Some("x")));
        let inner = b[1].entries().unwrap();
        assert_eq!((inner[1].line, inner[1].node.text()), (5, Some("two\nlines\n")));
    }

    #[test]
    fn numbers_are_kept_as_they_were_written() {
        let text = "a: 1.10\nb: 0x1F\nc: 007\nd: 1e3\ne: -5\nf: 123456789012345678901234567890\ng: {h: 2.50, i: [3.0]}\n";
        let document = Node::parse(text).unwrap();
        let read = |key: &str| document.get(key).unwrap().text().unwrap().to_owned();
        assert_eq!(
            ["a", "b", "c", "d", "e", "f"].map(read),
            ["1.10", "0x1F", "007", "1e3", "-5", "123456789012345678901234567890"]
        );
        let inner = document.get("g").unwrap();
        assert_eq!(inner.get("h").unwrap().text(), Some("2.50"));
        assert_eq!(inner.get("i").unwrap().items().unwrap()[0].text(), Some("3.0"));
    }

    #[test]
    fn words_are_no_booleans_but_for_two() {
        let document = Node::parse("a: no\nb: yes\nc: on\nd: y\ne: true\nf: False\n").unwrap();
        let read = |key: &str| document.get(key).unwrap().value.clone();
        let words = ["a", "b", "c", "d"].map(read);
        assert!(words == ["no", "yes", "on", "y"].map(|word| Value::Text(word.to_owned())), "{words:?}");
        assert!(read("e") == Value::Bool(true) && read("f") == Value::Bool(false));
    }

    #[test]
    fn what_begins_with_an_exclamation_mark_loses_nothing() {
        for text in [
            "a: !has(series.count) && type == \"Warning\"\n",
            "a:\n  - !has(series.count)\n",
            "a: !x hello\n",
            "a: !reason.matches(\"^x$\")\n",
            "a: {b: !c}\n",
        ] {
            let error = Node::parse(text).unwrap_err();
            assert!(error.reason.ends_with("a value that begins with ! is put in quotes"), "{text}: {error}");
        }
        assert_eq!(Node::parse("a: '!b'\n").unwrap().get("a").unwrap().text(), Some("!b"));
        assert_eq!(Node::parse("a: !!str 5\n").unwrap().get("a").unwrap().text(), Some("5"));
    }

    #[test]
    fn an_empty_text_is_a_map_without_keys() {
        for text in ["", "\n", "# nothing\n", "---\n"] {
            assert_eq!(Node::parse(text).unwrap().entries(), Some(&[][..]), "{text:?}");
        }
    }

    #[test]
    fn a_file_may_be_mostly_comment() {
        let comments = "# one more line\n".repeat(1000);
        let document = Node::parse(&format!("{comments}a:\n{comments}  - b\n{comments}")).unwrap();
        assert_eq!(document.get("a").unwrap().items().unwrap()[0].text(), Some("b"));
    }

    #[test]
    fn anchors_and_merges_are_resolved() {
        let text = "base: &base {timeout: 5s, rate: 1/s}\nsink:\n  <<: *base\n  timeout: 9s\nsame: *base\n";
        let document = Node::parse(text).unwrap();
        let sink = document.get("sink").unwrap();
        assert_eq!(sink.get("timeout").unwrap().text(), Some("9s"));
        assert_eq!(sink.get("rate").unwrap().text(), Some("1/s"));
        assert_eq!(document.get("same").unwrap().get("rate").unwrap().text(), Some("1/s"));
    }

    #[test]
    fn what_is_no_yaml_is_told_with_its_line_and_without_its_text() {
        let cases = [
            ("a: 1\nb: [hunter2\n", "this is no YAML"),
            ("a: 1\n\tb: hunter2\n", "this is no YAML"),
            ("a: 1\nb: 2\na: hunter2\n", "the key \"a\" stands twice"),
            ("a: 1\n---\nb: hunter2\n", "a second document begins here"),
            ("a: *hunter2\n", "this is no YAML"),
        ];
        for (text, expected) in cases {
            let error = Node::parse(text).unwrap_err();
            assert!(error.reason.starts_with(expected), "{error:?}");
            assert!(error.line.is_some(), "{error:?}");
            assert!(!error.reason.contains("hunter2"), "{error:?}");
            println!("{error:?}");
        }
    }
}
