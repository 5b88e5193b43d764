//! A watch ends in every way there is, and nothing is lost or told twice.

use std::time::Duration;

use eventer_testkit::{Answer, FakeApiServer, events};

use crate::rig::{Rig, Start};

#[tokio::test]
async fn every_version_is_told_and_no_expiry() {
    let mut rig = Rig::start().await;
    rig.add("a");
    rig.repeat("a");
    rig.add("b");
    let expired = rig.server.expire("default", "a");
    rig.read(3).await;
    rig.read_until(|rig| rig.position() == Some(expired)).await;
    rig.settle().await;
}

#[tokio::test]
async fn a_watch_cut_in_mid_line_is_read_again() {
    let mut rig = Rig::start().await;
    for round in 0..5 {
        rig.add(&format!("before-{round}"));
        rig.server.cut_watches_mid_line();
        rig.add(&format!("after-{round}"));
        rig.read(2 * round + 2).await;
        rig.server.wait_for_watches_opened(round + 2).await;
    }
    rig.settle().await;
    assert_eq!(rig.counted("eventer_watch_restarts_total", "broken"), 5.0);
    assert_eq!(rig.counted("eventer_watch_relists_total", ""), 0.0);
}

#[tokio::test]
async fn a_watch_that_ends_early_goes_on_at_its_position() {
    let mut rig = Rig::start().await;
    rig.add("a");
    rig.read(1).await;
    rig.server.end_watches();
    rig.repeat("a");
    rig.add("b");
    rig.settle().await;
    let watches: Vec<_> = rig.server.requests().into_iter().filter(|request| request.is_watch()).collect();
    assert_eq!(watches[1].param("resourceVersion"), Some(rig.got()[0].1.to_string().as_str()));
    assert_eq!(rig.pages(), 0);
}

#[tokio::test]
async fn a_server_that_is_killed_and_comes_back_is_found_again() {
    let mut rig = Rig::start().await;
    rig.add("a");
    rig.read(1).await;
    let address = rig.server.address();
    let stopped = std::mem::replace(&mut rig.server, FakeApiServer::start().await);
    let version = stopped.version();
    stopped.stop().await;
    rig.server = FakeApiServer::start_on(address).await.unwrap();
    rig.server.advance_to(version);
    rig.add("b");
    rig.settle().await;
}

#[tokio::test]
async fn a_refused_watch_is_tried_again() {
    for answer in [
        Answer::InternalError,
        Answer::InternalErrorWithoutJson,
        Answer::GatewayTimeout,
        Answer::TooManyRequests { retry_after: 0 },
        Answer::Unauthorized,
        Answer::Forbidden,
        Answer::NotFound,
        Answer::VersionTooLarge,
        Answer::Drop,
        Answer::BreakBody,
        Answer::WatchError,
        Answer::EndAtOnce,
    ] {
        let mut rig = Rig::start().await;
        rig.add("a");
        rig.read(1).await;
        rig.server.next_watch(answer.clone());
        rig.server.end_watches();
        rig.add("b");
        rig.settle().await;
        assert_eq!(rig.pages(), 0, "{answer:?} needs no list");
    }
}

#[tokio::test]
async fn a_refused_list_of_one_is_tried_again() {
    for answer in
        [Answer::InternalError, Answer::Unauthorized, Answer::Forbidden, Answer::Drop, Answer::BreakBody]
    {
        let server = FakeApiServer::start().await;
        server.next_list(answer);
        let mut rig = Rig::start_on(server, Start::default());
        rig.server.wait_for_watch().await;
        rig.settle().await;
    }
}

#[tokio::test]
async fn a_hanging_answer_is_not_waited_for_for_ever() {
    let server = FakeApiServer::start().await;
    server.next_list(Answer::Hang);
    server.next_watch(Answer::Hang);
    let start = Start::with(|options| options.request_timeout = Duration::from_millis(50));
    let mut rig = Rig::start_on(server, start);
    rig.server.wait_for_watch().await;
    rig.settle().await;
}

#[tokio::test]
async fn lines_that_are_no_events_are_counted_and_passed_over() {
    let server = FakeApiServer::start().await;
    server.next_watch(Answer::GarbageLine);
    let mut rig = Rig::start_on(server, Start::default());
    rig.server.wait_for_watch().await;
    rig.server.send_line("no JSON at all");
    rig.server.send_line("");
    rig.add("a");
    rig.settle().await;
    assert_eq!(rig.counted("eventer_lines_undecodable_total", ""), 2.0);
    assert_eq!(rig.counted("eventer_watch_restarts_total", ""), 0.0);
}

#[tokio::test]
async fn a_line_without_end_is_passed_over_to_its_end() {
    let server = FakeApiServer::start().await;
    server.next_watch(Answer::LongLine { bytes: 5 * 1024 * 1024 });
    let mut rig = Rig::start_on(server, Start::default());
    rig.server.wait_for_watch().await;
    rig.add("a");
    rig.settle().await;
    assert_eq!(rig.counted("eventer_lines_undecodable_total", ""), 1.0);
}

#[tokio::test]
async fn a_long_message_is_no_trouble() {
    let server = FakeApiServer::start().await;
    server.next_watch(Answer::LongLine { bytes: 1024 * 1024 });
    let mut rig = Rig::start_on(server, Start::default());
    rig.expect("long.1", rig.server.version());
    rig.server.wait_for_watch().await;
    rig.settle().await;
}

#[tokio::test]
async fn a_bookmark_moves_the_position() {
    let mut rig = Rig::start().await;
    rig.server.advance_to(5_000);
    rig.server.bookmark();
    rig.read_until(|rig| rig.position() == Some(5_000)).await;
    rig.settle().await;
}

#[tokio::test]
async fn recorded_events_come_as_they_are() {
    let mut rig = Rig::start().await;
    let mut expected = 0;
    for line in events::recorded_watch_lines() {
        rig.server.replay(line);
        expected += 1;
        if expected % 40 == 0 {
            rig.server.cut_watches_mid_line();
        }
    }
    rig.read(expected).await;
    let versions: Vec<u64> = rig.got().iter().map(|(_, version)| *version).collect();
    assert!(versions.is_sorted_by(|a, b| a < b), "in order, and none twice");
}

#[tokio::test]
async fn what_a_request_asks_for() {
    let mut rig = Rig::start().await;
    rig.settle().await;
    let requests = rig.server.requests();
    let (list, watch) = (&requests[0], &requests[1]);
    assert_eq!((list.path.as_str(), list.param("limit")), ("/api/v1/events", Some("1")));
    assert_eq!(watch.path, "/api/v1/events");
    assert_eq!(watch.header("accept-encoding"), Some("identity"));
    assert_eq!(watch.header("accept"), Some("application/json"));
    assert_eq!(watch.param("allowWatchBookmarks"), Some("true"));
    let seconds: u64 = watch.param("timeoutSeconds").unwrap().parse().unwrap();
    assert!((1800..=3600).contains(&seconds));
}
