//! Chooses the sentences that answer a question.
//!
//! Every sentence is weighed by its nearness to the question, its headings, its neighbours and its
//! form (`weigh`); then the best are taken greedily, passing over those that repeat one already taken
//! (in the spirit of maximal marginal relevance, Carbonell and Goldstein 1998). A sentence that
//! leans on what stands before it ("That is commonly …", a table row, a list item) brings its
//! lead-in along, so that the answer can be read without its source.

mod leads;
mod weigh;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;

use self::weigh::{Candidate, weigh};

/// The most sentences in an answer.
const MOST_SENTENCES: usize = 6;
/// The most words in an answer.
const MOST_WORDS: usize = 112;
/// A sentence that weighs less than this share of the best one adds more noise than news.
const SHARE_OF_BEST: f32 = 0.8;
/// A sentence that shares more than this of its terms with one already taken says it again.
const TOO_SIMILAR: f32 = 0.7;

/// A context to choose from, best first in a slice of them.
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

/// A sentence that may be chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Sentence {
    /// Bytes of the passage's text.
    pub range: Range<usize>,
    /// Cosine with the question, where the embedder gives one for sentences.
    pub cosine: Option<f32>,
    /// What it is part of.
    pub form: Form,
    /// What it is good for.
    pub purpose: Purpose,
    /// The heading under which it is the first sentence, if it is.
    pub opens: Option<String>,
}

/// What a sentence is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It tells something.
    Statement,
    /// It stands under a heading such as "Sources": it names where facts are from and states none.
    Reference,
    /// It speaks to a language model; see [`commands`](super::commands). Never quoted.
    Command,
}

/// What a sentence is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Running text.
    Prose,
    /// A list item, its marker included.
    ListItem,
    /// A table row, cells separated by ` | `.
    TableRow,
}

/// A run of neighbouring sentences of one passage, to be quoted as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// Which passage.
    pub passage: usize,
    /// Bytes of its text.
    pub range: Range<usize>,
}

/// Whether what stands under this heading names sources instead of stating facts.
pub fn heads_references(heading: &str) -> bool {
    const WORDS: [&str; 6] = [
        "sources",
        "references",
        "further reading",
        "links",
        "see also",
        "bibliography",
    ];
    let heading = heading.to_lowercase();
    WORDS.iter().any(|word| heading.contains(word))
}

/// Chooses quotes that answer `question`: the passage with the best sentence first, and from front
/// to back within each. Empty only when no passage has a sentence.
pub fn choose(question: &str, passages: &[Passage]) -> Vec<Quote> {
    let candidates = weigh(question, passages);
    let taken = take(&candidates, passages);

    let mut best_of: HashMap<usize, f32> = HashMap::new();
    for candidate in &candidates {
        if taken.contains(&(candidate.passage, candidate.sentence)) {
            let best = best_of.entry(candidate.passage).or_insert(f32::MIN);
            *best = best.max(candidate.weight);
        }
    }
    let mut taken: Vec<(usize, usize)> = taken.into_iter().collect();
    taken.sort_by(|a, b| {
        best_of[&b.0]
            .total_cmp(&best_of[&a.0])
            .then_with(|| a.cmp(b))
    });
    join_neighbours(&taken, passages)
}

/// The positions (passage, sentence) of what is taken.
fn take(candidates: &[Candidate], passages: &[Passage]) -> BTreeSet<(usize, usize)> {
    let Some(best) = candidates.first().map(|candidate| candidate.weight) else {
        return BTreeSet::new();
    };
    let mut taken = BTreeSet::new();
    let mut said: Vec<&HashSet<String>> = Vec::new();
    let mut words = 0;
    for candidate in candidates {
        if taken.len() >= MOST_SENTENCES || candidate.weight < best * SHARE_OF_BEST {
            break;
        }
        let at = (candidate.passage, candidate.sentence);
        let repeats = said
            .iter()
            .any(|other| overlap(&candidate.terms, other) > TOO_SIMILAR);
        if taken.contains(&at) || repeats {
            continue;
        }
        let passage = &passages[candidate.passage];
        let group: Vec<(usize, usize)> = leads::with_leads(passage, candidate.sentence)
            .into_iter()
            .filter(|lead| passage.sentences[*lead].purpose != Purpose::Command)
            .map(|sentence| (candidate.passage, sentence))
            .filter(|at| !taken.contains(at))
            .collect();
        let length: usize = group
            .iter()
            .map(|(_, sentence)| {
                passage.text[passage.sentences[*sentence].range.clone()]
                    .split_whitespace()
                    .count()
            })
            .sum();
        if taken.is_empty() || words + length <= MOST_WORDS {
            words += length;
            taken.extend(group);
            said.push(&candidate.terms);
        }
    }
    taken
}

/// The share of the smaller set that is in the other.
fn overlap(a: &HashSet<String>, b: &HashSet<String>) -> f32 {
    let smaller = a.len().min(b.len());
    if smaller == 0 {
        0.0
    } else {
        a.intersection(b).count() as f32 / smaller as f32
    }
}

/// Joins sentences that follow each other within a paragraph, a list or a table.
fn join_neighbours(taken: &[(usize, usize)], passages: &[Passage]) -> Vec<Quote> {
    let mut quotes: Vec<Quote> = Vec::new();
    for (position, sentence) in taken {
        let passage = &passages[*position];
        let range = passage.sentences[*sentence].range.clone();
        match quotes.last_mut() {
            Some(quote)
                if quote.passage == *position
                    && leads::is_adjacent(passage, quote.range.end, range.start) =>
            {
                quote.range.end = range.end;
            }
            _ => quotes.push(Quote {
                passage: *position,
                range,
            }),
        }
    }
    quotes
}

#[cfg(test)]
mod tests;
