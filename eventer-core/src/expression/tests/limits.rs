//! No text overflows the stack, neither the parser's nor ours.

use cel::parser::{ParseError, Parser};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::expression::scan::scan;

/// Of which a text is made that is an expression by chance.
const TOKENS: &[&str] = &[
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "?",
    ":",
    ",",
    ".",
    "-",
    "+",
    "*",
    "/",
    "%",
    "!",
    "==",
    "!=",
    "<",
    ">=",
    "=",
    "&&",
    "&",
    "||",
    "|",
    " in ",
    " ",
    "\n",
    "//",
    "'",
    "\"",
    "'''",
    "\"\"\"",
    "r'",
    "R\"",
    "br\"",
    "rb'",
    "1r'",
    "b'x'",
    "\\",
    "\\u",
    "\\q",
    "\\\"",
    "\r",
    "`",
    ".`//`",
    "a[]",
    "1+",
    "$",
    "é",
    "日",
    "1",
    "1.5",
    "7u",
    "0x",
    "true",
    "null",
    "reason",
    "count",
    "type",
    "series",
    "staticLabels",
    "has(",
    ".count",
    ".size()",
    "matches(",
    "duration('1s')",
    "namespace",
    "e",
];

/// Reads `text` on a stack as small as a worker's.
fn read(text: String) -> Result<bool, String> {
    let read = move || {
        let expression = Expression::parse(&text).map_err(|error| error.to_string())?;
        let answer = expression.matches(&Event::default()).map_err(|error| error.to_string());
        expression.explain(&Event::default());
        answer
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(read).unwrap().join().unwrap()
}

/// `before` and `after` so many times around `inner`.
fn around(before: &str, inner: &str, after: &str, times: usize) -> String {
    format!("{}{inner}{}", before.repeat(times), after.repeat(times))
}

#[test]
fn what_nests_too_deeply_is_refused_before_it_is_parsed() {
    for times in [33, 100, 5_000] {
        for text in [
            around("(", "true", ")", times),
            around("!(", "true", ")", times),
            around("[", "true", "]", times),
            around("{1:", "true", "}", times),
            around("f(", "true", ")", times),
            around("a[", "true", "]", times),
            around("(", "true", "", times),
            around("(true && ", "true", ")", times),
            around("true ?", "true", ": true", times.min(4_000)),
            around("true ? true : ", "true", "", times.min(4_000)),
        ] {
            assert_eq!(read(text.clone()), Err("column 1: it nests too deeply".to_owned()), "{:.40}", text);
        }
    }
    for times in [300, 10_000] {
        for text in [
            around("", "1", "+1", times),
            around("", "1", " == 1", times),
            around("", "a", ".a", times),
            around("!", "true", "", times),
            around("-", "1", "", times),
            around("", "1", " in a", times),
        ] {
            assert_eq!(read(text.clone()), Err("column 1: it nests too deeply".to_owned()), "{:.40}", text);
        }
    }
    let too_long = format!("true{}", " ".repeat(1 << 16));
    assert_eq!(read(too_long), Err("column 1: it is longer than 65536 bytes".to_owned()));
}

#[test]
fn what_people_and_programs_write_is_taken() {
    for text in [
        around("(", "true", ")", 32),
        around("!(", "true", ")", 28),
        around("(true && ", "true", ")", 31),
        around("", "1", "+1", 250) + " > 1",
        around("", "true", " && (reason == '' || message.contains('('))", 1_000),
        around("", "true", " && true", 7_000),
        around("", "false", " || message == ')))'", 3_000) + " || true",
        format!("reason in [{}'']", "'(((', ".repeat(2_000)),
    ] {
        assert_eq!(read(text.clone()), Ok(true), "{text:.40}");
    }
}

#[test]
fn brackets_in_strings_and_comments_are_text() {
    for text in [
        r#"'(' + "[" + '''{'(''' + """("(""" != ''"#,
        r"r'\' + R'(' + 'it\'s (' != ''",
        "true // (((' \n && true",
        r#"'\a\\\'\"\?\`\x28\X28\u0028\U00000028\050((' != ''"#,
        "\"\"\"(\\\"\"\"('\n(\"\"\" + '''\"(''(\r\n(''' != ''",
        "'ü(日(😀(' in['('] || true",
    ] {
        assert_eq!(read(text.to_owned()), Ok(true), "{text}");
    }
}

#[test]
fn what_is_no_string_to_the_parser_is_refused_with_all_that_is_hidden_in_it() {
    let deep = ["(".repeat(60_000), "1+".repeat(30_000)];
    let misread = [
        ("\"\\q ", "1\""),
        ("'\\u12 ", "1'"),
        ("'\\400 ", "1'"),
        ("\"\n", "1\""),
        ("'\r", "1'"),
        ("r'\n", "1'"),
        ("'''\\q ", "1'''"),
        ("b'\\q ", "1'"),
        ("rb'\\' ", "1'"),
        ("1r'\\' ", "1' + '"),
        ("0xbR'\\' ", "1' + '"),
        ("type.`//` == ", "1"),
        ("`// ", "1"),
        ("&'", "1'"),
        ("|\"", "1\""),
        ("='", "1'"),
    ];
    for deep in &deep {
        for (before, after) in misread {
            let text = format!("{before}{deep}{after}");
            assert!(read(text.clone()).is_err(), "{text:.40}");
        }
    }
}

#[test]
fn what_the_parser_passes_over_is_no_way_to_get_deeper() {
    for text in ["(]&&", "a[]", "a[](", "(a?b):", "[x)+", "{1:)||"] {
        assert!(read(text.repeat(10_000)).is_err(), "{text}");
    }
    let thirty = format!("{}x{}&&", "(".repeat(30), "]".repeat(30));
    assert!(read(thirty.repeat(1_000)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(tokens in prop::collection::vec(select(TOKENS), 0..24)) {
        // Whether it is taken does not matter.
        let _answer: Result<bool, String> = read(tokens.concat());
    }

    #[test]
    fn no_text_overflows_the_stack(
        tokens in prop::collection::vec((select(TOKENS), select(&[1, 1, 1, 1, 40, 3_000][..])), 0..16),
    ) {
        let text: String = tokens.into_iter().map(|(token, times)| token.repeat(times)).collect();
        if let Err(error) = read(text) {
            // Then the brackets were counted wrongly.
            prop_assert!(!error.contains("Recursion limit"), "{}", error);
        }
    }

    #[test]
    fn what_is_taken_to_be_a_token_is_one_to_the_parser(tokens in prop::collection::vec(select(TOKENS), 0..24)) {
        let text = tokens.concat();
        if scan(&text).is_ok()
            && let Err(errors) = Parser::new().parse(&text)
        {
            let is_none = |error: &ParseError| error.msg.contains("token recognition error");
            prop_assert!(!errors.errors.iter().any(is_none), "{:?} {}", text, errors);
        }
    }
}
