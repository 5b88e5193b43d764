//! Slack's markup: what of a text would be markup is escaped, and what is too long is cut. Pure.
//!
//! `&`, `<` and `>` are escaped, and nothing else: links, mentions (`<!channel>`) and dates all begin with `<`. Lengths
//! are those of the escaped text, in UTF-16 units, so that no way to count characters finds more than Slack takes.

/// Stands for what was cut off.
const ELLIPSIS: char = '…';

/// What would be markup, and what stands for it.
const ESCAPES: [(char, &str); 3] = [('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;")];

/// Escapes `text` so that it means itself, and cuts it to `limit`: never within an escape, and with an ellipsis. What
/// cannot be seen becomes [`visible`].
pub(super) fn escape(text: &str, limit: usize) -> String {
    let mut escaped = String::with_capacity(text.len().min(limit) + 8);
    let mut width = 0;
    // Where the text is cut if it turns out to be too long.
    let mut end = 0;
    let mut buffer = [0; 4];
    for c in text.chars().filter_map(visible) {
        let piece = match ESCAPES.iter().find(|(escaped, _)| *escaped == c) {
            Some((_, escape)) => *escape,
            None => c.encode_utf8(&mut buffer),
        };
        width += utf16_len(piece);
        if width > limit {
            escaped.truncate(end);
            escaped.push(ELLIPSIS);
            return escaped;
        }
        escaped.push_str(piece);
        if width + ELLIPSIS.len_utf16() <= limit {
            end = escaped.len();
        }
    }
    escaped
}

/// What stands for a character that cannot be seen, or that turns the direction of what follows. Line feeds and tabs
/// stay; a carriage return is left out.
pub(super) fn visible(c: char) -> Option<char> {
    match c {
        '\r' => None,
        '\n' | '\t' => Some(c),
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Some(char::REPLACEMENT_CHARACTER),
        c if c.is_control() => Some(char::REPLACEMENT_CHARACTER),
        c => Some(c),
    }
}

/// Cuts markup to `limit`: never within an escape, a link or a mention, and with an ellipsis.
pub(super) fn cut(mut markup: String, limit: usize) -> String {
    if utf16_len(&markup) <= limit {
        return markup;
    }
    let mut room = limit.saturating_sub(ELLIPSIS.len_utf16());
    let fits = |c: &(usize, char)| match room.checked_sub(c.1.len_utf16()) {
        Some(rest) => {
            room = rest;
            true
        }
        None => false,
    };
    let end = markup.char_indices().take_while(fits).last().map_or(0, |(at, c)| at + c.len_utf8());
    let kept = &markup[..end];
    let end = [open_escape(kept), open_angle(kept)].into_iter().flatten().min().unwrap_or(end);
    markup.truncate(end);
    markup.push(ELLIPSIS);
    markup
}

/// The length of a text as Slack counts at most.
pub(super) fn utf16_len(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Where an escape begins that does not end in `text`.
fn open_escape(text: &str) -> Option<usize> {
    let at = text.rfind('&')?;
    let end = &text[at..];
    let is_open = ESCAPES.iter().any(|(_, escape)| end.len() < escape.len() && escape.starts_with(end));
    is_open.then_some(at)
}

/// Where a link or a mention begins that does not end in `text`.
fn open_angle(text: &str) -> Option<usize> {
    let at = text.rfind('<')?;
    (!text[at..].contains('>')).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_would_be_markup_is_escaped() {
        assert_eq!(
            escape("<!channel> R&D *x* \"y\" @here #c &lt;\r\n\tz", 1000),
            "&lt;!channel&gt; R&amp;D *x* \"y\" @here #c &amp;lt;\n\tz"
        );
        assert_eq!(escape("a\u{0}b\u{1b}[31m\u{202e}", 1000), "a\u{fffd}b\u{fffd}[31m\u{fffd}");
    }

    #[test]
    fn a_text_is_cut_between_characters_and_never_within_an_escape() {
        assert_eq!(escape("abcdef", 6), "abcdef");
        assert_eq!(escape("abcdefg", 6), "abcde…");
        assert_eq!(escape("中文字", 2), "中…");
        // The crab counts twice.
        assert_eq!(escape("🦀🦀🦀", 5), "🦀🦀…");
        assert_eq!(escape("🦀🦀🦀", 6), "🦀🦀🦀");
        for (limit, cut) in
            [(12, "a&lt;&amp;bc"), (11, "a&lt;&amp;…"), (10, "a&lt;…"), (6, "a&lt;…"), (5, "a…"), (1, "…")]
        {
            assert_eq!(escape("a<&bc", limit), cut, "{limit}");
        }
    }

    #[test]
    fn markup_is_cut_before_an_escape_a_link_or_a_mention_that_does_not_fit() {
        let cut = |markup: &str, limit| cut(markup.to_owned(), limit);
        assert_eq!(cut("a &amp; b", 9), "a &amp; b");
        assert_eq!(cut("a &amp; b", 8), "a &amp;…");
        assert_eq!(cut("a &amp; b", 7), "a …");
        assert_eq!(cut("see <https://a.example/b|c> now", 20), "see …");
        assert_eq!(cut("see <https://a.example/b|c> now", 29), "see <https://a.example/b|c> …");
        assert_eq!(cut("a & b and so on", 6), "a & b…");
        assert_eq!(cut("<https://a.example/?a=1&amp;b=2|c>", 26), "…");
    }
}
