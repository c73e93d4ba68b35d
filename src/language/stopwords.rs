//! Function words, which stand everywhere and tell nothing.

use super::lists::lists;

/// Whether `word`, in lower case, is a stop word.
pub fn is_stop_word(word: &str) -> bool {
    lists().words.stop_words.has(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negations_are_kept() {
        assert!(is_stop_word("the") && !is_stop_word("not") && !is_stop_word("no"));
    }
}
