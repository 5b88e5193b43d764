//! Component URIs: `kind:endpoint?option=value&option=value`, as `--source` and `--sink` take them.
//!
//! Parsing is pure. The text is cut first and variables are put in afterwards ([`expand`]), so that a `&` or `#` in a
//! password changes nothing. Options are then read through a [`UriReader`], which collects every mistake.

mod expand;
mod needs;
mod reader;
mod spec;
mod value;

use std::fmt;

pub use expand::{Environment, expand_value};
pub use needs::FileCheck;
pub(crate) use needs::Needs;
pub use reader::UriReader;
pub use reader::nearest;
pub use spec::{ComponentSpec, EndpointSpec, OptionSpec};
pub use value::{ByteSize, OptionValue, Rate};

use crate::error::ConfigError;

/// The option whose value is an expression, in which `&&` stands.
pub(crate) const EXPRESSION: &str = "where";

/// What is shown for the name of an option that may be a piece of a credential.
const NOT_SHOWN: &str = "[not shown]";

/// A parsed component URI. `Debug` shows the kind and the names of the options, never a value.
#[derive(Clone, PartialEq, Eq)]
pub struct ComponentUri {
    kind: String,
    endpoint: String,
    raw_query: Option<String>,
    options: Vec<(String, Option<String>)>,
    /// Names of the options that a variable plays a part in.
    from_variables: Vec<String>,
}

impl ComponentUri {
    /// Parses `text`, given with the flag `flag` (such as `--sink`).
    ///
    /// Accepts what kube-eventer accepts: `kind`, `kind:`, `kind:endpoint`, `kind:?options`, and opaque forms such as
    /// `mysql:?user:pw@tcp(host)/db`. `$NAME` and `${NAME}` stand for variables of `environment`, `$$` for a dollar; an
    /// endpoint that is one variable is put in before the text is cut, so that it may bring its own query. A `%` that
    /// begins no escape, a `;` and a `#` mean themselves, and so does a `&&` in the value of `where`.
    ///
    /// # Errors
    /// No kind, a variable that is not defined, or a `${` that is not closed.
    pub fn parse(flag: &str, text: &str, environment: &dyn Environment) -> Result<Self, ConfigError> {
        let text = unquoted(text);
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        let kind = kind.trim();
        if !is_kind(kind) {
            let reason =
                "this is no component URI; it has the form kind:endpoint?option=value, and the kind is \
                          written out: a variable can stand for what follows it"
                    .to_owned();
            return Err(ConfigError::Syntax { component: flag.to_owned(), reason });
        }
        Self::parse_rest(kind, unquoted(rest), environment)
            .map_err(|reason| ConfigError::Syntax { component: component_label(flag, kind), reason })
    }

    fn parse_rest(kind: &str, rest: &str, environment: &dyn Environment) -> Result<Self, String> {
        // `brought` is the query that a variable brought with it: a dollar in it is a dollar.
        let (endpoint, brought, query) = match expand::leading_variable(rest, environment)? {
            Some((value, rest)) => {
                let (endpoint, brought) = split_query(&value);
                let query = (!rest.is_empty()).then(|| &rest[1..]);
                (endpoint.to_owned(), brought.map(str::to_owned), query)
            }
            None => {
                let (endpoint, query) = split_query(rest);
                (expand::variables(endpoint, environment)?, None, query)
            }
        };
        let mut options: Vec<_> = pairs(brought.as_deref())
            .map(|(name, value)| (expand::decode(name), value.map(expand::decode)))
            .collect();
        let mut from_variables: Vec<String> = options.iter().map(|(name, _)| name.clone()).collect();
        for (name, value) in pairs(query) {
            if value.is_some_and(expand::has_variable) {
                from_variables.push(expand::decode(name));
            }
            let value = value.map(|value| expand::decode_with_variables(value, environment)).transpose()?;
            options.push((expand::decode(name), value));
        }
        let query = query.map(|query| expand::variables(query, environment)).transpose()?;
        let raw_query = match (brought, query) {
            (Some(brought), Some(query)) => Some(format!("{brought}&{query}")),
            (brought, query) => brought.or(query),
        };
        Ok(Self { kind: kind.to_owned(), endpoint, raw_query, options, from_variables })
    }

    /// A URI of parts that are neither encoded nor hold variables, such as a file of configuration has them.
    /// `from_variables` names the options in whose values variables were put in.
    pub fn from_parts(
        kind: impl Into<String>,
        endpoint: impl Into<String>,
        options: Vec<(String, Option<String>)>,
        from_variables: Vec<String>,
    ) -> Self {
        Self { kind: kind.into(), endpoint: endpoint.into(), raw_query: None, options, from_variables }
    }

    /// The kind, such as `kafka`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// What stands between the kind and the `?`. May be a credential.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Everything after the first `?`, not decoded, for kinds whose query is opaque. May hold a credential.
    pub fn raw_query(&self) -> Option<&str> {
        self.raw_query.as_deref()
    }

    /// Whether a variable plays a part in the value of the option.
    pub(crate) fn is_from_variable(&self, name: &str) -> bool {
        self.from_variables.iter().any(|known| known == name)
    }

    /// The options in the order in which they stand, decoded; `None` is the value of a name without `=`. May hold
    /// credentials.
    pub fn options(&self) -> &[(String, Option<String>)] {
        &self.options
    }
}

impl fmt::Debug for ComponentUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |name, has_value| if has_value && is_option_name(name) { name } else { NOT_SHOWN };
        let names: Vec<&str> =
            self.options.iter().map(|(name, value)| shown(name, value.is_some())).collect();
        f.debug_struct("ComponentUri")
            .field("kind", &self.kind)
            .field("options", &names)
            .finish_non_exhaustive()
    }
}

/// How a component is called in errors: `--sink=kafka`.
pub(crate) fn component_label(flag: &str, kind: &str) -> String {
    format!("{flag}={kind}")
}

fn is_kind(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

/// Whether `text` looks like the name of an option. What does not can be a piece of a credential, in an opaque query
/// or after a `&` in a password.
fn is_option_name(text: &str) -> bool {
    const LONGEST: usize = 64;
    text.len() <= LONGEST
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

/// Takes one pair of quotes off, which a manifest without a shell leaves on (`--sink="log"`).
fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let inside = |quote: char| text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
    inside('"').or_else(|| inside('\'')).unwrap_or(text)
}

fn split_query(text: &str) -> (&str, Option<&str>) {
    text.split_once('?').map_or((text, None), |(endpoint, query)| (endpoint, Some(query)))
}

/// The names and values of a query, decoded; `None` is the value of a name without `=`.
pub fn query_pairs(query: &str) -> Vec<(String, Option<String>)> {
    pairs(Some(query)).map(|(name, value)| (expand::decode(name), value.map(expand::decode))).collect()
}

fn pairs(query: Option<&str>) -> impl Iterator<Item = (&str, Option<&str>)> {
    let mut rest = query.unwrap_or_default();
    let cut = std::iter::from_fn(move || {
        let (pair, after) = rest.split_at_checked(pair_len(rest)).filter(|_| !rest.is_empty())?;
        rest = after.strip_prefix('&').unwrap_or(after);
        Some(pair)
    });
    cut.filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').map_or((pair, None), |(name, value)| (name, Some(value))))
}

/// How far the first pair of `query` goes: up to the next `&`. In an expression `&&` is an operator, and ends no pair; it
/// cannot be meant to, since what stands between two pairs is never empty.
fn pair_len(query: &str) -> usize {
    let is_expression = query.split_once('=').is_some_and(|(name, _)| name == EXPRESSION);
    let mut at = 0;
    while let Some(found) = query[at..].find('&') {
        at += found;
        if !(is_expression && query[at..].starts_with("&&")) {
            return at;
        }
        at += 2;
    }
    query.len()
}

#[cfg(test)]
mod tests;
