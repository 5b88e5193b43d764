//! The functions of templates: Go's own and those of sprig that make sense for an event.

mod builtin;
pub(super) mod dates;
mod dicts;
pub(super) mod encoding;
mod lists;
mod logic;
mod math;
mod regexes;
mod strings;

use std::collections::HashMap;
use std::sync::LazyLock;

pub(super) use regexes::Regexes;

use super::kind::Kind;
use super::limits::OUTPUT_BYTES;
use super::pass::Pass;
use super::value::{Text, Value};

/// A function of templates.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: &'static str,
    /// How many values it takes at least, and at most.
    pub(super) takes: (usize, usize),
    /// What is known of its answer.
    pub(super) gives: Kind,
    pub(super) call: Body,
}

/// What a function does. The evaluator has seen to the number of values.
pub(super) type Body = for<'c, 'e> fn(&Call<'c, 'e>) -> Answer<'e>;

/// A function's answer, or what is wrong, in words for a user.
pub(super) type Answer<'e> = Result<Value<'e>, String>;

/// A call of a function.
pub(super) struct Call<'c, 'e> {
    pub(super) pass: &'e Pass<'e>,
    pub(super) regexes: &'c Regexes,
    pub(super) values: &'c [Value<'e>],
}

/// No bound to the number of values.
const ANY: usize = usize::MAX;

/// Functions of sprig that are left out on purpose, and why.
const NOT_OFFERED: [(&[&str], &str); 7] = [
    (&["env", "expandenv"], "a template must not show the environment, which holds secrets"),
    (&["getHostByName"], "a template must not wait for a name server"),
    (
        &[
            "randAlpha",
            "randAlphaNum",
            "randAscii",
            "randBytes",
            "randInt",
            "randNumeric",
            "shuffle",
            "uuidv4",
        ],
        "an event that is sent again must give the same text; .ID is the same for each delivery of an event",
    ),
    (
        &[
            "bcrypt",
            "buildCustomCert",
            "decryptAES",
            "derivePassword",
            "encryptAES",
            "genCA",
            "genCAWithKey",
            "genPrivateKey",
            "genSelfSignedCert",
            "genSelfSignedCertWithKey",
            "genSignedCert",
            "genSignedCertWithKey",
            "htpasswd",
        ],
        "a template of events needs no passwords and certificates",
    ),
    (&["set", "unset"], "a map does not change; make another with merge, mergeOverwrite or omit"),
    (&["call"], "no value is a function"),
    (
        &["include", "lookup", "required", "toYaml", "tpl"],
        "it is Helm's; \"template\" calls another template",
    ),
];

/// The function `name`.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    static BY_NAME: LazyLock<HashMap<&'static str, &'static Function>> =
        LazyLock::new(|| all().map(|function| (function.name, function)).collect());
    BY_NAME.get(name).copied()
}

/// All functions.
pub(super) fn all() -> impl Iterator<Item = &'static Function> {
    [
        builtin::FUNCTIONS,
        dates::FUNCTIONS,
        dicts::FUNCTIONS,
        encoding::FUNCTIONS,
        lists::FUNCTIONS,
        logic::FUNCTIONS,
        math::FUNCTIONS,
        regexes::FUNCTIONS,
        strings::FUNCTIONS,
    ]
    .into_iter()
    .flatten()
}

/// Why there is no function `name`, if it is left out on purpose.
pub(super) fn why_not(name: &str) -> Option<&'static str> {
    NOT_OFFERED.iter().find(|(names, _)| names.contains(&name)).map(|(_, why)| *why)
}

impl<'e> Call<'_, 'e> {
    /// The value at `index`; what was not given is nothing.
    fn value(&self, index: usize) -> Value<'e> {
        self.values.get(index).cloned().unwrap_or(Value::Nil)
    }

    /// The values from `index` on.
    fn rest(&self, index: usize) -> &[Value<'e>] {
        self.values.get(index..).unwrap_or_default()
    }

    /// The value at `index` as text. Where Go insists on a string, a number will do here, and what is not there is empty.
    fn text(&self, index: usize) -> Text<'e> {
        self.values.get(index).map_or(Text::Borrowed(""), Text::of)
    }

    fn int(&self, index: usize) -> i64 {
        self.values.get(index).map_or(0, math::to_int)
    }

    /// The value at `index` as a size, which cannot be negative.
    fn size(&self, index: usize) -> Result<usize, String> {
        let number = self.int(index);
        usize::try_from(number).map_err(|_| format!("{number} is negative"))
    }

    /// The items of the list at `index`. Nothing is an empty list.
    fn list(&self, index: usize) -> Result<Vec<Value<'e>>, String> {
        match self.value(index) {
            Value::Nil => Ok(Vec::new()),
            Value::List(list) => Ok(list.items.clone()),
            other => Err(format!("it wants a list, not {}", other.kind())),
        }
    }

    /// Takes steps of the rendering, for work that its arguments' size does not tell.
    fn charge(&self, steps: usize) -> Result<(), String> {
        let left = self.pass.steps_left.get().saturating_sub(steps);
        self.pass.steps_left.set(left);
        if left == 0 { Err("it takes too many steps".to_owned()) } else { Ok(()) }
    }
}

const fn function(name: &'static str, takes: (usize, usize), gives: Kind, call: Body) -> Function {
    Function { name, takes, gives, call }
}

/// A text that was made.
fn made<'e>(text: impl Into<std::rc::Rc<str>>) -> Answer<'e> {
    Ok(Value::text(text))
}

/// Refuses an answer of so many bytes before it is made.
fn fits(bytes: usize) -> Result<(), String> {
    if bytes > OUTPUT_BYTES {
        return Err(format!("its answer would be longer than {OUTPUT_BYTES} bytes"));
    }
    Ok(())
}
