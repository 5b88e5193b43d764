//! What servers answer that is no success: databases that are missing, and lines that are refused.

use super::*;

/// What InfluxDB 1.6 answers to two lines that it cannot read, among others that it writes.
fn partial_1(lines: &[&str]) -> String {
    let named: Vec<String> =
        lines.iter().map(|line| format!("unable to parse '{line}': invalid field format")).collect();
    serde_json::json!({ "error": format!("partial write: {} dropped=0", named.join("\n")) }).to_string()
}

fn lines_of(request: &Request) -> Vec<String> {
    request.text().lines().map(str::to_owned).collect()
}

/// The indices of the events that a sink called unsent, and those of the rejected ones with their reasons.
type Fates = (Vec<usize>, Vec<(usize, String)>);

/// Exports three events to a server of that version, whose answer is made of the request.
async fn refused(options: &str, status: u16, body: impl Fn(&Request) -> String + Send + 'static) -> Fates {
    let destination = FakeDestination::start().await;
    let sink = open_at(&destination, &format!("{options}&withfields=true&gzip=false")).await;
    destination.respond_with(move |request| {
        if request.path.ends_with("/query") {
            Reply::ok()
        } else {
            Reply::status(status).with_body(body(request))
        }
    });
    let error = sink.export_events(&batch([1, 2, 3])).await.unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::Rejected, "{}", report(&error));
    let rejected = error.rejections().iter().map(|one| (one.index, one.reason.clone())).collect();
    (error.unsent().to_vec(), rejected)
}

#[tokio::test]
async fn lines_that_version_1_names_are_rejected_and_the_others_sent_again() {
    let (unsent, rejected) = refused("", 400, |request| {
        let lines = lines_of(request);
        partial_1(&[&lines[0], &lines[2]])
    })
    .await;
    assert_eq!(unsent, [1]);
    let reason = || "invalid field format".to_owned();
    assert_eq!(rejected, [(0, reason()), (2, reason())]);
}

#[tokio::test]
async fn a_line_that_version_2_names_is_rejected_and_the_others_sent_again() {
    let (unsent, rejected) = refused("org=o&bucket=b&token=tok-secret", 400, |request| {
        let line = &lines_of(request)[1];
        let message = format!("unable to parse '{line}': bad timestamp tok-secret");
        serde_json::json!({ "code": "invalid", "message": message }).to_string()
    })
    .await;
    assert_eq!(unsent, [0, 2]);
    assert_eq!(rejected, [(1, "bad timestamp [redacted]".to_owned())]);
}

#[tokio::test]
async fn a_line_that_version_3_names_is_rejected_and_the_others_sent_again() {
    let answer = |original: String, number: usize| {
        let error = serde_json::json!({
            "original_line": original, "line_number": number, "error_message": "invalid column type",
        });
        serde_json::json!({ "error": "partial write of line protocol occurred", "data": [error] }).to_string()
    };
    let (unsent, rejected) =
        refused("token=t", 400, move |request| answer(lines_of(request)[2].clone(), 3)).await;
    assert_eq!(unsent, [0, 1]);
    assert_eq!(rejected, [(2, "invalid column type".to_owned())]);
    // One that was cut, and one that is another line than its number says: then nothing is known.
    let cut = move |request: &Request| answer(format!("{}...", &lines_of(request)[0][..20]), 1);
    assert_eq!(refused("token=t", 400, cut).await.1.len(), 1);
    let other = move |request: &Request| answer(lines_of(request)[0].clone(), 2);
    assert_eq!(refused("token=t", 400, other).await, (vec![], vec![]));
    let first_only = |request: &Request| {
        let line = &lines_of(request)[1];
        let data = serde_json::json!({ "original_line": line, "line_number": 2, "error_message": "no" });
        serde_json::json!({ "error": "parsing failed for write_lp endpoint", "data": data }).to_string()
    };
    assert_eq!(refused("token=t", 400, first_only).await, (vec![0, 2], vec![(1, "no".to_owned())]));
}

#[tokio::test]
async fn what_names_no_line_is_about_all_of_them() {
    for body in [
        r#"{"error":"partial write: points beyond retention policy dropped=1"}"#,
        r#"{"error":"field type conflict"}"#,
        r#"{"error":"unable to parse 'something else': missing fields"}"#,
        r#"{"error":7,"data":{"line_number":1}}"#,
        r#"{"data":[{"original_line":"","line_number":0,"error_message":""}]}"#,
        "unable to parse",
        "",
    ] {
        assert_eq!(refused("", 400, |_| body.to_owned()).await, (vec![], vec![]), "{body}");
    }
    let unprocessable = r#"{"code":"unprocessable entity","message":"failure writing points to database: partial write: points beyond retention policy dropped=3"}"#;
    let fates = refused("org=o&bucket=b&token=t", 422, |_| unprocessable.to_owned()).await;
    assert_eq!(fates, (vec![], vec![]));
}

#[tokio::test]
async fn a_limit_that_somebody_can_raise_keeps_the_events() {
    let destination = FakeDestination::start().await;
    let sink = open_at(&destination, "").await;
    destination.next(Reply::ok());
    let limit = r#"{"error":"partial write: max-values-per-tag limit exceeded (100000/100000): measurement=\"events\" tag=\"uid\" value=\"u\" dropped=3"}"#;
    destination.next(Reply::status(400).with_body(limit));
    let error = sink.export_events(&batch([1, 2, 3])).await.unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::Unavailable);
    assert!(report(&error).contains("max-values-per-tag"), "{}", report(&error));
}

#[tokio::test]
async fn a_database_that_has_gone_is_created_again() {
    for (status, body) in [
        (404, r#"{"error":"database not found: \"k8s\""}"#),
        (500, r#"{"error":"retention policy not found: default"}"#),
    ] {
        let destination = FakeDestination::start().await;
        let sink = open_at(&destination, "").await;
        sink.export_events(&batch([1])).await.unwrap();
        destination.next(Reply::status(status).with_body(body));
        let error = sink.export_events(&batch([2])).await.unwrap_err();
        assert_eq!(error.kind(), ExportErrorKind::Unavailable);
        assert!(report(&error).ends_with(body), "{}", report(&error));
        sink.export_events(&batch([2])).await.unwrap();
        sink.export_events(&batch([3])).await.unwrap();
        let paths: Vec<String> = destination.requests().into_iter().map(|request| request.path).collect();
        assert_eq!(paths, ["/query", "/write", "/write", "/query", "/write", "/write"]);
    }
}

/// The statements of a first export, if the first is answered with that error.
async fn statements(options: &str, error: &str) -> Vec<String> {
    let destination = FakeDestination::start().await;
    let sink = open_at(&destination, options).await;
    let body = serde_json::json!({ "results": [{ "statement_id": 0, "error": error }] }).to_string();
    destination.next(Reply::ok().with_body(body));
    sink.export_events(&batch([1])).await.unwrap();
    destination.requests().iter().filter_map(|request| request.param("q").map(str::to_owned)).collect()
}

#[tokio::test]
async fn a_database_without_the_policy_gets_it() {
    let create = "CREATE DATABASE \"k8s\" WITH NAME \"default\"";
    let policy = "CREATE RETENTION POLICY \"default\" ON \"k8s\" DURATION 0d REPLICATION 1";
    let conflict = "retention policy conflicts with an existing policy";
    assert_eq!(statements("", conflict).await, [create, policy]);
    assert_eq!(statements("", "something else").await, [create, &format!("{policy} DEFAULT")]);
}

#[tokio::test]
async fn a_database_may_have_any_name() {
    let sent = statements("db=a%22;%20DROP%20%5C%20b", "no").await;
    assert_eq!(sent[0], "CREATE DATABASE \"a\\\"; DROP \\\\ b\" WITH NAME \"default\"");
}

#[tokio::test]
async fn who_may_not_create_the_database_may_write() {
    let destination = FakeDestination::start().await;
    let sink = open_at(&destination, "").await;
    destination.next(Reply::status(403).with_body(r#"{"error":"requires admin privilege"}"#));
    sink.export_events(&batch([1])).await.unwrap();
    assert_eq!(destination.count(), 2);
}

#[tokio::test]
async fn trouble_with_the_database_says_nothing_against_the_events() {
    let destination = FakeDestination::start().await;
    let sink = open_at(&destination, "").await;
    let failed = Reply::ok().with_body(r#"{"results":[{"error":"no leader"}]}"#);
    for (replies, kind, says) in [
        (vec![Reply::status(400)], ExportErrorKind::Unavailable, "could not be created"),
        (vec![Reply::status(401)], ExportErrorKind::Unauthorized, "401"),
        (vec![Reply::status(500)], ExportErrorKind::Unavailable, "500"),
        (vec![failed.clone(), failed], ExportErrorKind::Unavailable, "no leader"),
    ] {
        replies.into_iter().for_each(|reply| destination.next(reply));
        let error = sink.export_events(&batch([1])).await.unwrap_err();
        assert_eq!((error.kind(), error.is_partial()), (kind, false));
        assert!(report(&error).contains(says), "{}", report(&error));
    }
}

#[tokio::test]
async fn a_page_or_an_error_in_a_success_is_none() {
    for (body, says) in [
        ("\n<html><title>Log in</title>", "200 OK with <html><title>Log in</title>"),
        (r#"{"error":"not here"}"#, "not here"),
    ] {
        let destination = FakeDestination::start().await;
        let sink = open_at(&destination, "org=o&bucket=b&token=t").await;
        destination.set_default(Reply::ok().with_body(body));
        let error = sink.export_events(&batch([1])).await.unwrap_err();
        assert_eq!(error.kind(), ExportErrorKind::Unavailable);
        assert!(report(&error).contains(says), "{}", report(&error));
        for taken in [Reply::status(204), Reply::ok().with_body("{}"), Reply::ok()] {
            destination.next(taken);
            sink.export_events(&batch([1])).await.unwrap();
        }
    }
}
