//! A real InfluxDB 1, as Debian packages it: started, killed, started again, asked.
//!
//! `EVENTER_INFLUXD` is its program; else `influxd` is looked for in the `PATH`. `.ci/servers/influxdb` installs it.

use std::ffi::OsString;
use std::fs;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long a start may take. Far more than the second that it takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// The administrator of a server that asks who one is.
pub const ADMIN: &str = "admin";
/// Its password.
pub const ADMIN_PASSWORD: &str = "admin-secret";

/// A server with nothing in it, on loopback. It dies with this, and leaves nothing behind.
#[derive(Debug)]
pub struct InfluxDb {
    process: Option<Child>,
    /// Zero until the first start has found a free one.
    port: u16,
    has_auth: bool,
    folder: TempDir,
}

impl InfluxDb {
    /// Starts one that takes anybody for an administrator.
    ///
    /// # Panics
    /// If the program is missing or does not start; the message has its log.
    pub async fn start() -> Self {
        Self::start_one(false).await
    }

    /// Starts one that knows [`ADMIN`] and nobody else.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub async fn start_with_auth() -> Self {
        let server = Self::start_one(true).await;
        let create = format!("CREATE USER {ADMIN} WITH PASSWORD '{ADMIN_PASSWORD}' WITH ALL PRIVILEGES");
        server.query("", &create).await;
        server
    }

    /// Its URL, without a slash at the end. It stays the same when the server is started again.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Kills it: SIGKILL, in the middle of whatever it does.
    ///
    /// # Panics
    /// If it does not run.
    pub async fn kill(&mut self) {
        let mut process = self.process.take().expect("the server runs");
        process.kill().await.expect("a child can be killed");
    }

    /// Starts it on its port and on what it had stored, and waits until it answers.
    ///
    /// # Panics
    /// If it runs already or does not start.
    pub async fn restart(&mut self) {
        assert!(self.process.is_none(), "the server runs already");
        self.run().await;
    }

    /// Asks the statements of InfluxQL, as the administrator. The times of points are nanoseconds.
    ///
    /// # Panics
    /// If the server does not answer, or says that something is wrong with a statement.
    pub async fn query(&self, database: &str, statements: &str) -> Value {
        let body = format!("db={}&epoch=ns&q={}", encode(database), encode(statements));
        let user = format!("u={ADMIN}&p={ADMIN_PASSWORD}");
        // Of HTTP 1.0, so that the answer ends where the connection does.
        let request = format!(
            "POST /query?{user} HTTP/1.0\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.expect("the server listens");
        stream.write_all(request.as_bytes()).await.expect("the server reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("the server answers");
        let (_, json) = answer.split_once("\r\n\r\n").expect("an answer has a head and a body");
        let json: Value = serde_json::from_str(json).expect("an answer is JSON");
        assert!(!json.to_string().contains("\"error\":"), "{statements}: {json}");
        json
    }

    /// All points of a measurement, in the order of their times: the values of `columns`.
    ///
    /// # Panics
    /// As [`query`](Self::query).
    pub async fn points(&self, database: &str, measurement: &str, columns: &[&str]) -> Vec<Vec<Value>> {
        let columns: Vec<String> = columns.iter().map(|column| format!("\"{column}\"")).collect();
        let statement = format!("SELECT {} FROM \"default\".\"{measurement}\"", columns.join(", "));
        let answer = self.query(database, &statement).await;
        let rows = answer["results"][0]["series"][0]["values"].as_array().cloned().unwrap_or_default();
        let cells = rows.iter().filter_map(Value::as_array);
        // Without the time, which InfluxDB puts before the columns that were asked for.
        cells.map(|cells| cells[cells.len() - columns.len()..].to_vec()).collect()
    }

    async fn start_one(has_auth: bool) -> Self {
        let folder = TempDir::with_prefix("eventer-influxdb-").expect("there is room for temporary files");
        let mut server = Self { process: None, port: 0, has_auth, folder };
        server.run().await;
        server
    }

    /// Runs the program until it listens.
    async fn run(&mut self) {
        let config = self.folder.path().join("influxdb.conf");
        fs::write(&config, self.config()).expect("the folder can be written to");
        let program = std::env::var_os("EVENTER_INFLUXD").unwrap_or_else(|| OsString::from("influxd"));
        let mut process = Command::new(&program)
            .arg("-config")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "{} could not be started: {error}; install InfluxDB 1 with .ci/servers/influxdb, or name its program in EVENTER_INFLUXD",
                    program.display()
                )
            });
        let mut lines = BufReader::new(process.stderr.take().expect("it is piped")).lines();
        let mut log = String::new();
        let listening = async {
            while let Ok(Some(line)) = lines.next_line().await {
                if line.contains("Listening on HTTP") {
                    return port(&line);
                }
                log.push_str(&line);
                log.push('\n');
            }
            None
        };
        let found = timeout(PATIENCE, listening).await.ok().flatten();
        self.port = found.unwrap_or_else(|| panic!("influxd does not listen:\n{log}"));
        // It would stand still if nobody read what it says.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        self.process = Some(process);
    }

    fn config(&self) -> String {
        let folder = self.folder.path().display();
        let (port, has_auth) = (self.port, self.has_auth);
        format!(
            "reporting-disabled = true\nbind-address = \"127.0.0.1:0\"\n\
             [meta]\ndir = \"{folder}/meta\"\n\
             [data]\ndir = \"{folder}/data\"\nwal-dir = \"{folder}/wal\"\n\
             [http]\nbind-address = \"127.0.0.1:{port}\"\nauth-enabled = {has_auth}\nlog-enabled = false\n\
             [monitor]\nstore-enabled = false\n"
        )
    }
}

/// The port in a line of the log that says `addr=127.0.0.1:8086`.
fn port(line: &str) -> Option<u16> {
    let (_, rest) = line.split_once("addr=127.0.0.1:")?;
    rest.split_whitespace().next()?.parse().ok()
}

fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
