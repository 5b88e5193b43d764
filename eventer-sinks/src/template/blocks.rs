//! Whether each block of a template is closed, each `end` closes one, and none nests too deeply.
//!
//! `gotmpl` takes a template without its last `end`, and drops what follows an `end` or `else` too many; Go refuses both.
//! Its parser nests with each `else if`, however many there are.

use super::limits::DEPTH;
use super::problem::Problem;

/// The blocks of a template.
pub(super) struct Blocks {
    /// Set if they nest too deeply for a parser.
    pub(super) too_deep: Option<Problem>,
    /// The first block that is not closed, or the first `end` or `else` without one. It can be relied on only if the text
    /// has been parsed, so that its actions, strings and comments end.
    pub(super) unbalanced: Option<Problem>,
}

impl Blocks {
    /// Looks through `text`.
    pub(super) fn of(text: &str) -> Self {
        let mut blocks = Self { too_deep: None, unbalanced: None };
        let mut open: Vec<(usize, &str)> = Vec::new();
        let mut elses = 0;
        let mut at = 0;
        while let Some(found) = text[at..].find("{{") {
            let start = at + found + 2;
            let (inner, end) = action(text, start);
            let words = inner.trim_start_matches(['-', ' ', '\t', '\r', '\n']);
            let word_at = start + inner.len() - words.len();
            let word = words.split(|c: char| !c.is_ascii_lowercase()).next().unwrap_or("");
            match word {
                "if" | "range" | "with" | "define" | "block" => {
                    open.push((word_at, word));
                    elses = 0;
                }
                "else" => {
                    elses += 1;
                    if !matches!(open.last(), Some((_, "if" | "range" | "with"))) {
                        let what = "an else without an if, range or with before it";
                        blocks.unbalanced.get_or_insert_with(|| Problem::at(text, word_at, what));
                    }
                }
                "end" => {
                    elses = 0;
                    if open.pop().is_none() {
                        let what = "an end without a block that it would close";
                        blocks.unbalanced.get_or_insert_with(|| Problem::at(text, word_at, what));
                    }
                }
                _ => {}
            }
            if open.len() + elses > DEPTH {
                let what = format!("blocks nest more than {DEPTH} deep");
                blocks.too_deep.get_or_insert_with(|| Problem::at(text, word_at, what));
            }
            at = end;
        }
        if let Some((at, word)) = open.pop() {
            let what = format!("this {word} has no end");
            blocks.unbalanced.get_or_insert_with(|| Problem::at(text, at, what));
        }
        blocks
    }
}

/// What stands in the action that starts at `start`, and where it ends.
fn action(text: &str, start: usize) -> (&str, usize) {
    let rest = &text[start..];
    let body = rest.strip_prefix('-').unwrap_or(rest).trim_start();
    if body.starts_with("/*") {
        let close = rest.find("*/").map_or(rest.len(), |at| at + 2);
        let end = rest[close..].find("}}").map_or(rest.len(), |at| close + at + 2);
        return ("", start + end);
    }
    let mut quote = None;
    let mut bytes = rest.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match (quote, byte) {
            (None, b'"' | b'`' | b'\'') => quote = Some(byte),
            (Some(b'"' | b'\''), b'\\') => {
                bytes.next();
            }
            (Some(open), close) if open == close => quote = None,
            (None, b'}') if rest[at..].starts_with("}}") => return (&rest[..at], start + at + 2),
            _ => {}
        }
    }
    (rest, text.len())
}
