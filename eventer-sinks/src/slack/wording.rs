//! What users word themselves, as Go templates of the event: the text, the link and the channel. Pure.

use eventer_core::{Event, OptionValue};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use reqwest::Url;

use super::mrkdwn::{cut, utf16_len, visible};
use crate::template::{self, Escaping, Template};

/// The longest text that Slack recommends; what is longer it may cut into several messages.
pub(super) const TEXT: usize = 4000;
/// A longer URL is no one's to click on, and leaves no room for the title.
const LINK: usize = 2000;

/// What a rendering is given besides the event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    /// The zone in which times are told.
    pub(super) time_zone: &'a TimeZone,
    /// The time now.
    pub(super) now: Timestamp,
}

/// The text of a message. What the template itself says is markup; what comes from the event means itself.
#[derive(Clone, Debug)]
pub(super) struct Wording(Template);

/// The URL that a title leads to.
#[derive(Clone, Debug)]
pub(super) struct Link(Template);

/// The channel that a bot posts to.
#[derive(Clone, Debug)]
pub(super) struct Channel(Template);

impl OptionValue for Wording {
    fn parse_option(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("it says nothing; leave it out for the title and the event's message".to_owned());
        }
        Template::parse(text).map(Self)
    }
}

impl Wording {
    /// What is said of the event, as markup.
    ///
    /// # Errors
    /// The template cannot be rendered, or says nothing, which Slack would not take.
    pub(super) fn of(&self, event: &Event, scope: &Scope<'_>) -> Result<String, String> {
        let text = render(&self.0, event, scope, Escaping::Markup)
            .map_err(|reason| format!("text= could not be rendered: {reason}"))?;
        let text: String = text.trim().chars().filter_map(visible).collect();
        if text.is_empty() { Err("text= says nothing of this event".to_owned()) } else { Ok(cut(text, TEXT)) }
    }
}

impl OptionValue for Link {
    fn parse_option(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if !["http://", "https://", "{{"].iter().any(|start| text.starts_with(start)) {
            return Err(format!("\"{text}\" begins neither with http:// nor with https://"));
        }
        Template::parse(text).map(Self)
    }
}

impl Link {
    /// The URL for the event, escaped for markup. `None`: what the template makes of it is no URL to click on. The event
    /// matters more than its link.
    pub(super) fn of(&self, event: &Event, scope: &Scope<'_>) -> Option<String> {
        let text = render(&self.0, event, scope, Escaping::None).ok()?;
        let url: Url = text.trim().parse().ok()?;
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        // A parsed URL has no space and no angle bracket; a bar would begin the words of the link.
        let url = url.as_str().replace('|', "%7C").replace('&', "&amp;");
        (utf16_len(&url) <= LINK).then_some(url)
    }
}

impl OptionValue for Channel {
    fn parse_option(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("it names no channel".to_owned());
        }
        Template::parse(text).map(Self)
    }
}

impl Channel {
    /// The channel for the event.
    ///
    /// # Errors
    /// The template cannot be rendered, or names none.
    pub(super) fn of(&self, event: &Event, scope: &Scope<'_>) -> Result<String, String> {
        let channel = render(&self.0, event, scope, Escaping::None)
            .map_err(|reason| format!("channel= could not be rendered: {reason}"))?;
        match channel.trim() {
            "" => Err("channel= names no channel for this event".to_owned()),
            channel => Ok(channel.to_owned()),
        }
    }

    /// Whether each event may have another one.
    pub(super) fn is_of_event(&self) -> bool {
        !self.0.is_constant()
    }
}

fn render(
    template: &Template,
    event: &Event,
    scope: &Scope<'_>,
    escaping: Escaping,
) -> Result<String, String> {
    let scope = template::Scope { time_zone: scope.time_zone, now: scope.now, escaping };
    template.render(event, &scope).map_err(|error| error.to_string())
}
