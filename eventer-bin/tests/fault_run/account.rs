//! What must hold in the end, whatever has happened.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use eventer_testkit::Request;
use tokio::time::Instant;

use crate::destinations::{Delivery, TIMEOUT, Taken};
use crate::program::{End, STOP_TIMEOUT};
use crate::world::Version;

/// Between the moment at which something happened to the API server and the one that was written down.
const BLUR: Duration = Duration::from_millis(250);

/// An answer this shortly before the time to stop is up may come too late.
const TOO_LATE: Duration = Duration::from_millis(500);

/// What is known of a run.
pub(crate) struct Evidence {
    /// All versions of all events; the number of each is its place here.
    pub(crate) versions: Vec<Version>,
    /// When the cluster came to which version.
    pub(crate) history: Vec<(Instant, u64)>,
    /// When history was compacted, and up to which version.
    pub(crate) compactions: Vec<(Instant, u64)>,
    /// What the API server was asked.
    pub(crate) requests: Vec<Request>,
    pub(crate) taken: Vec<Taken>,
    /// Dead letters: the sink and the event's number.
    pub(crate) letters: Vec<(String, usize)>,
    /// How each process ended, by its number.
    pub(crate) ends: Vec<End>,
    /// And when it was gone.
    pub(crate) gone_at: Vec<Instant>,
    /// What went wrong already.
    pub(crate) wrong: Vec<String>,
}

/// The evidence, put in order.
pub(crate) struct Account {
    evidence: Evidence,
    lists: Vec<List>,
}

/// A list, of which everything newer than a position was asked. Of each event it shows the latest version only, and they
/// come in the order of their names.
struct List {
    at: Instant,
    /// Nothing up to here is wanted.
    after: u64,
    /// About the version that it shows.
    shows: u64,
}

impl Account {
    pub(crate) fn draw(evidence: Evidence) -> Self {
        let mut lists = Vec::new();
        let mut gone_at = evidence.gone_at.iter().peekable();
        // Where the last list began, and where the watch stood that the process opened last.
        let (mut listed_after, mut position) = (0, None);
        for request in evidence.requests.iter().filter(|request| request.path.ends_with("/events")) {
            while gone_at.next_if(|gone_at| **gone_at < request.at).is_some() {
                position = None;
            }
            if request.is_watch() {
                position = Some(request.param("resourceVersion").unwrap().parse().unwrap());
            } else if request.param("continue").is_none() && request.param("limit") != Some("1") {
                let known = evidence.history.iter().take_while(|(at, _)| *at <= request.at + BLUR);
                let shows = known.last().map_or(0, |(_, version)| *version);
                // Without a watch before it, the process goes on with what the one before it had begun.
                listed_after = position.unwrap_or(listed_after);
                lists.push(List { at: request.at, after: listed_after, shows });
            }
        }
        Self { evidence, lists }
    }

    /// What happened, in figures.
    pub(crate) fn summary(&self) -> String {
        let Evidence { versions, compactions, ends, letters, .. } = &self.evidence;
        let kills = ends.iter().filter(|end| **end == End::Killed).count();
        let mut told = format!(
            "{} versions of events, {kills} kills, {} stops, {} compactions, {} lists, {} dead letters",
            versions.len(),
            ends.len() - kills,
            compactions.len(),
            self.lists.len(),
            letters.len(),
        );
        for taken in &self.evidence.taken {
            let firsts = firsts(taken).len();
            let most = self.repeats(taken).0.into_values().max().unwrap_or(0);
            told += &format!(
                "; {}: {firsts} events, {} repeats, of which after one kill at most {most}",
                taken.sink,
                taken.deliveries.len() - firsts
            );
        }
        told
    }

    /// Everything that is not as it must be.
    pub(crate) fn check(self) -> Vec<String> {
        let mut wrong = self.evidence.wrong.clone();
        wrong.extend(self.needless_lists());
        for taken in &self.evidence.taken {
            let found = [
                self.lost(taken),
                self.out_of_order(taken),
                self.repeated(taken),
                self.wrongly_rejected(taken),
                self.broken(taken),
            ];
            wrong.extend(found.into_iter().flatten().map(|what| format!("{}: {what}", taken.sink)));
        }
        wrong
    }

    /// A list may take the place of a watch only where the server has forgotten what the watch would show.
    fn needless_lists(&self) -> Vec<String> {
        let is_needless = |list: &&List| {
            let compactions = self.evidence.compactions.iter();
            let mut before = compactions.take_while(|(at, _)| *at <= list.at + BLUR);
            list.after > 0 && !before.any(|(_, version)| *version > list.after)
        };
        let needless = self.lists.iter().filter(is_needless);
        needless.map(|list| format!("everything after {} was listed without need", list.after)).collect()
    }

    /// Every version has come or lies among the dead letters, but for those that only a forgotten history knew.
    fn lost(&self, taken: &Taken) -> Vec<String> {
        let letters = self.letters(taken);
        let had: BTreeSet<usize> = taken.deliveries.iter().map(|delivery| delivery.number).collect();
        let lost = self.evidence.versions.iter().enumerate().filter(|(number, version)| {
            let could_not_be_had = || {
                let skips = |list: &List| {
                    list.after < version.version && version.gone_at.is_some_and(|at| at <= list.shows)
                };
                self.lists.iter().any(skips)
            };
            !had.contains(number) && !letters.contains_key(number) && !could_not_be_had()
        });
        lost.map(|(number, version)| format!("number {number} is lost: {version:?}")).collect()
    }

    /// The versions of an event come in order; those of an object too, but for those of one list.
    fn out_of_order(&self, taken: &Taken) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut newest_of_event: BTreeMap<&str, u64> = BTreeMap::new();
        let mut newest_of_object: BTreeMap<usize, u64> = BTreeMap::new();
        for number in firsts(taken) {
            let Version { event, object, version, .. } = &self.evidence.versions[number];
            if let Some(newer) = newest_of_event.insert(event, *version).filter(|newer| newer > version) {
                wrong.push(format!("number {number} at {version} came after {newer} of the same event"));
            }
            let newest = newest_of_object.entry(*object).or_default();
            let is_of_one_list = |list: &List| list.after < *version && *newest <= list.shows;
            if *newest > *version && !self.lists.iter().any(is_of_one_list) {
                wrong.push(format!("number {number} at {version} came after {newest} of the same object"));
            }
            *newest = (*newest).max(*version);
        }
        wrong
    }

    /// After a kill at most what a sink held comes again, and else nothing that is known to be taken.
    fn repeated(&self, taken: &Taken) -> Vec<String> {
        let (after_kills, mut wrong) = self.repeats(taken);
        let too_many = after_kills.into_iter().filter(|(_, count)| *count > taken.lease);
        wrong.extend(too_many.map(|(epoch, count)| {
            format!(
                "{count} events of process {epoch}, which was killed, came again; it held {} at most",
                taken.lease
            )
        }));
        wrong
    }

    /// How many events came again after which process was killed, and what came again without a reason.
    fn repeats(&self, taken: &Taken) -> (BTreeMap<usize, usize>, Vec<String>) {
        let mut last: BTreeMap<usize, &Delivery> = BTreeMap::new();
        let (mut after_kills, mut wrong) = (BTreeMap::new(), Vec::new());
        for delivery in &taken.deliveries {
            let Some(before) = last.insert(delivery.number, delivery) else { continue };
            if !before.is_acknowledged {
                continue;
            }
            let first = before.epoch.min(delivery.epoch);
            let is_late = || match (before.at, delivery.at) {
                (Some(before), Some(after)) => after - before >= TIMEOUT,
                _ => false,
            };
            let (number, end) = (delivery.number, self.evidence.ends.get(first));
            match end {
                _ if before.epoch == delivery.epoch => {
                    if !is_late() {
                        wrong.push(format!("number {number} came twice from process {first}"));
                    }
                }
                Some(End::Stopped(asked_at)) => {
                    let too_late = *asked_at + STOP_TIMEOUT - TOO_LATE;
                    if before.at.is_none_or(|at| at < too_late) {
                        wrong.push(format!(
                            "number {number} came from process {first}, which was stopped in order, and again \
                             from process {}",
                            before.epoch.max(delivery.epoch)
                        ));
                    }
                }
                Some(End::Killed) | None => *after_kills.entry(first).or_default() += 1,
            }
        }
        (after_kills, wrong)
    }

    /// Dead letters are what the destination refuses, and that only.
    fn wrongly_rejected(&self, taken: &Taken) -> Vec<String> {
        let kills = self.evidence.ends.iter().filter(|end| **end == End::Killed).count();
        let wrong = self.letters(taken).into_iter().filter_map(|(number, letters)| {
            if !(taken.refuses)(number) {
                Some(format!("number {number} was not refused, and lies among the dead letters"))
            } else if letters > 1 + kills {
                Some(format!("number {number} lies {letters} times among the dead letters"))
            } else {
                None
            }
        });
        wrong.collect()
    }

    /// Only a kill leaves half a line.
    fn broken(&self, taken: &Taken) -> Vec<String> {
        let mut broken_by: BTreeMap<usize, usize> = BTreeMap::new();
        taken.broken.iter().for_each(|(epoch, _)| *broken_by.entry(*epoch).or_default() += 1);
        let wrong = taken.broken.iter().filter(|(epoch, _)| {
            broken_by[epoch] > 1 || self.evidence.ends.get(*epoch) != Some(&End::Killed)
        });
        wrong.map(|(epoch, line)| format!("process {epoch} wrote half a line: {line:?}")).collect()
    }

    /// How often each event lies among the dead letters of the sink.
    fn letters(&self, taken: &Taken) -> BTreeMap<usize, usize> {
        let mut letters = BTreeMap::new();
        let of_sink = self.evidence.letters.iter().filter(|(sink, _)| sink == taken.sink);
        of_sink.for_each(|(_, number)| *letters.entry(*number).or_default() += 1);
        letters
    }
}

/// The events in the order in which they came first.
fn firsts(taken: &Taken) -> Vec<usize> {
    let mut seen = BTreeSet::new();
    taken.deliveries.iter().map(|delivery| delivery.number).filter(|number| seen.insert(*number)).collect()
}
