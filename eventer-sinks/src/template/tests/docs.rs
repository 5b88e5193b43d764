//! The examples of `docs/templates.md`: each template gives the text that stands after it.

use super::*;

#[test]
fn the_examples_of_the_page_give_what_it_says() {
    let page = include_str!("../../../../docs/templates.md");
    let mut examples = 0;
    let mut rest = page;
    while let Some((_, after)) = rest.split_once("```gotemplate\n") {
        let (template, after) = after.split_once("\n```\n").unwrap();
        let (_, after) = after.split_once("```text\n").unwrap();
        let (expected, after) = after.split_once("\n```").unwrap();
        let escaping = match Template::parse(template).unwrap().looks_like_json() {
            true => Escaping::Json,
            false => Escaping::None,
        };
        assert_eq!(render_as(template, &backoff(), escaping).unwrap(), expected, "{template}");
        examples += 1;
        rest = after;
    }
    assert!(examples >= 4);
}

#[test]
fn the_page_names_every_function() {
    let page = include_str!("../../../../docs/templates.md");
    let words: std::collections::HashSet<&str> =
        page.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    for function in super::super::functions::all() {
        let name = function.name;
        let is_alias = name.starts_with("must") || name.contains('_');
        assert!(is_alias || words.contains(name), "{name} is missing");
    }
}
