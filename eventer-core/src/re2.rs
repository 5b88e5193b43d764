//! Go's regular expressions, which are RE2's, in the words of the crate `regex`, which reads some of them otherwise.
//!
//! In Go `\d`, `\s`, `\w` and `\b` know ASCII alone, a class has no classes within and no set operations, `\<` is a `<`, and
//! `\Q…\E` quotes.

use regex::{Regex, RegexBuilder};

/// Bytes of a compiled expression.
const LARGEST: usize = 1 << 20;

/// Compiles `pattern` so that it means what it means in Go.
///
/// # Errors
/// Says why it is no regular expression, for a user to read; also if it would take more than a mebibyte.
pub fn compile(pattern: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(&translate(pattern)).size_limit(LARGEST).dfa_size_limit(LARGEST).build();
    built.map_err(|error| {
        let text = error.to_string();
        // The parser's message draws the pattern over several lines; the last says what is wrong with it.
        let reason = text.lines().last().unwrap_or(&text).trim().trim_start_matches("error: ").to_owned();
        format!("\"{pattern}\" is no regular expression: {reason}")
    })
}

/// Rewrites `pattern`, whose mistakes are left for the compiler to find.
fn translate(pattern: &str) -> String {
    let mut translated = String::with_capacity(pattern.len());
    let mut chars = pattern.chars().peekable();
    // Within a class: how many of its characters there were.
    let mut in_class: Option<usize> = None;
    while let Some(c) = chars.next() {
        let at = in_class;
        if let Some(count) = &mut in_class {
            *count += 1;
        }
        match (c, at) {
            ('\\', _) => match chars.next() {
                Some('Q') if at.is_none() => quote(&mut translated, &mut chars),
                Some(escaped) => translated.push_str(&escape(escaped, at.is_some())),
                None => translated.push('\\'),
            },
            ('[', None) => {
                translated.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    translated.push('^');
                }
                in_class = Some(0);
            }
            ('[', Some(_)) if chars.peek() == Some(&':') => {
                // A named class, up to its end.
                translated.push('[');
                while let Some(named) = chars.next() {
                    translated.push(named);
                    if named == ':' && chars.next_if_eq(&']').is_some() {
                        translated.push(']');
                        break;
                    }
                }
            }
            (']', Some(0)) => translated.push_str("\\]"),
            (']', Some(_)) => {
                translated.push(']');
                in_class = None;
            }
            ('[' | '&' | '~', Some(_)) => {
                translated.push('\\');
                translated.push(c);
            }
            (c, _) => translated.push(c),
        }
    }
    translated
}

fn escape(escaped: char, is_class: bool) -> String {
    let ascii = match escaped {
        'd' => Some(("0-9", false)),
        'D' => Some(("0-9", true)),
        's' => Some(("\\t\\n\\f\\r ", false)),
        'S' => Some(("\\t\\n\\f\\r ", true)),
        'w' => Some(("0-9A-Za-z_", false)),
        'W' => Some(("0-9A-Za-z_", true)),
        _ => None,
    };
    match (ascii, escaped) {
        (Some((set, true)), _) => format!("[^{set}]"),
        (Some((set, false)), _) if is_class => set.to_owned(),
        (Some((set, false)), _) => format!("[{set}]"),
        (None, 'b') if !is_class => "(?-u:\\b)".to_owned(),
        (None, '<' | '>') => escaped.to_string(),
        (None, escaped) => format!("\\{escaped}"),
    }
}

/// Takes what is quoted up to `\E`, or to the end.
fn quote(translated: &mut String, chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(c) = chars.next() {
        if c == '\\' && chars.next_if_eq(&'E').is_some() {
            return;
        }
        translated.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_means_what_it_means_in_go() {
        for (pattern, text, is_found) in [
            (r"^\w+$", "abc", true),
            (r"^\w+$", "größe", false),
            (r"\d", "٣", false),
            (r"[\d&&x]", "&", true),
            (r"\Qa.b\E.", "a.bc", true),
            (r"\Qa.b\E", "aXb", false),
            (r"[[:alpha:]]\b", "x y", true),
            (r"[]]", "]", true),
            ("(?i)back", "BackOff", true),
        ] {
            assert_eq!(compile(pattern).unwrap().is_match(text), is_found, "{pattern} in {text}");
        }
    }

    #[test]
    fn what_is_no_expression_or_too_large_says_so() {
        assert_eq!(compile("a(").unwrap_err(), r#""a(" is no regular expression: unclosed group"#);
        assert!(compile("((a{100}){100}){100}").unwrap_err().contains("is no regular expression"));
    }
}
