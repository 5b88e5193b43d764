//! JSON with the escapes of Go's `encoding/json`, of which serde_json's are a part.
//!
//! What Go adds keeps JSON harmless inside HTML: `<`, `>` and `&` become `\u003c`, `\u003e` and `\u0026`; U+2028 and
//! U+2029, which JavaScript takes for line ends, become `\u2028` and `\u2029`. None of them can stand outside a string, so
//! they are replaced wherever they are, once the JSON is written; most JSON has none. Source: `appendString` in
//! <https://cs.opensource.google/go/go/+/master:src/encoding/json/encode.go>.

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::PrettyFormatter;

/// One level of indentation in what kube-eventer writes.
const INDENT: &[u8] = b" ";

/// Adds `value` without spaces, as Go's `json.Marshal` writes it.
pub(crate) fn compact(value: &impl Serialize, out: &mut Vec<u8>) {
    let begin = out.len();
    value.serialize(&mut Serializer::new(&mut *out)).expect(CANNOT_FAIL);
    escape(out, begin);
}

/// Adds `value` indented, as Go's `json.MarshalIndent(value, "", " ")` writes it.
pub(super) fn indented(value: &impl Serialize, out: &mut Vec<u8>) {
    let begin = out.len();
    let formatter = PrettyFormatter::with_indent(INDENT);
    value.serialize(&mut Serializer::with_formatter(&mut *out, formatter)).expect(CANNOT_FAIL);
    escape(out, begin);
}

/// Adds JSON that [`indented`] or [`compact`] wrote as the inside of a JSON string. Quotes, backslashes and line feeds are
/// all that can still need an escape there.
pub(super) fn quote_again(json: &[u8], out: &mut Vec<u8>) {
    let mut begin = 0;
    for (at, byte) in json.iter().enumerate() {
        let escape = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            _ => continue,
        };
        out.extend_from_slice(&json[begin..at]);
        out.extend_from_slice(escape);
        begin = at + 1;
    }
    out.extend_from_slice(&json[begin..]);
}

const CANNOT_FAIL: &str = "memory takes every write, and the keys of an event are strings";

/// Puts Go's escapes into the JSON that begins at `begin`.
fn escape(out: &mut Vec<u8>, begin: usize) {
    let Some(first) = next_suspect(&out[begin..]) else { return };
    let json = out.split_off(begin + first);
    let mut rest = json.as_slice();
    while let Some(at) = next_suspect(rest) {
        let (clean, suspect) = rest.split_at(at);
        let (escape, len): (&[u8], usize) = match suspect {
            [b'<', ..] => (b"\\u003c", 1),
            [b'>', ..] => (b"\\u003e", 1),
            [b'&', ..] => (b"\\u0026", 1),
            [0xe2, 0x80, 0xa8, ..] => (b"\\u2028", 3),
            [0xe2, 0x80, 0xa9, ..] => (b"\\u2029", 3),
            _ => (&suspect[..1], 1),
        };
        out.extend_from_slice(clean);
        out.extend_from_slice(escape);
        rest = &suspect[len..];
    }
    out.extend_from_slice(rest);
}

/// Where the next byte stands with which something begins that may have to be replaced.
fn next_suspect(json: &[u8]) -> Option<usize> {
    // Enough for the compiler to compare many bytes at a time.
    const SCANNED_AT_ONCE: usize = 64;
    let is_suspect = |byte: &u8| matches!(byte, b'<' | b'>' | b'&' | 0xe2);
    let mut chunks = json.chunks(SCANNED_AT_ONCE);
    let chunk = chunks.position(|chunk| chunk.iter().fold(false, |any, byte| any | is_suspect(byte)))?;
    let begin = chunk * SCANNED_AT_ONCE;
    json[begin..].iter().position(is_suspect).map(|at| begin + at)
}
