//! Lines to paragraphs: where one ends, how its lines are joined, what kind it is.

use super::characters::is_bullet;
use super::contents::is_led_entry;
use super::hyphens::{Vocabulary, join_line};
use super::line::Line;
use super::markers::{marker_of, starts_item, with_plain_marker};
use super::order::Piece;
use crate::extract::builder::join_cells;

/// Sizes that differ by more than this share belong to different paragraphs.
const SIZE_STEP: f32 = 0.12;
/// Bold is at least this much heavier than the text before it.
const WEIGHT_STEP: f32 = 1.22;
/// Notes count as set in small type, so that they are no headings, points.
const NOTE_SIZE: f32 = 6.0;
/// A sentence that a caption or a box interrupts is found again behind this many paragraphs.
const MAX_INTERRUPTION: usize = 4;

/// What a paragraph looks like from its lines alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Text, or a heading: that is decided when the whole file is known.
    Text,
    /// A list item; the text begins with its marker.
    Item,
    /// A table row.
    Row,
}

/// A unit of text on one page.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Paragraph {
    /// One line of text.
    pub(super) text: String,
    /// What its lines say about its kind.
    pub(super) form: Form,
    /// Font size of its first line.
    pub(super) size: f32,
    /// Ink against Helvetica's, if it has letters.
    pub(super) weight: Option<f32>,
    /// How many lines it was set in.
    pub(super) lines: usize,
    /// Page counted from 1.
    pub(super) page: u32,
    /// Whether it goes on from the paragraph before, which a page break cuts.
    pub(super) goes_on: bool,
}

impl Paragraph {
    /// What a note on a page says.
    pub(super) fn note(text: &str, page: u32) -> Self {
        Self {
            text: text.to_owned(),
            form: Form::Text,
            size: NOTE_SIZE,
            weight: None,
            lines: 1,
            page,
            goes_on: false,
        }
    }
}

/// The paragraphs of one page from its pieces in reading order.
pub(super) fn paragraphs_of(
    pieces: Vec<Piece>,
    page: u32,
    pitch: f32,
    words: &Vocabulary,
) -> Vec<Paragraph> {
    let mut paragraphs: Vec<Paragraph> = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Table(table) => {
                let header = table.header.map(|(cells, page)| row(&cells, page));
                let rows = table.rows.iter().map(|cells| row(cells, page));
                paragraphs.extend(header.into_iter().chain(rows));
            }
            Piece::Text(lines) => {
                for (index, lines) in split(lines, pitch).into_iter().enumerate() {
                    let paragraph = build(&lines, page, words);
                    let broken = paragraphs
                        .iter_mut()
                        .rev()
                        .take(MAX_INTERRUPTION)
                        .take_while(|_| index == 0)
                        .find_map(|earlier| {
                            if continues(earlier, &paragraph) {
                                return Some(Some(earlier));
                            }
                            // A sentence goes on behind a formula, and not in front of it.
                            is_formula(&earlier.text).then_some(None)
                        })
                        .flatten();
                    match broken {
                        Some(earlier) => {
                            join_line(&mut earlier.text, &paragraph.text, words);
                            earlier.lines += paragraph.lines;
                        }
                        None => paragraphs.push(paragraph),
                    }
                }
            }
        }
    }
    paragraphs.retain(|paragraph| !paragraph.text.trim().is_empty());
    paragraphs
}

fn row(cells: &[String], page: u32) -> Paragraph {
    Paragraph {
        text: join_cells(cells).unwrap_or_default(),
        form: Form::Row,
        size: 0.0,
        weight: None,
        lines: 1,
        page,
        goes_on: false,
    }
}

/// Whether a paragraph runs on in the next column, block or page.
pub(super) fn continues(last: &Paragraph, next: &Paragraph) -> bool {
    let open = last.text.chars().next_back().is_some_and(|end| {
        end.is_lowercase() || matches!(end, ',' | '-' | '\u{AD}' | '—' | '–' | ';')
    });
    let lower = next.text.chars().next().is_some_and(char::is_lowercase);
    let same_size = (last.size / next.size.max(0.1) - 1.0).abs() < 0.05;
    last.lines > 1
        && last.form != Form::Row
        && next.form == Form::Text
        && open
        && lower
        && same_size
        && !differ_in_weight(last.weight, next.weight)
}

/// Whether a text states how two things compare, in signs.
fn is_formula(text: &str) -> bool {
    text.contains([
        '=', '≠', '<', '>', '≤', '≥', '∈', '⊆', '⊂', '→', '⇒', '⇔', '∼', '≈', '≡', '∑', '∫',
    ])
}

fn differ_in_weight(one: Option<f32>, other: Option<f32>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one > other * WEIGHT_STEP || other > one * WEIGHT_STEP,
        _ => false,
    }
}

/// What holds for all lines of one block.
struct Shape {
    left: f32,
    right: f32,
    pitch: f32,
}

fn shape_of(lines: &[Line], pitch: f32) -> Shape {
    let mut pitches: Vec<f32> = lines
        .windows(2)
        .map(|pair| pair[1].baseline - pair[0].baseline)
        .collect();
    let size = lines.iter().map(|line| line.size).fold(0.0, f32::max);
    let usual = if pitches.len() >= 4 {
        let middle = pitches.len() / 2;
        *pitches.select_nth_unstable_by(middle, f32::total_cmp).1
    } else {
        let least = pitches.iter().copied().fold(f32::INFINITY, f32::min);
        let most = pitches.iter().copied().fold(0.0, f32::max);
        let even = pitches.len() >= 2 && most < least * 1.2;
        if even {
            least
        } else {
            least.min(size * pitch.max(1.2))
        }
    };
    Shape {
        left: lines
            .iter()
            .map(|line| line.left)
            .fold(f32::INFINITY, f32::min),
        right: lines
            .iter()
            .map(|line| line.right)
            .fold(f32::NEG_INFINITY, f32::max),
        pitch: usual,
    }
}

/// Cuts a block into paragraphs.
fn split(lines: Vec<Line>, pitch: f32) -> Vec<Vec<Line>> {
    let shape = shape_of(&lines, pitch);
    let mut paragraphs: Vec<Vec<Line>> = Vec::new();
    for line in lines {
        match paragraphs.last_mut() {
            Some(current) if !starts_paragraph(current, &line, &shape) => current.push(line),
            _ => paragraphs.push(vec![line]),
        }
    }
    paragraphs
}

fn starts_paragraph(current: &[Line], line: &Line, shape: &Shape) -> bool {
    let Some(last) = current.last() else {
        return true;
    };
    if (line.size / last.size - 1.0).abs() > SIZE_STEP && line.text.chars().count() > 2 {
        return true;
    }
    if (line.baseline - last.baseline) > shape.pitch * 1.22 + 0.5 {
        return true;
    }
    if marker_of(&line.text).is_some_and(|marker| starts_item(&marker, current)) {
        return true;
    }
    is_led_entry(&last.text)
        || changes_weight(current, line)
        || ends_short(last, line, shape)
        || changes_indent(current, line, shape)
}

/// Bold lines above plain text, and the reverse.
fn changes_weight(current: &[Line], line: &Line) -> bool {
    let long = |line: &Line| {
        line.text
            .chars()
            .filter(|letter| letter.is_alphabetic())
            .count()
            >= 3
    };
    current.last().is_some_and(|last| {
        long(last) && long(line) && differ_in_weight(last.weight, line.weight)
            // A paragraph may begin with a bold phrase, but then its lines grow lighter only once.
            && (current.len() == 1 || !differ_in_weight(current[0].weight, last.weight))
            && !ends_open(&last.text, &line.text)
    })
}

/// Whether one line plainly runs on in the next.
fn ends_open(last: &str, next: &str) -> bool {
    let runs_on = next
        .chars()
        .next()
        .is_some_and(|first| !first.is_uppercase() && !is_bullet(first));
    let is_item = next.chars().nth(1) == Some(')');
    runs_on
        && !is_item
        && last
            .chars()
            .next_back()
            .is_some_and(|end| !matches!(end, '.' | '!' | '?' | ':'))
}

/// Whether the first word of `line` would have fitted behind a finished sentence.
fn ends_short(last: &Line, line: &Line, shape: &Shape) -> bool {
    let room = shape.right - last.right;
    let finished = last
        .text
        .trim_end_matches(['”', '"', '’', ')', ']'])
        .ends_with(['.', '!', '?', ':']);
    let fresh = line
        .text
        .chars()
        .next()
        .is_some_and(|first| !first.is_lowercase());
    finished
        && fresh
        && room > line.first_word + line.size * 1.2
        && room > (shape.right - shape.left) * 0.12
}

fn changes_indent(current: &[Line], line: &Line, shape: &Shape) -> bool {
    let Some(last) = current.last() else {
        return false;
    };
    let step = line.size * 0.8;
    if let Some(first) = current.first()
        && marker_of(&first.text).is_some()
    {
        // Back at the marker's edge after hanging lines: the item is over.
        let hanging = current.len() > 1 && last.left > first.left + step * 0.6;
        return hanging && line.left < first.left + step * 0.5;
    }
    let centred = ((line.left + line.right) - (last.left + last.right)).abs() < line.size;
    let indented = line.left > last.left + step && line.left < last.left + line.size * 4.0;
    let at_edge = (last.left - shape.left).abs() < step * 0.5;
    let fresh = line
        .text
        .chars()
        .next()
        .is_some_and(|first| !first.is_lowercase());
    indented && !centred && at_edge && fresh && !last.text.ends_with(['-', ',', '\u{AD}'])
}

fn build(lines: &[Line], page: u32, words: &Vocabulary) -> Paragraph {
    let mut text = String::new();
    for line in lines {
        join_line(&mut text, &line.text, words);
    }
    let form = match marker_of(&text) {
        Some(marker) => {
            text = with_plain_marker(&text, &marker);
            Form::Item
        }
        None => Form::Text,
    };
    Paragraph {
        text,
        form,
        size: lines.iter().map(|line| line.size).fold(0.0, f32::max),
        weight: mean_weight(lines),
        lines: lines.len(),
        page,
        goes_on: false,
    }
}

/// The weight of all lines, long ones counting more.
fn mean_weight(lines: &[Line]) -> Option<f32> {
    let (sum, width) = lines
        .iter()
        .filter_map(|line| Some((line.weight? * line.width(), line.width())))
        .fold((0.0, 0.0), |(sum, width), (weight, share)| {
            (sum + weight, width + share)
        });
    (width > 0.0).then(|| sum / width)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str, left: f32, baseline: f32) -> Line {
        let width = text.chars().count() as f32 * 5.0;
        Line {
            text: text.to_owned(),
            left,
            right: left + width,
            baseline,
            size: 10.0,
            weight: None,
            first_word: 25.0,
            spaced: false,
            drawn: 0,
            gaps: Vec::new(),
        }
    }

    fn texts(lines: Vec<Line>) -> Vec<String> {
        paragraphs_of(vec![Piece::Text(lines)], 1, 1.2, &Vocabulary::default())
            .into_iter()
            .map(|paragraph| paragraph.text)
            .collect()
    }

    #[test]
    fn a_gap_ends_a_paragraph() {
        let lines = vec![
            line("The first paragraph has", 0.0, 12.0),
            line("two lines without a stop", 0.0, 24.0),
            line("and the second has one", 0.0, 48.0),
        ];
        assert_eq!(
            texts(lines),
            [
                "The first paragraph has two lines without a stop",
                "and the second has one"
            ]
        );
    }

    #[test]
    fn an_indent_begins_a_paragraph() {
        let lines = vec![
            line("This line is as wide as the column is", 0.0, 12.0),
            line("and here the paragraph comes to its end.", 0.0, 24.0),
            line("  A new one begins, indented a little,", 12.0, 36.0),
            line("and goes on at the edge of the column.", 0.0, 48.0),
        ];
        assert_eq!(texts(lines).len(), 2);
    }

    #[test]
    fn a_short_last_line_ends_a_paragraph() {
        let lines = vec![
            line("This line is as wide as the column is and", 0.0, 12.0),
            line("this one is short.", 0.0, 24.0),
            line("The next paragraph is set without a gap or", 0.0, 36.0),
            line("an indent, as many are nowadays.", 0.0, 48.0),
        ];
        assert_eq!(texts(lines).len(), 2);
    }

    #[test]
    fn items_get_plain_markers() {
        let lines = vec![
            line("• Close the door of the room that you", 0.0, 12.0),
            line("leave", 10.0, 24.0),
            line("• ■ Twice marked", 0.0, 36.0),
            line("1) Numbered.", 0.0, 48.0),
            line("2) Numbered too", 0.0, 60.0),
        ];
        assert_eq!(
            texts(lines),
            [
                "- Close the door of the room that you leave",
                "- Twice marked",
                "1. Numbered.",
                "2. Numbered too"
            ]
        );
    }

    #[test]
    fn a_sentence_goes_on_in_the_next_column() {
        let column = |text: &str, next: &str, left: f32| {
            Piece::Text(vec![line(text, left, 12.0), line(next, left, 24.0)])
        };
        let pieces = vec![
            column(
                "The first column ends in",
                "the middle of a sentence that",
                0.0,
            ),
            column("goes on in the second", "one.", 200.0),
        ];
        let paragraphs = paragraphs_of(pieces, 1, 1.2, &Vocabulary::default());
        assert_eq!(paragraphs.len(), 1);
        assert!(paragraphs[0].text.contains("sentence that goes on"));
    }

    #[test]
    fn a_sentence_goes_on_behind_a_formula_and_not_before_it() {
        let block = |lines: [&str; 2], top: f32| {
            Piece::Text(vec![
                line(lines[0], 0.0, top),
                line(lines[1], 0.0, top + 12.0),
            ])
        };
        let pieces = vec![
            block(["The heat that a wall loses", "is of the form"], 12.0),
            Piece::Text(vec![line("Q = u (t - s)", 40.0, 50.0)]),
            block(["where the factor is told by", "the maker."], 80.0),
        ];
        let paragraphs = paragraphs_of(pieces, 1, 1.2, &Vocabulary::default());
        assert_eq!(paragraphs.len(), 3);
        assert!(paragraphs[2].text.starts_with("where"));
    }

    #[test]
    fn a_bold_line_over_a_lettered_item_stands_alone() {
        let bold = Line {
            weight: Some(1.6),
            ..line("Remark 82", 0.0, 12.0)
        };
        let item = Line {
            weight: Some(1.0),
            ..line("a) The order of the steps is free", 0.0, 24.0)
        };
        assert_eq!(texts(vec![bold, item]).len(), 2);
    }
}
