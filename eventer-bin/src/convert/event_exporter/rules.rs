//! The rules of a route: what each key compares, and how.

use super::fields::tell_of_form;
use crate::convert::expression::{self, Condition, Test};
use crate::convert::pattern::Pattern;
use crate::convert::report::{Report, Weight, did_you_mean};
use crate::convert::variables;
use crate::document::{Node, Value};

/// A rule.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    /// Its line.
    pub(super) line: u64,
    /// Whom it sends to.
    pub(super) receiver: Option<String>,
    /// What it asks; nothing, if it has no conditions.
    pub(super) condition: Condition,
    /// Whether it asks for labels or annotations of the object.
    pub(super) needs_lookup: bool,
    /// Whether it asks for a count of more than one.
    pub(super) needs_repeats: bool,
}

/// The keys that are compared with a field by a regular expression, and the field.
const FIELDS: [(&str, &str); 8] = [
    ("message", "message"),
    ("apiVersion", "involvedObject.apiVersion"),
    ("kind", "involvedObject.kind"),
    ("namespace", "metadata.namespace"),
    ("reason", "reason"),
    ("type", "type"),
    ("component", "source.component"),
    ("host", "source.host"),
];

/// The others.
const LABELS: &str = "labels";
const ANNOTATIONS: &str = "annotations";
const MIN_COUNT: &str = "minCount";
const RECEIVER: &str = "receiver";

/// What is compared with a field.
const EXPRESSION: &str = "a regular expression";

/// Whether a rule has such a key.
pub(super) fn is_key(key: &str) -> bool {
    keys().any(|known| known == key)
}

fn keys() -> impl Iterator<Item = &'static str> {
    FIELDS.iter().map(|(key, _)| *key).chain([LABELS, ANNOTATIONS, MIN_COUNT, RECEIVER])
}

/// Reads a list of rules.
pub(super) fn read_all(node: &Node, place: &str, report: &mut Report) -> Vec<Rule> {
    match &node.value {
        Value::List(items) => items
            .iter()
            .enumerate()
            .map(|(at, node)| Rule::read(node, &format!("{place}[{at}]"), report))
            .collect(),
        _ => {
            tell_of_form(node, place, "a list of rules", report);
            Vec::new()
        }
    }
}

impl Rule {
    fn read(node: &Node, place: &str, report: &mut Report) -> Self {
        let mut rule = Self {
            line: node.line,
            receiver: None,
            condition: Condition::Always(true),
            needs_lookup: false,
            needs_repeats: false,
        };
        if node.entries().is_none() {
            tell_of_form(node, place, "a map", report);
        }
        let mut conditions = Vec::new();
        for entry in node.entries().unwrap_or_default() {
            let place = format!("{place}.{}", entry.key);
            let value = &entry.node;
            let field = FIELDS.iter().find(|(key, _)| *key == entry.key).map(|(_, field)| *field);
            match (field, entry.key.as_str()) {
                (Some(field), _) => conditions.extend(compared(field, value, &place, report)),
                (None, LABELS | ANNOTATIONS) => {
                    let map = format!("involvedObject.{}", entry.key);
                    if value.entries().is_none() {
                        tell_of_form(value, &place, "a map of names and expressions", report);
                    }
                    for label in value.entries().unwrap_or_default() {
                        rule.needs_lookup = true;
                        let place = format!("{place}.{}", label.key);
                        conditions.push(of_label(&map, &label.key, &label.node, &place, report));
                    }
                }
                (None, MIN_COUNT) => match value.text().and_then(|text| text.parse::<i32>().ok()) {
                    Some(least) if least > 0 => {
                        rule.needs_repeats |= least > 1;
                        conditions.push(Condition::is("count", Test::AtLeast(least.into())));
                    }
                    Some(_) => {}
                    None if value.value == Value::Null => {}
                    None => {
                        let text = "this is no number that could be taken over; the condition is left out";
                        report.add(Weight::Lost, entry.line, place, text);
                    }
                },
                (None, RECEIVER) => {
                    if value.text().is_none() {
                        tell_of_form(value, &place, "a name", report);
                    }
                    rule.receiver = value.text().filter(|name| !name.is_empty()).map(variables::shown);
                }
                (None, key) => {
                    let hint = match key {
                        "drop" | "match" | "routes" => {
                            "; it belongs into a route, beside the list that this rule stands in".to_owned()
                        }
                        "maxEventAgeSeconds" | "throttlePeriod" => {
                            "; it belongs to the top of the file".to_owned()
                        }
                        key => did_you_mean(key, keys()),
                    };
                    let text = format!("a rule has no such key, and the tool ignores it{hint}");
                    report.add(Weight::Know, entry.line, place, text);
                }
            }
        }
        rule.condition = Condition::All(conditions).simplified();
        rule
    }
}

/// What a regular expression asks of a field. An empty one asks nothing.
fn compared(field: &str, value: &Node, place: &str, report: &mut Report) -> Option<Condition> {
    let Some(text) = value.text() else {
        tell_of_form(value, place, EXPRESSION, report);
        return None;
    };
    if text.is_empty() {
        return None;
    }
    Some(of_text(field, text, value.line, place, report).0)
}

/// The condition, and whether nothing passes it, too.
fn of_text(field: &str, text: &str, line: u64, place: &str, report: &mut Report) -> (Condition, bool) {
    let pattern = Pattern::read(text);
    if let Pattern::Invalid(reason) = &pattern {
        let text = format!("{reason}; there it never matches, without a word, and so it does here");
        report.add(Weight::Know, line, place, text);
    }
    if variables::has_any(text) {
        let text = "a variable stands in a regular expression: it is put into the expression as it is, where a quote or a \
                    backslash of its value would have to be escaped; and an empty one, which was no condition there, matches \
                    everything";
        report.add(Weight::Differs, line, place, text);
    }
    let takes_nothing = pattern.takes_nothing();
    (expression::of_pattern(field, pattern), takes_nothing)
}

/// A label must be there, and match.
fn of_label(map: &str, key: &str, value: &Node, place: &str, report: &mut Report) -> Condition {
    if value.text().is_none() {
        tell_of_form(value, place, EXPRESSION, report);
    }
    let field = format!("{map}[{}]", expression::quoted(key));
    let (condition, takes_nothing) =
        of_text(&field, value.text().unwrap_or_default(), value.line, place, report);
    // A label that is not there is the empty text.
    if !takes_nothing {
        return condition;
    }
    let is_there = Condition::is(map, Test::HasKey(key.to_owned()));
    Condition::All(vec![is_there, condition]).simplified()
}
