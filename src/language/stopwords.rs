//! English function words, which stand everywhere and tell nothing. Negations stay out of the
//! list: "not" changes what a sentence says.

/// Sorted, for binary search; a test holds the order.
const STOP_WORDS: [&str; 111] = [
    "a", "about", "after", "again", "all", "also", "am", "an", "and", "any", "are", "as", "at",
    "be", "because", "been", "before", "being", "but", "by", "can", "could", "did", "do", "does",
    "doing", "during", "each", "for", "from", "get", "got", "had", "has", "have", "having", "he",
    "her", "here", "hers", "him", "his", "how", "i", "i'm", "i've", "if", "in", "into", "is", "it",
    "its", "itself", "just", "like", "may", "me", "might", "my", "myself", "of", "on", "or", "our",
    "ours", "own", "please", "shall", "she", "should", "so", "some", "such", "tell", "than",
    "that", "the", "their", "theirs", "them", "then", "there", "these", "they", "this", "those",
    "through", "to", "too", "until", "us", "very", "was", "we", "were", "what", "what's", "when",
    "where", "which", "while", "who", "whom", "why", "will", "with", "would", "you", "your",
    "yours", "yourself",
];

/// Whether `word`, in lower case, is a stop word.
pub fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.binary_search(&word).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted() {
        assert!(STOP_WORDS.is_sorted());
    }

    #[test]
    fn negations_are_kept() {
        assert!(is_stop_word("the") && !is_stop_word("not") && !is_stop_word("no"));
    }
}
