//! Cuts a text to what a chat service takes. Pure.

/// Stands for what was cut off.
const ELLIPSIS: char = '…';

/// Joins `head`, `message` and `tail`, and cuts the message if all of it would be wider than `limit`, as `width` measures
/// each character. If there is no room for a message at all, the head is cut, and the tail left out.
///
/// A service that refuses what is too long would refuse it for ever, and one that cuts it itself does so without a word.
pub(crate) fn fit(head: &str, message: &str, tail: &str, limit: usize, width: fn(char) -> usize) -> String {
    let width_of = |text: &str| text.chars().map(width).sum::<usize>();
    let frame = width_of(head) + width_of(tail);
    if frame + width_of(message) <= limit {
        return [head, message, tail].concat();
    }
    match limit.checked_sub(frame) {
        Some(room) if room >= width(ELLIPSIS) => [head, &cut(message, room, width), tail].concat(),
        _ => cut(head, limit, width),
    }
}

/// The width of a character in bytes of JSON, as Go's encoder escapes it.
pub(crate) fn json_width(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => 6,
        c => c.len_utf8(),
    }
}

/// The start of `text`, which is wider than `room`, and an ellipsis.
fn cut(text: &str, room: usize, width: fn(char) -> usize) -> String {
    let mut room = room.saturating_sub(width(ELLIPSIS));
    let is_in = |c: &char| match room.checked_sub(width(*c)) {
        Some(rest) => {
            room = rest;
            true
        }
        None => false,
    };
    text.chars().take_while(is_in).chain([ELLIPSIS]).collect()
}
