//! Says which part of an expression decided about an event, and what the event holds there.

use super::Compiled;
use super::node::{Kind, Node};
use super::scan::Brackets;
use super::value::cut;
use crate::event::Event;

/// The most fields whose values are told.
const MOST: usize = 5;

/// For people: the part that decided, whether it is true, and what the fields in it hold.
pub(super) fn explain(compiled: &Compiled, event: &Event, truth: bool) -> String {
    let (node, truth) = deciding(&compiled.root, event, truth);
    let mut fields = Vec::new();
    read(node, &mut fields);
    let text = |node: &Node| source(&compiled.text, &compiled.brackets, node);
    let mut told: Vec<String> = Vec::new();
    for field in fields {
        if let Ok(value) = field.eval(event) {
            let it = format!("{} is {value}", text(field));
            if !told.contains(&it) {
                told.push(it);
            }
        }
    }
    if told.len() > MOST {
        told.truncate(MOST);
        told.push("…".to_owned());
    }
    let told = if told.is_empty() { String::new() } else { format!(" ({})", told.join(", ")) };
    format!("{} is {truth}{told}", cut(text(node)))
}

/// The part that makes `node` what it is.
fn deciding<'n>(node: &'n Node, event: &Event, truth: bool) -> (&'n Node, bool) {
    let decisive = match &node.kind {
        Kind::Not(part) => return deciding(part, event, !truth),
        Kind::And(parts) if !truth => parts.iter().find(|part| part.truth(event) == Ok(false)),
        Kind::Or(parts) if truth => parts.iter().find(|part| part.truth(event) == Ok(true)),
        _ => None,
    };
    decisive.map_or((node, truth), |part| deciding(part, event, truth))
}

/// What is read of the event in `node`.
fn read<'n>(node: &'n Node, fields: &mut Vec<&'n Node>) {
    match &node.kind {
        Kind::Variable(_) | Kind::Field(..) => fields.push(node),
        Kind::Entry(parts) | Kind::Item(parts) => {
            fields.push(node);
            read(&parts[1], fields);
        }
        Kind::Call(_, values) if values.is_empty() => fields.push(node),
        _ => node.parts().into_iter().for_each(|part| read(part, fields)),
    }
}

/// The text of a part, with every bracket that it begins or ends in.
fn source<'t>(text: &'t str, brackets: &Brackets, node: &Node) -> &'t str {
    let (mut begin, mut end) = node.span;
    // Inner brackets come before those around them, so that one pass is enough.
    for (open, close) in brackets.iter().copied() {
        let (has_open, has_close) = ((begin..end).contains(&open), (begin..end).contains(&close));
        if has_open && !has_close {
            end = close + 1;
        } else if has_close && !has_open {
            begin = open;
        }
    }
    text.get(begin..end).unwrap_or(text)
}
