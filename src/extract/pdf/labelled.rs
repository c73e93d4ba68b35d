//! Lists of terms: a short label and what it means, drawn row by row.
//!
//! Without rules and numbers only the order of drawing tells them from two columns of prose: there
//! one column is drawn after the other.

use super::line::Line;
use super::table::{Table, close_table};

/// A label is no longer than this.
const MAX_LABEL_CHARS: usize = 28;
/// Labels are no longer than this on average.
const MAX_MEAN_LABEL_CHARS: usize = 16;
/// Fewer rows say nothing.
const MIN_ROWS: usize = 3;
/// Longer lists are cut; bounds hostile pages.
const MAX_ROWS: usize = 400;
/// Rows are at most this many ems apart.
const MAX_PITCH: f32 = 3.5;
/// What goes on under a meaning is at most this many ems lower.
const MAX_WRAP_PITCH: f32 = 1.7;
/// Edges closer than this many ems are one.
const SAME_EDGE: f32 = 0.6;

/// Takes lists of terms out of `lines`.
pub(super) fn take_labelled(lines: &mut Vec<Line>) -> Vec<Table> {
    let mut drawn: Vec<&Line> = lines.iter().collect();
    drawn.sort_by_key(|line| line.drawn);
    let rows: Vec<&[&Line]> = drawn.chunk_by(|one, other| is_beside(one, other)).collect();
    let mut lists = Vec::new();
    let mut start = 0;
    while start < rows.len() {
        match list_around(&rows, start) {
            Some((list, end)) => {
                lists.push(list);
                start = end;
            }
            None => start += 1,
        }
    }
    lists
        .into_iter()
        .map(|list| close_table(lines, &list.lines, list.rows))
        .collect()
}

/// Whether `other`, drawn next, stands to the right on the same baseline.
fn is_beside(one: &Line, other: &Line) -> bool {
    (one.baseline - other.baseline).abs() < one.size * 0.2
        && other.left > one.right + one.size * 0.5
}

/// Rows found so far.
struct List {
    lines: Vec<Line>,
    rows: Vec<Vec<String>>,
    /// Rows whose label and meaning are lines of their own.
    parted: usize,
}

/// Where labels and meanings begin.
#[derive(Clone, Copy)]
struct Edges {
    labels: f32,
    meanings: f32,
}

/// The list that begins with row `start`, and the row behind it.
fn list_around(rows: &[&[&Line]], start: usize) -> Option<(List, usize)> {
    // The first row may have been joined to one line: then a later one shows where to cut it.
    let first = rows[start].first()?;
    let shown =
        rows.iter().skip(start).take(MIN_ROWS).find(|row| {
            row.len() == 2 && (row[0].left - first.left).abs() < first.size * SAME_EDGE
        })?;
    let edges = Edges {
        labels: shown[0].left,
        meanings: shown[1].left,
    };
    let mut list = List {
        lines: Vec::new(),
        rows: Vec::new(),
        parted: 0,
    };
    let mut end = start;
    let mut above: Option<&Line> = None;
    for row in rows[start..].iter().take(MAX_ROWS) {
        if !list.takes(row, edges, above) {
            break;
        }
        above = row.last().copied();
        end += 1;
    }
    // Columns of names that stand for themselves are seldom of one length.
    let is_columns = rows.get(end).is_some_and(|next| {
        let line = next[0];
        next.len() == 1
            && (line.left - edges.labels).abs() < line.size * SAME_EDGE
            && line.gaps.is_empty()
            && line.text.chars().count() <= MAX_LABEL_CHARS
            && above.is_some_and(|above| {
                (line.size * 0.5..line.size * MAX_WRAP_PITCH)
                    .contains(&(line.baseline - above.baseline))
            })
    });
    let labels: usize = list.rows.iter().map(|row| row[0].chars().count()).sum();
    let clear = !is_columns
        && list.rows.len() >= MIN_ROWS
        && list.parted >= 2
        && labels <= list.rows.len() * MAX_MEAN_LABEL_CHARS;
    clear.then_some((list, end))
}

impl List {
    fn takes(&mut self, row: &[&Line], edges: Edges, above: Option<&Line>) -> bool {
        let line = row[0];
        let near = |left: f32, edge: f32| (left - edge).abs() < line.size * SAME_EDGE;
        let drop = above.map(|above| line.baseline - above.baseline);
        let follows =
            |most: f32| drop.is_none_or(|drop| (line.size * 0.5..line.size * most).contains(&drop));
        if near(line.left, edges.meanings) && row.len() == 1 && follows(MAX_WRAP_PITCH) {
            let Some(meaning) = self.rows.last_mut().and_then(|row| row.last_mut()) else {
                return false;
            };
            meaning.push(' ');
            meaning.push_str(&line.text);
            self.lines.push(line.clone());
            return true;
        }
        if !near(line.left, edges.labels) || !follows(MAX_PITCH) {
            return false;
        }
        let cells = match row {
            [label, meaning] if near(meaning.left, edges.meanings) => {
                self.parted += 1;
                vec![label.text.clone(), meaning.text.clone()]
            }
            [only] => {
                let gap = only.gaps.iter().find(|gap| near(gap.right, edges.meanings));
                let Some((label, meaning)) = gap.and_then(|gap| only.text.split_at_checked(gap.at))
                else {
                    return false;
                };
                vec![label.to_owned(), meaning.trim_start().to_owned()]
            }
            _ => return false,
        };
        if cells[0].chars().count() > MAX_LABEL_CHARS {
            return false;
        }
        self.rows.push(cells);
        self.lines.extend(row.iter().map(|&line| line.clone()));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::pdf::line::set as line;

    /// Three rows; `drawn` gives the place of each cell in drawing order.
    fn seasons(drawn: [usize; 6]) -> Vec<Line> {
        let cells = [
            ("Winter", "about half of all heat"),
            ("Spring", "a quarter of it"),
            ("Summer", "hardly any"),
        ];
        let mut lines = Vec::new();
        for (row, (label, meaning)) in cells.into_iter().enumerate() {
            let baseline = 100.0 + row as f32 * 14.0;
            lines.push(line(label, 10.0, baseline, drawn[row * 2]));
            lines.push(line(meaning, 120.0, baseline, drawn[row * 2 + 1]));
        }
        lines
    }

    #[test]
    fn labels_are_read_with_their_meanings_if_drawn_so() {
        let mut lines = seasons([0, 1, 2, 3, 4, 5]);
        lines.push(line("but for hot water", 120.0, 140.0, 6));
        let lists = take_labelled(&mut lines);
        assert!(lines.is_empty());
        assert_eq!(
            lists[0].rows,
            [
                ["Winter", "about half of all heat"],
                ["Spring", "a quarter of it"],
                ["Summer", "hardly any but for hot water"],
            ]
        );
    }

    #[test]
    fn columns_drawn_one_after_the_other_are_no_list() {
        let mut lines = seasons([0, 3, 1, 4, 2, 5]);
        assert!(take_labelled(&mut lines).is_empty());
        assert_eq!(lines.len(), 6);
    }

    #[test]
    fn columns_of_uneven_length_are_no_list() {
        let mut lines = seasons([0, 1, 2, 3, 4, 5]);
        lines.push(line("Autumn", 10.0, 142.0, 6));
        assert!(take_labelled(&mut lines).is_empty());
    }
}
