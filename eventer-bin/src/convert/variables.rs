//! Variables as Go's `os.ExpandEnv` finds them. They are not put in but marked, so that they can be written again.
//!
//! Both tools expand text before they read it, and know no escape. A mark is a character of a private area, which YAML takes
//! anywhere in a plain text, where the braces of `${NAME}` would be read as a map.

use std::ops::Range;

/// Begins a variable; its name and [`END`] follow.
const VARIABLE: char = '\u{E000}';
/// Begins what the tool made nothing of; its number and [`END`] follow.
const LOST: char = '\u{E001}';
/// Ends both.
const END: char = '\u{E002}';

/// Text with its variables marked.
#[derive(Debug, Default)]
pub(super) struct Marked {
    /// The text.
    pub(super) text: String,
    /// What was written where the tool made nothing of it, by number.
    pub(super) lost: Vec<Lost>,
}

/// What the tool made nothing of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// `$$`, `$5` and the like: a variable of the shell, which a process does not have.
    Special(char),
    /// `${A:-d}` and the like: no variable has such a name.
    Odd,
    /// `${}` and a `${` that nothing closes.
    Open,
}

impl Lost {
    /// What was written, for people. A default may be a secret, and is not shown.
    pub(super) fn written(&self) -> String {
        match self {
            Self::Special(c) => format!("${c}"),
            Self::Odd => "${…} around something that is no name".to_owned(),
            Self::Open => "a ${ without a name".to_owned(),
        }
    }
}

/// Marks the variables in `text`.
pub(super) fn mark(text: &str) -> Marked {
    let mut marked = Marked::default();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        marked.text.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        let (what, width) = shell_name(behind);
        match what {
            Some(Name::Variable(name)) => {
                marked.text.push(VARIABLE);
                marked.text.push_str(name);
                marked.text.push(END);
            }
            Some(Name::Lost(lost)) => {
                marked.text.push_str(&format!("{LOST}{}{END}", marked.lost.len()));
                marked.lost.push(lost);
            }
            None => marked.text.push('$'),
        }
        rest = &behind[width..];
    }
    marked.text.push_str(rest);
    marked
}

enum Name<'t> {
    Variable(&'t str),
    Lost(Lost),
}

/// What follows a dollar, and how many bytes of it belong to it; as Go's `getShellName`.
fn shell_name(text: &str) -> (Option<Name<'_>>, usize) {
    let is_special = |c: char| c.is_ascii_digit() || matches!(c, '*' | '#' | '$' | '@' | '!' | '?' | '-');
    match text.chars().next() {
        Some('{') => match text.find('}') {
            Some(1) => (Some(Name::Lost(Lost::Open)), 2),
            Some(end) => (Some(name(&text[1..end])), end + 1),
            None => (Some(Name::Lost(Lost::Open)), 1),
        },
        Some(c) if is_special(c) => (Some(Name::Lost(Lost::Special(c))), 1),
        _ => {
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let end = text.find(|c| !is_word(c)).unwrap_or(text.len());
            if end == 0 { (None, 0) } else { (Some(Name::Variable(&text[..end])), end) }
        }
    }
}

fn name(inner: &str) -> Name<'_> {
    if is_name(inner) { Name::Variable(inner) } else { Name::Lost(Lost::Odd) }
}

/// Whether a variable can have this name.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Takes the marks of what the tool made nothing of out of `text`, and gives their numbers.
pub(super) fn take_lost(text: &mut String) -> Vec<usize> {
    let mut numbers = Vec::new();
    while let Some(range) = find(text, LOST) {
        numbers.extend(text[inner(&range)].parse::<usize>());
        text.replace_range(range, "");
    }
    numbers
}

/// Whether a variable stands in `text`.
pub(super) fn has_any(text: &str) -> bool {
    text.contains(VARIABLE)
}

/// The names of the variables in `text`.
pub(super) fn names(text: &str) -> Vec<String> {
    let parts = text.split(VARIABLE).skip(1);
    parts.filter_map(|part| part.split(END).next()).map(str::to_owned).collect()
}

/// `text` as it is written into our file, where `${NAME}` is a variable and `$${` a `${`.
pub(super) fn written(text: &str) -> String {
    let mut out = text.replace("${", "$${");
    while let Some(range) = find(&out, VARIABLE) {
        let variable = format!("${{{}}}", &out[inner(&range)]);
        out.replace_range(range, &variable);
    }
    out
}

/// `text` as people read it in the report.
pub(super) fn shown(text: &str) -> String {
    written(text).replace("$${", "${")
}

/// Where a template declares a variable that was taken for one of the environment, makes one of the template of it again.
/// Gives their names.
pub(super) fn restore_template_variables(text: &mut String) -> Vec<String> {
    let mut declared: Vec<String> = Vec::new();
    for action in text.split("{{").skip(1) {
        let action = action.split("}}").next().unwrap_or_default();
        if let Some((before, _)) = action.split_once(":=") {
            declared.extend(names(before));
        }
    }
    declared.sort();
    declared.dedup();
    for name in &declared {
        *text = text.replace(&format!("{VARIABLE}{name}{END}"), &format!("${name}"));
    }
    declared
}

fn find(text: &str, begin: char) -> Option<Range<usize>> {
    let start = text.find(begin)?;
    let length = text[start..].find(END)?;
    Some(start..start + length + END.len_utf8())
}

fn inner(range: &Range<usize>) -> Range<usize> {
    range.start + VARIABLE.len_utf8()..range.end - END.len_utf8()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found_as_go_finds_them_and_written_as_we_read_them() {
        for (given, expected) in [
            ("a $NAME b ${OTHER}c", "a ${NAME} b ${OTHER}c"),
            ("$A_1-$B.", "${A_1}-${B}."),
            ("^kube-system$", "^kube-system$"),
            ("^(a|b)$|$)", "^(a|b)$|$)"),
            ("costs 5$ only", "costs 5$ only"),
        ] {
            let marked = mark(given);
            assert_eq!(written(&marked.text), expected);
            assert_eq!(marked.lost, []);
        }
    }

    #[test]
    fn what_the_tool_made_nothing_of_is_taken_out_and_told() {
        for (given, expected, lost) in [
            ("p@$$w0rd", "p@w0rd", Lost::Special('$')),
            ("$5.00", ".00", Lost::Special('5')),
            ("a${B:-c}d", "ad", Lost::Odd),
            ("a${}b", "ab", Lost::Open),
            ("a${b", "ab", Lost::Open),
            ("${1}x", "x", Lost::Odd),
        ] {
            let Marked { mut text, lost: told } = mark(given);
            assert_eq!(take_lost(&mut text), [0], "{given}");
            assert_eq!((&*text, told), (expected, vec![lost]), "{given}");
        }
    }

    #[test]
    fn what_is_literal_here_is_escaped() {
        assert_eq!(written("a ${b} c"), "a $${b} c");
        assert_eq!(shown("a ${b} c"), "a ${b} c");
    }

    #[test]
    fn a_variable_that_a_template_declares_is_the_templates_own() {
        let mut text = mark("{{ range $i, $x := .Series }}{{ $x }}{{ $HOME }}{{ end }}").text;
        assert_eq!(restore_template_variables(&mut text), ["i", "x"]);
        assert_eq!(written(&text), "{{ range $i, $x := .Series }}{{ $x }}{{ ${HOME} }}{{ end }}");
        assert_eq!(names(&text), ["HOME"]);
    }
}
