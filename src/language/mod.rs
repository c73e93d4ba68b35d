//! What we know of the English language: where sentences end, which words carry meaning, what is a
//! name.
//!
//! Pure functions of text, used wherever text is split, indexed or searched.

mod identifiers;
mod rows;
mod sentences;
mod stopwords;
mod terms;
mod words;

pub use identifiers::{Identifier, IdentifierKind, Runs, identifiers};
pub use rows::{cells, names_columns};
pub use sentences::sentences;
pub use stopwords::is_stop_word;
pub use terms::{content_words, terms};
pub use words::{Extreme, asks_to_do, extreme, forbids, month, points_back};
