//! `docs/filters.md`: its tables are those of the schema and of the functions, and its examples are understood.
//!
//! The ignored test writes the tables: `just docs`.

use std::path::{Path, PathBuf};

use super::*;
use crate::expression::functions;
use crate::expression::schema::Shape;
use crate::expression::value::Type;

/// The parts of an event, and where they stand.
const PARTS: [(Shape, &str); 7] = [
    (Shape::Object, "Below `involvedObject` and `related`:"),
    (Shape::Metadata, "Below `metadata`:"),
    (Shape::Source, "Below `source`:"),
    (Shape::Series, "Below `series`:"),
    (Shape::Enrichment, "Below `enrichment`:"),
    (Shape::Node, "Below `enrichment.node`:"),
    (Shape::Owner, "Of an owner, which is an item of a `list(owner)`:"),
];

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/filters.md")
}

fn fields(shape: Shape) -> String {
    let mut table = "| field | type | what it holds |\n|---|---|---|\n".to_owned();
    for field in shape.fields() {
        let gives = match field.gives {
            Type::Record(_) => "see below".to_owned(),
            other => format!("`{other}`"),
        };
        table.push_str(&format!("| `{}` | {gives} | {} |\n", field.name, field.help));
    }
    table
}

fn all_fields() -> String {
    let parts = PARTS.iter().map(|(shape, where_)| format!("\n{where_}\n\n{}", fields(*shape)));
    format!("{}{}", fields(Shape::Event), parts.collect::<String>())
}

fn all_functions() -> String {
    let mut table = "| function | gives | what |\n|---|---|---|\n".to_owned();
    let mut row = |function: &str, gives: Type, help: &str| {
        table.push_str(&format!("| `{function}` | `{gives}` | {help} |\n"));
    };
    for function in functions::ALL {
        let takes: Vec<String> = function.takes.iter().map(ToString::to_string).collect();
        let call = format!("{}({})", function.name, takes.join(", "));
        match function.on {
            [] => row(&call, function.gives, function.help),
            [on] => row(&format!("{on}.{call}"), function.gives, function.help),
            _ => row(&format!("….{call}"), function.gives, function.help),
        }
    }
    row("string.matches(\"regex\")", Type::Bool, "whether a regular expression is found in it");
    row("timestamp(\"2026-11-21T06:00:00Z\")", Type::Time, "a point in time, which is written out");
    row(
        "duration(\"1h30m\")",
        Type::Duration,
        "a span of time, which is written out, with `ns`, `us`, `ms`, `s`, `m`, `h` and `d`",
    );
    table
}

/// `text` with both tables in their places.
fn with_tables(text: &str) -> String {
    let mut text = text.to_owned();
    for (mark, table) in [("fields", all_fields()), ("functions", all_functions())] {
        let [start, end] = ["start", "end"].map(|end| format!("<!-- {mark}:{end} -->\n"));
        let (before, rest) = text.split_once(&start).unwrap();
        let (_, after) = rest.split_once(&end).unwrap();
        text = format!("{before}{start}{table}{end}{after}");
    }
    text
}

#[test]
fn the_tables_of_the_page_are_fresh() {
    let text = std::fs::read_to_string(page()).unwrap();
    assert!(with_tables(&text) == text, "`just docs` writes the tables of docs/filters.md");
}

#[test]
#[ignore = "writes the tables in docs/filters.md, for `just docs`"]
fn write_the_tables() {
    let text = std::fs::read_to_string(page()).unwrap();
    std::fs::write(page(), with_tables(&text)).unwrap();
}

#[test]
fn the_examples_of_the_page_are_understood() {
    let text = std::fs::read_to_string(page()).unwrap();
    let blocks = text.split("```cel\n").skip(1).map(|block| block.split_once("```").unwrap().0);
    let examples: Vec<&str> = blocks.flat_map(str::lines).collect();
    examples.iter().for_each(|example| drop(expression(example)));
    // Those of the table of costs, in which a bar is escaped.
    let rows = text.split_once("| expression | time |").unwrap().1.lines();
    let costs = rows.filter_map(|row| row.strip_prefix("| `")?.split_once("` |")).map(|(text, _)| text);
    let costs: Vec<String> = costs.map(|text| text.replace("\\|", "|")).collect();
    costs.iter().for_each(|example| drop(expression(example)));
    assert!(examples.len() >= 7 && costs.len() >= 7);
}
