//! Whether two questions ask for the same answer.
//!
//! Vectors do not tell: "how do I save on gas" lies beside "how do I save on electricity", and a
//! "not" hardly moves a vector. So a near neighbour also has to agree in all that decides an answer:
//! the words of content, figures, negation, direction, and what is asked for. The words are
//! those of the language's lists; what is not understood must be literally the same.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde::Deserialize;

use super::answer_type::AnswerType;
use super::quantities::quantities;
use crate::language::{Asks, WordList, lists, terms};

/// Words of the subject that is shipped, beside those of the language.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Subject {
    synonyms: Vec<Vec<String>>,
    /// Who may do something to whom: beside one of these the order of the words counts.
    parties: WordList,
}

static SUBJECT: LazyLock<Subject> = LazyLock::new(|| {
    toml::from_str(include_str!("../../data/synonyms.toml"))
        .expect("the synonyms in the program are well formed")
});

/// A question as far as it decides an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct QuestionSignature {
    words: Vec<String>,
    asks: Option<Asks>,
    /// The same words in the same order have the same of everything.
    all: Vec<String>,
    is_negated: bool,
    is_relation: bool,
    directions: BTreeSet<String>,
    expected: AnswerType,
    figures: String,
}

impl QuestionSignature {
    /// Reads a question.
    pub fn of(question: &str) -> Self {
        let plain = plain(question);
        let all: Vec<String> = plain.split(' ').map(str::to_owned).collect();
        let lists = &lists().same_question;
        let directions = all
            .iter()
            .filter(|word| lists.directions.has(word))
            .cloned()
            .collect();
        let mut words: Vec<String> = Vec::new();
        let without_fillers: Vec<&str> = plain
            .split(' ')
            .filter(|word| !lists.fillers.has(word) && !lists.directions.has(word))
            .collect();
        for word in terms(&unified(&without_fillers.join(" "))) {
            if !words.contains(&word) && !lists.negations.has(&word) {
                words.push(word);
            }
        }
        Self {
            words,
            asks: asks(&plain),
            is_negated: all.iter().filter(|word| lists.negations.has(word)).count() % 2 == 1,
            is_relation: all
                .iter()
                .any(|word| lists.relations.has(word) || SUBJECT.parties.has(word)),
            directions,
            expected: AnswerType::of(question),
            figures: figures(question),
            all,
        }
    }

    /// Whether one answer does for both.
    pub fn may_share_an_answer(&self, other: &Self) -> bool {
        if self.all == other.all {
            return self.figures == other.figures;
        }
        let is_same = !self.words.is_empty()
            && self.asks == other.asks
            && self.is_negated == other.is_negated
            && self.directions == other.directions
            && self.figures == other.figures
            && self.expected == other.expected;
        is_same && self.has_words_of(other)
    }

    /// Whether nothing but case, spaces and marks tells the questions apart.
    pub fn reads_like(&self, other: &Self) -> bool {
        self.all == other.all && self.figures == other.figures
    }

    fn has_words_of(&self, other: &Self) -> bool {
        if self.is_relation || other.is_relation {
            return self.words == other.words;
        }
        let sorted = |words: &[String]| words.iter().cloned().collect::<BTreeSet<_>>();
        sorted(&self.words) == sorted(&other.words)
    }
}

/// Lower case, without marks, contractions written out.
fn plain(question: &str) -> String {
    let text = question.to_lowercase().replace('\u{2019}', "'");
    let lists = &lists().same_question;
    let mut words = Vec::new();
    for word in text.split(|c: char| !c.is_alphanumeric() && !"'%£$€°.".contains(c)) {
        let word = word.trim_matches(['\'', '.']);
        let written_out = lists.contractions.iter().find(|(short, _)| short == word);
        match (
            written_out,
            word.strip_suffix(lists.negated_ending.as_str()),
        ) {
            _ if word.is_empty() => {}
            (Some((_, long)), _) => words.extend(long.split(' ')),
            (None, Some(verb)) => words.extend([verb, lists.negated.as_str()]),
            (None, None) => words.push(word.strip_suffix("'s").unwrap_or(word)),
        }
    }
    words.join(" ")
}

/// Each synonym as the first of its group.
fn unified(plain: &str) -> String {
    let mut text = format!(" {plain} ");
    for group in lists()
        .same_question
        .synonyms
        .iter()
        .chain(&SUBJECT.synonyms)
    {
        let name = format!(" {} ", group[0]);
        let mut others: Vec<&str> = group[1..].iter().map(String::as_str).collect();
        // Long ones first: "light bulb" is not a light and a bulb.
        others.sort_by_key(|word| std::cmp::Reverse(word.len()));
        for other in others {
            let other = format!(" {other} ");
            if !name.contains(&other) {
                text = text.replace(&other, &name);
            }
        }
    }
    text.trim().to_owned()
}

/// What a question asks for, by how it begins; something may stand before: "tell me how".
fn asks(plain: &str) -> Option<Asks> {
    let lists = &lists().same_question;
    let start = lists.polite.iter().fold(plain, |start, polite| {
        start.trim_start_matches(polite.as_str())
    });
    let begins = |opening: &str| {
        start
            .strip_prefix(opening)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    let opening = lists.openings.iter().find(|(opening, _)| begins(opening));
    opening.map(|(_, asks)| *asks)
}

/// Digits and what they count, as text that can be compared.
fn figures(question: &str) -> String {
    let digits: Vec<&str> = question
        .split(|c: char| !c.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        .collect();
    format!("{digits:?} {:?}", quantities(question))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        let (a, b) = (QuestionSignature::of(a), QuestionSignature::of(b));
        assert_eq!(a.may_share_an_answer(&b), b.may_share_an_answer(&a));
        a.may_share_an_answer(&b)
    }

    #[test]
    fn near_misses_are_other_questions() {
        for (a, b) in [
            ("How do I save on gas?", "How do I save on electricity?"),
            ("Is it safe?", "Is it not safe?"),
            (
                "Is it safe to sleep with it on?",
                "Isn't it safe to sleep with it on?",
            ),
            ("Does 100 mm do in the loft?", "Does 270 mm do in the loft?"),
            ("Is 20 °C warm enough?", "Is 20 °F warm enough?"),
            ("Who pays for a loft?", "When does one pay for a loft?"),
            ("How much is a heat pump?", "How is a heat pump made?"),
            (
                "Should I turn it up at night?",
                "Should I turn it down at night?",
            ),
            ("Is gas cheaper than oil?", "Is oil cheaper than gas?"),
            ("Grants in Wales?", "Grants in Scotland?"),
            (
                "Can a landlord charge a tenant?",
                "Can a tenant charge a landlord?",
            ),
            (
                "Can I insulate a flat roof?",
                "Should I insulate a flat roof?",
            ),
        ] {
            assert!(!same(a, b), "{a} / {b}");
        }
    }

    #[test]
    fn other_words_may_ask_the_same() {
        for (a, b) in [
            ("How do I insulate my loft?", "how can I insulate the attic"),
            (
                "How do I bleed a radiator?",
                "What's the best way to bleed radiators?",
            ),
            (
                "How thick should loft insulation be?",
                "How deep should the insulation in the loft be?",
            ),
            ("Is it safe?", "is it SAFE"),
        ] {
            assert!(same(a, b), "{a} / {b}");
        }
    }
}
