//! What a user can say of the `log` sink.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use eventer_core::{
    BuildError, ComponentSpec, ConfigError, EndpointSpec, EventBatch, OptionSpec, OptionValue, SinkConfig,
    SinkContext, UriReader,
};

use super::LogSink;
use crate::layout::LAYOUT;
use crate::line::{self, LineEncoder, LineFormat};

/// `--sink=log:?format=json`
#[derive(Clone, Debug)]
pub struct LogConfig {
    format: LineFormat,
    color: Color,
}

/// When text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Color {
    /// On a terminal.
    Auto,
    Always,
    Never,
}

const FORMAT: OptionSpec = line::FORMAT.default("text");
const COLOR: OptionSpec =
    OptionSpec::new("color", "auto|always|never", "Whether text is coloured; auto: on a terminal.")
        .default("auto");

impl SinkConfig for LogConfig {
    const SPEC: ComponentSpec = ComponentSpec {
        kind: "log",
        summary: "Writes events to standard output, one line an event.",
        endpoint: EndpointSpec::None,
        options: &[FORMAT, LAYOUT, COLOR],
        example: "--sink=log:?format=json",
    };
    const EXPORTER: &'static str = "LogSink";
    type Sink = LogSink;

    fn from_uri(uri: &mut UriReader<'_>) -> Result<Self, ConfigError> {
        Ok(Self { format: line::take_format(uri, &FORMAT), color: uri.take_or_default(&COLOR) })
    }

    async fn build(&self, context: &SinkContext) -> Result<LogSink, BuildError> {
        // Standard output itself goes through a buffer that hides how much of a write has reached the system.
        let stdout = io::stdout().as_fd().try_clone_to_owned();
        let stdout = stdout.map_err(|error| BuildError::new("open standard output", error))?;
        self.build_to(context, File::from(stdout))
    }

    async fn preview(&self, batch: &EventBatch, context: &SinkContext) -> Result<Option<String>, BuildError> {
        self.encoder(context).preview(batch)
    }
}

impl LogConfig {
    /// Opens the sink with another output than standard output.
    ///
    /// # Errors
    /// The thread that writes cannot be started.
    pub fn build_to(
        &self,
        context: &SinkContext,
        output: impl io::Write + Send + 'static,
    ) -> Result<LogSink, BuildError> {
        LogSink::start(context.name.clone(), self.encoder(context), output)
            .map_err(|error| BuildError::new("start the thread that writes to standard output", error))
    }

    fn encoder(&self, context: &SinkContext) -> LineEncoder {
        let is_colored = match self.color {
            Color::Auto => context.stdout_is_terminal,
            Color::Always => true,
            Color::Never => false,
        };
        LineEncoder::new(&self.format, context, is_colored)
    }
}

impl OptionValue for Color {
    fn parse_option(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "auto" => Ok(Self::Auto),
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            _ => Err(format!("\"{text}\" is none of auto, always and never")),
        }
    }
}
