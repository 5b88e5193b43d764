//! The directory as the journal's storage.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::sleep;

use super::directory::StateDir;
use super::reader::Reader;
use super::writer::Writer;
use super::{Store, StoreError};
use crate::batch::EventBatch;
use crate::error::BuildError;
use crate::event::Event;
use crate::journal::storage::{Backing, Contents, Loaded, Mark, Replay, Storage};
use crate::time::Clock;

/// How often a directory is asked for that another process has.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// A directory that the journal is kept in. One process at a time owns it; a second one waits until the first has gone.
#[derive(Clone, Debug)]
pub struct StateDirectory {
    path: PathBuf,
    clock: Arc<dyn Clock>,
}

/// The open directory.
#[derive(Debug)]
struct Open {
    writer: Writer,
    reader: Reader,
}

impl StateDirectory {
    /// Names a directory, which is made when it is opened, for its owner alone.
    pub fn new(path: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Self {
        Self { path: path.into(), clock }
    }

    async fn claim(&self) -> Result<StateDir, StoreError> {
        let mut has_waited = false;
        loop {
            if let Some(directory) = StateDir::claim(&self.path)? {
                if has_waited {
                    tracing::info!(path = %self.path.display(), "the other process has gone; taking the state directory over");
                }
                return Ok(directory);
            }
            if !has_waited {
                has_waited = true;
                tracing::warn!(
                    path = %self.path.display(),
                    "another process owns the state directory; waiting until it has gone, and taking in nothing until then"
                );
            }
            sleep(ASK_AGAIN_AFTER).await;
        }
    }
}

#[async_trait]
impl Storage for StateDirectory {
    async fn open(&self) -> Result<(Arc<dyn Backing>, Contents), BuildError> {
        let opening = async {
            let directory = self.claim().await?;
            let path = directory.journal();
            let (store, contents, bytes) = Store::open(directory)?;
            let reader = Reader::open(&path)?;
            let writer = Writer::start(store, bytes, self.clock.clone())?;
            let open: Arc<dyn Backing> = Arc::new(Open { writer, reader });
            Ok((open, contents))
        };
        opening.await.map_err(|error: StoreError| BuildError::new("open the state directory", error))
    }
}

#[async_trait]
impl Backing for Open {
    async fn append(&self, first: u64, batch: EventBatch) -> bool {
        self.writer.append(first, batch).await
    }

    async fn reach(&self, batch: EventBatch) -> bool {
        self.writer.reach(batch).await
    }

    fn mark(&self, sink: &Arc<str>, mark: Mark) {
        self.writer.mark(sink.clone(), mark);
    }

    fn forget(&self, sink: &Arc<str>) {
        self.writer.forget(sink.clone());
    }

    fn delete_before(&self, number: u64) {
        self.writer.delete_before(number);
    }

    fn bury(&self, sink: &Arc<str>, event: &Arc<Event>, reason: &str) {
        self.writer.bury(sink.clone(), event.clone(), reason.to_owned());
    }

    async fn replays(&self, sinks: Vec<String>, most: usize) -> Result<Vec<Replay>, String> {
        self.reader.replays(sinks, most).await
    }

    fn replayed(&self, id: i64) {
        self.writer.replayed(id);
    }

    async fn synced(&self) -> bool {
        self.writer.synced().await
    }

    async fn load(&self, from: u64, before: u64, most: u64) -> Result<Vec<Loaded>, String> {
        self.reader.load(from, before, most).await
    }

    fn bytes(&self) -> u64 {
        self.writer.bytes()
    }

    fn trouble(&self) -> Option<String> {
        self.writer.health().trouble()
    }
}
