//! A template of the body: whether it gives JSON, and what it gives for an event. Pure.

use std::fmt;
use std::sync::LazyLock;

use eventer_core::Event;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::de::IgnoredAny;

use crate::template::{Escaping, Scope, Template};

/// What a body has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// JSON, since it stands in a batch.
    Strict,
    /// JSON by a header of the user's. A template that gives none is taken nevertheless: kube-eventer took it, and there
    /// are receivers that do.
    Json,
    /// Anything but JSON by a header of the user's.
    Text,
    /// What the template gives.
    Either,
}

/// A template that was read. `Debug` shows whether it gives JSON.
pub(super) struct BodyTemplate {
    template: Template,
    form: Form,
    /// Why it gives no JSON, if it does not.
    no_json: Option<String>,
}

impl BodyTemplate {
    /// Reads a template, and tries it out.
    ///
    /// It gives JSON if what it gives for a plain event is JSON. Then what it puts between the quotes of a string is
    /// escaped for it, so that it gives JSON for every event.
    ///
    /// # Errors
    /// It does not parse, names a field or a function that does not exist, or gives no JSON although it has to.
    pub(super) fn parse(text: &str, form: Form) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("it is empty".to_owned());
        }
        let template = Template::parse(text)?;
        let no_json = match (form, first_that_says(&template)) {
            (Form::Text, _) => Some("the Content-Type is another".to_owned()),
            (_, Ok(Some(body))) => json_error(&body),
            (_, _) if template.looks_like_json() => None,
            (_, Err(reason)) => Some(format!("it fails for an ordinary event: {reason}")),
            (_, Ok(None)) => {
                Some("it says nothing of an ordinary event, and does not begin as JSON does".to_owned())
            }
        };
        match no_json {
            Some(reason) if form == Form::Strict => {
                Err(format!("it gives no JSON, which it has to in a batch: {reason}"))
            }
            no_json => Ok(Self { template, form, no_json }),
        }
    }

    /// Whether it gives JSON.
    pub(super) fn is_json(&self) -> bool {
        self.no_json.is_none()
    }

    /// Why it gives no JSON, if it does not.
    pub(super) fn no_json(&self) -> Option<&str> {
        self.no_json.as_deref()
    }

    /// Whether it is meant to give JSON: it does, a header says so, or it begins as JSON does.
    pub(super) fn is_meant_as_json(&self) -> bool {
        self.is_json()
            || self.form == Form::Json
            || self.form == Form::Either && self.template.looks_like_json()
    }

    /// The body for `event`; `escaping` is what is done to values in a text that is no JSON.
    ///
    /// # Errors
    /// The template cannot be rendered for this event, or gives no JSON for it although it does for others.
    pub(super) fn render(
        &self,
        event: &Event,
        time_zone: &TimeZone,
        now: Timestamp,
        escaping: Escaping,
    ) -> Result<String, String> {
        let escaping = if self.is_json() || self.form == Form::Json { Escaping::Json } else { escaping };
        let body = self
            .template
            .render(event, &Scope { time_zone, now, escaping })
            .map_err(|error| error.to_string())?;
        if !self.is_json() {
            return Ok(body);
        }
        if body.trim().is_empty() {
            return Err(
                "the template gives nothing for this event; leave such events out by a filter".to_owned()
            );
        }
        match json_error(&body) {
            Some(reason) => Err(format!("the template gives no JSON for this event: {reason}")),
            None => Ok(body),
        }
    }
}

impl fmt::Debug for BodyTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyTemplate").field("is_json", &self.is_json()).finish_non_exhaustive()
    }
}

/// Says what is wrong with a file that holds a template.
pub(super) fn check(content: &[u8], form: Form) -> Result<(), String> {
    let text = std::str::from_utf8(content).map_err(|_| "it is no text in UTF-8".to_owned())?;
    BodyTemplate::parse(text, form).map(drop)
}

/// What the template gives for the first plain event of which it says anything; if it says nothing of any, why.
fn first_that_says(template: &Template) -> Result<Option<String>, String> {
    let scope = Scope { time_zone: &TimeZone::UTC, now: Timestamp::UNIX_EPOCH, escaping: Escaping::Json };
    let mut failure = None;
    for event in PLAIN_EVENTS.iter() {
        match template.render(event, &scope) {
            Ok(body) if !body.trim().is_empty() => return Ok(Some(body)),
            Ok(_) => {}
            Err(error) => failure = Some(error.to_string()),
        }
    }
    failure.map_or(Ok(None), Err)
}

fn json_error(body: &str) -> Option<String> {
    serde_json::from_str::<IgnoredAny>(body).err().map(|error| error.to_string())
}

/// Events as they come every day, of both types, with all fields that most have.
static PLAIN_EVENTS: LazyLock<[Event; 2]> = LazyLock::new(|| {
    ["Warning", "Normal"].map(|event_type| {
        let json = serde_json::json!({
            "metadata": {
                "name": "web-0.17a1b2c3d4e5f607", "namespace": "prod", "uid": "0a1b2c3d-0000-4000-8000-000000000001",
                "resourceVersion": "1000", "creationTimestamp": "2024-05-06T07:08:09Z",
            },
            "involvedObject": {
                "kind": "Pod", "namespace": "prod", "name": "web-0", "uid": "0a1b2c3d-0000-4000-8000-000000000002",
                "apiVersion": "v1", "resourceVersion": "999", "fieldPath": "spec.containers{web}",
            },
            "reason": "BackOff", "message": "Back-off restarting failed container web", "type": event_type, "count": 7,
            "source": { "component": "kubelet", "host": "node-1" }, "reportingComponent": "kubelet",
            "firstTimestamp": "2024-05-06T07:00:00Z", "lastTimestamp": "2024-05-06T07:08:09Z",
        });
        serde_json::from_value(json).expect("it is an event")
    })
});
