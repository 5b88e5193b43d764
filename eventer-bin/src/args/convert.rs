//! The command that converts another tool's config: its flags, as they are declared, and what they are read into.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, ArgMatches, Command};
use eventer_core::OptionSpec;

use super::flags::{self, Flag};
use super::{Args, FREQUENCY, Reader, ip_address, understood};
use crate::config::ConfigFile;
use crate::convert::Tool;

/// The command that converts another tool's config.
#[derive(Debug)]
pub(crate) struct ConvertCommand {
    /// Whose config it is.
    pub(crate) tool: Tool,
    /// The file, or `-` for standard input.
    pub(crate) input: PathBuf,
    /// `--output`.
    pub(crate) output: Option<PathBuf>,
    /// `--force`.
    pub(crate) is_forced: bool,
}

/// The command's name.
pub(super) const CONVERT: &str = "convert";

const OUTPUT: Flag = flags::value(OptionSpec::new(
    "output",
    "DIR",
    "Writes eventer.yaml, report.md and, if there is a secret, secret.yaml into this directory",
));
const FORCE: Flag = flags::switch("force", "Replaces files that are there", "false");

const TOOL: &str = "TOOL";
const FILE: &str = "FILE";

const FOOTER: &str = "\
TOOL is kubernetes-event-exporter, whose config file is read, or kube-eventer, whose flags are, in a manifest or as a line.
Without --output the config goes to standard output and the report to standard error; secrets are left out of both.

Exit codes: 0 all that worked works here, if need be in another way, which the report tells; 1 something could not be taken
over, such as a receiver that has no sink: the report's first part tells what, and the rest is converted; 2 nothing was
converted, and no file was written.";

/// Every flag of the command.
pub(super) fn all() -> impl Iterator<Item = Flag> {
    [OUTPUT, FORCE].into_iter()
}

/// What clap needs to know.
pub(super) fn command() -> Command {
    Command::new(CONVERT)
        .about("Turn the config of kubernetes-event-exporter or kube-eventer into a config file")
        .override_usage(format!("eventer {CONVERT} TOOL FILE [--output=DIR] [--force]"))
        .after_help(FOOTER)
        .arg(Arg::new(TOOL).help("kubernetes-event-exporter or kube-eventer"))
        .arg(Arg::new(FILE).help("Its config, manifest or flags; - is standard input"))
        .args(all().map(|flag| flags::argument(&flag)))
}

/// Reads the command, with the flags that follow it. `before` are those that stand before it. What is wrong goes to
/// `mistakes`.
pub(super) fn read(
    matches: &ArgMatches,
    before: &ArgMatches,
    mistakes: &mut Vec<String>,
) -> Option<ConvertCommand> {
    mistakes.extend(flags::misplaced(CONVERT, before));
    let text = |name: &str| matches.get_one::<String>(name).cloned();
    let named = text(TOOL).and_then(|word| Tool::ALL.into_iter().find(|tool| tool.name() == word));
    if named.is_none() {
        let names = Tool::ALL.map(Tool::name).join(" or ");
        mistakes.push(format!("{CONVERT} is not told which tool's config it gets: {names}"));
    }
    let input = text(FILE).filter(|path| !path.is_empty());
    if input.is_none() {
        mistakes.push(format!("{CONVERT} is not told which file to read: name it, or - for standard input"));
    }
    let mut reader = Reader::new(matches);
    let output =
        reader.optional(OUTPUT, "the path of a directory", |text| (!text.is_empty()).then(|| text.into()));
    let is_forced = reader.switch(FORCE);
    mistakes.append(&mut reader.mistakes);
    Some(ConvertCommand { tool: named?, input: input?.into(), output, is_forced })
}

/// The flags of a run that has this file and no flag beside it, and what is wrong with them.
pub(crate) fn args_of(file: ConfigFile) -> (Args, Vec<String>) {
    let none: [&str; 0] = [];
    let matches = flags::command().no_binary_name(true).get_matches_from(none);
    let mut reader = Reader { settings: file.settings.clone(), ..Reader::new(&matches) };
    let args = reader.args_beside(Some((PathBuf::from(&file.name), file)));
    (args, reader.mistakes)
}

/// The frequency that a run takes and that is nearest to `text`, if that is a duration.
pub(crate) fn nearest_frequency(text: &str) -> Option<Duration> {
    understood(text).map(|frequency: Duration| frequency.clamp(*FREQUENCY.start(), *FREQUENCY.end()))
}

/// Whether a run takes `text` for the address of its admin server.
pub(crate) fn takes_ip(text: &str) -> bool {
    ip_address(text).is_some()
}
