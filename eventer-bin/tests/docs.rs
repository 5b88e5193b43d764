//! The pages of `docs/`: their tables are those of the declarations, and their examples are understood.
//!
//! The ignored test writes the tables: `just docs`.

#![expect(clippy::unwrap_used, reason = "tests, and what they share, say by a panic what went wrong")]

#[path = "../src/defaults.rs"]
mod defaults;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use eventer_core::{
    ComponentSpec, ComponentUri, ConfigError, EndpointSpec, Environment, OptionSpec, PolicyDefaults,
    Registry, policy,
};
use serde_json::Value;

use self::defaults::{default_of, namespace_of, stand_ins};

/// The page about what all sinks share.
const INDEX: &str = "sinks/README";

/// The page about the file of configuration.
const CONFIGURATION: &str = "configuration";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn page(name: &str) -> PathBuf {
    root().join("docs").join(name).with_extension("md")
}

/// Name of the page about a kind of sink.
fn sink(kind: &str) -> String {
    format!("sinks/{kind}")
}

fn schema_file() -> PathBuf {
    root().join("docs/eventer.schema.json")
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    eventer_sources::register_all(&mut registry);
    eventer_sinks::register_all(&mut registry);
    registry
}

/// A piece of a page that is written by the program, between two marks on lines of their own.
struct Piece {
    page: String,
    mark: &'static str,
    text: String,
}

impl Piece {
    fn marks(&self) -> [String; 2] {
        ["start", "end"].map(|end| format!("<!-- {}:{end} -->\n", self.mark))
    }

    /// The page with this piece in its place.
    fn put_into(&self, text: &str) -> Result<String, String> {
        let [start, end] = self.marks();
        let missing = || format!("docs/{}.md lacks the lines {start}{end}", self.page);
        let (before, rest) = text.split_once(&start).ok_or_else(missing)?;
        let (_, after) = rest.split_once(&end).ok_or_else(missing)?;
        Ok(format!("{before}{start}{}{end}{after}", self.text))
    }
}

/// All pieces that belong into the pages of the kinds that this build has.
fn pieces() -> Vec<Piece> {
    let registry = registry();
    let piece = |page: &str, mark, text| Piece { page: page.to_owned(), mark, text };
    let mut pieces = vec![
        piece(INDEX, "sinks", index(&registry)),
        piece(INDEX, "options", table(policy::OPTIONS, PolicyDefaults::NONE)),
    ];
    for spec in registry.sinks() {
        let policy = registry.policy_defaults(spec.kind).unwrap();
        let name = sink(spec.kind);
        pieces.push(piece(&name, "options", options(spec, policy)));
        let page = fs::read_to_string(page(&name)).unwrap_or_default();
        if page.contains("<!-- mended:start -->") {
            pieces.push(piece(&name, "mended", mended(spec.kind)));
        }
    }
    pieces.push(piece(CONFIGURATION, "settings", settings(&schema())));
    pieces.push(piece(CONFIGURATION, "sources", sources(&registry)));
    pieces
}

/// The table of all sinks. The rows of sinks that this build lacks stay as they are.
fn index(registry: &Registry) -> String {
    let before = fs::read_to_string(page(INDEX)).unwrap_or_default();
    let rows = before.lines().filter_map(|row| {
        let kind = row.strip_prefix("| [`")?.split('`').next()?;
        page(&sink(kind)).exists().then(|| (kind.to_owned(), row.to_owned()))
    });
    let mut rows: BTreeMap<String, String> = rows.collect();
    for spec in registry.sinks() {
        let row =
            format!("| [`{0}`]({0}.md) | {1} | `{2}` |", spec.kind, spec.summary, escaped(spec.example));
        rows.insert(spec.kind.to_owned(), row);
    }
    let rows: Vec<String> = rows.into_values().collect();
    format!("| sink | what it does | example |\n|---|---|---|\n{}\n", rows.join("\n"))
}

/// The schema of the file of configuration, as the program prints it.
fn schema() -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_eventer")).arg("schema").output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The keys of the file that are settings.
fn settings(schema: &Value) -> String {
    let mut rows = String::new();
    let lists = ["sources", "sinks", "drop", "static_labels"];
    let top = schema["properties"].as_object().unwrap();
    let (mut plain, mut groups) = (Vec::new(), Vec::new());
    for (key, value) in top.iter().filter(|(key, _)| !lists.contains(&key.as_str())) {
        match value["properties"].as_object() {
            Some(inner) => groups.extend(inner.iter().map(|(name, value)| (format!("{key}.{name}"), value))),
            None => plain.push((key.clone(), value)),
        }
    }
    for (key, value) in plain.into_iter().chain(groups) {
        let default = value["default"].as_str().map(|default| format!("`{default}`")).unwrap_or_default();
        let help = escaped(value["description"].as_str().unwrap());
        rows.push_str(&format!("| `{key}` | {default} | {help} |\n"));
    }
    format!("| key | default | what it does |\n|---|---|---|\n{rows}")
}

/// The options of each kind of source.
fn sources(registry: &Registry) -> String {
    let mut text = String::new();
    for spec in registry.sources() {
        let endpoint = match spec.endpoint {
            EndpointSpec::None => String::new(),
            EndpointSpec::Text(what) | EndpointSpec::Url(what) => format!(" `endpoint`: {what}"),
        };
        text.push_str(&format!("### `{}`\n\n{}{endpoint}\n\n", spec.kind, spec.summary));
        let common = eventer_core::registry::SOURCE_OPTIONS;
        text.push_str(&table(&[spec.options, common].concat(), PolicyDefaults::NONE));
        text.push('\n');
    }
    text.trim_end().to_owned() + "\n"
}

/// What the schema says of the kinds of sinks that this build has.
fn of_this_build(schema: &Value, kinds: &BTreeSet<String>) -> Value {
    let mut schema = schema.clone();
    let items = schema.pointer_mut("/properties/sinks/items/anyOf").unwrap().as_array_mut().unwrap();
    items.retain(|item| {
        item.pointer("/properties/kind/const").is_none_or(|kind| kinds.contains(kind.as_str().unwrap()))
    });
    schema
}

#[test]
fn the_schema_is_there_and_fresh() {
    let kinds = registry().sinks().map(|spec| spec.kind.to_owned()).collect();
    let written: Value = serde_json::from_str(&fs::read_to_string(schema_file()).unwrap()).unwrap();
    assert!(of_this_build(&written, &kinds) == schema(), "`just docs` writes docs/eventer.schema.json");
}

/// The options of a kind, and how it differs from the others.
fn options(spec: &ComponentSpec, policy: PolicyDefaults) -> String {
    let endpoint = match spec.endpoint {
        EndpointSpec::None => format!("`{}:?OPTIONS`; what stands before the `?` means nothing.", spec.kind),
        EndpointSpec::Text(what) => format!("`{}:ENDPOINT?OPTIONS`; the endpoint: {what}", spec.kind),
        EndpointSpec::Url(what) => format!(
            "`{}:{what}?OPTIONS`; what of the query is no option belongs to the URL, and `query.NAME=VALUE` is sent as \
             `NAME` whatever it looks like.",
            spec.kind
        ),
    };
    let own = if spec.options.is_empty() {
        "It has no options of its own.\n".to_owned()
    } else {
        table(spec.options, PolicyDefaults::NONE)
    };
    let differs =
        |option: &&OptionSpec| default_of(option, policy) != default_of(option, PolicyDefaults::NONE);
    let defaults: Vec<String> = policy::OPTIONS
        .iter()
        .filter(differs)
        .filter_map(|option| Some(format!("`{}={}`", option.name, default_of(option, policy)?)))
        .collect();
    let defaults =
        if defaults.is_empty() { String::new() } else { format!(", here with {}", defaults.join(", ")) };
    format!(
        "{endpoint}\n\n{own}\nThe [options of every sink](README.md#options-of-every-sink) are there too{defaults}; {}.\n",
        namespace_of(policy)
    )
}

fn table(options: &[OptionSpec], policy: PolicyDefaults) -> String {
    let rows: Vec<String> = options.iter().map(|option| row(option, policy)).collect();
    format!("| option | value | default | what it does |\n|---|---|---|---|\n{}", rows.concat())
}

fn row(option: &OptionSpec, policy: PolicyDefaults) -> String {
    let default = default_of(option, policy).map(|default| format!("`{}`", escaped(&default)));
    let secret = option.is_secret.then(|| "secret".to_owned());
    let repeatable = option.is_repeatable.then(|| "repeatable".to_owned());
    let notes: Vec<String> = secret.into_iter().chain(stand_ins(option)).chain(repeatable).collect();
    let notes = if notes.is_empty() { String::new() } else { format!(" *({})*", notes.join(", ")) };
    format!(
        "| `{}` | `{}` | {} | {}{notes} |\n",
        option.name,
        escaped(option.value),
        default.unwrap_or_default(),
        escaped(option.help).replace('<', "&lt;")
    )
}

/// In a table a bar ends a cell, even in code.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}

/// The table of what was wrong in kube-eventer, which stands in the documentation of the sink's module.
fn mended(kind: &str) -> String {
    let module = root().join("eventer-sinks/src").join(kind).join("mod.rs");
    let module = fs::read_to_string(module).unwrap();
    let docs = module.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
    let table = docs.skip_while(|line| *line != "# Mended").skip_while(|line| !line.starts_with('|'));
    let rows = table.take_while(|line| line.starts_with('|'));
    // A link to a piece of code leads nowhere from a page.
    rows.map(|row| format!("{}\n", row.replace("[`", "`").replace("`]", "`"))).collect()
}

#[test]
fn every_page_is_there_and_fresh() {
    let mut stale = Vec::new();
    for piece in pieces() {
        let path = page(&piece.page);
        let text = fs::read_to_string(&path).unwrap_or_default();
        if piece.put_into(&text) != Ok(text) {
            stale.push(format!("docs/{}.md: {}", piece.page, piece.mark));
        }
    }
    assert!(stale.is_empty(), "`just docs` writes what is stale:\n{}", stale.join("\n"));
}

#[test]
#[ignore = "writes the tables of the pages and the schema, for `just docs`"]
fn write_the_tables() {
    let mut problems = Vec::new();
    for piece in pieces() {
        let path = page(&piece.page);
        let written = fs::read_to_string(&path)
            .map_err(|error| format!("docs/{}.md: {error}", piece.page))
            .and_then(|text| piece.put_into(&text))
            .map(|text| fs::write(&path, text).unwrap());
        problems.extend(written.err());
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    fs::write(schema_file(), format!("{:#}\n", schema())).unwrap();
}

#[test]
fn each_sink_of_kube_eventers_tells_what_is_mended() {
    let own = ["file", "slack"];
    for spec in registry().sinks().filter(|spec| !own.contains(&spec.kind)) {
        let text = fs::read_to_string(page(&sink(spec.kind))).unwrap_or_default();
        let section = text.split("\n## Mended\n").nth(1).unwrap_or_default();
        let has_rows = section.contains("| kube-eventer | here | because |\n|---|---|---|\n| ");
        assert!(has_rows, "docs/sinks/{}.md has no table under ## Mended", spec.kind);
    }
}

#[test]
fn each_page_begins_with_its_kind_and_has_an_example() {
    for spec in registry().sinks() {
        let text = fs::read_to_string(page(&sink(spec.kind))).unwrap_or_default();
        assert!(text.starts_with(&format!("# {}\n", spec.kind)), "{}", spec.kind);
        let begin = format!("{}:", spec.kind);
        let examples = flags(&text);
        let has_own = examples.iter().any(|(flag, uri)| flag == "--sink" && uri.starts_with(&begin));
        assert!(has_own, "{}: {examples:?}", spec.kind);
    }
}

/// Gives every variable a value that does for what it is used for.
struct Dummies;

impl Environment for Dummies {
    fn get(&self, name: &str) -> Option<String> {
        Some(if name.contains("URL") { "https://example.com/hook" } else { "dummy" }.to_owned())
    }
}

#[test]
fn every_example_is_understood() {
    let mut registry = registry();
    registry.set_environment(Arc::new(Dummies));
    let mut understood = 0;
    // Those pages show the flags of other tools.
    let is_of_others = |file: &PathBuf| file.parent().is_some_and(|folder| folder.ends_with("migrate"));
    for file in markdown().into_iter().filter(|file| !is_of_others(file)) {
        let text = fs::read_to_string(&file).unwrap();
        for (flag, text) in flags(&text) {
            let uri = ComponentUri::parse(&flag, &text, &Dummies).unwrap();
            let errors = match flag.as_str() {
                "--sink" => registry.plan_sink(&uri).err(),
                _ => registry.plan_source(&uri).err(),
            };
            let errors = errors.unwrap_or_default();
            // A kind that has a page, and that this build lacks.
            if matches!(&*errors, [ConfigError::UnknownKind { .. }]) && page(&sink(uri.kind())).exists() {
                continue;
            }
            let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert!(told.is_empty(), "{file:?}: {flag}={text}: {told:?}");
            understood += 1;
        }
    }
    assert!(understood > 10, "{understood}");
}

#[test]
fn every_file_of_configuration_is_understood() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("eventer.yaml");
    let mut understood = 0;
    for file in markdown() {
        let text = fs::read_to_string(&file).unwrap();
        let blocks = text.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("yaml\n"));
        for block in blocks.filter(|block| block.contains("\nsources:") && block.contains("\nsinks:")) {
            fs::write(&config, block).unwrap();
            let output = Command::new(env!("CARGO_BIN_EXE_eventer"))
                .args(["check", &format!("--config={}", config.display())])
                .envs(["HOOK_TOKEN", "KAFKA_PASSWORD", "SLACK_TOKEN", "TENANT"].map(|name| (name, "dummy")))
                .output()
                .unwrap();
            let told = String::from_utf8_lossy(&output.stderr);
            // The files of secrets are not here, and a sink that has a page may not be part of this build.
            let is_expected =
                |line: &str| line.contains("_file\": could not read ") || line.contains(" (kafka) is ");
            let mut errors = told.lines().filter_map(|line| line.strip_prefix("error: "));
            assert!(output.status.success() || errors.all(is_expected), "{file:?}: {told}\n{block}");
            understood += 1;
        }
    }
    assert!(understood >= 2, "{understood}");
}

/// The pages that people read.
fn markdown() -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    let crates = ["eventer-bin", "eventer-core", "eventer-sinks", "eventer-sources"];
    for folder in ["", "deploy", "docs", "docs/migrate", "docs/sinks"].into_iter().chain(crates) {
        let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        files.extend(entries.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    files
}

/// The `--source` and `--sink` flags in the blocks of code that are no Rust, each with its URI.
fn flags(markdown: &str) -> Vec<(String, String)> {
    let blocks = markdown.split("```").skip(1).step_by(2).filter(|block| !block.starts_with("rust"));
    blocks.flat_map(flags_of).collect()
}

fn flags_of(block: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for flag in ["--source", "--sink"] {
        for (at, matched) in block.match_indices(&format!("{flag}=")) {
            let quote = |c: Option<char>| c.filter(|c| matches!(c, '\'' | '"'));
            let rest = &block[at + matched.len()..];
            let before = quote(block[..at].chars().next_back());
            let behind = quote(rest.chars().next());
            let rest = if behind.is_some() { &rest[1..] } else { rest };
            let is_end = |c: char| match before.or(behind) {
                Some(quote) => c == quote,
                None => c.is_whitespace(),
            };
            let end = rest.find(is_end).unwrap_or(rest.len());
            found.push((flag.to_owned(), rest[..end].to_owned()));
        }
    }
    found
}

#[test]
fn flags_are_found_as_people_write_them() {
    let text = "```sh\neventer --source=demo: \\\n  --sink='a:?x=1 2' '--sink=b:' \"--sink=c:\"\n```\n--sink=no:\n```rust\n--sink=no:\n```";
    let flag = |uri: &str| ("--sink".to_owned(), uri.to_owned());
    assert_eq!(
        flags(text),
        [("--source".to_owned(), "demo:".to_owned()), flag("a:?x=1 2"), flag("b:"), flag("c:")]
    );
}
