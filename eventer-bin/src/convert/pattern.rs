//! Regular expressions of RE2, and the simpler questions that some of them are.

use eventer_core::re2;

use super::variables;

/// What a regular expression asks of a text in which it is searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    /// Any text will do.
    Any,
    /// It does not compile, and so finds nothing, for this reason.
    Invalid(String),
    /// The text is one of these.
    OneOf(Vec<String>),
    /// The text has this in it.
    Contains(String),
    /// The text begins so.
    StartsWith(String),
    /// The text ends so.
    EndsWith(String),
    /// Nothing simpler: the expression itself.
    Matches(String),
}

impl Pattern {
    /// Reads a regular expression. One with a variable is what it is.
    pub(super) fn read(text: &str) -> Self {
        if variables::has_any(text) {
            return Self::Matches(text.to_owned());
        }
        if let Err(reason) = compile(text) {
            return Self::Invalid(reason);
        }
        simple(text).unwrap_or_else(|| Self::Matches(with_braces(text)))
    }

    /// Whether the empty text may pass.
    pub(super) fn takes_nothing(&self) -> bool {
        match self {
            Self::Any => true,
            Self::Invalid(_) => false,
            Self::OneOf(words) => words.iter().any(String::is_empty),
            Self::Contains(word) | Self::StartsWith(word) | Self::EndsWith(word) => word.is_empty(),
            Self::Matches(text) => variables::has_any(text) || compile(text).is_ok_and(|finds| finds("")),
        }
    }
}

/// Compiles an expression of RE2.
pub(super) fn compile(text: &str) -> Result<impl Fn(&str) -> bool, String> {
    if let Some(operator) = stacked_repetition(text) {
        return Err(format!(
            "\"{text}\" is no regular expression: two repetitions stand in a row, {operator}"
        ));
    }
    let regex = re2::compile(&with_braces(text))?;
    Ok(move |value: &str| regex.is_match(value))
}

/// The expression with each brace escaped that repeats nothing: to RE2 it is a brace, to others a mistake.
fn with_braces(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut is_class = false;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                out.push(c);
                out.extend(chars.next().map(|(_, escaped)| escaped));
                continue;
            }
            '[' => is_class = true,
            ']' => is_class = false,
            '{' if !is_class && !is_repetition(&text[at + 1..]) && !out.ends_with(['p', 'P', 'x']) => {
                out.push('\\')
            }
            _ => {}
        }
        out.push(c);
    }
    out
}

/// Whether `2}`, `2,}` or `2,3}` stands here.
fn is_repetition(text: &str) -> bool {
    let Some((inner, _)) = text.split_once('}') else { return false };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match inner.split_once(',') {
        Some((least, most)) => is_number(least) && (most.is_empty() || is_number(most)),
        None => is_number(inner),
    }
}

/// Two repetitions in a row, which RE2 does not take.
fn stacked_repetition(text: &str) -> Option<String> {
    let mut chars = text.chars().peekable();
    let mut before = None;
    let mut is_class = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '[' => is_class = true,
            ']' => is_class = false,
            '*' | '+' | '?' if !is_class => {
                if let Some(before) = before {
                    return Some(format!("{before}{c}"));
                }
                // A question mark behind it makes it lazy; one behind a bracket is a flag.
                chars.next_if_eq(&'?');
                before = Some(c);
                continue;
            }
            '(' => drop(chars.next_if_eq(&'?')),
            _ => {}
        }
        before = None;
    }
    None
}

/// The simpler question that an expression is, if it is one. A text may have lines: `.` stands for no line end, and `^`
/// and `$` for the ends of the whole text.
fn simple(text: &str) -> Option<Pattern> {
    if let Some(words) = alternatives(text, |word| literal(word.strip_prefix('^')?.strip_suffix('$')?))
        && words.len() > 1
    {
        return Some(Pattern::OneOf(words));
    }
    // What may be anything in front or behind says nothing, unless an anchor stands outside of it.
    let mut rest = text;
    while let Some(shorter) = rest.strip_prefix(".*").filter(|shorter| !begins_repetition(shorter)) {
        rest = shorter;
    }
    while let Some(shorter) = rest.strip_suffix(".*").filter(|shorter| !shorter.ends_with('\\')) {
        rest = shorter;
    }
    let (is_begin, rest) = strip(rest, str::strip_prefix, '^');
    let (is_end, rest) = strip(rest, str::strip_suffix, '$');
    let rest = if rest.ends_with('\\') { return None } else { rest };
    let words = match group(rest) {
        Some(inner) => alternatives(inner, literal)?,
        None => vec![literal(rest)?],
    };
    match (is_begin, is_end, &words[..]) {
        (true, true, _) => Some(Pattern::OneOf(words)),
        (_, _, [word]) if word.is_empty() => Some(Pattern::Any),
        (true, false, [word]) => Some(Pattern::StartsWith(word.clone())),
        (false, true, [word]) => Some(Pattern::EndsWith(word.clone())),
        (false, false, [word]) => Some(Pattern::Contains(word.clone())),
        _ => None,
    }
}

fn strip<'t>(
    text: &'t str,
    strip: impl Fn(&'t str, char) -> Option<&'t str>,
    anchor: char,
) -> (bool, &'t str) {
    strip(text, anchor).map_or((false, text), |rest| (true, rest))
}

fn begins_repetition(text: &str) -> bool {
    text.starts_with(['*', '+', '?', '{'])
}

/// What stands in the brackets, if they are around all of it and there are no others.
fn group(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('(')?.strip_suffix(')')?;
    Some(inner.strip_prefix("?:").unwrap_or(inner))
}

/// The words between bars, if each of them is `plain`.
fn alternatives(text: &str, plain: impl Fn(&str) -> Option<String>) -> Option<Vec<String>> {
    let mut words: Vec<String> = text.split('|').map(plain).collect::<Option<_>>()?;
    let mut seen = std::collections::BTreeSet::new();
    words.retain(|word| seen.insert(word.clone()));
    Some(words)
}

/// The text that an expression stands for, if it stands for one.
fn literal(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.push(chars.next().filter(char::is_ascii_punctuation)?),
            '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$' => return None,
            c => out.push(c),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Pattern {
        Pattern::OneOf(words.iter().map(|word| (*word).to_owned()).collect())
    }

    #[test]
    fn simple_expressions_are_simple_questions() {
        let contains = |word: &str| Pattern::Contains(word.to_owned());
        for (text, expected) in [
            ("^Pod$", words(&["Pod"])),
            ("^(Pod|Node|Pod)$", words(&["Pod", "Node"])),
            ("^(?:a\\.b|c-d)$", words(&["a.b", "c-d"])),
            ("^a$|^b$", words(&["a", "b"])),
            ("^$", words(&[""])),
            ("Pod", contains("Pod")),
            ("(Pod)", contains("Pod")),
            (".*test.*", contains("test")),
            ("kube-.*", contains("kube-")),
            ("^kube-", Pattern::StartsWith("kube-".to_owned())),
            ("^kube-.*", Pattern::StartsWith("kube-".to_owned())),
            ("-system$", Pattern::EndsWith("-system".to_owned())),
            (".*", Pattern::Any),
            ("^.*", Pattern::Any),
            ("^", Pattern::Any),
        ] {
            assert_eq!(Pattern::read(text), expected, "{text}");
        }
    }

    #[test]
    fn what_a_line_end_or_a_bar_makes_different_stays_an_expression() {
        for text in [
            "^kube-.*$",
            "^.*-system",
            "^.*$",
            "a|b",
            "^a|b$",
            "^(a|b)",
            "(a|b)c",
            "a.b",
            "(?i)pod",
            "[Pp]od",
            "a+",
            "a\\d",
            "a\\.*",
            "a\\$",
            "(a)(b)",
            ".*?a|",
            ".+",
            "^(a)|(b)$",
        ] {
            let pattern = Pattern::read(text);
            let is_kept = pattern == Pattern::Matches(text.to_owned());
            assert!(
                is_kept || text == "a\\$" && pattern == Pattern::Contains("a$".to_owned()),
                "{text}: {pattern:?}"
            );
        }
    }

    #[test]
    fn each_simple_question_has_the_answer_of_the_expression() {
        let parts = ["^", "$", ".*", "a", "b", "|", "(", ")", "\\.", "?:", "a|b", "\n"];
        let texts = ["", "a", "b", "ab", "a.b", ".", "\n", "a\nb", "\na", "b\n", "aab", "b.a"];
        let mut random = fastrand::Rng::with_seed(7);
        let mut simple = 0;
        for _ in 0..40_000 {
            let text: String = (0..random.usize(0..7)).map(|_| *random.choice(&parts).unwrap()).collect();
            let Ok(finds) = compile(&text) else {
                assert!(matches!(Pattern::read(&text), Pattern::Invalid(_)), "{text:?}");
                continue;
            };
            let pattern = Pattern::read(&text);
            simple += usize::from(!matches!(pattern, Pattern::Matches(_)));
            for value in texts {
                let answer = match &pattern {
                    Pattern::Any => true,
                    Pattern::Invalid(reason) => panic!("{text:?}: {reason}"),
                    Pattern::OneOf(words) => words.iter().any(|word| word == value),
                    Pattern::Contains(word) => value.contains(word),
                    Pattern::StartsWith(word) => value.starts_with(word),
                    Pattern::EndsWith(word) => value.ends_with(word),
                    Pattern::Matches(_) => continue,
                };
                assert_eq!(answer, finds(value), "{text:?} as {pattern:?} on {value:?}");
            }
        }
        assert!(simple > 2000, "{simple}");
    }

    #[test]
    fn a_brace_that_repeats_nothing_is_a_brace() {
        for (text, value) in
            [("container{web}", "container{web}"), ("a{,2}", "a{,2}"), ("a{2}", "aa"), ("\\p{Lu}{b", "A{b")]
        {
            assert!(compile(text).unwrap()(value), "{text}");
        }
        assert_eq!(Pattern::read("a{b}.c"), Pattern::Matches("a\\{b}.c".to_owned()));
    }

    #[test]
    fn what_re2_does_not_take_is_invalid() {
        for text in ["*test*", "a**", "a*+", "(a", "[a", "a(?=b)", "(a)\\1", "a{2,1}"] {
            assert!(matches!(Pattern::read(text), Pattern::Invalid(_)), "{text}");
        }
        for text in ["a*?", "a+?b", "(?i)a?", "[*+]+", "\\*\\*", "(?:a)?b", "[[:alpha:]]+", "[]a]", "[a&&b]"]
        {
            assert!(!matches!(Pattern::read(text), Pattern::Invalid(_)), "{text}");
        }
    }
}
