//! The JSON Schema of the file, made of the declarations that read it: editors complete and check with it.

use eventer_core::{ComponentSpec, EndpointSpec, OptionSpec, Registry, filter, policy, registry};
use serde_json::{Map, Value, json};

use super::component::{ENDPOINT, JSON, KIND};
use super::keys::{DROP, SINKS, SOURCES, STATIC_LABELS, settings};

/// The schema for the kinds that `registry` knows, as a text.
pub(crate) fn schema_text(registry: &Registry) -> String {
    format!("{:#}\n", schema(registry))
}

fn schema(registry: &Registry) -> Value {
    let mut properties = Map::new();
    let sources: Vec<Value> =
        registry.sources().map(|spec| component(spec, registry::SOURCE_OPTIONS)).collect();
    let sinks: Vec<Value> = registry.sinks().map(|spec| component(spec, policy::OPTIONS)).collect();
    properties.insert(
        SOURCES.to_owned(),
        list("Where events are taken from: URIs as in --source, or maps.", sources),
    );
    properties
        .insert(SINKS.to_owned(), list("Where events are delivered to: URIs as in --sink, or maps.", sinks));
    let rule = closed(filter::OPTIONS.iter().flat_map(properties_of).collect(), &[]);
    properties.insert(
        DROP.to_owned(),
        list("Events that no sink gets: expressions, or maps of filters.", vec![rule]),
    );
    properties.insert(
        STATIC_LABELS.to_owned(),
        json!({
            "description": "Labels for every event.",
            "type": "object",
            "additionalProperties": single(),
        }),
    );
    for setting in settings() {
        let spec = &setting.flag.spec;
        match setting.path.split_once('.') {
            None => _ = properties.insert(setting.path.to_owned(), scalar(spec)),
            Some((group, key)) => {
                let group = properties.entry(group).or_insert_with(|| closed(Map::new(), &[]));
                group["properties"][key] = scalar(spec);
            }
        }
    }
    let mut schema = closed(properties, &[]);
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["title"] = "Configuration of eventer".into();
    schema
}

fn list(description: &str, maps: Vec<Value>) -> Value {
    let text = json!({ "type": "string" });
    // `- log:` is a map with one key to YAML.
    let bare = json!({ "type": "object", "maxProperties": 1, "additionalProperties": { "type": "null" } });
    let items: Vec<Value> = [text, bare].into_iter().chain(maps).collect();
    json!({ "description": description, "type": ["array", "null"], "items": { "anyOf": items } })
}

fn component(spec: &ComponentSpec, common: &[OptionSpec]) -> Value {
    let mut properties = Map::new();
    properties.insert(KIND.to_owned(), json!({ "const": spec.kind, "description": spec.summary }));
    if let EndpointSpec::Text(what) | EndpointSpec::Url(what) = spec.endpoint {
        properties.insert(ENDPOINT.to_owned(), json!({ "description": what, "type": "string" }));
    }
    properties.extend(spec.options.iter().chain(common).flat_map(properties_of));
    let mut component = closed(properties, &[KIND]);
    if matches!(spec.endpoint, EndpointSpec::Url(_)) {
        component["patternProperties"] = json!({ "^query\\.": single() });
    }
    component
}

/// The keys under which an option can be given, each with what it takes.
fn properties_of(option: &OptionSpec) -> Vec<(String, Value)> {
    let names = option
        .names()
        .map(|name| (name.clone(), if name == option.name { scalar(option) } else { file(option) }));
    names.collect()
}

fn file(option: &OptionSpec) -> Value {
    json!({ "description": format!("File that holds: {}", option.help), "type": "string" })
}

fn scalar(option: &OptionSpec) -> Value {
    let mut value = match option.value {
        JSON => json!({}),
        "true|false" => json!({ "type": ["boolean", "string"] }),
        "N" | "PORT" => json!({ "type": ["integer", "string"] }),
        words if is_choice(words) => {
            // A word may come out of a variable, or in another case.
            json!({ "type": "string", "examples": words.split('|').collect::<Vec<_>>() })
        }
        _ => single(),
    };
    if option.is_repeatable {
        value = json!({ "anyOf": [value, { "type": "array", "items": single() }] });
    }
    value["description"] = option.help.into();
    if let Some(default) = option.default {
        value["default"] = default.into();
    }
    value
}

fn is_choice(words: &str) -> bool {
    words.contains('|') && words.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '|' | '_' | '-'))
}

fn single() -> Value {
    json!({ "type": ["string", "number", "boolean"] })
}

fn closed(properties: Map<String, Value>, required: &[&str]) -> Value {
    let mut closed = json!({ "type": "object", "additionalProperties": false });
    if !required.is_empty() {
        closed["required"] = required.into();
    }
    closed["properties"] = Value::Object(properties);
    closed
}
