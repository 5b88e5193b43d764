//! Appends events to a file, one line an event, and rotates it by size and by time.
//!
//! `--sink=file:/var/log/events.jsonl?rotate_size=100Mi&keep=5`. The lines are those of [`line`](crate::line), which
//! other sinks share; JSON by default.
//!
//! - A file that was moved away or removed is made anew before the next batch; one that was emptied is gone on with.
//! - A line that a killed process left half written is closed by a newline. A batch that does not fit on the disk is
//!   taken back to its first byte, so that the next attempt leaves no broken and no double lines.
//! - Old files are `PATH.<UTC time of the rotation>` and then `….gz`; their names sort by age. They are compressed in
//!   the background, and what a killed process left undone is done by the next one.
//! - Pipes, sockets, devices and everything below `/dev` and `/proc` are never rotated and never taken back: there,
//!   an open line is finished first.
//! - Lines are handed to the operating system; they are not synced to the disk one by one.

mod appender;
mod config;
mod history;
mod sink;
mod trial;

pub use config::FileConfig;
pub use sink::FileSink;

#[cfg(test)]
mod tests;
