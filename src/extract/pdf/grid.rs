//! Ruled tables: the cells between rules that cross.
//!
//! Cells are found as by Nurminen ("Algorithmic extraction of data in tables in PDF documents",
//! 2013), whose way Tabula and pdfplumber go too: rules are joined, and every crossing is the upper
//! left corner of the smallest rectangle whose four corners are crossings of the same rules. What a
//! cell holds is told by where glyphs stand, before any line is made, so that a word never
//! runs over a rule, a wrapped cell stays whole and an empty one keeps its column.

use std::collections::HashMap;

use super::glyph::{Edge, Glyph, PageGlyphs};
use super::hyphens::{Vocabulary, join_line};
use super::line::Line;
use super::lines::lines_of;
use super::table::{Table, rows_of};

/// Edges closer than this many points are one, and pieces that end so near are joined.
const SNAP: f32 = 3.0;
/// Shorter edges part no cells, points.
const MIN_EDGE: f32 = 5.0;
/// Narrower cells lie between the two strokes of a double rule, points.
const MIN_CELL: f32 = 4.0;
/// A page with more crossings than this is a drawing.
const MAX_CROSSINGS: usize = 40_000;
/// Steps in the search for cells; bounds hostile pages.
const MAX_STEPS: usize = 4_000_000;
/// A cell with more characters than this is a box of the page's layout.
const MAX_CELL_CHARS: usize = 600;

/// A cell: indices of the edges around it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Cell {
    top: usize,
    left: usize,
    bottom: usize,
    right: usize,
}

/// The joined edges of a page.
struct Edges {
    across: Vec<Edge>,
    upright: Vec<Edge>,
}

/// Takes the ruled tables of a page and their glyphs out of it.
pub(super) fn take_grids(page: &mut PageGlyphs) -> Vec<Table> {
    let edges = Edges {
        across: joined(std::mem::take(&mut page.across)),
        upright: joined(std::mem::take(&mut page.upright)),
    };
    let mut taken = vec![false; page.glyphs.len()];
    let mut tables = Vec::new();
    for cells in grouped(cells_of(&edges)) {
        let Some(grid) = Grid::of(&edges, &cells) else {
            continue;
        };
        let filled = grid.fill(&page.glyphs);
        if let Some(mut table) = grid.read(&page.glyphs, &filled) {
            let members = filled.iter().flatten();
            table.drawn = members.clone().copied().min().unwrap_or(0);
            members.for_each(|&index| taken[index] = true);
            page.rules
                .retain(|rule| !grid.contains(f32::midpoint(rule.left, rule.right), rule.y));
            tables.push(table);
        }
    }
    if !tables.is_empty() {
        for table in &mut tables {
            table.drawn -= taken[..table.drawn].iter().filter(|&&taken| taken).count();
        }
        let mut index = 0;
        page.glyphs.retain(|_| {
            index += 1;
            !taken[index - 1]
        });
    }
    tables
}

/// Edges that lie on one line and touch, joined; sorted by their place.
fn joined(mut edges: Vec<Edge>) -> Vec<Edge> {
    edges.sort_by(|a, b| a.at.total_cmp(&b.at));
    let mut joined: Vec<Edge> = Vec::new();
    let mut start = 0;
    while start < edges.len() {
        let at = edges[start].at;
        let length = edges[start..].partition_point(|edge| edge.at - at < SNAP);
        let run = &mut edges[start..start + length];
        run.sort_by(|a, b| a.start.total_cmp(&b.start));
        let first = joined.len();
        for edge in run.iter() {
            match joined[first..].last_mut() {
                Some(last) if edge.start <= last.end + SNAP => last.end = last.end.max(edge.end),
                _ => joined.push(Edge { at, ..*edge }),
            }
        }
        start += length;
    }
    joined.retain(|edge| edge.end - edge.start >= MIN_EDGE);
    joined
}

fn cells_of(edges: &Edges) -> Vec<Cell> {
    let crosses = |across: &Edge, upright: &Edge| {
        (across.start - SNAP..=across.end + SNAP).contains(&upright.at)
            && (upright.start - SNAP..=upright.end + SNAP).contains(&across.at)
    };
    if edges.across.len() * edges.upright.len() > MAX_CROSSINGS * 10 {
        return Vec::new();
    }
    let crossings: Vec<Vec<usize>> = edges
        .across
        .iter()
        .map(|across| {
            (0..edges.upright.len())
                .filter(|&index| crosses(across, &edges.upright[index]))
                .collect()
        })
        .collect();
    if crossings.iter().map(Vec::len).sum::<usize>() > MAX_CROSSINGS {
        return Vec::new();
    }
    let mut steps = 0;
    let mut cells = Vec::new();
    for (top, uprights) in crossings.iter().enumerate() {
        for (place, &left) in uprights.iter().enumerate() {
            let cell = smallest(
                edges,
                &crossings,
                (top, left),
                &uprights[place + 1..],
                &mut steps,
            );
            cells.extend(cell);
            if steps > MAX_STEPS {
                return Vec::new();
            }
        }
    }
    cells
}

/// The smallest rectangle of crossings whose upper left corner is `corner`.
fn smallest(
    edges: &Edges,
    crossings: &[Vec<usize>],
    (top, left): (usize, usize),
    to_the_right: &[usize],
    steps: &mut usize,
) -> Option<Cell> {
    for (bottom, below) in crossings.iter().enumerate().skip(top + 1) {
        *steps += 1;
        let low = edges.across[bottom].at - edges.across[top].at >= MIN_CELL;
        if !low || below.binary_search(&left).is_err() {
            continue;
        }
        for &right in to_the_right {
            *steps += 1;
            let wide = edges.upright[right].at - edges.upright[left].at >= MIN_CELL;
            if wide && below.binary_search(&right).is_ok() {
                return Some(Cell {
                    top,
                    left,
                    bottom,
                    right,
                });
            }
        }
    }
    None
}

/// Cells that share corners, group by group.
fn grouped(cells: Vec<Cell>) -> Vec<Vec<Cell>> {
    let mut groups: Vec<Vec<Cell>> = Vec::new();
    let mut group_of_corner: HashMap<(usize, usize), usize> = HashMap::new();
    for cell in cells {
        let corners = [
            (cell.top, cell.left),
            (cell.top, cell.right),
            (cell.bottom, cell.left),
            (cell.bottom, cell.right),
        ];
        let mut known: Vec<usize> = corners
            .iter()
            .filter_map(|corner| group_of_corner.get(corner).copied())
            .collect();
        known.sort_unstable();
        known.dedup();
        let target = known.first().copied().unwrap_or(groups.len());
        if target == groups.len() {
            groups.push(Vec::new());
        }
        for &other in known.iter().skip(1) {
            let moved = std::mem::take(&mut groups[other]);
            groups[target].extend(moved);
            for group in group_of_corner.values_mut() {
                if *group == other {
                    *group = target;
                }
            }
        }
        groups[target].push(cell);
        for corner in corners {
            group_of_corner.insert(corner, target);
        }
    }
    groups.retain(|group| group.len() > 1);
    groups
}

/// One table: its cells in rows and columns.
struct Grid {
    /// Edges of the columns, from left to right.
    columns: Vec<f32>,
    /// Edges of the rows, from top to bottom.
    rows: Vec<f32>,
    /// For each row, which cell stands in each column; cells that span several stand in the first.
    cells: Vec<Vec<Option<usize>>>,
    count: usize,
}

impl Grid {
    fn of(edges: &Edges, cells: &[Cell]) -> Option<Self> {
        let distinct = |indices: Vec<usize>| {
            let mut sorted = indices;
            sorted.sort_unstable();
            sorted.dedup();
            sorted
        };
        // Rules in pieces may lie on one line: what counts is where they lie.
        let place = |edge: &Edge| edge.at;
        let both = |a: fn(&Cell) -> usize, b: fn(&Cell) -> usize| {
            distinct(cells.iter().flat_map(|cell| [a(cell), b(cell)]).collect())
        };
        let mut columns: Vec<f32> = both(|cell| cell.left, |cell| cell.right)
            .into_iter()
            .map(|index| place(&edges.upright[index]))
            .collect();
        let mut rows: Vec<f32> = both(|cell| cell.top, |cell| cell.bottom)
            .into_iter()
            .map(|index| place(&edges.across[index]))
            .collect();
        columns.dedup();
        rows.dedup();
        if columns.len() < 3 || rows.len() < 3 || columns.len() * rows.len() > MAX_CROSSINGS {
            return None;
        }
        let mut table = vec![vec![None; columns.len() - 1]; rows.len() - 1];
        for (index, cell) in cells.iter().enumerate() {
            let left = columns.partition_point(|&x| x < place(&edges.upright[cell.left]));
            let right = columns.partition_point(|&x| x < place(&edges.upright[cell.right]));
            let top = rows.partition_point(|&y| y < place(&edges.across[cell.top]));
            let bottom = rows.partition_point(|&y| y < place(&edges.across[cell.bottom]));
            for row in &mut table[top..bottom] {
                row[left..right].fill(Some(index));
            }
        }
        Some(Self {
            columns,
            rows,
            cells: table,
            count: cells.len(),
        })
    }

    fn contains(&self, x: f32, y: f32) -> bool {
        let within = |edges: &[f32], value: f32| matches!(edges, [first, .., last] if (first - SNAP..=last + SNAP).contains(&value));
        within(&self.columns, x) && within(&self.rows, y)
    }

    /// The glyphs of every cell.
    fn fill(&self, glyphs: &[Glyph]) -> Vec<Vec<usize>> {
        let mut filled = vec![Vec::new(); self.count];
        for (index, glyph) in glyphs.iter().enumerate() {
            if glyph.angle != 0 {
                continue;
            }
            let (x, y) = (glyph.x + glyph.advance * 0.5, glyph.y - glyph.size * 0.3);
            let column = self.columns.partition_point(|&edge| edge <= x);
            let row = self.rows.partition_point(|&edge| edge <= y);
            let cell = row
                .checked_sub(1)
                .zip(column.checked_sub(1))
                .and_then(|(row, column)| *self.cells.get(row)?.get(column)?);
            if let Some(cell) = cell {
                filled[cell].push(index);
            }
        }
        filled
    }

    /// The table, unless the rules are those of a layout or a drawing.
    fn read(&self, glyphs: &[Glyph], filled: &[Vec<usize>]) -> Option<Table> {
        if filled.iter().any(|cell| cell.len() > MAX_CELL_CHARS) {
            return None;
        }
        let mut lines: Vec<Vec<Line>> = filled
            .iter()
            .map(|members| {
                let own: Vec<Glyph> = members.iter().map(|&index| glyphs[index].clone()).collect();
                let mut lines = lines_of(&own, &[]);
                lines.sort_by(|a, b| a.baseline.total_cmp(&b.baseline));
                lines
            })
            .collect();
        let mut rows: Vec<Vec<String>> = Vec::new();
        let mut seen = vec![false; self.count];
        for row in &self.cells {
            // A cell that spans several columns or rows is read where it begins.
            let cells: Vec<Vec<Line>> = row
                .iter()
                .map(|cell| match cell {
                    Some(cell) if !std::mem::replace(&mut seen[*cell], true) => {
                        std::mem::take(&mut lines[*cell])
                    }
                    _ => Vec::new(),
                })
                .collect();
            let unruled = self.cells.len() <= 2;
            rows.extend(read_row(&cells, unruled));
        }
        let filled = |row: &Vec<String>| row.iter().filter(|cell| !cell.is_empty()).count();
        rows.retain(|row| filled(row) > 0);
        drop_empty_columns(&mut rows);
        let is_table = rows.iter().filter(|row| filled(row) >= 2).count() >= 2;
        is_table.then(|| Table {
            rows,
            left: self.columns[0],
            right: self.columns[self.columns.len() - 1],
            top: self.rows[0],
            bottom: self.rows[self.rows.len() - 1],
            drawn: 0,
            header: None,
        })
    }
}

/// The row that cells make: one, or several where no rules part them and their lines stand side by
/// side.
fn read_row(cells: &[Vec<Line>], unruled: bool) -> Vec<Vec<String>> {
    let columns = cells.iter().filter(|cell| !cell.is_empty()).count();
    let mut all: Vec<Line> = cells.iter().flatten().cloned().collect();
    all.sort_by(|a, b| a.baseline.total_cmp(&b.baseline));
    let baselines = rows_of(&all);
    let parts = |row: &[Line]| {
        cells
            .iter()
            .filter(|cell| cell.iter().any(|line| row.contains(line)))
            .count()
    };
    let stacked = unruled
        && columns >= 2
        && baselines.len() >= 3
        && baselines.iter().all(|row| parts(row) * 5 >= columns * 3);
    if !stacked {
        return vec![cells.iter().map(|cell| joined_text(cell)).collect()];
    }
    baselines
        .iter()
        .map(|row| {
            let own = |cell: &Vec<Line>| {
                let lines: Vec<Line> = cell
                    .iter()
                    .filter(|line| row.contains(line))
                    .cloned()
                    .collect();
                joined_text(&lines)
            };
            cells.iter().map(own).collect()
        })
        .collect()
}

/// The lines of a cell as one.
fn joined_text(lines: &[Line]) -> String {
    let words = Vocabulary::default();
    let mut text = String::new();
    for line in rows_of(lines).iter().flatten() {
        join_line(&mut text, &line.text, &words);
    }
    text
}

/// Columns that no row fills are the seams of double rules.
fn drop_empty_columns(rows: &mut [Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    for column in (0..columns).rev() {
        if rows
            .iter()
            .all(|row| row.get(column).is_none_or(String::is_empty))
        {
            for row in rows.iter_mut().filter(|row| column < row.len()) {
                row.remove(column);
            }
        }
    }
}
