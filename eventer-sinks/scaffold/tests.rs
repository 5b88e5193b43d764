//! The conformance kit, and what is particular to this sink. Golden payloads go to `testdata/newsink/`.

use eventer_core::testing::batch;
use eventer_core::testing::conformance::{self, Subject};
use eventer_testkit::FakeDestination;

use super::{NewSinkConfig, encode};
use crate::http::tests::Receiver;

#[tokio::test]
async fn it_conforms() {
    let destination = Receiver(FakeDestination::start().await);
    conformance::check(&Subject {
        register: |registry| _ = registry.register_sink::<NewSinkConfig>(),
        uri: format!("newsink:{}/path-secret?token=token-secret", destination.0.url()),
        secrets: ["path-secret", "token-secret"].map(str::to_owned).into(),
        destination: &destination,
        open: None,
    })
    .await;
}

#[test]
fn an_event_is_a_line_of_json() {
    let body = encode::body(&batch([1, 2])).unwrap();
    let lines: Vec<serde_json::Value> = body
        .split_inclusive(|byte| *byte == b'\n')
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1]["message"], "event 2");
}
