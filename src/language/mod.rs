//! What we know of the English language: where sentences end, which words carry meaning.
//!
//! Pure functions of text, used wherever text is split, indexed or searched.

mod sentences;
mod stopwords;
mod terms;

pub use sentences::sentences;
pub use terms::{content_words, terms};
