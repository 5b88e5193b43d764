//! A line of flags as people paste it from a shell or a script.

use crate::document::DocumentError;

/// A word, and the line on which it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// The line, from 1.
    pub(super) line: u64,
    /// The word without its quotes.
    pub(super) text: String,
}

/// Cuts a text into words as a shell does, with quotes, escapes and comments. Variables stay what they are.
///
/// # Errors
/// A quote is not closed.
pub(super) fn split(text: &str) -> Result<Vec<Word>, DocumentError> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut line = 1;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek() == Some(&'\n') => {
                chars.next();
                line += 1;
            }
            '#' if word.is_none() => while chars.next_if(|c| *c != '\n').is_some() {},
            c if c.is_whitespace() => {
                words.extend(word.take());
                line += u64::from(c == '\n');
            }
            c => {
                let word = word.get_or_insert_with(|| Word { line, text: String::new() });
                match c {
                    '\'' | '"' => {
                        let begin = line;
                        loop {
                            match chars.next() {
                                Some(end) if end == c => break,
                                Some('\\')
                                    if c == '"' && chars.peek().is_some_and(|c| "\"\\`\n".contains(*c)) =>
                                {
                                    word.text.extend(chars.next());
                                }
                                Some(inner) => {
                                    line += u64::from(inner == '\n');
                                    word.text.push(inner);
                                }
                                None => {
                                    let reason = format!("the quote {c} is not closed");
                                    return Err(DocumentError { line: Some(begin), reason });
                                }
                            }
                        }
                    }
                    '\\' => word.text.extend(chars.next()),
                    c => word.text.push(c),
                }
            }
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_as_a_shell_does() {
        let text = "/kube-eventer --a='b c' \\\n  --d=\"e\\\"f$G\" # no\n  --h=i\\ j ''\n";
        let words: Vec<_> = split(text).unwrap().into_iter().map(|word| (word.line, word.text)).collect();
        let expected = [(1, "/kube-eventer"), (1, "--a=b c"), (2, "--d=e\"f$G"), (3, "--h=i j"), (3, "")];
        assert_eq!(words, expected.map(|(line, text)| (line, text.to_owned())));
        assert_eq!(split("a\n'b").unwrap_err().line, Some(2));
    }
}
