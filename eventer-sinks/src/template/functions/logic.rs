//! Sprig's functions that choose: a default, the first that is there, one of two.

use super::super::kind::Kind;
use super::super::value::Value;
use super::{ANY, Function, function};

pub(super) const FUNCTIONS: &[Function] = &[
    function("default", (1, ANY), Kind::Unknown, |call| {
        let given = call.value(1);
        Ok(if given.is_true() { given } else { call.value(0) })
    }),
    function("empty", (1, 1), Kind::Bool, |call| Ok(Value::Bool(!call.value(0).is_true()))),
    function("coalesce", (0, ANY), Kind::Unknown, |call| {
        Ok(call.values.iter().find(|value| value.is_true()).cloned().unwrap_or(Value::Nil))
    }),
    function("all", (0, ANY), Kind::Bool, |call| Ok(Value::Bool(call.values.iter().all(Value::is_true)))),
    function("any", (0, ANY), Kind::Bool, |call| Ok(Value::Bool(call.values.iter().any(Value::is_true)))),
    function("ternary", (3, 3), Kind::Unknown, |call| {
        Ok(if call.value(2).is_true() { call.value(0) } else { call.value(1) })
    }),
    function("deepEqual", (2, 2), Kind::Bool, |call| {
        Ok(Value::Bool(call.value(0).is_deeply(&call.value(1))))
    }),
    function("fail", (1, 1), Kind::Unknown, |call| Err(call.text(0).to_string())),
];
