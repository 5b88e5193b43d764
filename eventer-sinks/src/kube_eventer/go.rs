//! JSON with the escapes of Go's `encoding/json`, of which serde_json's are a part.
//!
//! What Go adds keeps JSON harmless inside HTML: `<`, `>` and `&` become `\u003c`, `\u003e` and `\u0026`; U+2028 and
//! U+2029, which JavaScript takes for line ends, become `\u2028` and `\u2029`. None of them can stand outside a string, so
//! they are replaced while the JSON is written, wherever they are. Source: `encodeState.string` and `appendHTMLEscape` in
//! <https://cs.opensource.google/go/go/+/master:src/encoding/json/encode.go>.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::PrettyFormatter;

/// One level of indentation in what kube-eventer writes.
const INDENT: &[u8] = b" ";

/// Adds `value` without spaces, as Go's `json.Marshal` writes it.
pub(crate) fn compact(value: &impl Serialize, out: &mut Vec<u8>) {
    value.serialize(&mut Serializer::new(GoText(out))).expect(CANNOT_FAIL);
}

/// Adds `value` indented, as Go's `json.MarshalIndent(value, "", " ")` writes it.
pub(super) fn indented(value: &impl Serialize, out: &mut Vec<u8>) {
    let formatter = PrettyFormatter::with_indent(INDENT);
    value.serialize(&mut Serializer::with_formatter(GoText(out), formatter)).expect(CANNOT_FAIL);
}

const CANNOT_FAIL: &str = "memory takes every write, and the keys of an event are strings";

/// Takes JSON and adds Go's escapes. A character is never cut in two: serde_json cuts strings at its own escapes only.
struct GoText<'a>(&'a mut Vec<u8>);

impl Write for GoText<'_> {
    fn write(&mut self, json: &[u8]) -> io::Result<usize> {
        let mut begin = 0;
        for (at, byte) in json.iter().enumerate() {
            if !IS_SUSPECT[usize::from(*byte)] {
                continue;
            }
            let (escape, len): (&[u8], usize) = match &json[at..] {
                [b'<', ..] => (b"\\u003c", 1),
                [b'>', ..] => (b"\\u003e", 1),
                [b'&', ..] => (b"\\u0026", 1),
                [0xe2, 0x80, 0xa8, ..] => (b"\\u2028", 3),
                [0xe2, 0x80, 0xa9, ..] => (b"\\u2029", 3),
                _ => continue,
            };
            self.0.extend_from_slice(&json[begin..at]);
            self.0.extend_from_slice(escape);
            begin = at + len;
        }
        self.0.extend_from_slice(&json[begin..]);
        Ok(json.len())
    }

    fn write_all(&mut self, json: &[u8]) -> io::Result<()> {
        self.write(json).map(drop)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The bytes with which something begins that may be replaced.
const IS_SUSPECT: [bool; 256] = {
    let mut table = [false; 256];
    table[b'<' as usize] = true;
    table[b'>' as usize] = true;
    table[b'&' as usize] = true;
    table[0xe2] = true;
    table
};
