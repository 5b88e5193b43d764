//! Values of the file as options take them: texts, with `${VAR}` and `${file:PATH}` put in, and JSON.

use eventer_core::Environment;
use eventer_core::uri::expand_value;
use serde_json::{Number, Value as Json};

use crate::document::{Node, Value};

/// The text of a single value, and whether anything was put into it.
pub(super) fn text(node: &Node, environment: &dyn Environment) -> Result<(String, bool), String> {
    match &node.value {
        Value::Null => Err("it has no value; leave the key out, or give one".to_owned()),
        Value::List(_) | Value::Map(_) => {
            Err(format!("it takes one value, and this is {}", node.value.form()))
        }
        Value::Text(text) => expand_value(text, environment),
        Value::Bool(_) | Value::Number(_) => Ok((node.text().unwrap_or_default().to_owned(), false)),
    }
}

/// The JSON of a value, in the order in which it is written, and whether anything was put into it.
pub(super) fn json(node: &Node, environment: &dyn Environment) -> Result<(String, bool), String> {
    let mut is_expanded = false;
    let mut out = String::new();
    write_json(node, environment, &mut is_expanded, &mut out)?;
    Ok((out, is_expanded))
}

/// Written by hand, since a map of `serde_json` forgets the order of its keys.
fn write_json(
    node: &Node,
    environment: &dyn Environment,
    is_expanded: &mut bool,
    out: &mut String,
) -> Result<(), String> {
    match &node.value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(text) => out.push_str(&number(text).to_string()),
        Value::Text(text) => {
            let (text, has_reference) = expand_value(text, environment)?;
            *is_expanded |= has_reference;
            out.push_str(&Json::String(text).to_string());
        }
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                out.push(if index == 0 { '[' } else { ',' });
                write_json(item, environment, is_expanded, out)?;
            }
            out.push_str(if items.is_empty() { "[]" } else { "]" });
        }
        Value::Map(entries) => {
            for (index, entry) in entries.iter().enumerate() {
                out.push(if index == 0 { '{' } else { ',' });
                out.push_str(&Json::String(entry.key.clone()).to_string());
                out.push(':');
                write_json(&entry.node, environment, is_expanded, out)?;
            }
            out.push_str(if entries.is_empty() { "{}" } else { "}" });
        }
    }
    Ok(())
}

/// A number of YAML as one of JSON; what JSON has no number for becomes a text.
fn number(text: &str) -> Json {
    let hex = |prefix: &str, radix| {
        text.strip_prefix(prefix).and_then(|digits| i64::from_str_radix(digits, radix).ok())
    };
    if let Ok(number) = serde_json::from_str::<Number>(text) {
        return Json::Number(number);
    }
    let whole = hex("0x", 16).or_else(|| hex("0o", 8)).or_else(|| text.parse().ok()).map(Number::from);
    let any = whole.or_else(|| text.parse().ok().and_then(Number::from_f64));
    any.map_or_else(|| Json::String(text.to_owned()), Json::Number)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn json_keeps_the_order_of_keys_and_the_types_of_values() {
        let text = "z: 1\na: [true, null, ~, 1.5, 0x1F, 007, .5, '2', \"q\\\"\\n\", '${X}']\nm: {}\nl: []\n";
        let environment = BTreeMap::from([("X".to_owned(), "a\"b".to_owned())]);
        let (json, is_expanded) = json(&Node::parse(text).unwrap(), &environment).unwrap();
        assert_eq!(json, r#"{"z":1,"a":[true,null,null,1.5,31,7,0.5,"2","q\"\n","a\"b"],"m":{},"l":[]}"#);
        assert!(is_expanded);
    }
}
