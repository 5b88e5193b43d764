//! What writes lines: standard output, files, pipes.

use super::fields::Fields;
use super::receivers::{Options, Receiver, Workshop};
use crate::convert::report::Weight;
use crate::convert::yaml::Yaml;

/// The options for standard output.
pub(super) fn stdout(receiver: &Receiver<'_>, workshop: &mut Workshop<'_>) -> Options {
    let fields = receiver.fields(&["deDot", "layout"], workshop);
    json_lines(&fields, workshop)
}

/// The kind and the options for a file, which may be a stream.
pub(super) fn file(receiver: &Receiver<'_>, workshop: &mut Workshop<'_>) -> (&'static str, Options) {
    const KEYS: &[&str] = &["path", "layout", "deDot", "maxsize", "maxage", "maxbackups"];
    let fields = receiver.fields(KEYS, workshop);
    let path = fields.text("path");
    if let Some(stream) = path.and_then(Stream::of) {
        let text = match stream {
            Stream::Output => {
                "it is standard output, and never rotated: the tool ended to write there when it had written maxsize"
            }
            Stream::Error => "the program's own log is on standard error; the events go to standard output",
        };
        let weight = if stream == Stream::Output { Weight::Know } else { Weight::Differs };
        workshop.report.add(weight, fields.line_of("path"), fields.place_of("path"), text);
        return ("log", json_lines(&fields, workshop));
    }
    let mut options = Options::new();
    match path {
        Some(path) => options.push(("endpoint".to_owned(), Yaml::text(path))),
        None => workshop.missing(&fields, "path"),
    }
    let number = |key: &str| fields.text(key).and_then(|text| text.parse::<u32>().ok()).unwrap_or(0);
    let size = match number("maxsize") {
        0 => 100,
        size => size,
    };
    options.push(("rotate_size".to_owned(), Yaml::text(format!("{size}Mi"))));
    let keep = match number("maxbackups") {
        // The tool keeps them all.
        0 => 1000,
        keep => keep,
    };
    options.push(("keep".to_owned(), Yaml::plain(keep)));
    options.push(("gzip".to_owned(), Yaml::plain(false)));
    if number("maxage") > 0 {
        let text = format!(
            "old files go by their number, not by their age: keep={keep}; rotate_every=24h makes one a day"
        );
        workshop.report.add(Weight::Differs, fields.line_of("maxage"), fields.place_of("maxage"), text);
    }
    options.extend(json_lines(&fields, workshop));
    ("file", options)
}

/// The kind and the options for a pipe, which is emptied at the start if it is a file.
pub(super) fn pipe(receiver: &Receiver<'_>, workshop: &mut Workshop<'_>) -> (&'static str, Options) {
    let fields = receiver.fields(&["path", "layout", "deDot"], workshop);
    let path = fields.text("path");
    if path.and_then(Stream::of).is_some() {
        return ("log", json_lines(&fields, workshop));
    }
    let mut options = Options::new();
    match path {
        Some(path) => options.push(("endpoint".to_owned(), Yaml::text(path))),
        None => workshop.missing(&fields, "path"),
    }
    let text = "a regular file is appended to, where the tool emptied it at the start; a pipe is written to as before";
    workshop.report.add(Weight::Know, receiver.line, receiver.place(), text);
    options.push(("rotate_size".to_owned(), Yaml::text("0")));
    options.extend(json_lines(&fields, workshop));
    ("file", options)
}

/// A file that is one of the process' streams.
#[derive(Clone, Copy, PartialEq)]
enum Stream {
    Output,
    Error,
}

impl Stream {
    fn of(path: &str) -> Option<Self> {
        match path {
            "/dev/stdout" | "/dev/fd/1" | "/proc/1/fd/1" | "/proc/self/fd/1" => Some(Self::Output),
            "/dev/stderr" | "/dev/fd/2" | "/proc/1/fd/2" | "/proc/self/fd/2" => Some(Self::Error),
            _ => None,
        }
    }
}

/// What makes a line of JSON.
fn json_lines(fields: &Fields<'_>, workshop: &mut Workshop<'_>) -> Options {
    vec![("layout".to_owned(), workshop.layout(fields))]
}
