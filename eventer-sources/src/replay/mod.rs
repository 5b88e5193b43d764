//! Plays a recording of events.
