//! From the command line to an exit code.

use std::io::{self, Write};
use std::process::ExitCode;

use eventer_core::registry::SOURCE_OPTIONS;
use eventer_core::{
    BuildError, ComponentSpec, ComponentUri, ConfigError, Environment, Registry, SystemClock, policy, report,
};

use crate::args::{
    self, Args, CheckArgs, CommandLine, ConvertCommand, ExplainArgs, Invocation, StateCommand, TailArgs,
};
use crate::commands;
use crate::config;
use crate::convert;
use crate::environment::{self, ProcessEnvironment};
use crate::listing;
use crate::plans::{self, Plans};
use crate::printable::printable;
use crate::serve;

/// The exit code for a wrong command line.
const WRONG_USAGE: u8 = 2;

const SEE_ALSO: &str = "`eventer --help` shows the flags; `eventer sinks KIND` and `eventer sources KIND` show the \
                        options of a kind";

/// Does what the command line says.
pub(crate) fn run(registry: &Registry) -> ExitCode {
    let line = args::parse(environment::arguments(), &ProcessEnvironment);
    let step = match decide(line, registry, &ProcessEnvironment) {
        Ok(step) => step,
        Err(mistakes) => return refuse(&mistakes),
    };
    match step {
        Step::Print(text) => print(&text),
        Step::Serve(args, plans) => serve::run(*args, plans, &|| read_again(registry)),
        Step::LookInto(command) => look_into(&command),
        Step::Check(args, plans) => match commands::block_on(commands::check::run(*args, plans)) {
            Ok(told) => tell(told),
            Err(error) => tell_failure(Err(error)),
        },
        Step::Explain(args, plans) => {
            tell_failure(commands::block_on(commands::explain::run(*args, plans, registry)))
        }
        Step::Tail(args) => {
            tell_failure(commands::block_on(commands::tail::run(*args, registry, &ProcessEnvironment)))
        }
        Step::Convert(command) => convert(&command, registry),
    }
}

/// Reads the command line again, with the file that it names.
fn read_again(registry: &Registry) -> Result<(Args, Plans), Vec<String>> {
    let line = args::parse(environment::arguments(), &ProcessEnvironment);
    match decide(line, registry, &ProcessEnvironment)? {
        Step::Serve(args, plans) => Ok((*args, plans)),
        _ => Err(vec!["the command line asks for something else than before".to_owned()]),
    }
}

/// What is to be done, once nothing is wrong.
#[derive(Debug)]
enum Step {
    Print(String),
    Serve(Box<Args>, Plans),
    LookInto(StateCommand),
    Check(Box<CheckArgs>, Plans),
    Explain(Box<ExplainArgs>, Plans),
    Tail(Box<TailArgs>),
    Convert(ConvertCommand),
}

/// Reads everything that can be wrong before anything is opened.
fn decide(
    line: CommandLine,
    registry: &Registry,
    environment: &dyn Environment,
) -> Result<Step, Vec<String>> {
    let CommandLine { invocation, mut mistakes } = line;
    let step = match invocation {
        Invocation::Run(args) => {
            let plans = Plans::read(&args, registry, environment, &mut mistakes);
            Ok(Step::Serve(args, plans))
        }
        Invocation::Print(text) => Ok(Step::Print(text)),
        Invocation::Schema => Ok(Step::Print(config::schema_text(registry))),
        Invocation::State(command) => Ok(Step::LookInto(command)),
        Invocation::Check(args) => {
            let plans = Plans::read(&args.run, registry, environment, &mut mistakes);
            if mistakes.is_empty() {
                mistakes.extend(commands::check::mistakes(&args, &plans));
            }
            Ok(Step::Check(args, plans))
        }
        Invocation::Explain(args) => {
            let plans = Plans::read(&args.run, registry, environment, &mut mistakes);
            if mistakes.is_empty() {
                mistakes.extend(commands::explain::mistakes(&plans));
            }
            Ok(Step::Explain(args, plans))
        }
        Invocation::Tail(args) => {
            mistakes.extend(commands::tail::mistakes(&args, registry, environment));
            Ok(Step::Tail(args))
        }
        Invocation::Convert(command) => Ok(Step::Convert(command)),
        Invocation::Sinks(kind) => {
            let specs: Vec<_> = registry.sinks().collect();
            let errors = |uri: &ComponentUri| registry.plan_sink(uri).err();
            let page = |spec: &ComponentSpec| {
                listing::page(spec, policy::OPTIONS, registry.policy_defaults(spec.kind))
            };
            list("sinks", "--sink", kind.as_deref(), &specs, page, errors).map(Step::Print)
        }
        Invocation::Sources(kind) => {
            let specs: Vec<_> = registry.sources().collect();
            let errors = |uri: &ComponentUri| registry.plan_source(uri).err();
            let page = |spec: &ComponentSpec| listing::page(spec, SOURCE_OPTIONS, None);
            list("sources", "--source", kind.as_deref(), &specs, page, errors).map(Step::Print)
        }
    };
    match step {
        Ok(step) if mistakes.is_empty() => Ok(step),
        Ok(_) => Err(mistakes),
        Err(error) => {
            mistakes.push(error);
            Err(mistakes)
        }
    }
}

/// The page of a kind, which `page` writes, or of all. `errors` says what the registry has against a URI: that the kind is not known, and
/// which is most like it.
fn list(
    command: &str,
    flag: &str,
    kind: Option<&str>,
    specs: &[&'static ComponentSpec],
    page: impl Fn(&ComponentSpec) -> String,
    errors: impl Fn(&ComponentUri) -> Option<Vec<ConfigError>>,
) -> Result<String, String> {
    let Some(text) = kind else { return Ok(listing::overview(command, specs)) };
    // People paste the whole flag; what follows the kind may be a secret.
    let kind = text.split(':').next().unwrap_or_default();
    if let Some(spec) = specs.iter().find(|spec| spec.kind == kind) {
        return Ok(page(spec));
    }
    let uri = ComponentUri::parse(flag, kind, &()).map_err(|error| error.to_string())?;
    let errors = errors(&uri).unwrap_or_default();
    Err(plans::mistakes(flag, &uri, &errors).join("; "))
}

fn look_into(command: &StateCommand) -> ExitCode {
    let told = match commands::run(command, &SystemClock) {
        Ok(told) => told,
        Err(error) => commands::Told { failure: Some(report(&error)), ..commands::Told::default() },
    };
    tell(told)
}

fn tell(told: commands::Told) -> ExitCode {
    let printed = print(&told.output);
    let note = told.note.map(|note| format!("note: {note}\n"));
    let failure = told.failure.map(|failure| format!("error: {failure}\n"));
    let is_failed = failure.is_some();
    complain(&[note, failure].into_iter().flatten().collect::<String>());
    if is_failed { ExitCode::FAILURE } else { printed }
}

/// A failure ends with 1, and is told in plain words.
fn tell_failure(result: Result<(), BuildError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("error: {}\n", printable(&report(&error))));
            ExitCode::FAILURE
        }
    }
}

/// The report goes to standard error, so that standard output can be a file. What could not be taken over is no mistake, but
/// scripts want to know.
fn convert(command: &ConvertCommand, registry: &Registry) -> ExitCode {
    let converted = match convert::run(command, registry) {
        Ok(converted) => converted,
        Err(reason) => {
            complain(&format!("error: {reason}\n"));
            return ExitCode::from(WRONG_USAGE);
        }
    };
    let written: String =
        converted.written.iter().map(|path| format!("wrote {}\n", path.display())).collect();
    complain(&format!("{}{written}", converted.report));
    let printed = print(&converted.output);
    if converted.report.has_lost() { ExitCode::FAILURE } else { printed }
}

/// Whoever reads the listing may have read enough (`| head`), which is no error.
fn print(text: &str) -> ExitCode {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

fn refuse(mistakes: &[String]) -> ExitCode {
    let lines: Vec<String> =
        mistakes.iter().map(|mistake| format!("error: {}\n", printable(mistake))).collect();
    complain(&format!("{}{SEE_ALSO}\n", lines.concat()));
    ExitCode::from(WRONG_USAGE)
}

/// Writes to standard error. If it is closed, the exit code must do.
fn complain(text: &str) {
    drop(io::stderr().lock().write_all(text.as_bytes()));
}
