//! Tables answer like tables: a cell, a row, all rows, or the end of a column.

use std::ops::Range;

use super::Section;
use super::question::{Question, stems};
use super::units::Unit;
use crate::language::{Extreme, cells, extreme};
use crate::model::BlockKind;

/// Rows of a list that are told; further ones are counted.
const MOST_ROWS: usize = 12;

/// What of a row is said.
pub(super) struct Said {
    /// The first cell, and the column where one is asked for.
    pub(super) subject: Vec<String>,
    /// The rest.
    pub(super) text: String,
    /// The row, to be cited.
    pub(super) range: Range<usize>,
}

/// A row: the cells that are asked for, or all of them behind the names of their columns.
pub(super) fn row(question: &Question, unit: &Unit<'_>, section: &Section<'_>) -> Said {
    let range = unit.parts[0].range.clone();
    let row = cells(&section.text[range.clone()]);
    let asked = asked_columns(question, unit, &row);
    let key = named_key(unit, &row);
    let said = |column: usize| match unit.head.get(column) {
        Some(name) if !name.is_empty() => format!("{name}: {}", row[column]),
        _ => row[column].to_owned(),
    };
    if let [column] = asked.as_slice() {
        // What tells which row is meant is said too.
        let names = |cell: &&&str| !question.new.is_disjoint(&stems(cell));
        let beside = row
            .iter()
            .enumerate()
            .skip(1)
            .filter(|(at, _)| at != column);
        let mut subject = vec![key];
        subject.extend(
            beside
                .map(|(_, cell)| cell)
                .filter(names)
                .map(|&cell| cell.to_owned()),
        );
        subject.extend(unit.head.get(*column).map(|&name| name.to_owned()));
        return Said {
            subject,
            text: row[*column].to_owned(),
            range,
        };
    }
    let rest = (1..row.len()).filter(|column| !row[*column].is_empty());
    let rest = rest.filter(|column| asked.is_empty() || asked.contains(column));
    let rest: Vec<String> = rest.map(said).collect();
    Said {
        subject: vec![key],
        text: rest.join("; "),
        range,
    }
}

/// The first cell; behind the name of its column where it is a bare number.
fn named_key(unit: &Unit<'_>, row: &[&str]) -> String {
    let key = row.first().copied().unwrap_or_default();
    match unit.head.first() {
        Some(name) if !key.contains(char::is_alphabetic) && !name.is_empty() => {
            format!("{name} {key}")
        }
        _ => key.to_owned(),
    }
}

/// The columns beside the first whose names have most of the question's words, if any has. A cell
/// that itself has words of the question tells which row is meant, and not what is asked for.
fn asked_columns(question: &Question, unit: &Unit<'_>, row: &[&str]) -> Vec<usize> {
    let weight = |column: usize| {
        let name = unit
            .head
            .get(column)
            .map(|name| stems(name))
            .unwrap_or_default();
        let mut cell = row.get(column).map(|cell| stems(cell)).unwrap_or_default();
        cell.retain(|stem| !name.contains(stem));
        if question.weight_in(&cell) > 0.0 {
            0.0
        } else {
            question.weight_in(&name)
        }
    };
    let weights: Vec<f32> = (0..row.len()).map(weight).collect();
    let most = weights.iter().copied().fold(0.0, f32::max);
    // Words of the first column only say what kind of thing is meant.
    let first = weights.first().copied().unwrap_or(0.0);
    let most_beside = weights.iter().skip(1).copied().fold(0.0, f32::max);
    if most <= 0.0 || most_beside <= 0.0 || first > most_beside {
        return Vec::new();
    }
    (1..row.len())
        .filter(|column| weights[*column] >= most_beside - 1e-4)
        .collect()
}

/// The rows of a unit's table below its head.
fn rows<'a>(unit: &Unit<'_>, section: &Section<'a>) -> Vec<(Range<usize>, Vec<&'a str>)> {
    let body = unit.table.start + usize::from(!unit.head.is_empty())..unit.table.end;
    section.blocks[body]
        .iter()
        .filter(|block| block.kind == BlockKind::TableRow)
        .map(|block| {
            (
                block.range.clone(),
                cells(&section.text[block.range.clone()]),
            )
        })
        .collect()
}

/// The table as a list of what its first column names, with the columns that the question names, or
/// those that say most about it.
pub(super) fn list(question: &Question, unit: &Unit<'_>, section: &Section<'_>) -> Option<Said> {
    let rows = rows(unit, section);
    let shown = rows.get(..MOST_ROWS.min(rows.len()))?;
    let range = shown.first()?.0.start..shown.last()?.0.end;
    let mut told = named_columns(question, unit);
    if told.is_empty() {
        told = telling_columns(&rows);
    }
    let line = |(_, row): &(Range<usize>, Vec<&str>)| {
        let key = named_key(unit, row);
        let cells = told.iter().filter_map(|column| row.get(*column));
        let cells: Vec<&str> = cells.copied().filter(|cell| !cell.is_empty()).collect();
        if cells.is_empty() {
            format!("- {key}")
        } else {
            format!("- {key}: {}", cells.join("; "))
        }
    };
    let mut lines: Vec<String> = shown.iter().map(line).collect();
    if rows.len() > shown.len() {
        lines.push(format!("- and {} more", rows.len() - shown.len()));
    }
    Some(Said {
        subject: Vec::new(),
        text: lines.join("\n"),
        range,
    })
}

/// The columns behind the first whose names have words of the question that the first one's has not.
fn named_columns(question: &Question, unit: &Unit<'_>) -> Vec<usize> {
    let first = unit
        .head
        .first()
        .map(|name| stems(name))
        .unwrap_or_default();
    let is_named = |column: &usize| {
        let mut name = stems(unit.head[*column]);
        name.retain(|stem| !first.contains(stem));
        question.weight_in(&name) > 0.0
    };
    (1..unit.head.len()).filter(is_named).collect()
}

/// The columns behind the first that have words in every row, up to the first that is written in
/// phrases: the meaning of a code, the purpose of a form, and the name before it.
fn telling_columns(rows: &[(Range<usize>, Vec<&str>)]) -> Vec<usize> {
    let columns = rows.iter().map(|(_, row)| row.len()).max().unwrap_or(0);
    let words = |column: usize| -> usize {
        let cells = rows.iter().filter_map(|(_, row)| row.get(column));
        let words = cells.flat_map(|cell| cell.split_whitespace());
        words
            .filter(|word| word.contains(char::is_alphabetic))
            .count()
    };
    let phrases = (1..columns).find(|column| words(*column) >= 2 * rows.len());
    let last = phrases.or_else(|| (1..columns).find(|column| words(*column) >= rows.len()));
    let upto = 1..last.map_or(1, |last| last + 1);
    upto.filter(|column| words(*column) >= rows.len()).collect()
}

/// The row at the end of a column that the question asks for. `None` where it asks for none, or the
/// values cannot be compared.
/// `only` keeps the rows that begin at these bytes.
pub(super) fn at_the_end(
    question: &Question,
    unit: &Unit<'_>,
    section: &Section<'_>,
    only: Option<&[usize]>,
) -> Option<Said> {
    let (end, hints) = extreme(&question.asking)?;
    let mut rows = rows(unit, section);
    rows.retain(|(range, _)| only.is_none_or(|only| only.contains(&range.start)));
    let values = |column: usize| -> Option<Vec<(f64, String)>> {
        rows.iter()
            .map(|(_, row)| quantity(row.get(column)?))
            .collect()
    };
    let comparable: Vec<usize> = (1..unit.head.len())
        .filter(|column| {
            values(*column)
                .is_some_and(|values| values.windows(2).all(|pair| pair[0].1 == pair[1].1))
        })
        .collect();
    let by_hint = |column: &&usize| {
        let name = stems(unit.head[**column]);
        hints
            .iter()
            .any(|hint| stems(hint).iter().any(|stem| name.contains(stem)))
    };
    let words = |column: usize| question.weight_in(&stems(unit.head[column]));
    let named = (1..unit.head.len()).filter(|column| words(*column) > 0.0);
    let named = named.reduce(|best, next| {
        if words(next) > words(best) {
            next
        } else {
            best
        }
    });
    let column = match named {
        // The values of the column that is named cannot be compared: those of another one say nothing.
        Some(named) => Some(comparable.iter().find(|column| **column == named)?),
        None => comparable.iter().find(by_hint),
    };
    let column = *column.or_else(|| {
        comparable
            .first()
            .filter(|_| comparable.len() == 1 && hints.is_empty())
    })?;
    let values = values(column)?;
    let better = |a: f64, b: f64| match end {
        Extreme::Largest => a > b,
        Extreme::Smallest => a < b,
    };
    let best = values.iter().enumerate().reduce(|best, next| {
        if better(next.1.0, best.1.0) {
            next
        } else {
            best
        }
    })?;
    let (range, row) = &rows[best.0];
    let what = match end {
        Extreme::Largest => "largest",
        Extreme::Smallest => "smallest",
    };
    Some(Said {
        subject: vec![named_key(unit, row), unit.head[column].to_owned()],
        text: format!("{} (the {what} of {})", row[column], rows.len()),
        range: range.clone(),
    })
}

/// The number in a cell and what stands around it.
fn quantity(cell: &str) -> Option<(f64, String)> {
    let start = cell.find(|c: char| c.is_ascii_digit())?;
    let length = cell[start..]
        .find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',')
        .unwrap_or(cell.len() - start);
    let digits = cell[start..start + length]
        .trim_end_matches(['.', ','])
        .replace(',', "");
    let negative = cell[..start].ends_with(['-', '\u{2212}']);
    let value: f64 = digits.parse().ok()?;
    let unit = format!("{}{}", &cell[..start], &cell[start + length..]);
    // "1 year" and "3 years" are of one unit.
    let unit = unit.trim_matches(['-', '\u{2212}', ' ']).to_lowercase();
    let one = unit.strip_suffix('s').filter(|one| one.len() > 2);
    let unit = one.map_or(unit.clone(), str::to_owned);
    Some((if negative { -value } else { value }, unit))
}
