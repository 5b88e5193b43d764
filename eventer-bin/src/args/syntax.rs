//! Arguments to matches of flags. clap ends at the first mistake; here all are found, and told without a value.

use std::ffi::OsString;

use clap::ArgMatches;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{flags, go_syntax, state};

/// What the arguments are.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Flags and commands.
    Matches(ArgMatches),
    /// The help was asked for: its text.
    Help(String),
}

/// What the arguments are but for those that were wrong, and what was wrong with these.
#[derive(Debug)]
pub(super) struct Parsed {
    /// What is right.
    pub(super) outcome: Outcome,
    /// One mistake a line.
    pub(super) mistakes: Vec<String>,
}

/// Parses the arguments, without the program's name.
pub(super) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Parsed {
    let mut mistakes = Vec::new();
    let mut texts = Vec::new();
    for (index, argument) in arguments.into_iter().enumerate() {
        match argument.into_string() {
            Ok(text) => texts.push(text),
            Err(_) => mistakes.push(format!("argument {} is not UTF-8", index + 1)),
        }
    }
    let mut arguments = go_syntax::normalise(texts);
    let mut command = flags::command().no_binary_name(true);
    let outcome = loop {
        let error = match command.try_get_matches_from_mut(arguments.iter().map(|argument| &argument.text)) {
            Ok(matches) => break Outcome::Matches(matches),
            Err(error) => error,
        };
        if error.kind() == ErrorKind::DisplayHelp {
            break Outcome::Help(error.to_string());
        }
        let wrong = context(&error, &[ContextKind::InvalidArg, ContextKind::InvalidSubcommand]);
        let name = wrong.and_then(|text| text.split('=').next()).unwrap_or_default();
        // A flag without its value may stand beside the same one with a value.
        let bare = arguments.iter().position(|argument| argument.text == name);
        let at = bare
            .or_else(|| arguments.iter().position(|argument| argument.text.split('=').next() == Some(name)));
        let typed = |at: usize| &*arguments[at].typed;
        let before = at.and_then(|at| at.checked_sub(1)).map(typed);
        mistakes.push(message(&error, at.map_or(name, typed), before));
        // Without the wrong one the rest can be read. If it cannot be told which one it is, what was found must do.
        match at {
            // What follows belongs to a command that is not known.
            Some(at) if before == Some(state::DEAD_LETTERS) && !is_flag_name(typed(at)) => {
                arguments.truncate(at)
            }
            Some(at) => drop(arguments.remove(at)),
            None => arguments.clear(),
        }
    };
    Parsed { outcome, mistakes }
}

/// Says what is wrong with the flag that was typed as `name`. Only names of flags are shown, and words that are a slip
/// away from one of ours.
fn message(error: &clap::Error, name: &str, before: Option<&str>) -> String {
    let suggestion = context(error, &[ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand]);
    // A single letter is near to any word that begins or ends with it.
    let suggestion = suggestion.filter(|word| word.trim_start_matches('-').len() > 1);
    let did_you_mean = suggestion.map(|word| format!(", did you mean \"{word}\"?")).unwrap_or_default();
    match error.kind() {
        ErrorKind::UnknownArgument if is_flag_name(name) => {
            format!("flag {name} is not known{did_you_mean}")
        }
        ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand => {
            let place = match before {
                Some(flag) if is_flag_name(flag) => format!("the argument after {flag}"),
                _ => "an argument".to_owned(),
            };
            let hint =
                if suggestion.is_some() { &*did_you_mean } else { "; write a flag's value as --flag=value" };
            format!("{place} is neither a flag nor a command{hint}")
        }
        ErrorKind::NoEquals | ErrorKind::InvalidValue | ErrorKind::TooFewValues => {
            format!("flag {name} needs a value")
        }
        ErrorKind::TooManyValues => format!("flag {name} takes no value"),
        _ => format!("flag {name} is not understood"),
    }
}

/// Whether it can be nothing but the name of a flag, and may be shown.
fn is_flag_name(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    text.starts_with('-') && text.chars().all(is_plain)
}

fn context<'a>(error: &'a clap::Error, kinds: &[ContextKind]) -> Option<&'a str> {
    kinds.iter().find_map(|kind| match error.get(*kind)? {
        ContextValue::String(text) => Some(text.as_str()),
        ContextValue::Strings(texts) => texts.first().map(String::as_str),
        _ => None,
    })
}
