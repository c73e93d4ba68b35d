//! What is known of a language: where sentences end, which words carry meaning, what is a name.
//!
//! Pure functions of text, used wherever text is split, indexed, searched or judged. Words are data:
//! one folder a language (`english/`), read by `lists`. No other module holds words of a language.

mod asks;
mod detect;
mod identifiers;
mod lists;
mod restate;
mod rows;
mod sentences;
mod stopwords;
mod terms;
mod words;

pub use asks::questions_in;
pub use detect::detect_language;
pub use identifiers::{Identifier, IdentifierKind, Runs, identifiers};
pub use lists::{Asks, WordList, lists};
pub use restate::restate;
pub use rows::{cells, names_columns};
pub use sentences::sentences;
pub use stopwords::is_stop_word;
pub use terms::{content_words, one_spelling, terms};
pub use words::{Extreme, asks_to_do, extreme, forbids, joins, month, points_back};
