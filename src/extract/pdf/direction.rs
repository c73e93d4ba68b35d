//! Right-to-left lines: from the order on the page to the order of reading.

use unicode_bidi::{BidiInfo, LTR_LEVEL, RTL_LEVEL};

use super::characters::is_right_to_left;

/// The logical order of a line whose characters stand in visual order, from left to right.
///
/// Reordering twice gives back the original except for exotic nesting, so the algorithm that lays
/// text out also reads it back.
pub(super) fn to_logical_order(visual: &str) -> String {
    let right = visual
        .chars()
        .filter(|&character| is_right_to_left(character))
        .count();
    let left = visual
        .chars()
        .filter(|&character| character.is_alphabetic() && !is_right_to_left(character))
        .count();
    let level = if right >= left { RTL_LEVEL } else { LTR_LEVEL };
    let bidi = BidiInfo::new(visual, Some(level));
    let mut logical = String::with_capacity(visual.len());
    for paragraph in &bidi.paragraphs {
        logical.push_str(&bidi.reorder_line(paragraph, paragraph.range.clone()));
    }
    logical.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hebrew_line_is_turned_round() {
        assert_eq!(to_logical_order("םולש"), "שלום");
    }

    #[test]
    fn numbers_and_foreign_words_keep_their_order() {
        assert_eq!(to_logical_order("123 Ltd םולש"), "שלום Ltd 123");
    }

    #[test]
    fn a_foreign_word_in_a_left_to_right_line_is_turned() {
        assert_eq!(
            to_logical_order("the word םולש means peace"),
            "the word שלום means peace"
        );
    }
}
