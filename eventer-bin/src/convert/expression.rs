//! Conditions on an event, made as simple as people would write them, and written as CEL.
//!
//! A negation stands at a question only. Each step of the simplification looks at a condition once, so that its work, as
//! the length of what is written, grows with the length of what is given.

use eventer_core::text::is_active;

use super::pattern::Pattern;

/// A condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// The same for every event.
    Always(bool),
    /// A question, and the answer that is asked for.
    Is(Question, bool),
    /// All of these.
    All(Vec<Condition>),
    /// At least one of these.
    Any(Vec<Condition>),
}

/// A question about a field of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// The field, in CEL.
    pub(super) field: String,
    /// What is asked.
    pub(super) test: Test,
}

/// What is asked of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Test {
    /// It is one of these.
    OneOf(Vec<String>),
    /// It has this in it.
    Contains(String),
    /// It begins so.
    StartsWith(String),
    /// It ends so.
    EndsWith(String),
    /// The regular expression is found in it.
    Matches(String),
    /// The map has this key.
    HasKey(String),
    /// It is at least this.
    AtLeast(i64),
}

/// What is known at a place of a condition.
type Facts = Vec<(Question, bool)>;

/// The longest condition that is written in one line.
const LINE: usize = 100;

/// What a regular expression asks of a field.
pub(super) fn of_pattern(field: &str, pattern: Pattern) -> Condition {
    let test = match pattern {
        Pattern::Any => return Condition::Always(true),
        Pattern::Invalid(_) => return Condition::Always(false),
        Pattern::OneOf(words) => Test::OneOf(words),
        Pattern::Contains(word) => Test::Contains(word),
        Pattern::StartsWith(word) => Test::StartsWith(word),
        Pattern::EndsWith(word) => Test::EndsWith(word),
        Pattern::Matches(text) => Test::Matches(text),
    };
    Condition::Is(Question { field: field.to_owned(), test }, true)
}

impl Condition {
    /// A question that is to be answered with yes.
    pub(super) fn is(field: impl Into<String>, test: Test) -> Self {
        Self::Is(Question { field: field.into(), test }, true)
    }

    /// The opposite.
    pub(super) fn not(self) -> Self {
        match self {
            Self::Always(answer) => Self::Always(!answer),
            Self::Is(question, answer) => Self::Is(question, !answer),
            Self::All(parts) => Self::Any(parts.into_iter().map(Self::not).collect()),
            Self::Any(parts) => Self::All(parts.into_iter().map(Self::not).collect()),
        }
    }

    /// The same condition, as simple as it gets.
    pub(super) fn simplified(self) -> Self {
        // What a first look has brought to the surface may decide more.
        simplify(simplify(self, &mut Vec::new()), &mut Vec::new())
    }

    /// In CEL: one line, or several that are joined by spaces.
    pub(super) fn lines(&self) -> Vec<String> {
        let whole = self.to_cel();
        let (parts, operator) = match self {
            Self::All(parts) => (parts, "&&"),
            Self::Any(parts) => (parts, "||"),
            Self::Always(_) | Self::Is(..) => return vec![whole],
        };
        if whole.len() <= LINE {
            return vec![whole];
        }
        let written = parts.iter().map(Self::in_brackets).enumerate();
        written.map(|(at, part)| if at == 0 { part } else { format!("{operator} {part}") }).collect()
    }

    /// In CEL.
    pub(super) fn to_cel(&self) -> String {
        match self {
            Self::Always(answer) => answer.to_string(),
            Self::Is(question, answer) => question.to_cel(*answer),
            Self::All(parts) => join(parts, " && "),
            Self::Any(parts) if parts.iter().all(Self::is_denial) => {
                let positive: Vec<Self> = parts.iter().map(|part| part.clone().not()).collect();
                format!("!({})", join(&positive, " && "))
            }
            Self::Any(parts) => join(parts, " || "),
        }
    }

    fn in_brackets(&self) -> String {
        let text = self.to_cel();
        match self {
            Self::All(_) | Self::Any(_) if !text.starts_with("!(") || !self.is_denied_whole() => {
                format!("({text})")
            }
            _ => text,
        }
    }

    fn is_denied_whole(&self) -> bool {
        matches!(self, Self::Any(parts) if parts.iter().all(Self::is_denial))
    }

    fn is_denial(&self) -> bool {
        matches!(self, Self::Is(_, false))
    }
}

fn join(parts: &[Condition], operator: &str) -> String {
    let texts: Vec<String> = parts.iter().map(Condition::in_brackets).collect();
    texts.join(operator)
}

/// Makes `condition` simpler where `facts` hold.
fn simplify(condition: Condition, facts: &mut Facts) -> Condition {
    match condition {
        Condition::Always(_) => condition,
        Condition::Is(question, answer) => match known(&question, facts) {
            Some(known) => Condition::Always(known == answer),
            None => Condition::Is(question, answer),
        },
        Condition::All(parts) => joined(parts, true, facts),
        Condition::Any(parts) => joined(parts, false, facts),
    }
}

/// All of the parts, or any of them. In a conjunction, `is_all`, each question that stands by itself holds for all other
/// parts; in a disjunction those need to hold only where it does not.
fn joined(parts: Vec<Condition>, is_all: bool, facts: &mut Facts) -> Condition {
    let outside = facts.len();
    let flat = flattened(parts, is_all);
    let mut out: Vec<Option<Condition>> = vec![None; flat.len()];
    let (questions, others): (Vec<_>, Vec<_>) =
        flat.into_iter().enumerate().partition(|(_, part)| matches!(part, Condition::Is(..)));
    for (at, part) in questions.into_iter().chain(others) {
        let part = simplify(part, facts);
        match &part {
            Condition::Always(answer) if *answer != is_all => {
                facts.truncate(outside);
                return Condition::Always(!is_all);
            }
            Condition::Always(_) => continue,
            Condition::Is(question, answer) => facts.push((question.clone(), *answer == is_all)),
            Condition::All(_) | Condition::Any(_) => {}
        }
        out[at] = Some(part);
    }
    facts.truncate(outside);
    let parts = merged(flattened(out.into_iter().flatten().collect(), is_all), is_all);
    match (<[Condition; 1]>::try_from(parts), is_all) {
        (Ok([part]), _) => part,
        (Err(parts), _) if parts.is_empty() => Condition::Always(is_all),
        (Err(parts), true) => Condition::All(parts),
        (Err(parts), false) => Condition::Any(parts),
    }
}

/// Takes the parts of what is joined in the same way into the list.
fn flattened(parts: Vec<Condition>, is_all: bool) -> Vec<Condition> {
    let mut flat = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Condition::All(inner) if is_all => flat.extend(flattened(inner, is_all)),
            Condition::Any(inner) if !is_all => flat.extend(flattened(inner, is_all)),
            part => flat.push(part),
        }
    }
    flat
}

/// Takes repeated parts out, and makes one list of words of several for the same field: all words of them where one will
/// do, and the words that they share where each must hold.
fn merged(parts: Vec<Condition>, is_all: bool) -> Vec<Condition> {
    let mut out: Vec<Condition> = Vec::with_capacity(parts.len());
    for part in parts {
        if out.contains(&part) {
            continue;
        }
        if let Condition::Is(Question { field, test: Test::OneOf(words) }, answer) = &part {
            let same = out.iter_mut().find_map(|other| match other {
                Condition::Is(Question { field: other, test: Test::OneOf(known) }, given)
                    if other == field && given == answer =>
                {
                    Some(known)
                }
                _ => None,
            });
            if let Some(known) = same {
                if *answer == is_all {
                    known.retain(|word| words.contains(word));
                } else {
                    let new: Vec<String> =
                        words.iter().filter(|word| !known.contains(word)).cloned().collect();
                    known.extend(new);
                }
                continue;
            }
        }
        out.push(part);
    }
    out
}

/// The answer to a question, if `facts` give it.
fn known(question: &Question, facts: &Facts) -> Option<bool> {
    if let Some((_, answer)) = facts.iter().find(|(fact, _)| fact == question) {
        return Some(*answer);
    }
    let of_field = facts.iter().filter(|(fact, _)| fact.field == question.field);
    of_field.filter_map(|(fact, answer)| question.test.follows(&fact.test, *answer)).next()
}

impl Test {
    /// The answer, if that to another question about the same field settles it.
    fn follows(&self, other: &Self, answer: bool) -> Option<bool> {
        match (self, other) {
            (_, Self::OneOf(words)) if answer => {
                let answers: Option<Vec<bool>> = words.iter().map(|word| self.holds_for(word)).collect();
                let answers = answers?;
                let first = *answers.first()?;
                answers.iter().all(|answer| *answer == first).then_some(first)
            }
            (Self::OneOf(words), Self::OneOf(others)) => {
                words.iter().all(|word| others.contains(word)).then_some(false)
            }
            (Self::OneOf(words), other) => {
                let answers: Option<Vec<bool>> = words.iter().map(|word| other.holds_for(word)).collect();
                answers?.iter().all(|would| *would != answer).then_some(false)
            }
            (Self::AtLeast(least), Self::AtLeast(known)) => match answer {
                true => (known >= least).then_some(true),
                false => (known <= least).then_some(false),
            },
            _ => None,
        }
    }

    /// Whether `word` passes. Not all tests are tried.
    fn holds_for(&self, word: &str) -> Option<bool> {
        match self {
            Self::OneOf(words) => Some(words.iter().any(|known| known == word)),
            Self::Contains(part) => Some(word.contains(part)),
            Self::StartsWith(part) => Some(word.starts_with(part)),
            Self::EndsWith(part) => Some(word.ends_with(part)),
            Self::Matches(_) | Self::HasKey(_) | Self::AtLeast(_) => None,
        }
    }
}

impl Question {
    fn to_cel(&self, answer: bool) -> String {
        let field = &self.field;
        let (text, is_one_word) = match &self.test {
            Test::OneOf(words) => match &words[..] {
                [word] => {
                    let operator = if answer { "==" } else { "!=" };
                    return format!("{field} {operator} {}", quoted(word));
                }
                words => {
                    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
                    (format!("{field} in [{}]", words.join(", ")), false)
                }
            },
            Test::Contains(part) => (format!("{field}.contains({})", quoted(part)), true),
            Test::StartsWith(part) => (format!("{field}.startsWith({})", quoted(part)), true),
            Test::EndsWith(part) => (format!("{field}.endsWith({})", quoted(part)), true),
            Test::Matches(regex) => (format!("{field}.matches({})", quoted(regex)), true),
            Test::HasKey(key) => (format!("{} in {field}", quoted(key)), false),
            Test::AtLeast(least) => {
                let operator = if answer { ">=" } else { "<" };
                return format!("{field} {operator} {least}");
            }
        };
        match (answer, is_one_word) {
            (true, _) => text,
            (false, true) => format!("!{text}"),
            (false, false) => format!("!({text})"),
        }
    }
}

/// A text in CEL.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_active(c) => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(field: &str, words: &[&str]) -> Condition {
        Condition::is(field, Test::OneOf(words.iter().map(|word| (*word).to_owned()).collect()))
    }

    fn matches(field: &str, regex: &str) -> Condition {
        Condition::is(field, Test::Matches(regex.to_owned()))
    }

    #[track_caller]
    fn check(condition: Condition, expected: &str) {
        assert_eq!(condition.simplified().to_cel(), expected);
    }

    #[test]
    fn constants_and_repetitions_go() {
        let (a, b) = (is("a", &["x"]), matches("b", "y"));
        let all = |parts: &[&Condition]| Condition::All(parts.iter().map(|part| (*part).clone()).collect());
        let any = |parts: &[&Condition]| Condition::Any(parts.iter().map(|part| (*part).clone()).collect());
        let (yes, no) = (Condition::Always(true), Condition::Always(false));
        check(all(&[&a, &yes, &a, &all(&[&b])]), "a == \"x\" && b.matches(\"y\")");
        check(all(&[&a, &no, &b]), "false");
        check(any(&[&no, &b]), "b.matches(\"y\")");
        check(any(&[&a, &all(&[&a, &b])]), "a == \"x\"");
        check(all(&[&a, &any(&[&b, &a.clone().not()])]), "a == \"x\" && b.matches(\"y\")");
        check(any(&[&a, &a.clone().not()]), "true");
        check(all(&[]), "true");
        check(any(&[]), "false");
    }

    #[test]
    fn lists_of_words_are_told_apart() {
        let both = Condition::All(vec![is("kind", &["Pod", "Node"]), is("kind", &["Pod"])]);
        check(both, "kind == \"Pod\"");
        check(Condition::All(vec![is("kind", &["Pod"]), is("kind", &["Node"])]), "false");
        check(
            Condition::Any(vec![is("kind", &["Pod"]), is("kind", &["Node"])]),
            "kind in [\"Pod\", \"Node\"]",
        );
        let neither = Condition::All(vec![is("kind", &["Pod"]).not(), is("kind", &["Node"]).not()]);
        check(neither, "!(kind in [\"Pod\", \"Node\"])");
        let contained = Condition::All(vec![
            is("kind", &["Pod"]),
            Condition::is("kind", Test::Contains("od".to_owned())),
        ]);
        check(contained, "kind == \"Pod\"");
    }

    #[test]
    fn a_drop_of_several_conditions_is_denied_as_a_whole() {
        let dropped = Condition::All(vec![is("a", &["x"]), matches("b", "y")]).not();
        check(dropped.clone(), "!(a == \"x\" && b.matches(\"y\"))");
        check(
            Condition::All(vec![dropped, matches("c", "z").not()]),
            "!(a == \"x\" && b.matches(\"y\")) && !c.matches(\"z\")",
        );
        let mixed = Condition::All(vec![
            matches("c", "z"),
            Condition::Any(vec![is("a", &["x"]), matches("b", "y").not()]),
        ]);
        check(mixed, "c.matches(\"z\") && (a == \"x\" || !b.matches(\"y\"))");
    }

    #[test]
    fn a_text_is_quoted() {
        assert_eq!(quoted("a\"\\d\n\u{1}\u{202e}ü"), "\"a\\\"\\\\d\\n\\u0001\\u202eü\"");
    }
}
