//! Where a message asks more than one thing.

use std::ops::Range;

use super::sentences::sentences;
use super::words::{is_auxiliary, is_interrogative, is_subject_pronoun, may_be_subject};

/// More questions than this stay together.
const MOST_QUESTIONS: usize = 3;
/// What asks on its own has this many words.
const LEAST_WORDS: usize = 3;
/// The words behind a question word among which its verb stands.
const UP_TO_THE_VERB: usize = 4;

/// The questions of a message in order, each with what is said before it; the whole message where it
/// asks but one thing.
///
/// A new question begins behind a question mark, and at "and" where a main clause in the form of a
/// question follows ("… and how often is it done?"; not "… and how often it is done").
///
/// ```
/// let message = "What is the discount, and who gets it?";
/// assert_eq!(
///     wattwise::language::questions_in(message),
///     ["What is the discount,", "who gets it?"]
/// );
/// ```
pub fn questions_in(message: &str) -> Vec<&str> {
    let mut ends: Vec<usize> = sentences(message, 0..message.len())
        .into_iter()
        .filter(|sentence| message[sentence.clone()].trim_end().ends_with('?'))
        .map(|sentence| sentence.end)
        .collect();
    match ends.last_mut() {
        // What follows the last question belongs to it.
        Some(last) => *last = message.len(),
        None => ends.push(message.len()),
    }
    let mut questions = Vec::new();
    let mut start = 0;
    for end in ends {
        let joined = start..end;
        let cut = joined_at(&message[joined.clone()]);
        let halves = match cut {
            Some(cut) => vec![
                joined.start..joined.start + cut.start,
                joined.start + cut.end..joined.end,
            ],
            None => vec![joined],
        };
        questions.extend(halves.into_iter().map(|half| message[half].trim()));
        start = end;
    }
    questions.retain(|question| !question.is_empty());
    if questions.len() > MOST_QUESTIONS {
        return vec![message];
    }
    questions
}

/// The "and" between two questions, with the spaces around it.
fn joined_at(text: &str) -> Option<Range<usize>> {
    let words = words_of(text);
    let word = |at: usize| -> String {
        words.get(at).map_or_else(String::new, |word| {
            text[word.clone()]
                .trim_matches(|c: char| !c.is_alphanumeric())
                .to_lowercase()
        })
    };
    let is_joint = |at: &usize| {
        let at = *at;
        word(at) == "and"
            && at >= LEAST_WORDS
            && words.len() - at > LEAST_WORDS
            && !is_interrogative(&word(at - 1))
            && (0..at).any(|before| is_interrogative(&word(before)) || is_auxiliary(&word(before)))
            && asks((at + 1..words.len()).map(word))
    };
    let at = (0..words.len()).find(is_joint)?;
    Some(words[at - 1].end..words[at + 1].start)
}

/// Whether these words begin a main clause that asks: a question word with its verb before its
/// subject, or the verb alone.
fn asks(mut words: impl Iterator<Item = String>) -> bool {
    let Some(first) = words.next() else {
        return false;
    };
    if is_auxiliary(&first) {
        return words.next().is_some_and(|next| is_subject_pronoun(&next));
    }
    if !is_interrogative(&first) {
        return false;
    }
    // Behind its verb a pronoun is the object: "who gets it", "which plan suits you".
    let reach = match first.as_str() {
        "who" => 1,
        _ if may_be_subject(&first) => 2,
        _ => UP_TO_THE_VERB,
    };
    for (position, word) in words.take(UP_TO_THE_VERB).enumerate() {
        if is_auxiliary(&word) {
            return true;
        }
        if position < reach && is_subject_pronoun(&word) {
            return false;
        }
    }
    may_be_subject(&first)
}

/// What stands between white space.
fn words_of(text: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices() {
        if !c.is_whitespace() {
            start.get_or_insert(at);
        } else if let Some(start) = start.take() {
            words.push(start..at);
        }
    }
    words.extend(start.map(|start| start..text.len()));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_cut_where_it_asks_again() {
        for (message, parts) in [
            (
                "How far apart are parsnips sown and how long does the seed keep?",
                &[
                    "How far apart are parsnips sown",
                    "how long does the seed keep?",
                ][..],
            ),
            (
                "My fan is loud. Can I oil it? And how often must that be done?",
                &[
                    "My fan is loud. Can I oil it?",
                    "And how often must that be done?",
                ],
            ),
            (
                "What is the discount, and who gets it?",
                &["What is the discount,", "who gets it?"],
            ),
            (
                "How thick is it and which firm lays it?",
                &["How thick is it", "which firm lays it?"],
            ),
            (
                "Can I paint it and do I need a permit?",
                &["Can I paint it", "do I need a permit?"],
            ),
        ] {
            assert_eq!(questions_in(message), parts, "{message}");
        }
    }

    #[test]
    fn one_question_stays_whole() {
        for message in [
            "How do I wash and dry the filter?",
            "Does it depend on the size and where I live?",
            "Tell me how and when to prune it",
            "Can I say what it is and how much it costs?",
            "lost my key",
            "",
        ] {
            let whole: Vec<&str> = Some(message)
                .filter(|m| !m.is_empty())
                .into_iter()
                .collect();
            assert_eq!(questions_in(message), whole, "{message}");
        }
    }
}
