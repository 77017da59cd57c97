//! Columns of plain text, as wide as they must be.

/// On which side a column is even.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// On the left.
    Left,
    /// On the right, as numbers are.
    Right,
}

/// Two spaces between columns, none at the end of a line.
pub fn table(rows: &[Vec<String>], align: &[Align]) -> String {
    let mut widths = vec![0; align.len()];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for ((cell, width), align) in row.iter().zip(&widths).zip(align) {
            let gap = " ".repeat(width - cell.chars().count());
            match align {
                Align::Left => line.extend([cell, &gap, "  "]),
                Align::Right => line.extend([&gap, cell, "  "]),
            }
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}
