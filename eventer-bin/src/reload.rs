//! Takes the configuration up again while the program runs: when its file changes, and when SIGHUP comes.
//!
//! All of it is read and checked as at the start. What is wrong with it is told and changes nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use eventer_core::{BuildError, Changes, Exchange, PipelineControl, Secret, Setup, report};
use prometheus::{IntCounterVec, IntGauge, Opts, Registry};
use tokio::fs;
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::args::Args;
use crate::config;
use crate::plans::Plans;

/// How often it is looked whether the files have changed. A change counts when it is seen twice: a file may be half written.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Reads the command line and the file of configuration again, or says everything that is wrong with them.
pub(crate) type ReadAgain<'a> = &'a (dyn Fn() -> Result<(Args, Plans), Vec<String>> + Sync);

/// Exchanges what runs for what the configuration says now.
pub(crate) struct Reload<'a> {
    read_again: ReadAgain<'a>,
    /// What runs, as far as it cannot be exchanged.
    args: Args,
    control: PipelineControl,
    /// The exchange that is under way.
    under_way: JoinSet<Result<Option<Changes>, BuildError>>,
    /// It was asked for again meanwhile.
    is_wanted: bool,
    /// The program stops.
    is_over: bool,
    metrics: Metrics,
}

impl<'a> Reload<'a> {
    /// For the program that was started with `args`.
    ///
    /// # Errors
    /// Metrics of these names are registered already.
    pub(crate) fn new(
        read_again: ReadAgain<'a>,
        args: Args,
        control: PipelineControl,
        registry: &Registry,
    ) -> Result<Self, prometheus::Error> {
        let metrics = Metrics::new(registry)?;
        Ok(Self {
            read_again,
            args,
            control,
            under_way: JoinSet::new(),
            is_wanted: false,
            is_over: false,
            metrics,
        })
    }

    /// Whether there is a file to be read again.
    pub(crate) fn has_file(&self) -> bool {
        self.args.config.is_some()
    }

    /// The files that it comes from, if a change of them counts.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub(crate) fn watched(&self) -> Watch {
        let is_file = |path: &Path| std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
        let watched = self.args.config.as_ref().filter(|(path, _)| self.args.reload && is_file(path));
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Watch {
            file: watched.map(|(path, file)| (path.clone(), file.text.clone())),
            looks,
            seen: None,
            settled: None,
        }
    }

    /// The program stops: an exchange that is under way ends, and no other one begins.
    pub(crate) fn stop(&mut self) {
        self.is_over = true;
    }

    /// Begins to take the configuration up again, or does so after the exchange that is under way.
    pub(crate) fn begin(&mut self) {
        if self.is_over {
            return;
        }
        self.is_wanted = !self.under_way.is_empty();
        if self.is_wanted {
            return;
        }
        match (self.read_again)() {
            Ok((args, plans)) => {
                let fixed = self.args.fixed_differences(&args);
                if !fixed.is_empty() {
                    let keys: Vec<_> = fixed.iter().filter_map(|flag| config::key_of(flag)).collect();
                    tracing::warn!(
                        keys = keys.join(", "),
                        "these can only change with a restart, and stay as they were"
                    );
                }
                let setup = setup(&args, plans);
                let control = self.control.clone();
                self.under_way.spawn(async move { control.apply(setup).await });
            }
            Err(mistakes) => {
                self.metrics.told("refused");
                for mistake in &mistakes {
                    tracing::error!(error = mistake, "the configuration is wrong");
                }
                tracing::error!(mistakes = mistakes.len(), "everything runs on as it was");
            }
        }
    }

    /// Waits for the end of an exchange and tells of it; without one it waits for ever.
    ///
    /// # Cancellation
    /// Safe to cancel.
    pub(crate) async fn ended(&mut self) {
        let Some(ended) = self.under_way.join_next().await else {
            return std::future::pending().await;
        };
        match ended {
            Ok(Ok(Some(changes))) => {
                self.metrics.told(if changes.sources.failed.is_empty() { "applied" } else { "incomplete" });
                tell(&changes);
            }
            // It is about to end: that is no fault of the configuration.
            Ok(Ok(None)) => return,
            Ok(Err(error)) => {
                self.metrics.told("refused");
                tracing::error!(
                    error = report(&error),
                    "the configuration cannot be used; everything runs on as it was"
                );
            }
            Err(error) => {
                tracing::error!(error = report(&error), "a bug ended the exchange of sources and sinks")
            }
        }
        if self.is_wanted {
            self.begin();
        }
    }
}

/// What a pipeline is to consist of.
fn setup(args: &Args, plans: Plans) -> Setup {
    Setup {
        cluster: args.cluster.clone(),
        static_labels: args.static_labels.clone(),
        drop: plans.drop,
        sources: plans.sources,
        sinks: plans.sinks,
    }
}

fn tell(changes: &Changes) {
    for (component, exchange) in [("source", &changes.sources), ("sink", &changes.sinks)] {
        let Exchange { added, changed, removed, failed, .. } = exchange;
        for (names, what) in [(added, "is new"), (changed, "has changed"), (removed, "is taken out")] {
            for name in names {
                tracing::info!("{component} {name} {what}");
            }
        }
        for (name, error) in failed {
            tracing::error!(error, "{component} {name} could not be opened");
        }
    }
    let kept = changes.sources.kept.len() + changes.sinks.kept.len();
    tracing::info!(unchanged = kept, "the configuration is taken up");
}

/// Notices when the files of the configuration change.
pub(crate) struct Watch {
    /// The file, and what it held when it was read. `None`: nothing is watched.
    file: Option<(PathBuf, Secret<String>)>,
    looks: Interval,
    /// What was seen last.
    seen: Option<Contents>,
    /// What counts.
    settled: Option<Contents>,
}

/// Files with what they hold; nothing, if they cannot be read.
type Contents = Vec<(PathBuf, Option<Vec<u8>>)>;

impl Watch {
    /// Resolves when the files have come to hold something else.
    ///
    /// # Cancellation
    /// Safe to cancel.
    pub(crate) async fn changed(&mut self) {
        let Some((path, read)) = &self.file else { return std::future::pending().await };
        loop {
            self.looks.tick().await;
            let now = contents(path).await;
            let settled = self.settled.get_or_insert_with(|| {
                // It may have changed since it was read.
                let mut at_start = now.clone();
                at_start[0].1 = Some(read.expose().clone().into_bytes());
                at_start
            });
            let is_seen_twice = self.seen.as_ref() == Some(&now);
            if is_seen_twice && *settled != now {
                *settled = now;
                return;
            }
            self.seen = Some(now);
        }
    }
}

/// A mounted ConfigMap changes by a link that leads elsewhere; so it is the contents that are compared.
async fn contents(path: &Path) -> Contents {
    let mut contents = Contents::new();
    let text = content(path).await;
    let referred = text.as_deref().map(|text| config::referred_files(&String::from_utf8_lossy(text)));
    contents.push((path.to_owned(), text));
    for path in referred.unwrap_or_default() {
        let content = content(&path).await;
        contents.push((path, content));
    }
    contents
}

/// What a file holds. A pipe is not looked at: it can be read once only.
async fn content(path: &Path) -> Option<Vec<u8>> {
    fs::metadata(path).await.ok().filter(std::fs::Metadata::is_file)?;
    fs::read(path).await.ok()
}

/// How the configuration was taken up again.
struct Metrics {
    reloads: IntCounterVec,
    is_current: IntGauge,
}

impl Metrics {
    fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let reloads = IntCounterVec::new(
            Opts::new(
                "eventer_config_reloads_total",
                "Times that the configuration was read again, by what came of it.",
            ),
            &["outcome"],
        )?;
        let is_current = IntGauge::new(
            "eventer_config_is_current",
            "Whether what runs is what the configuration said when it was last read: 0 after one that was wrong.",
        )?;
        for outcome in ["applied", "incomplete", "refused"] {
            reloads.with_label_values(&[outcome]);
        }
        is_current.set(1);
        registry.register(Box::new(reloads.clone()))?;
        registry.register(Box::new(is_current.clone()))?;
        Ok(Self { reloads, is_current })
    }

    fn told(&self, outcome: &str) {
        self.reloads.with_label_values(&[outcome]).inc();
        self.is_current.set(i64::from(outcome == "applied"));
    }
}
