//! Text to terms: words, lower case, no stop words, English stems.

use std::ops::Range;

use rust_stemmers::{Algorithm, Stemmer};
use unicode_segmentation::UnicodeSegmentation;

use super::lists::lists;
use super::stopwords::is_stop_word;

/// Longer words are cut: nobody searches for them, and a page of base64 must not fill the index.
const LONGEST_TERM_BYTES: usize = 64;

/// The terms of `text` in order, repeats included. Words are those of Unicode Standard Annex 29;
/// stems are Snowball's for English (Porter 2).
///
/// ```
/// let terms: Vec<String> = wattwise::language::terms("How are the filters cleaned?").collect();
/// assert_eq!(terms, ["filter", "clean"]);
/// ```
pub fn terms(text: &str) -> impl Iterator<Item = String> {
    let stemmer = Stemmer::create(Algorithm::English);
    text.unicode_words().filter_map(move |word| {
        let mut word = plain(word);
        if let Some(possessor) = word.strip_suffix("'s") {
            word.truncate(possessor.len());
        }
        if is_stop_word(&word) {
            return None;
        }
        let cut = word.floor_char_boundary(LONGEST_TERM_BYTES);
        word.truncate(cut);
        Some(stemmer.stem(&word).into_owned())
    })
}

/// A stem with one spelling, where an ending has two: -ise and -ize, -our and -or.
pub fn one_spelling(stem: &str) -> String {
    let mut spellings = lists().words.spellings.iter();
    let same = spellings.find_map(|(ending, same)| {
        let front = stem.strip_suffix(ending.as_str());
        front
            .filter(|front| front.len() > 1)
            .map(|front| format!("{front}{same}"))
    });
    same.unwrap_or_else(|| stem.to_owned())
}

/// Where the words of `text` stand that carry meaning: all but stop words, as byte ranges in order.
pub fn content_words(text: &str) -> impl Iterator<Item = Range<usize>> {
    text.unicode_word_indices()
        .filter(|(_, word)| !is_stop_word(&plain(word)))
        .map(|(start, word)| start..start + word.len())
}

/// A word as the lists have it.
fn plain(word: &str) -> String {
    word.replace('\u{2019}', "'").to_lowercase()
}

#[cfg(test)]
mod tests {
    fn terms(text: &str) -> Vec<String> {
        super::terms(text).collect()
    }

    #[test]
    fn case_stop_words_and_endings_go() {
        assert_eq!(terms("How can I stop the Draughts?"), ["stop", "draught"]);
        assert_eq!(
            terms("boiler\u{2019}s thermostats"),
            ["boiler", "thermostat"]
        );
    }

    #[test]
    fn numbers_and_units_stay() {
        assert_eq!(terms("270 mm at 10.5p/kWh"), ["270", "mm", "10.5p", "kwh"]);
    }

    #[test]
    fn words_without_meaning_of_their_own_are_passed_over() {
        let text = "How thick is the loft\u{2019}s wool? 270 mm.";
        let words: Vec<&str> = super::content_words(text)
            .map(|range| &text[range])
            .collect();
        assert_eq!(words, ["thick", "loft\u{2019}s", "wool", "270", "mm"]);
    }

    #[test]
    fn an_endless_word_is_cut() {
        assert_eq!(
            terms(&"x".repeat(10_000))[0].len(),
            super::LONGEST_TERM_BYTES
        );
    }
}
