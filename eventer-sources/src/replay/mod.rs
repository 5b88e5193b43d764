//! Plays a recording of events, from a file or from standard input, and ends.
//!
//! `--source=replay:FILE?speed=10x`. A recording holds any mix of
//! - lines of a watch (`{"type":"ADDED","object":{…}}`, what `kubectl get events --watch --output-watch-events -o json`
//!   and `curl …/events?watch=1` write); DELETED, BOOKMARK and ERROR are passed over;
//! - Events of core/v1 or events.k8s.io/v1, one a line or spread over many;
//! - EventLists, Lists and JSON arrays of Events.
//!
//! gzip is known by its first bytes, whatever the file is called.
//!
//! Memory is bounded whatever the size of the file: the file is cut into Events while it is read ([`split`]), a list into
//! its items, and reading stops while nobody takes what was read. Only a single Event must fit into [`split::MAX_DOCUMENT`].
//! What is no Event is counted, logged now and then, and passed over; a line that was cut off costs that line only.
//!
//! A position is the number of a record in the file, so that a stopped replay goes on where it was if the file is
//! the same. Standard input has no positions.

mod config;
mod player;
mod record;
mod source;
mod split;

pub use config::ReplayConfig;
pub use source::ReplaySource;

#[cfg(test)]
mod tests;
