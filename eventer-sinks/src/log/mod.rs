//! Writes events to standard output.
