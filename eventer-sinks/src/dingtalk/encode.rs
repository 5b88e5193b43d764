//! The body of a message, as kube-eventer writes it. Pure.

use eventer_core::time::go_string;
use eventer_core::{Event, OptionValue};
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::chat::{fit, json_width, text};
use crate::kube_eventer::compact;

/// The most bytes of a body. Source: DingTalk answers a longer one with `460101 message too long, exceed 20000 bytes`.
const MOST_BYTES: usize = 20_000;

/// The console of Alibaba Cloud, where the links lead to.
const CONSOLE: &str = "https://cs.console.aliyun.com/#/k8s";

/// What a message looks like.
#[derive(Clone, Debug)]
pub struct Form {
    /// Its type.
    pub message_type: MessageType,
    /// What stands with every event, to tell clusters apart.
    pub labels: Vec<String>,
    /// Id of the cluster, for the title and the links of a markdown.
    pub cluster_id: String,
    /// Region of the cluster, for the links of a markdown.
    pub region: String,
}

/// The types of messages that kube-eventer knows how to fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageType {
    /// A text.
    Text,
    /// A markdown with links.
    Markdown,
}

impl OptionValue for MessageType {
    fn parse_option(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "markdown" => Ok(Self::Markdown),
            _ => Err(format!("\"{text}\" is neither text nor markdown; DingTalk would refuse every message")),
        }
    }
}

impl Form {
    /// Writes the body for `event`, its time in `zone`. The half that is not used is there, and empty.
    pub fn body(&self, event: &Event, zone: &TimeZone) -> Vec<u8> {
        match self.message_type {
            MessageType::Text => {
                let time = event.kube_eventer_time().to_zoned(zone.clone());
                let head = text(event, &self.labels, &time.strftime("%Y-%m-%d %H:%M:%S").to_string());
                Body::new("text").filled(&head, &event.message, "", |body| &mut body.text.content)
            }
            MessageType::Markdown => {
                let mut body = Body::new("markdown");
                body.markdown.title = format!("Kubernetes(ID:{}) Event", self.cluster_id);
                let head = markdown(event, self, zone);
                body.filled(&head, &event.message, "**", |body| &mut body.markdown.text)
            }
        }
    }
}

#[derive(Serialize)]
struct Body {
    msgtype: &'static str,
    text: Text,
    markdown: Markdown,
}

#[derive(Default, Serialize)]
struct Text {
    content: String,
}

#[derive(Default, Serialize)]
struct Markdown {
    title: String,
    text: String,
}

impl Body {
    fn new(msgtype: &'static str) -> Self {
        Self { msgtype, text: Text::default(), markdown: Markdown::default() }
    }

    /// The JSON, with as much of the message between `head` and `tail` as there is room for.
    fn filled(
        mut self,
        head: &str,
        message: &str,
        tail: &str,
        field: fn(&mut Self) -> &mut String,
    ) -> Vec<u8> {
        let room = MOST_BYTES.saturating_sub(self.json().len());
        *field(&mut self) = fit(head, message, tail, room, json_width);
        self.json()
    }

    fn json(&self) -> Vec<u8> {
        let mut json = Vec::with_capacity(1024);
        compact(self, &mut json);
        json
    }
}

/// The markdown up to its message, which follows.
fn markdown(event: &Event, form: &Form, zone: &TimeZone) -> String {
    let mut text = String::new();
    let labels = form.labels.iter().enumerate().filter(|(_, label)| !label.trim().is_empty());
    for (index, label) in labels {
        text.push_str(&format!("label[{index}]: **{label}**\n\n"));
    }
    text.push_str(&node(&event.source.host));
    text.push_str(&format!(
        "Level: **{}** \n\nKind: **{}** \n\nNamespace: [{}]({CONSOLE}/namespace) \n\nName: {} \n\n\
         Reason: **{}** \n\nTimestamp: **{}** \n\nMessage: **",
        event.event_type,
        event.involved_object.kind,
        event.metadata.namespace,
        name(event, form),
        event.reason,
        go_string(event.kube_eventer_time(), zone),
    ));
    text
}

/// The node, with a link to its instance if its name is `<region>.<instance>`, as Alibaba Cloud gives it.
fn node(host: &str) -> String {
    let mut parts = host.split('.');
    match (parts.next(), parts.next()) {
        _ if host.is_empty() => String::new(),
        (Some(region), Some(instance)) => format!(
            "Node: [{host}](https://ecs.console.aliyun.com/#/server/{instance}/detail?regionId={region}) \n\n"
        ),
        _ => format!("Node: **{host}** \n\n"),
    }
}

/// The name of the Event, with a link to its object where the console has a page of that kind.
fn name(event: &Event, form: &Form) -> String {
    let (name, namespace) = (&event.metadata.name, &event.metadata.namespace);
    let object = name.split('.').next().unwrap_or_default();
    let (region, cluster) = (&form.region, &form.cluster_id);
    let page = match event.involved_object.kind.as_str() {
        "Pod" => format!("pod/{cluster}/{namespace}/{object}/container"),
        kind @ ("Deployment" | "StatefulSet" | "DaemonSet") => {
            let kind = kind.to_ascii_lowercase();
            format!("{kind}/detail/{region}/{cluster}/{namespace}/{object}/pods")
        }
        "CronJob" => format!("cronjob/detail/{region}/{cluster}/{namespace}/{object}/jobs"),
        "Service" => format!("service/detail/{region}/{cluster}/{namespace}/{object}"),
        _ => return name.clone(),
    };
    format!("[{name}]({CONSOLE}/{page})")
}
