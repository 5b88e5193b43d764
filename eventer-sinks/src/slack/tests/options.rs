//! What a flag may say.

use std::collections::BTreeMap;
use std::time::Duration;

use eventer_core::filter::Level;
use eventer_core::{ComponentUri, Registry, SinkConfig as _, SinkContext, UriReader};

use super::plan;
use crate::slack::SlackConfig;

fn errors_of(uri: &str) -> String {
    plan(uri, None).unwrap_err()
}

#[test]
fn a_chat_is_told_of_warnings_at_a_pace_and_of_nothing_old() {
    let plan = plan("slack:https://hooks.slack.com/services/T0/B0/x", None).unwrap();
    assert_eq!(plan.exporter, "slack");
    assert_eq!(plan.policy.filter.level, Some(Level::Warning));
    assert_eq!(plan.policy.max_age, Some(Duration::from_secs(900)));
    let rate = plan.policy.rate.unwrap();
    assert_eq!((rate.count.get(), rate.per), (30, Duration::from_secs(60)));
}

#[test]
fn neither_a_url_nor_a_token_is_an_error_that_says_both_ways() {
    for uri in ["slack", "slack:", "slack:?channel=C1", "slack:?level=Normal&fields="] {
        let errors = errors_of(uri);
        for says in ["neither a URL nor a token", "url_file=", "token_file=", "SLACK_TOKEN", "channel="] {
            assert!(errors.contains(says), "{uri}: {says}: {errors}");
        }
    }
}

#[test]
fn a_token_that_is_empty_is_an_error() {
    for token in ["", "%20"] {
        let errors = errors_of(&format!("slack:?token={token}&channel=C1"));
        assert!(errors.contains("option \"token\": it is empty"), "{errors}");
    }
}

#[test]
fn a_url_and_a_token_or_a_channel_is_an_error() {
    for (options, named) in [
        ("token=hunter2", "token"),
        ("token_file=/secret/path", "token"),
        ("channel=C1", "channel"),
        ("api_url=https://slack-gov.com/api", "api_url"),
    ] {
        for uri in [
            format!("slack:https://hooks.slack.com/services/hunter2?{options}"),
            format!("slack:?url_file=/secret/url&{options}"),
        ] {
            let errors = errors_of(&uri);
            assert!(errors.contains(&format!("option \"{named}\": it is for a bot")), "{uri}: {errors}");
            assert!(!errors.contains("hunter2"), "{errors}");
        }
    }
}

#[test]
fn the_variable_stands_in_for_a_token_and_speaks_against_no_url() {
    assert!(plan("slack:?channel=C1", Some("xoxb-1")).is_ok());
    assert!(plan("slack:https://hooks.slack.com/services/x", Some("xoxb-1")).is_ok());
    assert!(plan("slack:?url_file=/secret/url", Some("xoxb-1")).is_ok());
    let errors = plan("slack:", Some("xoxb-1")).err().unwrap();
    assert!(errors.contains("option \"channel\" is missing"), "{errors}");
    assert!(!errors.contains("xoxb-1"), "{errors}");
}

#[test]
fn wrong_options_are_told_all_at_once_without_secrets() {
    let errors = errors_of(
        "slack:?token=hunter2&token_file=/x&channel={{ .Chanel }}&text={{ .Reasn }}&link=grafana/{{ .Reason }}\
         &fields=count,colour&api_url=https://hunter2:x@h/&levle=Warning",
    );
    for says in [
        "option \"token\": it is given by token_file too",
        "option \"channel\": ",
        "Chanel",
        "option \"text\": ",
        "Reasn",
        "option \"link\": \"grafana/{{ .Reason }}\" begins neither",
        "option \"fields\": \"colour\" is no field",
        "option \"api_url\": it is not of the form",
        "did you mean \"level\"?",
    ] {
        assert!(errors.contains(says), "{says}: {errors}");
    }
    assert!(!errors.contains("hunter2"), "{errors}");
}

#[test]
fn a_text_and_a_link_exclude_each_other_and_neither_may_be_empty() {
    let errors = errors_of("slack:http://h/?text={{ .Reason }}&link=https://h/");
    assert!(errors.contains("option \"link\": with text= there is no title"), "{errors}");
    for option in ["text", "link"] {
        let errors = errors_of(&format!("slack:http://h/?{option}="));
        assert!(errors.contains(&format!("option \"{option}\": ")), "{errors}");
    }
    let errors = errors_of("slack:?token=x&channel=");
    assert!(errors.contains("option \"channel\": it names no channel"), "{errors}");
}

#[test]
fn a_misspelt_option_of_a_bot_is_no_query_of_a_url() {
    let errors = errors_of("slack:?token=x&channel=C1&room=ops");
    assert!(errors.contains("option \"room\" is not known"), "{errors}");
}

#[tokio::test]
async fn nothing_that_a_config_or_a_sink_shows_is_secret() {
    for uri in [
        "slack:https://hooks.slack.com/services/hunter2?y=hunter2",
        "slack:?token=hunter2&channel=C1&api_url=https://slack.example/hunter2",
    ] {
        let uri = ComponentUri::parse("--sink", uri, &()).unwrap();
        let mut reader = UriReader::new("--sink", &uri, &SlackConfig::SPEC, &[]);
        let config = SlackConfig::from_uri(&mut reader).unwrap();
        let sink = config.build(&SinkContext::new("chat")).await.unwrap();
        let shown = format!("{uri:?} {reader:?} {config:?} {sink:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn the_example_is_understood() {
    let example = SlackConfig::SPEC.example.strip_prefix("--sink=").unwrap();
    let environment: BTreeMap<_, _> =
        [("SLACK_WEBHOOK_URL".to_owned(), "https://hooks.slack.com/services/T0/B0/x".to_owned())].into();
    let uri = ComponentUri::parse("--sink", example, &environment).unwrap();
    let mut registry = Registry::new();
    registry.register_sink::<SlackConfig>();
    registry.plan_sink(&uri).unwrap();
}
