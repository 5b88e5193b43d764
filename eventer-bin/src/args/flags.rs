//! The flags, as they are declared: they read the command line, and they are what `--help` prints.

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use eventer_core::OptionSpec;

use super::{check, convert, explain, state, tail};

/// One flag.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flag {
    /// Its name, the form of its value, what it does, and its default.
    pub(crate) spec: OptionSpec,
    /// Whether it is a switch: its name alone means true, and a value follows after `=` only.
    pub(crate) is_switch: bool,
}

impl Flag {
    /// How people write its name.
    pub(crate) fn shown(&self) -> String {
        let dashes = if self.spec.name.len() == 1 { "-" } else { "--" };
        format!("{dashes}{}", self.long())
    }

    /// Its name on a command line; the options of URIs, which some flags are, have underscores.
    fn long(&self) -> String {
        self.spec.name.replace('_', "-")
    }
}

pub(crate) const SOURCE: Flag = value(
    OptionSpec::new(
        "source",
        "URI",
        "Where events are taken from: kubernetes:, replay:FILE, …; see `eventer sources`",
    )
    .repeatable(),
);
pub(crate) const SINK: Flag = value(
    OptionSpec::new(
        "sink",
        "URI",
        "Where events are delivered to: log:, webhook:URL, …; see `eventer sinks`",
    )
    .repeatable(),
);
pub(crate) const CONFIG: Flag = value(OptionSpec::new(
    "config",
    "FILE",
    "File that says all this and more, see docs/configuration.md; a flag wins over it",
));
pub(crate) const RELOAD: Flag =
    switch("reload", "Take the file of --config up again when it changes; SIGHUP always does that", "true");
pub(crate) const STATIC_LABEL: Flag =
    value(OptionSpec::new("static-label", "NAME=VALUE", "Label for every event").repeatable());
pub(crate) const CLUSTER_NAME: Flag = value(OptionSpec::new(
    "cluster-name",
    "NAME",
    "Name of the cluster, for sources that are given none of their own",
));
pub(crate) const FREQUENCY: Flag = value(
    OptionSpec::new("frequency", "DURATION", "How often events are taken from the sources: 10ms to 3m")
        .default("1s"),
);
pub(crate) const BATCH_EVENTS: Flag =
    value(OptionSpec::new("batch-events", "N", "Most events taken at a time").default("1000"));
pub(crate) const JOURNAL_SIZE: Flag = value(OptionSpec::new(
    "journal-size",
    "SIZE",
    "Most bytes of events that wait: on disk [default: 1Gi], without --state-dir in memory [default: 32Mi, at most a quarter of the limit]",
));
pub(crate) const STATE_DIR: Flag = value(OptionSpec::new(
    "state-dir",
    "DIR",
    "Keeps the journal and every position in this directory, so that nothing is lost when the process dies",
));
pub(crate) const FORGET_SINK_AFTER: Flag = value(
    OptionSpec::new(
        "forget-sink-after",
        "DURATION",
        "How long --state-dir keeps what a sink has not had that is not in the flags any more",
    )
    .default("7d"),
);
pub(crate) const STOP_TIMEOUT: Flag = value(
    OptionSpec::new(
        "stop-timeout",
        "DURATION",
        "Time to deliver what waits: in all after a signal, without progress after the end of the sources",
    )
    .default("20s"),
);
pub(crate) const STRICT: Flag =
    switch("strict", "A sink that cannot be opened ends the program instead of being tried again", "false");
pub(crate) const MAX_PROCS: Flag = value(
    OptionSpec::new("max-procs", "N", "Worker threads; 0: one for each CPU, but not more than two")
        .default("0"),
);
pub(crate) const HEALTHZ_IP: Flag =
    value(OptionSpec::new("healthz-ip", "IP", "Address of the admin server").default("0.0.0.0"));
pub(crate) const HEALTHZ_PORT: Flag = value(
    OptionSpec::new("healthz-port", "PORT", "Port of the admin server; 0: any free one, told in the log")
        .default("8084"),
);
pub(crate) const EVENT_METRICS: Flag =
    switch("event-metrics", "Count events by reason, kind, name and namespace", "true");
pub(crate) const READY_REQUIRES_SINKS: Flag =
    switch("ready-requires-sinks", "Not ready while a sink fails to deliver", "false");
pub(crate) const LOG_FORMAT: Flag = value(
    OptionSpec::new("log-format", "text|json", "Form of the log, which is written to standard error")
        .default("text"),
);
pub(crate) const VERBOSITY: Flag =
    value(OptionSpec::new("v", "N", "Log level: 0 to 3 info, 4 and 5 debug, from 6 on trace").default("0"));
pub(crate) const VERSION: Flag = switch("version", "Print the version and exit", "false");

/// The flags by the heading under which the help shows them.
const SHOWN: [(&str, &[Flag]); 5] = [
    ("From where to where", &[SOURCE, SINK, CONFIG, RELOAD, CLUSTER_NAME, STATIC_LABEL]),
    (
        "Delivery",
        &[FREQUENCY, BATCH_EVENTS, STATE_DIR, JOURNAL_SIZE, FORGET_SINK_AFTER, STOP_TIMEOUT, STRICT],
    ),
    ("Admin server", &[HEALTHZ_IP, HEALTHZ_PORT, EVENT_METRICS, READY_REQUIRES_SINKS]),
    ("Log", &[LOG_FORMAT, VERBOSITY]),
    ("Process", &[MAX_PROCS, VERSION]),
];

/// klog's flags, which kube-eventer takes and manifests carry along. Their names with a dash for an underscore.
const IGNORED: [Flag; 14] = [
    ignored_switch("logtostderr"),
    ignored_switch("alsologtostderr"),
    ignored_value("alsologtostderrthreshold"),
    ignored_value("stderrthreshold"),
    ignored_switch("legacy-stderr-threshold-behavior"),
    ignored_value("vmodule"),
    ignored_value("log-dir"),
    ignored_value("log-file"),
    ignored_value("log-file-max-size"),
    ignored_value("log-backtrace-at"),
    ignored_switch("skip-headers"),
    ignored_switch("skip-log-headers"),
    ignored_switch("add-dir-header"),
    ignored_switch("one-output"),
];

/// The commands, and what the help says of them.
pub(crate) const SINKS: &str = "sinks";
/// As [`SINKS`].
pub(crate) const SOURCES: &str = "sources";
/// The command that prints the JSON Schema of the file of configuration.
pub(crate) const SCHEMA: &str = "schema";
/// The argument of both commands.
pub(crate) const KIND: &str = "KIND";

const USAGE: &str = "eventer --source=URI [--sink=URI]... [FLAGS]
       eventer --config=FILE [FLAGS]
       eventer tail [-n NAMESPACE | -A] [FLAGS]
       eventer check --source=URI [--sink=URI]... [--connect] [FLAGS]
       eventer explain --sink=URI... [--event=FILE] [FLAGS]
       eventer sinks [KIND]
       eventer sources [KIND]
       eventer journal --state-dir=DIR
       eventer dead-letters list|show|replay|drop --state-dir=DIR [ID]...
       eventer convert TOOL FILE [--output=DIR]";

const FOOTER: &str = "\
A URI has the form kind:endpoint?option=value&option=value. $NAME and ${NAME} in it stand for variables of the
environment, $$ for a dollar.

Flags may be written with one dash or two, with underscores or dashes, and with their value after a space or `=`; a
switch takes `=` only. The last one of a flag holds; --source and --sink add up. The flags of klog that kube-eventer
takes are accepted and have no effect, but for -v.

SIGTERM, SIGINT and SIGHUP (unless it is ignored, as under nohup) stop the sources; the sinks then deliver what waits.
A second signal ends at once. With --config, SIGHUP has the file read again instead.

With --state-dir, what is not delivered when the process ends is delivered by the next one; without it, it is lost.

Exit codes: 0 all is delivered, or a signal came; 1 something could not be opened or delivered; 2 a flag is wrong;
128 and the signal's number: a second signal came.";

/// A flag of that name; all of a name take their values alike.
pub(crate) fn find(name: &str) -> Option<Flag> {
    let of_commands =
        state::all().chain(tail::all()).chain(explain::all()).chain(check::all()).chain(convert::all());
    all().chain(of_commands).find(|flag| flag.long() == name)
}

/// Whether the flags of the command may stand anywhere after it.
pub(super) fn mix_with(command: &str) -> bool {
    state::mixes_flags(command)
        || matches!(command, check::CHECK | convert::CONVERT | explain::EXPLAIN | tail::TAIL)
}

/// The mistake of flags that stand before a command that does not read them.
pub(super) fn misplaced(command: &str, before: &ArgMatches) -> Option<String> {
    let is_given = |name: &str| before.value_source(name) == Some(ValueSource::CommandLine);
    let given: Vec<String> = all().filter(|flag| is_given(flag.spec.name)).map(|flag| flag.shown()).collect();
    (!given.is_empty())
        .then(|| format!("{} stands before {command}; its flags stand behind it", given.join(", ")))
}

/// The flags that are accepted and have no effect.
pub(crate) fn ignored() -> impl Iterator<Item = &'static str> {
    IGNORED.iter().map(|flag| flag.spec.name)
}

/// What clap needs to know.
pub(crate) fn command() -> Command {
    let listing = |name: &'static str, about: &'static str| {
        let kind = Arg::new(KIND).help("Show all options of this kind");
        Command::new(name).about(about).override_usage(format!("eventer {name} [{KIND}]")).arg(kind)
    };
    Command::new("eventer")
        .about("Takes every Event of a Kubernetes cluster and delivers it to as many places as are named.")
        .override_usage(USAGE)
        .args(of_a_run())
        .subcommand(listing(SINKS, "List the kinds of sinks, or the options of one"))
        .subcommand(listing(SOURCES, "List the kinds of sources, or the options of one"))
        .subcommand(Command::new(SCHEMA).about("Print the JSON Schema of the file of --config"))
        .subcommands(state::commands())
        .subcommand(check::command())
        .subcommand(tail::command())
        .subcommand(explain::command())
        .subcommand(convert::command())
        .after_help(FOOTER)
}

/// A command that takes flags of its own and those of a run, of which its help shows what it is mostly told.
pub(super) fn beside_a_run(command: Command, own: &[Flag]) -> Command {
    let is_own = |argument: &Arg| own.iter().any(|flag| *argument.get_id() == flag.spec.name);
    let of_a_run = of_a_run().filter(|argument| !is_own(argument)).map(|argument| {
        let is_mostly_given = argument.get_help_heading() == Some(SHOWN[0].0);
        argument.hide(!is_mostly_given)
    });
    command.args(own.iter().map(argument)).args(of_a_run)
}

fn of_a_run() -> impl Iterator<Item = Arg> {
    let shown = SHOWN
        .into_iter()
        .flat_map(|(heading, flags)| flags.iter().map(move |flag| argument(flag).help_heading(heading)));
    shown.chain(IGNORED.iter().map(|flag| argument(flag).hide(true)))
}

/// What clap needs to know of one.
pub(crate) fn argument(flag: &Flag) -> Arg {
    let spec = flag.spec;
    let help = match spec.default.filter(|_| !flag.is_switch || spec.default == Some("true")) {
        Some(default) => format!("{} [default: {default}]", spec.help),
        None => spec.help.to_owned(),
    };
    let argument =
        Arg::new(spec.name).long(flag.long()).value_name(spec.value).help(help).require_equals(true);
    let argument = if flag.is_switch {
        argument.num_args(0..=1).default_missing_value("true").hide_possible_values(true)
    } else {
        argument
    };
    let argument = match spec.name.len() {
        1 => argument.short(spec.name.chars().next()),
        _ => argument,
    };
    if spec.is_repeatable {
        argument.action(ArgAction::Append)
    } else {
        argument.action(ArgAction::Set).overrides_with(spec.name)
    }
}

/// A flag that takes a value.
pub(crate) const fn value(spec: OptionSpec) -> Flag {
    Flag { spec, is_switch: false }
}

/// A flag that stands alone or takes true or false.
pub(crate) const fn switch(name: &'static str, help: &'static str, default: &'static str) -> Flag {
    Flag { spec: OptionSpec::new(name, "true|false", help).default(default), is_switch: true }
}

fn all() -> impl Iterator<Item = Flag> {
    SHOWN.into_iter().flat_map(|(_, flags)| flags).chain(&IGNORED).copied()
}

const fn ignored_value(name: &'static str) -> Flag {
    Flag { spec: OptionSpec::new(name, "VALUE", ""), is_switch: false }
}

const fn ignored_switch(name: &'static str) -> Flag {
    Flag { spec: OptionSpec::new(name, "true|false", ""), is_switch: true }
}
