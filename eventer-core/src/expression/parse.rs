//! Reads the text of an expression: the parser's part, and its mistakes in plain words.

use cel::parser::{ParseErrors, Parser};

use super::check::Checker;
use super::mistakes::unknown_variable;
use super::node::Node;
use super::problem::Problem;
use super::scan::{Brackets, NESTING, scan};

/// Bytes of the longest expression.
const LONGEST: usize = 64 << 10;

/// Reads and checks `text`.
pub(super) fn parse(text: &str) -> Result<(Node, Brackets), Vec<Problem>> {
    let whole = |what: String| vec![Problem::at(text, 0, what)];
    if text.trim().is_empty() {
        return Err(whole("it is empty".to_owned()));
    }
    if text.len() > LONGEST {
        return Err(whole(format!("it is longer than {LONGEST} bytes")));
    }
    let brackets = scan(text).map_err(|problem| vec![problem])?;
    // After a mistake it would leave out tokens, brackets among them, and stand deeper than was counted.
    let parser = Parser::new().max_recursion_depth(NESTING).error_recovery_limit(1);
    let read = parser.parse_with_source_info(text);
    let (tree, places) = read.map_err(|errors| vec![syntax(text, &errors)])?;
    Ok((Checker::check(text, &tree, &places)?, brackets))
}

/// The first mistake of the grammar; the others mostly follow from it.
fn syntax(text: &str, errors: &ParseErrors) -> Problem {
    let is_of_grammar = |message: &&(usize, &str)| message.1.starts_with("Syntax error: ");
    let messages: Vec<(usize, &str)> =
        errors.errors.iter().map(|error| (offset(text, error.pos), &*error.msg)).collect();
    let first = messages.iter().find(is_of_grammar).or_else(|| messages.first());
    let (at, message) = first.copied().unwrap_or((0, "it is not understood"));
    Problem::at(text, at, in_words(message))
}

fn in_words(message: &str) -> String {
    let named = |before: &str| Some(message.strip_prefix("Syntax error: ")?.strip_prefix(before)?.trim());
    if let Some(word) = message.strip_prefix("reserved identifier: ") {
        return unknown_variable(word.trim_start_matches('.'));
    }
    if message == "invalid argument to has() macro" {
        return "has is asked of a field of a field, such as has(series.count); \
                a field of the event itself is compared, such as reason != \"\""
            .to_owned();
    }
    let inputs = ["mismatched input ", "extraneous input ", "no viable alternative at input "];
    if let Some(input) = inputs.into_iter().find_map(named) {
        let token = input.split_once(" expecting ").map_or(input, |(token, _)| token).trim_matches('\'');
        return match token.to_ascii_lowercase().as_str() {
            "<eof>" => "it ends too early".to_owned(),
            "and" => "and is written &&".to_owned(),
            "or" => "or is written ||".to_owned(),
            _ => format!("{token} is not expected here"),
        };
    }
    message.trim_start_matches("Syntax error: ").to_owned()
}

/// The byte at a line and a column, both counted from 1 and the column in characters.
fn offset(text: &str, (line, column): (isize, isize)) -> usize {
    let index = |n: isize| usize::try_from(n - 1).unwrap_or_default();
    let begin: usize = text.split_inclusive('\n').take(index(line)).map(str::len).sum();
    let within = text[begin..].char_indices().nth(index(column)).map(|(at, _)| at);
    within.map_or(text.len(), |at| begin + at)
}
