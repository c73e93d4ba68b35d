//! Tables: rows between rules that nothing upright crosses.
//!
//! Conservative on purpose: prose in columns that is taken for a table is unreadable, a table that
//! is missed is only read cell by cell.

use super::aligned::take_aligned;
use super::frame::{Frame, MAX_ARRANGED_LINES};
use super::glyph::Rule;
use super::labelled::take_labelled;
use super::line::Line;
use super::table::{Table, cells_of, close_table, columns_of, filled, rows_of};

/// One cell of a ruled table holds no more than this.
const MAX_RULED_CELL_CHARS: usize = 300;
/// Longer cells on average are prose between rules.
const MAX_MEAN_RULED_CELL_CHARS: usize = 80;
/// How far above its first rule a table's head may begin, points.
const MAX_HEAD_HEIGHT: f32 = 48.0;
/// Rules closer than this are one rule.
const SAME_RULE: f32 = 2.5;

/// Takes the lines that belong to tables out of `frame`, which holds those between crossing rules.
pub(super) fn take_tables(frame: &mut Frame) {
    if frame.lines.len() > MAX_ARRANGED_LINES {
        return;
    }
    for band in ruled_bands(&frame.rules) {
        frame.tables.extend(take_ruled(&mut frame.lines, &band));
    }
    frame.tables.extend(take_aligned(&mut frame.lines));
    frame.tables.extend(take_labelled(&mut frame.lines));
}

/// Rules of one width above each other.
fn ruled_bands(rules: &[Rule]) -> Vec<Vec<Rule>> {
    let merged = merge_rules(rules);
    let mut bands: Vec<Vec<Rule>> = Vec::new();
    for rule in merged {
        let fits = |band: &&mut Vec<Rule>| {
            band.last().is_some_and(|last| {
                (last.left - rule.left).abs() < 6.0
                    && (last.right - rule.right).abs() < 6.0
                    && rule.y - last.y < 160.0
            })
        };
        match bands.iter_mut().find(fits) {
            Some(band) => band.push(rule),
            None => bands.push(vec![rule]),
        }
    }
    bands.retain(|band| band.len() >= 3);
    bands
}

/// Joins the pieces of rules that are drawn cell by cell.
fn merge_rules(rules: &[Rule]) -> Vec<Rule> {
    let mut sorted = rules.to_vec();
    sorted.sort_by(|a, b| a.y.total_cmp(&b.y).then(a.left.total_cmp(&b.left)));
    let mut merged: Vec<Rule> = Vec::new();
    for rule in sorted {
        let touching = merged.iter_mut().rev().take(16).find(|last| {
            (last.y - rule.y).abs() < SAME_RULE
                && rule.left < last.right + 6.0
                && rule.right > last.left - 6.0
        });
        match touching {
            Some(last) => {
                last.left = last.left.min(rule.left);
                last.right = last.right.max(rule.right);
            }
            None => merged.push(rule),
        }
    }
    merged
}

fn take_ruled(lines: &mut Vec<Line>, rules: &[Rule]) -> Option<Table> {
    let (first, last) = (rules.first()?, rules.last()?);
    let inside: Vec<&Line> = lines
        .iter()
        .filter(|line| line.left > first.left - 4.0 && line.right < first.right + 4.0)
        .collect();
    let mut bands: Vec<Vec<Line>> = rules
        .windows(2)
        .flat_map(|edge| rows_between(between(&inside, edge[0].y, edge[1].y)))
        .collect();
    bands.insert(0, head_above(&inside, first.y));
    bands.push(row_below(&inside, last.y));
    let columns = columns_of(&bands[1..bands.len() - 1]);
    if columns.len() < 2 {
        return None;
    }
    let mut rows: Vec<Vec<String>> = bands.iter().map(|band| cells_of(band, &columns)).collect();
    // What stands just above and below the rules belongs to the table only if it has cells too.
    for end in [0, rows.len() - 1] {
        if filled(&rows[end]) < columns.len().min(3) {
            rows[end].clear();
        }
    }
    if !reads_like_table(&rows) {
        return None;
    }
    let used: Vec<Line> = bands
        .into_iter()
        .zip(&rows)
        .filter(|(_, row)| !row.is_empty())
        .flat_map(|(band, _)| band)
        .collect();
    Some(close_table(lines, &used, rows))
}

fn reads_like_table(rows: &[Vec<String>]) -> bool {
    let lengths: Vec<usize> = rows
        .iter()
        .flatten()
        .map(|cell| cell.chars().count())
        .filter(|&length| length > 0)
        .collect();
    let full = rows.iter().filter(|row| filled(row) >= 2).count();
    let mean = lengths.iter().sum::<usize>() / lengths.len().max(1);
    full >= 2
        && mean <= MAX_MEAN_RULED_CELL_CHARS
        && lengths.iter().all(|&length| length <= MAX_RULED_CELL_CHARS)
}

/// Lines whose middle lies between two heights.
fn between(lines: &[&Line], top: f32, bottom: f32) -> Vec<Line> {
    let within = |line: &&&Line| {
        let middle = line.baseline - line.size * 0.3;
        middle > top && middle < bottom
    };
    lines
        .iter()
        .filter(within)
        .map(|&line| line.clone())
        .collect()
}

/// One row, or several if each of them has cells enough; else the cells are wrapped.
fn rows_between(band: Vec<Line>) -> Vec<Vec<Line>> {
    let cells = |row: &[Line]| row.iter().map(|line| line.gaps.len() + 1).sum::<usize>();
    let columns = columns_of(std::slice::from_ref(&band)).len();
    let rows = rows_of(&band);
    if columns >= 2
        && rows
            .iter()
            .all(|row| cells(row) * 5 >= columns * 3 && cells(row) >= 2)
    {
        return rows;
    }
    vec![band]
}

/// The rows of cells that stand directly on the first rule; a caption over them has no cells.
fn head_above(lines: &[&Line], rule: f32) -> Vec<Line> {
    let near = between(lines, rule - MAX_HEAD_HEIGHT, rule);
    let mut head: Vec<Line> = Vec::new();
    let mut floor = rule;
    for row in rows_of(&near).into_iter().rev() {
        let cells: usize = row.iter().map(|line| line.gaps.len() + 1).sum();
        let gap = floor - row[0].baseline;
        if gap > row[0].size * 1.7 || (cells < 2 && head.is_empty()) {
            break;
        }
        floor = row[0].baseline;
        head.splice(0..0, row);
    }
    // A row of one cell can be a part of the head only between rows of several.
    while head.first().is_some_and(|top| {
        head.iter()
            .filter(|line| (line.baseline - top.baseline).abs() < line.size * 0.3)
            .count()
            < 2
            && top.gaps.is_empty()
            && head.len() > 1
    }) {
        head.remove(0);
    }
    head
}

/// The row that the last rule stands over, where a table ends without one.
fn row_below(lines: &[&Line], rule: f32) -> Vec<Line> {
    let near = between(lines, rule, rule + MAX_HEAD_HEIGHT);
    rows_of(&near).into_iter().next().unwrap_or_default()
}
