//! Reads a layout: its keys stay in the order in which they are written, and its strings become templates.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use super::Part;
use crate::template::{TEMPLATE_BYTES, Template};

/// The parts of the layout `text`.
pub(super) fn parts(text: &str) -> Result<Vec<Part>, String> {
    if text.len() > TEMPLATE_BYTES {
        return Err(format!("it is longer than {TEMPLATE_BYTES} bytes"));
    }
    let mut reader = Reader { parts: Vec::new(), path: "layout".to_owned(), problems: Vec::new() };
    let mut json = serde_json::Deserializer::from_str(text);
    let read = reader.deserialize(&mut json).and_then(|()| json.end());
    read.map_err(|error| format!("it is no JSON, in which a template stands in quotes: {error}"))?;
    if reader.problems.is_empty() { Ok(reader.parts) } else { Err(reader.problems.join("; ")) }
}

/// Writes what it is shown of a JSON value into parts. It deserializes to nothing but them: `serde_json`'s own values would
/// sort the keys.
struct Reader {
    parts: Vec<Part>,
    /// Where it stands.
    path: String,
    problems: Vec<String>,
}

impl Reader {
    fn json(&mut self, json: &str) {
        match self.parts.last_mut() {
            Some(Part::Json(before)) => before.push_str(json),
            _ => self.parts.push(Part::Json(json.to_owned())),
        }
    }

    fn string(&mut self, text: &str) {
        self.json(&serde_json::Value::from(text).to_string());
    }

    fn number(&mut self, number: impl Into<Number>) {
        self.json(&number.into().to_string());
    }

    /// Reads what stands at `step` below the value that is read.
    fn below<T>(&mut self, step: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let here = self.path.len();
        self.path.push_str(step);
        let value = read(self);
        self.path.truncate(here);
        value
    }
}

impl<'de> DeserializeSeed<'de> for &mut Reader {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Reader {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.json("null");
        Ok(())
    }

    fn visit_bool<E>(self, yes: bool) -> Result<(), E> {
        self.json(if yes { "true" } else { "false" });
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.number(number);
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.number(number);
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        match Number::from_f64(number) {
            Some(number) => self.number(number),
            None => self.json("null"),
        }
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        if !text.contains("{{") {
            self.string(text);
            return Ok(());
        }
        match Template::parse(text) {
            Ok(template) => self.parts.push(Part::Template { path: self.path.clone(), template }),
            Err(problems) => self.problems.push(format!("{}: {problems}", self.path)),
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.json("[");
        let mut index = 0;
        while items.next_element_seed(Item { reader: &mut *self, index })?.is_some() {
            index += 1;
        }
        self.json("]");
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        self.json("{");
        let mut seen = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if !seen.is_empty() {
                self.json(",");
            }
            self.string(&key);
            self.json(":");
            self.below(&step(&key), |reader| {
                if !seen.insert(key) {
                    reader.problems.push(format!("{}: the key stands here twice", reader.path));
                }
                entries.next_value_seed(reader)
            })?;
        }
        self.json("}");
        Ok(())
    }
}

/// An item of a list: the comma before it is written once it is known that there is one.
struct Item<'r> {
    reader: &'r mut Reader,
    index: usize,
}

impl<'de> DeserializeSeed<'de> for Item<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        if self.index > 0 {
            self.reader.json(",");
        }
        self.reader.below(&format!("[{}]", self.index), |reader| reader.deserialize(json))
    }
}

/// The way from a map to the value of `key`, as a path has it.
fn step(key: &str) -> String {
    let is_word = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    if is_word { format!(".{key}") } else { format!("[{key:?}]") }
}
