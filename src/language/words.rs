//! Questions about words that no structure answers.

use super::lists::{WordList, lists};

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
    holds_any(text, &lists().words.forbids)
}

/// Whether somebody asks whether they may do something, or how.
pub fn asks_to_do(text: &str) -> bool {
    holds_any(text, &lists().words.asks_to_do)
}

/// Whether a sentence begins with a word that points at the one before.
pub fn points_back(sentence: &str) -> bool {
    let first = spaced(sentence);
    let first = first.split_whitespace().next().unwrap_or_default();
    lists().words.points_back.has(first)
}

/// Whether a text joins several things: compares them, or asks for each.
pub fn joins(text: &str) -> bool {
    holds_any(text, &lists().words.joins)
}

/// Whether a word in lower case asks: "how", "which".
pub(super) fn is_interrogative(word: &str) -> bool {
    lists().words.interrogatives.has(word)
}

/// Whether a question word in lower case may be the subject, or stand before it.
pub(super) fn may_be_subject(word: &str) -> bool {
    lists().words.subject_interrogatives.has(word)
}

/// Whether a word in lower case is a verb that stands before the subject of a question.
pub(super) fn is_auxiliary(word: &str) -> bool {
    lists().words.auxiliaries.has(word)
}

/// Whether a word in lower case is a pronoun that is the subject of a clause.
pub(super) fn is_subject_pronoun(word: &str) -> bool {
    lists().words.subject_pronouns.has(word)
}

/// The number of the month that a word in lower case names, from 1.
pub fn month(word: &str) -> Option<u8> {
    let position = lists()
        .words
        .months
        .iter()
        .position(|month| month == word)?;
    u8::try_from(position + 1).ok()
}

/// The superlative in a question, and the columns that it may speak of.
pub fn extreme(question: &str) -> Option<(Extreme, &'static [String])> {
    spaced(question).split_whitespace().find_map(|word| {
        let largest = lists()
            .words
            .largest
            .get(word)
            .map(|of| (Extreme::Largest, of));
        let found = largest.or_else(|| {
            lists()
                .words
                .smallest
                .get(word)
                .map(|of| (Extreme::Smallest, of))
        });
        found.map(|(end, columns)| (end, columns.as_slice()))
    })
}

fn holds_any(text: &str, phrases: &WordList) -> bool {
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
