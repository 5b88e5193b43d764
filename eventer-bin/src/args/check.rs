//! `eventer check`: its flags, as they are declared, and what they are read into.

use clap::{ArgMatches, Command};
use eventer_core::{Environment, OptionSpec};

use super::flags::{self, Flag};
use super::state::{OUTPUT, Output};
use super::{Args, Reader};

/// The flags of `eventer check`.
#[derive(Debug)]
pub(crate) struct CheckArgs {
    /// The flags of a run.
    pub(crate) run: Args,
    /// `--connect`.
    pub(crate) connect: bool,
    /// `--send-test`: names of sinks.
    pub(crate) send_test: Vec<String>,
    /// `-o`.
    pub(crate) output: Output,
    /// `-v`; `None`: warnings and errors only.
    pub(crate) verbosity: Option<i32>,
}

/// The command.
pub(super) const CHECK: &str = "check";

const CONNECT: Flag = flags::switch(
    "connect",
    "Ask every source and every destination whether it would work; nothing is delivered, nothing left behind",
    "false",
);
const SEND_TEST: Flag = flags::value(
    OptionSpec::new("send-test", "SINK", "Deliver one event to this sink, which says that it is a test")
        .repeatable(),
);

const SHOWN: [Flag; 3] = [CONNECT, SEND_TEST, OUTPUT];

const USAGE: &str =
    "eventer check (--source=URI [--sink=URI]... | --config=FILE) [--connect] [--send-test=SINK]... [FLAGS]";

const FOOTER: &str = "\
It reads the flags and the files that they name as a run does, and tells what would run. It takes all flags of a run
(`eventer --help`), so that those of a Deployment can be put behind it as they are.

Exit codes: 0 all is well; 1 something would not work; 2 a flag is wrong.";

/// Every flag of the command, without those of a run.
pub(super) fn all() -> impl Iterator<Item = Flag> {
    SHOWN.into_iter()
}

/// What clap needs to know.
pub(super) fn command() -> Command {
    flags::beside_a_run(
        Command::new(CHECK)
            .about("Tell whether these flags would work")
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
) -> CheckArgs {
    mistakes.extend(flags::misplaced(CHECK, before));
    let mut reader = Reader::new(matches);
    let run = reader.args_with_source(environment);
    let args = CheckArgs {
        connect: reader.switch(CONNECT),
        send_test: reader.all(SEND_TEST).into_iter().map(|name| name.expose().clone()).collect(),
        output: reader.output(),
        verbosity: reader.is_given(flags::VERBOSITY.spec.name).then_some(run.verbosity),
        run,
    };
    mistakes.append(&mut reader.mistakes);
    args
}
