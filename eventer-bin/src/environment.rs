//! What the process gets from outside: arguments, variables, the machine's limits. The one place that asks for it.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::IsTerminal;
use std::num::NonZeroUsize;
use std::path::Path;
use std::thread;

use eventer_core::uri::ByteSize;
use eventer_core::{Environment, report};
use jiff::tz::TimeZone;

/// The memory that the journal may take if there is no limit.
const JOURNAL_SIZE: ByteSize = ByteSize(32 << 20);

/// The part of the memory limit that the journal may take.
const JOURNAL_SHARE: u64 = 4;

/// The most worker threads if no number was given: more cost memory and are seldom busy.
const WORKER_THREADS: NonZeroUsize = NonZeroUsize::new(2).expect("2 is not zero");

/// Where the kernel tells the memory limit of this process' cgroup, in version 2 and in version 1.
const MEMORY_LIMITS: [&str; 2] = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

/// Where Linux tells which signals this process ignores. Elsewhere none is taken for ignored.
const PROCESS_STATUS: &str = "/proc/self/status";

/// The variables of the process, and the files of the machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    #[expect(clippy::disallowed_methods, reason = "the one place that may read variables")]
    fn get(&self, name: &str) -> Option<String> {
        env::var(name).ok()
    }

    fn read(&self, path: &str) -> Result<String, String> {
        let content = fs::read(path).map_err(|error| error.to_string())?;
        let text = String::from_utf8(content).map_err(|_| "it is no text in UTF-8".to_owned())?;
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }
}

/// The arguments, without the program's name.
pub(crate) fn arguments() -> impl Iterator<Item = OsString> {
    env::args_os().skip(1)
}

/// Whether standard output is a terminal.
pub(crate) fn stdout_is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// Whether standard input is a terminal.
pub(crate) fn stdin_is_terminal() -> bool {
    std::io::stdin().is_terminal()
}

/// Whether standard error is a terminal.
pub(crate) fn stderr_is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// Whether the log may be coloured: standard error is a terminal, and the user has nothing against it.
pub(crate) fn stderr_takes_colours() -> bool {
    stderr_is_terminal() && allows_colours()
}

/// Whether standard output is a terminal that can be told where to write.
pub(crate) fn stdout_takes_sequences() -> bool {
    stdout_is_terminal() && ProcessEnvironment.get("TERM").is_none_or(|terminal| terminal != "dumb")
}

/// Whether standard output may be coloured.
pub(crate) fn stdout_takes_colours() -> bool {
    stdout_takes_sequences() && allows_colours()
}

/// How many columns the terminal of standard output has now.
pub(crate) fn stdout_columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Whether the user has nothing against colours (<https://no-color.org>).
fn allows_colours() -> bool {
    ProcessEnvironment.get("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The zone of `TZ` or of the system; UTC if there is none. Warns of a `TZ` that names none.
pub(crate) fn time_zone() -> TimeZone {
    TimeZone::try_system().unwrap_or_else(|error| {
        // An image without zone files has no zone of the system, and nobody has asked for one.
        if ProcessEnvironment.get("TZ").is_some_and(|zone| !zone.is_empty()) {
            tracing::warn!(
                error = report(&error),
                "the time zone of TZ is not known; times are written in UTC"
            );
        }
        TimeZone::UTC
    })
}

/// Whether the program was started with SIGHUP ignored, as by `nohup`.
pub(crate) fn ignores_hangup() -> bool {
    fs::read_to_string(PROCESS_STATUS).is_ok_and(|status| ignores_hangup_by(&status))
}

fn ignores_hangup_by(status: &str) -> bool {
    // SIGHUP is signal 1, which is the lowest bit.
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

/// How many worker threads to start if no number was given.
pub(crate) fn worker_threads() -> NonZeroUsize {
    thread::available_parallelism().map_or(NonZeroUsize::MIN, |cpus| cpus.min(WORKER_THREADS))
}

/// How much memory the journal may take if no size was given.
pub(crate) fn journal_size() -> ByteSize {
    let limits = MEMORY_LIMITS.iter().filter_map(|path| memory_limit(Path::new(path)));
    journal_size_under(limits.min())
}

fn journal_size_under(limit: Option<u64>) -> ByteSize {
    limit.map_or(JOURNAL_SIZE, |limit| ByteSize(limit / JOURNAL_SHARE).min(JOURNAL_SIZE))
}

/// No limit is the word `max`, or a number that no machine has.
fn memory_limit(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_takes_a_quarter_of_a_small_limit() {
        assert_eq!(journal_size_under(None), JOURNAL_SIZE);
        assert_eq!(journal_size_under(Some(64 << 20)), ByteSize(16 << 20));
        assert_eq!(journal_size_under(Some(1 << 40)), JOURNAL_SIZE);
    }

    #[test]
    fn an_ignored_hangup_is_seen_among_other_signals() {
        assert!(ignores_hangup_by("Name:\teventer\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\n"));
        assert!(!ignores_hangup_by("SigBlk:\t0000000000000001\nSigIgn:\t0000000000001000\n"));
        assert!(!ignores_hangup_by(""));
    }

    #[test]
    fn a_memory_limit_is_read_as_the_kernel_writes_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("memory.max");
        assert_eq!(memory_limit(&path), None);
        fs::write(&path, "134217728\n").unwrap();
        assert_eq!(memory_limit(&path), Some(128 << 20));
        fs::write(&path, "max\n").unwrap();
        assert_eq!(memory_limit(&path), None);
    }
}
