//! Regular expressions. Those that a template writes out are compiled with it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Deref;

use eventer_core::re2;
use regex::Regex;

use super::super::kind::Kind;
use super::super::limits::{BYTES_A_STEP, REGEX_STEPS};
use super::super::value::{Text, Value};
use super::{Answer, Call, Function, fits, function, made};

pub(super) const FUNCTIONS: &[Function] = &[
    function("regexMatch", (2, 2), Kind::Bool, is_match),
    function("mustRegexMatch", (2, 2), Kind::Bool, is_match),
    function("regexFind", (2, 2), Kind::Text, find),
    function("mustRegexFind", (2, 2), Kind::Text, find),
    function("regexFindAll", (3, 3), Kind::List(&Kind::Text), find_all),
    function("mustRegexFindAll", (3, 3), Kind::List(&Kind::Text), find_all),
    function("regexReplaceAll", (3, 3), Kind::Text, replace_all),
    function("mustRegexReplaceAll", (3, 3), Kind::Text, replace_all),
    function("regexReplaceAllLiteral", (3, 3), Kind::Text, replace_all_literal),
    function("mustRegexReplaceAllLiteral", (3, 3), Kind::Text, replace_all_literal),
    function("regexSplit", (3, 3), Kind::List(&Kind::Text), split),
    function("mustRegexSplit", (3, 3), Kind::List(&Kind::Text), split),
    function("regexQuoteMeta", (1, 1), Kind::Text, |call| made(quote_meta(&call.text(0)))),
];

/// The expressions that a template writes out.
#[derive(Debug, Default)]
pub(in super::super) struct Regexes(HashMap<Box<str>, Regex>);

impl Regexes {
    /// Whether the first argument of the function `name` is an expression.
    pub(in super::super) fn are_taken_by(name: &str) -> bool {
        name != "regexQuoteMeta" && FUNCTIONS.iter().any(|function| function.name == name)
    }

    /// Compiles `pattern`, to be at hand.
    pub(in super::super) fn add(&mut self, pattern: &str) -> Result<(), String> {
        if !self.0.contains_key(pattern) {
            self.0.insert(pattern.into(), re2::compile(pattern)?);
        }
        Ok(())
    }
}

/// An expression, from the template or made for this call.
enum Expression<'c> {
    Kept(&'c Regex),
    Made(Regex),
}

impl Deref for Expression<'_> {
    type Target = Regex;

    fn deref(&self) -> &Regex {
        match self {
            Self::Kept(regex) => regex,
            Self::Made(regex) => regex,
        }
    }
}

fn expression<'c>(call: &Call<'c, '_>) -> Result<Expression<'c>, String> {
    let pattern = call.text(0);
    // Whatever the expression, it reads its text byte by byte.
    call.charge(call.text(1).len() / BYTES_A_STEP)?;
    match call.regexes.0.get(&*pattern) {
        Some(regex) => Ok(Expression::Kept(regex)),
        None => {
            call.charge(REGEX_STEPS)?;
            re2::compile(&pattern).map(Expression::Made)
        }
    }
}

fn is_match<'e>(call: &Call<'_, 'e>) -> Answer<'e> {
    Ok(Value::Bool(expression(call)?.is_match(&call.text(1))))
}

fn find<'e>(call: &Call<'_, 'e>) -> Answer<'e> {
    let text = call.text(1);
    made(expression(call)?.find(&text).map_or("", |found| found.as_str()))
}

/// The most that is wanted: a negative number wants all.
fn most(call: &Call<'_, '_>) -> usize {
    usize::try_from(call.int(2)).unwrap_or(usize::MAX)
}

fn find_all<'e>(call: &Call<'_, 'e>) -> Answer<'e> {
    let text = call.text(1);
    let regex = expression(call)?;
    let found = regex.find_iter(&text).take(most(call)).map(|found| Value::text(found.as_str()));
    Ok(Value::list(found.collect()))
}

fn split<'e>(call: &Call<'_, 'e>) -> Answer<'e> {
    let text: Text<'_> = call.text(1);
    let regex = expression(call)?;
    let parts = regex.splitn(&text, most(call)).map(Value::text);
    Ok(Value::list(parts.collect()))
}

fn replace_all<'e>(call: &Call<'_, 'e>) -> Answer<'e> {
    let with = call.text(2);
    let (text, regex) = (call.text(1), expression(call)?);
    let mut replaced = String::new();
    let mut end = 0;
    for captures in regex.captures_iter(&text) {
        let Some(whole) = captures.get(0) else { continue };
        replaced.push_str(&text[end..whole.start()]);
        captures.expand(&with, &mut replaced);
        end = whole.end();
        fits(replaced.len())?;
    }
    replaced.push_str(&text[end..]);
    made(replaced)
}

fn replace_all_literal<'e>(call: &Call<'_, 'e>) -> Answer<'e> {
    let with = call.text(2);
    let (text, regex) = (call.text(1), expression(call)?);
    fits(regex.find_iter(&text).count().saturating_mul(with.len()))?;
    let replaced: Cow<'_, str> = regex.replace_all(&text, regex::NoExpand(&with));
    made(replaced)
}

/// As Go's `QuoteMeta`, which escapes no more than it must.
fn quote_meta(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}
