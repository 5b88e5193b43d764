//! What a rendering writes into: bounded, and aware of whether it stands in a JSON string or in markup.

use std::fmt::{self, Write};

use super::scope::Escaping;

/// The text of a rendering.
pub(super) struct Output {
    text: String,
    limit: usize,
    json: Option<JsonPlace>,
    is_markup: bool,
    /// Whether more was written than fits.
    is_full: bool,
}

/// Where in a JSON text the end of the output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum JsonPlace {
    Outside,
    InString,
    AfterBackslash,
}

impl Output {
    /// An output of at most `limit` bytes, which escapes values so.
    pub(super) fn new(limit: usize, escaping: Escaping) -> Self {
        let json = (escaping == Escaping::Json).then_some(JsonPlace::Outside);
        let is_markup = escaping == Escaping::Markup;
        Self { text: String::new(), limit, json, is_markup, is_full: false }
    }

    /// Writes what the template itself says, or what a value says that needs no escaping.
    pub(super) fn push(&mut self, text: &str) -> fmt::Result {
        self.append(text)?;
        if let Some(place) = &mut self.json {
            *place = text.bytes().fold(*place, JsonPlace::after);
        }
        Ok(())
    }

    /// Writes a value: escaped if it lands in a JSON string or in markup.
    pub(super) fn push_value(&mut self, value: impl fmt::Display) -> fmt::Result {
        match self.json {
            None if self.is_markup => write!(Markup(self), "{value}"),
            None => write!(Plain(self), "{value}"),
            Some(JsonPlace::Outside) => write!(Followed(self), "{value}"),
            Some(_) => write!(Escaped(self), "{value}"),
        }
    }

    /// Whether it was cut because it grew too long.
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    fn append(&mut self, text: &str) -> fmt::Result {
        if self.text.len() + text.len() > self.limit {
            self.is_full = true;
            return Err(fmt::Error);
        }
        self.text.push_str(text);
        Ok(())
    }
}

impl JsonPlace {
    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::InString, b'"') => Self::Outside,
            (Self::InString, b'\\') => Self::AfterBackslash,
            (Self::Outside, b'"') | (Self::AfterBackslash, _) => Self::InString,
            (place, _) => place,
        }
    }
}

struct Plain<'o>(&'o mut Output);

impl Write for Plain<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.append(text)
    }
}

struct Markup<'o>(&'o mut Output);

impl Write for Markup<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for piece in text.split_inclusive(['&', '<', '>']) {
            let plain = piece.trim_end_matches(['&', '<', '>']);
            self.0.append(plain)?;
            match &piece[plain.len()..] {
                "&" => self.0.append("&amp;")?,
                "<" => self.0.append("&lt;")?,
                ">" => self.0.append("&gt;")?,
                _ => {}
            }
        }
        Ok(())
    }
}

struct Followed<'o>(&'o mut Output);

impl Write for Followed<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.push(text)
    }
}

struct Escaped<'o>(&'o mut Output);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut clean = 0;
        for (at, byte) in text.bytes().enumerate() {
            if byte >= b' ' && byte != b'"' && byte != b'\\' {
                continue;
            }
            self.0.append(&text[clean..at])?;
            match byte {
                b'"' => self.0.append("\\\"")?,
                b'\\' => self.0.append("\\\\")?,
                b'\n' => self.0.append("\\n")?,
                b'\r' => self.0.append("\\r")?,
                b'\t' => self.0.append("\\t")?,
                control => self.0.append(&format!("\\u{control:04x}"))?,
            }
            clean = at + 1;
        }
        self.0.append(&text[clean..])
    }
}
