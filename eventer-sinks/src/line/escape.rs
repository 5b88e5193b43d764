//! Shows what would move the cursor, colour the screen or turn the text around, instead of letting it do so.

pub(super) use eventer_core::text::is_active;

/// Writes `text` with every character that a terminal or a line reader would act on as an escape of JSON (`\n`,
/// `\u001b`). Answers how many characters wide it is.
pub(super) fn write_shown(text: &str, out: &mut Vec<u8>) -> usize {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        out.extend_from_slice(text.as_bytes());
        return text.len();
    }
    let mut width = 0;
    for c in text.chars() {
        width += if is_active(c) { write_escape(c, out) } else { write_char(c, out) };
    }
    width
}

/// Writes `c` as an escape of JSON. Answers how many characters that are.
pub(super) fn write_escape(c: char, out: &mut Vec<u8>) -> usize {
    let short = match c {
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        _ => {
            let long = format!("\\u{:04x}", u32::from(c));
            out.extend_from_slice(long.as_bytes());
            return long.len();
        }
    };
    out.extend_from_slice(short.as_bytes());
    short.len()
}

fn write_char(c: char, out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    1
}
