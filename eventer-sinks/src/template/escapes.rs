//! Which actions escape what they print, so that nothing escapes it again; and which variables change.

use std::collections::HashSet;

use gotmpl::parse::{Expr, ListNode, Node, PipeNode};

/// Functions whose answer is escaped, or JSON itself.
const ESCAPING: [&str; 8] =
    ["js", "mustToJson", "mustToPrettyJson", "mustToRawJson", "quote", "toJson", "toPrettyJson", "toRawJson"];

/// Variables that hold what was escaped.
#[derive(Debug, Default)]
pub(super) struct EscapingVariables<'t>(HashSet<&'t str>);

impl<'t> EscapingVariables<'t> {
    /// Those of a template with these bodies.
    pub(super) fn of(bodies: impl Iterator<Item = &'t ListNode>) -> Self {
        let mut escaping = Self::default();
        for body in bodies {
            each_pipe(body, &mut |pipe| {
                if escaping.escapes(pipe) {
                    escaping.0.extend(pipe.decl.iter().map(|name| name.as_str()));
                }
            });
        }
        escaping
    }

    /// Whether what `pipe` gives is escaped already: by a function that escapes, or by writing backslashes itself.
    pub(super) fn escapes(&self, pipe: &PipeNode) -> bool {
        pipe.commands.iter().any(|command| {
            let replaces = matches!(command.args.first(), Some(Expr::Identifier(_, name))
                if name.starts_with("replace") || name.contains("egexReplaceAll"));
            command.args.iter().enumerate().any(|(index, argument)| match argument {
                Expr::Identifier(_, name) => ESCAPING.contains(&name.as_str()),
                Expr::Variable(_, name, _) => self.0.contains(name.as_str()),
                // What is put in: the pattern of an expression has backslashes that it does not write.
                Expr::String(_, text) => {
                    text.contains("%q") || (replaces && index > 1 && text.contains('\\'))
                }
                Expr::Pipe(_, inner) => self.escapes(inner),
                Expr::Chain(_, inner, _) => matches!(&**inner, Expr::Pipe(_, inner) if self.escapes(inner)),
                _ => false,
            })
        })
    }
}

/// The variables that are given another value somewhere.
pub(super) fn assigned<'t>(bodies: impl Iterator<Item = &'t ListNode>) -> HashSet<&'t str> {
    let mut assigned = HashSet::new();
    for body in bodies {
        each_pipe(body, &mut |pipe| {
            if pipe.is_assign {
                assigned.extend(pipe.decl.iter().map(|name| name.as_str()));
            }
        });
    }
    assigned
}

/// Shows each pipeline of an action or a block to `see`.
fn each_pipe<'t>(list: &'t ListNode, see: &mut impl FnMut(&'t PipeNode)) {
    for node in &list.nodes {
        match node {
            Node::Action(action) => see(&action.pipe),
            Node::If(branch) | Node::With(branch) | Node::Range(branch) => {
                see(&branch.pipe);
                each_pipe(&branch.body, see);
                if let Some(otherwise) = &branch.else_body {
                    each_pipe(otherwise, see);
                }
            }
            Node::List(list) => each_pipe(list, see),
            Node::Text(_) | Node::Define(_) | Node::Template(_) | Node::Break(_) | Node::Continue(_) => {}
        }
    }
}
