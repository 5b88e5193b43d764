//! The commands that look into a state directory: their flags, as they are declared, and what they are read into.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command};
use eventer_core::OptionSpec;
use eventer_core::store::DeadLetters;

use super::Reader;
use super::flags::{self, Flag};

/// A command that looks into a state directory.
#[derive(Debug)]
pub(crate) struct StateCommand {
    /// `--state-dir`.
    pub(crate) state_dir: PathBuf,
    /// What to do there.
    pub(crate) action: Action,
    /// `-o`.
    pub(crate) output: Output,
}

/// What to do in a state directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Tell how the journal is.
    Journal,
    /// Tell what the dead letters are, at most so many of them.
    List(DeadLetters, usize),
    /// Show all of the dead letters, at most so many of them.
    Show(DeadLetters, usize),
    /// Have dead letters delivered again.
    Replay(DeadLetters),
    /// Delete dead letters.
    Drop(DeadLetters),
}

/// The form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// The command that handles dead letters.
pub(super) const DEAD_LETTERS: &str = "dead-letters";
/// The command that tells how the journal is.
pub(super) const JOURNAL: &str = "journal";

const STATE_DIR: Flag = flags::value(OptionSpec::new(
    "state-dir",
    "DIR",
    "The directory that a process was given as --state-dir",
));
pub(super) const OUTPUT: Flag =
    flags::value(OptionSpec::new("o", "text|json", "Form of the output").default("text"));
const SINK: Flag = flags::value(OptionSpec::new("sink", "NAME", "Only those of the sink of this name"));
const LIMIT: Flag =
    flags::value(OptionSpec::new("limit", "N", "Most dead letters to tell of").default("100"));
const ALL: Flag = flags::switch("all", "All that there are", "false");

/// The argument of the commands on dead letters.
const ID: &str = "ID";

/// Each command on dead letters with its flags, and what the help says of it.
const ON_DEAD_LETTERS: [(&str, &[Flag], &str); 4] = [
    (
        "list",
        &[STATE_DIR, SINK, LIMIT, OUTPUT],
        "List them, or those of a sink or with these ids, the oldest first",
    ),
    ("show", &[STATE_DIR, SINK, LIMIT, OUTPUT], "Show them whole, or those of a sink or with these ids"),
    ("replay", &[STATE_DIR, SINK, ALL, OUTPUT], "Have them delivered to their sinks again"),
    ("drop", &[STATE_DIR, SINK, ALL, OUTPUT], "Delete them"),
];

/// Whether the flags of the command may stand anywhere after it, as all flags of these commands do.
pub(super) fn mixes_flags(command: &str) -> bool {
    matches!(command, DEAD_LETTERS | JOURNAL)
}

/// Every flag of these commands.
pub(super) fn all() -> impl Iterator<Item = Flag> {
    [STATE_DIR, OUTPUT, SINK, LIMIT, ALL].into_iter()
}

/// What clap needs to know.
pub(super) fn commands() -> [Command; 2] {
    let on_dead_letters = ON_DEAD_LETTERS.into_iter().map(|(name, own, about)| {
        let which =
            if own.iter().any(is_all) { "(ID... | --sink=NAME | --all)" } else { "[ID...] [--sink=NAME]" };
        Command::new(name)
            .about(about)
            .override_usage(format!("eventer {DEAD_LETTERS} {name} --state-dir=DIR {which}"))
            .arg(Arg::new(ID).action(ArgAction::Append).num_args(0..).help("Ids, as they are listed"))
            .args(own.iter().map(flags::argument))
    });
    [
        Command::new(DEAD_LETTERS)
            .about("List, show, replay or drop the events that sinks have rejected")
            .override_usage(format!(
                "eventer {DEAD_LETTERS} list|show|replay|drop --state-dir=DIR [ID...] [FLAGS]"
            ))
            .after_help(BESIDE)
            .subcommands(on_dead_letters),
        Command::new(JOURNAL)
            .about("Tell how full the journal is, and how far each sink and source has come")
            .override_usage(format!("eventer {JOURNAL} --state-dir=DIR [-o text|json]"))
            .after_help(BESIDE)
            .args([STATE_DIR, OUTPUT].iter().map(flags::argument)),
    ]
}

const BESIDE: &str = "It works beside the process that has the directory, and without one.";

const NO_STATE_DIR: &str =
    "--state-dir is missing: name the directory that the process was given as --state-dir";

/// Reads the command, with the flags that follow it. `before` are those that stand before it. What is wrong goes to
/// `mistakes`.
pub(super) fn read(
    command: &str,
    matches: &ArgMatches,
    before: &ArgMatches,
    mistakes: &mut Vec<String>,
) -> Option<StateCommand> {
    let (name, own) = match (command, matches.subcommand()) {
        (DEAD_LETTERS, Some((name, own))) => (name, own),
        (DEAD_LETTERS, None) => {
            // A name that is not known has been told.
            if mistakes.is_empty() {
                let names: Vec<&str> = ON_DEAD_LETTERS.iter().map(|(name, ..)| *name).collect();
                mistakes.push(format!("{DEAD_LETTERS} is told nothing to do; it knows {}", names.join(", ")));
            }
            return None;
        }
        _ => (command, matches),
    };
    let mut reader = Reader::new(own);
    let output = reader.output();
    let action = match name {
        JOURNAL => Action::Journal,
        "list" => Action::List(reader.which(), reader.limit()),
        "show" => Action::Show(reader.which(), reader.limit()),
        "replay" => Action::Replay(reader.named(name)),
        _ => Action::Drop(reader.named(name)),
    };
    let state_dir = [own, before]
        .into_iter()
        .find_map(|matches| matches.get_one::<String>(STATE_DIR.spec.name).filter(|path| !path.is_empty()));
    if state_dir.is_none() {
        reader.mistakes.push(NO_STATE_DIR.to_owned());
    }
    mistakes.append(&mut reader.mistakes);
    state_dir.map(|path| StateCommand { state_dir: path.into(), action, output })
}

impl Reader<'_> {
    pub(super) fn output(&mut self) -> Output {
        self.value(OUTPUT, "text or json", |text| match text {
            "text" => Some(Output::Text),
            "json" => Some(Output::Json),
            _ => None,
        })
    }

    fn limit(&mut self) -> usize {
        self.value(LIMIT, "a whole number of at least 1", |text| text.parse().ok().filter(|limit| *limit > 0))
    }

    /// The dead letters that are meant: without ids and a sink all.
    fn which(&mut self) -> DeadLetters {
        let texts = self.matches.get_many::<String>(ID).unwrap_or_default();
        let ids: Result<Vec<i64>, _> = texts.map(|text| text.parse()).collect();
        if ids.is_err() {
            self.mistakes.push(format!("an id is a whole number, as `eventer {DEAD_LETTERS} list` shows it"));
        }
        let sink =
            self.optional(SINK, "the name of a sink", |text| (!text.is_empty()).then(|| text.to_owned()));
        DeadLetters { sink, ids: ids.unwrap_or_default() }
    }

    /// As [`Self::which`], but all are meant only if that is said.
    fn named(&mut self, name: &str) -> DeadLetters {
        let mistakes = self.mistakes.len();
        let which = self.which();
        match (self.switch(ALL), which == DeadLetters::default()) {
            (false, true) if self.mistakes.len() == mistakes => self
                .mistakes
                .push(format!("{name} is not told which dead letters: give ids, --sink=NAME or --all")),
            (true, false) => self.mistakes.push(
                "--all stands beside ids or --sink, which mean only some; give the one or the other"
                    .to_owned(),
            ),
            _ => {}
        }
        which
    }
}

fn is_all(flag: &Flag) -> bool {
    flag.spec.name == ALL.spec.name
}
