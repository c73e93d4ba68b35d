//! Words of English that no structure tells, from `words.toml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    forbids: Vec<String>,
    asks_to_do: Vec<String>,
    points_back: Vec<String>,
    months: Vec<String>,
    joins: Vec<String>,
    interrogatives: Vec<String>,
    subject_interrogatives: Vec<String>,
    auxiliaries: Vec<String>,
    subject_pronouns: Vec<String>,
    largest: BTreeMap<String, Vec<String>>,
    smallest: BTreeMap<String, Vec<String>>,
}

static WORDS: LazyLock<Words> = LazyLock::new(|| {
    toml::from_str(include_str!("words.toml")).expect("words.toml is well formed")
});

/// Which end of a column is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extreme {
    /// The largest.
    Largest,
    /// The smallest.
    Smallest,
}

/// Whether a text forbids something or warns of it.
pub fn forbids(text: &str) -> bool {
    holds_any(text, &WORDS.forbids)
}

/// Whether somebody asks whether they may do something, or how.
pub fn asks_to_do(text: &str) -> bool {
    holds_any(text, &WORDS.asks_to_do)
}

/// Whether a sentence begins with a word that points at the one before.
pub fn points_back(sentence: &str) -> bool {
    let first = spaced(sentence);
    let first = first.split_whitespace().next().unwrap_or_default();
    WORDS.points_back.iter().any(|word| word == first)
}

/// Whether a text joins several things: compares them, or asks for each.
pub fn joins(text: &str) -> bool {
    holds_any(text, &WORDS.joins)
}

/// Whether a word in lower case asks: "how", "which".
pub(super) fn is_interrogative(word: &str) -> bool {
    WORDS.interrogatives.iter().any(|asks| asks == word)
}

/// Whether a question word in lower case may be the subject, or stand before it.
pub(super) fn may_be_subject(word: &str) -> bool {
    WORDS.subject_interrogatives.iter().any(|asks| asks == word)
}

/// Whether a word in lower case is a verb that stands before the subject of a question.
pub(super) fn is_auxiliary(word: &str) -> bool {
    WORDS.auxiliaries.iter().any(|verb| verb == word)
}

/// Whether a word in lower case is a pronoun that is the subject of a clause.
pub(super) fn is_subject_pronoun(word: &str) -> bool {
    WORDS.subject_pronouns.iter().any(|pronoun| pronoun == word)
}

/// The number of the month that a word in lower case names, from 1.
pub fn month(word: &str) -> Option<u8> {
    let position = WORDS.months.iter().position(|month| month == word)?;
    u8::try_from(position + 1).ok()
}

/// The superlative in a question, and the columns that it may speak of.
pub fn extreme(question: &str) -> Option<(Extreme, &'static [String])> {
    spaced(question).split_whitespace().find_map(|word| {
        let largest = WORDS.largest.get(word).map(|of| (Extreme::Largest, of));
        let found = largest.or_else(|| WORDS.smallest.get(word).map(|of| (Extreme::Smallest, of)));
        found.map(|(end, columns)| (end, columns.as_slice()))
    })
}

fn holds_any(text: &str, phrases: &[String]) -> bool {
    let text = spaced(text);
    phrases
        .iter()
        .any(|phrase| text.contains(&format!(" {phrase} ")))
}

/// Lower case, a space before and behind every word.
fn spaced(text: &str) -> String {
    let mut spaced = String::from(" ");
    for c in text
        .replace('\u{2019}', "'")
        .chars()
        .flat_map(char::to_lowercase)
    {
        let is_word = c.is_alphanumeric() || c == '\'';
        spaced.push(if is_word { c } else { ' ' });
    }
    spaced.push(' ');
    spaced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_found_whole() {
        assert!(forbids("DOT fluid must never be filled in."));
        assert!(forbids("Don\u{2019}t do that"));
        assert!(!forbids("Nevertheless it is done."));
        assert!(asks_to_do("Can I wash it?"));
        assert!(points_back("That is laid in two layers."));
        assert_eq!(
            extreme("Which is the cheapest?").unwrap().0,
            Extreme::Smallest
        );
        assert!(extreme("What does it cost?").is_none());
    }
}
