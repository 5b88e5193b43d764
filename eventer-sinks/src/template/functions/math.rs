//! Sprig's arithmetic, and how it reads a value as a number.

use super::super::kind::Kind;
use super::super::value::Value;
use super::{ANY, Answer, Call, Function, function};

pub(super) const FUNCTIONS: &[Function] = &[
    function("add", (0, ANY), Kind::Int, |call| {
        Ok(Value::Int(call.values.iter().map(to_int).fold(0, i64::wrapping_add)))
    }),
    function("add1", (1, 1), Kind::Int, |call| Ok(Value::Int(call.int(0).wrapping_add(1)))),
    function("sub", (2, 2), Kind::Int, |call| Ok(Value::Int(call.int(0).wrapping_sub(call.int(1))))),
    function("mul", (1, ANY), Kind::Int, |call| {
        Ok(Value::Int(call.values.iter().map(to_int).fold(1, i64::wrapping_mul)))
    }),
    function("div", (2, 2), Kind::Int, |call| Ok(Value::Int(call.int(0).wrapping_div(divisor(call)?)))),
    function("mod", (2, 2), Kind::Int, |call| Ok(Value::Int(call.int(0).wrapping_rem(divisor(call)?)))),
    function("max", (1, ANY), Kind::Int, largest),
    function("biggest", (1, ANY), Kind::Int, largest),
    function("min", (1, ANY), Kind::Int, |call| {
        Ok(Value::Int(call.values.iter().map(to_int).min().unwrap_or_default()))
    }),
    function("floor", (1, 1), Kind::Unknown, |call| Ok(Value::Float(to_float(&call.value(0)).floor()))),
    function("ceil", (1, 1), Kind::Unknown, |call| Ok(Value::Float(to_float(&call.value(0)).ceil()))),
    function("round", (2, 3), Kind::Unknown, |call| {
        let round_on = if call.values.len() == 3 { to_float(&call.value(2)) } else { 0.5 };
        let shift = 10_f64.powf(to_float(&call.value(1)));
        let shifted = shift * to_float(&call.value(0));
        let rounded = if shifted.fract() >= round_on { shifted.ceil() } else { shifted.floor() };
        Ok(Value::Float(rounded / shift))
    }),
    function("int", (1, 1), Kind::Int, |call| Ok(Value::Int(call.int(0)))),
    function("int64", (1, 1), Kind::Int, |call| Ok(Value::Int(call.int(0)))),
    function("float64", (1, 1), Kind::Unknown, |call| Ok(Value::Float(to_float(&call.value(0))))),
    function("atoi", (1, 1), Kind::Int, |call| Ok(Value::Int(call.text(0).parse().unwrap_or_default()))),
];

/// As sprig does: text that is no number is 0, a fraction is cut off.
pub(super) fn to_int(value: &Value<'_>) -> i64 {
    match value {
        Value::Int(number) => *number,
        Value::Float(number) => *number as i64,
        Value::Bool(yes) => (*yes).into(),
        Value::Text(text) => parse_int(text).unwrap_or_default(),
        _ => 0,
    }
}

fn to_float(value: &Value<'_>) -> f64 {
    match value {
        Value::Float(number) => *number,
        Value::Text(text) => text.parse().unwrap_or_default(),
        other => to_int(other) as f64,
    }
}

/// As Go reads a number whose base its prefix tells; a fraction of zeros does not count.
fn parse_int(text: &str) -> Option<i64> {
    let whole = match text.split_once('.') {
        Some((whole, zeros)) if zeros.bytes().all(|digit| digit == b'0') => whole,
        _ => text,
    };
    let (is_negative, digits) = match whole.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, whole.strip_prefix('+').unwrap_or(whole)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, &lower[..]),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let number = i128::from_str_radix(digits, radix).ok()?;
    i64::try_from(if is_negative { -number } else { number }).ok()
}

fn divisor(call: &Call<'_, '_>) -> Result<i64, String> {
    match call.int(1) {
        0 => Err("nothing can be divided by 0".to_owned()),
        divisor => Ok(divisor),
    }
}

fn largest<'e>(call: &Call<'_, 'e>) -> Answer<'e> {
    Ok(Value::Int(call.values.iter().map(to_int).max().unwrap_or_default()))
}
