//! The destinations: webhooks that take, refuse, hang and talk nonsense as they are told, and a file whose folder goes
//! away. What they took is written down.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use eventer_testkit::{FakeDestination, Reply, Request, Response};
use serde_json::Value;
use tokio::time::Instant;

use crate::world::number_in;

/// Time limit of an attempt.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(2);

/// The name of the sink that writes a file.
const FILE: &str = "file";

/// Most events of a lease of the file's sink.
const FILE_LEASE: usize = 50;

/// An event that came to a destination.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    /// The event's number.
    pub(crate) number: usize,
    /// Which process sent it.
    pub(crate) epoch: usize,
    /// When it came; what a file holds does not say.
    pub(crate) at: Option<Instant>,
    /// The answer said so, and was sent whole. Otherwise the sender cannot know that it was taken.
    pub(crate) is_acknowledged: bool,
}

/// What became of what came to a sink's destination.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) sink: &'static str,
    /// Most events of one lease.
    pub(crate) lease: usize,
    /// In the order in which they came.
    pub(crate) deliveries: Vec<Delivery>,
    /// Whether the destination refuses the event of this number, always.
    pub(crate) refuses: fn(usize) -> bool,
    /// What cannot be read, by process.
    pub(crate) broken: Vec<(usize, String)>,
}

/// How a webhook behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It takes what it does not refuse.
    Well,
    /// It answers this and takes nothing.
    Status(u16),
    /// It never answers, and takes nothing.
    Hang,
    /// It answers something that is no HTTP.
    Nonsense,
    /// It takes everything, and closes the connection without an answer.
    TakesInSilence,
    /// It takes everything, and breaks off in the middle of its answer.
    BreaksAnswer,
    /// All of this by turns.
    Moody,
}

/// A webhook.
pub(crate) struct Webhook {
    pub(crate) sink: &'static str,
    options: &'static str,
    lease: usize,
    server: FakeDestination,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    mode: Mode,
    refuses: fn(usize) -> bool,
    random: fastrand::Rng,
    deliveries: Vec<Delivery>,
}

impl Webhook {
    /// Takes an event a request, one after the other.
    pub(crate) async fn one_by_one(seed: u64) -> Self {
        let options = "batch_events=20";
        Self::start("one-by-one", options, 20, |number| number % 61 == 7, seed).await
    }

    /// Takes several events a request, several requests at a time.
    pub(crate) async fn many_at_once(seed: u64) -> Self {
        let options = "batch=ndjson&batch_events=30&concurrency=3";
        Self::start("many-at-once", options, 30, |number| number % 97 == 11, seed).await
    }

    async fn start(
        sink: &'static str,
        options: &'static str,
        lease: usize,
        refuses: fn(usize) -> bool,
        seed: u64,
    ) -> Self {
        let server = FakeDestination::start().await;
        server.set_recording(false);
        let random = fastrand::Rng::with_seed(seed);
        let inner = Inner { mode: Mode::Well, refuses, random, deliveries: Vec::new() };
        let inner = Arc::new(Mutex::new(inner));
        server.respond_with({
            let inner = inner.clone();
            move |request| inner.lock().unwrap().reply(request)
        });
        Self { sink, options, lease, server, inner }
    }

    /// The sink that sends to it, for a process with this number.
    pub(crate) fn uri(&self, epoch: usize) -> String {
        format!(
            "webhook:{}/hook?method=POST&level=Normal&sink_name={}&header=x-epoch={epoch}&timeout={}s\
             &min_backoff=5ms&max_backoff=100ms&{}",
            self.server.url(),
            self.sink,
            TIMEOUT.as_secs(),
            self.options
        )
    }

    pub(crate) fn behave(&self, mode: Mode) {
        self.inner.lock().unwrap().mode = mode;
    }

    pub(crate) fn taken(&self) -> Taken {
        let inner = self.inner.lock().unwrap();
        let (deliveries, refuses) = (inner.deliveries.clone(), inner.refuses);
        Taken { sink: self.sink, lease: self.lease, deliveries, refuses, broken: Vec::new() }
    }

    pub(crate) fn has(&self, number: usize) -> bool {
        self.inner.lock().unwrap().deliveries.iter().rev().any(|delivery| delivery.number == number)
    }
}

impl Inner {
    fn reply(&mut self, request: &Request) -> Reply {
        const MOODS: [Mode; 9] = [
            Mode::Well,
            Mode::Well,
            Mode::Well,
            Mode::Status(500),
            Mode::Status(429),
            Mode::Status(404),
            Mode::Nonsense,
            Mode::TakesInSilence,
            Mode::BreaksAnswer,
        ];
        let numbers: Vec<usize> = numbers(&request.text());
        let mode = match self.mode {
            Mode::Moody => *self.random.choice(&MOODS).unwrap(),
            mode => mode,
        };
        let is_refused = numbers.iter().any(|number| (self.refuses)(*number));
        let takes = matches!(mode, Mode::Well | Mode::TakesInSilence | Mode::BreaksAnswer);
        if takes && is_refused {
            return Reply::status(*self.random.choice(&[400, 413, 422]).unwrap());
        }
        if takes {
            let epoch = request.header("x-epoch").unwrap().parse().unwrap();
            let (at, is_acknowledged) = (Some(request.at), mode == Mode::Well);
            let deliveries =
                numbers.into_iter().map(|number| Delivery { number, epoch, at, is_acknowledged });
            self.deliveries.extend(deliveries);
        }
        match mode {
            Mode::Well | Mode::Moody => Reply::ok(),
            // Without a time to wait for, or all would wait for seconds.
            Mode::Status(status) => Reply::status(status),
            Mode::Hang => Reply::Hang,
            Mode::Nonsense => Reply::nonsense(),
            Mode::TakesInSilence => Reply::CloseAfterBody,
            Mode::BreaksAnswer => Reply::BreakBody(Response::new(200).with_body("it is taken")),
        }
    }
}

/// The numbers of the events in a body, in order.
fn numbers(body: &str) -> Vec<usize> {
    let bodies = serde_json::Deserializer::from_str(body).into_iter::<Value>();
    bodies.map(|body| number_in(body.unwrap()["EventMessage"].as_str().unwrap()).unwrap()).collect()
}

/// A folder with a file for each process.
pub(crate) struct Folder {
    path: PathBuf,
    away: PathBuf,
}

impl Folder {
    pub(crate) fn new(parent: &Path) -> Self {
        let path = parent.join("out");
        std::fs::create_dir(&path).unwrap();
        Self { path, away: parent.join("out-is-away") }
    }

    /// The sink that writes to it, for a process with this number.
    pub(crate) fn uri(&self, epoch: usize) -> String {
        format!(
            "file:{}?sink_name={FILE}&batch_events={FILE_LEASE}&min_backoff=5ms&max_backoff=100ms",
            file(&self.path, epoch).display()
        )
    }

    pub(crate) fn go_away(&self) {
        if self.path.exists() {
            std::fs::rename(&self.path, &self.away).unwrap();
        }
    }

    pub(crate) fn come_back(&self) {
        if self.away.exists() {
            std::fs::rename(&self.away, &self.path).unwrap();
        }
    }

    pub(crate) fn taken(&self, epochs: usize) -> Taken {
        let mut taken = Taken {
            sink: FILE,
            lease: FILE_LEASE,
            deliveries: Vec::new(),
            refuses: |_| false,
            broken: Vec::new(),
        };
        for epoch in 0..epochs {
            let Ok(text) = std::fs::read_to_string(file(&self.path, epoch)) else { continue };
            for line in text.split_inclusive('\n') {
                let event = serde_json::from_str::<Value>(line).ok().filter(|_| line.ends_with('\n'));
                let number = event.and_then(|event| number_in(event["message"].as_str()?));
                match number {
                    Some(number) => {
                        taken.deliveries.push(Delivery { number, epoch, at: None, is_acknowledged: true })
                    }
                    None => taken.broken.push((epoch, line.to_owned())),
                }
            }
        }
        taken
    }

    pub(crate) fn has(&self, number: usize, epochs: usize) -> bool {
        self.taken(epochs).deliveries.iter().any(|delivery| delivery.number == number)
    }
}

fn file(folder: &Path, epoch: usize) -> PathBuf {
    folder.join(format!("events-{epoch}.jsonl"))
}
