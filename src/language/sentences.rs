//! Where sentences begin and end.

use std::ops::Range;

use icu_segmenter::SentenceSegmenter;
use icu_segmenter::options::SentenceBreakInvariantOptions;

use super::lists::lists;

/// Shorter sentences than this, in bytes, are joined to the one before: "Yes." says nothing alone.
const SHORTEST: usize = 12;

/// The sentences of `text[within]`, as byte ranges of `text`, trimmed of white space.
///
/// Boundaries are those of Unicode Standard Annex 29, except after common abbreviations. Linear in
/// the length of the text, whatever stands in it.
///
/// ```
/// let text = "Rinse the filter, e.g. under the tap. Let it dry for a day.";
/// let sentences = wattwise::language::sentences(text, 0..text.len());
/// assert_eq!(&text[sentences[1].clone()], "Let it dry for a day.");
/// ```
pub fn sentences(text: &str, within: Range<usize>) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut open: Option<Range<usize>> = None;
    let segmenter = SentenceSegmenter::new(SentenceBreakInvariantOptions::default());
    let mut start = within.start;
    // The first boundary is the start of the text.
    for boundary in segmenter.segment_str(&text[within.clone()]).skip(1) {
        let end = within.start + boundary;
        let current = open.take().map_or(start..end, |begun| begun.start..end);
        start = end;
        if ends_in_abbreviation(text[current.clone()].trim_end()) {
            open = Some(current);
        } else {
            push(&mut found, text, current);
        }
    }
    if let Some(rest) = open {
        push(&mut found, text, rest);
    }
    found
}

fn push(found: &mut Vec<Range<usize>>, text: &str, raw: Range<usize>) {
    let piece = &text[raw.clone()];
    let start = raw.start + (piece.len() - piece.trim_start().len());
    let end = raw.end - (piece.len() - piece.trim_end().len());
    if start >= end {
        return;
    }
    match found.last_mut() {
        Some(previous) if end - start < SHORTEST => previous.end = end,
        _ => found.push(start..end),
    }
}

fn ends_in_abbreviation(sentence: &str) -> bool {
    let Some(body) = sentence.strip_suffix('.') else {
        return false;
    };
    let word = body
        .rsplit(|c: char| c.is_whitespace() || c == '(')
        .next()
        .unwrap_or(body);
    lists()
        .words
        .abbreviations
        .iter()
        .any(|abbreviation| word.eq_ignore_ascii_case(abbreviation))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<&str> {
        sentences(text, 0..text.len())
            .into_iter()
            .map(|range| &text[range])
            .collect()
    }

    #[test]
    fn sentences_end_at_full_stops_and_questions() {
        assert_eq!(
            split("Is it cold outside? Close the window. It saves 10.5 kWh a day!"),
            [
                "Is it cold outside?",
                "Close the window.",
                "It saves 10.5 kWh a day!"
            ]
        );
    }

    #[test]
    fn abbreviations_do_not_end_a_sentence() {
        assert_eq!(
            split("Use controls, e.g. Thermostats and TRVs. They help a lot."),
            [
                "Use controls, e.g. Thermostats and TRVs.",
                "They help a lot.",
            ]
        );
    }

    #[test]
    fn a_very_short_sentence_joins_the_one_before() {
        assert_eq!(
            split("Does it pay back? Yes. Within four years."),
            ["Does it pay back? Yes.", "Within four years."]
        );
    }

    /// One of each class of characters that the rules know. A splitter that looks ahead from each
    /// of them takes hours here and is ended by the test runner.
    #[test]
    fn runs_of_any_class_take_linear_time() {
        const CLASSES: [&str; 17] = [
            ")", " ", ".", "?", ",", "1", "a", "A", "\u{a0}", "\u{2028}", "\u{301}", "\u{ad}", "$",
            "\u{4e2d}", ".1)", ") ", ".$",
        ];
        for class in CLASSES {
            for lead in ["", "a.", "A?"] {
                let text = format!("{lead}{}", class.repeat((1 << 20) / class.len()));
                let found = sentences(&text, 0..text.len());
                assert!(found.is_sorted_by_key(|range| range.start), "{class:?}");
            }
        }
    }

    #[test]
    fn nothing_is_no_sentence() {
        assert!(sentences("", 0..0).is_empty());
        assert!(sentences("Words.", 3..3).is_empty());
    }

    #[test]
    fn ranges_are_of_the_whole_text() {
        let text = "skip me. One thing here. Another thing.";
        let found = sentences(text, 9..text.len());
        assert_eq!(&text[found[0].clone()], "One thing here.");
    }
}
