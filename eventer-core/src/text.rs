//! Text that others wrote, and what must not reach a terminal of it. Pure.

/// Whether a terminal or a line reader acts on `c`: controls (ANSI sequences begin with one), line separators, and
/// the marks that reverse the direction of text.
pub fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_told_from_letters() {
        for c in ['\n', '\t', '\u{1b}', '\u{7f}', '\u{9b}', '\u{202e}', '\u{2028}', '\u{feff}'] {
            assert!(is_active(c), "{c:?}");
        }
        for c in ['a', ' ', 'ü', '世', '\u{301}', '🦀'] {
            assert!(!is_active(c), "{c:?}");
        }
    }
}
