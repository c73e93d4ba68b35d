//! The answer in the sources' own words.
//!
//! What is answered with is what an author wrote as one (`units`). The names in the question are
//! conditions (`conditions`); of the units that meet them the one that weighs most answers
//! (`weigh`), a table as tables do (`tables`), and says what stands above it where the question needs
//! it (`statement`).

mod choice;
mod conditions;
mod dates;
mod extent;
mod lines;
mod question;
mod statement;
mod tables;
mod units;
mod weigh;

use std::collections::HashSet;
use std::ops::Range;

pub use lines::blocks_of_lines;

use self::choice::Choice;
use self::conditions::Met;
use self::question::{Question, stems};
use self::units::{Form, Unit};
use self::weigh::{Weighed, weigh};
use crate::language::lists;
use crate::model::Block;
use crate::reader::Reading;

/// A context as evidence: what of it may support a claim. Best first in a slice of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    /// Its text.
    pub text: String,
    /// The headings above and in it: they often hold the question's words where the sentence that
    /// answers it does not.
    pub headings: String,
    /// Its sentences, as bytes of `text`.
    pub sentences: Vec<Sentence>,
    /// How well the whole context fits the question, in [0, 1].
    pub standing: f32,
}

/// A sentence that may support a claim.
#[derive(Debug, Clone, PartialEq)]
pub struct Sentence {
    /// Bytes of the passage's text.
    pub range: Range<usize>,
    /// Cosine with the question, where the embedder gives one for sentences.
    pub cosine: Option<f32>,
    /// What it is good for.
    pub purpose: Purpose,
}

/// What a sentence is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It tells something.
    Statement,
    /// It stands under a heading such as "Sources": it names where facts are from and states none.
    Reference,
    /// It speaks to a language model; see [`injection`](super::injection). Never quoted.
    Command,
}

/// A context where it stands in its document, to answer from.
#[derive(Debug, Clone, PartialEq)]
pub struct Section<'a> {
    /// The text of the whole document.
    pub text: &'a str,
    /// Its title; empty if it has none.
    pub title: &'a str,
    /// Its structure.
    pub blocks: &'a [Block],
    /// The bytes of the context.
    pub near: Range<usize>,
    /// The cosine of the whole context with the question.
    pub standing: f32,
    /// Its place among the contexts, from 0.
    pub place: usize,
    /// Sentences with their cosines, in order, as bytes of `text`.
    pub cosines: Vec<(Range<usize>, f32)>,
    /// What the reader says of the context, its places as bytes from the start of `near`; `None` if
    /// it was not read.
    pub reading: Option<Reading>,
}

impl Section<'_> {
    /// The best cosine of the sentences in `range`.
    fn cosine(&self, range: &Range<usize>) -> Option<f32> {
        let first = self
            .cosines
            .partition_point(|(sentence, _)| sentence.end <= range.start);
        self.cosines[first..]
            .iter()
            .take_while(|(sentence, _)| sentence.start < range.end)
            .map(|(_, cosine)| *cosine)
            .reduce(f32::max)
    }

    /// The probability that the answer stands in `range`, if it stands in the context; `None` if that
    /// was not read.
    fn share(&self, range: &Range<usize>) -> Option<f32> {
        let reading = self
            .reading
            .as_ref()
            .filter(|reading| !reading.places.is_empty())?;
        let within = |at: usize| at.clamp(self.near.start, self.near.end) - self.near.start;
        Some(reading.share(&(within(range.start)..within(range.end))))
    }

    /// The first `bytes` of its document.
    fn beginning(&self, bytes: usize) -> &str {
        &self.text[..self.text.floor_char_boundary(bytes)]
    }
}

/// What is asked, with what was said before.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The last message; empty where the contexts themselves are to be summarised.
    pub question: &'a str,
    /// The message before it.
    pub earlier: Option<&'a str>,
    /// Whether it only continues that one, and says too little to stand alone.
    pub continues: bool,
}

/// What the index knows of words.
pub struct Vocabulary<'a> {
    /// What a term weighs: the rarer, the more.
    pub rarity: &'a dyn Fn(&str) -> f32,
    /// Whether a word stands anywhere.
    pub knows: &'a dyn Fn(&str) -> bool,
}

/// Verbatim words of a section, or the cells of a row as they are said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// In Markdown.
    pub text: String,
    /// Bytes of the section's text that say it.
    pub range: Range<usize>,
}

/// Something that is said, with its subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What it is about, where its own words do not say it.
    pub subject: String,
    /// What is said.
    pub pieces: Vec<Piece>,
    /// Position of the section that it is from.
    pub section: usize,
}

/// How an answer is borne out by the words of the question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Words {
    /// Whether it holds the name that was asked for, or every word of the question.
    pub is_sure: bool,
    /// The share of the question's words, by rarity, in it or above it, where it is a row.
    pub of_row: Option<f32>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// An answer.
    Answer {
        /// In order.
        statements: Vec<Statement>,
        /// How it is borne out by the words of the question.
        words: Words,
    },
    /// The question names what the sources do not have; this says so.
    Missing(String),
    /// Nothing that could be quoted.
    Nothing,
}

/// Whether what stands under this heading names sources instead of stating facts.
pub fn heads_references(heading: &str) -> bool {
    let heading = heading.to_lowercase();
    lists().layout.references.is_in(&heading)
}

/// Looks for answers in `sections`, best first.
pub fn answer(asked: &Asked<'_>, sections: &[Section<'_>], vocabulary: &Vocabulary<'_>) -> Found {
    let mut question = Question::of(asked, vocabulary.rarity);
    let units = all_units(sections);
    question.replace(&units);
    let (units, is_named) = match conditions::keep(&question, units, sections, vocabulary.knows) {
        Met::By(units, is_named) => (units, is_named),
        Met::Missing(text) => return Found::Missing(text),
    };
    let weighed = weigh(&question, units, sections);
    if let Some(statement) = from_table(&question, &weighed, sections) {
        return Found::Answer {
            statements: vec![statement],
            words: Words {
                is_sure: true,
                of_row: None,
            },
        };
    }
    let choice = Choice {
        question,
        weighed,
        is_named,
    };
    choice.say(sections)
}

/// The end of a column, or all rows of a table, where that is what the question asks for: no row has
/// a word of it that does not stand above all rows, and nothing else has more of its words.
fn from_table(
    question: &Question,
    weighed: &[Weighed<'_>],
    sections: &[Section<'_>],
) -> Option<Statement> {
    let most = weighed.iter().map(|found| found.holds).fold(0.0, f32::max);
    let rows = weighed.iter().filter(|found| {
        found.unit.form == Form::Row
            && found.adds <= 0.0
            && found.holds >= most - 1e-4
            && most > 0.0
    });
    for found in rows {
        let (unit, section) = (&found.unit, &sections[found.unit.section]);
        if let Some(said) = tables::at_the_end(question, unit, section, None) {
            return Some(statement::of_rows(question, unit, said, false));
        }
        let kinds = [unit.head.first(), unit.path.last()];
        let kinds: HashSet<String> = kinds
            .into_iter()
            .flatten()
            .flat_map(|kind| stems(kind))
            .collect();
        if question.asks_for_several(&kinds)
            && let Some(said) = tables::list(question, unit, section)
        {
            return Some(statement::of_rows(question, unit, said, true));
        }
    }
    None
}

/// The units of all sections, each once.
fn all_units<'a>(sections: &[Section<'a>]) -> Vec<Unit<'a>> {
    let mut seen: HashSet<(*const u8, usize, usize)> = HashSet::new();
    let mut all = Vec::new();
    for (position, section) in sections.iter().enumerate() {
        for unit in units::units(position, section) {
            let range = unit.range();
            if seen.insert((section.text.as_ptr(), range.start, range.end)) {
                all.push(unit);
            }
        }
    }
    all
}

#[cfg(test)]
mod tests;
