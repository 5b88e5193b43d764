//! A message: its text, and beside it, on a bar in the colour of the event's type, what there is to know. Pure.
//!
//! The text stands at the top level, where notifications and screen readers look; Block Kit stands in an attachment,
//! since nothing else has a colour.

use eventer_core::Event;
use eventer_core::event::EventType;
use serde::Serialize;

use super::fields::{Fields, object_name};
use super::mrkdwn::escape;
use super::wording::{Link, Scope, Wording};

/// The longest text that Slack takes in a section.
pub(super) const SECTION_TEXT: usize = 3000;
/// The longest kind, name or reason that the title shows; what Kubernetes allows fits.
const WORD: usize = 256;
/// The longest summary that clients get which show no attachments.
pub(super) const FALLBACK: usize = 1000;

/// What a user wants to see of an event.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// Stands for the title and the event's message.
    pub(super) text: Option<Wording>,
    pub(super) link: Option<Link>,
    pub(super) fields: Fields,
}

/// The body of a request, to a webhook or to `chat.postMessage`.
#[derive(Serialize)]
struct Message<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    attachments: Option<[Attachment; 1]>,
    /// Slack would look at every URL that an event speaks of.
    unfurl_links: bool,
    unfurl_media: bool,
}

#[derive(Serialize)]
struct Attachment {
    color: &'static str,
    fallback: String,
    blocks: [Section; 1],
}

#[derive(Serialize)]
struct Section {
    #[serde(rename = "type")]
    block: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Text>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<Text>,
}

#[derive(Serialize)]
struct Text {
    #[serde(rename = "type")]
    format: &'static str,
    text: String,
    /// What looks like a channel, a name or a URL stays what it is.
    verbatim: bool,
}

impl Layout {
    /// Writes the message for `event`, to `channel` if it goes by a bot.
    ///
    /// # Errors
    /// The user's own text has nothing to say of it.
    pub(super) fn body(
        &self,
        event: &Event,
        channel: Option<&str>,
        scope: &Scope<'_>,
    ) -> Result<Vec<u8>, String> {
        let (text, message) = match &self.text {
            Some(wording) => (wording.of(event, scope)?, ""),
            None => (self.title(event, scope), event.message.trim()),
        };
        let section = Section {
            block: "section",
            text: (!message.is_empty()).then(|| Text::new(escape(message, SECTION_TEXT))),
            fields: self.fields.of(event, scope.time_zone).into_iter().map(Text::new).collect(),
        };
        // A section without any text is none that Slack takes.
        let is_empty = section.text.is_none() && section.fields.is_empty();
        let attachment =
            || Attachment { color: color(&event.event_type), fallback: fallback(event), blocks: [section] };
        let message = Message {
            channel,
            text,
            attachments: (!is_empty).then(|| [attachment()]),
            unfurl_links: false,
            unfurl_media: false,
        };
        Ok(serde_json::to_vec(&message).expect("text can always be written as JSON"))
    }

    /// `Warning *BackOff*: Pod prod/web-0`, as markup; the object leads to the link.
    fn title(&self, event: &Event, scope: &Scope<'_>) -> String {
        let reason = word(&event.reason);
        let reason = if reason.is_empty() { reason } else { format!("*{reason}*") };
        let object = match (word(&object_name(event)), &self.link) {
            (name, Some(link)) if !name.is_empty() => match link.of(event, scope) {
                Some(url) => format!("<{url}|{name}>"),
                None => name,
            },
            (name, _) => name,
        };
        let happened = joined(" ", [word(event.event_type.as_str()), reason]);
        let object = joined(" ", [word(&event.involved_object.kind), object]);
        let title = joined(": ", [happened, object]);
        if title.is_empty() { "an event that says neither why nor of what".to_owned() } else { title }
    }
}

impl Text {
    fn new(text: String) -> Self {
        Self { format: "mrkdwn", text, verbatim: true }
    }
}

/// The colours have names of Slack's.
fn color(event_type: &EventType) -> &'static str {
    match event_type {
        EventType::Normal => "good",
        EventType::Warning => "danger",
        EventType::Other(_) | EventType::Empty => "#808080",
    }
}

/// What stands for the attachment where none is shown.
fn fallback(event: &Event) -> String {
    let texts = [event.message.trim(), event.reason.trim()];
    let text = texts.into_iter().find(|text| !text.is_empty()).unwrap_or("an event");
    escape(text, FALLBACK)
}

/// A word of the title, in one line.
fn word(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    escape(&words.join(" "), WORD)
}

fn joined(between: &str, texts: [String; 2]) -> String {
    let texts: Vec<String> = texts.into_iter().filter(|text| !text.is_empty()).collect();
    texts.join(between)
}
