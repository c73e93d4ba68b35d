//! Tables without rules: rows whose cells keep to the same columns.
//!
//! Conservative on purpose: prose in columns that is taken for a table is unreadable, a table that
//! is missed is only read cell by cell. What tells them apart is that tables hold short cells, and
//! numbers, or are drawn row by row, where prose is drawn column by column.

use super::line::Line;
use super::table::{Table, cells_of, close_table, columns_of, rows_of};

/// Cells longer than this on average are columns of prose.
const MAX_MEAN_CELL_CHARS: usize = 24;
/// One cell holds no more than this.
const MAX_CELL_CHARS: usize = 48;
/// Rows are at most this many ems apart.
const MAX_PITCH: f32 = 2.6;
/// A gap between rows this much wider than the narrowest one parts rows of wrapped cells.
const ROW_GAP: f32 = 1.25;
/// What goes on under the last row is at most this many ems lower.
const WRAP_PITCH: f32 = 1.45;

/// Takes such tables out of `lines`, which are sorted by baseline.
pub(super) fn take_aligned(lines: &mut Vec<Line>) -> Vec<Table> {
    let mut tables = Vec::new();
    let mut run = Run::default();
    for row in rows_of(lines) {
        if !run.takes(&row) {
            tables.extend(std::mem::take(&mut run).close(lines));
            run.takes(&row);
        }
    }
    tables.extend(run.close(lines));
    tables
}

/// Rows that may be one table.
#[derive(Default)]
struct Run {
    rows: Vec<Vec<Line>>,
    columns: Vec<(f32, f32)>,
    /// Rows of one cell behind the last row of several: part of the table if it goes on.
    waiting: Vec<Vec<Line>>,
}

impl Run {
    fn takes(&mut self, row: &[Line]) -> bool {
        let is_short = row
            .iter()
            .all(|cell| cell.text.chars().count() <= MAX_CELL_CHARS);
        let Some(above) = self.waiting.last().or(self.rows.last()) else {
            if is_short && row.len() >= 2 {
                self.push(row);
            }
            return true;
        };
        let size = row[0].size.max(above[0].size);
        let is_near = row[0].baseline - above[0].baseline < size * MAX_PITCH;
        if !is_short || !is_near {
            return false;
        }
        let under: Vec<usize> = row.iter().map(|cell| self.columns_under(cell)).collect();
        if under.iter().any(|&count| count > 1) {
            return false;
        }
        let aligned = under.iter().filter(|&&count| count == 1).count();
        if row.len() >= 2 && aligned + 1 >= row.len() && !self.shares_a_column(row) {
            let waiting = std::mem::take(&mut self.waiting);
            self.rows.extend(waiting);
            self.push(row);
            return true;
        }
        let goes_on = row.len() == 1 && aligned == 1 && self.rows.len() >= 2;
        if goes_on {
            self.waiting.push(row.to_vec());
        }
        goes_on
    }

    fn columns_under(&self, cell: &Line) -> usize {
        self.columns
            .iter()
            .filter(|column| cell.left < column.1 && cell.right > column.0)
            .count()
    }

    fn shares_a_column(&self, row: &[Line]) -> bool {
        self.columns.iter().any(|column| {
            row.iter()
                .filter(|cell| cell.left < column.1 && cell.right > column.0)
                .count()
                > 1
        })
    }

    fn push(&mut self, row: &[Line]) {
        self.rows.push(row.to_vec());
        let lone = |line: &Line| Line {
            gaps: Vec::new(),
            ..line.clone()
        };
        let cells: Vec<Line> = self.rows.iter().flatten().map(lone).collect();
        self.columns = columns_of(&[cells]);
    }

    fn close(mut self, lines: &mut Vec<Line>) -> Option<Table> {
        let wraps = self.waiting.first().is_some_and(|row| {
            let last = &self.rows[self.rows.len() - 1][0];
            let is_first_column = row[0].left < self.columns[0].1;
            !is_first_column && row[0].baseline - last.baseline < last.size * WRAP_PITCH
        });
        if wraps {
            let first = self.waiting.remove(0);
            self.rows.push(first);
        }
        if !self.is_clear() {
            return None;
        }
        let used: Vec<Line> = self.rows.iter().flatten().cloned().collect();
        let rows = self.wrapped_rows();
        let cells = rows
            .iter()
            .map(|row| cells_of(row, &self.columns))
            .collect();
        Some(close_table(lines, &used, cells))
    }

    fn is_clear(&self) -> bool {
        let cells: Vec<&Line> = self.rows.iter().flatten().collect();
        let characters: usize = cells.iter().map(|cell| cell.text.chars().count()).sum();
        let later = self.rows.iter().flat_map(|row| row.iter().skip(1));
        let numeric = later.clone().filter(|cell| is_numeric(&cell.text)).count();
        let columns = self.columns.len();
        let mostly_numbers = numeric * 2 >= later.count().max(1);
        let begun_small = |row: &&Vec<Line>| row[0].text.starts_with(char::is_lowercase);
        let wrapped = self.rows.iter().skip(1).filter(begun_small).count();
        self.rows.len() >= if columns > 2 { 3 } else { 4 }
            && wrapped * 3 <= self.rows.len()
            && characters / cells.len().max(1) <= MAX_MEAN_CELL_CHARS
            && (columns >= 4 || mostly_numbers || (columns == 3 && self.is_drawn_by_row()))
    }

    fn is_drawn_by_row(&self) -> bool {
        let drawn = |row: &[Line]| {
            let places = row.iter().map(|cell| cell.drawn);
            (places.clone().min(), places.max())
        };
        self.rows
            .windows(2)
            .all(|pair| drawn(&pair[0]).1 < drawn(&pair[1]).0)
    }

    /// The rows, with the lines of wrapped cells in the row that they belong to: where some rows
    /// stand closer than others, the close ones go on, unless one of them fills all columns.
    fn wrapped_rows(&self) -> Vec<Vec<Line>> {
        let gap = |pair: &[Vec<Line>]| pair[1][0].baseline - pair[0][0].baseline;
        let gaps: Vec<f32> = self.rows.windows(2).map(gap).collect();
        let low = gaps.iter().copied().fold(f32::INFINITY, f32::min);
        let high = gaps.iter().copied().fold(0.0, f32::max);
        let limit = f32::midpoint(low, high);
        let by_gap = high > low * ROW_GAP
            && gaps
                .iter()
                .zip(self.rows.iter().skip(1))
                .all(|(&gap, row)| gap > limit || row.len() < self.columns.len());
        let mut rows: Vec<Vec<Line>> = Vec::new();
        for (index, row) in self.rows.iter().enumerate() {
            let is_first_column = row[0].left < self.columns[0].1;
            let goes_on = index > 0
                && if by_gap {
                    gaps[index - 1] <= limit
                } else {
                    row.len() == 1 && !is_first_column
                };
            match rows.last_mut() {
                Some(above) if goes_on => above.extend(row.iter().cloned()),
                _ => rows.push(row.clone()),
            }
        }
        rows
    }
}

fn is_numeric(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let letters = text
        .chars()
        .filter(|character| character.is_alphanumeric())
        .count();
    digits > 0 && digits * 3 >= letters
}
