//! Bodies that a user lays out.

use super::*;

const LAYOUT: &str = r#"layout={"b": "{{ .Message }}", "a": "{{ .Count }}", "owner": "{{ if eq .Reason `Odd` }}{{ fail `odd` }}{{ end }}"}"#;

fn event(reason: &str) -> Event {
    Event { reason: reason.to_owned(), message: "say \"hi\"\n".to_owned(), ..golden_event(2) }
}

#[tokio::test]
async fn the_body_is_the_json_that_is_laid_out() {
    let destination = FakeDestination::start().await;
    let body = r#"{"b":"say \"hi\"\n","a":7,"owner":""}"#;
    for (options, content_type, expected) in [
        ("", "application/json", body.to_owned()),
        ("&batch=array", "application/json", format!("[{body}]")),
        ("&batch=ndjson", "application/x-ndjson", format!("{body}\n")),
        ("&header=Content-Type=application/vnd.mine%2bjson", "application/vnd.mine+json", body.to_owned()),
    ] {
        let sink = open_at(&destination, &format!("/?{LAYOUT}{options}")).await;
        sink.export_events(&batch_of(vec![event("Usual")])).await.unwrap();
        let request = destination.requests().pop().unwrap();
        assert_eq!(
            (request.text(), request.header("content-type")),
            (expected, Some(content_type)),
            "{options}"
        );
    }
}

#[tokio::test]
async fn an_event_that_cannot_be_laid_out_is_rejected_and_the_others_are_sent() {
    let destination = FakeDestination::start().await;
    let batch = batch_of(vec![event("Usual"), event("Odd"), event("Usual")]);
    for (options, unsent, sent) in [("", &[2][..], 1), ("&batch=array", &[], 1)] {
        destination.clear();
        let sink = open_at(&destination, &format!("/?{LAYOUT}{options}")).await;
        let error = sink.export_events(&batch).await.unwrap_err();
        let [rejection] = error.rejections() else { panic!("{error:?}") };
        assert_eq!((error.kind(), rejection.index, error.unsent()), (ExportErrorKind::Rejected, 1, unsent));
        assert!(
            rejection.reason.contains("layout.owner: template, line 1, column 29: fail: odd"),
            "{rejection:?}"
        );
        assert_eq!(destination.count(), sent);
    }
}

#[test]
fn a_layout_that_cannot_work_is_told_with_all_that_is_wrong() {
    let errors = errors_of(r#"webhook:http://h/?layout={"a": "{{ .Reasn }}", "b": ["{{ uper .Type }}"]}"#);
    let expected = "--sink=webhook: option \"layout\": layout.a: line 1, column 4: there is no .Reasn in the event, did you \
                    mean .Reason?; layout.b[0]: line 1, column 4: there is no function \"uper\", did you mean upper? ";
    assert!(errors.starts_with(expected), "{errors}");
}
