//! What a question was meant to say, where a word of it is mistyped.

use unicode_segmentation::UnicodeSegmentation as _;

use crate::embed::Embedder;
use crate::language::{extreme, identifiers, is_stop_word, terms};
use crate::snapshot::Generation;

/// `question` with mistyped words as the sources write them; `None` if there is nothing to mend.
///
/// A word is mistyped if no source has it, in any form, and the embedding model does not know it as
/// one word either. Names are never mended.
pub(super) fn mend(
    question: &str,
    generation: &Generation,
    embedder: &dyn Embedder,
) -> Option<String> {
    let names = identifiers(question);
    let is_name = |word: &str| names.iter().any(|name| name.written.contains(word));
    let mut mended = String::new();
    let mut end = 0;
    for (start, word) in question.unicode_word_indices() {
        let plain = word.to_lowercase();
        let is_word = word.chars().all(char::is_alphabetic) && !is_stop_word(&plain);
        let is_known = || {
            terms(word).all(|term| generation.terms().knows(&term))
                || generation.spellings().knows(&plain)
                || extreme(word).is_some()
                || embedder.count_tokens(word) <= 1
                || terms(word).all(|stem| embedder.count_tokens(&stem) <= 1)
        };
        if !is_word || is_name(word) || is_known() {
            continue;
        }
        if let Some(meant) = generation.spellings().nearest(&plain) {
            mended.push_str(&question[end..start]);
            mended.push_str(meant);
            end = start + word.len();
        }
    }
    if end == 0 {
        return None;
    }
    mended.push_str(&question[end..]);
    Some(mended)
}
