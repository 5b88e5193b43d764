//! A check says whether the API server is there, and what it would refuse.

use eventer_core::{ComponentUri, Finding, Registry};
use eventer_testkit::{Answer, FakeApiServer, Resource};

fn plan(uri: &str) -> eventer_core::SourcePlan {
    let mut registry = Registry::new();
    eventer_sources::register_all(&mut registry);
    let uri = ComponentUri::parse("--source", uri, &()).unwrap();
    registry.plan_source(&uri).unwrap()
}

async fn check(server: &FakeApiServer, options: &str) -> Vec<Finding> {
    plan(&format!("kubernetes:{}?inClusterConfig=false&{options}", server.url())).check().await
}

fn refused(findings: &[Finding]) -> Vec<&str> {
    findings.iter().filter_map(|finding| finding.answer.as_ref().err()).map(String::as_str).collect()
}

fn questions(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|finding| &*finding.question).collect()
}

#[tokio::test]
async fn events_are_asked_for_where_they_are_read() {
    let server = FakeApiServer::start().await;
    let findings = check(&server, "").await;
    assert_eq!(
        questions(&findings),
        ["reach the API server (v1.36.2)", "may list and watch events in all namespaces"]
    );
    assert_eq!(refused(&findings), [""; 0]);
    let findings = check(&server, "namespaces=prod,shop").await;
    assert_eq!(
        questions(&findings)[1..],
        [
            "may list and watch events in the namespace prod",
            "may list and watch events in the namespace shop"
        ]
    );
    let review = server.requests().pop().unwrap().json();
    let asked = &review["spec"]["resourceAttributes"];
    assert_eq!(
        (&asked["verb"], &asked["resource"], &asked["namespace"]),
        (&"watch".into(), &"events".into(), &"shop".into())
    );
}

#[tokio::test]
async fn what_is_not_allowed_is_told_with_what_allows_it() {
    let server = FakeApiServer::start().await;
    server.forbid(Resource::Events);
    server.forbid(Resource::named("replicasets.apps"));
    let findings = check(&server, "enrich=owners").await;
    assert_eq!(
        refused(&findings),
        [
            "list and watch of events (API group \"\") is not allowed in all namespaces; apply deploy/20-rbac.yaml",
            "list and watch of replicasets.apps (API group \"apps\") is not allowed in all namespaces; \
             apply deploy/enrichment/rbac.yaml",
        ]
    );
    let findings = check(&server, "namespaces=prod&enrich=owners").await;
    let refused = refused(&findings);
    assert!(
        refused[0].contains("in the namespace prod; with the ClusterRole of deploy/20-rbac.yaml"),
        "{refused:?}"
    );
    assert!(refused[1].contains("kubectl -n prod create rolebinding eventer-enrichment "), "{refused:?}");
    // Nodes are in no namespace.
    assert!(questions(&findings).contains(&"may list and watch nodes in all namespaces"));
}

#[tokio::test]
async fn only_what_is_looked_up_is_asked_for() {
    let server = FakeApiServer::start().await;
    for (words, asked) in [
        ("services", vec!["pods", "services"]),
        ("node", vec!["nodes"]),
        ("namespace,node", vec!["namespaces", "nodes"]),
    ] {
        let findings = check(&server, &format!("enrich={words}")).await;
        let expected: Vec<String> =
            asked.iter().map(|resource| format!("may list and watch {resource} in all namespaces")).collect();
        assert_eq!(questions(&findings)[2..], expected);
    }
    let findings = check(&server, "enrich=labels").await;
    assert_eq!(findings.len(), 2 + eventer_sources::kubernetes::KNOWN_KINDS.len());
}

#[tokio::test]
async fn an_api_server_that_does_not_answer_is_one_finding() {
    let server = FakeApiServer::start().await;
    server.refuse_all(Some(Answer::Unauthorized));
    let findings = check(&server, "enrich=labels").await;
    assert_eq!(questions(&findings), ["reach the API server"]);
    let why = refused(&findings)[0];
    assert!(why.contains("401") && why.contains("credentials"), "{why}");

    let url = server.url();
    server.stop().await;
    let findings = plan(&format!("kubernetes:{url}?inClusterConfig=false")).check().await;
    assert_eq!(questions(&findings), ["reach the API server"]);
    assert!(
        refused(&findings)[0].starts_with("could not ask the API server for its version: "),
        "{findings:?}"
    );

    let findings = plan("kubernetes:?kubeconfig=/nowhere/config").check().await;
    assert!(refused(&findings)[0].contains("/nowhere/config"), "{findings:?}");
}

fn mistakes(uri: &str) -> Vec<String> {
    let mut registry = Registry::new();
    eventer_sources::register_all(&mut registry);
    let uri = ComponentUri::parse("--source", uri, &()).unwrap();
    let errors = registry.plan_source(&uri).err().into_iter().flatten();
    errors.map(|error| error.to_string()).collect()
}

#[test]
fn a_word_that_is_nothing_to_look_up_is_a_mistake() {
    let errors =
        mistakes("kubernetes:?enrich=labels,ownres&enrich=node&enrich=all&enrich_wait=1s&enrich_memory=8Mi");
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors[0].contains("\"ownres\" is nothing to look up, did you mean \"owners\"?"), "{errors:?}");
    assert!(errors[1].contains("known are labels, owners, node, namespace, services"), "{errors:?}");
}

#[test]
fn a_wait_for_what_is_looked_up_is_bounded() {
    assert_eq!(mistakes("kubernetes:?enrich=labels&enrich_wait=10s"), [""; 0]);
    for wait in ["10001ms", "1m", "1000000000000d"] {
        let errors = mistakes(&format!("kubernetes:?enrich=labels&enrich_wait={wait}"));
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0].contains("enrich_wait") && errors[0].contains("at most 10s"), "{errors:?}");
    }
}
