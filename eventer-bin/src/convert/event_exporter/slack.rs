//! Slack: a bot's message, with what stood in an attachment as lines of it.

use super::receivers::{Options, Receiver, Workshop};
use crate::convert::report::Weight;
use crate::convert::yaml::Yaml;
use crate::document::Node;

const KEYS: &[&str] = &["token", "channel", "message", "color", "title", "author_name", "footer", "fields"];

/// The options of the sink.
pub(super) fn options(receiver: &Receiver<'_>, workshop: &mut Workshop<'_>) -> Options {
    let fields = receiver.fields(KEYS, workshop);
    let mut options = Options::new();
    match fields.text("token") {
        Some(token) => workshop.secret(&mut options, &receiver.name, "token", token),
        None => workshop.missing(&fields, "token"),
    }
    match fields.text("channel") {
        Some(channel) => options.push(("channel".to_owned(), Yaml::text(channel))),
        None => workshop.missing(&fields, "channel"),
    }
    let mut lines: Vec<String> = fields.text("message").map(escaped).into_iter().collect();
    let attached = fields.get("fields").and_then(Node::entries).unwrap_or_default();
    if attached.is_empty() {
        for key in ["color", "title", "author_name", "footer"] {
            if fields.text(key).is_some() {
                let text = "the tool uses it beside fields only, and there are none";
                workshop.report.add(Weight::Know, fields.line_of(key), fields.place_of(key), text);
            }
        }
    } else {
        lines.extend(fields.text("author_name").map(escaped));
        lines.extend(fields.text("title").map(|title| format!("*{}*", escaped(title))));
        // The tool sorts them.
        let mut attached: Vec<(&str, &str)> =
            attached.iter().map(|entry| (&*entry.key, entry.node.text().unwrap_or_default())).collect();
        attached.sort_unstable();
        lines.extend(
            attached.into_iter().map(|(key, value)| format!("*{}*: {}", escaped(key), escaped(value))),
        );
        lines.extend(fields.text("footer").map(|footer| format!("_{}_", escaped(footer))));
        let text = "fields, title, author_name and footer are lines of the message, where the tool made an attachment of them; \
                    the colour is that of the event's type, and shown beside fields= only";
        workshop.report.add(Weight::Differs, fields.line_of("fields"), fields.place_of("fields"), text);
    }
    if lines.is_empty() {
        workshop.missing(&fields, "message");
    } else {
        options.push(("text".to_owned(), Yaml::text(lines.join("\n"))));
    }
    options.push(("fields".to_owned(), Yaml::text("")));
    // A chat gets warnings only, if nobody says otherwise; here the condition says it.
    options.push(("level".to_owned(), Yaml::text("Normal")));
    let text = "at most 30 messages a minute are sent, and what has waited for 15 minutes is dropped and counted (rate= and \
                max_age=), and only Normal and Warning events; the tool knew no limit, and lost what Slack refused";
    workshop.report.add(Weight::Differs, receiver.line, receiver.place(), text);
    options
}

/// What stands outside of actions, escaped as the tool escaped the whole message: here it would be markup.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let (literal, action) = rest.split_at(rest.find("{{").unwrap_or(rest.len()));
        out.push_str(&literal.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"));
        let end = action.find("}}").map_or(action.len(), |end| end + 2);
        out.push_str(&action[..end]);
        rest = &action[end..];
        if rest.is_empty() {
            return out;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_no_markup_there_is_none_here() {
        assert_eq!(
            escaped("<!here> {{ if lt .Count 3 }}a & b{{ end }}"),
            "&lt;!here&gt; {{ if lt .Count 3 }}a &amp; b{{ end }}"
        );
        assert_eq!(escaped("{{ .Message }}"), "{{ .Message }}");
        assert_eq!(escaped("{{ open <"), "{{ open <");
    }
}
