//! The process of the broker: started, killed, started again, asked.

use std::fs::{self, File};
use std::hash::{BuildHasher as _, RandomState};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tempfile::TempDir;
use tokio::time::{Instant, timeout_at};

use super::certificates::Certificates;
use super::properties::{self, Credentials, Listener, Ports, SCRAM_SHA_256, SCRAM_SHA_512};
use super::records::{Reader, Record};
use super::segments::{self, StoredBatch};

/// How long a start may take. Far more than the seconds that it takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// A broker with nothing in it, and its controller. It dies with this, and leaves nothing behind.
///
/// Topics are made when they are first written to, with three partitions.
#[derive(Debug)]
pub struct KafkaBroker {
    process: Option<Child>,
    ports: Ports,
    certificates: Certificates,
    home: PathBuf,
    directory: TempDir,
}

impl KafkaBroker {
    /// Starts one and waits until it answers.
    ///
    /// # Panics
    /// If `EVENTER_KAFKA_HOME` is not given, or the broker does not start; the message has the end of its log.
    pub async fn start() -> Self {
        loop {
            let mut broker = Self::prepare().await;
            match broker.run().await {
                Ok(()) => return broker,
                // Somebody was quicker to take a port that had been free.
                Err(problem) if problem.contains("Address already in use") => {}
                Err(problem) => panic!("{problem}"),
            }
        }
    }

    /// Prepares one that does not run yet, but has its addresses already.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub async fn prepare() -> Self {
        let home = home();
        let directory = TempDir::with_prefix("eventer-kafka-").expect("there is room for temporary files");
        let ports = Ports::free(RandomState::new().hash_one(directory.path()));
        let certificates = Certificates::new().expect("certificates can be made");
        for (name, text) in properties::pem_files(&certificates) {
            fs::write(directory.path().join(name), text).expect("the directory can be written to");
        }
        let text = properties::text(directory.path(), &ports);
        fs::write(directory.path().join("server.properties"), text).expect("the directory can be written to");
        let broker = Self { process: None, ports, certificates, home, directory };
        broker.format().await;
        broker
    }

    /// The address of a listener, `127.0.0.1:port`. It stays the same when the broker is started again.
    #[must_use]
    pub fn address(&self, listener: Listener) -> String {
        format!("127.0.0.1:{}", self.ports.of(listener))
    }

    /// What its TLS listeners show and want.
    #[must_use]
    pub fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    /// Kills it: SIGKILL, in the middle of whatever it does.
    ///
    /// # Panics
    /// If it does not run.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("the broker runs");
        process.kill().expect("a child can be killed");
        process.wait().expect("a child can be waited for");
    }

    /// Starts it on its ports and on what it had stored, and waits until it answers.
    ///
    /// # Panics
    /// If it runs already or does not start.
    pub async fn restart(&mut self) {
        if let Err(problem) = self.run().await {
            panic!("{problem}");
        }
    }

    /// The topics that there are, without Kafka's own.
    ///
    /// # Panics
    /// If the broker does not answer.
    pub async fn topics(&self) -> Vec<String> {
        self.ask(Reader::topics).await
    }

    /// How many records a topic holds.
    ///
    /// # Panics
    /// If the broker does not answer.
    pub async fn count(&self, topic: &str) -> i64 {
        let topic = topic.to_owned();
        self.ask(move |reader| reader.count(&topic)).await
    }

    /// All that a topic holds now, each partition in its order.
    ///
    /// # Panics
    /// If the broker does not answer.
    pub async fn records(&self, topic: &str) -> Vec<Record> {
        let topic = topic.to_owned();
        self.ask(move |reader| reader.read(&topic)).await
    }

    /// The batches of a topic as they lie in the broker's files.
    ///
    /// # Panics
    /// If the files cannot be read.
    #[must_use]
    pub fn stored_batches(&self, topic: &str) -> Vec<StoredBatch> {
        segments::batches(&self.directory.path().join("data"), topic).expect("the broker has its data")
    }

    async fn run(&mut self) -> Result<(), String> {
        assert!(self.process.is_none(), "the broker runs already");
        let mut command = self.java();
        let process = command.arg("kafka.Kafka").arg("server.properties").spawn();
        self.process = Some(process.expect("java is in the PATH"));
        let deadline = Instant::now() + PATIENCE;
        loop {
            let is_ready = self.ask(|reader| Ok(reader.is_ready(Duration::from_millis(500))));
            match timeout_at(deadline, is_ready).await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(_) => {
                    return Err(format!("the broker did not answer within {PATIENCE:?}:\n{}", self.log()));
                }
            }
            let ended = self.process.as_mut().expect("it was started").try_wait().expect("it is a child");
            if let Some(status) = ended {
                self.process = None;
                return Err(format!("the broker ended with {status}:\n{}", self.log()));
            }
        }
    }

    /// Asks the broker, and again while a partition has no leader: after a start there is none for a moment.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl Fn(&Reader) -> Result<T, KafkaError> + Clone + Send + 'static,
    ) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (address, question) = (self.address(Listener::Plaintext), question.clone());
            #[expect(clippy::disallowed_methods, reason = "each question has a time limit of its own")]
            let answer = tokio::task::spawn_blocking(move || {
                Reader::new(&address).and_then(|reader| question(&reader))
            });
            match answer.await.expect("asking does not panic") {
                Ok(answer) => return answer,
                Err(error) if has_no_leader(&error) && Instant::now() < deadline => {}
                Err(error) => panic!("the broker did not answer: {error}\n{}", self.log()),
            }
        }
    }

    /// Makes the storage, and in it the users whose passwords are not in the properties.
    async fn format(&self) {
        let mut command = self.java();
        command.args(["kafka.tools.StorageTool", "format", "--config", "server.properties"]);
        command.args(["--cluster-id", "ZXZlbnRlcnRlc3RrYWZrYQ"]);
        for Credentials { mechanism, user, password } in [SCRAM_SHA_256, SCRAM_SHA_512] {
            command.args(["--add-scram", &format!("{mechanism}=[name={user},password={password}]")]);
        }
        let mut process =
            tokio::process::Command::from(command).kill_on_drop(true).spawn().expect("java is in the PATH");
        let status = process.wait().await.expect("a child can be waited for");
        assert!(status.success(), "the storage was not formatted:\n{}", self.log());
    }

    /// Kafka's Java, in the broker's directory, with little memory and quick to start.
    fn java(&self) -> Command {
        let log =
            File::options().create(true).append(true).open(self.log_path()).expect("the log can be opened");
        let errors = log.try_clone().expect("a file can be had twice");
        let mut command = Command::new("java");
        command
            .args(["-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-Xshare:auto", "-Djava.awt.headless=true"])
            .arg("-cp")
            .arg(self.home.join("libs").join("*"))
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors);
        command
    }

    fn log_path(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    /// What Java said last.
    fn log(&self) -> String {
        let text = fs::read_to_string(self.log_path()).unwrap_or_default();
        let skipped = text.lines().count().saturating_sub(30);
        text.lines().skip(skipped).map(|line| format!("{line}\n")).collect()
    }
}

impl Drop for KafkaBroker {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.kill();
        }
    }
}

fn has_no_leader(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(RDKafkaErrorCode::NotLeaderForPartition | RDKafkaErrorCode::LeaderNotAvailable)
    )
}

fn home() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "where servers are is a matter of the machine that tests")]
    let home = std::env::var("EVENTER_KAFKA_HOME");
    let home = home.expect("EVENTER_KAFKA_HOME is not given; try EVENTER_KAFKA_HOME=$(.ci/servers/kafka)");
    let home = PathBuf::from(home);
    assert!(home.join("libs").is_dir(), "there is no {}/libs; try .ci/servers/kafka", home.display());
    // The broker runs in a directory of its own.
    home.canonicalize().expect("a directory that is there has a path")
}
