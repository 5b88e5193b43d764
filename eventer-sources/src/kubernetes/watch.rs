//! Reads an open watch to its end, and finds out whether a silence is one.

use std::future::pending;
use std::time::Duration;

use bytes::Bytes;
use eventer_core::report;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http_body_util::BodyExt as _;
use kube::client::Body;
use tokio::time::{Instant, sleep_until};

use super::api::Resource;
use super::buffer::Reached;
use super::decode::{Decoder, WatchLine, version_of};
use super::failure::Failure;
use super::lines::{Line, Lines};
use super::scope::Scope;

/// A longer line is skipped. An Event has at most 1.5 MiB, as etcd takes no more.
const MAX_LINE: usize = 4 * 1024 * 1024;
/// A watch that the server has not ended so long after `timeoutSeconds` is dead.
const OVERDUE: Duration = Duration::from_secs(30);
/// After trouble, a silent watch is soon asked whether it works again.
const EARLY_PROBE: Duration = Duration::from_secs(5);
/// The longest silence before a watch is opened anew, after several that were silent to their ends.
const MAX_IDLE: Duration = Duration::from_secs(3600);

/// How a watch ended.
#[derive(Debug)]
pub(super) enum Ending {
    /// The server ended it, as it does at `timeoutSeconds`.
    Closed,
    /// The connection broke.
    Broken(Failure),
    /// The position is too old.
    Expired,
    /// The server ended it with another error.
    Refused(Failure),
    /// It was silent while the server went on, or does not answer.
    Silent,
    /// The server did not end it in time.
    Overdue,
    /// The server went back to this version.
    Restored(u64),
}

/// A watch that has ended.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) ending: Ending,
    /// Lines that told something: neither errors nor garbage.
    pub(super) lines: u64,
    pub(super) lasted: Duration,
    /// The buffer was full at some time.
    pub(super) was_held_back: bool,
}

impl Ending {
    /// The reason as a label of metrics.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Broken(_) => "broken",
            Self::Expired => "expired",
            Self::Refused(_) => "refused",
            Self::Silent | Self::Overdue => "silent",
            Self::Restored(_) => "restored",
        }
    }
}

/// What comes next from an open watch.
enum Happening {
    Chunk(Bytes),
    End(Ending),
    Silence,
    Probed(Result<u64, Failure>),
}

/// What is known of an open watch.
struct Reading {
    decoder: Decoder,
    lines: u64,
    was_held_back: bool,
    silent_since: Instant,
    next_probe: Instant,
}

impl Scope {
    /// Reads a watch that the server ends after `limit`.
    pub(super) async fn read(&mut self, mut body: Body, limit: Duration) -> Watched {
        let opened = Instant::now();
        let options = self.setting.options.clone();
        let first_probe = if self.trouble.is_some() {
            options.probe_interval.min(EARLY_PROBE)
        } else {
            options.probe_interval
        };
        let mut reading = Reading {
            decoder: Decoder::default(),
            lines: 0,
            was_held_back: false,
            silent_since: opened,
            next_probe: opened + first_probe,
        };
        let mut splitter = Lines::new(MAX_LINE);
        let mut probe: Option<BoxFuture<'static, Result<u64, Failure>>> = None;
        let ending = loop {
            let is_probing = probe.is_some();
            let probed = async {
                match &mut probe {
                    Some(probe) => probe.await,
                    None => pending().await,
                }
            };
            let happening = tokio::select! {
                biased;
                frame = body.frame() => match frame {
                    Some(Ok(frame)) => Happening::Chunk(frame.into_data().unwrap_or_default()),
                    Some(Err(error)) => {
                        Happening::End(Ending::Broken(Failure::unreachable("read the watch of events", &error)))
                    }
                    None => Happening::End(Ending::Closed),
                },
                answer = probed => Happening::Probed(answer),
                () = sleep_until(reading.next_probe), if !is_probing => Happening::Silence,
                () = sleep_until(opened + limit + OVERDUE) => Happening::End(Ending::Overdue),
            };
            let ending = match happening {
                Happening::Chunk(chunk) => {
                    // It was no silence; and a probe's answer may by now be behind the position.
                    probe = None;
                    splitter.push(chunk);
                    let ending = self.take_lines(&mut splitter, &mut reading).await;
                    reading.silent_since = Instant::now();
                    reading.next_probe = reading.silent_since + options.probe_interval;
                    ending
                }
                Happening::End(ending) => Some(ending),
                Happening::Silence => {
                    let api = self.setting.api.clone();
                    probe = Some(async move { api.newest_version().await }.boxed());
                    None
                }
                Happening::Probed(answer) => {
                    probe = None;
                    reading.next_probe = Instant::now() + options.probe_interval;
                    self.judge(answer, &reading)
                }
            };
            if let Some(ending) = ending {
                break ending;
            }
        };
        let Reading { lines, was_held_back, .. } = reading;
        Watched { ending, lines, lasted: opened.elapsed(), was_held_back }
    }

    /// Hands on the lines of a chunk. `Some`: one of them ends the watch.
    async fn take_lines(&mut self, splitter: &mut Lines, reading: &mut Reading) -> Option<Ending> {
        self.works();
        self.idle_timeout = self.setting.options.idle_timeout;
        let stamp = self.stamp();
        let at = stamp.received_at;
        while let Some(line) = splitter.next_line() {
            let decoded = match line {
                Line::Whole(line) if line.trim_ascii().is_empty() => continue,
                Line::Whole(line) => reading.decoder.decode(line, &stamp).map_err(|error| report(&error)),
                Line::TooLong(length) => {
                    Err(format!("a line of {length} bytes, of which {MAX_LINE} are allowed"))
                }
            };
            reading.lines += u64::from(matches!(decoded, Ok(WatchLine::Event(_) | WatchLine::Passed(_))));
            match decoded {
                Ok(WatchLine::Event(event)) => {
                    let reached = version_of(&event).map(|version| Reached { version, at });
                    reading.was_held_back |= self.hand_on(event, reached).await;
                }
                Ok(WatchLine::Passed(Some(version))) => self.reach(Reached { version, at }).await,
                Ok(WatchLine::Passed(None)) => {}
                Ok(WatchLine::Error(status)) => {
                    let is_expired = status.is_expired();
                    let failure = Failure::of_line(&Resource::EVENTS, &status);
                    return Some(if is_expired { Ending::Expired } else { Ending::Refused(failure) });
                }
                Err(what) => self.damaged(&what),
            }
        }
        None
    }

    /// Decides from the answer to a probe whether the silence of the watch is that of the cluster.
    ///
    /// All objects share one version, so that the server's runs ahead of a watch in which nothing happens. It alone says
    /// nothing of missed events, and only a long silence makes it worth a new watch.
    fn judge(&mut self, answer: Result<u64, Failure>, reading: &Reading) -> Option<Ending> {
        let is_long = reading.silent_since.elapsed() >= self.idle_timeout;
        let position = self.position.map_or(0, |position| position.version);
        let is_suspect = match answer {
            Ok(version) if version < position => return Some(Ending::Restored(version)),
            Ok(version) => {
                self.works();
                version > position
            }
            Err(failure) => {
                self.troubled(&failure);
                true
            }
        };
        if is_long && is_suspect {
            self.idle_timeout = self.idle_timeout.saturating_mul(2).min(MAX_IDLE.max(self.idle_timeout));
            return Some(Ending::Silent);
        }
        None
    }
}
