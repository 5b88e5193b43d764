//! The file of `--config`: what a run consists of and how it runs. Everything that is wrong with it is found at once, and told
//! with its line and its key.
//!
//! Settings are flags under other names ([`keys`]); sources, sinks and rules are URIs in another form ([`component`]). So
//! both are understood by what understands flags, and mean the same.

mod component;
mod keys;
mod schema;
mod value;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use eventer_core::event::Labels;
use eventer_core::uri::nearest;
use eventer_core::{ComponentSpec, Environment, Secret};

use crate::convert;
use crate::document::{DocumentError, Entry, Node, Value};
use component::Surroundings;
pub(crate) use component::{Component, Place};
use keys::STATIC_LABELS;
pub(crate) use keys::{DROP, SINKS, SOURCES, key_of};
pub(crate) use schema::schema_text;

/// What a file says, still without its sources, sinks and rules being understood.
#[derive(Debug)]
pub(crate) struct ConfigFile {
    /// What it is called in messages.
    pub(crate) name: String,
    /// All of it.
    pub(crate) text: Secret<String>,
    /// Values of flags, by their names.
    pub(crate) settings: BTreeMap<&'static str, Setting>,
    /// Labels for every event.
    pub(crate) static_labels: Labels,
    /// Whether it has the key of the sources.
    names_sources: bool,
    sources: Vec<Node>,
    sinks: Vec<Node>,
    drop: Vec<Node>,
}

/// The value of a flag, as a file gives it.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// The value.
    pub(crate) text: String,
    /// File, line and key, for messages.
    pub(crate) place: String,
}

/// A list of components in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    /// Where events are taken from.
    Sources,
    /// Where they are delivered to.
    Sinks,
    /// What no sink gets.
    Drop,
}

impl ConfigFile {
    /// Reads the file, and what its values refer to; `None` if it is no map of keys at all. Every mistake in it goes to
    /// `mistakes`, for people to read.
    pub(crate) fn read(
        path: &Path,
        environment: &dyn Environment,
        mistakes: &mut Vec<String>,
    ) -> Option<Self> {
        let name = path.display().to_string();
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&name, &text, environment, mistakes),
            Err(error) => {
                mistakes.push(format!("could not read the configuration in {name}: {error}"));
                None
            }
        }
    }

    /// As [`read`](Self::read), of the text of a file that is called `name` in messages.
    pub(crate) fn parse(
        name: &str,
        text: &str,
        environment: &dyn Environment,
        mistakes: &mut Vec<String>,
    ) -> Option<Self> {
        let documents = match Node::parse_all(text) {
            Ok(documents) => documents,
            Err(error) => {
                mistakes.push(told(name, &error));
                return None;
            }
        };
        if let Some(tool) = documents.iter().find_map(convert::detect) {
            mistakes.push(format!(
                "{name}: this is a configuration of {tool}; `eventer convert {tool} {name}` makes one of eventer's of it, and tells \
                 what changes"
            ));
            return None;
        }
        let document = Node::parse(text).map_err(|error| mistakes.push(told(name, &error))).ok()?;
        let mut reader = Reader { name, environment, mistakes };
        reader.file(&document).map(|file| Self { text: Secret::new(text.to_owned()), ..file })
    }

    /// The components of a list. What is wrong with their form goes to `mistakes`.
    pub(crate) fn components(
        &self,
        list: List,
        specs: &[&'static ComponentSpec],
        environment: &dyn Environment,
        mistakes: &mut Vec<String>,
    ) -> Vec<Component> {
        let nodes = match list {
            List::Sources => &self.sources,
            List::Sinks => &self.sinks,
            List::Drop => &self.drop,
        };
        let file = &self.name;
        let read = nodes.iter().enumerate().filter_map(|(index, node)| {
            component::read(node, Surroundings { file, list, index, specs, environment }, mistakes)
        });
        read.collect()
    }

    /// What is to be said if no source is given: nothing, if it has some.
    pub(crate) fn without_sources(&self) -> Option<String> {
        let name = &self.name;
        match (self.sources.is_empty(), self.names_sources) {
            (false, _) => None,
            (true, true) => Some(format!("{name}: {SOURCES}: there is none in the list")),
            (true, false) => Some(format!(
                "{name}: {SOURCES} is missing: say where events are taken from, such as \"{SOURCES}: ['kubernetes:']\" for a cluster; \
                 `eventer sources` lists the kinds"
            )),
        }
    }
}

impl List {
    /// Its key in the file.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Sources => SOURCES,
            Self::Sinks => SINKS,
            Self::Drop => DROP,
        }
    }

    /// The flag that gives such a component; rules have none.
    pub(crate) fn flag(self) -> &'static str {
        match self {
            Self::Sources => "--source",
            Self::Sinks => "--sink",
            Self::Drop => DROP,
        }
    }
}

/// The files that `${file:PATH}` puts into the file with this text.
pub(crate) fn referred_files(text: &str) -> Vec<PathBuf> {
    let references = text.match_indices("${file:");
    let paths = references.filter_map(|(at, begin)| text[at + begin.len()..].split_once('}'));
    paths.map(|(path, _)| PathBuf::from(path)).collect()
}

struct Reader<'a> {
    name: &'a str,
    environment: &'a dyn Environment,
    mistakes: &'a mut Vec<String>,
}

impl Reader<'_> {
    fn file(&mut self, document: &Node) -> Option<ConfigFile> {
        let mut file = ConfigFile {
            name: self.name.to_owned(),
            text: Secret::default(),
            settings: BTreeMap::new(),
            static_labels: Labels::new(),
            names_sources: false,
            sources: Vec::new(),
            sinks: Vec::new(),
            drop: Vec::new(),
        };
        let Some(entries) = document.entries() else {
            self.mistake(document.line, "", "it is no map of keys; it begins with sources: or sinks:");
            return None;
        };
        for entry in entries {
            match entry.key.as_str() {
                SOURCES => {
                    file.sources = self.list(entry);
                    file.names_sources = true;
                }
                SINKS => file.sinks = self.list(entry),
                DROP => file.drop = self.list(entry),
                STATIC_LABELS => file.static_labels = self.labels(entry),
                key => self.setting(key, key, entry, &mut file.settings),
            }
        }
        Some(file)
    }

    fn list(&mut self, entry: &Entry) -> Vec<Node> {
        match (&entry.node.value, entry.node.items()) {
            (Value::Null, _) => Vec::new(),
            (_, Some(items)) => items.to_vec(),
            (value, None) => {
                let form = value.form();
                self.mistake(
                    entry.line,
                    &entry.key,
                    &format!("it takes a list, and this is {form}: begin each item with a dash"),
                );
                Vec::new()
            }
        }
    }

    fn labels(&mut self, entry: &Entry) -> Labels {
        let Some(entries) = entry.node.entries() else {
            self.mistake(entry.line, &entry.key, "it takes a map of names and values");
            return Labels::new();
        };
        let mut labels = Labels::new();
        for label in entries {
            let key = format!("{}.{}", entry.key, label.key);
            if let Some((text, _)) = self.text(label, &key) {
                labels.insert(label.key.clone(), text);
            }
        }
        labels
    }

    /// A setting or a group of them; `key` is the last word of `path`.
    fn setting(
        &mut self,
        path: &str,
        key: &str,
        entry: &Entry,
        settings: &mut BTreeMap<&'static str, Setting>,
    ) {
        if let Some(flag) = keys::flag(path) {
            if let Some((text, _)) = self.text(entry, path) {
                let place = self.place(entry.line, path);
                settings.insert(flag, Setting { text, place });
            }
            return;
        }
        if keys::is_group(path) {
            match entry.node.entries() {
                Some(entries) => {
                    for inner in entries {
                        self.setting(&format!("{path}.{}", inner.key), &inner.key, inner, settings);
                    }
                }
                None if entry.node.value == Value::Null => {}
                None => self.mistake(entry.line, path, "it takes a map of keys"),
            }
            return;
        }
        let known: Vec<&str> = keys::beside(path).collect();
        let hint = match nearest(key, known.iter().copied()) {
            Some(word) => format!(", did you mean \"{word}\"?"),
            None => format!("; known are {}", known.join(", ")),
        };
        self.mistakes.push(format!("{}: the key is not known{hint}", self.place(entry.line, path)));
    }

    /// The text of a value, with what it refers to put in, and whether anything was.
    fn text(&mut self, entry: &Entry, path: &str) -> Option<(String, bool)> {
        match value::text(&entry.node, self.environment) {
            Ok(text) => Some(text),
            Err(reason) => {
                self.mistake(entry.line, path, &reason);
                None
            }
        }
    }

    fn mistake(&mut self, line: u64, key: &str, what: &str) {
        self.mistakes.push(format!("{}: {what}", self.place(line, key)));
    }

    fn place(&self, line: u64, key: &str) -> String {
        place(self.name, line, key)
    }
}

/// What is wrong with a document, of the file `name`.
fn told(name: &str, error: &DocumentError) -> String {
    let line = error.line.map(|line| format!(":{line}")).unwrap_or_default();
    format!("{name}{line}: {error}")
}

/// File, line and key, for messages.
fn place(file: &str, line: u64, key: &str) -> String {
    if key.is_empty() { format!("{file}:{line}") } else { format!("{file}:{line}: {key}") }
}

#[cfg(test)]
mod tests;
