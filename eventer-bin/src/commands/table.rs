//! Columns of text. Pure.

use eventer_core::event::ObjectReference;
use eventer_core::text::is_active;

/// Between two columns.
const GAP: &str = "  ";

/// Aligns the columns of `rows` under their headings. The last column is as wide as its text.
pub(super) fn table<const N: usize>(
    headings: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let rows: Vec<[String; N]> = std::iter::once(headings.map(str::to_owned)).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join(GAP).trim_end())
    };
    rows.iter().map(line).collect()
}

/// The text on one line, of at most `most` characters, without what would steer a terminal.
pub(super) fn one_line(text: &str, most: usize) -> String {
    let plain: String = text.chars().map(|c| if is_active(c) { ' ' } else { c }).collect();
    let line = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= most {
        return line;
    }
    let cut: String = line.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", cut.trim_end())
}

/// As kubectl writes it, with the namespace: `Pod shop/web-1`.
pub(super) fn object(object: &ObjectReference) -> String {
    let name = match &*object.namespace {
        "" => object.name.clone(),
        namespace => format!("{namespace}/{}", object.name),
    };
    format!("{} {name}", object.kind).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            ["1".to_owned(), "wäre".to_owned(), "x".to_owned()],
            ["200".to_owned(), String::new(), String::new()],
        ];
        assert_eq!(table(["ID", "A", "B"], rows), "ID   A     B\n1    wäre  x\n200\n");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(one_line("a\nb\t\u{1b}[31m c", 20), "a b [31m c");
        assert_eq!(one_line("äöüäöü", 6), "äöüäöü");
        assert_eq!(one_line("äöüäöüä", 6), "äöüäö…");
        assert_eq!(one_line("ab cdef", 4), "ab…");
    }
}
