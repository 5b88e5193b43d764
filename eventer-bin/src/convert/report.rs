//! What changes by a conversion, line by line.

use std::fmt::{self, Write as _};

use eventer_core::uri::nearest;

use crate::printable::printable;

/// How much a remark matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Weight {
    /// It worked there, and is not there here.
    Lost,
    /// It works, but not in the same way.
    Differs,
    /// Nothing that worked becomes different.
    Know,
}

/// One thing to know of a conversion.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Remark {
    /// How much it matters.
    pub(crate) weight: Weight,
    /// The line of the input, from 1; 0: no line of it.
    pub(crate) line: u64,
    /// Where: a key, a flag, a receiver. May be empty.
    pub(crate) place: String,
    /// What.
    pub(crate) text: String,
}

/// All that there is to know of a conversion. It shows no secret.
#[derive(Debug, Default)]
pub(crate) struct Report {
    remarks: Vec<Remark>,
}

impl Weight {
    const ALL: [Self; 3] = [Self::Lost, Self::Differs, Self::Know];

    fn heading(self) -> &'static str {
        match self {
            Self::Lost => "Cannot be taken over",
            Self::Differs => "Differs",
            Self::Know => "Only to know",
        }
    }
}

impl Report {
    /// Adds a remark.
    pub(super) fn add(
        &mut self,
        weight: Weight,
        line: u64,
        place: impl Into<String>,
        text: impl Into<String>,
    ) {
        let remark = Remark { weight, line, place: place.into(), text: text.into() };
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }

    /// Whether something could not be taken over.
    pub(crate) fn has_lost(&self) -> bool {
        self.remarks.iter().any(|remark| remark.weight == Weight::Lost)
    }
}

/// As Markdown, which a terminal shows well enough.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut remarks = self.remarks.clone();
        remarks.sort_by_key(|remark| (remark.weight, remark.line));
        if remarks.is_empty() {
            return f.write_str("Nothing changes.\n");
        }
        let mut text = String::new();
        for weight in Weight::ALL {
            let mut of_weight = remarks.iter().filter(|remark| remark.weight == weight).peekable();
            if of_weight.peek().is_none() {
                continue;
            }
            writeln!(text, "{}## {}\n", if text.is_empty() { "" } else { "\n" }, weight.heading())?;
            for Remark { line, place, text: what, .. } in of_weight {
                let line = if *line == 0 { String::new() } else { format!("line {line}: ") };
                let place = if place.is_empty() { String::new() } else { format!("`{place}`: ") };
                writeln!(text, "- {line}{}", printable(&format!("{place}{what}")))?;
            }
        }
        f.write_str(&text)
    }
}

/// The best guess of `known` at what `word` was meant to be, as the end of a sentence.
pub(super) fn did_you_mean<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    let guess = nearest(word, known.into_iter());
    guess.map(|word| format!("; did you mean \"{word}\"?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_most_stands_first_and_then_by_line() {
        let mut report = Report::default();
        report.add(Weight::Know, 3, "logLevel", "c");
        report.add(Weight::Lost, 9, "receivers.a", "b");
        report.add(Weight::Lost, 4, "", "a");
        report.add(Weight::Lost, 4, "", "a");
        report.add(Weight::Differs, 0, "updates", "d");
        assert_eq!(
            report.to_string(),
            "## Cannot be taken over\n\n- line 4: a\n- line 9: `receivers.a`: b\n\n## Differs\n\n- `updates`: d\n\n## Only to know\n\n- line 3: `logLevel`: c\n"
        );
        assert!(report.has_lost());
    }

    #[test]
    fn nothing_of_an_input_steers_the_terminal() {
        let mut report = Report::default();
        report.add(Weight::Know, 1, "k\u{1b}[31m", "it is\nno \u{202e}key");
        assert_eq!(
            report.to_string(),
            "## Only to know\n\n- line 1: `k\\u001b[31m`: it is\\u000ano \\u202ekey\n"
        );
    }

    #[test]
    fn only_what_is_close_is_suggested() {
        assert_eq!(did_you_mean("namespaces", ["kind", "namespace"]), "; did you mean \"namespace\"?");
        assert_eq!(did_you_mean("types", ["type", "host"]), "; did you mean \"type\"?");
        assert_eq!(did_you_mean("maxEventAgeSeconds", ["kind", "namespace"]), "");
    }
}
