//! The file itself: what is stored together stays together, and no file is harmed.
