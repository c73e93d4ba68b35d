//! Lines that belong together though a gap parts them: markers and their text, the two halves of a
//! stretched line, a drop cap and its word.

use super::characters::is_bullet;
use super::line::{Gap, Line};
use super::markers::names_part;

/// Without rows around it to compare with, a gap up to this many ems is one between words.
const LONE_GAP: f32 = 0.95;
/// Neighbours looked at in the rows around a gap.
const MAX_ROW: usize = 60;

/// Joins a bullet or number that stands apart with the text it marks.
pub(super) fn join_markers(lines: &mut Vec<Line>) {
    let mut index = 0;
    while index < lines.len() {
        if is_marker(&lines[index].text)
            && let Some(text) = marked_line(lines, index)
        {
            let marker = lines[index].clone();
            prepend(&mut lines[text], &marker);
            lines.remove(index);
        } else {
            index += 1;
        }
    }
}

/// Puts a line that stands to the left in front of `line`.
pub(super) fn prepend(line: &mut Line, marker: &Line) {
    let prefix = marker.text.len() + 1;
    line.gaps.iter_mut().for_each(|gap| gap.at += prefix);
    line.gaps.insert(
        0,
        Gap {
            at: marker.text.len(),
            left: marker.right,
            right: line.left,
        },
    );
    line.text = format!("{} {}", marker.text, line.text);
    line.first_word += marker.width();
    line.left = marker.left;
    line.drawn = line.drawn.min(marker.drawn);
}

fn is_marker(text: &str) -> bool {
    if text
        .chars()
        .all(|character| is_bullet(character) || character == ' ')
    {
        return true;
    }
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(only), None) => only == '–' || only == '-',
        (Some(first), Some(_)) => {
            let body = text.trim_start_matches('(').trim_end_matches(['.', ')']);
            body.len() < text.len()
                && first != ')'
                && (1..=3).contains(&body.len())
                && (body.bytes().all(|byte| byte.is_ascii_digit())
                    || (body.len() == 1 && body.bytes().all(|byte| byte.is_ascii_alphabetic()))
                    || body.bytes().all(|byte| matches!(byte, b'i' | b'v' | b'x')))
        }
        (None, _) => false,
    }
}

fn marked_line(lines: &[Line], marker: usize) -> Option<usize> {
    let mark = &lines[marker];
    let reach = mark.size.max(6.0) * 4.0;
    lines
        .iter()
        .enumerate()
        .filter(|&(index, line)| {
            index != marker
                && (line.baseline - mark.baseline).abs() < line.size.max(mark.size) * 0.3
                && line.left >= mark.right - 1.0
                && line.left - mark.right < reach
        })
        .min_by(|(_, a), (_, b)| a.left.total_cmp(&b.left))
        .map(|(index, _)| index)
}

/// Joins neighbours on one baseline whose gap is no gutter: lines above or below run across it.
pub(super) fn join_rows(lines: &mut Vec<Line>) {
    let mut index = 0;
    while index < lines.len() {
        match right_neighbour(lines, index) {
            Some(right)
                if !is_gutter(lines, index, right) && !begins_caption(lines, index, right) =>
            {
                let other = lines.remove(right);
                let index_now = if right < index { index - 1 } else { index };
                append(&mut lines[index_now], &other);
                index = index_now;
            }
            _ => index += 1,
        }
    }
}

/// Puts a line that stands to the right behind `line`.
pub(super) fn append(line: &mut Line, other: &Line) {
    line.gaps.push(Gap {
        at: line.text.len(),
        left: line.right,
        right: other.left,
    });
    line.text.push(' ');
    let prefix = line.text.len();
    line.gaps.extend(other.gaps.iter().map(|gap| Gap {
        at: gap.at + prefix,
        ..*gap
    }));
    line.text.push_str(&other.text);
    line.right = line.right.max(other.right);
    line.drawn = line.drawn.min(other.drawn);
    line.size = line.size.max(other.size);
}

/// The nearest line to the right on the same baseline, within a few ems.
fn right_neighbour(lines: &[Line], index: usize) -> Option<usize> {
    let line = &lines[index];
    let near = index.saturating_sub(MAX_ROW)..(index + MAX_ROW).min(lines.len());
    near.filter(|&other| {
        let right = &lines[other];
        other != index
            && (right.baseline - line.baseline).abs() < line.size * 0.15
            && (right.size / line.size - 1.0).abs() < 0.2
            && right.left >= line.right
            && right.left - line.right < line.size * 4.0
    })
    .min_by(|&a, &b| lines[a].left.total_cmp(&lines[b].left))
}

/// Whether the line to the right begins a caption of its own, `(b)`: another row is drawn in between.
fn begins_caption(lines: &[Line], left: usize, right: usize) -> bool {
    let (one, other) = (&lines[left], &lines[right]);
    names_part(other.text.chars())
        && lines.iter().any(|line| {
            (line.baseline - one.baseline).abs() > one.size * 0.7
                && (one.drawn..other.drawn).contains(&line.drawn)
        })
}

/// Whether the gap between two lines of one row goes on above or below. Of the rows next to it,
/// the first on each side that reaches the gap decides.
fn is_gutter(lines: &[Line], left: usize, right: usize) -> bool {
    let (one, other) = (&lines[left], &lines[right]);
    let gap = (one.right, other.left);
    let mut upwards = (left.saturating_sub(MAX_ROW)..left).rev();
    let mut downwards = left + 1..(left + MAX_ROW).min(lines.len());
    let above = upwards.find_map(|index| crossing(&lines[index], one, gap));
    let below = downwards.find_map(|index| crossing(&lines[index], one, gap));
    let narrow = gap.1 - gap.0 < one.size * LONE_GAP;
    match (above, below) {
        (Some(true), Some(false)) | (Some(false), Some(true)) => !narrow,
        (Some(false), _) | (_, Some(false)) => true,
        (None, None) => gap.1 - gap.0 > one.size * LONE_GAP,
        (Some(true), _) | (_, Some(true)) => false,
    }
}

/// Whether a line of another row runs across the gap; `None` if it says nothing about it.
fn crossing(line: &Line, row: &Line, gap: (f32, f32)) -> Option<bool> {
    let distance = (line.baseline - row.baseline).abs();
    if distance < row.size * 0.5 || distance > row.size * 6.0 {
        return None;
    }
    if line.left < gap.0 - row.size && line.right > gap.1 + row.size {
        return Some(true);
    }
    let starts_after = (line.left - gap.1).abs() < row.size * 1.5 && line.width() > row.size * 2.0;
    starts_after.then_some(false)
}

/// Puts a large first letter in front of the word it begins.
pub(super) fn merge_drop_caps(lines: &mut Vec<Line>) {
    let mut index = 0;
    while index < lines.len() {
        let single = lines[index].text.chars().count() == 1
            && lines[index].text.chars().all(char::is_uppercase);
        match single.then(|| line_beside_cap(lines, index)).flatten() {
            Some(beside) => {
                merge_drop_cap(lines, index, beside);
                lines.remove(index);
            }
            None => index += 1,
        }
    }
}

fn line_beside_cap(lines: &[Line], cap: usize) -> Option<usize> {
    let letter = &lines[cap];
    lines.iter().position(|line| {
        letter.size > line.size * 1.7
            && (letter.top() - line.top()).abs() < line.size * 0.6
            && line.baseline < letter.baseline - line.size * 0.5
            && line.left > letter.right - line.size * 0.7
            && line.left < letter.right + line.size * 1.5
    })
}

fn merge_drop_cap(lines: &mut [Line], cap: usize, beside: usize) {
    let letter = lines[cap].clone();
    let size = lines[beside].size;
    for line in lines.iter_mut() {
        let is_beside = line.baseline <= letter.baseline + size * 0.3
            && line.top() > letter.top() - size * 0.7
            && line.left > letter.right - size * 0.7
            && line.left < letter.right + size * 1.5
            && line.size < letter.size * 0.7;
        if is_beside {
            line.left = letter.left;
        }
    }
    let line = &mut lines[beside];
    let gap = if line.spaced { " " } else { "" };
    line.gaps.clear();
    line.text = format!("{}{gap}{}", letter.text, line.text);
    line.drawn = line.drawn.min(letter.drawn);
}
