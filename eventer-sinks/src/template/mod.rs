//! Go text/template over an event, for the sinks whose text is the user's own.
