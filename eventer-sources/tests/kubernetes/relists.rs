//! A position that is too old: the list closes the gap, page by page, and a break of it skips nothing.

use std::time::Duration;

use eventer_core::{Clock as _, Intake, SystemClock};
use eventer_testkit::{Answer, FakeApiServer, Response};
use jiff::SignedDuration;

use crate::rig::{Rig, Start, event, repeat};

/// Events that exist before the position.
const OLD: usize = 7;
/// Events that exist only since then.
const NEW: usize = 9;

fn forms_of_410() -> Vec<Vec<Answer>> {
    vec![
        vec![Answer::WatchGone],
        vec![Answer::WatchGoneCached],
        vec![Answer::Gone],
        vec![Answer::EndAtOnce, Answer::EndAtOnce],
    ]
}

/// A source that stands at a position which the server has forgotten, with pages of three. What is expected of it is
/// the latest version of each event that still lives and is newer than the position.
async fn behind(pages: &[Answer]) -> Rig {
    behind_with(pages, Start::default()).await
}

async fn behind_with(pages: &[Answer], start: Start) -> Rig {
    let server = FakeApiServer::start().await;
    for number in 0..OLD {
        // Between the new ones, in the order of the list.
        server.add(event(&format!("e{number}-old")));
    }
    let position = server.version();
    let mut expected = Vec::new();
    for number in 0..NEW {
        let name = format!("e{number}-new");
        server.add(event(&name));
        expected.push((name.clone(), repeat(&server, &name)));
    }
    server.add(event("gone"));
    server.expire("default", "gone");
    expected.push(("e3-old".to_owned(), repeat(&server, "e3-old")));
    server.compact();
    // The first list is the one that locates the server.
    server.next_list(Answer::AsUsual);
    for (at, answer) in pages.iter().enumerate() {
        if at == 0 { server.next_list(answer.clone()) } else { server.next_page(answer.clone()) }
    }
    let mut start = Start { checkpoint: Start::from(position, SystemClock.now()).checkpoint, ..start };
    start.options.page_size = 3;
    let mut rig = Rig::start_on(server, start);
    for (name, version) in expected {
        rig.expect(&name, version);
    }
    rig
}

#[tokio::test]
async fn each_form_of_410_is_followed_by_a_list() {
    for answers in forms_of_410() {
        let mut rig = Rig::start().await;
        rig.add("a");
        rig.add("b");
        rig.read(2).await;
        let ends = answers.len();
        for answer in answers {
            rig.server.next_watch(answer);
        }
        rig.server.end_watches();
        let version = rig.server.version();
        rig.read_until(|rig| rig.counted("eventer_watch_relists_total", "") == 1.0).await;
        rig.server.wait_for_watches_opened(2).await;
        rig.settle().await;
        assert_eq!(rig.pages(), 1, "{ends} ends");
        assert!(rig.position() > Some(version));
    }
}

#[tokio::test]
async fn after_a_410_the_latest_version_of_each_living_event_comes() {
    let mut rig = behind(&[]).await;
    rig.read(NEW + 1).await;
    rig.settle().await;
    assert_eq!(rig.intake_of("e0-new"), Intake::Rereadable);
    assert_eq!(rig.intake_of("zz-sentinel-1"), Intake::Live);
    assert_eq!(rig.pages(), 6, "{} events in pages of three", OLD + NEW);
}

#[tokio::test]
async fn the_position_moves_behind_the_last_page_only() {
    let mut rig = behind(&[]).await;
    let version = rig.server.version();
    let mut seen = Vec::new();
    while rig.got().len() < NEW + 1 {
        rig.take().await;
        seen.push((rig.got().len(), rig.position()));
        tokio::task::yield_now().await;
    }
    assert!(
        seen.iter().filter(|(got, _)| (1..NEW + 1).contains(got)).all(|(_, position)| position.is_none()),
        "{seen:?}"
    );
    rig.read_until(|rig| rig.position() == Some(version)).await;
    rig.settle().await;
}

#[tokio::test]
async fn a_break_in_the_middle_of_a_list_skips_nothing_and_repeats_nothing() {
    let passing = [
        Answer::Drop,
        Answer::BreakBody,
        Answer::InternalError,
        Answer::InternalErrorWithoutJson,
        Answer::GatewayTimeout,
        Answer::TooManyRequests { retry_after: 0 },
        Answer::Unauthorized,
        Answer::Forbidden,
    ];
    let lasting = [
        Answer::ContinueExpired,
        Answer::Gone,
        Answer::Respond(Response::json(
            400,
            r#"{"kind":"Status","message":"invalid continue token","code":400}"#,
        )),
    ];
    for page in 1..5 {
        for (answer, is_passing) in
            passing.iter().map(|answer| (answer, true)).chain(lasting.iter().map(|answer| (answer, false)))
        {
            let mut answers = vec![Answer::AsUsual; page];
            answers.push(answer.clone());
            let mut rig = behind(&answers).await;
            rig.read(NEW + 1).await;
            rig.settle().await;
            let pages = if is_passing { 6 + 1 } else { 6 + page + 1 };
            assert_eq!(rig.pages(), pages, "{answer:?} at page {page}");
        }
    }
}

#[tokio::test]
async fn a_list_that_a_process_left_unfinished_skips_nothing_and_repeats_nothing() {
    for batch_events in [1, 2, 4] {
        for read in 0..=NEW {
            let start = || {
                let start = Start::with(|options| options.page_size = 3);
                Start { batch_events, ..start }
            };
            let mut rig = behind_with(&[], start()).await;
            rig.read(read).await;
            rig.restart(start());
            // Before what was read and behind it.
            if read > 1 {
                rig.repeat("e0-new");
            }
            rig.repeat("e6-old");
            rig.server.compact();
            if read % 2 == 0 {
                rig.take().await;
                rig.restart(start());
            }
            rig.read_until(|rig| rig.position().is_some_and(|at| at >= rig.server.version())).await;
            rig.settle().await;
        }
    }
}

#[tokio::test]
async fn a_server_that_was_set_back_under_an_unfinished_list_is_listed_anew() {
    let mut rig = behind(&[]).await;
    rig.read(NEW - 2).await;
    assert_eq!(rig.position(), None);
    rig.server.restore(rig.server.version() - 3);
    rig.restart(Start::default());
    rig.read_until(|rig| rig.position().is_some()).await;
    assert_eq!(rig.gaps.len(), 1);
    assert!(rig.gaps[0].message.contains("set back"), "{}", rig.gaps[0].message);
    assert!(rig.position() <= Some(rig.server.version()));
}

#[tokio::test]
async fn an_unfinished_list_that_is_too_old_leaves_a_gap() {
    let mut rig = behind(&[]).await;
    rig.read(NEW - 2).await;
    let position = rig.checkpoint.0.values_mut().next().unwrap();
    position.at -= SignedDuration::from_hours(2);
    rig.restart(Start::default());
    rig.read(NEW + 1).await;
    rig.settle().await;
    assert_eq!(rig.gaps.len(), 1);
    assert!(rig.gaps[0].message.contains("longer than the API server keeps events"));
}

#[tokio::test]
async fn a_first_page_that_fails_is_asked_for_again() {
    for answer in [Answer::Gone, Answer::InternalError, Answer::BreakBody, Answer::Drop] {
        let mut rig = behind(&[answer]).await;
        rig.read(NEW + 1).await;
        rig.settle().await;
    }
}

#[tokio::test]
async fn a_page_that_hangs_is_asked_for_again() {
    let start = Start::with(|options| options.request_timeout = Duration::from_millis(100));
    let mut rig = behind_with(&[Answer::AsUsual, Answer::AsUsual, Answer::Hang], start).await;
    rig.read(NEW + 1).await;
    rig.settle().await;
    assert_eq!(rig.pages(), 7);
}

#[tokio::test]
async fn a_page_that_is_always_refused_makes_the_list_begin_again() {
    let mut answers = vec![Answer::AsUsual, Answer::AsUsual];
    answers.extend(vec![Answer::InternalError; 5]);
    let mut rig = behind(&answers).await;
    rig.read(NEW + 1).await;
    rig.settle().await;
    assert_eq!(rig.pages(), 2 + 5 + 6);
}

#[tokio::test]
async fn what_changes_between_the_attempts_of_a_list_comes_too() {
    // The third page expires; by then the buffer is full and this test has changed what is behind it and before it.
    let mut rig = behind(&[Answer::AsUsual, Answer::AsUsual, Answer::ContinueExpired]).await;
    rig.read(2).await;
    let first = rig.got()[0].0.clone();
    rig.repeat(&first);
    rig.repeat("e6-old");
    rig.read(NEW + 3).await;
    rig.settle().await;
}

#[tokio::test]
async fn one_item_that_is_no_event_does_not_stop_a_list() {
    let page = r#"{"kind":"EventList","metadata":{"resourceVersion":"VERSION"},"items":[{"metadata":7}]}"#;
    let server = FakeApiServer::start().await;
    server.add(event("a"));
    server.compact();
    let version = server.version();
    server.next_list(Answer::AsUsual);
    server.next_list(Answer::Respond(Response::json(200, page.replace("VERSION", &version.to_string()))));
    let mut rig = Rig::start_on(server, Start::from(version - 1, SystemClock.now()));
    rig.server.wait_for_watch().await;
    rig.settle().await;
    assert_eq!(rig.counted("eventer_lines_undecodable_total", ""), 1.0);
}

#[tokio::test]
async fn a_pause_longer_than_events_live_is_counted_and_told_as_a_gap() {
    for (hours, gaps) in [(2, 1.0), (0, 0.0)] {
        let server = FakeApiServer::start().await;
        let position = server.version();
        server.add(event("a"));
        server.compact();
        let at = SystemClock.now() - SignedDuration::from_hours(hours);
        let mut rig = Rig::start_on(server, Start::from(position, at));
        rig.expect("a", position + 1);
        rig.read(1).await;
        rig.settle().await;
        assert_eq!((rig.counted("eventer_watch_gaps_total", ""), rig.gaps.len() as f64), (gaps, gaps));
        for gap in &rig.gaps {
            assert_eq!(gap.first_timestamp, Some(at));
            assert!(gap.message.contains("may be missing: nothing was read for longer"), "{}", gap.message);
            assert_eq!(gap.id(), format!("eventer-gap.kubernetes.all.{position:x}-{position}"));
        }
    }
}
