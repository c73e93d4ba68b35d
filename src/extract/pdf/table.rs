//! One table: its rows of cells, and lines put into them.

use super::line::Line;

/// Edges of the parts of one table on two pages differ by less than this, points.
const SAME_EDGE: f32 = 12.0;

/// A table, already read row by row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    /// Rows from top to bottom, the cells of each from left to right; empty ones keep their place.
    pub(super) rows: Vec<Vec<String>>,
    /// Left edge.
    pub(super) left: f32,
    /// Right edge.
    pub(super) right: f32,
    /// Upper edge.
    pub(super) top: f32,
    /// Lower edge.
    pub(super) bottom: f32,
    /// Position in drawing order.
    pub(super) drawn: usize,
    /// The header row that stands on an earlier page, and that page.
    pub(super) header: Option<(Vec<String>, u32)>,
}

impl Table {
    /// The first row if it names columns: every cell is filled and none holds a digit, while the
    /// rows under it hold some.
    pub(super) fn header_row(&self) -> Option<&Vec<String>> {
        let has_digits = |row: &Vec<String>| {
            row.iter()
                .any(|cell| cell.contains(|c: char| c.is_ascii_digit()))
        };
        let (first, rest) = self.rows.split_first()?;
        let names = first.len() >= 2
            && first.iter().all(|cell| !cell.is_empty())
            && !has_digits(first)
            && rest.iter().any(has_digits);
        names.then_some(first)
    }

    /// Whether this table, the first of its page, goes on from the last one of the page before: it
    /// has as many columns between the same edges, and no header row of its own.
    pub(super) fn goes_on_from(&self, above: &Self) -> bool {
        let columns = |table: &Self| table.rows.iter().map(Vec::len).max();
        columns(self) == columns(above)
            && (self.left - above.left).abs() < SAME_EDGE
            && (self.right - above.right).abs() < SAME_EDGE
            && self.header_row().is_none()
    }
}

/// Horizontal ranges that no cell bridges.
pub(super) fn columns_of(bands: &[Vec<Line>]) -> Vec<(f32, f32)> {
    let mut ranges: Vec<(f32, f32)> = bands
        .iter()
        .flatten()
        .flat_map(Line::parts)
        .map(|part| (part.left, part.right))
        .collect();
    ranges.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut columns: Vec<(f32, f32)> = Vec::new();
    for range in ranges {
        match columns.last_mut() {
            Some(last) if range.0 < last.1 + 2.0 => last.1 = last.1.max(range.1),
            _ => columns.push(range),
        }
    }
    columns
}

/// The texts of one row by column.
pub(super) fn cells_of(band: &[Line], columns: &[(f32, f32)]) -> Vec<String> {
    if band.is_empty() {
        return Vec::new();
    }
    let mut cells = vec![String::new(); columns.len()];
    for part in band.iter().flat_map(Line::parts) {
        let shared = |column: &(f32, f32)| part.right.min(column.1) - part.left.max(column.0);
        let nearest = columns
            .iter()
            .enumerate()
            .max_by(|(_, a), (_, b)| shared(a).total_cmp(&shared(b)));
        if let Some((index, _)) = nearest {
            if !cells[index].is_empty() {
                cells[index].push(' ');
            }
            cells[index].push_str(&part.text);
        }
    }
    cells
}

/// How many cells hold text.
pub(super) fn filled(row: &[String]) -> usize {
    row.iter().filter(|cell| !cell.is_empty()).count()
}

/// Removes the table's lines and measures it.
pub(super) fn close_table(lines: &mut Vec<Line>, used: &[Line], rows: Vec<Vec<String>>) -> Table {
    let table = Table {
        rows: rows.into_iter().filter(|row| filled(row) > 0).collect(),
        left: used
            .iter()
            .map(|line| line.left)
            .fold(f32::INFINITY, f32::min),
        right: used
            .iter()
            .map(|line| line.right)
            .fold(f32::NEG_INFINITY, f32::max),
        top: used.iter().map(Line::top).fold(f32::INFINITY, f32::min),
        bottom: used
            .iter()
            .map(Line::bottom)
            .fold(f32::NEG_INFINITY, f32::max),
        drawn: used.iter().map(|line| line.drawn).min().unwrap_or(0),
        header: None,
    };
    lines.retain(|line| !used.contains(line));
    table
}

/// Lines by baseline; `lines` are sorted by it.
pub(super) fn rows_of(lines: &[Line]) -> Vec<Vec<Line>> {
    let mut rows: Vec<Vec<Line>> = Vec::new();
    for line in lines {
        match rows.last_mut() {
            Some(row) if (row[0].baseline - line.baseline).abs() < line.size * 0.3 => {
                row.push(line.clone());
            }
            _ => rows.push(vec![line.clone()]),
        }
    }
    for row in &mut rows {
        row.sort_by(|a, b| a.left.total_cmp(&b.left));
    }
    rows
}
