//! What a question asks for: its words and what they weigh, and the names that it gives.

use std::collections::{HashMap, HashSet};

use super::units::Unit;
use super::{Asked, Section};
use crate::generate::answer_type::AnswerType;
use crate::generate::quantities::digits_of;
use crate::language::{
    Identifier, IdentifierKind, asks_to_do, identifiers, one_spelling, sentences, terms,
};

/// What a word weighs that was said before the question: in its story, or in the message that it
/// continues.
const SAID_BEFORE: f32 = 0.5;
/// What is left of that for a word of the message before that names no thing, where the last message
/// asks something else of the same thing.
const ASKED_BEFORE: f32 = 0.2;
/// What a word of the message before weighs where the question could stand alone.
const SAID_BEFORE_ANOTHER: f32 = 0.25;

/// A question, taken apart.
pub(super) struct Question {
    /// The sentences that ask.
    pub(super) asking: String,
    /// Its terms with their weights.
    pub(super) terms: Vec<(String, f32)>,
    /// The terms that the asking sentences themselves have.
    pub(super) new: HashSet<String>,
    /// The terms of the message before.
    before: HashSet<String>,
    /// The names that it gives.
    pub(super) names: Vec<Identifier>,
    /// What kind of answer it expects.
    pub(super) expected: AnswerType,
    /// The terms that only belong to the question word: "how much", "how long".
    pub(super) manner: HashSet<String>,
    /// Whether it asks whether or how to do something.
    pub(super) asks_to_do: bool,
}

impl Question {
    /// Takes a question apart; `rarity` tells what a term weighs.
    pub(super) fn of(asked: &Asked<'_>, rarity: &dyn Fn(&str) -> f32) -> Self {
        let (asking, story) = story_and_question(asked.question);
        let mut weights: HashMap<String, f32> = HashMap::new();
        let mut said = |text: &str, share: f32| {
            for (stem, plain) in plain_stems(text) {
                let weight = weights.entry(stem).or_default();
                *weight = weight.max(share * rarity(&plain));
            }
        };
        let earlier = asked.earlier.unwrap_or_default();
        let share = if asked.continues {
            SAID_BEFORE
        } else {
            SAID_BEFORE_ANOTHER
        };
        said(earlier, share);
        said(&story, SAID_BEFORE);
        said(&asking, 1.0);
        let mut names = identifiers(&asking);
        let continued = if asked.continues { earlier } else { "" };
        for name in [story.as_str(), continued]
            .into_iter()
            .flat_map(identifiers)
        {
            let replaced = names.iter().any(|new| new.replaces(&name) || *new == name);
            if !replaced && name.kind != IdentifierKind::Proper {
                names.push(name);
            }
        }
        let mut terms: Vec<(String, f32)> = weights.into_iter().collect();
        terms.sort_by(|a, b| a.0.cmp(&b.0));
        let own = AnswerType::of(&asking);
        let expected = if own == AnswerType::Text {
            AnswerType::of(continued)
        } else {
            own
        };
        Self {
            new: stems(&asking),
            before: stems(earlier),
            manner: manner(&asking),
            asks_to_do: asks_to_do(&asking),
            expected,
            terms,
            names,
            asking,
        }
    }

    /// What a question said before stands for the same as one of the last words, where both name
    /// things at the same level of headings, is replaced by it.
    pub(super) fn replace(&mut self, units: &[Unit<'_>]) {
        let mut levels: HashMap<String, HashSet<usize>> = HashMap::new();
        for unit in units {
            for (level, heading) in unit.path.iter().enumerate() {
                for stem in stems(heading) {
                    levels.entry(stem).or_default().insert(level);
                }
            }
        }
        let held: HashSet<usize> = self
            .new
            .iter()
            .filter_map(|stem| levels.get(stem))
            .flatten()
            .copied()
            .collect();
        self.fade(units);
        let new = &self.new;
        self.terms.retain(|(stem, _)| {
            let is_replaced = levels
                .get(stem)
                .is_some_and(|at| at.iter().any(|level| held.contains(level)));
            new.contains(stem) || !is_replaced
        });
    }

    /// Where the last message has a word that names no thing (none of a title, a heading or the first
    /// cell of a row), it asks something else: what was asked before fades, the things stay.
    fn fade(&mut self, units: &[Unit<'_>]) {
        let mut things: HashSet<String> = HashSet::new();
        for unit in units {
            things.extend(unit.path.iter().flat_map(|heading| stems(heading)));
            things.extend(unit.key.map(stems).unwrap_or_default());
        }
        let asks = |stem: &String| !things.contains(stem) && !self.manner.contains(stem);
        if !self.new.iter().any(asks) {
            return;
        }
        for (stem, weight) in &mut self.terms {
            let is_before = self.before.contains(stem) && !self.new.contains(stem);
            if is_before && !things.contains(stem) {
                *weight *= ASKED_BEFORE;
            }
        }
    }

    /// The weight of the terms that `stems` holds.
    pub(super) fn weight_in(&self, stems: &HashSet<String>) -> f32 {
        let held = self.terms.iter().filter(|(stem, _)| stems.contains(stem));
        held.map(|(_, weight)| weight).sum()
    }

    /// Whether every word of the question stands in `stems`, but those of the question word.
    pub(super) fn is_all_in(&self, stems: &HashSet<String>) -> bool {
        let held = |(stem, _): &(String, f32)| stems.contains(stem) || self.manner.contains(stem);
        !self.terms.is_empty() && self.terms.iter().all(held)
    }

    /// Whether the sources have half of the words in it that name nothing, or it has none.
    pub(super) fn is_known(&self, knows: &dyn Fn(&str) -> bool) -> bool {
        let words = self.asking.split(|c: char| !c.is_alphanumeric());
        let plain = words
            .filter(|word| word.starts_with(char::is_lowercase) && terms(word).next().is_some());
        let (all, known) = plain.fold((0, 0), |(all, known), word| {
            (all + 1, known + usize::from(knows(word)))
        });
        2 * known >= all
    }

    /// Whether the question holds every word of a name.
    pub(super) fn names(&self, name: &str) -> bool {
        let name = stems(name);
        !name.is_empty()
            && name
                .iter()
                .all(|stem| self.terms.iter().any(|(term, _)| term == stem))
    }

    /// The weight of all terms.
    pub(super) fn weight(&self) -> f32 {
        self.terms.iter().map(|(_, weight)| weight).sum()
    }

    /// Whether its own words name several things of a kind: a plural that stands in `stems`.
    pub(super) fn asks_for_several(&self, stems: &HashSet<String>) -> bool {
        let words = self.asking.split(|c: char| !c.is_alphanumeric());
        words.filter(|word| word.len() > 3).any(|word| {
            let word = word.to_lowercase();
            word.ends_with('s')
                && !word.ends_with("ss")
                && terms(&word).any(|stem| stem != word && stems.contains(&one_spelling(&stem)))
        })
    }
}

/// The sentences of a message that ask, and the others; all ask where none has a question mark.
fn story_and_question(message: &str) -> (String, String) {
    let all = sentences(message, 0..message.len());
    let (asking, story): (Vec<&str>, Vec<&str>) = all
        .into_iter()
        .map(|range| &message[range])
        .partition(|sentence| sentence.trim_end().ends_with('?'));
    if asking.is_empty() {
        (message.to_owned(), String::new())
    } else {
        (asking.join(" "), story.join(" "))
    }
}

/// What stands behind each "how".
fn manner(asking: &str) -> HashSet<String> {
    let words: Vec<&str> = asking.split_whitespace().collect();
    let behind = words
        .windows(2)
        .filter(|pair| pair[0].eq_ignore_ascii_case("how"));
    behind.flat_map(|pair| stems(pair[1])).collect()
}

/// The stems of a text in the form in which they are compared.
pub(super) fn stems(text: &str) -> HashSet<String> {
    plain_stems(text).map(|(stem, _)| stem).collect()
}

/// Each with the stem as an index has it.
fn plain_stems(text: &str) -> impl Iterator<Item = (String, String)> {
    terms(text).map(|stem| {
        let same = digits_of(&stem).map_or_else(|| one_spelling(&stem), str::to_owned);
        (same, stem)
    })
}

/// The title, the headings and the head of a unit as one text.
pub(super) fn above(unit: &Unit<'_>, section: &Section<'_>) -> String {
    let mut above = unit.path.join("\n");
    for name in &unit.head {
        above.push('\n');
        above.push_str(name);
    }
    if let Some(lead) = &unit.lead {
        above.push('\n');
        above.push_str(&section.text[lead.clone()]);
    }
    above
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(earlier: Option<&str>, question: &str) -> Question {
        let asked = Asked {
            question,
            earlier,
            continues: earlier.is_some(),
        };
        Question::of(&asked, &|_| 1.0)
    }

    #[test]
    fn a_story_counts_less_than_what_it_ends_in() {
        let asked = question(None, "My boiler is old. How long is its warranty?");
        let weight = |stem: &str| asked.terms.iter().find(|(s, _)| s == stem).unwrap().1;
        assert!(weight("boiler") < weight("warranti"));
    }

    #[test]
    fn spellings_and_number_words_are_made_one() {
        for (a, b) in [
            ("colour", "color"),
            ("metre", "meter"),
            ("analyse", "analyze"),
            ("three", "3"),
        ] {
            assert_eq!(stems(a), stems(b), "{a} {b}");
        }
        assert_ne!(stems("water"), stems("wall"));
    }

    #[test]
    fn a_new_name_replaces_one_of_its_form() {
        let names = |earlier, last| -> Vec<String> {
            let names = question(Some(earlier), last).names;
            names.into_iter().map(|name| name.written).collect()
        };
        assert_eq!(names("What is E-133?", "And E-134?"), ["E-134"]);
        assert_eq!(names("What is E-133?", "And on the boiler?"), ["E-133"]);
    }
}
