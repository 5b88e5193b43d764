//! kube-eventer's text of an event, for people to read in a chat. Pure.

use eventer_core::Event;

/// The text of `event` up to its message, which follows: the labels, each on a line, the last one first; then a field a
/// line, with a space before each line feed. `time` is the event's, in the form that the sink writes.
///
/// Namespace and name are those of the Event itself, not of the object that it is about.
pub(crate) fn text(event: &Event, labels: &[String], time: &str) -> String {
    let mut text: String = labels.iter().rev().flat_map(|label| [label.as_str(), "\n"]).collect();
    let fields = [
        ("Level", event.event_type.as_str()),
        ("Kind", &event.involved_object.kind),
        ("Namespace", &event.metadata.namespace),
        ("Name", &event.metadata.name),
        ("Reason", &event.reason),
        ("Timestamp", time),
    ];
    for (name, value) in fields {
        text.extend([name, ":", value, " \n"]);
    }
    text.push_str("Message:");
    text
}
