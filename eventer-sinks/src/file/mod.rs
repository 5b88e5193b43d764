//! Writes events to a file.
