//! ConfigMaps are followed, whatever happens to the server, the watch and the permissions.

use std::sync::Arc;
use std::time::Duration;

use eventer_core::{ConfigMapKey, SourceConfig as _};
use eventer_sources::kubernetes::{ConnectOptions, KubernetesConfig};
use eventer_testkit::{Answer, FakeApiServer};
use tokio::sync::watch::Receiver;

use crate::rig::Start;

type Text = Result<Arc<str>, Arc<str>>;

/// If something has not happened by then, it never will.
const NEVER: Duration = Duration::from_secs(20);

/// Follows the key `content` of the ConfigMap shop/body.
fn follow(server: &FakeApiServer) -> Receiver<Text> {
    let connect = ConnectOptions {
        server: Some(server.url().parse().unwrap()),
        in_cluster: Some(false),
        ..ConnectOptions::default()
    };
    let config = KubernetesConfig { connect, watch: Start::default().options };
    let key = ConfigMapKey { namespace: "shop".to_owned(), name: "body".to_owned(), key: "content" };
    config.config_maps().unwrap().follow(&key)
}

fn set(server: &FakeApiServer, text: &str) {
    server.set_configmap("shop", "body", &[("content", text)]);
}

/// Waits until it is that text.
async fn becomes(receiver: &mut Receiver<Text>, text: &str) {
    wait(receiver, |told| told.as_deref() == Ok(text)).await;
}

/// Waits until there is no text, for a reason with all of these parts.
async fn says(receiver: &mut Receiver<Text>, parts: &[&str]) {
    wait(receiver, |told| matches!(told, Err(why) if parts.iter().all(|part| why.contains(part)))).await;
}

async fn wait(receiver: &mut Receiver<Text>, is_it: impl FnMut(&Text) -> bool) {
    let told = tokio::time::timeout(NEVER, receiver.wait_for(is_it)).await.map(|told| told.is_ok());
    assert_eq!(told, Ok(true), "it does not come; {:?}", receiver.borrow());
}

#[tokio::test]
async fn a_text_is_read_and_each_change_follows() {
    let server = FakeApiServer::start().await;
    set(&server, "first");
    let mut text = follow(&server);
    becomes(&mut text, "first").await;
    server.wait_for_watch().await;
    for next in ["second", "", "{{ .Message }}\n\"third\""] {
        set(&server, next);
        becomes(&mut text, next).await;
    }
    let requests = server.requests();
    assert_eq!(requests.len(), 2, "{requests:?}");
    for request in requests {
        assert_eq!(request.path, "/api/v1/namespaces/shop/configmaps");
        assert_eq!(request.param("fieldSelector"), Some("metadata.name=body"));
    }
}

#[tokio::test]
async fn another_config_map_of_the_namespace_changes_nothing() {
    let server = FakeApiServer::start().await;
    server.set_configmap("shop", "another", &[("content", "wrong")]);
    let mut text = follow(&server);
    says(&mut text, &["there is no ConfigMap shop/body", "create it", "\"content\""]).await;
    server.wait_for_watch().await;
    server.set_configmap("shop", "another", &[("content", "wrong again")]);
    server.set_configmap("default", "body", &[("content", "wrong too")]);
    set(&server, "right");
    text.mark_unchanged();
    tokio::time::timeout(NEVER, text.changed()).await.unwrap().unwrap();
    assert_eq!(text.borrow().as_deref(), Ok("right"));
}

#[tokio::test]
async fn a_key_that_is_not_there_is_waited_for() {
    let server = FakeApiServer::start().await;
    server.set_configmap("shop", "body", &[("contents", "a"), ("text", "b")]);
    let mut text = follow(&server);
    says(&mut text, &["shop/body has no key \"content\"", "it has contents, text"]).await;
    server.wait_for_watch().await;
    set(&server, "here");
    becomes(&mut text, "here").await;
}

#[tokio::test]
async fn a_text_stays_when_its_config_map_or_key_goes() {
    let server = FakeApiServer::start().await;
    set(&server, "first");
    let mut text = follow(&server);
    becomes(&mut text, "first").await;
    server.wait_for_watch().await;
    server.delete_configmap("shop", "body");
    server.set_configmap("shop", "body", &[("another", "x")]);
    server.end_watches();
    server.wait_for_watches_opened(2).await;
    assert_eq!(text.borrow().as_deref(), Ok("first"));
    server.next_configmap(Answer::Forbidden);
    server.end_watches();
    server.wait_for_watches_opened(3).await;
    assert_eq!(text.borrow().as_deref(), Ok("first"), "trouble does not take it away either");
    set(&server, "second");
    becomes(&mut text, "second").await;
}

#[tokio::test]
async fn a_missing_permission_is_named_until_it_is_there() {
    let server = FakeApiServer::start().await;
    set(&server, "first");
    server.refuse_all(Some(Answer::Forbidden));
    let mut text = follow(&server);
    let allow = "allow get, list and watch of configmaps (API group \"\") in the namespace shop";
    says(&mut text, &["403", allow]).await;
    server.refuse_all(None);
    becomes(&mut text, "first").await;
}

#[tokio::test]
async fn a_watch_that_ends_in_any_way_is_opened_again() {
    for answer in [
        Answer::Gone,
        Answer::WatchGone,
        Answer::WatchGoneCached,
        Answer::WatchError,
        Answer::EndAtOnce,
        Answer::GarbageLine,
        Answer::InternalError,
        Answer::InternalErrorWithoutJson,
        Answer::GatewayTimeout,
        Answer::TooManyRequests { retry_after: 0 },
        Answer::Unauthorized,
        Answer::NotFound,
        Answer::Drop,
        Answer::LongLine { bytes: 9 * 1024 * 1024 },
    ] {
        let server = FakeApiServer::start().await;
        set(&server, "first");
        server.next_configmap(Answer::AsUsual);
        server.next_configmap(answer.clone());
        let mut text = follow(&server);
        becomes(&mut text, "first").await;
        server.wait_for_requests(4).await;
        server.wait_for_watch().await;
        set(&server, "second");
        becomes(&mut text, "second").await;
        assert_eq!(text.borrow().as_deref(), Ok("second"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_watch_cut_in_mid_line_is_opened_again() {
    let server = FakeApiServer::start().await;
    set(&server, "first");
    let mut text = follow(&server);
    becomes(&mut text, "first").await;
    server.wait_for_watch().await;
    server.cut_watches_mid_line();
    server.wait_for_watches_opened(2).await;
    set(&server, "second");
    becomes(&mut text, "second").await;
}

#[tokio::test]
async fn a_refused_list_is_tried_again() {
    for answer in
        [Answer::InternalError, Answer::Unauthorized, Answer::NotFound, Answer::Drop, Answer::BreakBody]
    {
        let server = FakeApiServer::start().await;
        set(&server, "first");
        server.next_configmap(answer);
        becomes(&mut follow(&server), "first").await;
    }
}

#[tokio::test]
async fn a_server_that_is_killed_and_comes_back_is_found_again() {
    let server = FakeApiServer::start().await;
    set(&server, "first");
    let mut text = follow(&server);
    becomes(&mut text, "first").await;
    let address = server.address();
    server.stop().await;
    let server = FakeApiServer::start_on(address).await.unwrap();
    set(&server, "second");
    becomes(&mut text, "second").await;
}

#[tokio::test]
async fn a_cluster_that_is_not_there_is_told() {
    let server = FakeApiServer::start().await;
    let mut text = follow(&server);
    server.stop().await;
    says(&mut text, &["could not list configmaps"]).await;
}

#[tokio::test]
async fn a_watch_that_dies_unseen_does_no_harm_for_longer_than_its_time() {
    let server = FakeApiServer::start().await;
    set(&server, "first");
    let mut text = follow(&server);
    becomes(&mut text, "first").await;
    server.wait_for_watch().await;
    server.silence_watches();
    set(&server, "second");
    tokio::time::pause();
    becomes_in_virtual_time(&mut text, "second").await;
}

/// The clock runs as fast as it can while all wait: the limit of other tests would be over at once.
async fn becomes_in_virtual_time(receiver: &mut Receiver<Text>, text: &str) {
    receiver.wait_for(|told| told.as_deref() == Ok(text)).await.unwrap();
}

#[tokio::test]
async fn nothing_is_asked_when_nobody_listens_any_more() {
    let server = FakeApiServer::start().await;
    set(&server, "first");
    let mut text = follow(&server);
    let second = text.clone();
    becomes(&mut text, "first").await;
    server.wait_for_open_watches(1).await;
    drop(text);
    assert_eq!(server.open_watches(), 1);
    drop(second);
    server.wait_for_open_watches(0).await;
}
