//! What a user can say of the `file` sink.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use eventer_core::uri::ByteSize;
use eventer_core::{
    BoxError, BuildError, ComponentSpec, ConfigError, EndpointSpec, EventBatch, OptionSpec, SinkConfig,
    SinkContext, UriReader,
};

use super::FileSink;
use super::appender::{Appender, Rotation};
use super::history::History;
use super::trial::Trial;
use crate::layout::LAYOUT;
use crate::line::{self, LineEncoder, LineFormat, LineWriter};

/// `--sink=file:/var/log/events.jsonl`
#[derive(Clone, Debug)]
pub struct FileConfig {
    path: PathBuf,
    format: LineFormat,
    rotation: Rotation,
    keep: usize,
    gzip: bool,
}

const FORMAT: OptionSpec = line::FORMAT.default("json");
const ROTATE_SIZE: OptionSpec =
    OptionSpec::new("rotate_size", "SIZE", "Size that the file does not grow over; 0: any size.")
        .default("100Mi");
const ROTATE_EVERY: OptionSpec = OptionSpec::new(
    "rotate_every",
    "DURATION",
    "Span of one file; spans are counted in UTC, so that 24h ends at midnight.",
);
const KEEP: OptionSpec = OptionSpec::new("keep", "N", "Old files to keep; the oldest ones go.").default("5");
const GZIP: OptionSpec =
    OptionSpec::new("gzip", "true|false", "Whether old files are compressed.").default("true");

impl SinkConfig for FileConfig {
    const SPEC: ComponentSpec = ComponentSpec {
        kind: "file",
        summary: "Appends events to a file, one line an event, and rotates it.",
        endpoint: EndpointSpec::Text("PATH"),
        options: &[FORMAT, LAYOUT, ROTATE_SIZE, ROTATE_EVERY, KEEP, GZIP],
        example: "--sink=file:/var/log/events.jsonl?rotate_size=50Mi&rotate_every=24h",
    };
    type Sink = FileSink;

    fn from_uri(uri: &mut UriReader<'_>) -> Result<Self, ConfigError> {
        let path = uri.endpoint().to_owned();
        let every: Option<Duration> = uri.take(&ROTATE_EVERY);
        if every.is_some_and(|every| every < Duration::from_secs(1)) {
            uri.invalid(&ROTATE_EVERY, "the span of a file is a second at least");
        }
        let size: ByteSize = uri.take_or_default(&ROTATE_SIZE);
        let config = Self {
            path: PathBuf::from(&path),
            format: line::take_format(uri, &FORMAT),
            rotation: Rotation { size: (size.0 > 0).then_some(size.0), every },
            keep: usize::try_from(uri.take_or_default::<u32>(&KEEP)).unwrap_or(usize::MAX),
            gzip: uri.take_or_default(&GZIP),
        };
        if path.is_empty() || path.ends_with('/') {
            let reason = "it needs the path of a file, such as file:/var/log/events.jsonl";
            return Err(uri.endpoint_error(reason));
        }
        Ok(config)
    }

    async fn build(&self, context: &SinkContext) -> Result<FileSink, BuildError> {
        let name = context.name.clone();
        let start = |error| BuildError::new("start the thread that writes to the file", error);
        let target = self.path.display().to_string();
        let history = History { keep: self.keep, gzip: self.gzip, sink: name.clone() };
        let appender = Appender::new(self.path.clone(), self.rotation, history, context.clock.clone());
        let waits_for_reader = appender.waits_for_reader();
        let writer = match context.is_trial {
            true => LineWriter::start(target, Trial::new(self.path.clone())).map_err(start)?,
            false => LineWriter::start(target, appender).map_err(start)?,
        };
        if !waits_for_reader {
            let tried = || format!("open the file {}", self.path.display());
            let opened = writer.write(|_| ()).await;
            opened.map_err(|error| BuildError::new(tried(), open_error(&self.path, error.cause)))?;
        }
        Ok(FileSink::new(name, self.encoder(context), writer))
    }

    async fn preview(&self, batch: &EventBatch, context: &SinkContext) -> Result<Option<String>, BuildError> {
        self.encoder(context).preview(batch)
    }
}

impl FileConfig {
    fn encoder(&self, context: &SinkContext) -> LineEncoder {
        LineEncoder::new(&self.format, context, false)
    }
}

fn open_error(path: &Path, error: io::Error) -> BoxError {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty() && !parent.exists());
    match parent {
        Some(parent) => {
            format!("the directory {} does not exist; create it, or mount a volume there", parent.display())
                .into()
        }
        None => error.into(),
    }
}
