//! What we know of the English language: where sentences end, which words carry meaning, what is a
//! name.
//!
//! Pure functions of text, used wherever text is split, indexed or searched.

mod asks;
mod identifiers;
mod restate;
mod rows;
mod sentences;
mod stopwords;
mod terms;
mod tongue;
mod words;

pub use asks::questions_in;
pub use identifiers::{Identifier, IdentifierKind, Runs, identifiers};
pub use restate::restate;
pub use rows::{cells, names_columns};
pub use sentences::sentences;
pub use stopwords::is_stop_word;
pub use terms::{content_words, terms};
pub use tongue::tongue;
pub use words::{Extreme, asks_to_do, extreme, forbids, joins, month, points_back};
