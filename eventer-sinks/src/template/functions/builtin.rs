//! Go's own functions, but for `and` and `or`, which the evaluator knows since they compute no more than they need.

use std::cmp::Ordering;
use std::sync::LazyLock;

use super::{ANY, Answer, Call, Function, function, made};

use super::super::kind::Kind;
use super::super::limits::PRINTF_WIDTH;
use super::super::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    // The evaluator computes these two; they stand here to be known.
    function("and", (1, ANY), Kind::Unknown, |call| Ok(call.value(0))),
    function("or", (1, ANY), Kind::Unknown, |call| Ok(call.value(0))),
    function("not", (1, 1), Kind::Bool, |call| Ok(Value::Bool(!call.value(0).is_true()))),
    function("eq", (2, ANY), Kind::Bool, |call| {
        let first = call.value(0);
        for other in call.rest(1) {
            if are_equal(&first, other)? {
                return Ok(Value::Bool(true));
            }
        }
        Ok(Value::Bool(false))
    }),
    function("ne", (2, 2), Kind::Bool, |call| Ok(Value::Bool(!are_equal(&call.value(0), &call.value(1))?))),
    function("lt", (2, 2), Kind::Bool, |call| compare(call, Ordering::is_lt)),
    function("le", (2, 2), Kind::Bool, |call| compare(call, Ordering::is_le)),
    function("gt", (2, 2), Kind::Bool, |call| compare(call, Ordering::is_gt)),
    function("ge", (2, 2), Kind::Bool, |call| compare(call, Ordering::is_ge)),
    function("len", (1, 1), Kind::Int, |call| {
        let value = call.value(0);
        let length = match &value {
            Value::Text(text) => text.len(),
            Value::List(list) => list.items.len(),
            Value::Labels(map) => map.len(),
            Value::Dict(dict) => dict.entries.len(),
            other => return Err(format!("{} has no length", other.kind())),
        };
        Ok(Value::Int(length as i64))
    }),
    function("index", (1, ANY), Kind::Unknown, |call| {
        call.rest(1).iter().try_fold(call.value(0), |value, key| index(&value, key))
    }),
    function("slice", (1, 4), Kind::Unknown, slice),
    function("print", (0, ANY), Kind::Text, |call| made(sprint(call.values))),
    function("println", (0, ANY), Kind::Text, |call| {
        let texts: Vec<String> = call.values.iter().map(Value::to_string).collect();
        made(texts.join(" ") + "\n")
    }),
    function("printf", (1, MOST_PRINTED), Kind::Text, printf),
    function("html", (0, ANY), Kind::Text, |call| made(gotmpl::html_escape(&escapable(call.values)))),
    function("js", (0, ANY), Kind::Text, |call| made(gotmpl::js_escape(&escapable(call.values)))),
    function("urlquery", (0, ANY), Kind::Text, |call| made(gotmpl::url_encode(&escapable(call.values)))),
];

/// As Go's `eq` compares: numbers with numbers, text with text; two values of unlike kinds are a mistake.
fn are_equal(a: &Value<'_>, b: &Value<'_>) -> Result<bool, String> {
    match (a, b) {
        (Value::Nil, _) | (_, Value::Nil) => Ok(matches!((a, b), (Value::Nil, Value::Nil))),
        (Value::List(_), Value::List(_)) => Err("lists cannot be compared".to_owned()),
        (Value::Labels(_) | Value::Dict(_), Value::Labels(_) | Value::Dict(_)) => {
            Err("maps cannot be compared".to_owned())
        }
        _ if std::mem::discriminant(a) == std::mem::discriminant(b) => Ok(a.is_deeply(b)),
        _ => Err(format!("{} cannot be compared with {}", a.kind(), b.kind())),
    }
}

fn compare<'e>(call: &Call<'_, 'e>, is_wanted: fn(Ordering) -> bool) -> Answer<'e> {
    let (a, b) = (call.value(0), call.value(1));
    let ordering = match (&a, &b) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        _ => None,
    };
    match ordering {
        Some(ordering) => Ok(Value::Bool(is_wanted(ordering))),
        None => Err(format!("{} cannot be compared with {}", a.kind(), b.kind())),
    }
}

fn index<'e>(value: &Value<'e>, key: &Value<'e>) -> Answer<'e> {
    let at = |length: usize| {
        let Value::Int(at) = key else { return Err(format!("{} is no index", key.kind())) };
        let index = usize::try_from(*at).ok().filter(|index| *index < length);
        index.ok_or_else(|| format!("there is no item {at}, there are {length}"))
    };
    match (value, key) {
        (Value::List(list), _) => Ok(list.items[at(list.items.len())?].clone()),
        (Value::Text(text), _) => Ok(Value::Int(text.as_bytes()[at(text.len())?].into())),
        // Where the values are text, a missing one is empty text.
        (Value::Labels(_), Value::Text(key)) => Ok(value.entry(key).unwrap_or(Value::borrowed(""))),
        (Value::Dict(_), Value::Text(key)) => Ok(value.entry(key).unwrap_or(Value::Nil)),
        (Value::Labels(_) | Value::Dict(_), key) => Err(format!("{} is no key of a map", key.kind())),
        (other, _) => Err(format!("{} has no items", other.kind())),
    }
}

fn slice<'e>(call: &Call<'_, 'e>) -> Answer<'e> {
    let value = call.value(0);
    let length = match &value {
        Value::Text(text) => text.len(),
        Value::List(list) => list.items.len(),
        other => return Err(format!("{} cannot be cut", other.kind())),
    };
    let bound = |index: usize, otherwise: usize| match call.values.get(index) {
        None => Ok(otherwise),
        Some(Value::Int(at)) => usize::try_from(*at)
            .ok()
            .filter(|at| *at <= length)
            .ok_or_else(|| format!("{at} is not within 0 and {length}")),
        Some(other) => Err(format!("{} is no index", other.kind())),
    };
    let (start, end) = (bound(1, 0)?, bound(2, length)?);
    if call.values.len() == 4 && (matches!(value, Value::Text(_)) || bound(3, length)? < end) {
        return Err("the third index is for a list, and not less than the second".to_owned());
    }
    if start > end {
        return Err(format!("{start} comes after {end}"));
    }
    match value {
        Value::List(list) => Ok(Value::list(list.items[start..end].to_vec())),
        Value::Text(text) => match text.get(start..end) {
            Some(part) => made(part),
            None => Err("it would cut a character in two".to_owned()),
        },
        other => Err(format!("{} cannot be cut", other.kind())),
    }
}

/// As Go's `Sprint`: a space between two values of which neither is text.
fn sprint(values: &[Value<'_>]) -> String {
    let mut text = String::new();
    for (index, value) in values.iter().enumerate() {
        let is_text = |value: &Value<'_>| matches!(value, Value::Text(_));
        if index > 0 && !is_text(&values[index - 1]) && !is_text(value) {
            text.push(' ');
        }
        text.push_str(&value.to_string());
    }
    text
}

fn escapable(values: &[Value<'_>]) -> String {
    match values {
        [Value::Nil] => "<no value>".to_owned(),
        values => sprint(values),
    }
}

/// How many values a `printf` takes, its format among them.
const MOST_PRINTED: usize = 17;

/// `gotmpl`'s printf, which writes as Go's does. A template is the only way to it: one for each number of values.
static PRINTF: LazyLock<gotmpl::Template> = LazyLock::new(|| {
    let templates: String = (1..=MOST_PRINTED)
        .map(|count| {
            let values: String = (0..count).map(|index| format!(" (index . {index})")).collect();
            format!("{{{{define \"{count}\"}}}}{{{{printf{values}}}}}{{{{end}}}}")
        })
        .collect();
    gotmpl::Template::new("printf").parse(&templates).expect("it is a template, as a test shows")
});

fn printf<'e>(call: &Call<'_, 'e>) -> Answer<'e> {
    let Value::Text(format) = call.value(0) else {
        return Err("its first value is the format, which is text".to_owned());
    };
    let numbers = format.split(|c: char| !c.is_ascii_digit());
    let is_wide = |number: &str| number.parse::<usize>().is_ok_and(|number| number > PRINTF_WIDTH);
    if format.contains('*') || numbers.filter(|number| !number.is_empty()).any(is_wide) {
        return Err(format!("a width is a number in the format, up to {PRINTF_WIDTH}"));
    }
    // Each verb may fill its width.
    super::fits(format.matches('%').count().saturating_mul(PRINTF_WIDTH / 8))?;
    let values: Vec<gotmpl::Value> = call.values.iter().map(to_gotmpl).collect();
    let written = PRINTF.execute_template_to_string(&values.len().to_string(), &values.into());
    written.map_err(|error| error.to_string()).and_then(made)
}

/// Lists and maps go as the text that they print as, which is what `%v` and `%s` write.
fn to_gotmpl(value: &Value<'_>) -> gotmpl::Value {
    match value {
        Value::Nil => gotmpl::Value::Nil,
        Value::Bool(yes) => gotmpl::Value::Bool(*yes),
        Value::Int(number) => gotmpl::Value::Int(*number),
        Value::Float(number) => gotmpl::Value::Float(*number),
        Value::Text(text) => gotmpl::Value::from(&**text),
        other => gotmpl::Value::from(other.to_string()),
    }
}
