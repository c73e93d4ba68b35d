//! Which paragraphs are headings, told by size and weight against the whole file.

use std::collections::BTreeMap;

use super::paragraphs::{Form, Paragraph};

/// Headings are at least this much larger than the body text.
const LARGER: f32 = 1.13;
/// Bold headings are at least this much heavier than the body text.
const HEAVIER: f32 = 1.25;
/// Longer paragraphs are text, however they look.
const MAX_HEADING_CHARS: usize = 160;
/// A bold line at body size is a heading only if it is short.
const MAX_BOLD_CHARS: usize = 100;

/// The look of the file's running text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Body {
    size: f32,
    weight: f32,
}

/// The commonest size and weight, by characters.
pub(super) fn body_of(paragraphs: &[Paragraph]) -> Body {
    let size = heaviest(
        paragraphs.iter().filter(|one| one.form != Form::Row),
        |one| Some(one.size),
    );
    let at_size = paragraphs
        .iter()
        .filter(|one| (one.size - size).abs() < 0.6);
    let weight = heaviest(at_size, |one| one.weight.map(|weight| weight * 20.0)) / 20.0;
    Body { size, weight }
}

/// The value, in half steps, under which most characters stand.
fn heaviest<'a>(
    paragraphs: impl Iterator<Item = &'a Paragraph>,
    value: impl Fn(&Paragraph) -> Option<f32>,
) -> f32 {
    let mut totals: BTreeMap<i16, usize> = BTreeMap::new();
    for paragraph in paragraphs {
        if let Some(value) = value(paragraph) {
            *totals.entry((value * 2.0).round() as i16).or_default() += paragraph.text.len();
        }
    }
    totals
        .into_iter()
        .max_by_key(|&(_, total)| total)
        .map_or(0.0, |(half_steps, _)| f32::from(half_steps) / 2.0)
}

/// The heading level of each paragraph, `None` for what is no heading.
pub(super) fn levels_of(paragraphs: &[Paragraph], body: Body) -> Vec<Option<u8>> {
    let mut sizes: Vec<f32> = paragraphs
        .iter()
        .filter(|one| is_large(one, body))
        .map(|one| (one.size * 2.0).round() / 2.0)
        .collect();
    sizes.sort_by(|a, b| b.total_cmp(a));
    // Sizes close together are one level.
    sizes.dedup_by(|smaller, larger| *larger - *smaller < *larger * 0.06);
    sizes.truncate(6);
    paragraphs
        .iter()
        .map(|one| {
            if is_large(one, body) {
                let rank = sizes.iter().position(|&size| one.size >= size * 0.93);
                return Some(level(rank.unwrap_or(sizes.len())));
            }
            is_bold_heading(one, body).then(|| level(sizes.len()))
        })
        .collect()
}

fn level(rank: usize) -> u8 {
    u8::try_from(rank + 1).unwrap_or(6).min(6)
}

fn is_large(paragraph: &Paragraph, body: Body) -> bool {
    let length = paragraph.text.chars().count();
    paragraph.form == Form::Text
        && paragraph.size > body.size * LARGER
        && (2..=MAX_HEADING_CHARS).contains(&length)
        && paragraph.lines <= 4
        && reads_like_heading(&paragraph.text)
}

fn is_bold_heading(paragraph: &Paragraph, body: Body) -> bool {
    let length = paragraph.text.chars().count();
    paragraph.form == Form::Text
        && paragraph.size > body.size * 0.95
        && (2..=MAX_BOLD_CHARS).contains(&length)
        && paragraph.lines <= 3
        && body.weight > 0.0
        && paragraph
            .weight
            .is_some_and(|weight| weight > body.weight * HEAVIER)
        && reads_like_heading(&paragraph.text)
}

fn reads_like_heading(text: &str) -> bool {
    let letters = text
        .chars()
        .filter(|character| character.is_alphabetic())
        .count();
    letters >= 2
        && letters * 2
            >= text
                .chars()
                .filter(|character| !character.is_whitespace())
                .count()
        && !text
            .trim_end_matches(['”', '"', '’', ')', ']'])
            .ends_with(['.', ',', ';', ':'])
        && !text
            .chars()
            .next()
            .is_some_and(|first| first.is_lowercase() || is_operator(first))
}

/// Whether a character joins or compares the parts of a formula.
fn is_operator(character: char) -> bool {
    matches!(character, '=' | '+' | '±' | '×' | '\u{2190}'..='\u{22FF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_formula_is_no_heading() {
        assert!(reads_like_heading("Heat loss of a wall"));
        assert!(!reads_like_heading("= Heat loss of a wall"));
        assert!(!reads_like_heading("− ∑ i"));
    }
}
