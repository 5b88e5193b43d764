//! The fake destination: what it records and how it misbehaves.

// Helpers of tests are tests too, but the lint's exemption does not see them.
#![allow(clippy::unwrap_used)]

mod client;

use std::time::Duration;

use client::{End, send, send_json};
use eventer_testkit::{FakeDestination, Reply, Response};
use tokio::time::{Instant, timeout};

#[tokio::test]
async fn requests_are_recorded_whole() {
    let destination = FakeDestination::start().await;
    assert_eq!(send_json(destination.address(), "POST", "/hook?token=a%20b", "{\"a\":1}").await.status, 200);
    let chunked = "PUT /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    assert_eq!(send(destination.address(), chunked).await.unwrap().status, 200);
    let requests = destination.wait_for(2).await;
    assert_eq!((requests[0].method.as_str(), requests[0].path.as_str()), ("POST", "/hook"));
    assert_eq!(requests[0].param("token"), Some("a b"));
    assert_eq!(requests[0].json()["a"], 1);
    assert_eq!(requests[1].text(), "abcde");
}

#[tokio::test]
async fn the_queue_comes_first_then_the_function() {
    let destination = FakeDestination::start().await;
    destination.next(Reply::too_many_requests(7));
    destination.next(Reply::redirect("http://elsewhere/"));
    destination.next(Reply::json(r#"{"errcode":310000}"#));
    destination.respond_with(|request| Reply::status(if request.text() == "x" { 204 } else { 503 }));
    let limited = send_json(destination.address(), "POST", "/", "").await;
    assert_eq!((limited.status, limited.header("Retry-After")), (429, Some("7")));
    let moved = send_json(destination.address(), "POST", "/", "").await;
    assert_eq!((moved.status, moved.header("Location")), (307, Some("http://elsewhere/")));
    let hidden = send_json(destination.address(), "POST", "/", "").await;
    assert_eq!(hidden.body().await.0, r#"{"errcode":310000}"#);
    assert_eq!(send_json(destination.address(), "POST", "/", "x").await.status, 204);
    assert_eq!(send_json(destination.address(), "POST", "/", "y").await.status, 503);
    assert_eq!(destination.count(), 5);
}

#[tokio::test(start_paused = true)]
async fn it_hangs_waits_breaks_and_closes() {
    let destination = FakeDestination::start().await;
    let request = "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi";
    destination.next(Reply::Hang);
    assert!(timeout(Duration::from_secs(60), send(destination.address(), request)).await.is_err());
    destination.wait_for_no_connections().await;

    destination.next(Reply::ok().after(Duration::from_secs(9)));
    let began = Instant::now();
    assert_eq!(send(destination.address(), request).await.unwrap().status, 200);
    assert_eq!(began.elapsed().as_secs(), 9);

    destination.next(Reply::CloseBeforeBody);
    destination.next(Reply::CloseAfterBody);
    assert!(send(destination.address(), request).await.is_none());
    assert!(send(destination.address(), request).await.is_none());
    let requests = destination.requests();
    assert_eq!((requests[2].text().as_str(), requests[3].text().as_str()), ("", "hi"));

    destination.next(Reply::BreakBody(Response::new(200).with_body("0123456789")));
    let broken = send(destination.address(), request).await.unwrap();
    assert_eq!(broken.body().await, ("0123".to_owned(), End::Cut));
    destination.next(Reply::nonsense());
    assert!(send(destination.address(), request).await.is_none());
}

#[tokio::test]
async fn a_stopped_destination_refuses_connections() {
    let destination = FakeDestination::start().await;
    let address = destination.address();
    destination.stop().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
