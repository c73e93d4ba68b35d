//! Tables of contents: the number, the title and the page of an entry stand apart, and are one line.
//!
//! Leaders, the rows of dots that lead to the page numbers, give such a table away and show where
//! its page numbers stand. Nothing is joined on a page without them.

use super::line::Line;
use super::rows::{append, prepend};

/// A leader has at least this many dots.
const MIN_DOTS: usize = 4;
/// A page with fewer leaders than this has no table of contents.
const MIN_LEADERS: usize = 2;
/// A section number stands at most this many ems before its title.
const MAX_NUMBER_GAP: f32 = 4.0;
/// Page numbers whose right edges differ by less than this many ems stand below each other.
const SAME_EDGE: f32 = 0.5;

/// Joins the parts of each entry of a table of contents.
pub(super) fn join_entries(lines: &mut Vec<Line>) {
    let edges = page_edges(lines);
    if edges.len() < MIN_LEADERS {
        return;
    }
    let stands_at_edge = |line: &Line| {
        edges
            .iter()
            .any(|edge| (edge - line.right).abs() < line.size * SAME_EDGE)
    };
    let mut index = 0;
    while index < lines.len() {
        let is_page = is_page_number(&lines[index].text) && stands_at_edge(&lines[index]);
        match is_page.then(|| left_neighbour(lines, index)).flatten() {
            Some(title) => {
                let page = lines.remove(index);
                append(&mut lines[title - usize::from(title > index)], &page);
            }
            None => index += 1,
        }
    }
    let mut index = 0;
    while index < lines.len() {
        let is_entry = is_entry(&lines[index].text) && stands_at_edge(&lines[index]);
        let number = is_entry
            .then(|| left_neighbour(lines, index))
            .flatten()
            .filter(|&other| {
                let gap = lines[index].left - lines[other].right;
                is_section_number(&lines[other].text) && gap < lines[index].size * MAX_NUMBER_GAP
            });
        if let Some(number) = number {
            let marker = lines[number].clone();
            prepend(&mut lines[index], &marker);
            lines.remove(number);
            index -= usize::from(number < index);
        }
        index += 1;
    }
}

/// Whether a line is a title, a leader and a page number.
pub(super) fn is_led_entry(text: &str) -> bool {
    text.rsplit_once(' ')
        .is_some_and(|(title, page)| is_page_number(page) && ends_in_leader(title))
}

/// The right edges of the page numbers that leaders lead to, one for each leader.
fn page_edges(lines: &[Line]) -> Vec<f32> {
    lines
        .iter()
        .filter_map(|line| {
            if is_led_entry(&line.text) {
                return Some(line.right);
            }
            ends_in_leader(&line.text)
                .then(|| page_beside(lines, line))
                .flatten()
        })
        .collect()
}

fn page_beside(lines: &[Line], leader: &Line) -> Option<f32> {
    lines
        .iter()
        .filter(|line| {
            line.left >= leader.right
                && line.left - leader.right < leader.size * MAX_NUMBER_GAP
                && is_beside(line, leader)
                && is_page_number(&line.text)
        })
        .map(|line| line.right)
        .min_by(f32::total_cmp)
}

/// The nearest line to the left on the same baseline.
fn left_neighbour(lines: &[Line], index: usize) -> Option<usize> {
    let line = &lines[index];
    (0..lines.len())
        .filter(|&other| {
            other != index
                && is_beside(&lines[other], line)
                && lines[other].right <= line.left + 1.0
                && lines[other].left < line.left
        })
        .max_by(|&a, &b| lines[a].right.total_cmp(&lines[b].right))
}

fn is_beside(one: &Line, other: &Line) -> bool {
    (one.baseline - other.baseline).abs() < one.size.max(other.size) * 0.3
}

/// Whether a text ends in a page number behind something that begins with a letter.
fn is_entry(text: &str) -> bool {
    text.starts_with(char::is_alphabetic)
        && text
            .rsplit_once(' ')
            .is_some_and(|(_, page)| is_page_number(page))
}

fn ends_in_leader(text: &str) -> bool {
    let dots = text
        .chars()
        .rev()
        .take_while(|sign| matches!(sign, '.' | ' ' | '…' | '·'))
        .filter(|&sign| sign != ' ');
    dots.map(|sign| if sign == '…' { 3 } else { 1 })
        .sum::<usize>()
        >= MIN_DOTS
}

/// Arabic or, as in front matter, Roman.
fn is_page_number(text: &str) -> bool {
    (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        || (1..=6).contains(&text.len())
            && text
                .bytes()
                .all(|byte| matches!(byte, b'i' | b'v' | b'x' | b'l'))
}

/// Such as `3`, `1.2.`, `A.4` or `IV`.
fn is_section_number(text: &str) -> bool {
    let parts = text.trim_end_matches('.').split('.');
    let is_part = |part: &str| {
        (1..=4).contains(&part.len())
            && (part.bytes().all(|byte| byte.is_ascii_digit())
                || part.len() == 1 && part.bytes().all(|byte| byte.is_ascii_uppercase())
                || part
                    .bytes()
                    .all(|byte| matches!(byte, b'I' | b'V' | b'X' | b'L')))
    };
    text.len() <= 12 && parts.clone().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line five points wide for each character that ends at `right`.
    fn line(text: &str, right: f32, baseline: f32) -> Line {
        Line {
            text: text.to_owned(),
            left: right - text.chars().count() as f32 * 5.0,
            right,
            baseline,
            size: 10.0,
            weight: None,
            first_word: 20.0,
            spaced: false,
            drawn: 0,
            gaps: Vec::new(),
        }
    }

    fn joined(mut lines: Vec<Line>) -> Vec<String> {
        join_entries(&mut lines);
        lines.into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn an_entry_is_one_line() {
        let lines = vec![
            line("1", 5.0, 12.0),
            line("Heat", 40.0, 12.0),
            line("2", 300.0, 12.0),
            line("1.1", 20.0, 24.0),
            line("Draughts . . . . .", 280.0, 24.0),
            line("2", 300.0, 24.0),
            line("1.2", 20.0, 36.0),
            line("Windows . . . . . 16", 300.0, 36.0),
        ];
        // The section numbers stand at the left, far from these short leaders.
        let lines = lines
            .into_iter()
            .map(|mut line| {
                if line.text.contains(". .") {
                    line.left = 30.0;
                }
                line
            })
            .collect();
        assert_eq!(
            joined(lines),
            [
                "1 Heat 2",
                "1.1 Draughts . . . . . 2",
                "1.2 Windows . . . . . 16"
            ]
        );
    }

    #[test]
    fn numbers_without_leaders_stay_apart() {
        let lines = vec![
            line("2.5", 20.0, 12.0),
            line("Loft insulation", 140.0, 12.0),
            line("12", 300.0, 12.0),
        ];
        assert_eq!(joined(lines).len(), 3);
    }
}
