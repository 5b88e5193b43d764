//! The command line, read into types. It collects every mistake, and never shows a value: it may hold a secret.

mod check;
mod convert;
mod explain;
pub(crate) mod flags;
mod go_syntax;
mod object;
mod state;
mod syntax;
mod tail;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::ArgMatches;
use clap::parser::ValueSource;
use eventer_core::event::Labels;
use eventer_core::uri::ByteSize;
use eventer_core::{Environment, OptionValue, Secret};

use crate::config::{ConfigFile, Setting};
pub(crate) use check::CheckArgs;
pub(crate) use convert::{ConvertCommand, args_of, nearest_frequency, takes_ip};
pub(crate) use explain::{Events, ExplainArgs};
use flags::Flag;
pub(crate) use state::{Action, Output, StateCommand};
pub(crate) use tail::{ClusterArgs, Color, Namespaces, TailArgs, TailOutput, option_mistake};

/// What the command line asks for, and everything that is wrong with it. With a mistake nothing may be started.
#[derive(Debug)]
pub(crate) struct CommandLine {
    /// What to do.
    pub(crate) invocation: Invocation,
    /// One mistake a line, for people to read.
    pub(crate) mistakes: Vec<String>,
}

/// What to do.
#[derive(Debug)]
pub(crate) enum Invocation {
    /// Deliver events.
    Run(Box<Args>),
    /// Print the kinds of sinks, or one of them.
    Sinks(Option<String>),
    /// Print the kinds of sources, or one of them.
    Sources(Option<String>),
    /// Print the JSON Schema of the file of configuration.
    Schema,
    /// Look into a state directory, or change what is in it.
    State(StateCommand),
    /// Tell whether a run would work.
    Check(Box<CheckArgs>),
    /// Tell what would become of events.
    Explain(Box<ExplainArgs>),
    /// Show events as they come.
    Tail(Box<TailArgs>),
    /// Turn another tool's config into a config file.
    Convert(ConvertCommand),
    /// Print a text.
    Print(String),
}

/// The flags of a run.
#[derive(Debug)]
pub(crate) struct Args {
    /// `--source`, as often as it was given.
    pub(crate) sources: Vec<Secret<String>>,
    /// `--sink`, as often as it was given.
    pub(crate) sinks: Vec<Secret<String>>,
    /// `--config`, and what that file says.
    pub(crate) config: Option<(PathBuf, ConfigFile)>,
    /// `--reload`.
    pub(crate) reload: bool,
    /// `--static-label`, and those of the file.
    pub(crate) static_labels: Labels,
    /// `--cluster-name`.
    pub(crate) cluster: Option<Arc<str>>,
    /// `--frequency`.
    pub(crate) frequency: Duration,
    /// `--batch-events`.
    pub(crate) batch_events: NonZeroUsize,
    /// `--state-dir`.
    pub(crate) state_dir: Option<PathBuf>,
    /// `--journal-size`; `None`: as the memory allows, or the default on disk.
    pub(crate) journal_size: Option<ByteSize>,
    /// `--forget-sink-after`.
    pub(crate) forget_sink_after: Duration,
    /// `--stop-timeout`.
    pub(crate) stop_timeout: Duration,
    /// `--strict`.
    pub(crate) strict: bool,
    /// `--max-procs`; `None`: as the CPUs allow.
    pub(crate) worker_threads: Option<NonZeroUsize>,
    /// `--healthz-ip` and `--healthz-port`.
    pub(crate) admin_address: SocketAddr,
    /// `--event-metrics`.
    pub(crate) event_metrics: bool,
    /// `--ready-requires-sinks`.
    pub(crate) ready_requires_sinks: bool,
    /// `--log-format`.
    pub(crate) log_format: LogFormat,
    /// `-v`.
    pub(crate) verbosity: i32,
    /// Names of the flags that were given and have no effect.
    pub(crate) ignored: Vec<&'static str>,
}

impl Args {
    /// What differs from `other` and cannot be changed while the program runs: names of flags.
    pub(crate) fn fixed_differences(&self, other: &Self) -> Vec<&'static str> {
        let same = [
            (flags::FREQUENCY, self.frequency == other.frequency),
            (flags::BATCH_EVENTS, self.batch_events == other.batch_events),
            (flags::STATE_DIR, self.state_dir == other.state_dir),
            (flags::JOURNAL_SIZE, self.journal_size == other.journal_size),
            (flags::FORGET_SINK_AFTER, self.forget_sink_after == other.forget_sink_after),
            (flags::STOP_TIMEOUT, self.stop_timeout == other.stop_timeout),
            (flags::STRICT, self.strict == other.strict),
            (flags::MAX_PROCS, self.worker_threads == other.worker_threads),
            (flags::HEALTHZ_IP, self.admin_address.ip() == other.admin_address.ip()),
            (flags::HEALTHZ_PORT, self.admin_address.port() == other.admin_address.port()),
            (flags::EVENT_METRICS, self.event_metrics == other.event_metrics),
            (flags::READY_REQUIRES_SINKS, self.ready_requires_sinks == other.ready_requires_sinks),
            (flags::LOG_FORMAT, self.log_format == other.log_format),
            (flags::VERBOSITY, self.verbosity == other.verbosity),
            (flags::RELOAD, self.reload == other.reload),
        ];
        same.into_iter().filter(|(_, is_same)| !is_same).map(|(flag, _)| flag.spec.name).collect()
    }
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// Bounds of `--frequency`.
const FREQUENCY: std::ops::RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(180);

/// The least `--journal-size`: it must hold a batch and what comes while that is delivered.
const LEAST_JOURNAL: ByteSize = ByteSize(1 << 20);

/// The most `--max-procs`; the runtime does not bear much more.
const MOST_THREADS: i64 = 1024;

const NO_SOURCE: &str = "--source is missing: say where events are taken from, such as --source=kubernetes: for a \
                         cluster or --source=demo: for a made-up one; `eventer sources` lists the kinds";

/// Reads the arguments, without the program's name, and the file that they name.
pub(crate) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
    environment: &dyn Environment,
) -> CommandLine {
    let syntax::Parsed { outcome, mut mistakes } = syntax::parse(arguments);
    let matches = match outcome {
        syntax::Outcome::Matches(matches) => matches,
        syntax::Outcome::Help(help) => return CommandLine { invocation: Invocation::Print(help), mistakes },
    };
    let invocation = match matches.subcommand() {
        Some((flags::SINKS, matches)) => Invocation::Sinks(matches.get_one(flags::KIND).cloned()),
        Some((flags::SCHEMA, _)) => Invocation::Schema,
        Some((flags::SOURCES, matches)) => Invocation::Sources(matches.get_one(flags::KIND).cloned()),
        Some((name @ (state::JOURNAL | state::DEAD_LETTERS), own)) => {
            let command = state::read(name, own, &matches, &mut mistakes);
            command.map_or(Invocation::Print(String::new()), Invocation::State)
        }
        Some((check::CHECK, own)) => {
            Invocation::Check(Box::new(check::read(own, &matches, environment, &mut mistakes)))
        }
        Some((explain::EXPLAIN, own)) => {
            Invocation::Explain(Box::new(explain::read(own, &matches, environment, &mut mistakes)))
        }
        Some((tail::TAIL, own)) => Invocation::Tail(Box::new(tail::read(own, &matches, &mut mistakes))),
        Some((convert::CONVERT, own)) => {
            let command = convert::read(own, &matches, &mut mistakes);
            command.map_or(Invocation::Print(String::new()), Invocation::Convert)
        }
        _ => {
            let mut reader = Reader::new(&matches);
            let invocation = reader.invocation(environment);
            mistakes.append(&mut reader.mistakes);
            invocation
        }
    };
    CommandLine { invocation, mistakes }
}

/// The version as `--version` prints it.
fn version() -> String {
    format!("eventer version: {} commit: {}\n", crate::VERSION, crate::COMMIT)
}

struct Reader<'a> {
    matches: &'a ArgMatches,
    /// What a file says of the flags that were not given.
    settings: BTreeMap<&'static str, Setting>,
    mistakes: Vec<String>,
}

impl<'a> Reader<'a> {
    fn new(matches: &'a ArgMatches) -> Self {
        Self { matches, settings: BTreeMap::new(), mistakes: Vec::new() }
    }
}

impl Reader<'_> {
    fn invocation(&mut self, environment: &dyn Environment) -> Invocation {
        if self.switch(flags::VERSION) {
            return Invocation::Print(version());
        }
        Invocation::Run(Box::new(self.args_with_source(environment)))
    }

    /// The flags of a run, for what needs a source.
    fn args_with_source(&mut self, environment: &dyn Environment) -> Args {
        let args = self.args(environment);
        let missing = match &args.config {
            _ if !args.sources.is_empty() => None,
            Some((_, config)) => config.without_sources(),
            // What is wrong with the file has been told.
            None if self.is_given(flags::CONFIG.spec.name) => None,
            None => Some(NO_SOURCE.to_owned()),
        };
        self.mistakes.extend(missing);
        args
    }

    /// Reads the file of `--config`, whose settings count from now on.
    fn config(&mut self, environment: &dyn Environment) -> Option<(PathBuf, ConfigFile)> {
        let path: PathBuf = self
            .optional(flags::CONFIG, "the path of a file", |text| (!text.is_empty()).then(|| text.into()))?;
        let config = ConfigFile::read(&path, environment, &mut self.mistakes)?;
        self.settings.clone_from(&config.settings);
        Some((path, config))
    }

    /// The labels of the file, and those of the flags, which win.
    fn static_labels(&mut self, config: Option<&ConfigFile>) -> Labels {
        let mut labels = config.map(|config| config.static_labels.clone()).unwrap_or_default();
        for text in self.all(flags::STATIC_LABEL) {
            match text.expose().split_once('=') {
                Some((name, value)) if !name.is_empty() => {
                    labels.insert(name.to_owned(), value.to_owned());
                }
                _ => self.mistakes.push(format!("{} takes NAME=VALUE", flags::STATIC_LABEL.shown())),
            }
        }
        labels
    }

    fn args(&mut self, environment: &dyn Environment) -> Args {
        let config = self.config(environment);
        self.args_beside(config)
    }

    /// The flags of a run beside this file, whose settings count already.
    fn args_beside(&mut self, config: Option<(PathBuf, ConfigFile)>) -> Args {
        let ip = self.value(flags::HEALTHZ_IP, "an IP address such as 0.0.0.0 or ::1", ip_address);
        let port = self.value(flags::HEALTHZ_PORT, "a port from 0 to 65535", |text| text.parse().ok());
        // kube-eventer takes any number below one for the number of CPUs.
        let threads = self.value(flags::MAX_PROCS, "a whole number of at most 1024", |text| {
            text.parse::<i64>().ok().filter(|threads| *threads <= MOST_THREADS)
        });
        Args {
            sources: self.all(flags::SOURCE),
            sinks: self.all(flags::SINK),
            static_labels: self.static_labels(config.as_ref().map(|(_, config)| config)),
            config,
            reload: self.switch(flags::RELOAD),
            cluster: self
                .optional(flags::CLUSTER_NAME, "a name", |text| Some(text.to_owned()))
                .filter(|name| !name.is_empty())
                .map(Into::into),
            frequency: self.value(
                flags::FREQUENCY,
                "a duration from 10ms to 3m, such as 500ms, 30s or 1m30s",
                |text| understood(text).filter(|frequency| FREQUENCY.contains(frequency)),
            ),
            batch_events: self.value(flags::BATCH_EVENTS, "a whole number of at least 1", understood),
            state_dir: self.optional(flags::STATE_DIR, "the path of a directory", |text| {
                (!text.is_empty()).then(|| text.into())
            }),
            forget_sink_after: self.value(
                flags::FORGET_SINK_AFTER,
                "a duration such as 7d or 12h",
                understood,
            ),
            journal_size: self.optional(
                flags::JOURNAL_SIZE,
                "a size of at least 1Mi, such as 64Mi",
                |text| understood(text).filter(|size| *size >= LEAST_JOURNAL),
            ),
            stop_timeout: self.value(flags::STOP_TIMEOUT, "a duration such as 20s or 1m30s", understood),
            strict: self.switch(flags::STRICT),
            worker_threads: usize::try_from(threads).ok().and_then(NonZeroUsize::new),
            admin_address: SocketAddr::new(ip, port),
            event_metrics: self.switch(flags::EVENT_METRICS),
            ready_requires_sinks: self.switch(flags::READY_REQUIRES_SINKS),
            log_format: self.value(flags::LOG_FORMAT, "text or json", |text| match text {
                "text" => Some(LogFormat::Text),
                "json" => Some(LogFormat::Json),
                _ => None,
            }),
            verbosity: self.value(flags::VERBOSITY, "a whole number", |text| text.parse().ok()),
            ignored: flags::ignored().filter(|name| self.is_given(name)).collect(),
        }
    }

    /// A flag that has a default, which stands in for a value that is not understood.
    fn value<T>(&mut self, flag: Flag, form: &str, parse: impl Fn(&str) -> Option<T>) -> T {
        let given = self.optional(flag, form, &parse);
        given
            .or_else(|| flag.spec.default.and_then(parse))
            .expect("the flag is declared with a default that it takes")
    }

    fn optional<T>(&mut self, flag: Flag, form: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let given = self.matches.get_one::<String>(flag.spec.name);
        let (text, place) = match (given, self.settings.get(flag.spec.name)) {
            (Some(text), _) => (text, None),
            (None, setting) => setting.map(|setting| (&setting.text, Some(&setting.place)))?,
        };
        let value = parse(text);
        if value.is_none() {
            let mistake = match place {
                Some(place) => format!("{place}: it takes {form}"),
                None => format!("{} takes {form}", flag.shown()),
            };
            self.mistakes.push(mistake);
        }
        value
    }

    fn text(&mut self, flag: Flag) -> Option<String> {
        self.optional(flag, "a text", |text| Some(text.to_owned()))
    }

    fn switch(&mut self, flag: Flag) -> bool {
        self.value(flag, "true or false", understood)
    }

    fn all(&self, flag: Flag) -> Vec<Secret<String>> {
        let texts = self.matches.get_many::<String>(flag.spec.name).unwrap_or_default();
        texts.cloned().map(Secret::new).collect()
    }

    fn is_given(&self, name: &str) -> bool {
        self.matches.value_source(name) == Some(ValueSource::CommandLine)
    }
}

fn understood<T: OptionValue>(text: &str) -> Option<T> {
    T::parse_option(text).ok()
}

/// An address in the forms that Go listens on: none at all, in brackets, `localhost`.
fn ip_address(text: &str) -> Option<IpAddr> {
    match text {
        "" => Some(Ipv4Addr::UNSPECIFIED.into()),
        "localhost" => Some(Ipv4Addr::LOCALHOST.into()),
        _ => text.trim_start_matches('[').trim_end_matches(']').parse().ok(),
    }
}

#[cfg(test)]
mod tests;
