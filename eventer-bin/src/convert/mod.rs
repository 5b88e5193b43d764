//! `eventer convert`: from the configs that people have to ours.
//!
//! A converter of a tool reads its input and gives a [`Config`], [`Secrets`] that stood in it, and a [`Report`] of each thing
//! that changes. What can be kept as it was is kept, mistakes included; what cannot is told. [`event_exporter`] is
//! kubernetes-event-exporter, [`kube_eventer`] the other; [`command`] reads and writes files.

mod command;
mod config;
mod event_exporter;
mod expression;
mod kube_eventer;
mod pattern;
mod report;
mod secrets;
mod variables;
mod verify;
mod yaml;

use std::fmt;

pub(crate) use command::run;
use config::Config;
use report::{Report, Weight};
use secrets::Secrets;
use variables::Lost;

use eventer_core::Registry;

use crate::document::{DocumentError, Node, Value};

/// A tool whose config can be converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// kubernetes-event-exporter: its config file.
    EventExporter,
    /// kube-eventer: its flags, or a manifest that holds them.
    KubeEventer,
}

impl Tool {
    /// All of them.
    pub(crate) const ALL: [Self; 2] = [Self::EventExporter, Self::KubeEventer];

    /// Its name, as the command takes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::EventExporter => "kubernetes-event-exporter",
            Self::KubeEventer => "kube-eventer",
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The tool whose config `document` is, if it is one of those that can be converted.
pub(crate) fn detect(document: &Node) -> Option<Tool> {
    if event_exporter::is_config(document) {
        Some(Tool::EventExporter)
    } else if kube_eventer::is_manifest(document) {
        Some(Tool::KubeEventer)
    } else {
        None
    }
}

/// What a conversion gives. `Debug` shows no secret.
#[derive(Debug)]
pub(crate) struct Conversion {
    /// Our config file.
    pub(crate) config: String,
    /// What changes.
    pub(crate) report: Report,
    secrets: Secrets,
}

impl Conversion {
    /// Tells what eventer, with the kinds in `registry`, has against the config.
    fn verify(&mut self, registry: &Registry) {
        for mistake in verify::mistakes(&self.config, registry) {
            let text = format!(
                "eventer does not take what the conversion gives, and the file has to be changed by hand: {mistake}"
            );
            self.report.add(Weight::Lost, 0, "", text);
        }
    }

    /// The manifest of the Secret that the config's files come from, if it needs one.
    pub(crate) fn secret(&self) -> Option<String> {
        self.secrets.manifest()
    }
}

/// Converts `text`, which is `tool`'s.
///
/// # Errors
/// It is not understood at all.
pub(crate) fn convert(tool: Tool, text: &str) -> Result<Conversion, DocumentError> {
    let mut report = Report::default();
    let mut secrets = Secrets::default();
    let config = match tool {
        Tool::EventExporter => {
            let marked = variables::mark(text);
            let mut document = Node::parse(&marked.text)?;
            clean(&mut document, "", &marked.lost, &mut report);
            if document.get("route").is_none() && document.get("receivers").is_none() {
                return Err(DocumentError { line: None, reason: not_a_config(tool, &document) });
            }
            event_exporter::convert(&document, &mut report, &mut secrets)
        }
        Tool::KubeEventer => kube_eventer::convert(text, &mut report, &mut secrets)?,
    };
    Ok(finish(&config, report, secrets))
}

fn not_a_config(tool: Tool, document: &Node) -> String {
    let is_config_map = document.get("kind").and_then(Node::text) == Some("ConfigMap");
    let hint = match detect(document) {
        Some(other) => format!("; it looks like one of {other}"),
        None if is_config_map => {
            "; it is a ConfigMap: take out of it what stands under its key, as `kubectl get configmap \
                                  NAME -o 'jsonpath={.data.config\\.yaml}'` does"
                .to_owned()
        }
        None => String::new(),
    };
    format!("this is no config of {tool}: it has neither a route nor receivers{hint}")
}

/// What is the same for all tools.
fn finish(config: &Config, mut report: Report, secrets: Secrets) -> Conversion {
    let text = config.to_yaml();
    let names = variables_of(&text);
    if !names.is_empty() {
        let text = format!(
            "{} must be in the environment of eventer; one that is not defined is an error, where the tool took it for nothing",
            names.join(", ")
        );
        report.add(Weight::Know, 0, "variables", text);
    }
    if secrets.len() > 0 {
        let text = format!(
            "{} of the input are not in the file; secret.yaml, which --output=DIR writes, holds them, and the Secret is to be mounted at \
             {}",
            if secrets.len() == 1 { "a secret".to_owned() } else { format!("{} secrets", secrets.len()) },
            secrets::MOUNT
        );
        report.add(Weight::Differs, 0, "secrets", text);
    }
    Conversion { config: text, report, secrets }
}

/// The variables that a file needs, outside of its comments.
fn variables_of(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        for (at, _) in line.match_indices("${").filter(|(at, _)| !line[..*at].ends_with('$')) {
            let name = line[at + 2..].split('}').next().unwrap_or_default().to_owned();
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

/// Takes what the tool made nothing of out of all texts, and tells it.
fn clean(node: &mut Node, place: &str, lost: &[Lost], report: &mut Report) {
    let line = node.line;
    match &mut node.value {
        Value::Text(text) => {
            clean_text(text, line, place, lost, report);
            if text.is_empty() {
                node.value = Value::Null;
            }
        }
        Value::List(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                let place = match item.get("name").and_then(Node::text) {
                    Some(name) => format!("{place}.{name}"),
                    None => format!("{place}[{at}]"),
                };
                clean(item, &place, lost, report);
            }
        }
        Value::Map(entries) => {
            for entry in entries {
                let place =
                    if place.is_empty() { entry.key.clone() } else { format!("{place}.{}", entry.key) };
                clean(&mut entry.node, &place, lost, report);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn clean_text(text: &mut String, line: u64, place: &str, lost: &[Lost], report: &mut Report) {
    for number in variables::take_lost(text) {
        let Some(lost) = lost.get(number) else { continue };
        let told = format!(
            "{} was taken for a variable that is not there: the tool has no way to write a dollar. What it read without it is \
             what stands here; if a dollar was meant, add it by hand",
            lost.written()
        );
        report.add(Weight::Know, line, place, told);
    }
    if text.contains("{{") {
        for name in variables::restore_template_variables(text) {
            let told = format!(
                "${name} was taken for a variable of the environment, so that the template could not be used; here it is the \
                 template's own, as it was meant"
            );
            report.add(Weight::Differs, line, place, told);
        }
    }
}

#[cfg(test)]
mod tests;
