//! Sprig's functions of text. What is searched or changed comes last, so that it can be piped in.

use super::super::kind::Kind;
use super::super::value::{Text, Value};
use super::{ANY, Answer, Call, Function, fits, function, made};

pub(super) const FUNCTIONS: &[Function] = &[
    function("upper", (1, 1), Kind::Text, |call| made(per_char(&call.text(0), to_upper))),
    function("lower", (1, 1), Kind::Text, |call| made(per_char(&call.text(0), to_lower))),
    function("title", (1, 1), Kind::Text, |call| made(title(&call.text(0)))),
    function("untitle", (1, 1), Kind::Text, |call| {
        let text = call.text(0);
        let mut chars = text.chars();
        made(chars.next().map(to_lower).into_iter().collect::<String>() + chars.as_str())
    }),
    function("trim", (1, 1), Kind::Text, |call| made(call.text(0).trim())),
    function("trimAll", (2, 2), Kind::Text, trim_all),
    function("trimall", (2, 2), Kind::Text, trim_all),
    function("trimPrefix", (2, 2), Kind::Text, |call| {
        let text = call.text(1);
        made(text.strip_prefix(&*call.text(0)).unwrap_or(&text))
    }),
    function("trimSuffix", (2, 2), Kind::Text, |call| {
        let text = call.text(1);
        made(text.strip_suffix(&*call.text(0)).unwrap_or(&text))
    }),
    function("nospace", (1, 1), Kind::Text, |call| {
        made(call.text(0).chars().filter(|c| !c.is_whitespace()).collect::<String>())
    }),
    function("trunc", (2, 2), Kind::Text, trunc),
    function("abbrev", (2, 2), Kind::Text, |call| {
        let (width, text) = (call.int(0), call.text(1));
        match usize::try_from(width) {
            Ok(width) if width >= 4 && text.len() > width => made(format!("{}...", head(&text, width - 3))),
            _ => Ok(Value::Text(text)),
        }
    }),
    function("substr", (3, 3), Kind::Text, substr),
    function("initials", (1, 1), Kind::Text, |call| {
        made(call.text(0).split_whitespace().filter_map(|word| word.chars().next()).collect::<String>())
    }),
    function("contains", (2, 2), Kind::Bool, |call| Ok(Value::Bool(call.text(1).contains(&*call.text(0))))),
    function("hasPrefix", (2, 2), Kind::Bool, |call| {
        Ok(Value::Bool(call.text(1).starts_with(&*call.text(0))))
    }),
    function("hasSuffix", (2, 2), Kind::Bool, |call| Ok(Value::Bool(call.text(1).ends_with(&*call.text(0))))),
    function("replace", (3, 3), Kind::Text, |call| {
        let (old, new, text) = (call.text(0), call.text(1), call.text(2));
        fits(text.matches(&*old).count().saturating_mul(new.len()))?;
        made(text.replace(&*old, &new))
    }),
    function("repeat", (2, 2), Kind::Text, |call| {
        let (count, text) = (call.size(0)?, call.text(1));
        fits(count.saturating_mul(text.len()))?;
        made(text.repeat(count))
    }),
    function("plural", (3, 3), Kind::Text, |call| {
        Ok(Value::Text(if call.int(2) == 1 { call.text(0) } else { call.text(1) }))
    }),
    function("indent", (2, 2), Kind::Text, |call| made(indented(call)?)),
    function("nindent", (2, 2), Kind::Text, |call| made(format!("\n{}", indented(call)?))),
    function("quote", (0, ANY), Kind::Text, |call| {
        made(join(there(call.values).map(|value| go_quote(&Text::of(value)))))
    }),
    function("squote", (0, ANY), Kind::Text, |call| {
        made(join(there(call.values).map(|value| format!("'{value}'"))))
    }),
    function("cat", (0, ANY), Kind::Text, |call| made(join(there(call.values).map(Value::to_string)))),
    function("toString", (1, 1), Kind::Text, |call| match call.value(0) {
        Value::Nil => made("<nil>"),
        value => Ok(Value::Text(Text::of(&value))),
    }),
    function("splitList", (2, 2), Kind::List(&Kind::Text), |call| {
        Ok(Value::list(pieces(&call.text(1), &call.text(0), usize::MAX).map(Value::text).collect()))
    }),
    function("split", (2, 2), Kind::Unknown, |call| Ok(numbered(&call.text(1), &call.text(0), usize::MAX))),
    function("splitn", (3, 3), Kind::Unknown, |call| {
        let most = usize::try_from(call.int(1)).unwrap_or(usize::MAX);
        Ok(numbered(&call.text(2), &call.text(0), most))
    }),
    function("join", (2, 2), Kind::Text, |call| {
        let (separator, texts) = (call.text(0), super::lists::texts(&call.value(1)));
        fits(texts.len().saturating_mul(separator.len()))?;
        made(texts.iter().map(|text| &**text).collect::<Vec<_>>().join(&separator))
    }),
];

/// As Go maps a character: to another one, never to two.
fn to_upper(c: char) -> char {
    let mut upper = c.to_uppercase();
    upper.next().filter(|_| upper.next().is_none()).unwrap_or(c)
}

fn to_lower(c: char) -> char {
    let mut lower = c.to_lowercase();
    lower.next().filter(|_| lower.next().is_none()).unwrap_or(c)
}

fn per_char(text: &str, map: fn(char) -> char) -> String {
    text.chars().map(map).collect()
}

/// As Go's `strings.Title`: a word goes on through letters, digits and underscores.
fn title(text: &str) -> String {
    let mut is_inside = false;
    let mut titled = String::with_capacity(text.len());
    for c in text.chars() {
        titled.push(if is_inside { c } else { to_upper(c) });
        is_inside = if c.is_ascii() { c.is_ascii_alphanumeric() || c == '_' } else { !c.is_whitespace() };
    }
    titled
}

fn trim_all<'e>(call: &Call<'_, 'e>) -> Answer<'e> {
    let cut = call.text(0);
    made(call.text(1).trim_matches(|c| cut.contains(c)))
}

/// The first `size` bytes, less what would be a part of a character.
fn head(text: &str, size: usize) -> &str {
    let size = size.min(text.len());
    let end = (0..=size).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    &text[..end]
}

/// What follows the byte `start`, less what would be a part of a character.
fn tail(text: &str, start: usize) -> &str {
    let start = (start..text.len()).find(|start| text.is_char_boundary(*start)).unwrap_or(text.len());
    &text[start..]
}

/// Go counts bytes; where that would cut a character in two, it is left out.
fn trunc<'e>(call: &Call<'_, 'e>) -> Answer<'e> {
    let (length, text) = (call.int(0), call.text(1));
    let size = usize::try_from(length.unsigned_abs()).unwrap_or(usize::MAX);
    if size >= text.len() {
        return Ok(Value::Text(text));
    }
    if length < 0 {
        return made(tail(&text, text.len() - size));
    }
    made(head(&text, size))
}

fn substr<'e>(call: &Call<'_, 'e>) -> Answer<'e> {
    let text = call.text(2);
    let clamp = |at: i64| usize::try_from(at).map_or(0, |at| head(&text, at).len());
    let (start, end) = (call.int(0), call.int(1));
    let part = if start < 0 {
        &text[..clamp(end)]
    } else if end < 0 || end > text.len() as i64 {
        &text[clamp(start)..]
    } else {
        text.get(clamp(start)..clamp(end)).ok_or_else(|| format!("{start} comes after {end}"))?
    };
    made(part)
}

fn indented(call: &Call<'_, '_>) -> Result<String, String> {
    let (spaces, text) = (call.size(0)?, call.text(1));
    fits(text.matches('\n').count().saturating_add(1).saturating_mul(spaces))?;
    let pad = " ".repeat(spaces);
    Ok(format!("{pad}{}", text.replace('\n', &format!("\n{pad}"))))
}

fn there<'v, 'e>(values: &'v [Value<'e>]) -> impl Iterator<Item = &'v Value<'e>> {
    values.iter().filter(|value| !matches!(value, Value::Nil))
}

fn join(texts: impl Iterator<Item = String>) -> String {
    texts.collect::<Vec<_>>().join(" ")
}

/// As Go's `%q`.
fn go_quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{b}' => quoted.push_str("\\v"),
            '\u{c}' => quoted.push_str("\\f"),
            c if c == ' ' || is_printable(c) => quoted.push(c),
            c if u32::from(c) < 0x80 => quoted.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if u32::from(c) < 0x1_0000 => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    quoted.push('"');
    quoted
}

/// What Rust's own `Debug` shows as it is, Go's `%q` does too; combining marks are the one exception to that.
fn is_printable(c: char) -> bool {
    let mut shown = c.escape_debug();
    shown.len() == 1 && shown.next() == Some(c) || c == '\'' || (!c.is_control() && c.is_alphanumeric())
}

/// As Go's `strings.Split`: an empty separator cuts between characters.
fn pieces<'t>(text: &'t str, separator: &'t str, most: usize) -> Box<dyn Iterator<Item = &'t str> + 't> {
    if separator.is_empty() && most == usize::MAX {
        Box::new(text.split("").filter(|piece| !piece.is_empty()))
    } else {
        Box::new(text.splitn(most, separator))
    }
}

/// The pieces as `_0`, `_1` and so on.
fn numbered<'e>(text: &str, separator: &str, most: usize) -> Value<'e> {
    let name = |index: usize| Text::Made(format!("_{index}").into());
    let pieces = pieces(text, separator, most).enumerate();
    Value::dict(pieces.map(|(index, piece)| (name(index), Value::text(piece))).collect())
}
