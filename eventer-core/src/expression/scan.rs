//! Looks through an expression for its brackets before the parser sees it.
//!
//! The parser calls itself for each bracket and each operator in a row, so a text that nests deeply would overflow its
//! stack. Therefore the depth of the tree is bounded here, from above, without recursion.

use super::problem::Problem;

/// How deep the tree of an expression may get, where an operator in a row counts as one. `&&` and `||` do not count:
/// the parser balances them.
const DEPTH: usize = 256;

/// What a bracket counts: the parser goes through the whole grammar for it, in up to 50 KiB of stack where it is not
/// optimized. So there are 32 in one another at most.
const BRACKET: usize = 8;

/// Where brackets open and close, as offsets into the text. What is out of balance is left for the parser to tell.
pub(super) type Brackets = Vec<(usize, usize)>;

/// The text between a bracket and its end, as far as it was seen.
#[derive(Default)]
struct Level {
    opened_at: usize,
    /// Each is a bracket to the parser.
    ternaries: usize,
    /// The greatest depth of an operand of `&&` and `||`, or of an argument.
    done: usize,
    /// Operators in a row in the operand that is not done.
    operators: usize,
    /// The greatest depth of a bracket within it.
    inner: usize,
}

impl Level {
    fn operand_is_done(&mut self) {
        self.done = self.done.max(self.operators + self.inner);
        (self.operators, self.inner) = (0, 0);
    }

    fn depth(&self) -> usize {
        self.ternaries * BRACKET + self.done.max(self.operators + self.inner)
    }
}

/// Finds the brackets of `text`.
///
/// # Errors
/// It nests too deeply, or a string in it is not closed.
pub(super) fn scan(text: &str) -> Result<Brackets, Problem> {
    let mut brackets = Vec::new();
    let mut around: Vec<Level> = Vec::new();
    let mut level = Level::default();
    let mut at = 0;
    while let Some(&byte) = text.as_bytes().get(at) {
        let rest = &text.as_bytes()[at..];
        let mut taken = 1;
        match byte {
            b'"' | b'\'' => {
                let not_closed =
                    "the string that begins here is not closed; in a URI a & in it is written %26";
                taken = string_len(text, at).ok_or_else(|| Problem::at(text, at, not_closed))?;
            }
            b'/' if rest.starts_with(b"//") => {
                taken = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            }
            b'(' | b'[' | b'{' => {
                around.push(std::mem::replace(&mut level, Level { opened_at: at, ..Level::default() }));
            }
            b')' | b']' | b'}' => {
                if let Some(outer) = around.pop() {
                    brackets.push((level.opened_at, at));
                    level = close(&level, outer);
                }
            }
            b'&' | b'|' | b',' => level.operand_is_done(),
            b'?' => level.ternaries += 1,
            b'=' | b'!' | b'<' | b'>' if rest.get(1) == Some(&b'=') => {
                level.operators += 1;
                taken = 2;
            }
            b'!' | b'<' | b'>' | b'.' | b'+' | b'-' | b'*' | b'/' | b'%' => level.operators += 1,
            byte if is_of_a_word(byte) => {
                taken = rest.iter().position(|byte| !is_of_a_word(*byte)).unwrap_or(rest.len());
                level.operators += usize::from(&rest[..taken] == b"in");
            }
            _ => {}
        }
        at += taken;
    }
    while let Some(outer) = around.pop() {
        level = close(&level, outer);
    }
    if level.depth() > DEPTH {
        return Err(Problem::at(text, 0, "it nests too deeply"));
    }
    Ok(brackets)
}

fn close(level: &Level, mut outer: Level) -> Level {
    outer.inner = outer.inner.max(level.depth() + BRACKET);
    outer
}

fn is_of_a_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// How long the string is whose quote stands at `start`. In one with an `r` before it a backslash is a backslash.
fn string_len(text: &str, start: usize) -> Option<usize> {
    let (before, string) = text.split_at(start);
    let word = before.len() - before.bytes().rev().take_while(|byte| is_of_a_word(*byte)).count();
    let is_raw = matches!(&before[word..].to_ascii_lowercase()[..], "r" | "br" | "rb");
    let quotes = if string.starts_with("\"\"\"") || string.starts_with("'''") { 3 } else { 1 };
    let (end, bytes) = (&string.as_bytes()[..quotes], string.as_bytes());
    let mut at = quotes;
    while at < bytes.len() {
        if bytes[at..].starts_with(end) {
            return Some(at + quotes);
        }
        at += if bytes[at] == b'\\' && !is_raw { 2 } else { 1 };
    }
    None
}
