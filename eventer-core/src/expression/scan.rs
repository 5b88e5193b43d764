//! Looks through an expression for its brackets before the parser sees it.
//!
//! The parser calls itself for each bracket and each operator in a row, so a text that nests deeply would overflow its
//! stack. Therefore the depth of the tree is bounded here, from above, without recursion.
//!
//! That holds only if what is a string here is one to the lexer of the language. It skips what is no token and goes on
//! behind it, so that a string with a mistake in it would be brackets and operators. Therefore such a text is refused here.

use super::problem::Problem;

/// How deep the tree of an expression may get, where an operator in a row counts as one. `&&` and `||` do not count:
/// the parser balances them.
const DEPTH: usize = 256;

/// How deep brackets and `?` may stand in one another.
pub(super) const NESTING: u16 = (DEPTH / BRACKET) as u16;

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
/// It nests too deeply, or something in it is no token of the language.
pub(super) fn scan(text: &str) -> Result<Brackets, Problem> {
    let mut brackets = Vec::new();
    let mut around: Vec<Level> = Vec::new();
    let mut level = Level::default();
    let mut at = 0;
    while let Some(&byte) = text.as_bytes().get(at) {
        let rest = &text.as_bytes()[at..];
        let mut taken = 1;
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b'\x0C' | b':' => {}
            b'"' | b'\'' => taken = string_len(text, at, false)?,
            b'`' => taken = escaped_name_len(rest).ok_or_else(|| not_understood(text, at))?,
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
            b'&' | b'|' | b'=' if rest.get(1) != Some(&byte) => return Err(not_understood(text, at)),
            b'&' | b'|' => {
                level.operand_is_done();
                taken = 2;
            }
            b',' => level.operand_is_done(),
            b'?' => level.ternaries += 1,
            b'=' | b'!' | b'<' | b'>' if rest.get(1) == Some(&b'=') => {
                level.operators += 1;
                taken = 2;
            }
            b'!' | b'<' | b'>' | b'.' | b'+' | b'-' | b'*' | b'/' | b'%' => level.operators += 1,
            byte if is_of_a_word(byte) => {
                taken = rest.iter().position(|byte| !is_of_a_word(*byte)).unwrap_or(rest.len());
                let word = &rest[..taken];
                level.operators += usize::from(word == b"in");
                if matches!(rest.get(taken), Some(b'"' | b'\'')) {
                    if byte.is_ascii_digit() {
                        // The letters behind a number may belong to the string, or not.
                        return Err(Problem::at(text, at + taken, "a string is not expected here"));
                    }
                    let is_raw = matches!(&word.to_ascii_lowercase()[..], b"r" | b"br");
                    taken += string_len(text, at + taken, is_raw)?;
                }
            }
            _ => return Err(not_understood(text, at)),
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

/// How long the string is whose quote stands at `start`. In a raw one a backslash is a backslash.
fn string_len(text: &str, start: usize, is_raw: bool) -> Result<usize, Problem> {
    let string = &text.as_bytes()[start..];
    let is_long = string.starts_with(b"\"\"\"") || string.starts_with(b"'''");
    let quotes = &string[..if is_long { 3 } else { 1 }];
    let mut at = quotes.len();
    while let Some(byte) = string.get(at) {
        if string[at..].starts_with(quotes) {
            return Ok(at + quotes.len());
        }
        at += match byte {
            b'\n' | b'\r' if !is_long => break,
            b'\\' if !is_raw => escape_len(&string[at..]).ok_or_else(|| {
                let what = "this escape means nothing; a backslash is written \\\\, or r before the string";
                Problem::at(text, start + at, what)
            })?,
            _ => 1,
        };
    }
    Err(Problem::at(
        text,
        start,
        "the string that begins here is not closed; in a URI a & in it is written %26",
    ))
}

/// How long the escape is with which `text` begins.
fn escape_len(text: &[u8]) -> Option<usize> {
    let (digits, is_digit): (usize, fn(&u8) -> bool) = match text.get(1)? {
        b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'"' | b'\'' | b'\\' | b'?' | b'`' => {
            return Some(2);
        }
        b'x' | b'X' => (2, u8::is_ascii_hexdigit),
        b'u' => (4, u8::is_ascii_hexdigit),
        b'U' => (8, u8::is_ascii_hexdigit),
        b'0'..=b'3' => (2, |digit| matches!(digit, b'0'..=b'7')),
        _ => return None,
    };
    text.get(2..2 + digits)?.iter().all(is_digit).then_some(2 + digits)
}

/// How long the name in backticks is with which `text` begins.
fn escaped_name_len(text: &[u8]) -> Option<usize> {
    let is_of_it = |byte: &u8| is_of_a_word(*byte) || b".-/ ".contains(byte);
    let len = text[1..].iter().take_while(|byte| is_of_it(byte)).count();
    (len > 0 && text.get(1 + len) == Some(&b'`')).then_some(len + 2)
}

fn not_understood(text: &str, at: usize) -> Problem {
    match text[at..].chars().next() {
        Some('=') => Problem::at(text, at, "a single = means nothing; == compares"),
        Some(char) => Problem::at(text, at, format!("'{char}' is not understood")),
        None => Problem::at(text, at, "it ends too early"),
    }
}
