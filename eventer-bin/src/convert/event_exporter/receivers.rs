//! Receivers, and the options of the sinks that they become.

use super::fields::Fields;
use super::{files, kafka, layout, slack, webhook};
use crate::convert::config::Sink;
use crate::convert::expression::Condition;
use crate::convert::report::{Report, Weight, did_you_mean};
use crate::convert::secrets::Secrets;
use crate::convert::variables;
use crate::convert::yaml::Yaml;
use crate::document::Node;

/// What a sink is made of: options in their order.
pub(super) type Options = Vec<(String, Yaml)>;

/// What a receiver is turned into a sink with.
#[derive(Debug)]
pub(super) struct Workshop<'a> {
    /// What is to be told.
    pub(super) report: &'a mut Report,
    /// Where secrets go.
    pub(super) secrets: &'a mut Secrets,
}

/// One of `receivers`.
#[derive(Debug)]
pub(super) struct Receiver<'n> {
    pub(super) name: String,
    pub(super) line: u64,
    kind: &'static str,
    node: &'n Node,
}

/// The kinds, in the order in which the tool looks for them: of several the first one holds.
const KINDS: [&str; 21] = [
    "inMemory",
    "pipe",
    "webhook",
    "file",
    "syslog",
    "stdout",
    "elasticsearch",
    "kinesis",
    "firehose",
    "opensearch",
    "opsgenie",
    "sqs",
    "sns",
    "slack",
    "kafka",
    "pubsub",
    "opscenter",
    "teams",
    "bigquery",
    "eventbridge",
    "loki",
];

/// Whether a map is a receiver.
pub(super) fn is_receiver(node: &Node) -> bool {
    node.get("name").is_some() && KINDS.iter().any(|kind| node.get(kind).is_some())
}

/// Reads the receivers. Of one name the last one holds.
pub(super) fn read<'n>(node: &'n Node, report: &mut Report) -> Vec<Receiver<'n>> {
    let mut receivers: Vec<Receiver<'n>> = Vec::new();
    for (at, item) in node.items().unwrap_or_default().iter().enumerate() {
        let place = format!("receivers[{at}]");
        let Some(name) = item.get("name").and_then(Node::text).filter(|name| !name.trim().is_empty()) else {
            report.add(
                Weight::Know,
                item.line,
                place,
                "it has no name, so that no rule can mean it; it is left out",
            );
            continue;
        };
        let name = variables::shown(name);
        for entry in item.entries().unwrap_or_default() {
            if entry.key != "name" && !KINDS.contains(&entry.key.as_str()) {
                let hint = did_you_mean(&entry.key, KINDS);
                let text = format!("a receiver has no such key, and the tool ignores it{hint}");
                report.add(Weight::Know, entry.line, format!("receivers.{name}.{}", entry.key), text);
            }
        }
        let mut kinds = KINDS.iter().filter_map(|kind| Some((*kind, item.get(kind)?)));
        let Some((kind, node)) = kinds.next() else {
            let text = "it says not where to, and the tool does not start with it; it is left out";
            report.add(Weight::Lost, item.line, format!("receivers.{name}"), text);
            continue;
        };
        for (other, node) in kinds {
            let text = format!("the tool takes {kind} of this receiver alone, and ignores this");
            report.add(Weight::Know, node.line, format!("receivers.{name}.{other}"), text);
        }
        if let Some(earlier) = receivers.iter().position(|receiver| receiver.name == name) {
            let earlier = receivers.remove(earlier);
            let text = format!("the receiver at line {} has the same name, and takes its place", item.line);
            report.add(Weight::Know, earlier.line, format!("receivers.{name}"), text);
        }
        receivers.push(Receiver { name, line: item.line, kind, node });
    }
    receivers
}

impl Receiver<'_> {
    /// Where it stands, for people.
    pub(super) fn place(&self) -> String {
        format!("receivers.{}", self.name)
    }

    /// The sink that it becomes, with `condition`.
    pub(super) fn sink(&self, condition: Condition, workshop: &mut Workshop<'_>) -> Sink {
        if condition == Condition::Always(false) {
            let text = "no rule ever sends to it; it stands in the file as a comment";
            workshop.report.add(Weight::Know, self.line, self.place(), text);
            // What else is to be said of it does not matter.
            let Workshop { report: _, secrets } = workshop;
            let (options, _) = self.options(&mut Workshop { report: &mut Report::default(), secrets });
            let instead = Some("no rule ever sends to this one:".to_owned());
            return Sink { options, condition, instead };
        }
        let (options, instead) = self.options(workshop);
        Sink { options, condition, instead }
    }

    /// The options, and why it cannot be a sink if it cannot.
    fn options(&self, workshop: &mut Workshop<'_>) -> (Options, Option<String>) {
        let made = match self.kind {
            "webhook" => Some(("webhook", webhook::options(self, workshop))),
            "slack" => Some(("slack", slack::options(self, workshop))),
            "kafka" => Some(("kafka", kafka::options(self, workshop))),
            "stdout" => Some(("log", files::stdout(self, workshop))),
            "file" => Some(files::file(self, workshop)),
            "pipe" => Some(files::pipe(self, workshop)),
            _ => None,
        };
        let (kind, options, instead) = match made {
            Some((kind, options)) => (kind, options, None),
            None => (self.kind, Options::new(), Some(self.without_sink(workshop))),
        };
        let mut all =
            vec![("kind".to_owned(), Yaml::text(kind)), ("sink_name".to_owned(), Yaml::text(&self.name))];
        all.extend(options);
        (all, instead)
    }

    fn without_sink(&self, workshop: &mut Workshop<'_>) -> String {
        let kind = self.kind;
        if kind == "inMemory" {
            let text = "inMemory is for the tool's own tests; it is left out";
            workshop.report.add(Weight::Know, self.line, self.place(), text);
            return "for tests only:".to_owned();
        }
        let hint = match kind {
            "teams" => "; a webhook with a template can do it, see docs/sinks/webhook.md",
            _ => "",
        };
        let text = format!(
            "there is no sink {kind} yet{hint}; its name and its condition stand in the file as a comment"
        );
        workshop.report.add(Weight::Lost, self.line, self.place(), text);
        format!("there is no sink {kind} yet:")
    }

    /// The keys of its kind; those that the tool ignores are told.
    pub(super) fn fields<'f>(
        &'f self,
        known: &'static [&'static str],
        workshop: &mut Workshop<'_>,
    ) -> Fields<'f> {
        Fields::open(self.node, format!("{}.{}", self.place(), self.kind), known, workshop.report)
    }
}

impl Workshop<'_> {
    /// Writes a secret option: with the variables that give it, or with the file that it is moved to.
    pub(super) fn secret(&mut self, options: &mut Options, sink: &str, option: &str, value: &str) {
        if variables::has_any(value) {
            options.push((option.to_owned(), Yaml::text(value)));
            return;
        }
        let path = self.secrets.keep(sink, option, value);
        options.push((format!("{option}_file"), Yaml::text(path)));
    }

    /// Writes an option that names a file.
    pub(super) fn file(&mut self, options: &mut Options, option: &str, fields: &Fields<'_>, key: &str) {
        if let Some(path) = fields.text(key) {
            let text = "the file has to be mounted into eventer's pod, too";
            self.report.add(Weight::Know, fields.line_of(key), fields.place_of(key), text);
            options.push((option.to_owned(), Yaml::text(path)));
        }
    }

    /// Tells that a key is missing.
    pub(super) fn missing(&mut self, fields: &Fields<'_>, key: &str) {
        let text = "it is missing, and the sink cannot do without it; add it to the file";
        self.report.add(Weight::Lost, fields.line(), fields.place_of(key), text);
    }

    /// Whether a switch is on. A variable is taken for on.
    pub(super) fn is_on(&mut self, fields: &Fields<'_>, key: &str) -> bool {
        let Some(text) = fields.text(key) else { return false };
        if variables::has_any(text) {
            let told = "its variable was taken for true";
            self.report.add(Weight::Differs, fields.line_of(key), fields.place_of(key), told);
            return true;
        }
        text.eq_ignore_ascii_case("true")
    }

    /// The layout: the receiver's own, or the tool's shape.
    pub(super) fn layout(&mut self, fields: &Fields<'_>) -> Yaml {
        let is_dedotted = self.is_on(fields, "deDot");
        match fields.get("layout").filter(|node| node.entries().is_some_and(|entries| !entries.is_empty())) {
            Some(node) => layout::read(node, is_dedotted, &fields.place_of("layout"), self.report),
            None => {
                let text = "the events of a receiver without a layout keep the tool's own shape, by a layout; without it they have \
                            that of eventer";
                self.report.add(Weight::Know, 0, "layout", text);
                layout::own(is_dedotted)
            }
        }
    }
}
