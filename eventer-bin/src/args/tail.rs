//! `eventer tail`: its flags, as they are declared, and what they are read into.

use std::time::Duration;

use clap::{ArgMatches, Command};
use eventer_core::filter::{self, NamespaceOf, Pattern};
use eventer_core::{
    ComponentSpec, ComponentUri, ConfigError, EndpointSpec, EventFilter, OptionSpec, OptionValue as _,
    PolicyDefaults, Secret, UriReader,
};

use super::flags::{self, Flag};
use super::object::ObjectName;
use super::{Reader, understood};

/// The flags of `eventer tail`.
#[derive(Debug)]
pub(crate) struct TailArgs {
    /// `--source`, as often as it was given; none: the cluster that kubectl speaks to.
    pub(crate) sources: Vec<Secret<String>>,
    /// How the cluster is reached, and what is asked of it, where no source is given.
    pub(crate) cluster: ClusterArgs,
    /// Whose events are shown.
    pub(crate) namespaces: Namespaces,
    /// Which of them.
    pub(crate) filter: EventFilter,
    /// `-o`.
    pub(crate) output: TailOutput,
    /// `--color`.
    pub(crate) color: Color,
    /// `-v`; `None`: warnings and errors only.
    pub(crate) verbosity: Option<i32>,
}

/// How the cluster is reached, and what is asked of it.
#[derive(Debug, Default)]
pub(crate) struct ClusterArgs {
    /// `--kubeconfig`.
    pub(crate) kubeconfig: Option<String>,
    /// `--context`.
    pub(crate) context: Option<String>,
    /// `--since`.
    pub(crate) since: Option<String>,
    /// Name of the object that `--for` names.
    pub(crate) object_name: Option<String>,
}

/// Whose events are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Namespaces {
    /// Those of the namespace that kubectl would take.
    OfContext,
    /// All.
    All,
    /// Those of these.
    Named(Vec<String>),
}

/// The form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TailOutput {
    /// A table.
    Table,
    /// A table with more columns.
    Wide,
    /// An event a line.
    Json,
}

/// When the output is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Color {
    /// On a terminal, unless the user has something against it.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The command.
pub(super) const TAIL: &str = "tail";

const NAMESPACE: Flag = flags::value(
    OptionSpec::new(
        "namespace",
        "NAME,…",
        "Namespaces whose events are shown [default: that of the context, as kubectl has it]",
    )
    .repeatable(),
);
const ALL_NAMESPACES: Flag =
    flags::switch("all-namespaces", "Events of all namespaces, with a column for it", "false");
const FOR: Flag =
    flags::value(OptionSpec::new("for", "KIND/NAME", "Events of this object, such as pod/web-0"));
const SINCE: Flag = flags::value(OptionSpec::new(
    "since",
    "DURATION",
    "Begin with those that were seen within this span, as far as the cluster still has them",
));
const WATCH: Flag =
    flags::switch("watch", "No effect: it always goes on. For fingers that are used to kubectl", "false");
const CONTEXT: Flag = flags::value(OptionSpec::new(
    "context",
    "NAME",
    "A context of the kubeconfig [default: its current one]",
));
const KUBECONFIG: Flag =
    flags::value(OptionSpec::new("kubeconfig", "PATH", "A kubeconfig [default: that of kubectl]"));
const SOURCE: Flag = flags::value(
    OptionSpec::new("source", "URI", "Events from elsewhere: replay:FILE, demo:, …; see `eventer sources`")
        .repeatable(),
);
const OUTPUT: Flag =
    flags::value(OptionSpec::new("o", "table|wide|json", "Form of the output").default("table"));
const COLOR: Flag = flags::value(
    OptionSpec::new(
        "color",
        "auto|always|never",
        "Whether it is coloured; auto: on a terminal without NO_COLOR",
    )
    .default("auto"),
);
const VERBOSITY: Flag =
    flags::value(OptionSpec::new("v", "N", "Log more than warnings: 0 info, 4 debug, 6 trace"));

const SHOWN: [(&str, &[Flag]); 3] = [
    ("Which events", &[NAMESPACE, ALL_NAMESPACES, FOR, SINCE, WATCH]),
    ("From where", &[CONTEXT, KUBECONFIG, SOURCE]),
    ("Output", &[OUTPUT, COLOR, VERBOSITY]),
];

/// The short names of some, which take their values as the long ones do.
const SHORT: [Flag; 3] = [
    Flag { spec: OptionSpec { name: "n", ..NAMESPACE.spec }, ..NAMESPACE },
    Flag { spec: OptionSpec { name: "A", ..ALL_NAMESPACES.spec }, ..ALL_NAMESPACES },
    Flag { spec: OptionSpec { name: "w", ..WATCH.spec }, ..WATCH },
];

const USAGE: &str = "eventer tail [-n NAMESPACE | -A] [--for=KIND/NAME] [FLAGS]";

const FOOTER: &str = "\
An event that repeats is told once in ten seconds, with how often it was seen and over which time: (x7 over 3m). On a
terminal, its line is rewritten in place while it is the last one. With -o json every event is a line.

The filters are those that sinks take. Ctrl-C ends.

Exit codes: 0 it was ended, or came to the end; 1 the events cannot be read; 2 a flag is wrong.";

/// Stands in for the URI whose options the filters are.
const FILTERS: ComponentSpec =
    ComponentSpec { kind: TAIL, summary: "", endpoint: EndpointSpec::None, options: &[], example: "" };

/// Every flag of the command.
pub(super) fn all() -> impl Iterator<Item = Flag> {
    SHOWN.into_iter().flat_map(|(_, flags)| flags).copied().chain(filters()).chain(SHORT)
}

/// What clap needs to know.
pub(super) fn command() -> Command {
    let own = SHOWN.into_iter().flat_map(|(heading, flags)| {
        flags.iter().map(move |flag| {
            let argument = flags::argument(flag).help_heading(heading);
            match SHORT.iter().find(|short| short.spec.help == flag.spec.help) {
                Some(short) => argument.short(short.spec.name.chars().next()).alias(short.spec.name),
                None => argument,
            }
        })
    });
    let filters = filters().map(|flag| flags::argument(&flag).help_heading("Filters"));
    Command::new(TAIL)
        .about("Show events as they come, as `kubectl events --watch` does")
        .override_usage(USAGE)
        .args(own.chain(filters))
        .after_help(FOOTER)
}

/// Reads the flags that follow the command. `before` are those that stand before it. What is wrong goes to `mistakes`.
pub(super) fn read(matches: &ArgMatches, before: &ArgMatches, mistakes: &mut Vec<String>) -> TailArgs {
    mistakes.extend(flags::misplaced(TAIL, before));
    let mut reader = Reader::new(matches);
    let args = reader.tail();
    mistakes.append(&mut reader.mistakes);
    args
}

impl Reader<'_> {
    fn tail(&mut self) -> TailArgs {
        let sources = self.all(SOURCE);
        let object = self.optional(FOR, "an object as KIND/NAME, such as pod/web-0", ObjectName::parse);
        let namespaces = self.namespaces(!sources.is_empty());
        let mut filter = self.filter();
        if let Some(object) = &object {
            if !filter.kinds.is_empty() || !filter.object_name.is_empty() {
                self.mistakes
                    .push("--for stands beside --kinds or --object-name, which it implies".to_owned());
            }
            object.narrow(&mut filter);
        }
        if !sources.is_empty()
            && let Namespaces::Named(names) = &namespaces
        {
            for name in names {
                match Pattern::parse_option(name) {
                    Ok(pattern) => filter.namespaces.push(pattern),
                    Err(reason) => self.mistakes.push(format!("-n: {reason}")),
                }
            }
        }
        let cluster = ClusterArgs {
            kubeconfig: self.text(KUBECONFIG),
            context: self.text(CONTEXT),
            since: self.since(),
            object_name: object.map(|object| object.name),
        };
        if !sources.is_empty() {
            for (flag, is_given) in [
                (KUBECONFIG, cluster.kubeconfig.is_some()),
                (CONTEXT, cluster.context.is_some()),
                (SINCE, cluster.since.is_some()),
            ] {
                if is_given {
                    self.mistakes.push(format!(
                        "{} is for the cluster that kubectl knows, and stands beside --source, whose URI says it all",
                        flag.shown()
                    ));
                }
            }
        }
        TailArgs {
            sources,
            cluster,
            namespaces,
            filter,
            output: self.value(OUTPUT, "table, wide or json", |text| match text {
                "table" => Some(TailOutput::Table),
                "wide" => Some(TailOutput::Wide),
                "json" => Some(TailOutput::Json),
                _ => None,
            }),
            color: self.value(COLOR, "auto, always or never", |text| match text {
                "auto" => Some(Color::Auto),
                "always" => Some(Color::Always),
                "never" => Some(Color::Never),
                _ => None,
            }),
            verbosity: self.optional(VERBOSITY, "a whole number", |text| text.parse().ok()),
        }
    }

    /// A source that is given has the namespaces that it has; a filter by namespaces looks at all.
    fn namespaces(&mut self, has_source: bool) -> Namespaces {
        let texts = self.matches.get_many::<String>(NAMESPACE.spec.name).unwrap_or_default();
        let names = texts.flat_map(|text| text.split(',')).map(str::trim).filter(|name| !name.is_empty());
        let names: Vec<String> = names.map(str::to_owned).collect();
        let is_all = self.switch(ALL_NAMESPACES);
        if is_all && !names.is_empty() {
            self.mistakes.push("-A stands beside -n; give the one or the other".to_owned());
        }
        let is_filtered = ["namespaces", "exclude_namespaces"].iter().any(|name| self.is_given(name));
        match names.is_empty() {
            false => Namespaces::Named(names),
            true if is_all || is_filtered || has_source => Namespaces::All,
            true => Namespaces::OfContext,
        }
    }

    fn since(&mut self) -> Option<String> {
        let span: Option<Duration> = self.optional(SINCE, "a duration such as 10m or 1h", understood);
        span.and_then(|_| self.text(SINCE))
    }

    /// The filters, read as the options of a sink are.
    fn filter(&mut self) -> EventFilter {
        let given = filters().flat_map(|flag| {
            let name = flag.spec.name;
            let values = self.matches.get_many::<String>(name).unwrap_or_default();
            values.map(move |value| (name.to_owned(), Some(value.clone())))
        });
        let uri = ComponentUri::from_parts(TAIL, "", given.collect(), Vec::new());
        let mut reader = UriReader::new(TAIL, &uri, &FILTERS, filter::OPTIONS);
        // As kubectl does: the namespace of a Node's events is `default`.
        let defaults = PolicyDefaults { namespace_of: NamespaceOf::Event, ..PolicyDefaults::NONE };
        let filter = EventFilter::take(&mut reader, defaults);
        let flag = |option: &str| format!("--{}", option.replace('_', "-"));
        self.mistakes.extend(reader.finish().iter().map(|error| option_mistake(error, flag)));
        filter
    }
}

/// What is wrong with an option that stands for a flag.
pub(crate) fn option_mistake(error: &ConfigError, flag: impl Fn(&str) -> String) -> String {
    match error {
        ConfigError::InvalidOption { option, reason, .. } => format!("{}: {reason}", flag(option)),
        error => error.to_string(),
    }
}

/// The conditions that sinks take, each as a flag.
fn filters() -> impl Iterator<Item = Flag> {
    filter::OPTIONS.iter().copied().map(flags::value)
}
