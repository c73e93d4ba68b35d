//! The weight of each sentence as an answer.
//!
//! The weights were chosen on two collections (published guides as PDF, and the shipped guides),
//! where answers hardly change around these values.

use std::collections::HashSet;

use super::{Form, Passage, Purpose, Sentence};
use crate::generate::expected::Expected;
use crate::language::terms;

/// Weight of the sentence's cosine with the question.
const COSINE_WEIGHT: f32 = 0.55;
/// Weight of the share of the question's words that it holds.
const WORDS_WEIGHT: f32 = 0.2;
/// What a word of the question counts when it stands only in a heading.
const HEADING_SHARE: f32 = 0.5;
/// Weight of the standing of its context.
const CONTEXT_WEIGHT: f32 = 0.25;
/// Weight of the share of its heading's words that the question has, for the first sentence there.
const OPENING_WEIGHT: f32 = 0.15;
/// For a figure of the kind that the question asks for.
const FIGURE_BONUS: f32 = 0.06;
/// Weight of the better of its two neighbours: an answer has surroundings that fit too.
const NEIGHBOUR_WEIGHT: f32 = 0.2;
/// What a sentence at the edge of a passage is granted for the neighbour that it lacks.
const EDGE_SHARE: f32 = 0.9;

/// Fewer words than this seldom say anything alone.
const FEW_WORDS: usize = 5;
const FEW_WORDS_MALUS: f32 = 0.06;
/// For a table row when no figure is asked for.
const ROW_MALUS: f32 = 0.05;
/// For a sentence that only leads to the next ("… :", "… ?").
const LEADING_MALUS: f32 = 0.06;
/// For a name of a source, or an address.
const REFERENCE_MALUS: f32 = 0.2;

/// A sentence and its weight.
pub(super) struct Candidate {
    pub(super) passage: usize,
    pub(super) sentence: usize,
    pub(super) weight: f32,
    pub(super) terms: HashSet<String>,
}

/// Every sentence of `passages` that may be quoted, heaviest first.
pub(super) fn weigh(question: &str, passages: &[Passage]) -> Vec<Candidate> {
    let wanted: HashSet<String> = terms(question).collect();
    let expected = Expected::of(question);
    let mut candidates = Vec::new();
    for (position, passage) in passages.iter().enumerate() {
        let above: HashSet<String> = terms(&passage.headings).collect();
        let (own_terms, alone): (Vec<HashSet<String>>, Vec<f32>) = passage
            .sentences
            .iter()
            .map(|sentence| {
                let text = &passage.text[sentence.range.clone()];
                let own: HashSet<String> = terms(text).collect();
                let shared = words_shared(&wanted, &own, &above);
                // Without sentence vectors the words have to carry the cosine's weight too.
                let nearness = sentence.cosine.unwrap_or(shared).max(0.0);
                let weight = COSINE_WEIGHT * nearness
                    + WORDS_WEIGHT * shared
                    + CONTEXT_WEIGHT * passage.standing
                    + form_weight(sentence, text, &expected)
                    + opening_weight(sentence, &wanted);
                (own, weight)
            })
            .unzip();
        for (sentence, terms) in own_terms.into_iter().enumerate() {
            if passage.sentences[sentence].purpose == Purpose::Command {
                continue;
            }
            candidates.push(Candidate {
                passage: position,
                sentence,
                weight: alone[sentence] + NEIGHBOUR_WEIGHT * neighbour(&alone, sentence),
                terms,
            });
        }
    }
    candidates.sort_by(|a, b| {
        b.weight
            .total_cmp(&a.weight)
            .then((a.passage, a.sentence).cmp(&(b.passage, b.sentence)))
    });
    candidates
}

/// The share of the question's words that a sentence holds, its headings counting for less.
fn words_shared(wanted: &HashSet<String>, own: &HashSet<String>, above: &HashSet<String>) -> f32 {
    if wanted.is_empty() {
        return 0.0;
    }
    let weight = |term: &String| match (own.contains(term), above.contains(term)) {
        (true, _) => 1.0,
        (false, true) => HEADING_SHARE,
        (false, false) => 0.0,
    };
    wanted.iter().map(weight).sum::<f32>() / wanted.len() as f32
}

fn form_weight(sentence: &Sentence, text: &str, expected: &Expected) -> f32 {
    let mut weight = 0.0;
    if holds_figure(text, expected) {
        weight += FIGURE_BONUS;
    }
    if text.split_whitespace().count() < FEW_WORDS {
        weight -= FEW_WORDS_MALUS;
    }
    if sentence.form == Form::TableRow && !expected.is_figure() {
        weight -= ROW_MALUS;
    }
    if text.ends_with([':', '?']) {
        weight -= LEADING_MALUS;
    }
    if sentence.purpose == Purpose::Reference || text.contains("://") || text.contains("www.") {
        weight -= REFERENCE_MALUS;
    }
    weight
}

fn holds_figure(text: &str, expected: &Expected) -> bool {
    if *expected == Expected::Number {
        return text.contains(|c: char| c.is_ascii_digit());
    }
    expected.is_figure() && expected.is_in(text)
}

fn neighbour(weights: &[f32], at: usize) -> f32 {
    let before = at.checked_sub(1).map(|before| weights[before]);
    let after = weights.get(at + 1).copied();
    before
        .into_iter()
        .chain(after)
        .reduce(f32::max)
        .unwrap_or(weights[at] * EDGE_SHARE)
}

/// A heading says what follows, and who writes under it says that first: what the question asks for
/// when it holds the heading's words.
fn opening_weight(sentence: &Sentence, wanted: &HashSet<String>) -> f32 {
    let heading: HashSet<String> = sentence.opens.iter().flat_map(|text| terms(text)).collect();
    if heading.is_empty() {
        return 0.0;
    }
    OPENING_WEIGHT * heading.intersection(wanted).count() as f32 / heading.len() as f32
}
