//! Sprig's functions of lists. None changes the list that it is given.

use super::super::kind::Kind;
use super::super::value::{Text, Value};
use super::{ANY, Answer, Call, Function, fits, function};

pub(super) const FUNCTIONS: &[Function] = &[
    function("list", (0, ANY), Kind::List(&Kind::Unknown), |call| Ok(Value::list(call.values.to_vec()))),
    function("tuple", (0, ANY), Kind::List(&Kind::Unknown), |call| Ok(Value::list(call.values.to_vec()))),
    function("first", (1, 1), Kind::Unknown, |call| {
        Ok(call.list(0)?.into_iter().next().unwrap_or(Value::Nil))
    }),
    function("last", (1, 1), Kind::Unknown, |call| Ok(call.list(0)?.pop().unwrap_or(Value::Nil))),
    function("rest", (1, 1), Kind::List(&Kind::Unknown), |call| part(call, |length| length.min(1)..length)),
    function("initial", (1, 1), Kind::List(&Kind::Unknown), |call| {
        part(call, |length| 0..length.saturating_sub(1))
    }),
    function("append", (2, 2), Kind::List(&Kind::Unknown), append),
    function("push", (2, 2), Kind::List(&Kind::Unknown), append),
    function("prepend", (2, 2), Kind::List(&Kind::Unknown), |call| {
        let mut items = call.list(0)?;
        items.insert(0, call.value(1));
        Ok(Value::list(items))
    }),
    function("concat", (0, ANY), Kind::List(&Kind::Unknown), |call| {
        let mut items = Vec::new();
        for index in 0..call.values.len() {
            items.extend(call.list(index)?);
        }
        Ok(Value::list(items))
    }),
    function("reverse", (1, 1), Kind::List(&Kind::Unknown), |call| {
        Ok(Value::list(call.list(0)?.into_iter().rev().collect()))
    }),
    function("compact", (1, 1), Kind::List(&Kind::Unknown), |call| {
        Ok(Value::list(call.list(0)?.into_iter().filter(Value::is_true).collect()))
    }),
    function("uniq", (1, 1), Kind::List(&Kind::Unknown), |call| {
        let mut unique: Vec<Value<'_>> = Vec::new();
        for item in call.list(0)? {
            if !has(call, &unique, &item)? {
                unique.push(item);
            }
        }
        Ok(Value::list(unique))
    }),
    function("without", (1, ANY), Kind::List(&Kind::Unknown), |call| {
        let mut kept = Vec::new();
        for item in call.list(0)? {
            if !has(call, call.rest(1), &item)? {
                kept.push(item);
            }
        }
        Ok(Value::list(kept))
    }),
    function("has", (2, 2), Kind::Bool, |call| Ok(Value::Bool(has(call, &call.list(1)?, &call.value(0))?))),
    function("sortAlpha", (1, 1), Kind::List(&Kind::Text), |call| {
        let mut texts = texts(&call.value(0));
        texts.sort();
        Ok(Value::list(texts.into_iter().map(Value::Text).collect()))
    }),
    function("toStrings", (1, 1), Kind::List(&Kind::Text), |call| {
        Ok(Value::list(texts(&call.value(0)).into_iter().map(Value::Text).collect()))
    }),
    function("until", (1, 1), Kind::List(&Kind::Int), |call| {
        let end = call.int(0);
        until(0, end, if end < 0 { -1 } else { 1 })
    }),
    function("untilStep", (3, 3), Kind::List(&Kind::Int), |call| {
        until(call.int(0), call.int(1), call.int(2))
    }),
];

/// The items of a list as text, without those that are nothing; of another value itself.
pub(super) fn texts<'e>(value: &Value<'e>) -> Vec<Text<'e>> {
    match value {
        Value::Nil => Vec::new(),
        Value::List(list) => {
            list.items.iter().filter(|item| !matches!(item, Value::Nil)).map(Text::of).collect()
        }
        other => vec![Text::of(other)],
    }
}

fn append<'e>(call: &Call<'_, 'e>) -> Answer<'e> {
    let mut items = call.list(0)?;
    items.push(call.value(1));
    Ok(Value::list(items))
}

fn part<'e>(call: &Call<'_, 'e>, range: fn(usize) -> std::ops::Range<usize>) -> Answer<'e> {
    let items = call.list(0)?;
    Ok(Value::list(items[range(items.len())].to_vec()))
}

fn has(call: &Call<'_, '_>, items: &[Value<'_>], wanted: &Value<'_>) -> Result<bool, String> {
    const COMPARISONS_A_STEP: usize = 8;
    call.charge(items.len() / COMPARISONS_A_STEP)?;
    Ok(items.iter().any(|item| item.is_deeply(wanted)))
}

fn until<'e>(start: i64, stop: i64, step: i64) -> Answer<'e> {
    const BYTES_A_NUMBER: usize = 16;
    let is_forward = stop >= start;
    if step == 0 || (step > 0) != is_forward {
        return Ok(Value::list(Vec::new()));
    }
    let count = stop.abs_diff(start).div_ceil(step.unsigned_abs());
    fits(usize::try_from(count).unwrap_or(usize::MAX).saturating_mul(BYTES_A_NUMBER))?;
    let numbers = (0..count as i64).map(|index| Value::Int(start.wrapping_add(index.wrapping_mul(step))));
    Ok(Value::list(numbers.collect()))
}
