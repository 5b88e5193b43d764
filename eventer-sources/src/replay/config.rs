//! What a user can say of the `replay` source.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use eventer_core::{
    BuildError, ComponentSpec, ConfigError, EndpointSpec, Finding, OptionSpec, OptionValue, SourceConfig,
    SourceContext, UriReader,
};
use tokio::fs::{self, File};

use super::ReplaySource;
use super::player::{Input, Place, Player};

/// `--source=replay:events.jsonl`
#[derive(Clone, Debug)]
pub struct ReplayConfig {
    input: Input,
    speed: Speed,
    passes: Passes,
    cluster: Option<String>,
}

/// How fast events come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Speed {
    /// As fast as they are taken.
    Max,
    /// So many times as fast as they happened.
    Times(f64),
}

/// How often the recording is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passes {
    /// So often.
    Times(u64),
    /// For ever.
    Endless,
}

const SPEED: OptionSpec = OptionSpec::new(
    "speed",
    "max|1x|10x",
    "How fast: as fast as events are taken, or so many times as fast as they happened.",
)
.default("max");
const LOOP: OptionSpec = OptionSpec::new(
    "loop",
    "true|false|N",
    "Whether it begins again at the end, for ever or so that it is played N times.",
)
.default("false");
const CLUSTER_NAME: OptionSpec =
    OptionSpec::new("cluster_name", "NAME", "Name of the cluster, for events that do not tell theirs.");

impl SourceConfig for ReplayConfig {
    const SPEC: ComponentSpec = ComponentSpec {
        kind: "replay",
        summary: "Plays a recording: watch lines, Events or EventLists, gzipped or not; - is standard input.",
        endpoint: EndpointSpec::Text("FILE"),
        options: &[SPEED, LOOP, CLUSTER_NAME],
        example: "--source=replay:events.jsonl?speed=10x",
    };
    type Source = ReplaySource;

    fn from_uri(uri: &mut UriReader<'_>) -> Result<Self, ConfigError> {
        let file = uri.endpoint().to_owned();
        let input = if file == "-" { Input::Stdin } else { Input::File(PathBuf::from(&file)) };
        let config = Self {
            speed: uri.take_or_default(&SPEED),
            passes: uri.take_or_default(&LOOP),
            cluster: uri.take(&CLUSTER_NAME).filter(|name: &String| !name.is_empty()),
            input,
        };
        if file.is_empty() {
            let reason = "it needs a FILE, such as replay:events.jsonl, or - for standard input";
            return Err(uri.endpoint_error(reason));
        }
        if config.input == Input::Stdin && config.passes != Passes::Times(1) {
            uri.invalid(&LOOP, "standard input can be read once only");
        }
        Ok(config)
    }

    /// Standard input is not asked, and no more is a pipe: whoever writes to it would take the answer for the reader.
    async fn check(&self) -> Vec<Finding> {
        let Input::File(path) = &self.input else { return Vec::new() };
        let answer = match fs::metadata(path).await {
            Ok(metadata) if metadata.is_dir() => Err(ErrorKind::IsADirectory.into()),
            Ok(metadata) if !metadata.is_file() => return Vec::new(),
            Ok(_) => File::open(path).await.map(|_| ()),
            Err(error) => Err(error),
        };
        let answer = answer.map_err(|error| format!("{}: {error}", self.input));
        vec![Finding { question: "read the recording".to_owned(), answer }]
    }

    async fn build(&self, context: SourceContext) -> Result<ReplaySource, BuildError> {
        let scope = self.input.to_string();
        let stored = context.checkpoint.as_ref().and_then(|checkpoint| checkpoint.0.get(&scope));
        let begin = stored.filter(|_| self.input != Input::Stdin).and_then(|at| Place::parse(&at.version));
        let begin = begin.unwrap_or_default();
        if begin != Place::default() {
            tracing::info!(source = &*context.name, file = scope, "goes on after record {begin}");
        }
        let player = Player {
            input: self.input.clone(),
            passes: self.passes,
            begin,
            cluster: self.cluster.as_deref().map(Arc::from).or(context.cluster.clone()),
            name: context.name.clone(),
            metrics: context.metrics.clone(),
        };
        let played = player
            .start()
            .await
            .map_err(|error| BuildError::new(format!("open the recording {scope}"), error))?;
        Ok(ReplaySource::new(context, &self.input, self.speed, played))
    }
}

impl OptionValue for Speed {
    fn parse_option(text: &str) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("max") {
            return Ok(Self::Max);
        }
        let times = text.strip_suffix(['x', 'X']).and_then(|times| times.parse::<f64>().ok());
        let times = times.filter(|times| (1e-3..=1e6).contains(times));
        times.map(Self::Times).ok_or_else(|| format!("\"{text}\" is not a speed such as max, 1x or 10x"))
    }
}

impl OptionValue for Passes {
    fn parse_option(text: &str) -> Result<Self, String> {
        // As a count, 1 is once; as a boolean it would be for ever.
        if let Ok(times) = text.parse::<u64>() {
            return Ok(Self::Times(times.max(1)));
        }
        let is_endless = bool::parse_option(text)
            .map_err(|_| format!("\"{text}\" is neither true nor false nor a whole number"))?;
        Ok(if is_endless { Self::Endless } else { Self::Times(1) })
    }
}
