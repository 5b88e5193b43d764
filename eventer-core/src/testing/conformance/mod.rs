//! The kit that every sink has to pass: what the framework relies on, asked of a sink before a destination that records
//! and misbehaves.
//!
//! A sink's test describes itself as a [`Subject`] and calls [`check`]. A violated promise panics, and says which.

mod secrets;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::batch::EventBatch;
use crate::error::{ExportError, ExportErrorKind, report};
use crate::event::Event;
use crate::registry::Registry;
use crate::sink::{EventSink, SinkContext};
use crate::testing::event;
use crate::uri::ComponentUri;

/// How long a destination that is all right may take. Real time: the kit speaks to real sockets and files.
const PATIENCE: Duration = Duration::from_secs(20);

/// A destination that records what it gets, and misbehaves on order.
#[async_trait]
pub trait Destination: Send + Sync {
    /// What it has got so far, as text, one entry a request or a record.
    async fn received(&self) -> Vec<String>;

    /// Misbehaves from now on, or with `None` behaves again. False: it has no such fault.
    fn misbehave(&self, fault: Option<Fault>) -> bool;
}

/// How a destination misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It cannot take anything now.
    Unavailable,
    /// It asks for patience, of [`Fault::RETRY_AFTER`].
    RateLimited,
    /// It refuses our credentials.
    Unauthorized,
    /// It will never take what we send.
    Rejecting,
    /// It takes the request and never answers.
    Hanging,
    /// It answers with nonsense.
    Nonsense,
}

impl Fault {
    /// The patience that a rate limited destination asks for.
    pub const RETRY_AFTER: Duration = Duration::from_secs(7);
}

/// A sink under test.
pub struct Subject<'a> {
    /// Registers its kind.
    pub register: fn(&mut Registry),
    /// A URI that works with the destination, and holds every secret that a user could give.
    pub uri: String,
    /// The secrets in it.
    pub secrets: Vec<String>,
    /// The destination that the URI leads to.
    pub destination: &'a dyn Destination,
    /// The sink itself, if its URI cannot name the destination, as that of standard output cannot.
    pub open: Option<Arc<dyn EventSink>>,
}

impl fmt::Debug for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").finish_non_exhaustive()
    }
}

/// Asks everything of the sink.
///
/// # Panics
/// If the sink breaks a promise.
pub async fn check(subject: &Subject<'_>) {
    refuses_a_misspelt_option(subject);
    secrets::are_hidden_when_it_is_planned(subject);
    let sink = open(subject).await;
    takes_an_empty_batch_for_nothing(subject, &*sink).await;
    delivers_each_event_once(subject, &*sink).await;
    delivers_what_people_write(subject, &*sink).await;
    keeps_concurrent_exports_apart(subject, &sink).await;
    shows_what_it_delivers(subject, &*sink).await;
    tells_faults_apart(subject, &*sink).await;
    survives_a_hanging_destination(subject, &*sink).await;
    secrets::are_hidden_when_it_runs(subject).await;
    assert_eq!(
        sink.check_health().await.map_err(|error| report(&error)),
        Ok(()),
        "a healthy destination is healthy"
    );
    within_patience("stop", sink.stop()).await;
}

async fn open(subject: &Subject<'_>) -> Arc<dyn EventSink> {
    if let Some(sink) = &subject.open {
        return sink.clone();
    }
    let plan = registry(subject).plan_sink(&parse(&subject.uri)).expect("the subject's URI is right");
    let context = SinkContext::new("under-test");
    plan.open(context).await.expect("a sink opens whether or not its destination is up")
}

fn registry(subject: &Subject<'_>) -> Registry {
    let mut registry = Registry::new();
    (subject.register)(&mut registry);
    registry
}

fn parse(uri: &str) -> ComponentUri {
    ComponentUri::parse("--sink", uri, &()).expect("the subject's URI is a URI")
}

fn refuses_a_misspelt_option(subject: &Subject<'_>) {
    let join = if subject.uri.contains('?') { '&' } else { '?' };
    let uri = parse(&format!("{}{join}levle=Warning", subject.uri));
    let errors = registry(subject).plan_sink(&uri).expect_err("a misspelt option is an error");
    assert!(
        errors.iter().any(|error| error.to_string().contains("\"level\"")),
        "the right option is suggested"
    );
}

async fn takes_an_empty_batch_for_nothing(subject: &Subject<'_>, sink: &dyn EventSink) {
    let before = subject.destination.received().await.len();
    let result = within_patience("an empty batch", sink.export_events(&crate::testing::batch([]))).await;
    assert!(result.is_ok(), "an empty batch is delivered at once");
    assert_eq!(subject.destination.received().await.len(), before, "an empty batch sends nothing");
}

async fn delivers_each_event_once(subject: &Subject<'_>, sink: &dyn EventSink) {
    let shared: Vec<_> = (100_000..100_030).map(|n| Arc::new(event(n))).collect();
    let before: Vec<_> = shared.iter().map(|event| (**event).clone()).collect();
    let batch = crate::testing::batch([]).with_events(shared.clone());
    export(sink, &batch).await.expect("a healthy destination takes events");
    for n in 100_000..100_030 {
        assert_arrived_once(subject, n, "of a batch").await;
    }
    assert!(shared.iter().zip(&before).all(|(after, before)| **after == *before), "events are never changed");
}

/// Odd text is delivered or rejected, alone and amid other events, and never lost on the way.
async fn delivers_what_people_write(subject: &Subject<'_>, sink: &dyn EventSink) {
    for event in odd_events(200_000) {
        deliver_or_reject(subject, sink, vec![event]).await;
    }
    let (odd, plain) = (odd_events(210_000), (220_000..).map(|n| Arc::new(event(n))));
    let mixed: Vec<_> = plain.zip(odd).flat_map(|(plain, odd)| [plain, odd]).collect();
    for events in mixed.chunks(sink.limits().events.get()) {
        deliver_or_reject(subject, sink, events.to_vec()).await;
    }
}

fn odd_events(from: usize) -> Vec<Arc<Event>> {
    let long = "x".repeat(70_000);
    let texts = [
        "quotes \" and ' and \\ back",
        "two\nlines\r\n\tand a tab",
        "control \u{0} \u{7} \u{1b}[31mred",
        "wide 中文 🦀 \u{2028} \u{202e}",
        "${jndi:x} %s {{ .Message }} <a&b>",
        "",
        &long,
    ];
    let odd = (from..).zip(texts).map(|(n, text)| {
        let mut event = event(n);
        event.message = format!("{} {text}", event.message);
        Arc::new(event)
    });
    odd.collect()
}

/// Exports `events` at once. Those that the sink does not call rejected or unsent have to have arrived.
async fn deliver_or_reject(subject: &Subject<'_>, sink: &dyn EventSink, events: Vec<Arc<Event>>) {
    let batch = crate::testing::batch([]).with_events(events);
    let error = within_patience("an export", sink.export_events(&batch)).await.err();
    if let Some(error) = &error {
        let is_verdict = error.kind() == ExportErrorKind::Rejected;
        assert!(is_verdict, "odd text is delivered or rejected: {}", report(error));
        if !error.is_partial() {
            return;
        }
    }
    for (index, event) in batch.iter().enumerate() {
        let is_open = error.as_ref().is_some_and(|error| {
            error.unsent().contains(&index) || error.rejections().iter().any(|one| one.index == index)
        });
        if !is_open {
            let n = event.metadata.resource_version.parse().expect("the version is the event's number");
            assert_arrived_once(subject, n, "whose text is odd, or amid such events,").await;
        }
    }
}

async fn keeps_concurrent_exports_apart(subject: &Subject<'_>, sink: &Arc<dyn EventSink>) {
    let batches: Vec<_> =
        (0..4).map(|k| crate::testing::batch(300_000 + k * 10..300_000 + k * 10 + 10)).collect();
    let exports = batches.iter().map(|batch| export(&**sink, batch));
    for result in futures_util::future::join_all(exports).await {
        result.expect("exports that run at a time are delivered");
    }
    for n in 300_000..300_040 {
        assert_arrived_once(subject, n, "of a concurrent export").await;
    }
}

/// What a preview shows is what arrives, but for the secrets on the way there. A kind that shows none is let off.
async fn shows_what_it_delivers(subject: &Subject<'_>, sink: &dyn EventSink) {
    let plan = registry(subject).plan_sink(&parse(&subject.uri)).expect("the subject's URI is right");
    for n in 350_000..350_003 {
        let batch = crate::testing::batch([n]);
        let preview = plan.preview(&batch, &SinkContext::new("under-test")).await;
        let Some(shown) = preview.expect("a sink can show what it would deliver") else { return };
        secrets::assert_hidden(subject, &shown);
        export(sink, &batch).await.expect("a healthy destination takes events");
        let is_of_event = |text: &String| text.contains(&format!("event {n}"));
        for arrived in subject.destination.received().await.iter().filter(|text| is_of_event(text)) {
            assert!(
                shown.contains(arrived.as_str()),
                "what arrives, {arrived:?}, is in the preview: {shown:?}"
            );
        }
    }
}

async fn tells_faults_apart(subject: &Subject<'_>, sink: &dyn EventSink) {
    let faults: [(Fault, &[ExportErrorKind]); 5] = [
        (Fault::Unavailable, &[ExportErrorKind::Unavailable]),
        (Fault::RateLimited, &[ExportErrorKind::RateLimited]),
        (Fault::Unauthorized, &[ExportErrorKind::Unauthorized]),
        (Fault::Rejecting, &[ExportErrorKind::Rejected]),
        (Fault::Nonsense, &[ExportErrorKind::Unavailable, ExportErrorKind::Rejected]),
    ];
    for (fault, kinds) in faults {
        if !subject.destination.misbehave(Some(fault)) {
            continue;
        }
        let result = export(sink, &crate::testing::batch([400_000])).await;
        subject.destination.misbehave(None);
        let error = result.expect_err("trouble is an error");
        assert!(kinds.contains(&error.kind()), "{fault:?} was taken for {:?}", error.kind());
        secrets::assert_hidden(subject, &format!("{error:?}"));
        secrets::assert_hidden(subject, &report(&error));
        if fault == Fault::RateLimited {
            assert_eq!(
                error.retry_after(),
                Some(Fault::RETRY_AFTER),
                "the destination's word on patience is kept"
            );
        }
    }
    export(sink, &crate::testing::batch(400_001..400_004))
        .await
        .expect("after the trouble events are taken again");
    for n in 400_001..400_004 {
        assert_arrived_once(subject, n, "after the trouble").await;
    }
}

async fn survives_a_hanging_destination(subject: &Subject<'_>, sink: &dyn EventSink) {
    if !subject.destination.misbehave(Some(Fault::Hanging)) {
        return;
    }
    let batch = crate::testing::batch([500_000]);
    let hung = tokio::time::timeout(Duration::from_millis(300), sink.export_events(&batch)).await;
    subject.destination.misbehave(None);
    assert!(hung.is_err(), "an export waits for its answer");
    export(sink, &crate::testing::batch(500_001..500_004))
        .await
        .expect("after a hang events are taken again");
    for n in 500_001..500_004 {
        assert_arrived_once(subject, n, "after a hang").await;
    }
}

/// Exports within the limits that the sink declares, as the framework does.
async fn export(sink: &dyn EventSink, batch: &EventBatch) -> Result<(), ExportError> {
    for events in batch.events().chunks(sink.limits().events.get()) {
        within_patience("an export", sink.export_events(&batch.with_events(events.to_vec()))).await?;
    }
    Ok(())
}

async fn within_patience<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("{what} takes longer than {PATIENCE:?}"))
}

/// What the destination has got by the time that an export is Ok holds the text `event <n>` once.
async fn assert_arrived_once(subject: &Subject<'_>, n: usize, which: &str) {
    let needle = format!("event {n}");
    let received = subject.destination.received().await;
    let times: usize = received.iter().map(|text| text.matches(&needle).count()).sum();
    assert_eq!(times, 1, "event {n} {which} arrives once");
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, MutexGuard};

    use futures_util::FutureExt as _;

    use super::*;
    use crate::error::{BuildError, ConfigError};
    use crate::registry::SinkConfig;
    use crate::sink::BatchLimits;
    use crate::uri::{ComponentSpec, EndpointSpec, UriReader};

    /// A destination in memory, and the sink that writes to it, with one way to lose or repeat events.
    #[derive(Clone)]
    struct Memory {
        shared: Arc<Mutex<State>>,
        limits: BatchLimits,
        spoil: fn(&State, &mut Vec<String>),
    }

    #[derive(Default)]
    struct State {
        received: Vec<String>,
        fault: Option<Fault>,
        has_failed: bool,
        has_hung: bool,
    }

    impl Memory {
        fn lock(&self) -> MutexGuard<'_, State> {
            self.shared.lock().unwrap()
        }
    }

    #[async_trait]
    impl Destination for Memory {
        async fn received(&self) -> Vec<String> {
            self.lock().received.clone()
        }

        fn misbehave(&self, fault: Option<Fault>) -> bool {
            self.lock().fault = fault;
            true
        }
    }

    #[async_trait]
    impl EventSink for Memory {
        fn name(&self) -> &str {
            "memory"
        }

        fn limits(&self) -> BatchLimits {
            self.limits
        }

        async fn export_events(&self, batch: &EventBatch) -> Result<(), ExportError> {
            let fault = self.lock().fault;
            match fault {
                None => {
                    let mut state = self.lock();
                    let mut texts = batch.iter().map(|event| event.message.clone()).collect();
                    (self.spoil)(&state, &mut texts);
                    state.received.extend(texts);
                    return Ok(());
                }
                Some(Fault::Hanging) => {
                    self.lock().has_hung = true;
                    std::future::pending().await
                }
                Some(_) => self.lock().has_failed = true,
            }
            Err(match fault {
                Some(Fault::RateLimited) => ExportError::rate_limited("429", Some(Fault::RETRY_AFTER)),
                Some(Fault::Unauthorized) => ExportError::unauthorized("401"),
                Some(Fault::Rejecting) => ExportError::rejected("400"),
                _ => ExportError::unavailable("503"),
            })
        }
    }

    struct MemoryConfig;

    impl SinkConfig for MemoryConfig {
        const SPEC: ComponentSpec = ComponentSpec {
            kind: "memory",
            summary: "",
            endpoint: EndpointSpec::None,
            options: &[],
            example: "",
        };
        type Sink = Memory;

        fn from_uri(_: &mut UriReader<'_>) -> Result<Self, ConfigError> {
            Ok(Self)
        }

        async fn build(&self, _: &SinkContext) -> Result<Memory, BuildError> {
            Err(BuildError::new("open the memory", "the subject has it open"))
        }

        async fn preview(&self, batch: &EventBatch, _: &SinkContext) -> Result<Option<String>, BuildError> {
            Ok(Some(batch.iter().map(|event| event.message.as_str()).collect()))
        }
    }

    /// What the kit has against a sink that is spoilt like that.
    async fn verdict(limits: BatchLimits, spoil: fn(&State, &mut Vec<String>)) -> Option<String> {
        verdict_with(limits, spoil, &[]).await
    }

    async fn verdict_with(
        limits: BatchLimits,
        spoil: fn(&State, &mut Vec<String>),
        secrets: &[&str],
    ) -> Option<String> {
        let memory = Memory { shared: Arc::default(), limits, spoil };
        let subject = Subject {
            register: |registry| _ = registry.register_sink::<MemoryConfig>(),
            uri: "memory:".to_owned(),
            secrets: secrets.iter().map(|&secret| secret.to_owned()).collect(),
            destination: &memory,
            open: Some(Arc::new(memory.clone())),
        };
        let panic = std::panic::AssertUnwindSafe(check(&subject)).catch_unwind().await.err()?;
        Some(*panic.downcast::<String>().expect("an assertion says what it is about"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_sink_that_keeps_its_promises_passes() {
        for limits in [BatchLimits::default(), BatchLimits::ONE_EVENT] {
            assert_eq!(verdict(limits, |_, _| {}).await, None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_sink_that_loses_or_repeats_an_event_does_not_pass() {
        type Spoil = fn(&State, &mut Vec<String>);
        let spoils: [(&str, Spoil); 7] = [
            ("event 100000 of a batch", |_, texts| _ = texts.pop()),
            ("event 100000 of a batch", |_, texts| texts.extend(texts.clone())),
            ("event 200000 whose text is odd", |_, texts| texts.retain(|text| !text.contains('"'))),
            ("event 200001 whose text is odd", |_, texts| texts.retain(|text| !text.contains('\n'))),
            ("event 200006 whose text is odd", |_, texts| texts.retain(|text| text.len() < 1 << 16)),
            ("event 400001 after the trouble", |state, texts| {
                texts.retain(|_| !state.has_failed);
            }),
            ("event 500001 after a hang", |state, texts| texts.retain(|_| !state.has_hung)),
        ];
        for (expected, spoil) in spoils {
            let verdict = verdict(BatchLimits::ONE_EVENT, spoil).await;
            assert!(verdict.as_ref().is_some_and(|text| text.contains(expected)), "{expected}: {verdict:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_sink_whose_preview_is_not_what_it_delivers_does_not_pass() {
        let verdict = verdict(BatchLimits::ONE_EVENT, |_, texts| {
            for text in texts.iter_mut().filter(|text| text.contains("event 350001")) {
                text.push_str(", which it did not say");
            }
        });
        let verdict = verdict.await;
        assert!(verdict.as_ref().is_some_and(|text| text.contains("is in the preview")), "{verdict:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_sink_that_shows_a_secret_in_its_preview_does_not_pass() {
        let verdict = verdict_with(BatchLimits::ONE_EVENT, |_, _| {}, &["event 350001"]).await;
        assert!(verdict.as_ref().is_some_and(|text| text.contains("a secret is shown")), "{verdict:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_sink_that_loses_the_neighbours_of_odd_text_does_not_pass() {
        let verdict = verdict(BatchLimits::default(), |_, texts| {
            if let Some(odd) = texts.iter().position(|text| text.contains('\u{0}')) {
                texts.drain(..odd);
            }
        });
        let verdict = verdict.await;
        assert!(verdict.as_ref().is_some_and(|text| text.contains("event 220000")), "{verdict:?}");
    }
}
