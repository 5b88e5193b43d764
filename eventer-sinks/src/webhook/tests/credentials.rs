//! Headers, users and tokens: where they come from, and what is sent.

use eventer_core::{ComponentUri, ExportErrorKind, report};
use eventer_testkit::{FakeDestination, Request};
use tempfile::TempDir;

use super::{batch_of, errors_of, golden_event, open_at, registry, report_of, sent};

async fn authorization(options: &str) -> Option<String> {
    let request = sent(options, golden_event(1)).await;
    request.header("authorization").map(str::to_owned)
}

#[tokio::test]
async fn a_request_shows_a_user_or_a_token() {
    // me:p w
    let basic = "Basic bWU6cCB3";
    assert_eq!(authorization("/?basic_user=me&basic_password=p+w").await.as_deref(), Some(basic));
    // me:
    assert_eq!(authorization("/?basic_user=me").await.as_deref(), Some("Basic bWU6"));
    assert_eq!(authorization("/?bearer_token=abc").await.as_deref(), Some("Bearer abc"));
    assert_eq!(authorization("/").await, None);
}

#[tokio::test]
async fn a_user_or_a_token_in_the_urls_own_query_goes_to_the_destination() {
    let request = sent("/?token=abc&user=me&password=pw&bearer_token=x", golden_event(1)).await;
    assert_eq!(request.raw_query, "token=abc&user=me&password=pw");
    assert_eq!(request.header("authorization"), Some("Bearer x"));
}

#[tokio::test]
async fn one_authorization_is_sent_even_if_the_url_has_a_user() {
    let destination = FakeDestination::start().await;
    let url = destination.url().replace("http://", "http://me:pw@");
    for (options, expected) in [("", "Basic bWU6cHc="), ("?bearer_token=abc", "Bearer abc")] {
        let sink = super::open(&format!("webhook:{url}/{options}")).await;
        sink.export_events(&batch_of(vec![golden_event(1)])).await.unwrap();
        let requests = destination.requests();
        let request: &Request = requests.last().unwrap();
        let sent: Vec<_> = request.headers.iter().filter(|(name, _)| name == "authorization").collect();
        assert_eq!(sent, [&("authorization".to_owned(), expected.to_owned())]);
    }
}

#[test]
fn credentials_that_do_not_go_together_are_told_and_not_shown() {
    for (options, says) in [
        ("basic_user=me&bearer_token=hunter2", "basic_user= is given too"),
        ("basic_password=hunter2", "it needs basic_user="),
        ("basic_user=me:hunter2", "the password belongs into basic_password="),
        ("bearer_token=hunter2&header=Authorization=hunter2", "with basic_user= or bearer_token= too"),
        ("bearer_token=hun%0Ater2", "holds a character that no header can"),
        ("bearer_token=", "\"bearer_token\": it is empty"),
        ("bearer_token=hunter2&bearer_token_file=/x", "given by bearer_token_file too"),
    ] {
        let errors = errors_of(&format!("webhook:http://example.com/?{options}"));
        assert!(errors.contains(says), "{options}: {errors}");
        assert!(!errors.contains("hunter2") && !errors.contains("ter2"), "{errors}");
    }
}

#[test]
fn a_file_of_headers_that_is_wrong_is_told_before_anything_is_opened() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("headers");
    let uri = format!("webhook:http://h/?header_file={}", path.display());
    let uri = ComponentUri::parse("--sink", &uri, &()).unwrap();
    let plan = registry().plan_sink(&uri).unwrap();
    for (content, says) in [
        (&b"X-A=1\nAuthorization: Bearer hunter2\n"[..], "headers: line 2: its value, which is not shown"),
        (b"\n \n", "headers: it is empty"),
        (b"X-A=hunter2\xff", "headers: it is no text in UTF-8"),
    ] {
        std::fs::write(&path, content).unwrap();
        let errors = plan.check_files().unwrap_err();
        let shown = errors.iter().map(report_of).collect::<String>();
        assert!(errors.len() == 1 && shown.contains(says), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    std::fs::write(&path, "X-A=1\nX-A=2\n").unwrap();
    assert!(plan.check_files().is_ok());
}

#[tokio::test]
async fn secrets_in_files_are_read_again_for_each_export() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let write = |name: &str, content: &str| std::fs::write(path(name), content).unwrap();
    let destination = FakeDestination::start().await;
    write("headers", "X-A=from file\r\n\nX-B=b=c\n");
    write("token", "one\n");
    let (headers, token) = (path("headers"), path("token"));
    let (headers, token) = (headers.display(), token.display());
    let options =
        format!("/?header=X-A=written&header=X-C=c&header_file={headers}&bearer_token_file={token}");
    let sink = open_at(&destination, &options).await;
    let batch = batch_of(vec![golden_event(1)]);
    sink.export_events(&batch).await.unwrap();
    write("headers", "X-A=changed\n");
    write("token", "two\n");
    sink.export_events(&batch).await.unwrap();
    let requests = destination.requests();
    let header = |n: usize, name| requests[n].header(name);
    assert_eq!(
        [header(0, "x-a"), header(0, "x-b"), header(0, "x-c")],
        [Some("from file"), Some("b=c"), Some("c")]
    );
    assert_eq!([header(1, "x-a"), header(1, "x-b"), header(1, "x-c")], [Some("changed"), None, Some("c")]);
    assert_eq!(
        [header(0, "authorization"), header(1, "authorization")],
        [Some("Bearer one"), Some("Bearer two")]
    );

    write("headers", "X-A=1\nhunter2\n");
    let error = sink.export_events(&batch).await.unwrap_err();
    let shown = format!("{} {error:?}", report(&error));
    assert_eq!(error.kind(), ExportErrorKind::Unavailable);
    assert!(shown.contains("headers: line 2: ") && !shown.contains("hunter2"), "{shown}");
    write("headers", "X-A=1\n");
    std::fs::remove_file(path("token")).unwrap();
    let error = sink.export_events(&batch).await.unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::Unavailable);
    assert!(report(&error).contains("No such file"), "{}", report(&error));
    assert_eq!(destination.count(), 2);
}
