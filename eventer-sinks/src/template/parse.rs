//! A template: read and checked once, rendered for many events.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use eventer_core::Event;
use gotmpl::parse::{ListNode, Node, Parser};

use super::blocks::Blocks;
use super::check::Checker;
use super::eval::Rendering;
use super::functions::Regexes;
use super::limits::{OUTPUT_BYTES, TEMPLATE_BYTES};
use super::pass::Pass;
use super::problem::{Problem, TemplateError};
use super::scope::Scope;

/// A template of Go's, ready to be rendered from any thread. A clone shares it. `Debug` shows its text.
#[derive(Clone)]
pub(crate) struct Template {
    parsed: Arc<Parsed>,
}

/// What there is to know of a template.
pub(super) struct Parsed {
    pub(super) text: String,
    pub(super) main: ListNode,
    /// The templates that it defines, by their names.
    pub(super) defined: HashMap<String, ListNode>,
    pub(super) regexes: Regexes,
    /// Where the actions stand that escape what they print.
    pub(super) escaping_actions: HashSet<usize>,
}

impl Template {
    /// Reads a template, and checks it against what an event has: fields and methods as far as it is known what they are
    /// asked of, functions and the number of their values, variables, regular expressions and time zones that it writes
    /// out. A label or annotation may be absent from an event, so none is a mistake.
    ///
    /// # Errors
    /// Tells all that is wrong, each with its line and column, for a user to read.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let parsed = parse(text).map_err(|mut problems| {
            problems.sort();
            problems.dedup();
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        })?;
        Ok(Self { parsed: Arc::new(parsed) })
    }

    /// Renders it for `event`.
    ///
    /// # Errors
    /// Says why there is no text for this event: an action that cannot be computed, or a limit. It would fail in the same
    /// way again.
    pub(crate) fn render(&self, event: &Event, scope: &Scope<'_>) -> Result<String, TemplateError> {
        Rendering::text(&self.parsed, event, &Pass::new(*scope))
    }

    /// Renders it for `event` as a JSON value: what it gives in its own type, if it is one action and nothing else, and else
    /// a string. In `pass`, in which nothing is to be escaped: the string is, as a whole.
    ///
    /// # Errors
    /// As [`render`](Self::render).
    pub(crate) fn render_json(&self, event: &Event, pass: &Pass<'_>) -> Result<String, TemplateError> {
        let json = match &self.parsed.main.nodes[..] {
            [Node::Action(action)] if action.pipe.decl.is_empty() => {
                Rendering::json(&self.parsed, action, event, pass)?
            }
            _ => serde_json::Value::String(Rendering::text(&self.parsed, event, pass)?).to_string(),
        };
        if json.len() > OUTPUT_BYTES { Err(TemplateError::TooLong(OUTPUT_BYTES)) } else { Ok(json) }
    }

    /// Whether what it writes begins as a JSON object or list does.
    pub(crate) fn looks_like_json(&self) -> bool {
        let mut text = self.parsed.text.trim_start();
        // Definitions, assignments and comments before the body print nothing.
        while let Some(action) = text.strip_prefix("{{") {
            let Some((_, rest)) = action.split_once("}}") else { break };
            text = rest.trim_start();
        }
        text.starts_with(['{', '['])
    }

    /// Whether it is text alone: the same for each event.
    pub(crate) fn is_constant(&self) -> bool {
        self.parsed.main.nodes.iter().all(|node| matches!(node, Node::Text(_)))
    }

    /// The text that was read.
    pub(crate) fn as_str(&self) -> &str {
        &self.parsed.text
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Template").field(&self.parsed.text).finish()
    }
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
}

fn parse(text: &str) -> Result<Parsed, Vec<Problem>> {
    if text.len() > TEMPLATE_BYTES {
        let what = format!("the template is longer than {TEMPLATE_BYTES} bytes");
        return Err(vec![Problem::new(1, 1, what)]);
    }
    let blocks = Blocks::of(text);
    if let Some(problem) = blocks.too_deep {
        return Err(vec![problem]);
    }
    let read = Parser::new(text, "{{", "}}").and_then(Parser::parse);
    let (main, definitions) = match (read, blocks.unbalanced) {
        (Ok(_), Some(problem)) => return Err(vec![problem]),
        (Ok(read), None) => read,
        (Err(error), unbalanced) => return Err(vec![syntax(error, unbalanced)]),
    };
    let mut defined = HashMap::new();
    for definition in definitions {
        let name = definition.name.to_string();
        // An empty definition leaves one that is there as it is, as in Go.
        let is_empty = definition.body.is_empty_tree();
        match defined.get(&name) {
            Some(before) if !is_empty && !ListNode::is_empty_tree(before) => {
                let what = format!("the template \"{name}\" is defined twice");
                return Err(vec![Problem::at(text, definition.pos.offset, what)]);
            }
            Some(_) if is_empty => {}
            _ => {
                defined.insert(name, definition.body);
            }
        }
    }
    let mut regexes = Regexes::default();
    let escaping_actions = Checker::check(text, &main, &defined, &mut regexes)?;
    Ok(Parsed { text: text.to_owned(), main, defined, regexes, escaping_actions })
}

/// What the parser says is wrong; of an `else` or `end` too many, [`Blocks`] says more.
fn syntax(error: gotmpl::TemplateError, unbalanced: Option<Problem>) -> Problem {
    use gotmpl::TemplateError::{Lex, Parse};
    match error {
        Lex { line, col, message, .. } | Parse { line, col, message, .. } => {
            if let (true, Some(problem)) = (message.starts_with("unexpected token"), unbalanced) {
                return problem;
            }
            let hint = match message.as_str() {
                "unexpected character: '-'" | "unexpected character: '/'" => {
                    "; a key that is not one word is read by index .Labels \"app-name\""
                }
                _ => "",
            };
            Problem::new(line, col, format!("{message}{hint}"))
        }
        other => Problem::new(1, 1, other.to_string()),
    }
}
