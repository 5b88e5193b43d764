//! Go's syntax of flags, which manifests for kube-eventer are written in, brought into the form `--name=value`. Pure.
//!
//! `-x` and `--x` are the same; a value stands after `=` or in the next argument, but a switch takes `=` only; and the
//! flags end at the first argument that is none, but for the commands whose flags may stand anywhere. Beyond Go, an
//! underscore in a name is a dash.

use super::flags;

/// An argument that is brought into our form.
#[derive(Debug)]
pub(super) struct Argument {
    /// Our form.
    pub(super) text: String,
    /// What was typed of it, without the value.
    pub(super) typed: String,
}

impl Argument {
    /// What comes before a value, as it was typed.
    fn new(text: String, argument: &str) -> Self {
        Self { text, typed: argument.split('=').next().unwrap_or_default().to_owned() }
    }
}

/// Brings the flags of `arguments` into the form `--name=value`. What is not understood stays.
pub(super) fn normalise(arguments: impl IntoIterator<Item = String>) -> Vec<Argument> {
    let mut arguments = arguments.into_iter().peekable();
    let mut out = Vec::new();
    let mut is_mixed = false;
    while let Some(argument) =
        arguments.next_if(|argument| begins_flag(argument) || is_mixed || flags::mix_with(argument))
    {
        if argument == "--" {
            out.push(Argument::new(argument.clone(), &argument));
            break;
        }
        if !begins_flag(&argument) {
            is_mixed = true;
            out.push(Argument::new(argument.clone(), &argument));
            continue;
        }
        let (name, value) = split(&argument);
        let flag = flags::find(&name);
        let value = match value {
            None if flag.is_some_and(|flag| !flag.is_switch) => arguments.next_if(|next| !is_flag(next)),
            value => value.map(str::to_owned),
        };
        let text = match value {
            Some(value) => format!("--{name}={value}"),
            None => format!("--{name}"),
        };
        out.push(Argument::new(text, &argument));
    }
    out.extend(arguments.map(|argument| Argument::new(argument.clone(), &argument)));
    out
}

fn begins_flag(argument: &str) -> bool {
    argument.strip_prefix('-').is_some_and(|rest| !matches!(rest, "" | "-"))
}

/// The name in our spelling, and the value after `=`.
fn split(argument: &str) -> (String, Option<&str>) {
    let bare = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-')).unwrap_or(argument);
    let (name, value) = bare.split_once('=').map_or((bare, None), |(name, value)| (name, Some(value)));
    let name = if name == "h" { "help".to_owned() } else { name.replace('_', "-") };
    (name, value)
}

/// Go would take a flag as the value of the one before it; nobody means that, and it hides the missing value.
fn is_flag(argument: &str) -> bool {
    begins_flag(argument) && flags::find(&split(argument).0).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(given: &str, expected: &str) {
        let out = normalise(given.split(' ').map(str::to_owned));
        let texts: Vec<_> = out.iter().map(|argument| &*argument.text).collect();
        assert_eq!(texts.join(" "), expected);
    }

    #[test]
    fn one_dash_and_two_are_the_same() {
        check("-logtostderr=true -v=3 --v=3 -source=log:", "--logtostderr=true --v=3 --v=3 --source=log:");
        check("-h", "--help");
        check("-help", "--help");
    }

    #[test]
    fn a_value_may_be_the_next_argument() {
        check("-v 3 --frequency 30s -sink log:", "--v=3 --frequency=30s --sink=log:");
        check("--cluster-name -x", "--cluster-name=-x");
    }

    #[test]
    fn a_switch_takes_no_next_argument() {
        check("--event-metrics false", "--event-metrics false");
        check("-logtostderr -v 3", "--logtostderr --v=3");
    }

    #[test]
    fn an_underscore_in_a_name_is_a_dash_and_stays_in_a_value() {
        check("--max_procs=2 -log_file a_b", "--max-procs=2 --log-file=a_b");
    }

    #[test]
    fn a_value_keeps_its_equals_signs_and_dashes() {
        check("-sink=kafka:?brokers=a-b&x==", "--sink=kafka:?brokers=a-b&x==");
    }

    #[test]
    fn a_flag_is_not_the_value_of_the_one_before() {
        check("--sink --source=replay:x", "--sink --source=replay:x");
        check("-v -logtostderr", "--v --logtostderr");
    }

    #[test]
    fn what_is_unknown_stays_for_the_error() {
        check("--snik=log: -sourc x", "--snik=log: --sourc x");
        check("---v=3", "---v=3");
    }

    #[test]
    fn what_was_typed_is_kept_without_the_value() {
        let out = normalise(["-max_procs=2", "-v", "3", "--h", "x=y"].map(str::to_owned));
        let typed: Vec<_> = out.iter().map(|argument| &*argument.typed).collect();
        assert_eq!(typed, ["-max_procs", "-v", "--h", "x"]);
    }

    #[test]
    fn flags_end_at_the_first_argument_that_is_none() {
        check("-v=3 sinks -h", "--v=3 sinks -h");
        check("-- -v", "-- -v");
    }

    #[test]
    fn flags_of_a_command_on_a_state_directory_stand_anywhere() {
        check(
            "-v=3 dead-letters list 3 -state_dir /x 4 -o json --all",
            "--v=3 dead-letters list 3 --state-dir=/x 4 --o=json --all",
        );
        check("journal -o json", "journal --o=json");
        check("dead-letters drop -- -1 -o x", "dead-letters drop -- -1 -o x");
        check("stray journal -o json", "stray journal -o json");
    }
}
