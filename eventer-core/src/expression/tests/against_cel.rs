//! What we compute is what the interpreter of the crate `cel` computes, where it is asked of the same: it has every field
//! filled in with its zero value, and is asked neither of times, which it has in a feature of its own, nor of keys that
//! are not there, which are an error to it.

use std::collections::HashMap;
use std::fmt::Display;

use cel::{Context, Program};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use super::*;
use crate::expression::schema::{FieldInfo, Shape};
use crate::expression::value::Type;

/// What `json` is to the interpreter, with all that the schema has, read by the names of the JSON.
fn filled(gives: Type, json: &serde_json::Value) -> cel::Value {
    let items = |item: Type| {
        let items = json.as_array().into_iter().flatten();
        cel::Value::from(items.map(|json| filled(item, json)).collect::<Vec<_>>())
    };
    match gives {
        Type::Bool => cel::Value::Bool(json.as_bool().unwrap_or_default()),
        Type::Int | Type::Double => cel::Value::Int(json.as_i64().unwrap_or_default()),
        Type::Text | Type::Time | Type::Duration => cel::Value::from(json.as_str().unwrap_or_default()),
        Type::Labels => {
            let entries = json.as_object().into_iter().flatten();
            let entry = |(key, json): (&String, _)| (key.clone(), filled(Type::Text, json));
            cel::Value::from(entries.map(entry).collect::<HashMap<_, _>>())
        }
        Type::Texts => items(Type::Text),
        Type::Owners => items(Type::Record(Shape::Owner)),
        Type::Record(shape) => {
            let fields = shape.fields();
            let field = |field: &FieldInfo| (field.name.to_owned(), filled(field.gives, &json[field.name]));
            cel::Value::from(fields.iter().map(field).collect::<HashMap<_, _>>())
        }
    }
}

/// What the interpreter makes of it. `None`: an error, of which it has no more kinds than we.
fn by_cel(text: &str, event: &Event) -> Option<bool> {
    let json = serde_json::to_value(event).unwrap();
    let mut context = Context::default();
    for field in Shape::Event.fields() {
        context.add_variable_from_value(field.name, filled(field.gives, &json[field.name]));
    }
    let (count, id) = (i64::from(event.count()), event.id());
    let (component, namespace) = (event.component().to_owned(), event.object_namespace().to_owned());
    context.add_function("count", move || count).unwrap();
    context.add_function("id", move || id.clone()).unwrap();
    context.add_function("component", move || component.clone()).unwrap();
    context.add_function("objectNamespace", move || namespace.clone()).unwrap();
    match Program::compile(text).unwrap().execute(&context) {
        Ok(cel::Value::Bool(answer)) => Some(answer),
        Ok(other) => panic!("{text} is {other:?}"),
        Err(_) => None,
    }
}

const WORDS: [&str; 7] = ["", "a", "Pod", "BackOff", "web-0", "größer", "it is \"it\""];

fn word() -> impl Strategy<Value = &'static str> {
    select(&WORDS[..])
}

fn events() -> impl Strategy<Value = Event> {
    let texts = prop::array::uniform8(word());
    let numbers = prop::array::uniform3(select(vec![0, 1, 2, 7, i32::MAX]));
    (texts, numbers, any::<bool>(), any::<bool>()).prop_map(|(texts, numbers, deleted, is_filled)| {
        let mut json = json!({
            "type": texts[0], "reason": texts[1], "message": texts[2], "count": numbers[0],
            "metadata": {"uid": "u", "resourceVersion": "1", "finalizers": [texts[3], texts[4]]},
            "involvedObject": {
                "kind": texts[5], "namespace": texts[6], "deleted": deleted,
                "labels": {"app": texts[7], "team": texts[0]},
            },
            "staticLabels": {"app": "web", "team": texts[1]},
        });
        if is_filled {
            json["series"] = json!({"count": numbers[1]});
            json["related"] = json!({"name": texts[2]});
            json["source"] = json!({"component": texts[3], "host": texts[4]});
            json["reportingComponent"] = json!(texts[4]);
            json["cluster"] = json!(texts[5]);
            json["enrichment"] = json!({
                "owners": [{"kind": texts[6], "name": texts[7], "controller": deleted}],
                "services": [texts[0]],
                "node": {"name": texts[1], "addresses": {"InternalIP": "10.0.0.1"}},
            });
        }
        serde_json::from_value(json).unwrap()
    })
}

fn literal(word: &str) -> String {
    format!("{word:?}")
}

fn operation(left: impl Display, operator: &str, right: impl Display) -> String {
    format!("({left} {operator} {right})")
}

fn ints() -> impl Strategy<Value = String> {
    let named = select(vec![
        "count",
        "count()",
        "series.count",
        "size(reason)",
        "message.size()",
        "involvedObject.labels.size()",
        "enrichment.owners.size()",
        "9223372036854775807",
        "metadata.generation",
    ]);
    let leaf = prop_oneof![(-3..9_i32).prop_map(|n| n.to_string()), named.prop_map(str::to_owned)];
    leaf.prop_recursive(3, 8, 2, |inner| {
        let operator = select(vec!["+", "-", "*", "/", "%"]);
        prop_oneof![
            (inner.clone(), operator, inner.clone()).prop_map(|(a, op, b)| operation(a, op, b)),
            inner.prop_map(|a| format!("-({a})")),
        ]
    })
}

fn texts() -> impl Strategy<Value = String> {
    let named = select(vec![
        "type",
        "reason",
        "message",
        "cluster",
        "reportingComponent",
        "related.name",
        "source.component",
        "enrichment.node.name",
        "involvedObject.kind",
        "involvedObject.labels['app']",
        "involvedObject.labels.team",
        "staticLabels.team",
        "metadata.finalizers[1]",
        "component()",
        "objectNamespace()",
        "id()",
    ]);
    let leaf = prop_oneof![word().prop_map(literal), named.prop_map(str::to_owned)];
    leaf.prop_recursive(2, 4, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| operation(a, "+", b)),
            (conditions_of(ints(), inner.clone()), inner.clone(), inner)
                .prop_map(|(c, a, b)| format!("({c} ? {a} : {b})")),
        ]
    })
}

/// What is true or false at once.
fn conditions_of(
    ints: impl Strategy<Value = String> + 'static,
    texts: impl Strategy<Value = String> + 'static,
) -> impl Strategy<Value = String> {
    let (ints, texts) = (ints.boxed(), texts.boxed());
    let comparison = || select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let functions = select(vec!["contains", "startsWith", "endsWith"]);
    let patterns = select(vec!["'^a'", "'Off$'", "r'[0-9]+'", "'(?i)POD'", "''"]);
    let lists =
        select(vec!["metadata.finalizers", "enrichment.services", "staticLabels", "involvedObject.labels"]);
    let constants = select(vec![
        "true",
        "false",
        "involvedObject.deleted",
        "related.deleted",
        "has(staticLabels.app)",
        "has(staticLabels.other)",
        "(count > 1.5)",
        "(7.0 == count)",
    ]);
    prop_oneof![
        (ints.clone(), comparison(), ints.clone()).prop_map(|(a, op, b)| operation(a, op, b)),
        (texts.clone(), comparison(), texts.clone()).prop_map(|(a, op, b)| operation(a, op, b)),
        (texts.clone(), functions, texts.clone()).prop_map(|(a, name, b)| format!("({a}).{name}({b})")),
        (texts.clone(), patterns).prop_map(|(a, pattern)| format!("({a}).matches({pattern})")),
        (texts.clone(), lists).prop_map(|(a, list)| operation(a, "in", list)),
        (texts.clone(), prop::collection::vec(texts, 0..3)).prop_map(|(a, list)| operation(
            a,
            "in",
            format!("[{}]", list.join(", "))
        )),
        (ints.clone(), prop::collection::vec(ints, 0..3)).prop_map(|(a, list)| operation(
            a,
            "in",
            format!("[{}]", list.join(", "))
        )),
        constants.prop_map(str::to_owned),
    ]
}

fn conditions() -> impl Strategy<Value = String> {
    conditions_of(ints(), texts()).prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), select(vec!["&&", "||", "==", "!="]), inner.clone())
                .prop_map(|(a, op, b)| operation(a, op, b)),
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_interpreter_agrees(text in conditions(), event in events()) {
        prop_assert_eq!(expression(&text).matches(&event).ok(), by_cel(&text, &event), "{}", text);
    }

    #[test]
    fn every_decision_can_be_told(text in conditions(), event in events()) {
        let expression = expression(&text);
        let told = expression.explain(&event);
        match expression.matches(&event) {
            Ok(_) => prop_assert!(told.contains(" is true") || told.contains(" is false"), "{}", told),
            Err(error) => prop_assert_eq!(told, error.to_string()),
        }
    }
}
