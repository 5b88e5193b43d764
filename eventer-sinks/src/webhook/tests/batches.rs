//! Several events in one request.

use eventer_core::{BatchLimits, Event, ExportErrorKind};
use eventer_testkit::{FakeDestination, Reply, Request};
use serde_json::Value;

use super::{batch_of, errors_of, golden_event, open_at};
use crate::webhook::encode;

async fn sent_at_once(options: &str, events: Vec<Event>) -> Request {
    let destination = FakeDestination::start().await;
    let sink = open_at(&destination, options).await;
    assert_eq!(sink.limits(), BatchLimits::default());
    sink.export_events(&batch_of(events)).await.unwrap();
    assert_eq!(destination.count(), 1);
    destination.requests().remove(0)
}

/// Four events; the message of the second and the fourth breaks naive JSON.
fn golden_events() -> Vec<Event> {
    (1..=4).map(golden_event).collect()
}

#[tokio::test]
async fn an_array_holds_the_bodies_of_a_batch() {
    let events = golden_events();
    let request = sent_at_once("/?batch=array", events.clone()).await;
    assert_eq!(request.header("content-type"), Some("application/json"));
    let body = request.json();
    let messages: Vec<_> = body.as_array().unwrap().iter().map(|body| body["EventMessage"].clone()).collect();
    assert_eq!(messages, events.iter().map(|event| Value::from(&*event.message)).collect::<Vec<_>>());
    assert!(
        request.text().starts_with("[{\"EventType\":\"Normal\",\"EventKind\":\"Pod\","),
        "{}",
        request.text()
    );
}

#[tokio::test]
async fn lines_hold_the_bodies_of_a_batch() {
    let events = golden_events();
    let template = "/?batch=ndjson&template={%0A \"m\": \"{{ .Message }}\",%0D%0A%09\"all\": [ 1 ]%0A}%0A";
    for (options, field) in [("/?batch=ndjson", "EventMessage"), (template, "m")] {
        let request = sent_at_once(options, events.clone()).await;
        assert_eq!(request.header("content-type"), Some("application/x-ndjson"));
        let text = request.text();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(text.ends_with("}\n"));
        let messages: Vec<_> = lines.iter().map(|line| line[field].clone()).collect();
        assert_eq!(messages, events.iter().map(|event| Value::from(&*event.message)).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_batch_of_none_is_not_sent() {
    let destination = FakeDestination::start().await;
    for options in ["/?batch=array", "/?batch=ndjson"] {
        open_at(&destination, options).await.export_events(&batch_of(Vec::new())).await.unwrap();
    }
    assert_eq!(destination.count(), 0);
}

#[tokio::test]
async fn an_answer_is_about_the_whole_batch() {
    let destination = FakeDestination::start().await;
    let sink = open_at(&destination, "/?batch=array").await;
    for (status, kind) in [(400, ExportErrorKind::Rejected), (503, ExportErrorKind::Unavailable)] {
        destination.next(Reply::status(status));
        let error = sink.export_events(&batch_of(golden_events())).await.unwrap_err();
        assert_eq!((error.kind(), error.is_partial()), (kind, false));
    }
}

#[tokio::test]
async fn events_that_a_template_cannot_write_are_rejected_and_the_others_sent() {
    let destination = FakeDestination::start().await;
    // Without quotes around it, a reason such as 12 is JSON, and another is not.
    let template = "{\"n\": {{ if eq .Reason \"BackOff\" }}1{{ else }}{{ .Reason }}{{ end }}}";
    let event = |reason: &str| Event { reason: reason.to_owned(), ..golden_event(1) };
    let batch = batch_of(vec![event("12"), event("Bad"), event("34"), event("")]);
    for (mode, body) in [("array", "[{\"n\":12},{\"n\":34}]"), ("ndjson", "{\"n\":12}\n{\"n\":34}\n")] {
        let sink = open_at(&destination, &format!("/?batch={mode}&template={template}")).await;
        let error = sink.export_events(&batch).await.unwrap_err();
        let rejected: Vec<_> = error.rejections().iter().map(|rejection| rejection.index).collect();
        assert_eq!(
            (error.kind(), &*rejected, error.unsent()),
            (ExportErrorKind::Rejected, &[1, 3][..], &[][..])
        );
        assert!(error.rejections()[0].reason.contains("no JSON for this event"), "{error:?}");
        assert_eq!(destination.requests().last().unwrap().text(), body);

        // If the others could not be sent, the batch comes again as it is.
        destination.next(Reply::status(500));
        let error = sink.export_events(&batch).await.unwrap_err();
        assert_eq!((error.kind(), error.is_partial()), (ExportErrorKind::Unavailable, false));
        // And if there are no others, nothing is sent.
        let count = destination.count();
        let error = sink.export_events(&batch_of(vec![event("Bad")])).await.unwrap_err();
        assert_eq!((error.rejections().len(), destination.count()), (1, count));
    }
}

#[tokio::test]
async fn in_a_request_of_its_own_such_an_event_holds_no_other_up() {
    let destination = FakeDestination::start().await;
    let template = "{\"n\": {{ if eq .Reason \"BackOff\" }}1{{ else }}{{ .Reason }}{{ end }}}";
    let sink = open_at(&destination, &format!("/?template={template}")).await;
    let bad = Event { reason: "Bad".to_owned(), ..golden_event(1) };
    let error = sink.export_events(&batch_of(vec![bad.clone()])).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.is_partial(), destination.count()),
        (ExportErrorKind::Rejected, false, 0)
    );
    let error = sink.export_events(&batch_of(vec![golden_event(2), bad, golden_event(2)])).await.unwrap_err();
    assert_eq!((error.rejections()[0].index, error.unsent()), (1, &[2][..]));
}

#[test]
fn a_template_in_a_batch_has_to_give_json() {
    for mode in ["array", "ndjson"] {
        let errors = errors_of(&format!("webhook:http://h/?batch={mode}&template={{{{ .Message }}}}"));
        assert!(
            errors.contains("option \"template\": it gives no JSON, which it has to in a batch"),
            "{errors}"
        );
    }
}

#[test]
fn a_template_that_fails_for_every_event_says_why_it_gives_no_json() {
    let errors = errors_of("webhook:http://h/?batch=array&template={{ div .Count 0 }}");
    assert!(errors.contains("it fails for an ordinary event: template, line 1, column 4: div: "), "{errors}");
}

#[test]
fn bodies_are_put_together_without_the_space_between_their_tokens() {
    let bodies = ["\n{\n\t\"a\": \"x \\\" \\\\\",\n \"b\" : [1, 2]\r\n}", " \"  \" "].map(str::to_owned);
    assert_eq!(encode::array(&bodies), r#"[{"a":"x \" \\","b":[1,2]},"  "]"#);
    assert_eq!(encode::ndjson(&bodies), "{\"a\":\"x \\\" \\\\\",\"b\":[1,2]}\n\"  \"\n");
}
