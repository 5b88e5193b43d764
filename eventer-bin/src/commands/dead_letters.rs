//! What is told of dead letters. Pure.

use eventer_core::Event;
use eventer_core::store::DeadLetter;
use eventer_core::time::{rfc3339_micros, rfc3339_seconds};
use serde::Serialize;
use serde_json::value::RawValue;

use super::json;
use super::table::{object, one_line, table};
use crate::args::Output;

/// The most characters of a reason in a list.
const REASON_COLUMNS: usize = 80;

/// A line for each.
pub(super) fn list(letters: &[DeadLetter], output: Output) -> String {
    if output == Output::Json {
        let letters: Vec<Letter<'_>> = letters.iter().map(|letter| Letter::new(letter, false)).collect();
        return json(&letters);
    }
    if letters.is_empty() {
        return "no dead letters\n".to_owned();
    }
    let rows = letters.iter().map(|letter| {
        let event = event(letter);
        [
            letter.id.to_string(),
            rfc3339_seconds(letter.at),
            one_line(&letter.sink, usize::MAX),
            state(letter).to_owned(),
            one_line(&object(&event.involved_object), usize::MAX),
            one_line(&event.reason, usize::MAX),
            one_line(&letter.reason, REASON_COLUMNS),
        ]
    });
    table(["ID", "REJECTED", "SINK", "STATE", "OBJECT", "EVENT", "REASON"], rows)
}

/// All of each.
pub(super) fn show(letters: &[DeadLetter], output: Output) -> String {
    if output == Output::Json {
        let letters: Vec<Letter<'_>> = letters.iter().map(|letter| Letter::new(letter, true)).collect();
        return json(&letters);
    }
    if letters.is_empty() {
        return "no dead letters\n".to_owned();
    }
    let pages: Vec<String> = letters
        .iter()
        .map(|letter| {
            format!(
                "id:        {}\nsink:      {}\nrejected:  {}\nstate:     {}\nreason:    {}\nevent:\n{}\n",
                letter.id,
                one_line(&letter.sink, usize::MAX),
                rfc3339_micros(letter.at),
                state(letter),
                one_line(&letter.reason, usize::MAX),
                pretty(letter),
            )
        })
        .collect();
    pages.join("\n")
}

/// How many are to be delivered again.
pub(super) fn replayed(letters: usize, output: Output) -> String {
    #[derive(Serialize)]
    struct Replayed {
        replaying: usize,
    }
    match output {
        Output::Json => json(&Replayed { replaying: letters }),
        Output::Text if letters == 0 => "no dead letters\n".to_owned(),
        Output::Text => format!(
            "{}: the process that has the directory begins within seconds, or else the next one; one that is rejected \
             again is a new dead letter\n",
            counted(letters, "is to be delivered again", "are to be delivered again"),
        ),
    }
}

/// How many have been deleted.
pub(super) fn dropped(letters: usize, output: Output) -> String {
    #[derive(Serialize)]
    struct Dropped {
        dropped: usize,
    }
    match output {
        Output::Json => json(&Dropped { dropped: letters }),
        Output::Text if letters == 0 => "no dead letters\n".to_owned(),
        Output::Text => format!("{}\n", counted(letters, "is deleted", "are deleted")),
    }
}

#[derive(Serialize)]
struct Letter<'a> {
    id: i64,
    at: String,
    sink: &'a str,
    reason: &'a str,
    replaying: bool,
    object: String,
    event_reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a RawValue>,
}

impl<'a> Letter<'a> {
    fn new(letter: &'a DeadLetter, is_whole: bool) -> Self {
        let event = event(letter);
        Self {
            id: letter.id,
            at: rfc3339_micros(letter.at),
            sink: &letter.sink,
            reason: &letter.reason,
            replaying: letter.is_replaying,
            object: object(&event.involved_object),
            event_reason: event.reason,
            event: is_whole.then_some(&*letter.event),
        }
    }
}

/// What cannot be read is an event that nothing is known of.
fn event(letter: &DeadLetter) -> Event {
    serde_json::from_str(letter.event.get()).unwrap_or_default()
}

/// JSON escapes what would steer a terminal.
fn pretty(letter: &DeadLetter) -> String {
    let pretty = serde_json::from_str::<Event>(letter.event.get())
        .and_then(|event| serde_json::to_string_pretty(&event));
    pretty.unwrap_or_else(|_| letter.event.get().to_owned())
}

fn state(letter: &DeadLetter) -> &'static str {
    if letter.is_replaying { "replaying" } else { "kept" }
}

fn counted(letters: usize, one: &str, many: &str) -> String {
    match letters {
        1 => format!("1 dead letter {one}"),
        _ => format!("{letters} dead letters {many}"),
    }
}
