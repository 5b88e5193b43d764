//! The stock `eventer` plus one sink: `--sink=tsv:/var/log/events.tsv` writes events as tab-separated lines.
use eventer_core::{
    BuildError, ComponentSpec, ConfigError, EndpointSpec, EventBatch, EventSink, ExportError, SinkConfig,
    SinkContext, UriReader, async_trait,
};
use std::{fs::File, io::Write};
struct TsvConfig(String);
struct TsvSink(File);

impl SinkConfig for TsvConfig {
    const SPEC: ComponentSpec = ComponentSpec {
        kind: "tsv",
        summary: "Writes tab-separated lines to a file.",
        endpoint: EndpointSpec::Text("Path of the file."),
        options: &[],
        example: "--sink=tsv:/var/log/events.tsv",
    };
    type Sink = TsvSink;
    fn from_uri(uri: &mut UriReader<'_>) -> Result<Self, ConfigError> {
        Ok(Self(uri.endpoint().to_owned()))
    }
    async fn build(&self, _: &SinkContext) -> Result<TsvSink, BuildError> {
        File::create(&self.0).map(TsvSink).map_err(|error| BuildError::new("create the file", error))
    }
}
#[async_trait]
impl EventSink for TsvSink {
    fn name(&self) -> &str {
        "tsv"
    }
    async fn export_events(&self, batch: &EventBatch) -> Result<(), ExportError> {
        let lines: String =
            batch.iter().map(|e| format!("{}\t{}\n", e.reason, e.message.escape_debug())).collect();
        (&self.0).write_all(lines.as_bytes()).map_err(ExportError::unavailable)
    }
}
fn main() -> std::process::ExitCode {
    eventer_bin::run_with(|kinds| _ = kinds.register_sink::<TsvConfig>())
}
