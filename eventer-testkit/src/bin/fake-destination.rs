//! A fake HTTP destination that counts requests, for benchmarks.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Arg, ArgMatches, Command, value_parser};
use eventer_testkit::{FakeDestination, Reply};
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let flags = command().get_matches();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.and_then(|runtime| runtime.block_on(run(&flags))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(io::stderr(), "fake-destination: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn command() -> Command {
    Command::new("fake-destination")
        .about("A fake HTTP destination that counts what it gets")
        .arg(
            Arg::new("listen")
                .long("listen")
                .value_name("ADDRESS")
                .default_value("127.0.0.1:0")
                .value_parser(value_parser!(SocketAddr))
                .help("Where to listen; port 0 takes a free one. The URL is printed when it is ready"),
        )
        .arg(
            Arg::new("mode")
                .long("mode")
                .default_value("ok")
                .value_parser(parse_mode)
                .help("What to do with a request: ok, hang, 500, 429, slow=MILLISECONDS, body=TEXT (200 with this body)"),
        )
}

fn parse_mode(text: &str) -> Result<Reply, String> {
    match text {
        "ok" => Ok(Reply::ok()),
        "hang" => Ok(Reply::Hang),
        "500" => Ok(Reply::status(500)),
        "429" => Ok(Reply::too_many_requests(1)),
        _ => match text.split_once('=') {
            Some(("body", body)) => Ok(Reply::ok().with_body(body.to_owned())),
            Some(("slow", delay)) => {
                let delay = delay.parse().map_err(|_| format!("\"{delay}\" is no number of milliseconds"))?;
                Ok(Reply::ok().after(Duration::from_millis(delay)))
            }
            _ => Err("expected ok, hang, 500, 429, slow=MILLISECONDS or body=TEXT".to_owned()),
        },
    }
}

async fn run(flags: &ArgMatches) -> io::Result<()> {
    let address = *flags.get_one::<SocketAddr>("listen").expect("the flag has a default");
    let mode = flags.get_one::<Reply>("mode").expect("the flag has a default");
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let destination = FakeDestination::start_on(address).await?;
    destination.set_default(mode.clone());
    destination.set_recording(false);
    writeln!(io::stdout(), "{}", destination.url())?;
    tokio::select! {
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    writeln!(io::stderr(), "requests: {}", destination.count())?;
    destination.stop().await;
    Ok(())
}
