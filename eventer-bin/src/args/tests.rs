//! What people write on the command line, and the mistakes they make.

use eventer_core::store::DeadLetters;

use super::*;

fn line(arguments: &str) -> CommandLine {
    parse(arguments.split_whitespace().map(OsString::from), &())
}

#[track_caller]
fn args(arguments: &str) -> Args {
    let line = line(&format!("--source=demo: {arguments}"));
    assert!(line.mistakes.is_empty(), "{:?}", line.mistakes);
    match line.invocation {
        Invocation::Run(args) => *args,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn mistakes(arguments: &str) -> Vec<String> {
    let mistakes = line(arguments).mistakes;
    assert!(!mistakes.is_empty(), "nothing is wrong with {arguments}");
    mistakes
}

#[test]
fn nothing_given_is_the_default() {
    let args = args("");
    assert_eq!(args.frequency, Duration::from_secs(1));
    assert_eq!(args.admin_address.to_string(), "0.0.0.0:8084");
    assert_eq!(args.batch_events.get(), 1000);
    assert_eq!(args.stop_timeout, Duration::from_secs(20));
    assert_eq!((args.event_metrics, args.strict, args.ready_requires_sinks), (true, false, false));
    assert_eq!((args.log_format, args.verbosity, args.worker_threads), (LogFormat::Text, 0, None));
    assert!(args.sinks.is_empty() && args.journal_size.is_none() && args.cluster.is_none());
}

#[test]
fn the_flags_of_a_kube_eventer_manifest_are_taken() {
    let args = args(
        "--sink=log: -sink webhook:http://h --frequency=30s --max_procs=3 --healthz-ip localhost --healthz-port 65535 \
         -logtostderr=true -v 4 --stderrthreshold=INFO -vmodule=a=1 --event-metrics=false -one_output",
    );
    assert_eq!(args.sinks.len(), 2);
    assert_eq!(args.frequency, Duration::from_secs(30));
    assert_eq!(args.worker_threads, NonZeroUsize::new(3));
    assert_eq!(args.admin_address.to_string(), "127.0.0.1:65535");
    assert_eq!((args.verbosity, args.event_metrics), (4, false));
    assert_eq!(args.ignored, ["logtostderr", "stderrthreshold", "vmodule", "one-output"]);
}

#[test]
fn the_last_one_of_a_flag_holds() {
    assert_eq!(args("-v=1 -v=2 --frequency=5s --frequency=10s").verbosity, 2);
    assert!(args("--strict=false --strict").strict);
    assert!(!args("--strict --strict=F").strict);
}

#[test]
fn every_mistake_is_told_at_once() {
    let mistakes = mistakes(
        "--frequency=5 --healthz-ip=nowhere --healthz-port=65536 --snik=log: --batch-events=0 --journal-size=1k \
         --log-format=yaml --strict=maybe --stop-timeout=x --max-procs=many -vv --sources",
    );
    for part in [
        "--frequency takes a duration from 10ms to 3m",
        "--healthz-ip takes",
        "--healthz-port takes",
        "flag --snik is not known, did you mean \"--sink\"?",
        "--batch-events takes",
        "--journal-size takes",
        "--log-format takes text or json",
        "--strict takes true or false",
        "--stop-timeout takes",
        "--max-procs takes",
        "flag -vv is not known",
        "flag --sources is not known, did you mean \"--source\"?",
        "--source is missing",
    ] {
        assert!(mistakes.iter().any(|mistake| mistake.starts_with(part)), "{part}: {mistakes:#?}");
    }
    assert_eq!(mistakes.len(), 13, "{mistakes:#?}");
}

#[test]
fn a_frequency_out_of_bounds_is_a_mistake() {
    for wrong in ["9ms", "181s", "0", "-1s", ""] {
        mistakes(&format!("--source=demo: --frequency={wrong}"));
    }
    assert_eq!(args("--frequency=3m0s").frequency, Duration::from_secs(180));
    assert_eq!(args("--frequency=10ms").frequency, Duration::from_millis(10));
}

#[test]
fn less_than_one_thread_is_as_many_as_fit() {
    assert_eq!(args("--max_procs=0").worker_threads, None);
    assert_eq!(args("--max_procs=-1").worker_threads, None);
    mistakes("--source=demo: --max-procs=1025");
}

#[test]
fn a_missing_value_is_told() {
    assert_eq!(mistakes("--source=demo: --sink")[0], "flag --sink needs a value");
    assert_eq!(mistakes("--sink --source=demo:"), ["flag --sink needs a value"]);
    assert_eq!(mistakes("--sink=log: --source=demo: --sink"), ["flag --sink needs a value"]);
}

#[test]
fn a_flag_is_told_as_it_was_typed() {
    for (typed, told) in [
        ("-v3", "flag -v3 is not known"),
        ("-s", "flag -s is not known"),
        ("--max_prcs=2", "flag --max_prcs is not known, did you mean \"--max-procs\"?"),
        ("-max_procs", "flag -max_procs needs a value"),
        ("-v=x", "-v takes a whole number"),
        ("-snik=x stray", "flag -snik is not known, did you mean \"--sink\"?"),
        ("-strict stray", "the argument after -strict is neither a flag nor a command"),
    ] {
        let mistakes = mistakes(&format!("--source=demo: {typed}"));
        assert!(mistakes[0].starts_with(told), "{typed}: {mistakes:?}");
    }
}

#[test]
fn a_single_letter_is_no_guess_at_a_word() {
    assert_eq!(mistakes("--source=demo: --bogus"), ["flag --bogus is not known"]);
}

#[test]
fn tail_takes_what_kubectl_does_and_several_sources() {
    let line = line("tail -w --watch --source=demo:?source_name=a --source=demo:?source_name=b");
    assert!(line.mistakes.is_empty(), "{:?}", line.mistakes);
    let Invocation::Tail(args) = line.invocation else { panic!("{:?}", line.invocation) };
    assert_eq!(args.sources.len(), 2);
}

#[test]
fn the_help_takes_no_value() {
    for typed in ["-help=false", "--help=true", "-h=1", "-help="] {
        let name = typed.split('=').next().unwrap();
        let mistakes = mistakes(&format!("--source=demo: {typed}"));
        assert_eq!(mistakes, [format!("flag {name} takes no value")], "{typed}");
    }
    assert_eq!(mistakes("sinks --help=false"), ["flag --help takes no value"]);
}

#[test]
fn a_stray_argument_is_told_by_its_place() {
    let told = mistakes("--source=demo: --event-metrics false --sink=log:");
    assert!(
        told[0].starts_with("the argument after --event-metrics is neither a flag nor a command"),
        "{told:?}"
    );
    let told = mistakes("sink");
    assert!(told[0].contains("did you mean \"sinks\"?"), "{told:?}");
}

#[test]
fn no_mistake_shows_a_value() {
    for arguments in [
        "--source=demo: kafka:?password=hunter2",
        "kafka:?password=hunter2",
        "--snik=kafka:?password=hunter2",
        "--source --sink=webhook:http://hunter2 --frequency=hunter2 --snik hunter2",
        "--source=demo: --help=hunter2",
        "--source=demo: --webhook:http://h/hunter2",
        "--source=demo: --webhook:http://h/hunter2 stray",
        "sinks --kind=hunter2",
        "sinks webhook hunter2",
        "--source=demo: -- hunter2",
    ] {
        let line = line(arguments);
        let shown = format!("{line:?}");
        assert!(!line.mistakes.is_empty(), "nothing is wrong with {arguments}");
        assert!(!shown.contains("hunter2"), "{arguments}: {shown}");
    }
}

#[test]
fn help_and_version_are_printed() {
    for help in ["-h", "--help", "-help", "--sink=log: --help", "help", "sinks -h"] {
        let line = line(help);
        assert!(line.mistakes.is_empty(), "{help}: {:?}", line.mistakes);
        assert!(
            matches!(&line.invocation, Invocation::Print(text) if text.contains("Usage: eventer")),
            "{help}"
        );
    }
    for version in ["-version", "--version", "--version=true"] {
        let line = line(version);
        assert!(line.mistakes.is_empty(), "{version}: {:?}", line.mistakes);
        let Invocation::Print(text) = line.invocation else { panic!("{version}") };
        assert!(text.starts_with("eventer version: ") && text.contains(" commit: "), "{text}");
    }
}

#[test]
fn the_help_shows_every_flag_that_has_an_effect() {
    let Invocation::Print(help) = line("--help").invocation else { panic!("no help") };
    for flag in [
        "--source",
        "--sink",
        "--frequency",
        "--max-procs",
        "-v, --v=",
        "--version",
        "--ready-requires-sinks",
    ] {
        assert!(help.contains(flag), "{flag}: {help}");
    }
    assert!(!help.contains("vmodule"));
    assert!(help.contains("in all after a signal, without progress after the end of the sources"), "{help}");
}

#[test]
fn commands_take_a_kind() {
    assert!(matches!(line("sinks").invocation, Invocation::Sinks(None)));
    assert!(matches!(line("sources replay").invocation, Invocation::Sources(Some(kind)) if kind == "replay"));
}

#[test]
fn clap_finds_the_declarations_sound() {
    flags::command().debug_assert();
}

#[track_caller]
fn state_command(arguments: &str) -> StateCommand {
    let line = line(arguments);
    assert!(line.mistakes.is_empty(), "{:?}", line.mistakes);
    match line.invocation {
        Invocation::State(command) => command,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_commands_on_a_state_directory_are_read() {
    let all = DeadLetters::default();
    let of_kafka = DeadLetters { sink: Some("kafka".to_owned()), ids: Vec::new() };
    let two = DeadLetters { sink: None, ids: vec![3, 4] };
    for (arguments, action, output) in [
        ("journal --state-dir=/x", Action::Journal, Output::Text),
        ("journal -o json -state_dir /x", Action::Journal, Output::Json),
        ("--state-dir /x journal", Action::Journal, Output::Text),
        ("dead-letters list --state-dir=/x", Action::List(all.clone(), 100), Output::Text),
        (
            "dead-letters list --limit 5 --sink kafka --state-dir=/x -o=json",
            Action::List(of_kafka.clone(), 5),
            Output::Json,
        ),
        ("dead-letters show 3 --state-dir=/x 4", Action::Show(two.clone(), 100), Output::Text),
        ("dead-letters replay --state-dir=/x -- 3 4", Action::Replay(two), Output::Text),
        ("dead-letters replay --state-dir=/x --all", Action::Replay(all.clone()), Output::Text),
        ("dead-letters drop --sink=kafka --state-dir=/x", Action::Drop(of_kafka), Output::Text),
        ("dead-letters drop --all --state-dir=/x", Action::Drop(all), Output::Text),
    ] {
        let command = state_command(arguments);
        assert_eq!(command.state_dir, PathBuf::from("/x"), "{arguments}");
        assert_eq!((command.action, command.output), (action, output), "{arguments}");
    }
}

#[test]
fn a_command_on_a_state_directory_says_what_it_lacks() {
    for (arguments, told) in [
        ("journal", "--state-dir is missing"),
        ("journal --state-dir=", "--state-dir is missing"),
        ("journal --state-dir=/x -o", "flag -o needs a value"),
        ("journal --state-dir=/x -o yaml", "-o takes text or json"),
        ("journal --state-dir=/x 3", "the argument after --state-dir is neither a flag nor a command"),
        ("journal --state-dir=/x --limt=3", "flag --limt is not known"),
        ("dead-letters", "dead-letters is told nothing to do; it knows list, show, replay, drop"),
        (
            "dead-letters lst --state-dir=/x",
            "an argument is neither a flag nor a command, did you mean \"list\"?",
        ),
        ("dead-letters list --state-dir=/x --limit=0", "--limit takes a whole number of at least 1"),
        ("dead-letters list --state-dir=/x three", "an id is a whole number"),
        ("dead-letters list --state-dir=/x --al", "flag --al is not known"),
        ("dead-letters replay --state-dir=/x", "replay is not told which dead letters"),
        ("dead-letters drop --state-dir=/x --all=false", "drop is not told which dead letters"),
        ("dead-letters drop --state-dir=/x --all 3", "--all stands beside ids or --sink"),
        ("dead-letters drop --state-dir=/x --all --sink=kafka", "--all stands beside ids or --sink"),
        ("dead-letters drop --state-dir=/x --sink=", "--sink takes the name of a sink"),
        ("dead-letters drop --state-dir=/x x", "an id is a whole number"),
    ] {
        let mistakes = mistakes(arguments);
        assert_eq!(mistakes.len(), 1, "{arguments}: {mistakes:?}");
        assert!(mistakes[0].starts_with(told), "{arguments}: {mistakes:?}");
    }
}

#[test]
fn the_commands_on_a_state_directory_have_a_help_each() {
    for (arguments, parts) in [
        ("journal -h", &["Usage: eventer journal --state-dir=DIR", "--state-dir=DIR", "-o, --o="][..]),
        (
            "dead-letters --help",
            &["Usage: eventer dead-letters list|show|replay|drop", "replay", "beside the process"],
        ),
        ("dead-letters drop -h", &["(ID... | --sink=NAME | --all)", "--all", "--sink=NAME"]),
        ("dead-letters list -h", &["[ID...] [--sink=NAME]", "[default: 100]"]),
        ("-h", &["eventer journal --state-dir=DIR", "eventer dead-letters list|show|replay|drop"]),
    ] {
        let Invocation::Print(help) = line(arguments).invocation else { panic!("{arguments}") };
        for part in parts {
            assert!(help.contains(part), "{arguments}: {part}: {help}");
        }
    }
}
