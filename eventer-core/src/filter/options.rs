//! The options of a filter, which every sink takes.

use regex::Regex;

use super::EventFilter;
use crate::policy::PolicyDefaults;
use crate::uri::{EXPRESSION, OptionSpec, OptionValue, UriReader};

pub(super) const LEVEL: OptionSpec =
    OptionSpec::new("level", "Normal|Warning", "Least level of an event, in any case.");
pub(super) const NAMESPACES: OptionSpec =
    OptionSpec::new("namespaces", "LIST", "Namespaces, separated by commas; * is a wildcard.").repeatable();
pub(super) const EXCLUDE_NAMESPACES: OptionSpec =
    OptionSpec::new("exclude_namespaces", "LIST", "Namespaces to leave out; * is a wildcard.").repeatable();
pub(super) const KINDS: OptionSpec =
    OptionSpec::new("kinds", "LIST", "Kinds of the object, in any case.").repeatable();
pub(super) const EXCLUDE_KINDS: OptionSpec =
    OptionSpec::new("exclude_kinds", "LIST", "Kinds of the object to leave out.").repeatable();
pub(super) const TYPES: OptionSpec =
    OptionSpec::new("types", "LIST", "Types of the event, in any case.").repeatable();
pub(super) const REASON: OptionSpec =
    OptionSpec::new("reason", "REGEX,…", "Regular expressions; one must be found in the reason.")
        .repeatable();
pub(super) const EXCLUDE_REASON: OptionSpec =
    OptionSpec::new("exclude_reason", "REGEX,…", "Regular expressions; none may be found in the reason.")
        .repeatable();
pub(super) const OBJECT_NAME: OptionSpec =
    OptionSpec::new("object_name", "REGEX", "Regular expression; must be found in the object's name.")
        .repeatable();
pub(super) const EXCLUDE_OBJECT_NAME: OptionSpec = OptionSpec::new(
    "exclude_object_name",
    "REGEX",
    "Regular expression; may not be found in the object's name.",
)
.repeatable();
pub(super) const MESSAGE: OptionSpec =
    OptionSpec::new("message", "REGEX", "Regular expression; must be found in the message.").repeatable();
pub(super) const EXCLUDE_MESSAGE: OptionSpec =
    OptionSpec::new("exclude_message", "REGEX", "Regular expression; may not be found in the message.")
        .repeatable();
pub(super) const MIN_COUNT: OptionSpec =
    OptionSpec::new("min_count", "N", "How often the event must have been seen.").default("1");
/// The option that takes an expression.
pub const WHERE: OptionSpec =
    OptionSpec::new(EXPRESSION, "CEL", "CEL expression over the event; must be true.");

/// The options of a filter, in the order in which the help shows them.
pub const OPTIONS: &[OptionSpec] = &[
    LEVEL,
    TYPES,
    NAMESPACES,
    EXCLUDE_NAMESPACES,
    KINDS,
    EXCLUDE_KINDS,
    REASON,
    EXCLUDE_REASON,
    OBJECT_NAME,
    EXCLUDE_OBJECT_NAME,
    MESSAGE,
    EXCLUDE_MESSAGE,
    MIN_COUNT,
    WHERE,
];

impl EventFilter {
    /// Takes the filter's options; what was not given is as `defaults` says. Mistakes are recorded in the reader.
    pub fn take(uri: &mut UriReader<'_>, defaults: PolicyDefaults) -> Self {
        Self {
            level: uri.take(&LEVEL).or(defaults.level),
            namespace_of: defaults.namespace_of,
            namespaces: take_list(uri, &NAMESPACES),
            exclude_namespaces: take_list(uri, &EXCLUDE_NAMESPACES),
            kinds: take_list(uri, &KINDS),
            exclude_kinds: take_list(uri, &EXCLUDE_KINDS),
            types: take_list(uri, &TYPES),
            reason: take_list(uri, &REASON),
            exclude_reason: take_list(uri, &EXCLUDE_REASON),
            object_name: take_regexes(uri, &OBJECT_NAME),
            exclude_object_name: take_regexes(uri, &EXCLUDE_OBJECT_NAME),
            message: take_regexes(uri, &MESSAGE),
            exclude_message: take_regexes(uri, &EXCLUDE_MESSAGE),
            min_count: uri.take_or_default(&MIN_COUNT),
            expression: uri.take(&WHERE),
        }
    }
}

/// Lists are separated by commas, as kube-eventer's are. An empty list is no condition; but if it is a variable that is
/// empty, the user meant one.
fn take_list<T: OptionValue>(uri: &mut UriReader<'_>, option: &OptionSpec) -> Vec<T> {
    let texts: Vec<String> = uri.take_all(option);
    if uri.is_from_variable(option) && texts.iter().any(|text| text.trim().is_empty()) {
        uri.invalid_unseen(option, "a variable in it is empty; leave the option out for no condition");
    }
    let words = texts.iter().flat_map(|text| text.split(',')).map(str::trim).filter(|word| !word.is_empty());
    let parsed: Vec<Result<T, String>> = words.map(T::parse_option).collect();
    parsed.into_iter().filter_map(|item| item.map_err(|reason| uri.invalid(option, reason)).ok()).collect()
}

fn take_regexes(uri: &mut UriReader<'_>, option: &OptionSpec) -> Vec<Regex> {
    let mut regexes: Vec<Regex> = uri.take_all(option);
    regexes.retain(|regex| !regex.as_str().is_empty());
    regexes
}
