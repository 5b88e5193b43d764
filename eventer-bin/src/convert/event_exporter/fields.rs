//! The keys of a map, with their places.

use crate::convert::report::{Report, Weight, did_you_mean};
use crate::document::{Node, Value};

/// Tells that a value is of a form that the tool cannot read there, unless it is nothing.
pub(super) fn tell_of_form(node: &Node, place: &str, wanted: &str, report: &mut Report) {
    if node.value != Value::Null {
        let text = format!(
            "it takes {wanted}, and this is {}: the tool does not start with it; it is left out",
            node.value.form()
        );
        report.add(Weight::Lost, node.line, place, text);
    }
}

/// A map whose keys are known.
#[derive(Debug)]
pub(super) struct Fields<'n> {
    node: &'n Node,
    place: String,
}

impl<'n> Fields<'n> {
    /// Opens a map, and tells the keys that the tool ignores.
    pub(super) fn open(node: &'n Node, place: String, known: &[&'static str], report: &mut Report) -> Self {
        for entry in node.entries().unwrap_or_default() {
            if !known.contains(&entry.key.as_str()) {
                let hint = did_you_mean(&entry.key, known.iter().copied());
                let text = format!("there is no such key, and the tool ignores it{hint}");
                report.add(Weight::Know, entry.line, format!("{place}.{}", entry.key), text);
            }
        }
        Self { node, place }
    }

    /// A map within.
    pub(super) fn section(&self, key: &str, known: &[&'static str], report: &mut Report) -> Option<Self> {
        let node = self.node.get(key).filter(|node| node.entries().is_some())?;
        Some(Self::open(node, self.place_of(key), known, report))
    }

    /// What stands under `key`.
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        self.node.get(key)
    }

    /// The text under `key`; an empty one is none.
    pub(super) fn text(&self, key: &str) -> Option<&'n str> {
        self.node.get(key)?.text().filter(|text| !text.is_empty())
    }

    /// The texts of the list under `key`; a single one may stand there alone.
    pub(super) fn texts(&self, key: &str) -> Vec<&'n str> {
        let Some(node) = self.node.get(key) else { return Vec::new() };
        node.items().unwrap_or(std::slice::from_ref(node)).iter().filter_map(Node::text).collect()
    }

    /// The line of the map.
    pub(super) fn line(&self) -> u64 {
        self.node.line
    }

    /// The line of a key's value, or that of the map.
    pub(super) fn line_of(&self, key: &str) -> u64 {
        self.node.get(key).map_or(self.node.line, |node| node.line)
    }

    /// Where a key stands, for people.
    pub(super) fn place_of(&self, key: &str) -> String {
        format!("{}.{key}", self.place)
    }
}
