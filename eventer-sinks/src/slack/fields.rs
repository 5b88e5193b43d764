//! The fields under a message: their words in `fields=`, their labels, and what they say of an event. Pure.

use eventer_core::time::rfc3339_seconds;
use eventer_core::{Event, OptionValue};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::mrkdwn::escape;

/// The most fields that Slack takes in a section.
const MOST: usize = 10;
/// The longest text of a field that Slack takes, its label included.
pub(super) const FIELD_TEXT: usize = 2000;

/// What can be shown of an event, by its word, with its label.
const KNOWN: [(&str, &str, Field); 13] = [
    ("type", "Type", Field::Type),
    ("reason", "Reason", Field::Reason),
    ("object", "Object", Field::Object),
    ("kind", "Kind", Field::Kind),
    ("namespace", "Namespace", Field::Namespace),
    ("name", "Name", Field::Name),
    ("count", "Count", Field::Count),
    ("component", "Component", Field::Component),
    ("host", "Host", Field::Host),
    ("cluster", "Cluster", Field::Cluster),
    ("action", "Action", Field::Action),
    ("first_seen", "First seen", Field::FirstSeen),
    ("last_seen", "Last seen", Field::LastSeen),
];

/// The fields to show, in their order.
#[derive(Clone, Debug)]
pub(super) struct Fields(Vec<(&'static str, Field)>);

#[derive(Clone, Copy, Debug)]
enum Field {
    Type,
    Reason,
    Object,
    Kind,
    Namespace,
    Name,
    Count,
    Component,
    Host,
    Cluster,
    Action,
    FirstSeen,
    LastSeen,
}

impl OptionValue for Fields {
    fn parse_option(text: &str) -> Result<Self, String> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let fields: Result<Vec<_>, String> = words.map(named).collect();
        let fields = fields?;
        if fields.len() > MOST {
            return Err(format!("Slack shows {MOST} fields at most, and these are {}", fields.len()));
        }
        Ok(Self(fields))
    }
}

impl Fields {
    /// The fields that the event has something to say of, as markup, times in the reader's zone, or else in `zone`.
    pub(super) fn of(&self, event: &Event, zone: &TimeZone) -> Vec<String> {
        let texts = self.0.iter().filter_map(|(label, field)| {
            let frame = label.len() + "**\n".len();
            let value = value(*field, event, zone, FIELD_TEXT - frame)?;
            Some(format!("*{label}*\n{value}"))
        });
        texts.collect()
    }
}

fn named(word: &str) -> Result<(&'static str, Field), String> {
    let known = KNOWN.iter().find(|(known, ..)| *known == word).map(|(_, label, field)| (*label, *field));
    known.ok_or_else(|| {
        let words = KNOWN.map(|(word, ..)| word).join(", ");
        format!("\"{word}\" is no field; known are {words}")
    })
}

/// What the event says, as markup of at most `limit`; `None` if it says nothing.
fn value(field: Field, event: &Event, zone: &TimeZone, limit: usize) -> Option<String> {
    let object = &event.involved_object;
    let text = match field {
        Field::Type => event.event_type.as_str(),
        Field::Reason => &event.reason,
        Field::Object => &object_name(event),
        Field::Kind => &object.kind,
        Field::Namespace => event.object_namespace(),
        Field::Name => &object.name,
        Field::Count => &event.count().to_string(),
        Field::Component => event.component(),
        Field::Host => host(event),
        Field::Cluster => event.cluster.as_deref().unwrap_or_default(),
        Field::Action => &event.action,
        Field::FirstSeen => return first_seen(event).map(|at| date(at, zone)),
        Field::LastSeen => return last_seen(event).map(|at| date(at, zone)),
    };
    let text = text.trim();
    (!text.is_empty()).then(|| escape(text, limit))
}

/// The object in a word: namespace and name, or the name of one without a namespace.
pub(super) fn object_name(event: &Event) -> String {
    let object = &event.involved_object;
    match object.namespace.as_str() {
        "" => object.name.clone(),
        namespace => format!("{namespace}/{}", object.name),
    }
}

/// The node that it was reported from. The new form names an instance, which is a node for kubelets only, and else tells
/// more than nothing.
fn host(event: &Event) -> &str {
    if event.source.host.is_empty() { &event.reporting_instance } else { &event.source.host }
}

/// When it was first seen, if that tells more than when it was last seen.
fn first_seen(event: &Event) -> Option<Timestamp> {
    let first = event.first_timestamp.or(event.event_time).or(event.metadata.creation_timestamp)?;
    (first.as_second() != event.last_seen().as_second()).then_some(first)
}

/// When it was last seen. An event without any time, read from a file, tells none.
fn last_seen(event: &Event) -> Option<Timestamp> {
    let last = event.last_seen();
    (last != Timestamp::UNIX_EPOCH).then_some(last)
}

/// Slack shows it in the reader's own zone; what cannot (a search, an export) gets it in `zone`.
fn date(at: Timestamp, zone: &TimeZone) -> String {
    let fallback = if *zone == TimeZone::UTC {
        rfc3339_seconds(at)
    } else {
        at.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    };
    format!("<!date^{}^{{date_num}} {{time_secs}}|{fallback}>", at.as_second())
}

#[cfg(test)]
mod tests {
    use eventer_testkit::events;

    use super::*;

    const ALL_BUT_THREE: &str =
        "type, reason,object,namespace,count,component,host,cluster,first_seen,last_seen";

    fn golden(number: usize) -> Event {
        serde_json::from_str(events::golden_input(number)).unwrap()
    }

    #[test]
    fn fields_say_what_the_event_says_and_those_that_would_say_nothing_are_left_out() {
        let fields = Fields::parse_option(ALL_BUT_THREE).unwrap();
        assert_eq!(
            fields.of(&golden(4), &TimeZone::UTC),
            [
                "*Type*\nWarning",
                "*Reason*\nFailedScheduling",
                "*Object*\nbatch/big-pod",
                "*Namespace*\nbatch",
                "*Count*\n3",
                "*Component*\ndefault-scheduler",
                "*Host*\ndefault-scheduler-master-1",
                "*First seen*\n<!date^1714979292^{date_num} {time_secs}|2024-05-06T07:08:12Z>",
                "*Last seen*\n<!date^1714979892^{date_num} {time_secs}|2024-05-06T07:18:12Z>",
            ]
        );
        let once = Fields::parse_option("namespace,action,first_seen,kind,name").unwrap();
        assert_eq!(once.of(&golden(3), &TimeZone::UTC), ["*Kind*\nNode", "*Name*\nnode-1"]);
        let blank = Fields::parse_option(ALL_BUT_THREE).unwrap();
        assert_eq!(blank.of(&Event::default(), &TimeZone::UTC), ["*Count*\n1"]);
    }

    #[test]
    fn a_time_falls_back_to_the_zone_of_the_process() {
        let shanghai = TimeZone::get("Asia/Shanghai").unwrap();
        let fields = Fields::parse_option("last_seen").unwrap();
        assert_eq!(
            fields.of(&golden(3), &shanghai),
            ["*Last seen*\n<!date^1714979291^{date_num} {time_secs}|2024-05-06T15:08:11+08:00>"]
        );
    }

    #[test]
    fn a_list_is_of_known_words_and_not_longer_than_slack_shows() {
        assert!(Fields::parse_option("").unwrap().0.is_empty());
        let error = Fields::parse_option("count,colour").unwrap_err();
        assert!(error.starts_with("\"colour\" is no field; known are type, reason,"), "{error}");
        assert!(Fields::parse_option(ALL_BUT_THREE).is_ok());
        let error = Fields::parse_option(&format!("{ALL_BUT_THREE},kind")).unwrap_err();
        assert_eq!(error, "Slack shows 10 fields at most, and these are 11");
    }
}
