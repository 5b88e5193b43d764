//! Events as lines of text, for the sinks that write lines.
