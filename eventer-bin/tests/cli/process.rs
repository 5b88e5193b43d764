//! Starts the program and waits for what it says; nothing here waits for a span of time.

use std::ffi::OsStr;
use std::future::Future;
use std::net::SocketAddr;
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::timeout;

/// When a test is given up. Far more than it takes.
const GIVE_UP: Duration = Duration::from_secs(60);

/// A port of the tests' own machine, for programs that need not be asked anything.
pub(crate) const QUIET: [&str; 2] = ["--healthz-ip=127.0.0.1", "--healthz-port=0"];

/// What a program that has ended said.
pub(crate) struct Ended {
    /// Its exit code.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

/// A program that runs, with its log as JSON. It dies with this.
pub(crate) struct Running {
    child: Child,
    stdout: Option<Lines<BufReader<ChildStdout>>>,
    stderr: Option<Lines<BufReader<ChildStderr>>>,
    log: Vec<String>,
}

/// Runs `eventer` to its end, with an environment of its own.
pub(crate) async fn eventer(arguments: &[&str]) -> Ended {
    eventer_in(arguments, &[]).await
}

/// Runs `eventer` to its end with these variables.
pub(crate) async fn eventer_in(arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut command = command(env!("CARGO_BIN_EXE_eventer"), arguments);
    let output = command.envs(variables.iter().copied()).kill_on_drop(true).output();
    Ended::new(soon(output).await.unwrap())
}

/// Waits for what will be soon.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(GIVE_UP, future).await.expect("it did not happen in a minute")
}

fn command(program: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().stdin(Stdio::null());
    command
}

impl Ended {
    fn new(output: Output) -> Self {
        Self {
            code: output.status.code().expect("it ended by itself"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The log, given with `--log-format=json`.
    pub(crate) fn log(&self) -> Vec<Value> {
        self.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Asserts that standard error has a line with all of these parts.
    #[track_caller]
    pub(crate) fn says(&self, parts: &[&str]) {
        let found = self.stderr.lines().any(|line| parts.iter().all(|part| line.contains(part)));
        assert!(found, "no line with {parts:?} in:\n{}", self.stderr);
    }
}

impl Running {
    /// Starts `eventer` with these arguments, its admin server on a free port of this machine.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_program(env!("CARGO_BIN_EXE_eventer"), arguments)
    }

    /// Starts a program that is made of `eventer`.
    pub(crate) fn start_program(program: impl AsRef<OsStr>, arguments: &[&str]) -> Self {
        Self::spawn(command(program, &[]), arguments)
    }

    /// Starts a command of `eventer`, which has no admin server and writes its log for people.
    pub(crate) fn start_command(arguments: &[&str]) -> Self {
        Self::pipe(command(env!("CARGO_BIN_EXE_eventer"), arguments))
    }

    /// Starts `eventer` as `nohup` does.
    pub(crate) fn start_under_nohup(arguments: &[&str]) -> Self {
        Self::spawn(command("nohup", &[env!("CARGO_BIN_EXE_eventer")]), arguments)
    }

    /// Starts `eventer` such that no file of it can grow beyond so many bytes, which is to it as if the disk were full.
    pub(crate) fn start_with_little_room(bytes: u32, arguments: &[&str]) -> Self {
        let limit = format!("--fsize={bytes}:unlimited");
        // The signal would end it; a write that fails is what a full disk does.
        let ignoring = "trap '' XFSZ; exec \"$0\" \"$@\"";
        Self::spawn(
            command("prlimit", &[&limit, "sh", "-c", ignoring, env!("CARGO_BIN_EXE_eventer")]),
            arguments,
        )
    }

    /// Lets its files grow as they like.
    pub(crate) async fn has_room_again(&self) {
        let pid = self.child.id().expect("it runs").to_string();
        let status = Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited"]).status();
        assert!(soon(status).await.unwrap().success());
    }

    fn spawn(mut command: Command, arguments: &[&str]) -> Self {
        command.args(QUIET).arg("--log-format=json").args(arguments);
        Self::pipe(command)
    }

    fn pipe(mut command: Command) -> Self {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn();
        let mut child = child.unwrap();
        let stdout = Some(BufReader::new(child.stdout.take().unwrap()).lines());
        let stderr = Some(BufReader::new(child.stderr.take().unwrap()).lines());
        Self { child, stdout, stderr, log: Vec::new() }
    }

    /// Waits for a line of the log with this message.
    pub(crate) async fn logs(&mut self, message: &str) -> Value {
        let log = &mut self.log;
        let stderr = self.stderr.as_mut().expect("the log is read");
        soon(async {
            loop {
                let Some(line) = stderr.next_line().await.unwrap() else {
                    panic!("it ended without {message:?}:\n{}", log.join("\n"));
                };
                log.push(line);
                let entry: Value = serde_json::from_str(log.last().unwrap()).unwrap();
                if begins_with(&entry, message) {
                    return entry;
                }
            }
        })
        .await
    }

    /// Waits for a line of the log with this message, unless it was there already.
    pub(crate) async fn has_logged(&mut self, message: &str) -> Value {
        let entries = self.log.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let earlier = entries.into_iter().find(|entry| begins_with(entry, message));
        match earlier {
            Some(entry) => entry,
            None => self.logs(message).await,
        }
    }

    /// Waits for a line on standard output.
    pub(crate) async fn prints(&mut self) -> String {
        let stdout = self.stdout.as_mut().expect("standard output is read");
        soon(stdout.next_line()).await.unwrap().expect("a line on standard output")
    }

    /// Waits for the address of its admin server.
    pub(crate) async fn admin_address(&mut self) -> SocketAddr {
        self.logs("admin server listens").await["address"].as_str().unwrap().parse().unwrap()
    }

    /// Closes the reading end of its standard output.
    pub(crate) fn close_output(&mut self) {
        self.stdout = None;
    }

    /// Closes the reading end of its log.
    pub(crate) fn close_log(&mut self) {
        self.stderr = None;
    }

    /// Sends it a signal, such as `TERM`.
    pub(crate) async fn signal(&self, name: &str) {
        let pid = self.child.id().expect("it runs").to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(soon(status).await.unwrap().success());
    }

    /// Kills it, and waits until it is dead.
    pub(crate) async fn kill(mut self) {
        soon(self.child.kill()).await.unwrap();
    }

    /// Waits for its end: the exit code, the rest of standard output, and the whole log.
    pub(crate) async fn ends(mut self) -> Ended {
        soon(async {
            let (mut out, mut err): (String, String) =
                (String::new(), self.log.iter().map(|line| format!("{line}\n")).collect());
            let output = async {
                match self.stdout {
                    Some(stdout) => stdout.into_inner().read_to_string(&mut out).await.unwrap(),
                    None => 0,
                }
            };
            let log = async {
                match self.stderr {
                    Some(stderr) => stderr.into_inner().read_to_string(&mut err).await.unwrap(),
                    None => 0,
                }
            };
            tokio::join!(output, log);
            let code = self.child.wait().await.unwrap().code().expect("it ended by itself");
            Ended { code, stdout: out, stderr: err }
        })
        .await
    }
}

fn begins_with(entry: &Value, message: &str) -> bool {
    entry["message"].as_str().is_some_and(|text| text.starts_with(message))
}

/// Waits until `/metrics` has this part.
pub(crate) async fn metrics_show(address: SocketAddr, part: &str) {
    soon(async { while !get(address, "/metrics").await.1.contains(part) {} }).await;
}

/// Asks an HTTP server, and gives status and body.
pub(crate) async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    soon(async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.unwrap();
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    })
    .await
}
