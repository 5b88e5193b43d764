//! The mistakes of an expression in plain words, and what was most likely meant.

use super::functions;
use super::schema::Shape;
use super::value::Type;
use crate::uri::nearest;

pub(super) const NO_MACROS: &str =
    "all, exists, exists_one, map and filter are not offered; ask by in, by an index or by matches";
pub(super) const NO_NULL: &str =
    "nothing is null here: what is absent is \"\", 0 or empty, and has(series.count) asks for it";

/// What is wrong with the name of a function that is not there, or not of what it is called on.
pub(super) fn unknown_function(name: &str, on: Option<Type>) -> String {
    let mut known = functions::ALL.iter();
    match (known.find(|function| function.name == name), on) {
        (Some(function), Some(on)) if function.on.is_empty() => {
            return format!("{name} is asked of the event, not of {}: write {name}()", a(on));
        }
        (Some(function), Some(on)) => {
            return format!("{name} is asked of {}, not of {}", types(function.on), a(on));
        }
        (Some(_), None) => return format!("{name} is asked of something: write message.{name}(…)"),
        (None, _) => {}
    }
    if let Some((_, form)) = functions::BUILT_IN.into_iter().find(|(known, _)| *known == name) {
        return format!("{name} is written {form}");
    }
    if on.is_none() && Shape::Event.fields().iter().any(|field| field.name == name) {
        return format!("{name} is a field, and is written without brackets");
    }
    let names =
        functions::ALL.iter().map(|function| function.name).chain(functions::BUILT_IN.map(|(name, _)| name));
    format!("there is no function \"{name}\"{}", did_you_mean(nearest(name, names)))
}

/// What is wrong with a name that is no field of the event.
pub(super) fn unknown_variable(name: &str) -> String {
    if functions::ALL.iter().any(|function| function.name == name && function.on.is_empty()) {
        return format!("{name} is a function, and is written {name}()");
    }
    let fields = Shape::Event.fields();
    let below = || {
        let object = Shape::Object.fields();
        object.iter().any(|field| field.name == name).then(|| format!("involvedObject.{name}"))
    };
    let meant = nearest(name, fields.iter().map(|field| field.name)).or_else(below);
    format!("there is no field \"{name}\"{}", did_you_mean(meant))
}

/// What is wrong with a name that is no field of a part of the event.
pub(super) fn unknown_field(name: &str, shape: Shape) -> String {
    let meant = nearest(name, shape.fields().iter().map(|field| field.name));
    format!("there is no .{name} in {}{}", a(Type::Record(shape)), did_you_mean(meant))
}

fn did_you_mean(name: Option<String>) -> String {
    name.map(|name| format!(", did you mean \"{name}\"?")).unwrap_or_default()
}

/// Why two values cannot be compared.
pub(super) fn not_comparable(operator: &str, left: Type, right: Type) -> String {
    let hint = match (left, right) {
        (Type::Time, Type::Text) | (Type::Text, Type::Time) => "; write timestamp(\"2026-11-21T06:00:00Z\")",
        (Type::Duration, _) | (_, Type::Duration) => "; a duration is written duration(\"90s\")",
        (Type::Record(_), _) | (_, Type::Record(_)) => "; compare a field of it",
        (Type::Labels | Type::Texts | Type::Owners, _) => "; ask by in, by size() or by an index",
        _ => "",
    };
    format!("{operator} cannot compare {} with {}{hint}", a(left), a(right))
}

/// Types with their articles.
pub(super) fn types(types: &[Type]) -> String {
    let types: Vec<String> = types.iter().map(|it| a(*it)).collect();
    if types.is_empty() { "nothing".to_owned() } else { types.join(" or ") }
}

/// A type with its article.
pub(super) fn a(it: Type) -> String {
    let name = it.to_string();
    let article = if name.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {name}")
}
