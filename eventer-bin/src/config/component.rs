//! One source, sink or rule of the file: a URI as in the flag, or a map of its options.

use std::collections::BTreeMap;

use eventer_core::uri::{expand_value, nearest, query_pairs};
use eventer_core::{
    ComponentSpec, ComponentUri, ConfigError, EndpointSpec, Environment, OptionSpec, filter, policy, registry,
};

use super::{List, place, value};
use crate::document::{Entry, Node, Value};

/// The key of a component's kind, and that of what stands between `kind:` and `?` in its URI.
pub(super) const KIND: &str = "kind";
/// See [`KIND`].
pub(super) const ENDPOINT: &str = "endpoint";

/// What an option that takes JSON declares as the form of its value; a map or a list can be written for it.
pub(super) const JSON: &str = "JSON";

/// A prefix that hands an option to the destination, whatever it looks like.
const PASS_ON: &str = "query.";

/// A component that was asked for, and where.
#[derive(Clone, Debug)]
pub(crate) struct Component {
    /// What was asked for.
    pub(crate) uri: ComponentUri,
    /// Where.
    pub(crate) place: Place,
    /// Whether something of it was left out, which has been told.
    pub(crate) is_incomplete: bool,
}

/// Where a component was asked for.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// By this flag.
    Flag(&'static str),
    /// In a file.
    File {
        /// The flag that gives such a component.
        flag: &'static str,
        /// Name of the file.
        file: String,
        /// The list that it stands in, and its number, such as `sinks[0]`.
        key: String,
        /// Its first line.
        line: u64,
        /// The lines of its options.
        options: BTreeMap<String, u64>,
    },
}

impl Place {
    /// The mistake, told of this place.
    pub(crate) fn tell(&self, kind: &str, error: ConfigError) -> ConfigError {
        match self {
            Self::Flag(_) => error,
            Self::File { file, key, line, options, .. } => {
                let line = error.option().and_then(|option| options.get(option)).unwrap_or(line);
                error.of(place(file, *line, &format!("{key} ({kind})")))
            }
        }
    }

    /// The flag that gives such a component.
    pub(crate) fn flag(&self) -> &'static str {
        match self {
            Self::Flag(flag) | Self::File { flag, .. } => flag,
        }
    }

    /// What a list of components is called here: a flag, or a key of a file.
    pub(crate) fn list(&self) -> String {
        match self {
            Self::Flag(flag) => (*flag).to_owned(),
            Self::File { file, key, .. } => {
                format!("{file}: {}", key.split('[').next().unwrap_or_default())
            }
        }
    }
}

/// What is needed to understand a component.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub(super) file: &'a str,
    pub(super) list: List,
    pub(super) index: usize,
    pub(super) specs: &'a [&'static ComponentSpec],
    pub(super) environment: &'a dyn Environment,
}

/// Reads one, as far as it is understood; what is wrong with its form goes to `mistakes`.
pub(super) fn read(node: &Node, around: Surroundings<'_>, mistakes: &mut Vec<String>) -> Option<Component> {
    let told = mistakes.len();
    let component = understand(node, around, mistakes).map_err(|mistake| mistakes.push(mistake)).ok()?;
    Some(Component { is_incomplete: mistakes.len() > told, ..component })
}

fn understand(
    node: &Node,
    around: Surroundings<'_>,
    mistakes: &mut Vec<String>,
) -> Result<Component, String> {
    match (&node.value, around.list) {
        (Value::Text(text), List::Drop) => rule(text, node, around),
        (Value::Text(text), _) => uri(text, node, around),
        // `- log:` is a map to YAML, whose only key has no value.
        (Value::Map(entries), List::Sources | List::Sinks) if is_bare_uri(entries) => {
            uri(&format!("{}:", entries[0].key), node, around)
        }
        (Value::Map(entries), _) => map(entries, node, around, mistakes),
        (value, _) => {
            let wanted = if around.list == List::Drop {
                "an expression or a map of filters"
            } else {
                "a URI or a map"
            };
            Err(format!("{}: it takes {wanted}, and this is {}", around.place(node.line), value.form()))
        }
    }
}

impl Surroundings<'_> {
    fn key(&self) -> String {
        format!("{}[{}]", self.list.key(), self.index)
    }

    fn place(&self, line: u64) -> String {
        place(self.file, line, &self.key())
    }

    fn component(&self, uri: ComponentUri, line: u64, options: BTreeMap<String, u64>) -> Component {
        let (flag, file) = (self.list.flag(), self.file.to_owned());
        let place = Place::File { flag, file, key: self.key(), line, options };
        Component { uri, place, is_incomplete: false }
    }
}

fn is_bare_uri(entries: &[Entry]) -> bool {
    matches!(entries, [Entry { node: Node { value: Value::Null, .. }, key, .. }] if key != KIND)
}

fn uri(text: &str, node: &Node, around: Surroundings<'_>) -> Result<Component, String> {
    let place = around.place(node.line);
    let uri = ComponentUri::parse(around.list.flag(), text, around.environment)
        .map_err(|error| error.of(place).to_string())?;
    Ok(around.component(uri, node.line, BTreeMap::new()))
}

/// A rule that is nothing but an expression.
fn rule(text: &str, node: &Node, around: Surroundings<'_>) -> Result<Component, String> {
    let told = |reason| format!("{}: {reason}", around.place(node.line));
    let (text, is_expanded) = expand_value(text, around.environment).map_err(told)?;
    let name = || filter::WHERE.name.to_owned();
    let from_variables = if is_expanded { vec![name()] } else { Vec::new() };
    let uri = ComponentUri::from_parts(List::Drop.key(), "", vec![(name(), Some(text))], from_variables);
    Ok(around.component(uri, node.line, BTreeMap::new()))
}

fn map(
    entries: &[Entry],
    node: &Node,
    around: Surroundings<'_>,
    mistakes: &mut Vec<String>,
) -> Result<Component, String> {
    let is_rule = around.list == List::Drop;
    let kind = if is_rule { List::Drop.key() } else { kind(entries, node, around)? };
    let spec = around.specs.iter().find(|spec| spec.kind == kind).copied();
    if spec.is_none() && !is_rule {
        // The registry says so; of its options nothing is known.
        let uri = ComponentUri::from_parts(kind, "", Vec::new(), Vec::new());
        return Ok(around.component(uri, node.line, BTreeMap::new()));
    }
    let mut reader = MapReader {
        around,
        spec,
        options: Vec::new(),
        from_variables: Vec::new(),
        lines: BTreeMap::new(),
        mistakes,
    };
    let mut endpoint = String::new();
    for entry in entries {
        match entry.key.as_str() {
            KIND if !is_rule => {}
            ENDPOINT if !is_rule => endpoint = reader.endpoint(entry),
            _ => reader.option(entry),
        }
    }
    let MapReader { options, from_variables, lines, .. } = reader;
    let uri = ComponentUri::from_parts(kind, endpoint, options, from_variables);
    Ok(around.component(uri, node.line, lines))
}

/// The kind that a map names.
fn kind<'a>(entries: &'a [Entry], node: &Node, around: Surroundings<'_>) -> Result<&'a str, String> {
    let Some(entry) = entries.iter().find(|entry| entry.key == KIND) else {
        let known: Vec<_> = around.specs.iter().map(|spec| spec.kind).collect();
        let place = around.place(node.line);
        return Err(format!("{place}: its kind is missing: kind: with one of {}", known.join(", ")));
    };
    let kind = entry.node.text().map(str::trim).filter(|kind| !kind.is_empty());
    kind.ok_or_else(|| format!("{}.kind: it takes the name of a kind", around.place(entry.line)))
}

/// Reads the options of one component.
struct MapReader<'a> {
    around: Surroundings<'a>,
    /// The declaration of its kind, if that is known.
    spec: Option<&'static ComponentSpec>,
    options: Vec<(String, Option<String>)>,
    from_variables: Vec<String>,
    lines: BTreeMap<String, u64>,
    mistakes: &'a mut Vec<String>,
}

impl MapReader<'_> {
    fn endpoint(&mut self, entry: &Entry) -> String {
        if self.spec.is_some_and(|spec| spec.endpoint == EndpointSpec::None) {
            self.mistake(entry, "this kind has none; leave the key out");
            return String::new();
        }
        let Some((text, _)) = self.take(entry, value::text(&entry.node, self.around.environment)) else {
            return String::new();
        };
        let is_url = self.spec.is_some_and(|spec| matches!(spec.endpoint, EndpointSpec::Url(_)));
        match text.split_once('?') {
            // All of it is the destination's: the options have keys of their own.
            Some((endpoint, query)) if is_url => {
                let pairs = query_pairs(query).into_iter();
                self.options.extend(pairs.map(|(name, value)| (format!("{PASS_ON}{name}"), value)));
                endpoint.to_owned()
            }
            _ => text,
        }
    }

    fn option(&mut self, entry: &Entry) {
        let Some(option) = self.declaration(&entry.key) else {
            return self.unknown(entry);
        };
        self.lines.insert(entry.key.clone(), entry.line);
        let environment = self.around.environment;
        let items = match &entry.node.value {
            Value::List(_) | Value::Map(_) if option.value == JSON => {
                vec![value::json(&entry.node, environment)]
            }
            Value::List(items) if option.is_repeatable => {
                items.iter().map(|item| value::text(item, environment)).collect()
            }
            Value::List(items) => match &items[..] {
                [only] => vec![value::text(only, environment)],
                _ => vec![Err("it takes one value, and this is a list".to_owned())],
            },
            _ => vec![value::text(&entry.node, environment)],
        };
        for item in items {
            if let Some((text, is_expanded)) = self.take(entry, item) {
                self.options.push((entry.key.clone(), Some(text)));
                if is_expanded {
                    self.from_variables.push(entry.key.clone());
                }
            }
        }
    }

    /// The option that is given under `key`.
    fn declaration(&self, key: &str) -> Option<OptionSpec> {
        let is_passed_on = key.starts_with(PASS_ON)
            && self.spec.is_some_and(|spec| matches!(spec.endpoint, EndpointSpec::Url(_)));
        if is_passed_on {
            return Some(OptionSpec::new("query", "VALUE", ""));
        }
        self.declared().find(|option| option.names().any(|name| name == key)).copied()
    }

    fn declared(&self) -> impl Iterator<Item = &'static OptionSpec> {
        let common = match self.around.list {
            List::Sources => registry::SOURCE_OPTIONS,
            List::Sinks => policy::OPTIONS,
            List::Drop => filter::OPTIONS,
        };
        self.spec.map_or(&[][..], |spec| spec.options).iter().chain(common)
    }

    fn unknown(&mut self, entry: &Entry) {
        let mut known: Vec<String> = self.declared().flat_map(OptionSpec::names).collect();
        if self.around.list != List::Drop {
            known.extend([KIND, ENDPOINT].map(str::to_owned));
        }
        let hint = match nearest(&entry.key, known.iter().map(String::as_str)) {
            Some(word) => format!(", did you mean \"{word}\"?"),
            None if entry.key == "url" => ", a URL is written under \"endpoint\"".to_owned(),
            None => format!("; known are {}", known.join(", ")),
        };
        self.mistake(entry, &format!("the key is not known{hint}"));
    }

    fn take<T>(&mut self, entry: &Entry, value: Result<T, String>) -> Option<T> {
        value.map_err(|reason| self.mistake(entry, &reason)).ok()
    }

    fn mistake(&mut self, entry: &Entry, reason: &str) {
        let key = format!("{}.{}", self.around.key(), entry.key);
        self.mistakes.push(format!("{}: {reason}", place(self.around.file, entry.line, &key)));
    }
}
