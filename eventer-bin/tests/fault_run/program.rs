//! The program: one process after the other in the same state directory.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout};

/// How long a process may take to stop by itself.
pub(crate) const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// When a process that was told to stop is given up. Far more than it takes.
const GIVE_UP: Duration = Duration::from_secs(30);

/// How long a moment is waited for in which something is stored.
const SOON: Duration = Duration::from_millis(50);

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// By SIGKILL, or before it could catch a signal.
    Killed,
    /// By itself, asked at this moment.
    Stopped(Instant),
}

/// A process that runs.
pub(crate) struct Program {
    child: Child,
    /// Its number.
    pub(crate) epoch: usize,
    log: PathBuf,
    /// SQLite's index of its write-ahead log.
    index: PathBuf,
}

impl Program {
    /// Starts the process number `epoch` with its log in `directory`.
    pub(crate) fn start(
        directory: &Path,
        epoch: usize,
        source: &str,
        sinks: impl Iterator<Item = String>,
    ) -> Self {
        let log = directory.join(format!("log-{epoch}.txt"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_eventer"));
        command
            .env_clear()
            .args(["--healthz-ip=127.0.0.1", "--healthz-port=0", "--frequency=10ms", "--batch-events=4"])
            .arg(format!("--state-dir={}", directory.join("state").display()))
            .arg(format!("--stop-timeout={}s", STOP_TIMEOUT.as_secs()))
            .arg(format!("--source={source}"))
            .args(sinks.map(|sink| format!("--sink={sink}")));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log).unwrap());
        let child = command.kill_on_drop(true).spawn().unwrap();
        let index = directory.join("state").join("journal.db-shm");
        Self { child, epoch, log, index }
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Kills it, and waits until it is gone.
    pub(crate) async fn kill(&mut self) -> End {
        self.child.kill().await.unwrap();
        End::Killed
    }

    /// Kills it just after it has stored something, or soon. What belongs together must have been stored together.
    pub(crate) async fn kill_at_a_commit(&mut self, commits: usize) -> End {
        if let Ok(index) = File::open(&self.index) {
            let until = Instant::now() + SOON;
            let mut last = changes(&index);
            let mut left = commits;
            // Any wait would be longer than the moment that is to be hit.
            tokio::task::block_in_place(|| {
                while left > 0 && Instant::now() < until {
                    let now = changes(&index);
                    left -= usize::from(now != last);
                    last = now;
                }
                self.child.start_kill()
            })
            .unwrap();
        }
        self.kill().await
    }

    /// Asks it to stop.
    pub(crate) async fn ask_to_stop(&self) -> Instant {
        let pid = self.child.id().expect("it was not waited for").to_string();
        let asked_at = Instant::now();
        assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().await.unwrap().success());
        asked_at
    }

    /// Waits for its end.
    pub(crate) async fn stopped(&mut self, asked_at: Instant) -> Result<End, String> {
        let Ok(status) = timeout(GIVE_UP, self.child.wait()).await else {
            return Err(format!("process {} does not stop\n{}", self.epoch, self.last_words()));
        };
        let status = status.unwrap();
        match (status.code(), status.signal()) {
            (Some(0), _) => Ok(End::Stopped(asked_at)),
            // It did not catch signals yet.
            (_, Some(15)) => Ok(End::Killed),
            _ => Err(format!("process {} ended with {status}\n{}", self.epoch, self.last_words())),
        }
    }

    /// The end of its log.
    pub(crate) fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// SQLite counts the transactions that it committed in the index of its write-ahead log (`iChange` in its header).
fn changes(index: &File) -> u32 {
    let mut counter = [0; 4];
    // At first it is empty.
    drop(index.read_exact_at(&mut counter, 8));
    u32::from_ne_bytes(counter)
}
