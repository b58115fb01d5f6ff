//! Tables: columns side by side, each as wide as its widest cell.

/// On which side of its column a cell stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

/// A table that is being filled.
#[derive(Debug)]
pub(crate) struct Table {
    sides: Vec<Side>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Makes a table with these columns.
    pub(crate) fn new(columns: &[(&str, Side)]) -> Self {
        let names = columns.iter().map(|(name, _)| name.to_uppercase()).collect();
        Self { sides: columns.iter().map(|(_, side)| *side).collect(), rows: vec![names] }
    }

    /// Makes a table of names with their values.
    pub(crate) fn of_facts<'a>(facts: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        let rows = facts.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
        Self { sides: vec![Side::Left; 2], rows }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| on_one_line(&cell)).collect());
    }

    /// Writes the table.
    pub(crate) fn text(&self) -> String {
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.sides.len()).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let cells = row.iter().zip(&self.sides).zip(&widths).map(|((cell, side), width)| match side {
                Side::Left => format!("{cell:<width$}"),
                Side::Right => format!("{cell:>width$}"),
            });
            let line = cells.collect::<Vec<_>>().join("  ");
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// What a terminal would act on, or a line break, is written as its escape: others wrote some of what is shown.
pub(crate) fn on_one_line(text: &str) -> String {
    let harmless = |c: char| {
        !c.is_control() && !matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if harmless(c) { c.to_string() } else { c.escape_default().to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&[("type", Side::Left), ("ready", Side::Right)]);
        table.row(["a".to_owned(), "12".to_owned()]);
        table.row(["längere".to_owned(), "1,000".to_owned()]);
        assert_eq!(table.text(), "TYPE     READY\na           12\nlängere  1,000\n");
    }

    #[test]
    fn what_a_terminal_would_act_on_is_shown_as_text() {
        assert_eq!(on_one_line("a\u{1b}[2Jb\nc\u{202e}d"), "a\\u{1b}[2Jb\\nc\\u{202e}d");
    }
}
