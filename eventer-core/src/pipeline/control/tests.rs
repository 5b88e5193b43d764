//! Exchanges while events flow: nothing is lost, nothing is repeated, and who does not change notices nothing.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use proptest::prelude::*;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until};

use super::*;
use crate::batch::{Checkpoint, EventBatch, Position};
use crate::error::{ExportError, SourceError};
use crate::pipeline::{End, Pipeline};
use crate::policy::Policy;
use crate::sink::EventSink;
use crate::source::{EventSource, SourceStatus};
use crate::testing::{FakeSource, ScriptedSink, batch, event};

/// An event comes this often.
const EVERY: Duration = Duration::from_millis(1);

/// Makes up the events from a position on, which its checkpoint tells.
struct Counting {
    next: usize,
    due: Instant,
}

/// A plan for such a source. Each is another one.
fn counting() -> SourcePlan {
    SourcePlan::opening("watch", |context| async move {
        let next = context.checkpoint.map_or(0, |checkpoint| checkpoint.0["all"].version.parse().unwrap());
        let source: Box<dyn EventSource> = Box::new(Counting { next, due: Instant::now() });
        Ok(source)
    })
}

#[async_trait]
impl EventSource for Counting {
    fn name(&self) -> &str {
        "watch"
    }

    async fn ready(&mut self) {
        sleep_until(self.due + 10 * EVERY).await;
    }

    async fn get_new_events(&mut self) -> Result<Option<EventBatch>, SourceError> {
        let mut numbers = Vec::new();
        while self.due <= Instant::now() {
            numbers.push(self.next);
            self.next += 1;
            self.due += EVERY;
        }
        let position = Position { version: self.next.to_string(), at: Timestamp::UNIX_EPOCH };
        Ok(Some(batch(numbers).with_checkpoint(Checkpoint([("all".to_owned(), position)].into()))))
    }

    fn status(&self) -> SourceStatus {
        SourceStatus { is_fresh: true, ..SourceStatus::default() }
    }
}

/// A destination that takes what it is sent at once, and takes its time to say so.
#[derive(Clone, Default)]
struct Destination {
    taken: Arc<Mutex<Vec<usize>>>,
    opened: Arc<AtomicUsize>,
}

struct Slow {
    destination: Destination,
    answer: Duration,
}

impl Destination {
    /// A plan for a sink of this name. Each is another one.
    fn sink(&self, name: &str, answer: Duration) -> SinkPlan {
        let destination = self.clone();
        let batch_size = NonZeroUsize::new(7).unwrap();
        let mut policy = Policy::default();
        policy.batch.events = batch_size;
        SinkPlan::opening(name, policy, move || {
            let destination = destination.clone();
            async move {
                destination.opened.fetch_add(1, Ordering::Relaxed);
                let sink: Arc<dyn EventSink> = Arc::new(Slow { destination, answer });
                Ok(sink)
            }
        })
    }

    fn taken(&self) -> Vec<usize> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl EventSink for Slow {
    fn name(&self) -> &str {
        "slow"
    }

    async fn export_events(&self, batch: &EventBatch) -> Result<(), ExportError> {
        let numbers = batch.iter().map(|event| event.metadata.resource_version.parse::<usize>().unwrap());
        self.destination.taken.lock().unwrap_or_else(PoisonError::into_inner).extend(numbers);
        sleep(self.answer).await;
        Ok(())
    }
}

fn setup(sources: Vec<SourcePlan>, sinks: Vec<SinkPlan>) -> Setup {
    Setup { sources, sinks, ..Setup::default() }
}

fn pipeline(setup: Setup) -> (Pipeline, oneshot::Sender<()>) {
    let (stop, stopped) = oneshot::channel();
    let builder = Pipeline::builder().shutdown(async { stopped.await.unwrap_or_default() });
    let builder = setup.sources.into_iter().fold(builder, |builder, plan| builder.source_plan(plan));
    let builder = setup.sinks.into_iter().fold(builder, |builder, plan| builder.sink_plan(plan));
    (builder.build().unwrap(), stop)
}

/// Something that is exchanged, after a pause.
#[derive(Clone, Debug)]
enum Step {
    /// The sink "changing" gets another answering time.
    Change(u64),
    /// The sink "coming" comes or goes.
    Toggle,
    /// The source is another one.
    Source,
    /// Nothing differs.
    Nothing,
}

fn step() -> impl Strategy<Value = (u64, Step)> {
    let step = prop_oneof![
        3 => (0..40_u64).prop_map(Step::Change),
        2 => Just(Step::Toggle),
        2 => Just(Step::Source),
        1 => Just(Step::Nothing),
    ];
    (0..60_u64, step)
}

async fn run(steps: Vec<(u64, Step)>) {
    let [kept, changing, coming] = [(); 3].map(|()| Destination::default());
    let ms = Duration::from_millis;
    let mut source = counting();
    let kept_plan = kept.sink("kept", ms(3));
    let mut changing_plan = changing.sink("changing", ms(5));
    let mut coming_plan = None;
    let first = setup(vec![source.clone()], vec![kept_plan.clone(), changing_plan.clone()]);
    let (pipeline, stop) = pipeline(first);
    let control = pipeline.control();
    let running = tokio::spawn(pipeline.run());
    for (pause, step) in steps {
        sleep(ms(pause)).await;
        match step {
            Step::Change(answer) => changing_plan = changing.sink("changing", ms(answer)),
            Step::Toggle if coming_plan.is_some() => coming_plan = None,
            Step::Toggle => coming_plan = Some(coming.sink("coming", ms(4))),
            Step::Source => source = counting(),
            Step::Nothing => {}
        }
        let sinks = [kept_plan.clone(), changing_plan.clone()].into_iter().chain(coming_plan.clone());
        let changes = control.apply(setup(vec![source.clone()], sinks.collect())).await.unwrap().unwrap();
        assert!(changes.sinks.kept.contains(&"kept".into()));
    }
    sleep(ms(50)).await;
    drop(stop);
    let summary = running.await.unwrap().unwrap();
    assert_eq!(summary.end, End::Shutdown);
    let all: Vec<usize> = (0..kept.taken().len()).collect();
    assert_eq!(kept.taken(), all, "the sink that is kept");
    assert_eq!(kept.opened.load(Ordering::Relaxed), 1);
    assert_eq!(changing.taken(), all, "the sink that changes");
    let taken = coming.taken();
    assert!(taken.is_sorted_by(|a, b| a < b), "the sink that comes and goes: {taken:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn exchanges_under_load_lose_and_repeat_nothing(steps in proptest::collection::vec(step(), 1..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(run(steps));
    }
}

#[tokio::test(start_paused = true)]
async fn an_exchange_says_what_became_of_each() {
    let destination = Destination::default();
    let [a, b, c] = ["a", "b", "c"].map(|name| destination.sink(name, EVERY));
    let source = counting();
    let (pipeline, _stop) = pipeline(setup(vec![source.clone()], vec![a.clone(), b, c]));
    let (control, status) = (pipeline.control(), pipeline.status());
    let running = tokio::spawn(pipeline.run());
    let other = ["b", "d"].map(|name| destination.sink(name, EVERY));
    let sinks = vec![a, other[0].clone(), other[1].clone()];
    let changes = control.apply(setup(vec![source], sinks)).await.unwrap().unwrap();
    let names = |names: &[&str]| names.iter().map(|name| (*name).into()).collect::<Vec<Arc<str>>>();
    let expected = Exchange {
        added: names(&["d"]),
        changed: names(&["b"]),
        removed: names(&["c"]),
        kept: names(&["a"]),
        failed: Vec::new(),
    };
    assert_eq!(changes.sinks, expected);
    assert_eq!(changes.sources.kept, names(&["watch"]));
    let mut shown: Vec<_> = status.sinks().into_iter().map(|sink| sink.name).collect();
    shown.sort();
    assert_eq!(shown, names(&["a", "b", "d"]));
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn components_that_do_not_fit_together_change_nothing() {
    let destination = Destination::default();
    let source = counting();
    let only = destination.sink("only", EVERY);
    let (pipeline, stop) = pipeline(setup(vec![source.clone()], vec![only.clone()]));
    let control = pipeline.control();
    let running = tokio::spawn(pipeline.run());
    let twice = vec![destination.sink("two", EVERY), destination.sink("two", EVERY)];
    let error = control.apply(setup(vec![source], twice)).await.unwrap_err();
    assert!(report(&error).contains("two are called \"two\""), "{}", report(&error));
    sleep(Duration::from_millis(100)).await;
    drop(stop);
    let summary = running.await.unwrap().unwrap();
    assert_eq!(summary.sinks.len(), 1);
    assert!(summary.sinks[0].exported > 90, "{summary:?}");
}

#[tokio::test(start_paused = true)]
async fn what_waited_for_a_sink_that_is_taken_out_is_counted() {
    let hanging = ScriptedSink::always(|| crate::testing::Answer::Hang);
    let source = SourcePlan::ready(FakeSource::lasting("watch", [batch(0..100)]));
    let policy = Policy { timeout: Duration::from_secs(5), ..Policy::default() };
    let plan = SinkPlan::ready("hangs", Arc::new(hanging), policy);
    let (pipeline, stop) = pipeline(setup(vec![source.clone()], vec![plan]));
    let control = pipeline.control();
    let running = tokio::spawn(pipeline.run());
    sleep(Duration::from_secs(2)).await;
    let begin = Instant::now();
    let changes = control.apply(setup(vec![source], Vec::new())).await.unwrap().unwrap();
    assert_eq!(changes.sinks.removed, ["hangs".into()]);
    assert!(begin.elapsed() <= Duration::from_secs(5), "an attempt has its time and no more");
    drop(stop);
    let summary = running.await.unwrap().unwrap();
    assert_eq!((summary.sinks[0].dropped, summary.sinks[0].undelivered), (100, 0));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_waits_for_room_makes_room_for_another_one() {
    let destination = Destination::default();
    let hanging = || {
        let sink = ScriptedSink::always(|| crate::testing::Answer::Hang);
        SinkPlan::ready(
            "only",
            Arc::new(sink),
            Policy { timeout: Duration::from_secs(1), ..Policy::default() },
        )
    };
    let (stop, stopped) = oneshot::channel();
    let pipeline = Pipeline::builder()
        .shutdown(async { stopped.await.unwrap_or_default() })
        .journal_size(crate::uri::ByteSize(20_000))
        .source_plan(counting())
        .sink_plan(hanging())
        .build()
        .unwrap();
    let (control, status) = (pipeline.control(), pipeline.status());
    let running = tokio::spawn(pipeline.run());
    sleep(Duration::from_secs(60)).await;
    assert!(status.sources()[0].waiting_for_room.is_some());
    // While the sink still hangs, and again with one that works.
    let begin = Instant::now();
    control.apply(setup(vec![counting()], vec![hanging()])).await.unwrap();
    control.apply(setup(vec![counting()], vec![destination.sink("only", EVERY)])).await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    sleep(Duration::from_secs(60)).await;
    drop(stop);
    running.await.unwrap().unwrap();
    let taken = destination.taken();
    assert!(taken.len() > 5000 && taken.iter().copied().eq(0..taken.len()), "{} events", taken.len());
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_does_not_stop_is_left_behind() {
    struct Endless;
    #[async_trait]
    impl EventSink for Endless {
        fn name(&self) -> &str {
            "endless"
        }
        async fn export_events(&self, _: &EventBatch) -> Result<(), ExportError> {
            Ok(())
        }
        async fn stop(&self) {
            std::future::pending().await
        }
    }
    let destination = Destination::default();
    let (source, policy) = (counting(), Policy { timeout: Duration::from_secs(2), ..Policy::default() });
    let endless = SinkPlan::ready("only", Arc::new(Endless), policy);
    let (pipeline, stop) = pipeline(setup(vec![source.clone()], vec![endless]));
    let control = pipeline.control();
    let running = tokio::spawn(pipeline.run());
    sleep(Duration::from_secs(1)).await;
    let begin = Instant::now();
    control.apply(setup(vec![source], vec![destination.sink("only", EVERY)])).await.unwrap();
    assert!(begin.elapsed() <= Duration::from_secs(5), "{:?}", begin.elapsed());
    sleep(Duration::from_secs(1)).await;
    drop(stop);
    running.await.unwrap().unwrap();
    assert!(!destination.taken().is_empty());
}

#[tokio::test(start_paused = true)]
async fn asked_to_stop_during_an_exchange_it_stops_in_time() {
    let hanging = ScriptedSink::always(|| crate::testing::Answer::Hang);
    let source = SourcePlan::ready(FakeSource::lasting("watch", [batch(0..100)]));
    let policy = Policy { timeout: Duration::from_secs(3600), ..Policy::default() };
    let plan = SinkPlan::ready("hangs", Arc::new(hanging), policy);
    let (pipeline, stop) = pipeline(setup(vec![source.clone()], vec![plan]));
    let control = pipeline.control();
    let running = tokio::spawn(pipeline.run());
    sleep(Duration::from_secs(2)).await;
    let asked = tokio::spawn(async move { control.apply(setup(vec![source], Vec::new())).await });
    sleep(Duration::from_secs(1)).await;
    let begin = Instant::now();
    drop(stop);
    let summary = running.await.unwrap().unwrap();
    assert!(begin.elapsed() <= Duration::from_secs(26), "{:?}", begin.elapsed());
    assert_eq!(summary.sinks[0].undelivered, 100);
    assert!(asked.await.unwrap().unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_hangs_holds_up_no_other_that_changes_or_is_new() {
    let [hung, changing, new] = [(); 3].map(|()| Destination::default());
    let hour = Duration::from_secs(3600);
    let source = counting();
    let sinks = vec![hung.sink("hung", hour), changing.sink("changing", EVERY)];
    let (pipeline, _stop) = pipeline(setup(vec![source.clone()], sinks));
    let control = pipeline.control();
    let running = tokio::spawn(pipeline.run());
    sleep(Duration::from_secs(1)).await;
    let sinks = vec![changing.sink("changing", EVERY), new.sink("new", EVERY)];
    let exchange = tokio::spawn(async move { control.apply(setup(vec![source], sinks)).await });
    sleep(Duration::from_secs(5)).await;
    assert!(!exchange.is_finished(), "the attempt of the one that hangs has its time");
    assert!(new.taken().len() > 3000 && changing.taken().len() > 4000);
    assert_eq!(changing.opened.load(Ordering::Relaxed), 2);
    let changes = exchange.await.unwrap().unwrap().unwrap();
    assert_eq!(changes.sinks.removed, ["hung".into()]);
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn asked_to_stop_during_a_short_exchange_it_delivers_what_waits() {
    let (slow, next) = (Destination::default(), Destination::default());
    let source = SourcePlan::ready(FakeSource::lasting("watch", [batch(0..20)]));
    let (pipeline, stop) =
        pipeline(setup(vec![source.clone()], vec![slow.sink("only", Duration::from_secs(3))]));
    let control = pipeline.control();
    let running = tokio::spawn(pipeline.run());
    sleep(Duration::from_secs(2)).await;
    let asked = tokio::spawn(async move {
        control
            .apply(setup(vec![source], vec![next.sink("only", EVERY)]))
            .await
            .map(|changes| (changes, next))
    });
    sleep(Duration::from_millis(100)).await;
    drop(stop);
    let summary = running.await.unwrap().unwrap();
    assert_eq!(
        (summary.end, summary.sinks[0].exported, summary.sinks[0].undelivered),
        (End::Shutdown, 20, 0)
    );
    let (changes, next) = asked.await.unwrap().unwrap();
    assert_eq!(changes.unwrap().sinks.changed, ["only".into()]);
    assert_eq!([slow.taken(), next.taken()].concat(), (0..20).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_source_that_cannot_be_opened_at_all_is_tried_until_it_can() {
    let destination = Destination::default();
    let sink = destination.sink("only", EVERY);
    let is_broken = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let plan = || {
        let is_broken = is_broken.clone();
        SourcePlan::opening("watch", move |context| {
            let is_broken = is_broken.load(Ordering::Relaxed);
            async move {
                match is_broken {
                    true => Err(BuildError::new("read the kubeconfig", "it is gone")),
                    false => counting().open(context).await,
                }
            }
        })
    };
    let (pipeline, stop) = pipeline(setup(vec![plan()], vec![sink.clone()]));
    let (control, status) = (pipeline.control(), pipeline.status());
    let running = tokio::spawn(pipeline.run());
    sleep(Duration::from_millis(30)).await;
    is_broken.store(true, Ordering::Relaxed);
    let changes = control.apply(setup(vec![plan()], vec![sink])).await.unwrap().unwrap();
    assert_eq!((changes.sources.failed.len(), changes.sources.changed.len()), (1, 0));
    sleep(Duration::from_secs(60)).await;
    assert_eq!(status.sources().len(), 1, "it is still told of");
    let before = destination.taken().len();
    is_broken.store(false, Ordering::Relaxed);
    sleep(Duration::from_secs(60)).await;
    drop(stop);
    running.await.unwrap().unwrap();
    let taken = destination.taken();
    assert!(
        taken.len() > before + 100 && taken.iter().copied().eq(0..taken.len()),
        "{before} {}",
        taken.len()
    );
}

#[tokio::test(start_paused = true)]
async fn a_rate_holds_over_an_exchange() {
    let sink = ScriptedSink::default();
    let plan = || {
        let rate = crate::uri::OptionValue::parse_option("2/m").ok();
        let mut policy = Policy { rate, ..Policy::default() };
        policy.batch.events = NonZeroUsize::MIN;
        SinkPlan::ready("chat", Arc::new(sink.clone()), policy)
    };
    let source = SourcePlan::ready(FakeSource::lasting("watch", [batch(0..100)]));
    let (pipeline, _stop) = pipeline(setup(vec![source.clone()], vec![plan()]));
    let control = pipeline.control();
    let running = tokio::spawn(pipeline.run());
    sink.wait_for(2).await;
    for _ in 0..5 {
        control.apply(setup(vec![source.clone()], vec![plan()])).await.unwrap().unwrap();
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(sink.delivered().len(), 2);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(sink.delivered().len(), 4);
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn a_source_that_cannot_be_opened_leaves_the_one_that_was_there() {
    let destination = Destination::default();
    let sink = destination.sink("only", EVERY);
    let (pipeline, stop) = pipeline(setup(vec![counting()], vec![sink.clone()]));
    let control = pipeline.control();
    let running = tokio::spawn(pipeline.run());
    sleep(Duration::from_millis(30)).await;
    let broken =
        SourcePlan::opening("watch", |_| async { Err(BuildError::new("read the kubeconfig", "it is gone")) });
    let changes = control.apply(setup(vec![broken], vec![sink])).await.unwrap().unwrap();
    assert_eq!(changes.sources.failed.len(), 1);
    assert!(changes.sources.failed[0].1.contains("it is gone"));
    sleep(Duration::from_millis(100)).await;
    drop(stop);
    running.await.unwrap().unwrap();
    let taken = destination.taken();
    assert!(taken.len() > 120 && taken.iter().copied().eq(0..taken.len()), "{taken:?}");
}

#[tokio::test(start_paused = true)]
async fn rules_hold_from_the_next_batch_on() {
    let sink = ScriptedSink::default();
    let plan = SinkPlan::ready("only", Arc::new(sink.clone()), Policy::default());
    let (source, first) = (counting(), Setup::default());
    let (pipeline, stop) =
        pipeline(Setup { sources: vec![source.clone()], sinks: vec![plan.clone()], ..first });
    let control = pipeline.control();
    let running = tokio::spawn(pipeline.run());
    sink.wait_for(20).await;
    let rule = EventFilter { kinds: vec![event(0).involved_object.kind], ..EventFilter::default() };
    let static_labels = Labels::from([("team".to_owned(), "platform".to_owned())]);
    let labelled = Setup { static_labels, ..setup(vec![source.clone()], vec![plan.clone()]) };
    let changes = control.apply(labelled.clone()).await.unwrap().unwrap();
    assert_eq!((changes.sinks.kept.len(), changes.sources.kept.len()), (1, 1));
    sink.wait_for(sink.delivered().len() + 50).await;
    let last = sink.exports().last().unwrap().batch.events().last().unwrap().clone();
    assert_eq!(last.static_labels.as_deref().unwrap()["team"], "platform");
    control.apply(Setup { drop: vec![rule], ..labelled }).await.unwrap();
    sleep(Duration::from_secs(2)).await;
    let before = sink.delivered().len();
    sleep(Duration::from_secs(2)).await;
    assert_eq!(sink.delivered().len(), before);
    drop(stop);
    running.await.unwrap().unwrap();
}
