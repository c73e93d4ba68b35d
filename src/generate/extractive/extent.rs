//! How much of a unit is told.

use std::ops::Range;

use super::Section;
use super::units::{Form, SHORT_SECTION_WORDS, Unit};
use crate::language::points_back;

/// A list is quoted whole up to this many words.
const WHOLE_LIST_WORDS: usize = 200;
/// Up to this many words a unit is told whole: less would save little and may lose the answer.
const READ_AT_ONCE: usize = 45;
/// What is told of a longer one has this many words …
const ENOUGH_WORDS: usize = 12;
/// … and this share of the answer's place in the unit.
const ENOUGH_SHARE: f32 = 0.8;
/// An answer shorter than this takes the sentence before its most telling one along.
const FEW_WORDS: usize = 20;

/// The parts of a unit that are told where `telling` tells most: what the author meant to be read
/// together as a whole, of anything else as much as holds the answer.
pub(super) fn told(unit: &Unit<'_>, section: &Section<'_>, telling: usize) -> Range<usize> {
    let text = |part: usize| &section.text[unit.parts[part].range.clone()];
    let words = |part: usize| text(part).split_whitespace().count();
    let all = 0..unit.parts.len();
    let length: usize = all.clone().map(words).sum();
    let is_read = section
        .share(&unit.range())
        .is_some_and(|share| share > 0.0);
    let longest = match unit.form {
        Form::List if !is_read || belongs_together(unit, section) => WHOLE_LIST_WORDS,
        Form::Prose | Form::Row if !is_read => SHORT_SECTION_WORDS,
        Form::List | Form::Prose | Form::Row => READ_AT_ONCE,
    };
    if length <= longest {
        return all;
    }
    if is_read {
        return holding(unit, section, telling);
    }
    let (mut first, mut end) = (telling, telling + 1);
    let mut length = words(first);
    while end < all.end && length + words(end) <= SHORT_SECTION_WORDS {
        length += words(end);
        end += 1;
    }
    if unit.form == Form::Prose && first > 0 && (length < FEW_WORDS || points_back(text(first))) {
        first -= 1;
    }
    first..end
}

/// Whether items say what they say only together: a line announces them, they are numbered, or they
/// answer a question of their author.
fn belongs_together(unit: &Unit<'_>, section: &Section<'_>) -> bool {
    unit.lead.is_some()
        || unit.is_steps(section)
        || unit.path.last().is_some_and(|above| above.ends_with('?'))
}

/// The parts around `telling` that hold the answer, as the reader sees it.
fn holding(unit: &Unit<'_>, section: &Section<'_>, telling: usize) -> Range<usize> {
    let text = |part: usize| &section.text[unit.parts[part].range.clone()];
    let words = |part: usize| text(part).split_whitespace().count();
    let share = |parts: &Range<usize>| {
        let bytes = unit.parts[parts.start].range.start..unit.parts[parts.end - 1].range.end;
        section.share(&bytes).unwrap_or(0.0)
    };
    let enough = ENOUGH_SHARE * share(&(0..unit.parts.len()));
    let mut told = telling..telling + 1;
    let mut length = words(telling);
    while length < ENOUGH_WORDS || share(&told) < enough {
        let wider = [
            told.start.saturating_sub(1)..told.end,
            told.start..told.end + 1,
        ];
        let wider = wider
            .into_iter()
            .filter(|wider| wider.end <= unit.parts.len() && *wider != told);
        // Of two that hold as much the one that goes on.
        let Some(next) = wider.max_by(|a, b| share(a).total_cmp(&share(b))) else {
            break;
        };
        let more = if next.start < told.start {
            next.start
        } else {
            told.end
        };
        if length + words(more) > SHORT_SECTION_WORDS {
            break;
        }
        length += words(more);
        told = next;
    }
    if unit.form == Form::Prose && told.start > 0 && points_back(text(told.start)) {
        told.start -= 1;
    }
    told
}
