//! Counting tokens as an embedder does, in another process too.

use serde::{Deserialize, Serialize};
use tokenizers::Tokenizer;

/// By what rule an embedder counts tokens.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenRule {
    /// With this tokenizer, in the JSON format of the `tokenizers` library.
    Tokenizer(Vec<u8>),
    /// By the length of the text, where the tokenizer is out of reach.
    Estimate,
}

/// Counts tokens.
pub struct TokenCounter(Option<Tokenizer>);

/// Longer texts are counted in parts. A tokenizer keeps some hundred bytes for each byte that it
/// looks at, and what it does with one text is then bounded whatever the text is.
const LONGEST_PART: usize = 64 * 1024;

impl TokenCounter {
    /// Counts by [`TokenRule::Estimate`].
    pub fn estimate() -> Self {
        Self(None)
    }

    /// Fails if the tokenizer cannot be read, with the reason.
    pub fn new(rule: &TokenRule) -> Result<Self, String> {
        Ok(Self(match rule {
            TokenRule::Tokenizer(json) => Some(plain_tokenizer(json)?),
            TokenRule::Estimate => None,
        }))
    }

    /// How many tokens `text` has, without special tokens. Time is linear in its length.
    pub fn count(&self, text: &str) -> usize {
        let Some(tokenizer) = &self.0 else {
            return estimate(text);
        };
        // A text that cannot be tokenized is counted by its bytes: too many rather than too few.
        let count = |part: &str| {
            let encoding = tokenizer.encode_fast(part, false);
            encoding.map_or(part.len(), |encoding| encoding.len())
        };
        parts(text).map(count).sum()
    }
}

/// Pieces of a text that are cut at white space where there is some.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = rest.floor_char_boundary(LONGEST_PART);
        if end < rest.len() {
            let space = rest[..end].rfind(char::is_whitespace);
            end = space.filter(|space| *space > 0).unwrap_or(end);
        }
        let (part, after) = rest.split_at(end);
        rest = after;
        Some(part)
    })
}

/// A tokenizer without the padding and the cut that its file may ask for: the file of the default
/// model pads and cuts every text to 128 tokens.
pub(super) fn plain_tokenizer(json: &[u8]) -> Result<Tokenizer, String> {
    let mut tokenizer = Tokenizer::from_bytes(json).map_err(|error| error.to_string())?;
    tokenizer.with_padding(None);
    tokenizer
        .with_truncation(None)
        .map_err(|error| error.to_string())?;
    Ok(tokenizer)
}

/// English text has a little more than four characters to a token in every common vocabulary;
/// three is on the safe side.
pub(super) fn estimate(text: &str) -> usize {
    text.chars().count().div_ceil(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_counted_in_parts_that_join_to_it() {
        let text = format!("{} {}", "word ".repeat(50_000), "é".repeat(100_000));
        let parts: Vec<&str> = parts(&text).collect();
        assert_eq!(parts.concat(), text);
        assert!(parts.iter().all(|part| part.len() <= LONGEST_PART));
        assert!(parts[1].starts_with(" word"), "cut between words");
        let counter = TokenCounter::new(&TokenRule::Estimate).unwrap();
        assert_eq!(counter.count("twelve chars"), 4);
        assert!(TokenCounter::new(&TokenRule::Tokenizer(b"{}".to_vec())).is_err());
    }
}
