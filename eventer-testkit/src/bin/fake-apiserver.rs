//! A fake API server, for benchmarks and for trying things out: with a flood of events, or with recorded ones.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use eventer_testkit::FakeApiServer;
use eventer_testkit::flood::Flood;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let flags = command().get_matches();
    // One thread: the benchmark's other cores belong to what is measured.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.and_then(|runtime| runtime.block_on(run(&flags))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(io::stderr(), "fake-apiserver: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn command() -> Command {
    let number =
        |name: &'static str| Arg::new(name).long(name).value_name("N").value_parser(value_parser!(u64));
    let file = |name: &'static str| {
        Arg::new(name).long(name).value_name("FILE").value_parser(value_parser!(PathBuf))
    };
    Command::new("fake-apiserver")
        .about("A fake Kubernetes API server that floods a watch with events")
        .arg(
            Arg::new("listen")
                .long("listen")
                .value_name("ADDRESS")
                .default_value("127.0.0.1:0")
                .value_parser(value_parser!(SocketAddr))
                .help("Where to listen; port 0 takes a free one. The URL is printed when it is ready"),
        )
        .arg(number("events").default_value("0").help("Events to send to a watch from the list's version on"))
        .arg(number("listed").default_value("0").help("Events that exist already, for lists in pages"))
        .arg(
            Arg::new("rate")
                .long("rate")
                .value_name("R")
                .value_parser(value_parser!(NonZeroU64))
                .help("Events a second [default: as fast as the reader takes them]"),
        )
        .arg(Arg::new("bookmarks").long("bookmarks").action(ArgAction::SetTrue).help("Send bookmarks"))
        .arg(
            Arg::new("after-flood")
                .long("after-flood")
                .value_parser(["hold", "end"])
                .default_value("hold")
                .help("Keep the watch open when all is sent, or end it and the process"),
        )
        .arg(file("objects").help("Recorded lists of objects to have, a line each with `path` and `list`"))
        .arg(
            file("play")
                .conflicts_with_all(["events", "listed", "rate", "bookmarks", "after-flood"])
                .help("Instead of a flood, play these lines of a watch once somebody watches"),
        )
}

async fn run(flags: &ArgMatches) -> io::Result<()> {
    let number = |name: &str| flags.get_one::<u64>(name).copied().unwrap_or(0);
    let ends = flags.get_one::<String>("after-flood").is_some_and(|word| word == "end");
    let mut flood = Flood::new(number("events"))
        .with_listed(number("listed"))
        .with_bookmarks(flags.get_flag("bookmarks"))
        .ending(ends);
    if let Some(rate) = flags.get_one::<NonZeroU64>("rate") {
        flood = flood.with_rate(*rate);
    }
    let address = *flags.get_one::<SocketAddr>("listen").expect("the flag has a default");
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let read = |name: &str| flags.get_one::<PathBuf>(name).map(std::fs::read_to_string).transpose();
    let (objects, lines) = (read("objects")?, read("play")?);
    let server = match lines {
        Some(_) => FakeApiServer::start_on(address).await?,
        None => FakeApiServer::start_flood(address, flood).await?,
    };
    server.load(&objects.unwrap_or_default());
    writeln!(io::stdout(), "{}", server.url())?;
    if let Some(lines) = lines {
        tokio::select! {
            () = server.wait_for_watch() => lines.lines().for_each(|line| _ = server.replay(line)),
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
        }
    }
    tokio::select! {
        () = server.wait_for_flood_end(), if ends => {}
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    server.stop().await;
    Ok(())
}
