//! The topic of an event: a fixed name, or a template over the event whose result is checked. Pure.

use std::borrow::Cow;

use eventer_core::Event;

use crate::template::{Scope, Template};

/// The longest name that Kafka takes.
const LONGEST: usize = 249;

/// Where events go.
#[derive(Clone, Debug)]
pub(super) enum Topic {
    /// All to one topic.
    Fixed(String),
    /// Each to the topic that this says.
    Template(Template),
}

impl Topic {
    /// Reads a name, or a template if an action is in it.
    ///
    /// # Errors
    /// Kafka takes no such name, or the template is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.contains("{{") {
            return Template::parse(text).map(Self::Template);
        }
        check(text)?;
        Ok(Self::Fixed(text.to_owned()))
    }

    /// The topic of an event.
    ///
    /// # Errors
    /// Kafka takes no such name, or the template cannot be filled in; it never will, for this event.
    pub(super) fn of(&self, event: &Event, scope: &Scope<'_>) -> Result<Cow<'_, str>, String> {
        match self {
            Self::Fixed(name) => Ok(Cow::Borrowed(name)),
            Self::Template(template) => {
                let name = template.render(event, scope).map_err(|error| format!("topic: {error}"))?;
                check(&name)?;
                Ok(Cow::Owned(name))
            }
        }
    }

    /// The topic, if it is the same for all events.
    pub(super) fn fixed(&self) -> Option<&str> {
        match self {
            Self::Fixed(name) => Some(name),
            Self::Template(_) => None,
        }
    }
}

/// Kafka's rules for the name of a topic (`org.apache.kafka.common.internals.Topic`).
fn check(name: &str) -> Result<(), String> {
    /// Of a text that is no name so much is shown.
    const SHOWN: usize = 60;
    let shown = || name.chars().take(SHOWN).flat_map(char::escape_debug).collect::<String>();
    let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() {
        return Err("the name of a topic has at least one letter".to_owned());
    }
    if name.len() > LONGEST {
        return Err(format!("the name of a topic has at most {LONGEST} letters: \"{}…\"", shown()));
    }
    if name == "." || name == ".." {
        return Err(format!("\"{name}\" is no name of a topic"));
    }
    match name.chars().find(|c| !is_letter(*c)) {
        Some(c) => Err(format!(
            "\"{}\" is no name of a topic: {c:?} is none of a-z, A-Z, 0-9, \".\", \"_\" and \"-\"",
            shown()
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use eventer_core::testing::event;
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::*;
    use crate::template::Escaping;

    fn topic_of(template: &str, event: &Event) -> Result<String, String> {
        let scope = Scope { time_zone: &TimeZone::UTC, now: Timestamp::UNIX_EPOCH, escaping: Escaping::None };
        Topic::parse(template).unwrap().of(event, &scope).map(Cow::into_owned)
    }

    #[test]
    fn a_name_follows_kafkas_rules() {
        for name in ["heapster-events", "a", "...", "A_b.c-9", &"x".repeat(LONGEST)] {
            assert_eq!(check(name), Ok(()), "{name}");
        }
        for name in ["", ".", "..", "a b", "a/b", "ä", "a\n", &"x".repeat(LONGEST + 1)] {
            assert!(check(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_template_says_the_topic_of_each_event_and_its_result_is_checked() {
        let template = "k8s.{{.InvolvedObject.Namespace}}-{{.Type | lower}}";
        assert_eq!(topic_of(template, &event(1)), Ok("k8s.prod-warning".to_owned()));
        let mut odd = event(1);
        odd.involved_object.namespace = "a/b".to_owned();
        assert!(topic_of(template, &odd).unwrap_err().contains("'/' is none of"));
        odd.involved_object.namespace.clear();
        let error = topic_of("{{.InvolvedObject.Namespace}}", &odd).unwrap_err();
        assert!(error.contains("at least one letter"), "{error}");
    }

    #[test]
    fn a_template_that_is_wrong_is_told() {
        for wrong in ["events-{{.Reasn}}", "events-{{", "events-{{.Reason | nothing}}"] {
            assert!(Topic::parse(wrong).is_err(), "{wrong}");
        }
    }
}
