//! No template hangs, fills the memory or overflows the stack.

use super::super::limits::{DEPTH, OUTPUT_BYTES};
use super::*;

fn failure(text: &str) -> TemplateError {
    match render_as(text, &backoff(), Escaping::None) {
        Ok(rendered) => panic!("{text} gave {} bytes", rendered.len()),
        Err(error) => error,
    }
}

#[test]
fn a_template_that_would_not_end_is_stopped() {
    for endless in [
        "{{ range 9000000000000 }}{{ end }}",
        "{{ range until 1000 }}{{ range until 1000 }}{{ end }}{{ end }}",
        "{{ define \"a\" }}{{ if lt (len .) 40 }}{{ template \"a\" (print . \"x\") }}{{ template \"a\" (print . \"x\") }}{{ end }}{{ end }}{{ template \"a\" \"\" }}",
        "{{ $l := until 60000 }}{{ range until 60000 }}{{ if has 70000 $l }}{{ end }}{{ end }}",
        "{{ $s := repeat 1000000 \"x\" }}{{ range until 1000 }}{{ if contains \"y\" $s }}{{ end }}{{ end }}",
        "{{ range $i := until 1000 }}{{ if regexMatch (print \"a{0,\" $i \"}b\") \"a\" }}{{ end }}{{ end }}",
        "{{ uniq (until 60000) }}",
    ] {
        assert_eq!(failure(endless), TemplateError::TooManySteps, "{endless}");
    }
}

#[test]
fn a_text_that_grows_too_long_is_an_error() {
    for long in [
        "{{ range until 20000 }}0123456789012345678901234567890123456789012345678901234567890123456789{{ end }}",
        "{{ $s := \"0123456789abcdef\" }}{{ range until 40 }}{{ $s = print $s $s }}{{ end }}",
        "{{ $l := list .Message }}{{ range until 40 }}{{ $l = list $l $l }}{{ end }}",
        "{{ $d := dict \"a\" .Message }}{{ range until 40 }}{{ $d = dict \"a\" $d \"b\" $d }}{{ end }}",
    ] {
        assert_eq!(failure(long), TemplateError::TooLong(OUTPUT_BYTES), "{long}");
    }
    for long in [
        "{{ repeat 2000000 \"x\" }}",
        "{{ indent 1000000000000 \"x\" }}",
        "{{ repeat 1000 \"x\" | replace \"x\" (repeat 10000 \"y\") }}",
        "{{ regexReplaceAll \"x\" (repeat 1000 \"x\") (repeat 10000 \"y\") }}",
        "{{ regexReplaceAllLiteral \"x\" (repeat 1000 \"x\") (repeat 10000 \"y\") }}",
        "{{ join (repeat 10000 \"y\") (until 1000) }}",
        "{{ until 1000000000 }}",
        "{{ printf \"%1000000d\" 1 }}",
        "{{ printf \"%*d\" 100000000 1 }}",
    ] {
        let error = failure(long).to_string();
        assert!(error.contains("longer than") || error.contains("a width is"), "{long}: {error}");
    }
    let all_of_it =
        render_as(&format!("{{{{ repeat {} \"x\" }}}}", OUTPUT_BYTES - 16), &backoff(), Escaping::None);
    assert_eq!(all_of_it.unwrap().len(), OUTPUT_BYTES - 16);
}

#[test]
fn what_nests_too_deeply_is_an_error() {
    let recursive = "{{ define \"a\" }}{{ template \"a\" . }}{{ end }}{{ template \"a\" . }}";
    assert_eq!(failure(recursive), TemplateError::TooDeep);
    let list = "{{ $l := list }}{{ range until 1000 }}{{ $l = list $l }}{{ end }}";
    assert_eq!(failure(list), TemplateError::TooDeep);
    let json = format!("{{{{ fromJson \"{}{}\" }}}}", "[".repeat(120), "]".repeat(120));
    assert_eq!(failure(&json), TemplateError::TooDeep);

    let ifs = |count: usize| format!("{}x{}", "{{ if true }}".repeat(count), "{{ end }}".repeat(count));
    assert_eq!(render_as(&ifs(DEPTH - 2), &backoff(), Escaping::None).unwrap(), "x");
    let elses = format!("{{{{ if false }}}}{}{{{{ end }}}}", "{{ else if false }}".repeat(50_000));
    let parens = format!("{{{{ {}1{} }}}}", "(".repeat(50_000), ")".repeat(50_000));
    for deep in [ifs(50_000), elses, parens] {
        assert!(Template::parse(&deep).is_err());
    }
}

#[test]
fn a_template_that_is_too_long_is_not_read() {
    assert!(Template::parse(&"x".repeat(2 << 20)).unwrap_err().contains("longer than"));
}

#[test]
fn an_error_says_where_and_what() {
    assert_eq!(
        failure("a\n{{ index (splitList \",\" .Reason) 3 }}").to_string(),
        "template, line 2, column 4: index: there is no item 3, there are 1"
    );
    assert_eq!(
        failure("{{ fail \"not this one\" }}").to_string(),
        "template, line 1, column 4: fail: not this one"
    );
}

#[test]
fn a_template_is_rendered_from_many_threads() {
    let template = Template::parse("{{ .Reason | upper }} {{ regexFind \"[a-z]+\" .Message }}").unwrap();
    let event = backoff();
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                for _ in 0..100 {
                    let scope = Scope { time_zone: &TimeZone::UTC, now: now(), escaping: Escaping::None };
                    assert_eq!(template.render(&event, &scope).unwrap(), "BACKOFF ack");
                }
            });
        }
    });
}
