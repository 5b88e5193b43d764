//! What happens, and when, as the seed says.

use std::path::{Path, PathBuf};
use std::time::Duration;

use eventer_core::store::{DeadLetters, StateView};
use eventer_testkit::Answer;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::account::Evidence;
use crate::destinations::{Folder, Mode, Webhook};
use crate::program::{End, Program};
use crate::world::{World, number_in};

/// How long it may take until all is delivered, once everything is well. Far more than it takes.
const DRAINED_WITHIN: Duration = Duration::from_secs(60);

/// How often it is looked whether all is delivered.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The run.
pub(crate) struct Driver {
    random: fastrand::Rng,
    began: Instant,
    directory: Option<TempDir>,
    path: PathBuf,
    world: World,
    webhooks: [Webhook; 2],
    folder: Folder,
    program: Program,
    /// How each process ended, by its number.
    ends: Vec<End>,
    /// And when it was gone.
    gone_at: Vec<Instant>,
    started: usize,
    story: Vec<String>,
    wrong: Vec<String>,
}

impl Driver {
    pub(crate) async fn start(seed: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_owned();
        let world = World::start().await;
        let webhooks = [Webhook::one_by_one(seed).await, Webhook::many_at_once(seed).await];
        let folder = Folder::new(&path);
        let program = start(&path, 0, &world, &webhooks, &folder);
        Self {
            random: fastrand::Rng::with_seed(seed),
            began: Instant::now(),
            directory: Some(directory),
            path,
            world,
            webhooks,
            folder,
            program,
            ends: Vec::new(),
            gone_at: Vec::new(),
            started: 1,
            story: Vec::new(),
            wrong: Vec::new(),
        }
    }

    /// Lets things happen and go wrong for so long.
    pub(crate) async fn make_trouble(&mut self, time: Duration) {
        while self.began.elapsed() < time && self.wrong.is_empty() {
            self.events_happen();
            self.pass(120).await;
            if let Some(status) = self.program.has_ended() {
                let words = self.program.last_words();
                self.wrong.push(format!("process {} ended by itself: {status}\n{words}", self.program.epoch));
                return;
            }
            self.something_goes_wrong().await;
        }
    }

    /// Makes everything well, and waits until all is delivered; then stops the program.
    pub(crate) async fn heal_and_drain(&mut self) -> Result<(), String> {
        self.tell("all is well");
        self.world.heal();
        self.folder.come_back();
        self.webhooks.iter().for_each(|webhook| webhook.behave(Mode::Well));
        let refuses = self.webhooks.each_ref().map(|webhook| webhook.taken().refuses);
        let last = loop {
            let last = self.world.finish();
            if !refuses.iter().any(|refuses| refuses(last)) {
                break last;
            }
        };
        let begin = Instant::now();
        while !self.is_drained(last) {
            if let Some(status) = self.program.has_ended() {
                return Err(format!(
                    "the last process ended by itself: {status}\n{}",
                    self.program.last_words()
                ));
            }
            if begin.elapsed() > DRAINED_WITHIN {
                let summary = StateView::open(&self.path.join("state")).and_then(|view| view.summary());
                let words = self.program.last_words();
                return Err(format!("not all is delivered in time: {summary:#?}\n{words}"));
            }
            sleep(LOOK_EVERY).await;
        }
        let asked_at = self.program.ask_to_stop().await;
        self.ended(asked_at).await;
        match self.ends.last() {
            Some(End::Stopped(_)) => Ok(()),
            end => Err(format!("the last process did not stop in order: {end:?}")),
        }
    }

    /// What is known in the end.
    pub(crate) async fn end(&mut self) -> Evidence {
        let view = StateView::open(&self.path.join("state"));
        let letters = view.and_then(|view| view.dead_letters(&DeadLetters::default(), usize::MAX));
        self.wrong.extend(letters.as_ref().err().map(ToString::to_string));
        let letters = letters.unwrap_or_default().into_iter().map(|letter| {
            let event: Value = serde_json::from_str(letter.event.get()).unwrap();
            (letter.sink, number_in(event["message"].as_str().unwrap()).unwrap())
        });
        let mut taken: Vec<_> = self.webhooks.iter().map(Webhook::taken).collect();
        taken.push(self.folder.taken(self.started));
        Evidence {
            versions: self.world.versions.clone(),
            history: self.world.history.clone(),
            compactions: self.world.compactions.clone(),
            requests: self.world.server.requests(),
            taken,
            letters: letters.collect(),
            ends: self.ends.clone(),
            gone_at: self.gone_at.clone(),
            wrong: std::mem::take(&mut self.wrong),
        }
    }

    /// Keeps the files for those who want to know why, and says where.
    pub(crate) fn keep(&mut self) -> PathBuf {
        drop(self.directory.take().map(TempDir::keep));
        self.path.clone()
    }

    /// What has happened.
    pub(crate) fn story(&self) -> String {
        self.story.join("\n")
    }

    fn events_happen(&mut self) {
        for _ in 0..self.random.usize(..25) {
            self.world.happen(&mut self.random);
        }
    }

    /// Lets events happen up to the moment in which something else does.
    async fn events_flow(&mut self) {
        for _ in 0..self.random.usize(..10) {
            (0..self.random.usize(1..4)).for_each(|_| self.world.happen(&mut self.random));
            self.pass(2).await;
        }
    }

    async fn something_goes_wrong(&mut self) {
        match self.random.u8(..100) {
            0..3 => self.is_killed(0).await,
            3..15 => self.is_killed_as_it_stores().await,
            15..20 => self.is_killed(400).await,
            20..28 => self.is_stopped(0).await,
            28..32 => self.is_stopped(400).await,
            32..36 => self.is_killed_while_it_stops().await,
            36..40 => self.is_taken_over().await,
            40..46 => {
                self.tell("watches are cut");
                self.world.server.cut_watches_mid_line();
            }
            46..50 => self.compacted(),
            50..58 => {
                self.compacted();
                self.a_list_is_disturbed();
                self.world.server.cut_watches_mid_line();
                self.pass(40).await;
                match self.random.u8(..4) {
                    0 => self.is_killed(0).await,
                    1 => self.is_stopped(0).await,
                    _ => {}
                }
            }
            58..66 => self.api_server_is_away().await,
            66..86 => self.webhook_changes(),
            86..88 => self.letters_are_replayed(),
            88..93 => {
                self.tell("the folder goes away");
                self.folder.go_away();
            }
            _ => {
                self.tell("the folder comes back");
                self.folder.come_back();
            }
        }
    }

    async fn is_killed(&mut self, away: u64) {
        self.tell("SIGKILL");
        self.events_flow().await;
        self.is_gone_by_kill().await;
        self.time_without_program(away).await;
        self.start_next();
    }

    async fn is_killed_as_it_stores(&mut self) {
        self.tell("SIGKILL as it stores something");
        self.events_happen();
        let end = self.program.kill_at_a_commit(self.random.usize(1..5)).await;
        self.is_gone(end);
        self.start_next();
    }

    async fn is_stopped(&mut self, away: u64) {
        self.tell("SIGTERM");
        let asked_at = self.program.ask_to_stop().await;
        self.ended(asked_at).await;
        self.time_without_program(away).await;
        self.start_next();
    }

    async fn is_killed_while_it_stops(&mut self) {
        self.tell("SIGTERM, and then SIGKILL");
        let asked_at = self.program.ask_to_stop().await;
        self.pass(60).await;
        match self.program.has_ended() {
            Some(_) => self.ended(asked_at).await,
            None => {
                self.is_gone_by_kill().await;
            }
        }
        self.start_next();
    }

    async fn is_taken_over(&mut self) {
        self.tell("another process waits for its turn");
        let mut next = start(&self.path, self.started, &self.world, &self.webhooks, &self.folder);
        self.started += 1;
        self.pass(300).await;
        self.events_happen();
        if self.random.bool() {
            self.is_gone_by_kill().await;
        } else {
            let asked_at = self.program.ask_to_stop().await;
            self.ended(asked_at).await;
        }
        std::mem::swap(&mut self.program, &mut next);
    }

    async fn time_without_program(&mut self, away: u64) {
        if away > 0 {
            self.events_happen();
            self.pass(away).await;
            if self.random.bool() {
                self.compacted();
                self.events_happen();
            }
        }
    }

    fn start_next(&mut self) {
        self.tell("a process starts");
        self.program = start(&self.path, self.started, &self.world, &self.webhooks, &self.folder);
        self.started += 1;
    }

    async fn ended(&mut self, asked_at: Instant) {
        match self.program.stopped(asked_at).await {
            Ok(end) => self.is_gone(end),
            Err(wrong) => {
                self.wrong.push(wrong);
                self.is_gone_by_kill().await;
            }
        }
    }

    async fn is_gone_by_kill(&mut self) {
        let end = self.program.kill().await;
        self.is_gone(end);
    }

    fn is_gone(&mut self, end: End) {
        self.ends.push(end);
        self.gone_at.push(Instant::now());
    }

    fn compacted(&mut self) {
        self.tell("history is compacted");
        self.world.compact();
        self.events_happen();
    }

    fn a_list_is_disturbed(&mut self) {
        let faults = [
            Answer::ContinueExpired,
            Answer::Drop,
            Answer::BreakBody,
            Answer::InternalError,
            Answer::Hang,
            Answer::Gone,
        ];
        let server = &self.world.server;
        (0..self.random.usize(..3)).for_each(|_| server.next_page(Answer::AsUsual));
        for _ in 0..self.random.usize(..3) {
            server.next_page(self.random.choice(&faults).unwrap().clone());
        }
    }

    async fn api_server_is_away(&mut self) {
        let ways = [
            Answer::Drop,
            Answer::InternalErrorWithoutJson,
            Answer::TooManyRequests { retry_after: 0 },
            Answer::Unauthorized,
            Answer::Hang,
        ];
        let answer = self.random.choice(&ways).unwrap().clone();
        self.tell(&format!("the API server is away: {answer:?}"));
        self.world.go_away(answer);
        self.events_happen();
        self.pass(500).await;
        if self.random.u8(..3) == 0 {
            self.compacted();
        }
        self.world.heal();
    }

    /// What was refused will be refused again.
    fn letters_are_replayed(&mut self) {
        let view = StateView::open(&self.path.join("state"));
        let replayed = view.and_then(|view| view.replay(&DeadLetters::default()));
        self.tell(&format!("dead letters are replayed: {replayed:?}"));
    }

    fn webhook_changes(&mut self) {
        const MODES: [Mode; 13] = [
            Mode::Well,
            Mode::Well,
            Mode::Well,
            Mode::Moody,
            Mode::Moody,
            Mode::Status(500),
            Mode::Status(503),
            Mode::Status(429),
            Mode::Status(401),
            Mode::Hang,
            Mode::Nonsense,
            Mode::TakesInSilence,
            Mode::BreaksAnswer,
        ];
        let mode = *self.random.choice(&MODES).unwrap();
        let webhook = self.random.usize(..self.webhooks.len());
        self.tell(&format!("{}: {mode:?}", self.webhooks[webhook].sink));
        self.webhooks[webhook].behave(mode);
    }

    /// Lets a moment pass, at most so many milliseconds.
    async fn pass(&mut self, most: u64) {
        sleep(Duration::from_millis(self.random.u64(..=most))).await;
    }

    fn tell(&mut self, what: &str) {
        self.story.push(format!(
            "{:>9.3}s  process {}  {what}",
            self.began.elapsed().as_secs_f64(),
            self.program.epoch
        ));
    }

    /// Everything up to the last event has been read, and every sink has a verdict on it.
    fn is_drained(&self, last: usize) -> bool {
        let has_last =
            self.webhooks.iter().all(|webhook| webhook.has(last)) && self.folder.has(last, self.started);
        let state = StateView::open(&self.path.join("state")).and_then(|view| view.summary());
        let version = self.world.versions[last].version;
        has_last
            && state.is_ok_and(|state| {
                let mut positions = state.sources.values().flat_map(|source| source.0.values());
                // While a list is read, it is no number.
                positions.any(|at| at.version.parse().is_ok_and(|at: u64| at >= version))
                    && state.sinks.len() == 3
                    && state.sinks.values().all(|sink| sink.waiting == 0)
            })
    }
}

fn start(directory: &Path, epoch: usize, world: &World, webhooks: &[Webhook], folder: &Folder) -> Program {
    let sinks = webhooks.iter().map(|webhook| webhook.uri(epoch)).chain([folder.uri(epoch)]);
    Program::start(directory, epoch, &world.source(), sinks)
}
