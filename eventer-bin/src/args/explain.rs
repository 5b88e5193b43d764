//! `eventer explain`: its flags, as they are declared, and what they are read into.

use std::path::PathBuf;

use clap::{ArgMatches, Command};
use eventer_core::{Environment, OptionSpec};

use super::flags::{self, Flag};
use super::state::{OUTPUT, Output};
use super::{Args, Reader};

/// The flags of `eventer explain`.
#[derive(Debug)]
pub(crate) struct ExplainArgs {
    /// The flags of a run.
    pub(crate) run: Args,
    /// Which events are explained.
    pub(crate) events: Events,
    /// The most of them; `None`: all.
    pub(crate) count: Option<u64>,
    /// `-o`.
    pub(crate) output: Output,
    /// `-v`; `None`: warnings and errors only.
    pub(crate) verbosity: Option<i32>,
}

/// Which events are explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Events {
    /// Those of a file.
    File(PathBuf),
    /// Those of standard input.
    Stdin,
    /// The next ones of the sources.
    Live,
}

/// The command.
pub(super) const EXPLAIN: &str = "explain";

const EVENT: Flag = flags::value(OptionSpec::new(
    "event",
    "FILE",
    "Events as JSON: one, lines, watch lines or a list, as `kubectl get events -o json` writes them; -: standard input \
     [default: -]",
));
const LIVE: Flag = flags::switch("live", "Take the next events of the sources instead", "false");
const COUNT: Flag = flags::value(OptionSpec::new(
    "count",
    "N",
    "Most events to explain [default: all that --event has; with --live one]",
));

const SHOWN: [Flag; 4] = [EVENT, LIVE, COUNT, OUTPUT];

const USAGE: &str = "eventer explain (--sink=URI... | --config=FILE) [--event=FILE | --live [--source=URI] [--count=N]] [FLAGS]";

const FOOTER: &str = "\
For every event and every sink it tells whether the sink would get it, which condition decided, and what would be
delivered. Nothing is delivered. It takes all flags of a run (`eventer --help`), so that those of a Deployment can be
put behind it as they are.

Exit codes: 0 it was explained; 1 there are no events to explain; 2 a flag is wrong.";

/// Every flag of the command, without those of a run.
pub(super) fn all() -> impl Iterator<Item = Flag> {
    SHOWN.into_iter()
}

/// What clap needs to know.
pub(super) fn command() -> Command {
    flags::beside_a_run(
        Command::new(EXPLAIN)
            .about("Tell which sinks would get an event, why, and what they would be sent")
            .override_usage(USAGE)
            .after_help(FOOTER),
        &SHOWN,
    )
}

/// Reads the flags that follow the command. `before` are those that stand before it. What is wrong goes to `mistakes`.
pub(super) fn read(
    matches: &ArgMatches,
    before: &ArgMatches,
    environment: &dyn Environment,
    mistakes: &mut Vec<String>,
) -> ExplainArgs {
    mistakes.extend(flags::misplaced(EXPLAIN, before));
    let mut reader = Reader::new(matches);
    let is_live = reader.switch(LIVE);
    let run = if is_live { reader.args_with_source(environment) } else { reader.args(environment) };
    let events = match reader.text(EVENT).as_deref() {
        Some(_) if is_live => {
            reader.mistakes.push("--live stands beside --event; give the one or the other".to_owned());
            Events::Live
        }
        None if is_live => Events::Live,
        None | Some("" | "-") => Events::Stdin,
        Some(path) => Events::File(path.into()),
    };
    let count = reader.optional(COUNT, "a whole number of at least 1", |text| {
        text.parse::<u64>().ok().filter(|count| *count > 0)
    });
    let args = ExplainArgs {
        events,
        count: count.or(is_live.then_some(1)),
        output: reader.output(),
        verbosity: reader.is_given(flags::VERBOSITY.spec.name).then_some(run.verbosity),
        run,
    };
    mistakes.append(&mut reader.mistakes);
    args
}
