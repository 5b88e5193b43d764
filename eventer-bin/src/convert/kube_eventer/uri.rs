//! A `--source` or a `--sink`, cut as the tool cuts it, with its variables marked.

use crate::convert::report::{Report, Weight};
use crate::convert::variables;

/// `kind:endpoint?option=value&…`
#[derive(Debug)]
pub(super) struct Uri {
    /// The kind.
    pub(super) kind: String,
    /// What stands before the query.
    pub(super) endpoint: String,
    /// The query: names and values, decoded, and each pair as it was written.
    pairs: Vec<Pair>,
}

#[derive(Debug)]
struct Pair {
    name: String,
    value: String,
    written: String,
}

impl Uri {
    /// Reads the value of `flag`.
    pub(super) fn read(text: &str, line: u64, flag: &str, report: &mut Report) -> Self {
        let mut marked = variables::mark(text);
        for number in variables::take_lost(&mut marked.text) {
            let Some(lost) = marked.lost.get(number) else { continue };
            let told = format!(
                "{} was taken for a variable that is not there: the tool has no way to write a dollar. If one was meant, add it \
                 by hand",
                lost.written()
            );
            report.add(Weight::Know, line, flag, told);
        }
        let (kind, rest) = marked.text.split_once(':').unwrap_or((&marked.text, ""));
        // A shell takes these off; a manifest has no shell.
        let kind = kind.trim_matches(['"', '\'']);
        let rest = rest.trim_matches(['"', '\'']);
        let flag = format!("{flag} {kind}");
        let rest = match rest.split_once('#') {
            Some((before, _)) => {
                let told = "the tool ends the URI at its #, and so it was read here; write %23 for one that is part of a value";
                report.add(Weight::Differs, line, flag, told);
                before
            }
            None => rest,
        };
        let (endpoint, query) = rest.split_once('?').unwrap_or((rest, ""));
        // People leave the option's question mark out, since the URL of a robot has one.
        let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Pair { name: decode(name), value: decode(value), written: pair.to_owned() }
        });
        let pairs = pairs.collect();
        let endpoint =
            endpoint.strip_prefix("//").map_or(endpoint.to_owned(), |rest| format!("https://{rest}"));
        Self {
            kind: kind.to_owned(),
            endpoint: if endpoint == "''" { String::new() } else { endpoint },
            pairs,
        }
    }

    /// Names and values, in their order.
    pub(super) fn options(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|pair| (&*pair.name, &*pair.value))
    }

    /// The query of what is no option, as it was written.
    pub(super) fn rest(&self, is_option: impl Fn(&str) -> bool) -> String {
        let rest: Vec<&str> =
            self.pairs.iter().filter(|pair| !is_option(&pair.name)).map(|pair| &*pair.written).collect();
        rest.join("&")
    }
}

/// Decodes `+` and percent escapes.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match (first, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
        rest = tail;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_is_cut_into_its_parts() {
        let uri = Uri::read("webhook:https://h/p?a=1&level=x%20y&b=%26", 1, "--sink", &mut Report::default());
        assert_eq!((&*uri.kind, &*uri.endpoint), ("webhook", "https://h/p"));
        assert_eq!(uri.options().collect::<Vec<_>>(), [("a", "1"), ("level", "x y"), ("b", "&")]);
        assert_eq!(uri.rest(|name| name == "level"), "a=1&b=%26");
        let uri = Uri::read("log", 1, "--sink", &mut Report::default());
        assert_eq!((&*uri.kind, &*uri.endpoint), ("log", ""));
    }
}
