//! Every form of component URI that kube-eventer's users write, and the mistakes they make.

use std::collections::BTreeMap;

use super::*;
use crate::secret::{Secret, SecretSource};

const LEVEL: OptionSpec = OptionSpec::new("level", "LEVEL", "Least level.");
const HEADER: OptionSpec = OptionSpec::new("header", "NAME=VALUE", "Header.").repeatable().secret();
const COUNT: OptionSpec = OptionSpec::new("count", "N", "How many.").default("3");
const URL_KIND: ComponentSpec = ComponentSpec {
    kind: "webhook",
    summary: "",
    endpoint: EndpointSpec::Url("URL"),
    options: &[LEVEL, HEADER, COUNT],
    example: "",
};

const OPAQUE_KIND: ComponentSpec = ComponentSpec { endpoint: EndpointSpec::None, ..URL_KIND };

fn environment() -> BTreeMap<String, String> {
    let pairs = [("PASS", "p&w=1#$x%20"), ("HOOK", "https://h/x?token=a$b"), ("HOST", "example.com")];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

fn parse(text: &str) -> Result<ComponentUri, ConfigError> {
    ComponentUri::parse("--sink", text, &environment())
}

fn parsed(text: &str) -> ComponentUri {
    parse(text).unwrap()
}

fn option(uri: &ComponentUri, name: &str) -> String {
    uri.options().iter().find(|(given, _)| given == name).unwrap().1.clone().unwrap()
}

#[test]
fn kind_and_endpoint_alone() {
    for text in ["log", "log:", "\"log\"", "'log:'", " log: ", "log:''"] {
        let uri = parsed(text);
        assert_eq!((uri.kind(), uri.endpoint(), uri.options().len()), ("log", "", 0), "{text}");
    }
    assert_eq!(parsed("kubernetes:https://kubernetes.default").endpoint(), "https://kubernetes.default");
}

#[test]
fn options_keep_their_order_and_repeat() {
    let uri = parsed("kafka:?brokers=a:9092&brokers=b:9092&eventstopic=k8s");
    let brokers: Vec<_> = uri.options().iter().map(|(_, value)| value.as_deref().unwrap()).collect();
    assert_eq!(brokers, ["a:9092", "b:9092", "k8s"]);
}

#[test]
fn a_value_is_decoded_and_what_is_no_escape_stands_for_itself() {
    let uri = parsed("webhook:http://h?header=Authorization=Bearer%20abc&label=100%&a=x+y&b=1;2&c=p#1");
    assert_eq!(option(&uri, "header"), "Authorization=Bearer abc");
    assert_eq!(option(&uri, "label"), "100%");
    assert_eq!(option(&uri, "a"), "x y");
    assert_eq!(option(&uri, "b"), "1;2");
    assert_eq!(option(&uri, "c"), "p#1");
}

#[test]
fn two_ampersands_separate_options_but_for_those_in_an_expression() {
    let names = |text: &str| {
        let uri = parsed(text);
        uri.options().iter().map(|(name, value)| (name.clone(), value.clone().unwrap_or_default())).collect()
    };
    for (query, options) in [
        ("a=1&&b=2&", vec![("a", "1"), ("b", "2")]),
        ("&&a=where=1&&b=2", vec![("a", "where=1"), ("b", "2")]),
        (
            r#"where=type=="Warning" && reason=="X"&b=2"#,
            vec![("where", r#"type=="Warning" && reason=="X""#), ("b", "2")],
        ),
        ("a=1&&where=a&&b&&c&b=2", vec![("a", "1"), ("where", "a&&b&&c"), ("b", "2")]),
        ("where=a%26%26b%20%7C%7C+c", vec![("where", "a&&b || c")]),
        ("where=a&&", vec![("where", "a&&")]),
        ("where=a&&&b=2", vec![("where", "a&&"), ("b", "2")]),
        ("where&&b=2", vec![("where", ""), ("b", "2")]),
    ] {
        let found: Vec<(String, String)> = names(&format!("log:?{query}"));
        let expected: Vec<_> =
            options.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        assert_eq!(found, expected, "{query}");
    }
}

#[test]
fn an_opaque_query_is_kept_whole() {
    let uri = parsed("mysql:?root:pw@tcp(h:3306)/db?charset=utf8");
    assert_eq!(uri.raw_query(), Some("root:pw@tcp(h:3306)/db?charset=utf8"));
}

#[test]
fn a_variable_in_a_value_cannot_change_the_structure() {
    let uri = parsed("influxdb:http://$HOST:8086?pw=${PASS}&user=a");
    assert_eq!(uri.endpoint(), "http://example.com:8086");
    assert_eq!(option(&uri, "pw"), "p&w=1#$x%20");
    assert_eq!(option(&uri, "user"), "a");
}

#[test]
fn an_endpoint_that_is_one_variable_brings_its_query() {
    for text in
        ["webhook:$HOOK", "webhook:${HOOK}", "webhook:$HOOK?level=Warning", "webhook:${HOOK}&level=Warning"]
    {
        let uri = parsed(text);
        assert_eq!(uri.endpoint(), "https://h/x", "{text}");
        assert_eq!(option(&uri, "token"), "a$b", "{text}");
        assert_eq!(uri.options().len(), if text.contains("level") { 2 } else { 1 }, "{text}");
    }
}

#[test]
fn a_dollar_is_a_dollar_where_no_name_follows() {
    let uri = parsed("webhook:http://h?reason=^Back,NotReady$&a=$$HOME&b=$1&c=(a$|b)");
    assert_eq!(option(&uri, "reason"), "^Back,NotReady$");
    assert_eq!(option(&uri, "a"), "$HOME");
    assert_eq!(option(&uri, "b"), "$1");
    assert_eq!(option(&uri, "c"), "(a$|b)");
}

#[test]
fn a_variable_that_is_not_defined_is_told_with_how_its_characters_are_written() {
    let error = parse("kafka:?pw=$NOT_THERE").unwrap_err().to_string();
    assert!(
        error.ends_with("the variable $NOT_THERE is not defined; the characters themselves are written $$")
    );
    assert_eq!(option(&parsed("kafka:?pw=$$NOT_THERE"), "pw"), "$NOT_THERE");
    assert_eq!(
        expand_value("${NOT_THERE}", &environment()).unwrap_err(),
        "the variable $NOT_THERE is not defined; the characters themselves are written $${"
    );
    let (value, _) = expand_value("$${NOT_THERE}", &environment()).unwrap();
    assert_eq!(value, "${NOT_THERE}");
}

#[test]
fn what_is_no_component_uri_is_an_error() {
    for text in ["", ":x", "http//x y", "1kafka:", "?a=b"] {
        assert!(parse(text).is_err(), "{text} was taken");
    }
    let error = parse("kafka:?pw=$NOT_THERE").unwrap_err().to_string();
    assert!(error.contains("--sink=kafka") && error.contains("$NOT_THERE"), "{error}");
    assert!(parse("kafka:?pw=${PASS").is_err());
}

#[test]
fn debug_shows_no_value() {
    let shown = format!("{:?}", parsed("webhook:http://h/secret?pw=hunter2"));
    assert!(shown.contains("pw") && !shown.contains("hunter2") && !shown.contains("secret"), "{shown}");
}

#[test]
fn a_piece_of_a_credential_is_not_taken_for_a_name_and_shown() {
    let pieces = [
        "root:hunter2@tcp(h)/db?charset=utf8",
        "mongodb://u:hunter2@h/db",
        "level=Warning&pw=a&hunter2",
        "pw=a&hunter2@h=1",
        "pw=a&hunter2%20x=1",
        "0hunter2=1",
        &format!("hunter2{}=1", "x".repeat(64)),
    ];
    for query in pieces {
        let uri = parsed(&format!("webhook:?{query}"));
        let mut reader = UriReader::new("--sink", &uri, &OPAQUE_KIND, &[]);
        reader.take::<String>(&LEVEL);
        let errors = reader.finish();
        let shown = format!("{uri:?} {errors:?} {}", errors.last().unwrap());
        assert!(!shown.contains("hunter2") && shown.contains("[not shown]"), "{shown}");
        assert!(shown.contains("%26"), "{shown}");
    }
    let error = parse("webhook:?pw=a${hunter2:}b").unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn a_name_that_looks_like_one_is_shown() {
    let uri = parsed("webhook:?api-version=2&x.y_z=1&levl");
    assert_eq!(
        format!("{uri:?}"),
        r#"ComponentUri { kind: "webhook", options: ["api-version", "x.y_z", "[not shown]"], .. }"#
    );
    let errors = UriReader::new("--sink", &uri, &OPAQUE_KIND, &[]).finish();
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert!(errors[0].contains(r#"option "api-version" is not known; known are level"#), "{errors:?}");
    assert!(errors[2].contains(r#"option "levl" is not known, did you mean "level"?"#), "{errors:?}");
}

#[test]
fn debug_of_the_reader_shows_no_value() {
    let uri = parsed("webhook:http://h/secret?count=hunter2&token=hunter3");
    let mut reader = UriReader::new("--sink", &uri, &URL_KIND, &[]);
    reader.take::<u32>(&COUNT);
    let shown = format!("{reader:?}");
    assert!(shown.contains("--sink=webhook"), "{shown}");
    assert!(!shown.contains("hunter") && !shown.contains("secret"), "{shown}");
}

#[test]
fn the_reader_finds_every_mistake_at_once() {
    let uri = parsed("webhook:http://h/p?count=many&levle=Warning&LEVEL=x&token=t");
    let mut reader = UriReader::new("--sink", &uri, &URL_KIND, &[]);
    assert_eq!(reader.take::<u32>(&COUNT), Some(3));
    assert_eq!(reader.take_destination(), "http://h/p?token=t");
    let errors: Vec<String> = reader.finish().iter().map(ToString::to_string).collect();
    assert_eq!(errors.len(), 3, "{errors:?}");
    assert!(errors[0].contains("\"many\" is not a whole number"));
    assert!(
        errors[1].contains("did you mean \"level\"?") && errors[1].contains("query.levle="),
        "{errors:?}"
    );
    assert!(errors[2].contains("did you mean \"level\"?"));
}

#[test]
fn query_passes_on_whatever_it_looks_like() {
    let uri = parsed("webhook:http://h/p?query.levle=a%20b&level=Warning&q=1");
    let mut reader = UriReader::new("--sink", &uri, &URL_KIND, &[]);
    assert_eq!(reader.take::<String>(&LEVEL).as_deref(), Some("Warning"));
    assert_eq!(reader.take_destination(), "http://h/p?levle=a%20b&q=1");
    assert!(reader.finish().is_empty());
}

#[test]
fn the_destination_gets_its_query_as_it_was_written() {
    let uri = parsed("webhook:http://h/p?wsdl&z=1&level=Warning&empty=&query.count&a=2&wsdl");
    let mut reader = UriReader::new("--sink", &uri, &URL_KIND, &[]);
    reader.take::<String>(&LEVEL);
    assert_eq!(reader.take_destination(), "http://h/p?wsdl&z=1&empty=&count&a=2&wsdl");
    assert!(reader.finish().is_empty());
}

#[test]
fn an_opaque_query_is_taken_whole_and_leaves_nothing_over() {
    let dsn = "root:p%w+d@tcp(h:3306)/db?charset=utf8&parseTime&level=Warning";
    let uri = parsed(&format!("webhook:?{dsn}"));
    let mut reader = UriReader::new("--sink", &uri, &OPAQUE_KIND, &[]);
    reader.take::<String>(&LEVEL);
    assert_eq!(reader.take_raw_query().as_deref(), Some(dsn));
    assert_eq!(reader.take_raw_query(), None);
    assert_eq!(reader.finish(), []);
}

#[test]
fn a_name_alone_means_yes() {
    const QUIET: OptionSpec = OptionSpec::new("quiet", "BOOL", "Says less.").default("false");
    let uri = parsed("webhook:http://h?quiet");
    let mut reader = UriReader::new("--sink", &uri, &URL_KIND, &[]);
    assert_eq!(reader.take(&QUIET), Some(true));
}

#[test]
fn a_secret_value_is_not_shown_when_it_is_wrong() {
    const PIN: OptionSpec = OptionSpec::new("pin", "NUMBER", "Pin.").secret();
    let uri = parsed("webhook:http://h?pin=hunter2");
    let mut reader = UriReader::new("--sink", &uri, &URL_KIND, &[]);
    assert_eq!(reader.take::<u32>(&PIN), None);
    let errors = reader.finish();
    assert!(!errors[0].to_string().contains("hunter2"));
}

#[test]
fn a_value_that_a_variable_gave_is_not_shown_when_it_is_wrong() {
    for text in ["webhook:http://h?count=$PASS", "webhook:http://h?count=1${HOST}", "webhook:$BRINGS"] {
        let mut environment = environment();
        environment.insert("BRINGS".to_owned(), "http://h?count=hunter2".to_owned());
        let uri = ComponentUri::parse("--sink", text, &environment).unwrap();
        let mut reader = UriReader::new("--sink", &uri, &URL_KIND, &[]);
        assert_eq!(reader.take::<u32>(&COUNT), Some(3));
        let error = reader.finish()[0].to_string();
        assert!(error.contains("which a variable gives"), "{error}");
        assert!(["p&w", "example", "hunter2"].iter().all(|part| !error.contains(part)), "{error}");
    }
}

#[test]
fn a_variable_that_is_empty_is_told_to_be() {
    let mut environment = environment();
    environment.insert("NOTHING".to_owned(), String::new());
    let uri = ComponentUri::parse("--sink", "webhook:http://h?count=$NOTHING", &environment).unwrap();
    let mut reader = UriReader::new("--sink", &uri, &URL_KIND, &[]);
    assert_eq!(reader.take::<u32>(&COUNT), Some(3));
    let error = reader.finish()[0].to_string();
    assert!(error.contains("\"count\": the variable that gives its value is empty"), "{error}");
}

const TOKEN: OptionSpec =
    OptionSpec::new("token", "TOKEN", "Token of the account.").secret().variable("TOKEN");
const CA: OptionSpec = OptionSpec::new("ca_file", "PATH", "Certificates to trust.");
const BODY: OptionSpec = OptionSpec::new("body", "NAME", "ConfigMap of the body.");
const BODY_NAMESPACE: OptionSpec =
    OptionSpec::new("body_namespace", "NAME", "Its namespace.").default("default");
const POINTING_KIND: ComponentSpec =
    ComponentSpec { options: &[TOKEN, HEADER, CA, BODY, BODY_NAMESPACE], ..OPAQUE_KIND };

fn texts(errors: &[ConfigError]) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn a_secret_is_written_out_or_in_a_file_or_a_variable_stands_in() {
    let variables = BTreeMap::from([("TOKEN".to_owned(), "from-variable".to_owned())]);
    let value = |text: &str| Some(SecretSource::Value(Secret::new(text.to_owned())));
    for (query, variables, source) in [
        ("token=abc", &variables, value("abc")),
        ("token_file=/run/t", &variables, Some(SecretSource::File("/run/t".into()))),
        ("", &variables, value("from-variable")),
        ("", &BTreeMap::from([("TOKEN".to_owned(), String::new())]), None),
    ] {
        let uri = parsed(&format!("pointing:?{query}"));
        let mut reader = UriReader::new("--sink", &uri, &POINTING_KIND, &[]).with_environment(variables);
        assert_eq!(reader.take_secret(&TOKEN), source, "{query}");
        assert_eq!(texts(&reader.finish()), [""; 0]);
    }
}

#[test]
fn a_secret_that_is_missing_or_given_twice_is_told() {
    let uri = parsed("pointing:?token=hunter2&token_file=/run/t&tokn_file=/x");
    let mut reader = UriReader::new("--sink", &uri, &POINTING_KIND, &[]);
    reader.take_secret(&TOKEN);
    let errors = texts(&reader.finish());
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors[0].contains("\"token\": it is given by token_file too; give one"), "{errors:?}");
    assert!(errors[1].contains("did you mean \"token_file\"?"), "{errors:?}");
    assert!(!errors.concat().contains("hunter2"));

    let uri = parsed("pointing:");
    let mut reader = UriReader::new("--sink", &uri, &POINTING_KIND, &[]);
    let error = reader.require_secret(&TOKEN).unwrap_err().to_string();
    assert_eq!(
        error,
        "--sink=webhook: option \"token\" is missing: Token of the account. Or set the variable TOKEN."
    );
}

#[test]
fn secrets_that_repeat_come_from_both() {
    let uri = parsed("pointing:?header=A=1&header_file=/run/h&header=B=2");
    let mut reader = UriReader::new("--sink", &uri, &POINTING_KIND, &[]);
    let value = |text: &str| SecretSource::Value(Secret::new(text.to_owned()));
    let sources = [value("A=1"), value("B=2"), SecretSource::File("/run/h".into())];
    assert_eq!(reader.take_secrets(&HEADER, |_| Ok(())), sources);
    assert_eq!(texts(&reader.finish()), [""; 0]);
}

#[test]
fn files_are_looked_at_only_when_asked_and_all_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let uri = parsed(&format!("pointing:?token_file={}&ca_file={}", path("token"), path("ca")));
    let mut reader = UriReader::new("--sink", &uri, &POINTING_KIND, &[]);
    reader.take_secret(&TOKEN);
    reader.take_file(&CA, |content| match content {
        b"a certificate" => Ok(()),
        _ => Err("it holds no certificate".to_owned()),
    });
    let needs = reader.take_needs();
    assert_eq!(texts(&reader.finish()), [""; 0]);
    let errors = || needs.files.iter().filter_map(|file| Some(file.verify().err()?.to_string())).collect();
    let missing: Vec<String> = errors();
    for (error, name) in missing.iter().zip(["token", "ca"]) {
        assert!(error.contains(&format!("could not read {}: No such file", path(name))), "{error}");
    }
    std::fs::write(path("token"), "\n").unwrap();
    std::fs::write(path("ca"), "hunter2").unwrap();
    let wrong: Vec<String> = errors();
    assert!(wrong[0].ends_with("token: it is empty") && wrong[1].ends_with("ca: it holds no certificate"));
    std::fs::write(path("token"), "hunter2\n").unwrap();
    std::fs::write(path("ca"), "a certificate").unwrap();
    assert_eq!((missing.len(), wrong.len(), errors() as Vec<String>), (2, 2, Vec::new()));
}

#[test]
fn a_config_map_is_named_and_the_need_of_a_cluster_is_known() {
    let uri = parsed("pointing:?body=hook");
    let mut reader = UriReader::new("--sink", &uri, &POINTING_KIND, &[]);
    let key = reader.take_config_map(&BODY, &BODY_NAMESPACE, "content").unwrap();
    assert_eq!(key.to_string(), "key \"content\" of ConfigMap default/hook");
    assert_eq!(reader.take_needs().config_map, Some("body"));

    let uri = parsed("pointing:");
    let mut reader = UriReader::new("--sink", &uri, &POINTING_KIND, &[]);
    assert_eq!(reader.take_config_map(&BODY, &BODY_NAMESPACE, "content"), None);
    assert_eq!(reader.take_needs().config_map, None);
}

#[test]
fn options_of_a_prefix_are_taken_as_they_are() {
    let uri = parsed("pointing:?kafka.linger.ms=5&tokn=x&kafka.sasl.password=a%26b&kafka.flag");
    let mut reader = UriReader::new("--sink", &uri, &POINTING_KIND, &[]);
    let pairs = [("linger.ms", "5"), ("sasl.password", "a&b"), ("flag", "")];
    assert_eq!(
        reader.take_prefixed("kafka."),
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    assert_eq!(reader.finish().len(), 1);
}
