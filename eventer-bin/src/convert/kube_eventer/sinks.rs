//! The tool's sinks: their options, which of them are secrets, and which mean something else here.

use super::of_options;
use super::uri::Uri;
use crate::convert::config::Sink;
use crate::convert::report::{Report, Weight, did_you_mean};
use crate::convert::secrets::Secrets;
use crate::convert::variables;
use crate::convert::yaml::Yaml;

/// What an option of the tool becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// One value; of several the first one holds.
    One,
    /// Each value counts.
    Many,
    /// Words separated by commas.
    List,
    /// A value that nobody may see.
    Secret,
    /// A level, which the sinks read differently.
    Level,
    /// A header, which may be a credential.
    Header,
    /// It had no effect.
    Inert,
}

/// A sink that is here, too.
#[derive(Debug)]
struct Kind {
    name: &'static str,
    options: &'static [(&'static str, Form)],
    /// What follows the kind is the destination's URL, and so is what no option takes of the query.
    has_url: bool,
    /// What is different, for every user of it.
    differs: &'static str,
}

const KINDS: [Kind; 6] = [
    Kind {
        name: "log",
        options: &[],
        has_url: false,
        differs: "events go to standard output, one line each, where the tool wrote them to standard error in Go's form",
    },
    Kind {
        name: "influxdb",
        options: &[
            ("user", Form::One),
            ("pw", Form::Secret),
            ("db", Form::One),
            ("withfields", Form::One),
            ("insecuressl", Form::One),
            ("cluster_name", Form::One),
            ("retention", Form::Inert),
            ("disable_counter_metrics", Form::Inert),
            ("concurrency", Form::Inert),
        ],
        has_url: false,
        differs: "",
    },
    Kind {
        name: "kafka",
        options: &[
            ("brokers", Form::Many),
            ("eventstopic", Form::One),
            ("compression", Form::One),
            ("user", Form::One),
            ("password", Form::Secret),
            ("cacert", Form::One),
            ("cert", Form::One),
            ("key", Form::One),
            ("insecuressl", Form::One),
        ],
        has_url: false,
        differs: "records have the object's uid as their key and the event's time, and all replicas have to acknowledge them \
                  (acks=all)",
    },
    Kind {
        name: "dingtalk",
        options: &[
            ("access_token", Form::Secret),
            ("level", Form::Level),
            ("sign", Form::Secret),
            ("label", Form::Many),
            ("msg_type", Form::One),
            ("cluster_id", Form::One),
            ("region", Form::One),
            ("namespaces", Form::List),
            ("kinds", Form::List),
        ],
        has_url: false,
        differs: "at most 20 messages a minute are sent (rate=), and the rest waits; the tool lost what the robot refused",
    },
    Kind {
        name: "wechat",
        options: &[
            ("corp_id", Form::One),
            ("corp_secret", Form::Secret),
            ("agent_id", Form::One),
            ("to_user", Form::One),
            ("level", Form::Level),
            ("label", Form::Many),
            ("namespaces", Form::List),
            ("kinds", Form::List),
        ],
        has_url: false,
        differs: "at most 16 messages a minute are sent (rate=), and the rest waits; WeCom drops what is more without a word",
    },
    Kind {
        name: "webhook",
        options: &[
            ("method", Form::One),
            ("header", Form::Header),
            ("level", Form::Level),
            ("namespaces", Form::List),
            ("kinds", Form::List),
            ("reason", Form::List),
            ("custom_body_configmap", Form::One),
            ("custom_body_configmap_namespace", Form::One),
        ],
        has_url: true,
        differs: "options are not sent in the URL any more, values are escaped where the body is JSON, and any 2xx is a success",
    },
];

/// Sinks of the tool that are not here.
const MISSING: [&str; 7] = ["mysql", "elasticsearch", "riemann", "honeycomb", "sls", "eventbridge", "mongo"];

/// The sink that `uri` becomes.
pub(super) fn sink(uri: &Uri, name: &str, line: u64, report: &mut Report, secrets: &mut Secrets) -> Sink {
    let place = format!("--sink {}", uri.kind);
    let mut options =
        vec![("kind".to_owned(), Yaml::text(&uri.kind)), ("sink_name".to_owned(), Yaml::text(name))];
    let Some(kind) = KINDS.iter().find(|kind| kind.name == uri.kind) else {
        if MISSING.contains(&&*uri.kind) {
            let text = format!("there is no sink {} yet", uri.kind);
            report.add(Weight::Lost, line, place, &*text);
            return of_options(options, Some(format!("{text}:")));
        }
        let known = KINDS.iter().map(|kind| kind.name).chain(MISSING);
        let text =
            format!("the tool has no such sink, and went on without it{}", did_you_mean(&uri.kind, known));
        report.add(Weight::Know, line, place, text);
        return of_options(options, Some(format!("kube-eventer has no sink {}:", uri.kind)));
    };
    let mut writer = Writer { kind, name, line, place: &place, options: &mut options, report, secrets };
    writer.endpoint(uri);
    for (option, form) in kind.options {
        let values: Vec<&str> =
            uri.options().filter(|(given, _)| given == option).map(|(_, value)| value).collect();
        if !values.is_empty() {
            writer.option(option, *form, &values);
        }
    }
    writer.unknown(uri);
    if !kind.differs.is_empty() {
        report.add(Weight::Differs, line, &place, kind.differs);
    }
    let text = format!("docs/sinks/{}.md lists under Mended what else is done in another way", kind.name);
    report.add(Weight::Know, line, place, text);
    of_options(options, None)
}

/// A value, as a boolean or a number where it is one.
pub(super) fn value(text: &str) -> Yaml {
    let is_number = text.parse::<u64>().is_ok_and(|number| number.to_string() == text);
    match text {
        "true" | "false" => Yaml::plain(text),
        text if is_number => Yaml::plain(text),
        text => Yaml::text(text),
    }
}

struct Writer<'a> {
    kind: &'static Kind,
    name: &'a str,
    line: u64,
    place: &'a str,
    options: &'a mut Vec<(String, Yaml)>,
    report: &'a mut Report,
    secrets: &'a mut Secrets,
}

impl Writer<'_> {
    fn tell(&mut self, weight: Weight, option: &str, text: impl Into<String>) {
        let place =
            if option.is_empty() { self.place.to_owned() } else { format!("{} {option}", self.place) };
        self.report.add(weight, self.line, place, text);
    }

    fn push(&mut self, option: &str, value: Yaml) {
        self.options.push((option.to_owned(), value));
    }

    fn secret(&mut self, option: &str, value: &str) {
        if variables::has_any(value) {
            self.push(option, Yaml::text(value));
        } else {
            let path = self.secrets.keep(self.name, option, value);
            self.push(&format!("{option}_file"), Yaml::text(path));
        }
    }

    /// What stands behind the kind; for a webhook with the destination's own query.
    fn endpoint(&mut self, uri: &Uri) {
        if matches!(self.kind.name, "log" | "kafka" | "wechat") || uri.endpoint.is_empty() {
            return;
        }
        let own = if self.kind.has_url { uri.rest(|name| self.knows(name)) } else { String::new() };
        let endpoint = match &*own {
            "" => uri.endpoint.clone(),
            own => format!("{}?{own}", uri.endpoint),
        };
        // A query of the destination's own is mostly a token.
        let is_secret = !own.is_empty() || endpoint.contains('@');
        if self.kind.has_url && is_secret && !variables::has_any(&endpoint) {
            let path = self.secrets.keep(self.name, "url", &endpoint);
            self.push("url_file", Yaml::text(path));
        } else {
            self.push("endpoint", Yaml::text(endpoint));
        }
    }

    fn knows(&self, name: &str) -> bool {
        self.kind.options.iter().any(|(known, _)| *known == name)
    }

    fn option(&mut self, option: &str, form: Form, values: &[&str]) {
        let first = values[0];
        if values.len() > 1 && !matches!(form, Form::Many | Form::Header) {
            self.tell(
                Weight::Know,
                option,
                "the tool reads the first one of several; the others are left out",
            );
        }
        match form {
            Form::One => self.push(option, value(first)),
            Form::Many => self.push(option, Yaml::texts(values.iter().copied())),
            Form::Secret => self.secret(option, first),
            Form::Inert => self.tell(Weight::Know, option, "it had no effect in the tool, and is left out"),
            Form::Level => self.level(first),
            Form::Header => self.headers(values),
            Form::List => {
                let words: Vec<&str> =
                    first.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
                if !words.is_empty() {
                    self.push(option, Yaml::texts(words));
                } else if self.kind.name == "webhook" {
                    let text = "the empty list let nothing through, and the sink sent nothing; here it is no condition, and it \
                                sends everything";
                    self.tell(Weight::Differs, option, text);
                }
            }
        }
    }

    /// The level that has the effect that it had.
    fn level(&mut self, text: &str) {
        let is_word = matches!(text, "Normal" | "Warning");
        let level = match self.kind.name {
            _ if is_word => text,
            "webhook" => "Warning",
            _ => "Normal",
        };
        if !is_word {
            let told = format!(
                "the tool knows Normal and Warning, and took this for {}; so it is here, but it may not be what was meant",
                if level == "Warning" { "Warning" } else { "no condition" }
            );
            self.tell(Weight::Differs, "level", told);
        }
        self.push("level", Yaml::text(level));
    }

    fn headers(&mut self, values: &[&str]) {
        let mut written = Vec::new();
        let mut hidden: Vec<&str> = Vec::new();
        for header in values {
            match header.split_once('=') {
                None => {
                    self.tell(
                        Weight::Know,
                        "header",
                        "one without = is dropped by the tool, and is left out",
                    );
                    continue;
                }
                Some((name, value)) => {
                    if value.contains('=') {
                        let text = format!(
                            "{name} has a second =, and the tool dropped it without a word; here it is sent"
                        );
                        self.tell(Weight::Differs, "header", text);
                    }
                    let is_harmless = ["content-type", "accept", "user-agent", "host"]
                        .contains(&name.trim().to_ascii_lowercase().as_str());
                    if is_harmless || variables::has_any(value) {
                        written.push(*header);
                    } else {
                        hidden.push(header);
                    }
                }
            }
        }
        if !written.is_empty() {
            self.push("header", Yaml::texts(written));
        }
        if !hidden.is_empty() {
            self.secret("header", &hidden.join("\n"));
        }
    }

    /// Options that the tool ignores; for a webhook they are the destination's.
    fn unknown(&mut self, uri: &Uri) {
        if self.kind.has_url {
            return;
        }
        let kind = self.kind;
        for (name, _) in
            uri.options().filter(|(name, _)| !kind.options.iter().any(|(known, _)| known == name))
        {
            let filters = ["level", "namespaces", "kinds", "reason"];
            let text = match filters.contains(&name) {
                true => "the tool does not filter for this sink, and ignores it; it is left out, and would work here".to_owned(),
                false => format!(
                    "the tool ignores it; it is left out{}",
                    did_you_mean(name, kind.options.iter().map(|(known, _)| *known))
                ),
            };
            self.tell(Weight::Know, name, text);
        }
    }
}
