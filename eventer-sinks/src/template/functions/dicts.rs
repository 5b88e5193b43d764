//! Sprig's functions of maps. None changes the map that it is given; the labels and annotations of the event will do too.

use std::collections::BTreeMap;

use super::super::kind::Kind;
use super::super::value::{Text, Value};
use super::{ANY, Answer, Call, Function, function};

pub(super) const FUNCTIONS: &[Function] = &[
    function("dict", (0, ANY), Kind::Unknown, |call| {
        let mut entries = BTreeMap::new();
        for pair in call.values.chunks(2) {
            entries.insert(Text::of(&pair[0]), pair.get(1).cloned().unwrap_or(Value::borrowed("")));
        }
        Ok(Value::dict(entries))
    }),
    function("get", (2, 2), Kind::Unknown, |call| {
        map(&call.value(0))?;
        Ok(call.value(0).entry(&call.text(1)).unwrap_or(Value::borrowed("")))
    }),
    function("hasKey", (2, 2), Kind::Bool, |call| {
        map(&call.value(0))?;
        Ok(Value::Bool(call.value(0).entry(&call.text(1)).is_some()))
    }),
    function("keys", (0, ANY), Kind::List(&Kind::Text), |call| {
        let mut keys = Vec::new();
        for value in call.values {
            keys.extend(map(value)?.into_keys().map(Value::Text));
        }
        Ok(Value::list(keys))
    }),
    function("values", (1, 1), Kind::List(&Kind::Unknown), |call| {
        Ok(Value::list(map(&call.value(0))?.into_values().collect()))
    }),
    function("pluck", (1, ANY), Kind::List(&Kind::Unknown), |call| {
        let key = call.text(0);
        Ok(Value::list(call.rest(1).iter().filter_map(|value| value.entry(&key)).collect()))
    }),
    function("pick", (1, ANY), Kind::Unknown, |call| {
        let keys: Vec<Text<'_>> = call.rest(1).iter().map(Text::of).collect();
        let entries = map(&call.value(0))?.into_iter().filter(|(key, _)| keys.contains(key));
        Ok(Value::dict(entries.collect()))
    }),
    function("omit", (1, ANY), Kind::Unknown, |call| {
        let keys: Vec<Text<'_>> = call.rest(1).iter().map(Text::of).collect();
        let entries = map(&call.value(0))?.into_iter().filter(|(key, _)| !keys.contains(key));
        Ok(Value::dict(entries.collect()))
    }),
    function("merge", (1, ANY), Kind::Unknown, |call| merge_all(call, false)),
    function("mustMerge", (1, ANY), Kind::Unknown, |call| merge_all(call, false)),
    function("mergeOverwrite", (1, ANY), Kind::Unknown, |call| merge_all(call, true)),
    function("mustMergeOverwrite", (1, ANY), Kind::Unknown, |call| merge_all(call, true)),
    function("dig", (3, ANY), Kind::Unknown, |call| {
        let (keys, rest) = call.values.split_at(call.values.len() - 2);
        let mut value = rest[1].clone();
        for key in keys {
            match value.entry(&Text::of(key)) {
                Some(inner) => value = inner,
                None => return Ok(rest[0].clone()),
            }
        }
        Ok(value)
    }),
];

type Entries<'e> = BTreeMap<Text<'e>, Value<'e>>;

fn map<'e>(value: &Value<'e>) -> Result<Entries<'e>, String> {
    match value.entries() {
        Some(entries) => Ok(entries.into_iter().collect()),
        None if matches!(value, Value::Nil) => Ok(Entries::new()),
        None => Err(format!("it wants a map, not {}", value.kind())),
    }
}

fn merge_all<'e>(call: &Call<'_, 'e>, is_overwriting: bool) -> Answer<'e> {
    let mut merged = map(&call.value(0))?;
    for value in call.rest(1) {
        merged = merge(merged, map(value)?, is_overwriting);
    }
    Ok(Value::dict(merged))
}

/// What is empty in `into` counts as missing; maps within are merged too.
fn merge<'e>(mut into: Entries<'e>, from: Entries<'e>, is_overwriting: bool) -> Entries<'e> {
    for (key, value) in from {
        let merged = match (into.get(&*key), &value) {
            (Some(Value::Dict(old)), Value::Dict(new)) => {
                Value::dict(merge(old.entries.clone(), new.entries.clone(), is_overwriting))
            }
            (Some(old), _) if old.is_true() && !is_overwriting => old.clone(),
            _ => value,
        };
        into.insert(key, merged);
    }
    into
}
