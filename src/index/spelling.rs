//! The words of the texts as they are written, to tell what a mistyped one was meant to be.

use std::collections::HashMap;

use unicode_segmentation::UnicodeSegmentation as _;

/// Words of fewer letters are too like each other.
const FEWEST_LETTERS: usize = 4;
/// From so many letters on, two of them may be wrong.
const LETTERS_FOR_TWO: usize = 7;
/// Longer words are no words.
const MOST_LETTERS: usize = 30;

/// Words with how often they stand in the texts.
#[derive(Debug, Default)]
pub struct Spellings {
    counts: HashMap<Box<str>, u32>,
    /// By the number of letters.
    by_length: Vec<Vec<Box<str>>>,
}

impl Spellings {
    /// The words of `texts`: letters only, in lower case. One pass.
    pub fn of<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Self {
        let mut counts: HashMap<Box<str>, u32> = HashMap::new();
        for text in texts {
            let words = text.as_ref().unicode_words();
            for word in words.filter(|word| word.len() <= MOST_LETTERS) {
                if word.chars().all(char::is_alphabetic) {
                    *counts.entry(word.to_lowercase().into()).or_default() += 1;
                }
            }
        }
        Self::from_counts(counts)
    }

    /// Words, as [`Self::counts`] gave them.
    pub fn from_counts(counts: impl IntoIterator<Item = (Box<str>, u32)>) -> Self {
        let counts: HashMap<Box<str>, u32> = counts.into_iter().collect();
        let mut by_length = vec![Vec::new(); MOST_LETTERS + 1];
        for word in counts.keys() {
            by_length[word.chars().count().min(MOST_LETTERS)].push(word.clone());
        }
        for words in &mut by_length {
            words.sort_unstable();
        }
        Self { counts, by_length }
    }

    /// All words, and how often each stands there.
    pub fn counts(&self) -> impl Iterator<Item = (&str, u32)> {
        self.counts
            .iter()
            .map(|(word, often)| (word.as_ref(), *often))
    }

    /// Whether a word, in lower case, stands in the texts.
    pub fn knows(&self, word: &str) -> bool {
        self.counts.contains_key(word)
    }

    /// The word of the texts that is nearest to `word`, in lower case: one letter added, left out,
    /// changed or swapped with its neighbour (Damerau, 1964), two in long words. Of equally near ones
    /// that which stands there most often.
    pub fn nearest(&self, word: &str) -> Option<&str> {
        let letters = word.chars().count();
        if !(FEWEST_LETTERS..=MOST_LETTERS).contains(&letters) {
            return None;
        }
        let most = if letters >= LETTERS_FOR_TWO { 2 } else { 1 };
        let lengths = letters.saturating_sub(most)..=(letters + most).min(MOST_LETTERS);
        let near = self.by_length[lengths]
            .iter()
            .flatten()
            .filter_map(|known| {
                let distance = strsim::osa_distance(word, known);
                (distance <= most).then(|| (distance, u32::MAX - self.counts[known], known))
            });
        near.min().map(|(_, _, known)| known.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found() {
        let words =
            Spellings::of(["The boiler has a warranty. Ignition failed; a chain, the chains."]);
        for (typo, meant) in [
            ("boler", "boiler"),
            ("waranty", "warranty"),
            ("igniton", "ignition"),
            ("chian", "chain"),
            ("faild", "failed"),
        ] {
            assert_eq!(words.nearest(typo), Some(meant));
        }
        assert_eq!(words.nearest("zeppelin"), None);
        assert_eq!(words.nearest("th"), None);
        assert!(words.knows("boiler") && !words.knows("boler"));
    }
}
