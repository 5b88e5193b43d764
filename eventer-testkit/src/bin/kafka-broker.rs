//! A Kafka broker of its own, for benchmarks and for trying things out.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Command;
use eventer_testkit::live::kafka::{KafkaBroker, Listener};
use tokio::io::{AsyncBufReadExt as _, BufReader};

fn main() -> ExitCode {
    Command::new("kafka-broker")
        .about("Starts the Kafka of EVENTER_KAFKA_HOME in a folder of its own")
        .after_help(
            "Prints its address when it answers. For each line of standard input, the name of a topic, it prints how \
             many records that topic holds. It ends, and all that is stored with it, when standard input does.",
        )
        .get_matches();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.and_then(|runtime| runtime.block_on(run())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(io::stderr(), "kafka-broker: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run() -> io::Result<()> {
    let broker = KafkaBroker::start().await;
    writeln!(io::stdout(), "{}", broker.address(Listener::Plaintext))?;
    let mut topics = BufReader::new(tokio::io::stdin()).lines();
    while let Some(topic) = topics.next_line().await? {
        writeln!(io::stdout(), "{}", broker.count(&topic).await)?;
    }
    Ok(())
}
