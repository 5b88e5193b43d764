//! What a client sees of the admin server, over a real connection in virtual time.

use std::time::Duration;

use eventer_core::testing::{Answer, FakeSource, ScriptedSink, VirtualClock, batch};
use eventer_core::uri::ByteSize;
use eventer_core::{
    EventBatch, EventSource, ExportError, Intake, Metrics, Pipeline, PipelineBuilder, Policy, SourceError,
    SourceStatus, async_trait,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, sleep};

use super::connection::Connections;
use super::*;

/// A pipeline that runs, and its admin server.
struct Subject {
    router: Router,
    _pipeline: tokio::task::JoinSet<()>,
}

/// What was answered.
struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Subject {
    fn start(requires_sinks: bool, build: impl FnOnce(PipelineBuilder) -> PipelineBuilder) -> Self {
        let clock = Arc::new(VirtualClock::starting_at("2026-05-06T07:00:00Z".parse().unwrap()));
        let registry = prometheus::Registry::new();
        let metrics = Metrics::new(&registry, clock.clone()).unwrap();
        let pipeline = build(Pipeline::builder().clock(clock.clone()).metrics(metrics)).build().unwrap();
        let admin = Admin::new(pipeline.status(), registry, clock, Duration::from_secs(1), requires_sinks);
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(async move {
            pipeline.run().await.unwrap();
        });
        Self { router: router(admin), _pipeline: tasks }
    }

    async fn get(&self, path: &str) -> Reply {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await
    }

    async fn send(&self, request: &str) -> Reply {
        self.send_among(&mut Connections::new(self.router.clone()), request).await
    }

    async fn send_among(&self, connections: &mut Connections, request: &str) -> Reply {
        let (mut client, server) = duplex(1 << 20);
        connections.add(server);
        client.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        client.read_to_string(&mut text).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Reply { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }
}

/// A request whose answer is longer than what [`open`] takes unread.
const METRICS: &str = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

/// Opens a connection and lets the server read what is sent.
async fn open(connections: &mut Connections, begin: &str) -> DuplexStream {
    let (mut client, server) = duplex(64);
    connections.add(server);
    client.write_all(begin.as_bytes()).await.unwrap();
    // The server has read it as soon as nothing is left to do but wait.
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
    client
}

async fn is_closed(client: &mut DuplexStream) -> bool {
    client.read(&mut [0]).await.unwrap() == 0
}

/// A source that has lost its cluster.
struct Blind;

#[async_trait]
impl EventSource for Blind {
    fn name(&self) -> &str {
        "blind"
    }

    async fn ready(&mut self) {
        std::future::pending().await
    }

    async fn get_new_events(&mut self) -> Result<Option<EventBatch>, SourceError> {
        std::future::pending().await
    }

    fn status(&self) -> SourceStatus {
        SourceStatus { detail: "connecting again".to_owned(), ..SourceStatus::default() }
    }
}

fn healthy(builder: PipelineBuilder) -> PipelineBuilder {
    builder.source(FakeSource::lasting("cluster", [batch(0..3)])).sink(
        "audit",
        ScriptedSink::default(),
        Policy::default(),
    )
}

fn failing_sink() -> ScriptedSink {
    ScriptedSink::always(|| Answer::Err(ExportError::unavailable("connection refused")))
}

#[tokio::test(start_paused = true)]
async fn a_healthy_pipeline_is_healthy_live_and_ready() {
    let subject = Subject::start(true, healthy);
    sleep(Duration::from_secs(2)).await;
    for path in ["/healthz", "/healtz", "/livez", "/readyz", "/readyz?quiet"] {
        let reply = subject.get(path).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, "ok"), "{path}");
    }
    let verbose = subject.get("/readyz?verbose").await.body;
    assert!(verbose.contains("[+] source cluster") && verbose.contains("[+] sink audit"), "{verbose}");
    assert!(verbose.ends_with("\nready\n"), "{verbose}");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_not_fresh_is_not_ready_and_says_why() {
    let subject = Subject::start(false, |builder| builder.source(Blind));
    sleep(Duration::from_secs(2)).await;
    let reply = subject.get("/readyz").await;
    assert_eq!(reply.status, 503);
    assert_eq!(reply.body, "source blind: it would not see an event that happens now; connecting again\n");
    let verbose = subject.get("/readyz?verbose").await.body;
    assert!(verbose.contains("[-] source blind") && verbose.contains("connecting again"), "{verbose}");
}

#[tokio::test(start_paused = true)]
async fn a_sinks_trouble_counts_only_if_it_was_asked_for() {
    for (requires_sinks, status, mark) in [(false, 200, "[!] sink audit"), (true, 503, "[-] sink audit")] {
        let subject = Subject::start(requires_sinks, |builder| {
            builder.source(FakeSource::lasting("cluster", [batch(0..3)])).sink(
                "audit",
                failing_sink(),
                Policy::default(),
            )
        });
        sleep(Duration::from_secs(5)).await;
        assert_eq!(subject.get("/readyz").await.status, status);
        let verbose = subject.get("/readyz?verbose").await;
        assert_eq!(verbose.status, status);
        for part in [mark, "failing since 2026-05-06T07:00:00Z", "3 events wait", "connection refused"] {
            assert!(verbose.body.contains(part), "{part}: {}", verbose.body);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_stays_full_is_not_ready_but_no_reason_to_restart() {
    let subject = Subject::start(false, |builder| {
        let batches = (0..10).map(|n| batch(n..n + 1).with_intake(Intake::Rereadable));
        builder.journal_size(ByteSize(1)).source(FakeSource::lasting("cluster", batches)).sink(
            "audit",
            ScriptedSink::always(|| Answer::Hang),
            Policy::default(),
        )
    });
    sleep(Duration::from_secs(4)).await;
    assert_eq!(subject.get("/readyz").await.status, 200);
    sleep(Duration::from_secs(300)).await;
    let reply = subject.get("/readyz").await;
    assert_eq!(reply.status, 503);
    assert!(
        reply.body.starts_with("source cluster: the journal is full, and has been for 5m"),
        "{}",
        reply.body
    );
    for path in ["/healtz", "/livez", "/healthz"] {
        assert_eq!(subject.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn healtz_complains_when_no_events_were_taken_for_three_minutes() {
    let subject = Subject::start(false, |builder| builder.source(Blind));
    sleep(Duration::from_secs(179)).await;
    assert_eq!(subject.get("/healtz").await.status, 200);
    sleep(Duration::from_secs(2)).await;
    let reply = subject.get("/healtz").await;
    assert_eq!(reply.status, 500);
    assert_eq!(reply.body, "error: no event batch within 3m (latest: 2026-05-06T07:00:00Z)\n");
    assert_eq!(subject.get("/livez").await.status, 503);
    assert_eq!(subject.get("/healthz").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn metrics_are_in_the_text_format() {
    let subject = Subject::start(false, healthy);
    sleep(Duration::from_secs(2)).await;
    let reply = subject.get("/metrics").await;
    assert_eq!(reply.status, 200);
    assert!(reply.head.contains("content-type: text/plain; version=0.0.4"), "{}", reply.head);
    assert!(reply.body.contains("eventer_events_received_total{source=\"cluster\"} 3\n"), "{}", reply.body);
    assert!(reply.body.contains("eventer_events_exported_total{sink=\"audit\"} 3\n"), "{}", reply.body);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_404_and_what_would_write_is_405() {
    let subject = Subject::start(false, healthy);
    for path in ["/", "/metrics/", "/debug/pprof", "/healthz/x"] {
        assert_eq!(subject.get(path).await.status, 404, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let reply = subject.send(&format!("{method} /readyz HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        assert_eq!(reply.status, 405, "{method}");
        assert!(reply.head.contains("allow: get,head"), "{}", reply.head);
    }
    let head = subject.send("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_dawdles_is_cut_off() {
    let subject = Subject::start(false, healthy);
    let mut connections = Connections::new(subject.router.clone());
    for begin in ["", "GET /healthz HTTP/1.1\r\nX-Slow: "] {
        let mut client = open(&mut connections, begin).await;
        let begun = Instant::now();
        assert!(is_closed(&mut client).await);
        assert_eq!(begun.elapsed(), connection::HEAD_TIME_LIMIT, "{begin:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_cut_off() {
    let subject = Subject::start(false, healthy);
    let mut connections = Connections::new(subject.router.clone());
    let client = open(&mut connections, METRICS).await;
    sleep(connection::TIME_LIMIT - Duration::from_millis(1)).await;
    assert_eq!(connections.len(), 1);
    sleep(Duration::from_millis(2)).await;
    assert_eq!(connections.len(), 0);
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn a_probe_does_not_wait_for_those_who_say_nothing() {
    let subject = Subject::start(false, healthy);
    let mut connections = Connections::new(subject.router.clone());
    let mut reading = open(&mut connections, METRICS).await;
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(open(&mut connections, "").await);
    }
    let begun = Instant::now();
    for _ in 0..3 {
        let reply = subject.send_among(&mut connections, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert_eq!(reply.status, 200);
    }
    assert!(is_closed(&mut silent[0]).await);
    // Its answer was under way all the time.
    let mut text = String::new();
    reading.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_probe_does_not_wait_for_those_who_do_not_read() {
    let subject = Subject::start(false, healthy);
    let mut connections = Connections::new(subject.router.clone());
    let mut deaf = Vec::new();
    for _ in 0..connection::CONNECTIONS {
        deaf.push(open(&mut connections, METRICS).await);
    }
    let begun = Instant::now();
    let reply = subject.send_among(&mut connections, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!((reply.status, begun.elapsed()), (200, Duration::ZERO));
    assert_eq!(connections.len(), connection::CONNECTIONS - 1, "the oldest one gave way");
}

#[tokio::test(start_paused = true)]
async fn a_head_that_never_ends_is_refused() {
    let subject = Subject::start(false, healthy);
    let request = format!("GET /healthz HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(64 << 10));
    assert_eq!(subject.send(&request).await.status, 431);
}
