//! An object's JSON, changed without losing the order and spelling of what stays.
//!
//! Objects are kept as the API server writes list items: no `kind`, no `apiVersion`, no white space. A watch
//! line or a single object gets both in front again.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::Resource;
use crate::http::Request;

/// How much of its objects a list or a watch shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Whole,
    /// `PartialObjectMetadata` (recorded: `41-list-partialmetadata`).
    Metadata,
}

impl Shape {
    pub(crate) fn of(request: &Request) -> Self {
        let is_partial = |accept: &str| accept.contains(";as=PartialObjectMetadata");
        if request.header("accept").is_some_and(is_partial) { Self::Metadata } else { Self::Whole }
    }

    /// An item of a list.
    pub(crate) fn item(self, item: &[u8]) -> Cow<'_, [u8]> {
        match self {
            Self::Whole => item.into(),
            Self::Metadata => metadata_of(item).into(),
        }
    }

    /// An object as a watch shows it.
    pub(crate) fn object(self, resource: Resource, item: &[u8]) -> Vec<u8> {
        match self {
            Self::Whole => with_kind(resource, item),
            Self::Metadata => metadata_of(item),
        }
    }

    /// The `kind` and `apiVersion` of a list.
    pub(crate) fn list_kind(self, resource: Resource) -> (String, &'static str) {
        match self {
            Self::Whole => (format!("{}List", resource.kind()), resource.api_version()),
            Self::Metadata => ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1"),
        }
    }
}

fn metadata_of(item: &[u8]) -> Vec<u8> {
    let members = Members::parse(item).unwrap_or_default();
    let metadata = members.get("metadata").map_or("{}", RawValue::get);
    format!(
        "{{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{metadata}}}"
    )
    .into_bytes()
}

/// The members of a JSON object in their order, each as its bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Members(Vec<(String, Box<RawValue>)>);

impl Members {
    pub(crate) fn parse(json: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(json)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&RawValue> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| &**value)
    }

    pub(crate) fn text(&self, key: &str) -> Option<String> {
        self.get(key)
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
            .filter(|text: &String| !text.is_empty())
    }

    pub(crate) fn set(&mut self, key: &str, value: Box<RawValue>) {
        match self.0.iter_mut().find(|(name, _)| name == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }

    pub(crate) fn set_text(&mut self, key: &str, value: &str) {
        self.set(key, raw(&value));
    }

    pub(crate) fn remove(&mut self, key: &str) {
        self.0.retain(|(name, _)| name != key);
    }

    /// Puts the members named in `order` first, in that order.
    pub(crate) fn lead_with(&mut self, order: &[&str]) {
        let rank = |name: &str| order.iter().position(|other| *other == name).unwrap_or(order.len());
        self.0.sort_by_key(|(name, _)| rank(name));
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        serde_json::to_vec(self).expect("raw values serialise").into()
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<String, Box<RawValue>>()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

pub(crate) fn raw<T: Serialize + ?Sized>(value: &T) -> Box<RawValue> {
    to_raw_value(value).expect("plain data serialises")
}

/// An object as it came in: its item form and what names it.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    top: Members,
    metadata: Members,
}

impl Object {
    /// Reads an object with or without `kind` and `apiVersion`, with any white space.
    pub(crate) fn parse(json: &[u8]) -> serde_json::Result<Self> {
        let mut top = Members::parse(&without_white_space(json))?;
        top.remove("kind");
        top.remove("apiVersion");
        let metadata = match top.get("metadata") {
            Some(metadata) => Members::parse(metadata.get().as_bytes())?,
            None => return Err(de::Error::missing_field("metadata")),
        };
        Ok(Self { top, metadata })
    }

    pub(crate) fn meta(&self, key: &str) -> Option<String> {
        self.metadata.text(key)
    }

    pub(crate) fn set_meta(&mut self, key: &str, value: &str) {
        self.metadata.set_text(key, value);
    }

    /// Gives `key` a value unless it has one.
    pub(crate) fn default_meta(&mut self, key: &str, value: &str) {
        if self.meta(key).is_none() {
            self.set_meta(key, value);
        }
    }

    /// The item form, the metadata in the server's order.
    pub(crate) fn into_item(mut self) -> Bytes {
        let order = [
            "name",
            "generateName",
            "namespace",
            "uid",
            "resourceVersion",
            "generation",
            "creationTimestamp",
        ];
        self.metadata.lead_with(&order);
        self.top.set("metadata", raw(&self.metadata));
        self.top.lead_with(&["metadata"]);
        self.top.to_bytes()
    }
}

/// Puts `kind` and `apiVersion` in front of an item, as a watch and a GET of one object show it.
pub(crate) fn with_kind(resource: Resource, item: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(item.len() + 64);
    out.extend_from_slice(
        format!("{{\"kind\":\"{}\",\"apiVersion\":\"{}\",", resource.kind(), resource.api_version())
            .as_bytes(),
    );
    out.extend_from_slice(&item[1..]);
    out
}

/// Writes `value`, its members in the order they have in `model`; new ones come last.
pub(crate) fn in_order_of(model: &[u8], value: &Value) -> Box<RawValue> {
    match value {
        Value::Object(map) => {
            let old = Members::parse(model).unwrap_or_default();
            let mut new = Members::default();
            for (name, before) in &old.0 {
                if let Some(value) = map.get(name) {
                    new.set(name, in_order_of(before.get().as_bytes(), value));
                }
            }
            for (name, value) in map.iter().filter(|(name, _)| old.get(name).is_none()) {
                new.set(name, raw(value));
            }
            raw(&new)
        }
        Value::Array(values) => {
            let old: Vec<Box<RawValue>> = serde_json::from_slice(model).unwrap_or_default();
            let model = |at: usize| old.get(at).map_or("", |raw| raw.get()).as_bytes();
            let new: Vec<_> =
                values.iter().enumerate().map(|(at, value)| in_order_of(model(at), value)).collect();
            raw(&new)
        }
        other => raw(other),
    }
}

fn without_white_space(json: &[u8]) -> Vec<u8> {
    let (mut in_text, mut escaped) = (false, false);
    let keep = |byte: &u8| {
        if in_text {
            (in_text, escaped) = (escaped || *byte != b'"', !escaped && *byte == b'\\');
            return true;
        }
        in_text = *byte == b'"';
        !byte.is_ascii_whitespace()
    };
    json.iter().copied().filter(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_keeps_its_order_and_spelling() {
        let json = br#"{ "kind": "Event", "apiVersion": "v1",
            "metadata": {"labels": {"z": "1", "a": "\u003c \" \\"}, "name": "n"}, "zeta": 1, "alpha": "a  b" }"#;
        let mut object = Object::parse(json).unwrap();
        object.set_meta("resourceVersion", "7");
        let item = object.into_item();
        assert_eq!(
            std::str::from_utf8(&item).unwrap(),
            r#"{"metadata":{"name":"n","resourceVersion":"7","labels":{"z":"1","a":"\u003c \" \\"}},"zeta":1,"alpha":"a  b"}"#
        );
    }

    #[test]
    fn a_changed_value_keeps_the_order() {
        let model = br#"{"z":{"y":1,"a":2},"b":[{"q":1,"c":2}]}"#;
        let value = serde_json::json!({"b": [{"c": 3, "q": 1}], "z": {"y": 1, "a": 5}, "new": true});
        assert_eq!(in_order_of(model, &value).get(), r#"{"z":{"y":1,"a":5},"b":[{"q":1,"c":3}],"new":true}"#);
    }
}
