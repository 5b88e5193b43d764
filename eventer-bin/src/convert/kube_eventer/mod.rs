//! kube-eventer's flags, as they stand in a manifest or in a line.
//!
//! [`manifest`] and [`words`] find them, [`uri`] cuts a `--source` or a `--sink`, and [`sinks`] knows the options.

mod manifest;
mod sinks;
mod uri;
mod words;

use std::time::Duration;

use eventer_core::OptionValue;
use eventer_core::time::format_duration;

use super::config::{Config, Sink};
use super::expression::Condition;
use super::report::{Report, Weight, did_you_mean};
use super::secrets::Secrets;
use super::variables;
use super::yaml::Yaml;
use crate::args;
use crate::document::{DocumentError, Node};
use uri::Uri;
use words::Word;

/// Whether a document is a manifest with a container of the tool.
pub(super) fn is_manifest(document: &Node) -> bool {
    !manifest::containers(document).is_empty()
}

/// Turns the flags in `text` into our config.
///
/// # Errors
/// It holds no flags of the tool.
pub(super) fn convert(
    text: &str,
    report: &mut Report,
    secrets: &mut Secrets,
) -> Result<Config, DocumentError> {
    let words = find(text, report)?;
    let mut config = Config { origin: "kube-eventer".to_owned(), ..Config::default() };
    let mut flags = Flags::default();
    read(&words, &mut flags, report)?;
    for word in &flags.sources {
        config.sources.push(source(word, report));
    }
    for word in &flags.sinks {
        let uri = Uri::read(&word.text, word.line, "--sink", report);
        let name = name_of(&uri, &config.sinks);
        config.sinks.push(sinks::sink(&uri, &name, word.line, report, secrets));
    }
    if config.sources.len() != 1 {
        let text =
            "the tool takes exactly one --source; events are taken from the cluster that eventer runs in";
        report.add(Weight::Know, 0, "--source", text);
        config.sources.truncate(1);
        if config.sources.is_empty() {
            config.sources.push(vec![("kind".to_owned(), Yaml::text("kubernetes"))]);
        }
    }
    flags.settle(&mut config, report);
    Ok(config)
}

/// The flags of the tool: those in a manifest, or the words of a line.
fn find(text: &str, report: &mut Report) -> Result<Vec<Word>, DocumentError> {
    let is_manifest = |documents: &Vec<Node>| documents.iter().any(|document| document.get("kind").is_some());
    let Some(documents) = Node::parse_all(text).ok().filter(is_manifest) else {
        return words::split(text);
    };
    let mut containers = documents.iter().flat_map(manifest::containers);
    let Some(container) = containers.next() else {
        let reason = "no container of kube-eventer is in it: none has the name in its image or its command";
        return Err(DocumentError { line: None, reason: reason.to_owned() });
    };
    for other in containers {
        let text = "this is another container of kube-eventer; the first one is converted, cut the manifest to convert this one";
        report.add(Weight::Lost, other.line(), "containers", text);
    }
    container.words(report)
}

/// The flags that matter here.
#[derive(Debug, Default)]
struct Flags {
    sources: Vec<Word>,
    sinks: Vec<Word>,
    frequency: Option<Word>,
    ip: Option<Word>,
    port: Option<Word>,
    event_metrics: Option<Word>,
    max_procs: Option<Word>,
    verbosity: Option<Word>,
}

/// klog's, which have no effect here.
const KLOG: [&str; 14] = [
    "logtostderr",
    "alsologtostderr",
    "alsologtostderrthreshold",
    "stderrthreshold",
    "legacy_stderr_threshold_behavior",
    "vmodule",
    "log_dir",
    "log_file",
    "log_file_max_size",
    "log_backtrace_at",
    "skip_headers",
    "skip_log_headers",
    "add_dir_header",
    "one_output",
];

/// Those that take no value unless `=` stands behind them.
const SWITCHES: [&str; 9] = [
    "event-metrics",
    "version",
    "logtostderr",
    "alsologtostderr",
    "legacy_stderr_threshold_behavior",
    "skip_headers",
    "skip_log_headers",
    "add_dir_header",
    "one_output",
];

const OWN: [&str; 9] = [
    "source",
    "sink",
    "frequency",
    "max_procs",
    "healthz-ip",
    "healthz-port",
    "event-metrics",
    "version",
    "v",
];

/// Reads words as Go reads flags: one dash or two, values behind `=` or in the next word, until a word that is no flag.
fn read(words: &[Word], flags: &mut Flags, report: &mut Report) -> Result<(), DocumentError> {
    // The program itself, or an `exec` in front of it.
    let mut words = words.iter().skip_while(|word| !word.text.starts_with('-')).peekable();
    if words.peek().is_none() {
        let reason = "no flags of kube-eventer are in it, such as --source=kubernetes: and --sink=…";
        return Err(DocumentError { line: None, reason: reason.to_owned() });
    }
    while let Some(word) = words.next_if(|word| word.text.starts_with('-') && word.text != "--") {
        let bare = word.text.trim_start_matches('-');
        let (name, value) = bare.split_once('=').map_or((bare, None), |(name, value)| (name, Some(value)));
        let is_switch = SWITCHES.contains(&name);
        let value = match value {
            Some(value) => value.to_owned(),
            None if is_switch => "true".to_owned(),
            None => words.next().map(|word| word.text.clone()).unwrap_or_default(),
        };
        let line = word.line;
        let value = Word { line, text: value };
        match name {
            "source" => flags.sources.push(value),
            "sink" => flags.sinks.push(value),
            "frequency" => flags.frequency = Some(with_variables(value)),
            "healthz-ip" => flags.ip = Some(with_variables(value)),
            "healthz-port" => flags.port = Some(with_variables(value)),
            "event-metrics" => flags.event_metrics = Some(value),
            "max_procs" => flags.max_procs = Some(value),
            "v" => flags.verbosity = Some(value),
            "version" => report.add(Weight::Know, line, "--version", "it is left out"),
            name if KLOG.contains(&name) => {
                report.add(Weight::Know, line, format!("--{name}"), "it has no effect here, and is left out");
            }
            name => {
                let hint = did_you_mean(name, OWN);
                let text = format!("the tool has no such flag, and ends with an error{hint}");
                report.add(Weight::Know, line, format!("--{name}"), text);
            }
        }
    }
    if let Some(stray) = words.next() {
        let text = "the tool reads flags up to here: what follows had no effect, and is left out";
        report.add(Weight::Know, stray.line, "flags", text);
    }
    Ok(())
}

/// A value in which variables are marked, if it has any.
fn with_variables(Word { line, text }: Word) -> Word {
    let marked = variables::mark(&text);
    Word { line, text: if marked.lost.is_empty() { marked.text } else { text } }
}

impl Flags {
    /// Writes what is left besides sources and sinks.
    fn settle(&self, config: &mut Config, report: &mut Report) {
        let entry = |key: &str, value: Yaml| (key.to_owned(), value);
        let frequency = frequency(self.frequency.as_ref(), report);
        config.tail.extend(frequency.map(|frequency| entry("frequency", frequency)));
        let mut admin = Vec::new();
        let is_ip = |text: &str| variables::has_any(text) || args::takes_ip(text);
        match self.ip.as_ref().filter(|ip| !ip.text.is_empty()) {
            Some(ip) if is_ip(&ip.text) => admin.push(entry("ip", Yaml::text(&ip.text))),
            Some(ip) => {
                let text = "it is no IP address; that is 0.0.0.0 then";
                report.add(Weight::Lost, ip.line, "--healthz-ip", text);
            }
            None => {}
        }
        if let Some(port) = &self.port {
            match port.text.parse::<u16>() {
                Ok(port) => admin.push(entry("port", Yaml::plain(port))),
                Err(_) if variables::has_any(&port.text) => admin.push(entry("port", Yaml::text(&port.text))),
                Err(_) => {
                    report.add(Weight::Lost, port.line, "--healthz-port", "it is no port; that is 8084 then")
                }
            }
        }
        if let Some(metrics) = &self.event_metrics
            && matches!(metrics.text.as_str(), "false" | "False" | "FALSE" | "f" | "F" | "0")
        {
            admin.push(entry("event_metrics", Yaml::plain(false)));
        }
        if !admin.is_empty() {
            config.tail.push(entry("admin", Yaml::Map(admin)));
        }
        if let Some(verbosity) = &self.verbosity {
            match verbosity.text.parse::<i32>() {
                Ok(0) | Err(_) => {}
                Ok(verbosity) => {
                    config
                        .tail
                        .push(entry("log", Yaml::Map(vec![entry("verbosity", Yaml::plain(verbosity))])));
                }
            }
        }
        if let Some(procs) = self.max_procs.as_ref().filter(|procs| procs.text != "0") {
            let text = format!("it is no key of the file; give it as a flag, --max-procs={}", procs.text);
            report.add(Weight::Know, procs.line, "--max_procs", text);
        }
        let text = "nothing is lost over a restart, a broken watch or a destination that is down (with --state-dir): the tool began anew \
                    each time, and gave up each batch after one attempt";
        report.add(Weight::Differs, 0, "delivery", text);
        let tells_times = config.sinks.iter().any(|sink| {
            let kind = sink.options.first().map(|(_, kind)| kind);
            ["dingtalk", "wechat", "webhook"].iter().any(|told| kind == Some(&Yaml::text(*told)))
        });
        if tells_times {
            let text = "times in messages are in the zone of TZ, which the tool's image sets to Asia/Shanghai and ours does not; set it \
                        for eventer's container";
            report.add(Weight::Differs, 0, "TZ", text);
        }
    }
}

/// The frequency, as far as it is taken.
fn frequency(word: Option<&Word>, report: &mut Report) -> Option<Yaml> {
    let Some(Word { line, text }) = word else {
        let text = "events are taken each second, where the tool took them each 30s";
        report.add(Weight::Know, 0, "--frequency", text);
        return None;
    };
    if variables::has_any(text) {
        return Some(Yaml::text(text));
    }
    let Some(nearest) = args::nearest_frequency(text) else {
        report.add(Weight::Lost, *line, "--frequency", "it is no duration; that is 1s then");
        return None;
    };
    if Duration::parse_option(text) == Ok(nearest) {
        return Some(Yaml::text(text));
    }
    let nearest = format_duration(nearest);
    report.add(
        Weight::Differs,
        *line,
        "--frequency",
        format!("it is out of bounds; {nearest} is the nearest"),
    );
    Some(Yaml::text(nearest))
}

/// The source. Its options have the names that they had.
fn source(word: &Word, report: &mut Report) -> Vec<(String, Yaml)> {
    const KNOWN: [&str; 5] = ["inClusterConfig", "insecure", "useServiceAccount", "auth", "localKubeConfig"];
    let uri = Uri::read(&word.text, word.line, "--source", report);
    if uri.kind != "kubernetes" {
        let text = format!("the tool has no source {}; events are taken from the cluster", uri.kind);
        report.add(Weight::Know, word.line, "--source", text);
    }
    let mut options = vec![("kind".to_owned(), Yaml::text("kubernetes"))];
    if !uri.endpoint.is_empty() {
        options.push(("endpoint".to_owned(), Yaml::text(&uri.endpoint)));
    }
    for (name, value) in uri.options() {
        if KNOWN.contains(&name) {
            options.push((name.to_owned(), sinks::value(value)));
        } else {
            let hint = did_you_mean(name, KNOWN);
            let text = format!("the tool ignores this option; it is left out{hint}");
            report.add(Weight::Know, word.line, format!("--source {name}"), text);
        }
    }
    options
}

/// A name of its own for each sink: two of a kind need one.
fn name_of(uri: &Uri, sinks: &[Sink]) -> String {
    let is_taken = |name: &str| {
        sinks.iter().any(|sink| {
            sink.options.iter().any(|(key, value)| key == "sink_name" && *value == Yaml::text(name))
        })
    };
    let mut name = uri.kind.clone();
    let mut number = 2;
    while is_taken(&name) {
        name = format!("{}-{number}", uri.kind);
        number += 1;
    }
    name
}

/// A sink that every event goes to.
fn of_options(options: Vec<(String, Yaml)>, instead: Option<String>) -> Sink {
    Sink { options, condition: Condition::Always(true), instead }
}
