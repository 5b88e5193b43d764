//! The pages of `eventer sinks` and `eventer sources`, made of the declarations that parse the flags. Pure.

use eventer_core::{ComponentSpec, EndpointSpec, OptionSpec, PolicyDefaults};

use crate::defaults::{default_of, namespace_of, stand_ins};

/// Columns of a page before the help of an option is put on a line of its own.
const NAME_COLUMNS: usize = 34;

/// One line for each kind, and its example below it.
pub(crate) fn overview(command: &str, kinds: &[&ComponentSpec]) -> String {
    let width = kinds.iter().map(|spec| spec.kind.len()).max().unwrap_or_default();
    let mut out = String::new();
    for spec in kinds {
        out.push_str(&format!("{:width$}  {}\n{:width$}  {}\n", spec.kind, spec.summary, "", spec.example));
    }
    out.push_str(&format!("\n`eventer {command} KIND` shows the options of a kind.\n"));
    out
}

/// Everything that can be said of one kind. `common` are the options that every kind takes, `policy` is what a kind of
/// sink does if they are not given.
pub(crate) fn page(spec: &ComponentSpec, common: &[OptionSpec], policy: Option<PolicyDefaults>) -> String {
    let mut out = format!("{}\n\n  {}\n", spec.summary, spec.example);
    match spec.endpoint {
        EndpointSpec::None => {}
        EndpointSpec::Text(what) => out.push_str(&format!("\nEndpoint: {what}\n")),
        EndpointSpec::Url(what) => out.push_str(&format!(
            "\nEndpoint: {what}\n  Options that are not listed here belong to the URL; query.NAME=VALUE passes NAME on \
             whatever it looks like.\n"
        )),
    }
    let defaults = policy.unwrap_or(PolicyDefaults::NONE);
    section(&mut out, &format!("Options of {}", spec.kind), spec.options, PolicyDefaults::NONE);
    section(&mut out, "Options of every kind", common, defaults);
    if let Some(policy) = policy {
        out.push_str(&format!("  With {}, {}.\n", spec.kind, namespace_of(policy)));
    }
    out
}

fn section(out: &mut String, title: &str, options: &[OptionSpec], policy: PolicyDefaults) {
    if options.is_empty() {
        return;
    }
    out.push_str(&format!("\n{title}:\n"));
    for option in options {
        let name = format!("  {}={}", option.name, option.value);
        let gap = if name.chars().count() < NAME_COLUMNS { "" } else { "\n" };
        let padded = if gap.is_empty() { format!("{name:NAME_COLUMNS$}") } else { name };
        let indent = if gap.is_empty() { String::new() } else { " ".repeat(NAME_COLUMNS) };
        out.push_str(&format!("{padded}{gap}{indent}{}{}\n", option.help, notes(option, policy)));
    }
}

fn notes(option: &OptionSpec, policy: PolicyDefaults) -> String {
    let mut notes = stand_ins(option);
    if let Some(default) = default_of(option, policy) {
        notes.push(format!("default: {default}"));
    }
    if option.is_repeatable {
        notes.push("repeatable".to_owned());
    }
    if option.is_secret {
        notes.push("secret".to_owned());
    }
    if notes.is_empty() { String::new() } else { format!(" [{}]", notes.join(", ")) }
}

#[cfg(test)]
mod tests {
    use eventer_core::filter::Level;

    use super::*;

    const SPEC: ComponentSpec = ComponentSpec {
        kind: "pigeon",
        summary: "Sends pigeons.",
        endpoint: EndpointSpec::Url("The loft's URL."),
        options: &[
            OptionSpec::new("speed", "N", "How fast.").default("3"),
            OptionSpec::new("ring", "TEXT", "What it wears.").secret().variable("RING").repeatable(),
            OptionSpec::new("a_name_that_is_very_long_indeed", "DURATION", "Long."),
        ],
        example: "--sink=pigeon:http://loft",
    };

    #[test]
    fn a_page_shows_all_of_a_declaration() {
        let policy = PolicyDefaults { level: Some(Level::Warning), ..PolicyDefaults::NONE };
        let page = page(&SPEC, &[OptionSpec::new("level", "LEVEL", "Least level.")], Some(policy));
        for part in [
            "Sends pigeons.",
            "--sink=pigeon:http://loft",
            "Endpoint: The loft's URL.",
            "query.NAME=VALUE",
            "How fast. [default: 3]",
            "What it wears. [or ring_file=PATH, else $RING, repeatable, secret]",
            "  a_name_that_is_very_long_indeed=DURATION\n",
            "Options of every kind:\n  level=LEVEL",
            "Least level. [default: Warning]",
            "  With pigeon, namespaces are those of the object",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
    }

    #[test]
    fn the_overview_has_kind_summary_and_example() {
        let overview = overview("sinks", &[&SPEC]);
        assert!(
            overview.starts_with("pigeon  Sends pigeons.\n        --sink=pigeon:http://loft\n"),
            "{overview}"
        );
        assert!(overview.contains("`eventer sinks KIND`"));
    }
}
