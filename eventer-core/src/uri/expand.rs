//! Variables and percent escapes in component URIs. Pure.

use std::collections::BTreeMap;

/// Gives the values of variables. Handed in, so that a library never reads the environment of its process.
pub trait Environment {
    /// The value of the variable `name`, if it is defined.
    fn get(&self, name: &str) -> Option<String>;

    /// The text of the file at `path`, for `${file:PATH}`; a line end at its end does not belong to it. By default files
    /// cannot be read.
    ///
    /// # Errors
    /// Why it cannot be read; shows nothing of it.
    fn read(&self, path: &str) -> Result<String, String> {
        let _ = path;
        Err("files cannot be read here".to_owned())
    }
}

/// What a reference `${…}` to a file begins with.
const FILE: &str = "file:";
/// How a dollar is written in a URI.
const LITERAL: &str = "$$";
/// How `${` is written in a value of a configuration file.
const LITERAL_IN_VALUE: &str = "$${";

impl Environment for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<String> {
        BTreeMap::get(self, name).cloned()
    }
}

/// No variables at all.
impl Environment for () {
    fn get(&self, _: &str) -> Option<String> {
        None
    }
}

/// Puts what `${NAME}` and `${file:PATH}` stand for into `text`, in which `$${` is a `${` and any other dollar means
/// itself. Says, too, whether anything was put in.
///
/// # Errors
/// A variable that is not defined, a file that cannot be read, or a `${` that is not closed.
pub fn expand_value(text: &str, environment: &dyn Environment) -> Result<(String, bool), String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut is_expanded = false;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = after;
            continue;
        }
        out.push_str(before);
        let (name, after) = braced(after, LITERAL_IN_VALUE)?;
        out.push_str(&value_of(name, environment, LITERAL_IN_VALUE)?);
        is_expanded = true;
        rest = after;
    }
    out.push_str(rest);
    Ok((out, is_expanded))
}

/// If `text` begins with a variable after which it ends or a query begins: its value, and the rest of the text.
pub(super) fn leading_variable<'a>(
    text: &'a str,
    environment: &dyn Environment,
) -> Result<Option<(String, &'a str)>, String> {
    let Some(Token::Variable(name, rest)) = token(text)? else { return Ok(None) };
    match rest.chars().next() {
        None | Some('?' | '&') => Ok(Some((value_of(name, environment, LITERAL)?, rest))),
        Some(_) => Ok(None),
    }
}

/// Whether a variable stands in `text`.
pub(super) fn has_variable(text: &str) -> bool {
    let mut rest = text;
    while let Ok(Some(token)) = token(rest) {
        match token {
            Token::Variable(..) => return true,
            Token::Text(_, after) => rest = after,
        }
    }
    false
}

/// Puts the variables into `text`, and leaves the rest as it is.
pub(super) fn variables(text: &str, environment: &dyn Environment) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(token) = token(rest)? {
        rest = match token {
            Token::Variable(name, rest) => {
                out.push_str(&value_of(name, environment, LITERAL)?);
                rest
            }
            Token::Text(text, rest) => {
                out.push_str(text);
                rest
            }
        };
    }
    Ok(out)
}

/// Decodes the text, and puts the variables' values in as they are.
pub(super) fn decode_with_variables(text: &str, environment: &dyn Environment) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut literal = String::new();
    while let Some(token) = token(rest)? {
        rest = match token {
            Token::Variable(name, rest) => {
                out.push_str(&decode(&std::mem::take(&mut literal)));
                out.push_str(&value_of(name, environment, LITERAL)?);
                rest
            }
            Token::Text(text, rest) => {
                literal.push_str(text);
                rest
            }
        };
    }
    out.push_str(&decode(&literal));
    Ok(out)
}

/// Decodes `+` and percent escapes. An escape that is none stands for itself, since people write `label=100%`.
pub(super) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let escaped = escaped.filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match (first, escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(first),
        }
        rest = tail;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Encodes a name or a value of a query so that [`decode`], and any server, reads it back.
pub(super) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b'-'
            | b'.'
            | b'_'
            | b'~'
            | b','
            | b':'
            | b'/'
            | b'@' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

enum Token<'a> {
    /// The name of a variable, and the text after it.
    Variable(&'a str, &'a str),
    /// Text without a variable, and the text after it.
    Text(&'a str, &'a str),
}

/// Cuts the next token off. A dollar that begins no name is a dollar, since regular expressions end in one.
fn token(text: &str) -> Result<Option<Token<'_>>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let Some(after) = text.strip_prefix('$') else {
        let (plain, rest) = text.split_at(text.find('$').unwrap_or(text.len()));
        return Ok(Some(Token::Text(plain, rest)));
    };
    if let Some(rest) = after.strip_prefix('$') {
        return Ok(Some(Token::Text("$", rest)));
    }
    if let Some(after) = after.strip_prefix('{') {
        let (name, rest) = braced(after, LITERAL)?;
        return Ok(Some(Token::Variable(name, rest)));
    }
    let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
    let (name, rest) = after.split_at(end);
    Ok(Some(if is_name(name) { Token::Variable(name, rest) } else { Token::Text("$", after) }))
}

/// The name in the braces that were opened before `text`, and what follows them. `literal` is how one writes what begins
/// them.
fn braced<'a>(text: &'a str, literal: &str) -> Result<(&'a str, &'a str), String> {
    let (name, rest) = text
        .split_once('}')
        .ok_or_else(|| format!("a \"${{\" is not closed; the characters themselves are written {literal}"))?;
    if !is_name(name) && !name.starts_with(FILE) {
        // It may be a piece of a credential, and is not shown.
        return Err(format!(
            "what stands in a \"${{…}}\" names neither a variable nor a file; the characters themselves are written {literal}"
        ));
    }
    Ok((name, rest))
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// What a variable or a file holds. `literal` is how one writes what begins a reference.
fn value_of(name: &str, environment: &dyn Environment, literal: &str) -> Result<String, String> {
    if let Some(path) = name.strip_prefix(FILE) {
        return environment.read(path).map_err(|reason| format!("could not read {path}: {reason}"));
    }
    environment.get(name).ok_or_else(|| {
        format!("the variable ${name} is not defined; the characters themselves are written {literal}")
    })
}
