//! Templates of the body: what they give, where they come from, and how they change.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use eventer_core::{
    ComponentUri, ConfigMapKey, ConfigMaps, Event, EventSink, ExportErrorKind, SinkContext, report,
};
use eventer_testkit::FakeDestination;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;
use tracing::Level;

use super::{batch_of, errors_of, golden_event, open_at, registry, sent};
use crate::http::tests::LogCounter;

/// What no naive template survives in a message.
const HOSTILE: [&str; 8] = [
    "say \"x\"",
    "a\\b\\",
    "\\\"",
    "line\nend\r\n\ttab",
    "\u{0}\u{7}\u{1b}\u{7f}\u{2028}",
    "\",\"injected\":\"",
    "{{ .Reason }} <a&b> 中文 🦀",
    "",
];

fn saying(message: &str) -> Event {
    Event { message: message.to_owned(), ..golden_event(2) }
}

/// A template as it stands in a URI, in which a `+` would be a space.
fn option(template: &str) -> String {
    let escaped: String = template.bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!("template={escaped}")
}

#[tokio::test]
async fn a_template_that_gives_json_gives_json_for_any_message() {
    // The first is kube-eventer's own example, quotes and all.
    let templates = [
        "{\n\t\"EventType\": \"{{ .Type }}\",\n\t\"EventMessage\": \"{{ .Message }}\"\n}",
        "{\"EventMessage\": {{ .Message | toJson }}}",
        "{\"EventMessage\": {{ printf \"%q\" .Reason }}, \"EventMessage\": \"{{ .Message }}\"}",
        "{{ $m := .Message }}{\"EventMessage\": \"{{ if true }}{{ $m }}{{ end }}\"}",
    ];
    for template in templates {
        for message in HOSTILE {
            let request = sent(&format!("/?{}", option(template)), saying(message)).await;
            assert_eq!(request.json()["EventMessage"], message, "{template}");
            assert_eq!(request.header("content-type"), Some("application/json"));
        }
    }
}

#[tokio::test]
async fn a_template_that_gives_text_gives_it_as_it_is() {
    for message in HOSTILE {
        let request = sent(&format!("/?{}", option("{{ .Reason }}: {{ .Message }}")), saying(message)).await;
        assert_eq!(request.text(), format!("BackOff: {message}"));
        assert_eq!(request.header("content-type"), Some("text/plain; charset=utf-8"));
    }
}

#[tokio::test]
async fn what_says_nothing_of_an_ordinary_event_is_what_it_begins_as() {
    let of_node =
        |body: &str| option(&format!("{{{{ if eq .InvolvedObject.Kind \"Node\" }}}}{body}{{{{ end }}}}"));
    let mut event = saying("say \"x\"");
    event.involved_object.kind = "Node".to_owned();
    let (json, text) = (of_node("{\"m\": \"{{ .Message }}\"}"), of_node("{{ .Message }}"));
    assert_eq!(sent(&format!("/?{json}"), event.clone()).await.json()["m"], "say \"x\"");
    assert_eq!(sent(&format!("/?{text}"), event).await.text(), "say \"x\"");

    let destination = FakeDestination::start().await;
    let sink = open_at(&destination, &format!("/?{json}")).await;
    let error = sink.export_events(&batch_of(vec![golden_event(2)])).await.unwrap_err();
    assert_eq!((error.kind(), destination.count()), (ExportErrorKind::Rejected, 0));
    assert!(report(&error).contains("gives nothing for this event"), "{}", report(&error));
}

#[tokio::test]
async fn a_content_type_of_the_users_own_says_what_a_template_gives() {
    let template = option("\"{{ .Message }}\"");
    let request = sent(&format!("/?{template}&header=Content-Type=text/csv"), saying("a\"b")).await;
    assert_eq!(request.text(), "\"a\"b\"");
    assert_eq!(request.header("content-type"), Some("text/csv"));
    let request =
        sent(&format!("/?{template}&header=Content-Type=application/problem%2bjson"), saying("a\"b")).await;
    assert_eq!(request.text(), "\"a\\\"b\"");
    // kube-eventer took JSON that is none, and so do some receivers.
    let lax = option("{\"m\": \"{{ .Message }}\",}");
    let request = sent(&format!("/?{lax}&header=Content-Type=application/json"), saying("a\"b")).await;
    assert_eq!(request.text(), "{\"m\": \"a\\\"b\",}");
}

#[test]
fn a_template_that_cannot_work_is_told_before_anything_is_opened() {
    for (template, says) in
        [("{{ .Reasn }}", "Reasn"), ("{{ .Message", "\"template\""), ("{{ env \"X\" }}", "env")]
    {
        let errors = errors_of(&format!("webhook:http://h/?{}", option(template)));
        assert!(errors.contains("option \"template\"") && errors.contains(says), "{errors}");
    }
    for (options, says) in [("template=", "it is empty"), ("custom_body_configmap=", "the name is empty")] {
        let errors = errors_of(&format!("webhook:http://h/?{options}"));
        assert!(errors.contains(says), "{errors}");
    }
    let errors = errors_of("webhook:http://h/?template=a&template_file=/b&custom_body_configmap=c&layout=1");
    for option in ["template", "template_file", "custom_body_configmap"] {
        assert!(
            errors.contains(&format!("option \"{option}\": the body is given with layout= too; give one")),
            "{errors}"
        );
    }
}

#[tokio::test]
async fn a_file_is_checked_before_anything_is_opened() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("body.tmpl");
    let text = format!("webhook:http://h/?template_file={}", path.display());
    let plan = registry().plan_sink(&ComponentUri::parse("--sink", &text, &()).unwrap()).unwrap();
    let errors = || plan.check_files().err().iter().flatten().map(ToString::to_string).collect::<String>();
    assert!(errors().contains("No such file"), "{}", errors());
    std::fs::write(&path, "{{ .Reasn }}").unwrap();
    assert!(errors().contains("Reasn"), "{}", errors());
    assert!(report(&plan.open(SinkContext::new("hook")).await.err().unwrap()).contains("Reasn"));
    std::fs::write(&path, b"\xff").unwrap();
    assert!(errors().contains("UTF-8"), "{}", errors());
    std::fs::write(&path, "{{ .Reason }}").unwrap();
    assert_eq!(errors(), "");
}

#[tokio::test]
async fn a_file_that_changes_is_used_from_then_on_and_one_that_is_wrong_is_not() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("body.tmpl");
    std::fs::write(&path, "one {{ .Reason }}").unwrap();
    let destination = FakeDestination::start().await;
    let sink = open_at(&destination, &format!("/?template_file={}", path.display())).await;
    let log = LogCounter::of(Level::ERROR);
    let _captured = tracing::subscriber::set_default(log.clone());
    let mut texts = Vec::new();
    for content in
        [Some("one {{ .Reason }}"), Some("two {{ .Type }}"), Some("{{ .Reasn }}"), None, Some("{\"a\": 1}")]
    {
        match content {
            Some(content) => std::fs::write(&path, content).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        for _ in 0..2 {
            sink.export_events(&batch_of(vec![golden_event(2)])).await.unwrap();
            texts.push(destination.requests().last().unwrap().text());
        }
    }
    let kept = ["two Warning"; 6];
    assert_eq!(texts[..2], ["one BackOff"; 2]);
    assert_eq!(texts[2..8], kept);
    assert_eq!(texts[8..], ["{\"a\": 1}"; 2]);
    assert_eq!(log.count(), 1, "one that does not parse is told once");
}

#[tokio::test]
async fn events_wait_for_a_template_in_the_cluster() {
    let cluster = Arc::new(FakeConfigMaps::default());
    let destination = FakeDestination::start().await;
    let sink = open_in(&cluster, &destination, "custom_body_configmap=body").await;
    let batch = batch_of(vec![saying("say \"x\"")]);
    let waiting = async || {
        let error = sink.export_events(&batch).await.unwrap_err();
        assert_eq!((error.kind(), destination.count()), (ExportErrorKind::Unavailable, 0));
        report(&error)
    };
    let shown = waiting().await;
    let where_it_is = "key \"content\" of ConfigMap default/body";
    assert!(shown.contains(where_it_is) && shown.contains("there is none"), "{shown}");
    cluster.set("default/body", Ok("{{ .Reasn }}"));
    let shown = waiting().await;
    assert!(shown.contains(where_it_is) && shown.contains("Reasn"), "{shown}");

    cluster.set("default/body", Ok("{\"m\": \"{{ .Message }}\"}"));
    sink.export_events(&batch).await.unwrap();
    assert_eq!(destination.requests()[0].json()["m"], "say \"x\"");
}

#[tokio::test]
async fn a_template_in_the_cluster_is_followed_and_the_last_good_one_stays_in_use() {
    let cluster = Arc::new(FakeConfigMaps::default());
    cluster.set("ops/body", Ok("one"));
    let destination = FakeDestination::start().await;
    let options = "custom_body_configmap=body&custom_body_configmap_namespace=ops";
    let sink = open_in(&cluster, &destination, options).await;
    let log = LogCounter::of(Level::ERROR);
    let _captured = tracing::subscriber::set_default(log.clone());
    for (text, body) in [
        (Ok("one"), "one"),
        (Ok("two"), "two"),
        (Ok("{{ end }}"), "two"),
        (Err("it is gone"), "two"),
        (Ok("six"), "six"),
    ] {
        cluster.set("ops/body", text);
        for _ in 0..2 {
            sink.export_events(&batch_of(vec![golden_event(1)])).await.unwrap();
            assert_eq!(destination.requests().last().unwrap().text(), body);
        }
    }
    assert_eq!(log.count(), 1, "one that does not parse is told once");
}

#[tokio::test]
async fn a_text_from_the_cluster_is_as_kube_eventer_gave_it() {
    let cluster = Arc::new(FakeConfigMaps::default());
    cluster.set("default/body", Ok("msg=\"{{ .Message }}\" at {{ .LastTimestamp }}"));
    let destination = FakeDestination::start().await;
    let sink = open_in(&cluster, &destination, "custom_body_configmap=body").await;
    sink.export_events(&batch_of(vec![saying("say \"x\"")])).await.unwrap();
    assert_eq!(destination.requests()[0].text(), "msg=\"say x\" at 2024-05-06 07:08:10 +0000 UTC");
}

#[tokio::test]
async fn without_a_cluster_a_template_in_it_is_an_error() {
    let uri = ComponentUri::parse("--sink", "webhook:http://h/?custom_body_configmap=body", &()).unwrap();
    let plan = registry().plan_sink(&uri).unwrap();
    let error = report(&plan.open(SinkContext::new("hook")).await.err().unwrap());
    assert!(error.contains("ConfigMap default/body") && error.contains("template_file="), "{error}");
}

/// The examples of the page are rendered, and are what it says.
#[tokio::test]
async fn the_examples_of_the_page_are_json() {
    let page = include_str!("../../../../docs/sinks/webhook.md");
    let templates: Vec<_> =
        page.split("```gotemplate\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(templates.len() >= 3, "{templates:?}");
    for template in templates {
        for message in HOSTILE {
            let request = sent(&format!("/?{}", option(template)), saying(message)).await;
            let body: Value = request.json();
            assert!(
                body.to_string().contains(serde_json::to_string(message).unwrap().trim_matches('"')),
                "{body}"
            );
        }
    }
}

async fn open_in(
    cluster: &Arc<FakeConfigMaps>,
    destination: &FakeDestination,
    options: &str,
) -> Arc<dyn EventSink> {
    let text = format!("webhook:{}/?{options}", destination.url());
    let plan = registry().plan_sink(&ComponentUri::parse("--sink", &text, &()).unwrap()).unwrap();
    let mut context = SinkContext::new("hook");
    context.config_maps = Some(cluster.clone());
    plan.open(context).await.unwrap()
}

type Texts = watch::Sender<Result<Arc<str>, Arc<str>>>;

#[derive(Debug, Default)]
struct FakeConfigMaps(Mutex<BTreeMap<String, Texts>>);

impl FakeConfigMaps {
    fn set(&self, name: &str, text: Result<&str, &str>) {
        drop(self.sender(name).send_replace(text.map(Arc::from).map_err(Arc::from)));
    }

    fn sender(&self, name: &str) -> Texts {
        let mut maps = self.0.lock().unwrap();
        maps.entry(name.to_owned()).or_insert_with(|| watch::Sender::new(Err("there is none".into()))).clone()
    }
}

impl ConfigMaps for FakeConfigMaps {
    fn follow(&self, key: &ConfigMapKey) -> watch::Receiver<Result<Arc<str>, Arc<str>>> {
        assert_eq!(key.key, "content");
        self.sender(&format!("{}/{}", key.namespace, key.name)).subscribe()
    }
}
