//! Texts that others wrote, as they may reach a terminal.

use eventer_core::text::is_active;

/// `text` with an escape for each character that would steer a terminal: keys and names are as others wrote them.
pub(crate) fn printable(text: &str) -> String {
    let shown = |c: char| if is_active(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    text.chars().map(shown).collect()
}
