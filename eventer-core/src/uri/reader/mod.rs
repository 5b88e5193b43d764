//! Reads the endpoint and the options of a component URI, each once, and collects every mistake.

mod references;

use std::fmt;

use super::expand::Environment;
use super::needs::Needs;
use super::spec::{ComponentSpec, EndpointSpec, OptionSpec};
use super::value::OptionValue;
use super::{ComponentUri, NOT_SHOWN, component_label, expand, is_option_name};
use crate::error::ConfigError;

/// A prefix that hands an option to the destination, whatever it looks like.
const PASS_ON: &str = "query.";

/// A cursor over a [`ComponentUri`]: what is taken is known, and what is left over is a mistake.
///
/// A value that is not understood is recorded, and the default stands in for it, so that all mistakes are found at
/// once; the registry lets no component come of it. `Debug` shows the kind only.
pub struct UriReader<'a> {
    component: String,
    endpoint: String,
    endpoint_spec: EndpointSpec,
    raw_query: Option<String>,
    uri: ComponentUri,
    environment: &'a dyn Environment,
    /// The names of the options.
    known: Vec<String>,
    /// Names and values; a name without `=` has none.
    left: Vec<(String, Option<String>)>,
    /// Names of the options that a variable of their own stood in for.
    stood_in: Vec<&'static str>,
    needs: Needs,
    errors: Vec<ConfigError>,
}

impl<'a> UriReader<'a> {
    /// Reads `uri`, given with `flag`, as a component of `spec` that takes `common` options too.
    pub fn new(flag: &str, uri: &ComponentUri, spec: &ComponentSpec, common: &[OptionSpec]) -> Self {
        Self {
            component: component_label(flag, spec.kind),
            endpoint: uri.endpoint().to_owned(),
            endpoint_spec: spec.endpoint,
            raw_query: uri.raw_query().map(str::to_owned),
            uri: uri.clone(),
            environment: &(),
            known: spec.options.iter().chain(common).flat_map(OptionSpec::names).collect(),
            left: uri.options().to_vec(),
            stood_in: Vec::new(),
            needs: Needs::default(),
            errors: Vec::new(),
        }
    }

    /// Where the variables are that stand in for options ([`OptionSpec::variable`]); else there are none.
    #[must_use]
    pub fn with_environment(mut self, environment: &'a dyn Environment) -> Self {
        self.environment = environment;
        self
    }

    /// What stands between the kind and the `?`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Takes an option; the first one holds if it was given more than once. Its default if it was not given.
    pub fn take<T: OptionValue>(&mut self, option: &OptionSpec) -> Option<T> {
        let given = self.take_texts(option.name).into_iter().next();
        let given = given.or_else(|| self.stand_in(option));
        let given = given.and_then(|text| self.parse(option, &text));
        given.or_else(|| option.default.and_then(|text| self.parse(option, text)))
    }

    /// Takes an option that has a default.
    ///
    /// # Panics
    /// If its declaration has no default or one that it does not take, which each component's tests find.
    pub fn take_or_default<T: OptionValue>(&mut self, option: &OptionSpec) -> T {
        self.take(option).expect("the option is declared with a default that it takes")
    }

    /// Takes all values of an option that may be repeated.
    pub fn take_all<T: OptionValue>(&mut self, option: &OptionSpec) -> Vec<T> {
        let texts = self.take_texts(option.name);
        texts.iter().filter_map(|text| self.parse(option, text)).collect()
    }

    /// Takes all options whose names begin with `prefix`, which is none of a declared option, in their order: the rest
    /// of their names, and their values.
    pub fn take_prefixed(&mut self, prefix: &str) -> Vec<(String, String)> {
        let is_taken = |name: &String| name.starts_with(prefix) && !self.known.contains(name);
        let (taken, left): (Vec<_>, _) =
            std::mem::take(&mut self.left).into_iter().partition(|(name, _)| is_taken(name));
        self.left = left;
        taken
            .into_iter()
            .map(|(name, value)| (name[prefix.len()..].to_owned(), value.unwrap_or_default()))
            .collect()
    }

    /// Takes an option that must be given.
    ///
    /// # Errors
    /// If it is missing.
    pub fn require<T: OptionValue>(&mut self, option: &OptionSpec) -> Result<T, ConfigError> {
        let had_errors = self.errors.len();
        self.take(option).ok_or_else(|| self.missing(option, had_errors))
    }

    /// Takes the destination's own URL: the endpoint, and of its query what no option has taken, in its order.
    ///
    /// Call it last. What is left of the query but looks like a misspelt option is a mistake; `query.x=` passes `x` on
    /// whatever it looks like.
    pub fn take_destination(&mut self) -> String {
        let mut query = Vec::new();
        for (name, value) in std::mem::take(&mut self.left) {
            if let Some(name) = name.strip_prefix(PASS_ON) {
                query.push((name.to_owned(), value));
            } else if self.nearest(&name).is_some() {
                self.refuse(name, value.is_some());
            } else {
                query.push((name, value));
            }
        }
        let query: Vec<String> = query
            .iter()
            .map(|(name, value)| match value {
                Some(value) => format!("{}={}", expand::encode(name), expand::encode(value)),
                None => expand::encode(name),
            })
            .collect();
        if query.is_empty() {
            self.endpoint.clone()
        } else {
            format!("{}?{}", self.endpoint, query.join("&"))
        }
    }

    /// Takes the whole query as it stands, not decoded, for kinds whose query is opaque, such as a data source name.
    ///
    /// Nothing is left over then. An option that was taken before, such as those that every sink takes, stands in it
    /// too.
    pub fn take_raw_query(&mut self) -> Option<String> {
        self.left.clear();
        self.raw_query.take()
    }

    /// Says that the value of `option` is wrong for a reason of the component's own. The reason must show no secret; it
    /// is not shown itself if a variable plays a part in the value, since that may have been meant for another option.
    pub fn invalid(&mut self, option: &OptionSpec, reason: impl Into<String>) {
        let is_empty = |(name, value): &(String, Option<String>)| {
            name == option.name && value.as_ref().is_none_or(String::is_empty)
        };
        if self.is_from_variable(option) && self.uri.options().iter().any(is_empty) {
            self.invalid_unseen(option, "the variable that gives its value is empty");
        } else if self.is_from_variable(option) {
            let form = option.value;
            self.invalid_unseen(
                option,
                format!(
                    "its value, which a variable gives and which is not shown, is not of the form {form}"
                ),
            );
        } else {
            self.invalid_unseen(option, reason);
        }
    }

    /// As [`invalid`](Self::invalid), for a reason that says nothing of the value.
    pub(crate) fn invalid_unseen(&mut self, option: &OptionSpec, reason: impl Into<String>) {
        let error = self.invalid_error(option.name, reason.into());
        self.errors.push(error);
    }

    /// Whether a variable plays a part in the value of the option.
    pub(crate) fn is_from_variable(&self, option: &OptionSpec) -> bool {
        self.uri.is_from_variable(option.name) || self.stood_in.contains(&option.name)
    }

    /// An error about the endpoint, in the form of a missing or wrong option. The reason must show no secret.
    pub fn endpoint_error(&self, reason: impl Into<String>) -> ConfigError {
        ConfigError::Syntax { component: self.component.clone(), reason: reason.into() }
    }

    /// Everything that was wrong, among it the options that nobody took.
    pub fn finish(mut self) -> Vec<ConfigError> {
        for (name, value) in std::mem::take(&mut self.left) {
            self.refuse(name, value.is_some());
        }
        self.errors
    }

    /// Everything that was wrong up to where the reading was given up. Of what is left over only those options are
    /// refused that would have been refused in the end.
    pub(crate) fn abandon(mut self) -> Vec<ConfigError> {
        for (name, value) in std::mem::take(&mut self.left) {
            let is_known = self.known.contains(&name);
            let may_be_passed_on =
                name.starts_with(PASS_ON) || self.is_url() && self.nearest(&name).is_none();
            if !is_known && !may_be_passed_on {
                self.refuse(name, value.is_some());
            }
        }
        self.errors
    }

    /// What the component needs beside its URI, as far as it was read.
    pub(crate) fn take_needs(&mut self) -> Needs {
        std::mem::take(&mut self.needs)
    }

    /// The error of an option that must be given and was not, or whose value is wrong, which is recorded after the first
    /// `had_errors` errors.
    fn missing(&mut self, option: &OptionSpec, had_errors: usize) -> ConfigError {
        if self.errors.len() > had_errors {
            return self.errors.remove(had_errors);
        }
        let variable =
            option.variable.map(|name| format!(" Or set the variable {name}.")).unwrap_or_default();
        ConfigError::MissingOption {
            component: self.component.clone(),
            option: option.name.to_owned(),
            help: format!("{}{variable}", option.help),
        }
    }

    /// The value of the variable that stands in for an option that was not given. An empty one is none.
    fn stand_in(&mut self, option: &OptionSpec) -> Option<String> {
        let value = self.environment.get(option.variable?).filter(|value| !value.is_empty())?;
        self.stood_in.push(option.name);
        Some(value)
    }

    fn take_texts(&mut self, name: &str) -> Vec<String> {
        let (taken, left): (Vec<_>, _) =
            std::mem::take(&mut self.left).into_iter().partition(|(given, _)| given == name);
        self.left = left;
        taken.into_iter().map(|(_, value)| value.unwrap_or_default()).collect()
    }

    fn parse<T: OptionValue>(&mut self, option: &OptionSpec, text: &str) -> Option<T> {
        match T::parse_option(text) {
            Ok(value) => Some(value),
            Err(_) if option.is_secret => {
                self.invalid_unseen(
                    option,
                    format!("its value, which is not shown, is not of the form {}", option.value),
                );
                None
            }
            Err(reason) => {
                self.invalid(option, reason);
                None
            }
        }
    }

    fn invalid_error(&self, option: &str, reason: String) -> ConfigError {
        ConfigError::InvalidOption { component: self.component.clone(), option: option.to_owned(), reason }
    }

    /// Records that nobody takes the option. A name that looks like none, or stands alone and is like none that is
    /// known, may be a piece of a credential and is not shown.
    fn refuse(&mut self, name: String, has_value: bool) {
        let suggestion = self.nearest(&name);
        let is_shown = is_option_name(&name) && (has_value || suggestion.is_some());
        let name = if is_shown { name } else { NOT_SHOWN.to_owned() };
        let hint = match &suggestion {
            Some(_) if is_shown && self.is_url() => {
                format!(" (to pass it on to the destination, write {PASS_ON}{name}=)")
            }
            Some(_) => String::new(),
            None if !is_shown => {
                "; it may be a piece of a secret, in which a \"&\" is written %26".to_owned()
            }
            None if self.is_url() => format!("; to pass it on to the destination, write {PASS_ON}{name}="),
            None if self.known.is_empty() => "; this kind takes no options".to_owned(),
            None => {
                format!("; known are {}", self.known.join(", "))
            }
        };
        let component = self.component.clone();
        self.errors.push(ConfigError::UnknownOption { component, option: name, suggestion, hint });
    }

    fn is_url(&self) -> bool {
        matches!(self.endpoint_spec, EndpointSpec::Url(_))
    }

    fn nearest(&self, name: &str) -> Option<String> {
        nearest(name, self.known.iter().map(String::as_str))
    }
}

impl fmt::Debug for UriReader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UriReader").field("component", &self.component).finish_non_exhaustive()
    }
}

/// The candidate that `word` was most likely meant to be: the same in another case, or a slip or two away.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    let lower = word.to_ascii_lowercase();
    let slips = match word.len() {
        0..=2 => 0,
        3..=4 => 1,
        _ => 2,
    };
    candidates
        .map(|candidate| (strsim::osa_distance(&lower, &candidate.to_ascii_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= slips)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.to_owned())
}
