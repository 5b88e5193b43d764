//! Cuts a stream of chunks into lines, without a copy where a chunk holds whole lines.

use bytes::Bytes;
use memchr::memchr;

/// A line that came in pieces keeps its room for the next one, unless it is more than this.
const KEPT_CAPACITY: usize = 64 * 1024;

/// Cuts chunks into lines of at most a certain length. A longer line is skipped to its end.
#[derive(Debug)]
pub struct Lines {
    limit: usize,
    chunk: Bytes,
    /// How much of `chunk` is cut.
    cut: usize,
    /// The beginning of a line whose end has not come.
    partial: Vec<u8>,
    /// `partial` was handed out whole.
    is_partial_done: bool,
    /// Length so far of a line that is too long, while its end has not come.
    skipped: Option<usize>,
}

/// What [`Lines::next_line`] finds.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A line without its line feed.
    Whole(&'a [u8]),
    /// A line of so many bytes was longer than the limit, and is skipped.
    TooLong(usize),
}

impl Lines {
    /// Cuts lines of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        let (chunk, partial) = (Bytes::new(), Vec::new());
        Self { limit, chunk, cut: 0, partial, is_partial_done: false, skipped: None }
    }

    /// Adds the next chunk. Take all lines of the one before first: what is left of it is lost.
    pub fn push(&mut self, chunk: Bytes) {
        debug_assert!(self.cut == self.chunk.len(), "lines of the chunk before were not taken");
        self.chunk = chunk;
        self.cut = 0;
    }

    /// The next line; `None` when the next chunk is needed.
    pub fn next_line(&mut self) -> Option<Line<'_>> {
        if std::mem::take(&mut self.is_partial_done) {
            self.partial.clear();
            self.partial.shrink_to(KEPT_CAPACITY);
        }
        let rest = &self.chunk[self.cut..];
        let Some(length) = memchr(b'\n', rest) else {
            self.cut = self.chunk.len();
            match &mut self.skipped {
                Some(skipped) => *skipped += rest.len(),
                None if self.partial.len() + rest.len() > self.limit => {
                    self.skipped = Some(self.partial.len() + rest.len());
                    self.partial = Vec::new();
                }
                None => self.partial.extend_from_slice(rest),
            }
            return None;
        };
        let start = self.cut;
        self.cut += length + 1;
        let whole = self.skipped.take().unwrap_or(self.partial.len()) + length;
        if whole > self.limit {
            self.is_partial_done = true;
            return Some(Line::TooLong(whole));
        }
        let end = &self.chunk[start..start + length];
        if self.partial.is_empty() {
            return Some(Line::Whole(end));
        }
        self.partial.extend_from_slice(end);
        self.is_partial_done = true;
        Some(Line::Whole(&self.partial))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(chunks: &[&[u8]], limit: usize) -> Vec<Result<Vec<u8>, usize>> {
        let mut lines = Lines::new(limit);
        let mut found = Vec::new();
        for chunk in chunks {
            lines.push(Bytes::copy_from_slice(chunk));
            while let Some(line) = lines.next_line() {
                found.push(match line {
                    Line::Whole(line) => Ok(line.to_vec()),
                    Line::TooLong(length) => Err(length),
                });
            }
        }
        found
    }

    #[test]
    fn a_line_may_come_in_pieces() {
        let found = cut(&[b"o", b"ne\ntwo\nth", b"", b"ree\nleft over"], 100);
        assert_eq!(found, [Ok(b"one".to_vec()), Ok(b"two".to_vec()), Ok(b"three".to_vec())]);
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_to_its_end() {
        let found = cut(&[b"12345", b"6789\nshort\n", b"1234567\n12345\n"], 5);
        assert_eq!(found, [Err(9), Ok(b"short".to_vec()), Err(7), Ok(b"12345".to_vec())]);
    }

    #[test]
    fn a_whole_line_is_not_copied() {
        let chunk = Bytes::from_static(b"one\ntwo\n");
        let mut lines = Lines::new(10);
        lines.push(chunk.clone());
        let Some(Line::Whole(line)) = lines.next_line() else { panic!("no line") };
        assert_eq!(line.as_ptr(), chunk.as_ptr());
    }

    proptest! {
        #[test]
        fn chunk_borders_change_nothing(
            text in proptest::collection::vec(prop_oneof![3 => b'a'..b'e', 1 => Just(b'\n')], 0..200),
            borders in proptest::collection::vec(0_usize..200, 0..20),
            limit in 1_usize..20,
        ) {
            let mut borders: Vec<usize> = borders.into_iter().map(|at| at.min(text.len())).collect();
            borders.extend([0, text.len()]);
            borders.sort_unstable();
            let chunks: Vec<&[u8]> = borders.windows(2).map(|ends| &text[ends[0]..ends[1]]).collect();

            let mut expected: Vec<Result<Vec<u8>, usize>> = text
                .split(|byte| *byte == b'\n')
                .map(|line| if line.len() > limit { Err(line.len()) } else { Ok(line.to_vec()) })
                .collect();
            expected.pop();
            prop_assert_eq!(cut(&chunks, limit), expected);
        }
    }
}
