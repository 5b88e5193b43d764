//! No secret is shown anywhere: by the URI, the plan, the log, the metrics and the status, whatever the destination does.

use prometheus::{Encoder as _, TextEncoder};

use super::{Fault, Subject, parse, registry};
use crate::metrics::Metrics;
use crate::pipeline::Pipeline;
use crate::testing::log::CapturedLog;
use crate::testing::{FakeSource, batch};
use crate::time::SystemClock;

/// What a destination does while everything that is shown is read.
const FAULTS: [Option<Fault>; 7] = [
    None,
    Some(Fault::Unavailable),
    Some(Fault::RateLimited),
    Some(Fault::Unauthorized),
    Some(Fault::Rejecting),
    Some(Fault::Nonsense),
    Some(Fault::Hanging),
];

/// One attempt an event, and a short one, so that each run ends by itself.
const ONE_ATTEMPT: &str = "retry_for=0s&timeout=500ms";

pub(super) fn assert_hidden(subject: &Subject<'_>, text: &str) {
    for secret in &subject.secrets {
        assert!(
            !text.contains(secret.as_str()),
            "a secret is shown in {}",
            text.replace(secret.as_str(), "[secret]")
        );
    }
}

pub(super) fn are_hidden_when_it_is_planned(subject: &Subject<'_>) {
    let uri = parse(&subject.uri);
    assert_hidden(subject, &format!("{uri:?}"));
    let plan = registry(subject).plan_sink(&uri).expect("the subject's URI is right");
    assert_hidden(subject, &format!("{plan:?}"));
}

/// Runs whole pipelines with the sink in them, through every fault, and reads all that they show.
pub(super) async fn are_hidden_when_it_runs(subject: &Subject<'_>) {
    if subject.secrets.is_empty() || subject.open.is_some() {
        return;
    }
    let log = CapturedLog::default();
    let captured = tracing::subscriber::set_default(log.clone());
    for (n, fault) in (600_000..).zip(FAULTS) {
        let is_on = subject.destination.misbehave(fault);
        if fault.is_some() && !is_on {
            continue;
        }
        run(subject, n, fault).await;
        subject.destination.misbehave(None);
    }
    drop(captured);
    let log = log.text();
    assert!(log.contains("events="), "the log was not captured: {log}");
    assert_hidden(subject, &log);
}

async fn run(subject: &Subject<'_>, n: usize, fault: Option<Fault>) {
    let join = if subject.uri.contains('?') { '&' } else { '?' };
    let uri = parse(&format!("{}{join}{ONE_ATTEMPT}", subject.uri));
    let plan = registry(subject).plan_sink(&uri).expect("the subject's URI takes the common options");
    let metrics = prometheus::Registry::new();
    let pipeline = Pipeline::builder()
        .metrics(Metrics::new(&metrics, std::sync::Arc::new(SystemClock)).expect("the registry is new"))
        .source(FakeSource::ending("kit", [batch([n])]))
        .sink_plan(plan)
        .build()
        .expect("one source and one sink fit together");
    let status = pipeline.status();
    let summary = pipeline.run().await.expect("a fake source opens");
    assert_eq!(summary.is_complete(), fault.is_none(), "{fault:?}: {summary:?}");
    assert_hidden(subject, &format!("{summary:?} {status:?}"));
    let mut exposition = Vec::new();
    TextEncoder::new().encode(&metrics.gather(), &mut exposition).expect("metrics can be written");
    assert_hidden(subject, &String::from_utf8_lossy(&exposition));
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use async_trait::async_trait;
    use futures_util::FutureExt as _;

    use super::super::Destination;
    use super::*;
    use crate::batch::EventBatch;
    use crate::error::{BuildError, ConfigError, ExportError};
    use crate::registry::SinkConfig;
    use crate::sink::{EventSink, SinkContext};
    use crate::uri::{ComponentSpec, EndpointSpec, OptionSpec, UriReader};

    const TOKEN: OptionSpec = OptionSpec::new("token", "TOKEN", "Token.").secret();

    /// Where a sink shows its token.
    #[derive(Clone, Copy, PartialEq)]
    enum Leak {
        Nowhere,
        Log,
        Error,
    }

    thread_local! {
        static LEAK: Cell<Leak> = const { Cell::new(Leak::Nowhere) };
        static FAULT: Cell<Option<Fault>> = const { Cell::new(None) };
    }

    /// Both the sink and its destination.
    struct Leaky;

    #[async_trait]
    impl EventSink for Leaky {
        fn name(&self) -> &str {
            "leaky"
        }

        async fn export_events(&self, _: &EventBatch) -> Result<(), ExportError> {
            if LEAK.get() == Leak::Log {
                tracing::trace!(token = "hunter2", "sending");
            }
            let text = if LEAK.get() == Leak::Error { "hunter2 is wrong" } else { "it is wrong" };
            FAULT.get().map_or(Ok(()), |_| Err(ExportError::unavailable(text)))
        }
    }

    #[async_trait]
    impl Destination for Leaky {
        async fn received(&self) -> Vec<String> {
            Vec::new()
        }

        fn misbehave(&self, fault: Option<Fault>) -> bool {
            FAULT.set(fault);
            true
        }
    }

    impl SinkConfig for Leaky {
        const SPEC: ComponentSpec = ComponentSpec {
            kind: "leaky",
            summary: "",
            endpoint: EndpointSpec::None,
            options: &[TOKEN],
            example: "",
        };
        type Sink = Leaky;

        fn from_uri(uri: &mut UriReader<'_>) -> Result<Self, ConfigError> {
            uri.require_secret(&TOKEN).map(|_| Self)
        }

        async fn build(&self, _: &SinkContext) -> Result<Leaky, BuildError> {
            Ok(Self)
        }
    }

    async fn is_found_out(leak: Leak) -> bool {
        LEAK.set(leak);
        let subject = Subject {
            register: |registry| _ = registry.register_sink::<Leaky>(),
            uri: "leaky:?token=hunter2".to_owned(),
            secrets: vec!["hunter2".to_owned()],
            destination: &Leaky,
            open: None,
        };
        let panic =
            std::panic::AssertUnwindSafe(are_hidden_when_it_runs(&subject)).catch_unwind().await.err();
        let text =
            panic.map(|panic| *panic.downcast::<String>().expect("an assertion says what it is about"));
        text.is_some_and(|text| text.contains("a secret is shown"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_secret_in_the_log_or_in_an_error_is_found() {
        assert!(!is_found_out(Leak::Nowhere).await);
        assert!(is_found_out(Leak::Log).await);
        assert!(is_found_out(Leak::Error).await);
    }
}
