//! Cuts a stream of bytes into JSON objects, one for each event, without parsing them.
//!
//! Objects may stand one a line, spread over lines, or one behind the other. Of an object with `items`, and of an array,
//! the items are handed out one by one, so that a list of any size needs the memory of one item.
//!
//! What is broken is told and cut away, as little of it as possible: no JSON has a line feed inside a string, and in
//! what people and tools write, a `{` in the first column begins something new.

use std::io::{self, BufRead, BufReader, Read};

/// The most bytes of one object. The API server takes no request larger than 3 MiB.
pub(super) const MAX_DOCUMENT: usize = 16 << 20;

/// Bytes that are asked of the input at a time.
const BUFFER: usize = 128 << 10;

/// What was found next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// An object, to be read with [`Splitter::document`].
    Document,
    /// Something that is no object, or not all of one.
    Broken,
    /// Nothing yet: going on may wait for the input.
    Drained,
}

/// Cuts what `R` reads.
pub(super) struct Splitter<R> {
    input: BufReader<R>,
    scan: Scan,
    is_drain_told: bool,
}

impl<R: Read> Splitter<R> {
    pub(super) fn new(input: R) -> Self {
        Self::with_buffer(BUFFER, input)
    }

    pub(super) fn with_buffer(bytes: usize, input: R) -> Self {
        Self { input: BufReader::with_capacity(bytes, input), scan: Scan::default(), is_drain_told: false }
    }

    /// The object that was found last.
    pub(super) fn document(&self) -> &[u8] {
        &self.scan.document
    }

    /// Finds what comes next; `None` at the end of the input.
    pub(super) fn find(&mut self) -> io::Result<Option<Found>> {
        loop {
            if self.input.buffer().is_empty() && !self.is_drain_told {
                self.is_drain_told = true;
                return Ok(Some(Found::Drained));
            }
            self.is_drain_told = false;
            let bytes = match self.input.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if bytes.is_empty() {
                return Ok(self.scan.finish());
            }
            let (used, found) = self.scan.feed(bytes);
            self.input.consume(used);
            if found.is_some() {
                return Ok(found);
            }
        }
    }
}

/// Where in the JSON the bytes stand.
#[derive(Debug, Default)]
struct Scan {
    document: Vec<u8>,
    is_complete: bool,
    /// How many brackets are open.
    depth: usize,
    /// At which depth the document that is being collected began.
    begin: Option<usize>,
    /// At which depth the items stand whose list is open.
    items: Option<usize>,
    is_after_items_key: bool,
    is_in_string: bool,
    is_escaped: bool,
    is_in_line: bool,
    /// Whether everything is cut away, up to the next line or item.
    is_lost: bool,
}

impl Scan {
    /// Takes bytes up to where something is found, and says how many that were.
    fn feed(&mut self, bytes: &[u8]) -> (usize, Option<Found>) {
        if std::mem::take(&mut self.is_complete) {
            self.document.clear();
        }
        let mut from = 0;
        let mut at = 0;
        while at < bytes.len() {
            if self.is_in_string {
                at += self.skip_string(&bytes[at..]);
                let Some(byte) = bytes.get(at) else { break };
                at += 1;
                if *byte == b'\n' {
                    return (at, self.give_up());
                }
                self.is_in_string = false;
                if self.begin == Some(0) && self.depth == 1 {
                    self.document.extend_from_slice(&bytes[from..at]);
                    from = at;
                    self.is_after_items_key = self.document.ends_with(b"\"items\"");
                }
                continue;
            }
            let byte = bytes[at];
            let is_first = !std::mem::replace(&mut self.is_in_line, byte != b'\n');
            if self.is_lost {
                let is_item_over = self.items == Some(self.depth) && matches!(byte, b',' | b']');
                self.is_lost = byte != b'\n' && !is_item_over;
                if byte != b']' || self.is_lost {
                    at += 1;
                    continue;
                }
            }
            let is_after_items_key = std::mem::take(&mut self.is_after_items_key);
            match byte {
                b'{' if is_first && self.begin.is_some() => {
                    self.is_in_line = false;
                    self.cut_away();
                    return (at, Some(Found::Broken));
                }
                b'{' if self.is_between() => {
                    self.begin = Some(self.depth);
                    self.depth += 1;
                    from = at;
                }
                b'[' if self.depth == 0 || is_after_items_key => {
                    self.begin = None;
                    self.document.clear();
                    self.depth += 1;
                    self.items = Some(self.depth);
                }
                b'{' | b'[' if self.depth > 0 => self.depth += 1,
                b'}' | b']' if self.depth > 0 => {
                    if self.items == Some(self.depth) {
                        self.items = None;
                    }
                    self.depth -= 1;
                    if self.begin == Some(self.depth) {
                        self.begin = None;
                        self.is_complete = true;
                        self.document.extend_from_slice(&bytes[from..=at]);
                        return (at + 1, Some(Found::Document));
                    }
                }
                b'"' if self.depth > 0 && !self.is_between() => self.is_in_string = true,
                b':' | b' ' | b'\t' | b'\r' | b'\n' => self.is_after_items_key = is_after_items_key,
                b',' => {}
                // A byte order mark.
                0xef | 0xbb | 0xbf if self.depth == 0 => {}
                _ if self.is_between() => {
                    self.is_lost = true;
                    return (at + 1, Some(Found::Broken));
                }
                _ => {}
            }
            at += 1;
        }
        if self.begin.is_some() {
            self.document.extend_from_slice(&bytes[from..]);
            if self.document.len() > MAX_DOCUMENT {
                self.is_lost = true;
                return (bytes.len(), self.give_up());
            }
        }
        (bytes.len(), None)
    }

    /// How many bytes until the string ends, or a line feed says that it will not.
    fn skip_string(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            if std::mem::take(&mut self.is_escaped) && bytes[at] != b'\n' {
                at += 1;
                continue;
            }
            at += memchr::memchr3(b'"', b'\\', b'\n', &bytes[at..]).unwrap_or(bytes.len() - at);
            match bytes.get(at) {
                Some(b'\\') => {
                    self.is_escaped = true;
                    at += 1;
                }
                _ => return at,
            }
        }
        at
    }

    /// Whether an object that begins here is a document.
    fn is_between(&self) -> bool {
        self.begin.is_none() && (self.depth == 0 || self.items == Some(self.depth))
    }

    /// The document that is being collected is none, but the list that it stands in may go on.
    fn cut_away(&mut self) {
        self.document.clear();
        self.begin = None;
        self.depth = self.items.unwrap_or(0);
    }

    /// Nothing is sure any more; what comes next stands for itself.
    fn give_up(&mut self) -> Option<Found> {
        let is_lost = self.is_lost;
        *self = Self { is_lost, ..Self::default() };
        Some(Found::Broken)
    }

    fn finish(&mut self) -> Option<Found> {
        if self.depth == 0 && !self.is_in_string { None } else { self.give_up() }
    }
}
