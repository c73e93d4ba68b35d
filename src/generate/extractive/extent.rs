//! How much of a unit is told.

use std::ops::Range;

use super::Section;
use super::units::{Form, SHORT_SECTION_WORDS, Unit};
use crate::language::points_back;

/// A list is quoted whole up to this many words.
const WHOLE_LIST_WORDS: usize = 130;
/// A part that is told alone has this many words, or takes the next ones along.
const ENOUGH_WORDS: usize = 12;
/// An answer shorter than this takes the sentence before its most telling one along.
const FEW_WORDS: usize = 20;

/// How much of a unit is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// All of a short one, else from its most telling part on.
    Unit,
    /// The most telling part, with what stands next to it where it says little alone.
    Part,
}

/// The parts of a unit that are told where `telling` tells most.
pub(super) fn told(
    unit: &Unit<'_>,
    section: &Section<'_>,
    telling: usize,
    extent: Extent,
) -> Range<usize> {
    let text = |part: usize| &section.text[unit.parts[part].range.clone()];
    let words = |part: usize| text(part).split_whitespace().count();
    let whole: usize = (0..unit.parts.len()).map(words).sum();
    let (longest, enough) = match (unit.form, extent) {
        (Form::List, Extent::Unit) => (WHOLE_LIST_WORDS, SHORT_SECTION_WORDS),
        (Form::List, Extent::Part) => (0, 0),
        (Form::Prose | Form::Row, Extent::Unit) => (SHORT_SECTION_WORDS, SHORT_SECTION_WORDS),
        (Form::Prose | Form::Row, Extent::Part) => (0, ENOUGH_WORDS),
    };
    if whole <= longest {
        return 0..unit.parts.len();
    }
    let (mut first, mut end) = (telling, telling + 1);
    let mut length = words(first);
    let fits = |length: usize, more: usize| match extent {
        Extent::Unit => length + more <= enough,
        Extent::Part => length < enough && length + more <= 2 * enough,
    };
    while end < unit.parts.len() && fits(length, words(end)) {
        length += words(end);
        end += 1;
    }
    let is_short = extent == Extent::Unit && length < FEW_WORDS;
    if unit.form == Form::Prose && first > 0 && (is_short || points_back(text(first))) {
        first -= 1;
    }
    first..end
}
