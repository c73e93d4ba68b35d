//! The words of a language, as data: one folder a language, one file a use.
//!
//! Nothing outside of this module's folders holds words of a language; tests/it/words.rs looks.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Words or phrases in lower case, sorted.
#[derive(Debug, Deserialize)]
#[serde(from = "Vec<String>")]
pub struct WordList(Vec<String>);

impl From<Vec<String>> for WordList {
    fn from(mut words: Vec<String>) -> Self {
        words.sort_unstable();
        Self(words)
    }
}

impl WordList {
    /// Whether `word` is one of them.
    pub fn has(&self, word: &str) -> bool {
        self.0
            .binary_search_by(|known| known.as_str().cmp(word))
            .is_ok()
    }

    /// Whether `text` holds one of them, as the letters stand.
    pub fn is_in(&self, text: &str) -> bool {
        self.iter().any(|phrase| text.contains(phrase))
    }

    /// Whether `text` begins with one of them.
    pub fn begins(&self, text: &str) -> bool {
        self.iter().any(|phrase| text.starts_with(phrase))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// `words.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Vocabulary {
    pub(super) stop_words: WordList,
    pub(super) abbreviations: WordList,
    pub(super) spellings: Vec<(String, String)>,
    pub(super) forbids: WordList,
    pub(super) asks_to_do: WordList,
    pub(super) points_back: WordList,
    pub(super) months: Vec<String>,
    pub(super) joins: WordList,
    pub(super) interrogatives: WordList,
    pub(super) subject_interrogatives: WordList,
    pub(super) auxiliaries: WordList,
    pub(super) subject_pronouns: WordList,
    pub(super) largest: BTreeMap<String, Vec<String>>,
    pub(super) smallest: BTreeMap<String, Vec<String>>,
}

/// `answer_types.toml`: what kind of answer a question expects, and what holds one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerTypes {
    pub money: WordList,
    pub shares: WordList,
    pub lengths: WordList,
    pub weights: WordList,
    pub voltages: WordList,
    pub savings: WordList,
    pub payments: WordList,
    pub times: WordList,
    pub frequencies: WordList,
    pub occasions: WordList,
    pub numbers: WordList,
    pub passed_over: WordList,
    pub degrees: WordList,
    pub degree_signs: WordList,
    pub each: WordList,
    pub per: WordList,
    pub money_stems: WordList,
    pub short_units: Vec<(String, String)>,
    pub how_many: String,
    pub asks_frequency: WordList,
    pub asks_time: WordList,
    pub asks_money: WordList,
    pub asks_sum: WordList,
    pub sum_paid: WordList,
    pub asks_figure: WordList,
    pub sum_saved: WordList,
    pub asks_temperature: WordList,
    pub asks_property: WordList,
    pub asks_length: WordList,
    pub asks_weight: WordList,
    pub asks_voltage: WordList,
    pub asks_number: WordList,
}

/// `units.toml`: numbers and what they count.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measures {
    /// Words and signs of units, each group led by the one that stands for all.
    pub units: Vec<Vec<String>>,
    /// Factors, likewise.
    pub scales: Vec<Vec<String>>,
    /// Numbers as words, with their digits.
    pub numbers: Vec<(String, String)>,
    /// What may stand between the two ends of a range that share a unit.
    pub between: WordList,
}

/// `same_question.toml`: what decides whether two questions ask for the same answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SameQuestion {
    /// Words that mean the same; each group is named by its first.
    pub synonyms: Vec<Vec<String>>,
    /// Words that may come or go.
    pub fillers: WordList,
    /// Words that turn an answer round.
    pub directions: WordList,
    /// Words that negate.
    pub negations: WordList,
    /// Where one of these stands, the order of the words counts.
    pub relations: WordList,
    /// What may stand before a question, in this order.
    pub polite: Vec<String>,
    /// Contractions that are not a word with the ending below.
    pub contractions: Vec<(String, String)>,
    /// What stands for "not" at the end of a verb.
    pub negated_ending: String,
    /// The word that it stands for.
    pub negated: String,
    /// How a question begins and what it asks for; the first that fits.
    pub openings: Vec<(String, Asks)>,
}

/// What a question asks for, by how it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Asks {
    Person,
    Time,
    Place,
    Reason,
    Amount,
    Duration,
    Frequency,
    Manner,
    Thing,
    Advice,
    Permission,
    Fact,
}

/// `injection.toml`: sentences of a document that speak to a language model.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Injection {
    /// Verbs that put something out of force.
    pub verbs: WordList,
    /// What they put out of force.
    pub orders: WordList,
    /// What tells that a model is spoken to.
    pub before: WordList,
    /// What nobody says to a reader; whole words.
    pub phrases: WordList,
}

/// `conversation.toml`: questions that are read with what was said before.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conversation {
    /// Openings that continue a thought.
    pub continuations: WordList,
    /// Words that point back at something.
    pub pointers: WordList,
}

/// `layout.toml`: titles and headings that say nothing, compounds that keep their hyphen.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// Titles that office programs give a file.
    pub file_titles: WordList,
    /// What they put in front of its name.
    pub program_prefixes: WordList,
    /// Titles of pages that have none.
    pub page_titles: WordList,
    /// Parts of headings over lists of sources.
    pub references: WordList,
    /// First halves of compounds that keep their hyphen.
    pub compound_starts: WordList,
    /// Last halves of such compounds.
    pub compound_ends: WordList,
    /// What joins two halves.
    pub compound_joins: WordList,
}

/// Everything that is known of a language.
#[derive(Debug)]
pub struct Lists {
    pub(super) words: Vocabulary,
    /// See [`AnswerTypes`].
    pub answer_types: AnswerTypes,
    /// See [`Measures`].
    pub units: Measures,
    /// See [`SameQuestion`].
    pub same_question: SameQuestion,
    /// See [`Injection`].
    pub injection: Injection,
    /// See [`Conversation`].
    pub conversation: Conversation,
    /// See [`Layout`].
    pub layout: Layout,
}

/// The lists of a language's folder.
macro_rules! lists_of {
    ($folder:literal) => {
        Lists {
            words: read(include_str!(concat!($folder, "/words.toml"))),
            answer_types: read(include_str!(concat!($folder, "/answer_types.toml"))),
            units: read(include_str!(concat!($folder, "/units.toml"))),
            same_question: read(include_str!(concat!($folder, "/same_question.toml"))),
            injection: read(include_str!(concat!($folder, "/injection.toml"))),
            conversation: read(include_str!(concat!($folder, "/conversation.toml"))),
            layout: read(include_str!(concat!($folder, "/layout.toml"))),
        }
    };
}

static ENGLISH: LazyLock<Lists> = LazyLock::new(|| lists_of!("english"));

/// The lists of the language that documents and questions are in.
pub fn lists() -> &'static Lists {
    &ENGLISH
}

fn read<T: DeserializeOwned>(file: &'static str) -> T {
    toml::from_str(file).expect("the lists in the program are well formed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_is_read() {
        let lists = lists();
        assert!(lists.words.stop_words.has("the") && !lists.words.stop_words.has("not"));
        assert!(lists.layout.references.is_in("further reading and links"));
        assert_eq!(lists.units.numbers[0].1, "1");
        assert!(
            lists
                .conversation
                .continuations
                .begins("what about flat roofs?")
        );
    }
}
