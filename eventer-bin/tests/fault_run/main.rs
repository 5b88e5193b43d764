//! The proof that nothing is lost: the real program with a state directory, while everything around it and it itself
//! dies by a seed. In the end each destination must have had each event, in order, and repeats within what is promised.
//!
//! ```text
//! EVENTER_FAULT_SEED=7 EVENTER_FAULT_SECONDS=60 cargo test -p eventer-bin --test fault_run -- --nocapture
//! ```
//!
//! `world` makes the events and remembers them, `destinations` takes them or refuses to, `program` is the process,
//! `driver` decides by the seed what happens, and `account` is what must hold in the end.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

mod account;
mod destinations;
mod driver;
mod program;
mod world;

use std::io::Write as _;
use std::time::Duration;

use account::Account;
use driver::Driver;

/// A seed whose run has a bit of everything.
const SEED: u64 = 20;

/// How long everything goes wrong, unless `EVENTER_FAULT_SECONDS` says otherwise.
const SECONDS: u64 = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_whatever_dies() {
    let seed = number("EVENTER_FAULT_SEED").unwrap_or(SEED);
    run(seed, Duration::from_secs(number("EVENTER_FAULT_SECONDS").unwrap_or(SECONDS))).await;
}

/// A run as no one has seen it before, for those who look for trouble.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "as long as it is told, with another seed each time"]
async fn nothing_is_lost_by_any_seed() {
    let seed = number("EVENTER_FAULT_SEED").unwrap_or_else(|| fastrand::u64(..1 << 32));
    run(seed, Duration::from_secs(number("EVENTER_FAULT_SECONDS").unwrap_or(SECONDS))).await;
}

async fn run(seed: u64, time: Duration) {
    tell(&format!("fault run: EVENTER_FAULT_SEED={seed} EVENTER_FAULT_SECONDS={}", time.as_secs()));
    let mut driver = Driver::start(seed).await;
    driver.make_trouble(time).await;
    let drained = driver.heal_and_drain().await;
    let account = Account::draw(driver.end().await);
    tell(&format!("fault run: seed {seed}: {}", account.summary()));
    let mut wrong: Vec<String> = drained.err().into_iter().chain(account.check()).collect();
    if !wrong.is_empty() {
        let kept = driver.keep();
        let (story, count) = (driver.story(), wrong.len());
        wrong.truncate(30);
        panic!(
            "EVENTER_FAULT_SEED={seed} EVENTER_FAULT_SECONDS={}: {count} things are wrong; the files are in {}\n\
             {story}\n{}",
            time.as_secs(),
            kept.display(),
            wrong.join("\n"),
        );
    }
}

/// Says something at once, also while the output of tests is caught.
fn tell(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}

#[expect(clippy::disallowed_methods, reason = "the way to hand something to a test")]
fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}
