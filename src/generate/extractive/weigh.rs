//! The weight of each unit as an answer.

use std::collections::HashSet;
use std::ops::Range;

use super::question::{Question, above, stems};
use super::units::{Form, Part, Unit};
use super::{Section, heads_references};
use crate::generate::answer_type::AnswerType;
use crate::language::{Runs, cells, forbids};

/// What speaks for a unit, and how much. Set by hand and not fitted; `docs/answers.md` has the figures.
struct Weights {
    /// The best cosine of any of its parts with the question.
    cosine: f32,
    /// The share of the question's words, by rarity, in it or above it.
    words: f32,
    /// What a word counts that stands above it: in its headings, its title, the head of its table.
    above: f32,
    /// The cosine of the whole context.
    context: f32,
    /// The place of its context among those found, 1 / (1 + place).
    place: f32,
    /// For a figure of the kind that is asked for.
    figure: f32,
    /// By the share of the words of the heading right above it that the question has.
    heading: f32,
    /// For a row or an entry whose term the question names, and for what stands under the name itself.
    term: f32,
    /// Against what stands under a heading such as "Sources", or an address.
    reference: f32,
    /// Against what names a source there and is no sentence: it states nothing.
    source: f32,
    /// For numbered steps, where the question asks how to do something.
    steps: f32,
}

const WEIGHTS: Weights = Weights {
    cosine: 0.45,
    words: 0.45,
    above: 0.9,
    context: 0.15,
    place: 0.08,
    figure: 0.06,
    heading: 0.08,
    term: 0.2,
    reference: 0.2,
    source: 0.6,
    steps: 0.08,
};

/// What the reader's words weigh beside the others.
struct ReadingWeights {
    /// For the log-odds that the context answers.
    answers: f32,
    /// The log-odds of a context that was not read: it stands behind those that were.
    unread: f32,
    /// For the logarithm of the probability that the answer stands in the unit …
    place: f32,
    /// … and, among the parts of a unit, in the part.
    part: f32,
}

const READING: ReadingWeights = ReadingWeights {
    answers: 0.06,
    unread: -1.0,
    place: 0.03,
    part: 0.1,
};

/// A smaller share counts as this: what the reader overlooks may still be found by its words.
const LEAST_SHARE: f32 = 1e-3;

/// What stands before a colon is a term up to this many words.
const LONGEST_TERM_WORDS: usize = 6;
/// Within a unit: what its most telling part has.
const TELLING_WORDS: f32 = 0.3;
/// For a part that forbids, where the question asks whether to do something.
const FORBIDDING: f32 = 0.15;
/// Against a part that only leads to the next ("… :", "… ?").
const LEADING: f32 = 0.1;

/// A unit and what it weighs.
#[derive(Clone)]
pub(super) struct Weighed<'a> {
    pub(super) unit: Unit<'a>,
    pub(super) weight: f32,
    /// The position of its most telling part.
    pub(super) telling: usize,
    /// How much more that tells than any other part.
    pub(super) margin: f32,
    /// The weight of the question's words that it has itself and nothing above it has.
    pub(super) adds: f32,
    /// Whether every word of the question stands in it or above it, or the question names the term
    /// that it explains.
    pub(super) is_sure: bool,
    /// The weight of the question's words in it or above it.
    pub(super) holds: f32,
}

/// All units, heaviest first; equal ones in reading order.
pub(super) fn weigh<'a>(
    question: &Question,
    units: Vec<Unit<'a>>,
    sections: &[Section<'a>],
) -> Vec<Weighed<'a>> {
    let mut weighed: Vec<Weighed<'a>> = units
        .into_iter()
        .map(|unit| {
            let section = &sections[unit.section];
            of(question, unit, section)
        })
        .collect();
    weighed.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    // A row that has words of the question is found by them: tables are read less well than text.
    let is_found = |best: &Weighed<'_>| best.unit.form == Form::Row && best.adds > 0.0;
    if !weighed.first().is_some_and(is_found) {
        for found in &mut weighed {
            found.weight += read(&found.unit, &sections[found.unit.section]);
        }
        weighed.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    }
    weighed
}

fn of<'a>(question: &Question, unit: Unit<'a>, section: &Section<'a>) -> Weighed<'a> {
    let text = &section.text[unit.range()];
    let own = stems(text);
    let above: HashSet<String> = stems(&above(&unit, section));
    let all = question.weight();
    let adds_set: HashSet<String> = own.difference(&above).cloned().collect();
    let (in_own, in_above) = (question.weight_in(&own), question.weight_in(&above));
    let adds = question.weight_in(&adds_set);
    let only_above = in_above + adds - in_own;
    let share = if all > 0.0 {
        (in_own + WEIGHTS.above * only_above) / all
    } else {
        0.0
    };
    let Telling {
        part: telling,
        margin,
        cosine,
    } = telling(question, &unit, section);
    let near = cosine.unwrap_or(share).max(0.0);
    let mut weight = WEIGHTS.cosine * near
        + WEIGHTS.words * share
        + WEIGHTS.context * section.standing
        + WEIGHTS.place / (1.0 + section.place as f32)
        + WEIGHTS.heading * heading_share(question, &unit);
    if holds_figure(text, &question.expected) {
        weight += WEIGHTS.figure;
    }
    let lacks_figure = question.expected.is_figure() && !holds_figure(text, &question.expected);
    let has_all = !lacks_figure && question.is_all_in(&own.union(&above).cloned().collect());
    let part = &section.text[unit.parts[telling].range.clone()];
    let term = term(&unit, part);
    let names_term = term.is_some_and(|term| question.names(term));
    if names_term || defines(question, term.or(unit.path.last().copied())) {
        weight += WEIGHTS.term;
    }
    if question.asks_to_do && unit.is_steps(section) {
        weight += WEIGHTS.steps;
    }
    let heading = unit.path.last().copied().unwrap_or_default();
    let is_reference = heads_references(heading);
    if is_reference && !part.ends_with(['.', '!', '?']) {
        weight -= WEIGHTS.source;
    } else if is_reference || text.contains("://") || text.contains("www.") {
        weight -= WEIGHTS.reference;
    }
    Weighed {
        is_sure: has_all || names_term,
        holds: adds + in_above,
        unit,
        weight,
        telling,
        margin,
        adds,
    }
}

/// What the reader says for a unit: that its context answers, and that the answer stands in it.
fn read(unit: &Unit<'_>, section: &Section<'_>) -> f32 {
    let answers = section
        .reading
        .as_ref()
        .map_or(READING.unread, |reading| reading.answers);
    READING.answers * answers + READING.place * log_share(section, &unit.range())
}

/// The logarithm of the share of the answer's place; 0 where nothing was read.
fn log_share(section: &Section<'_>, range: &Range<usize>) -> f32 {
    let share = section.share(range);
    share.map_or(0.0, |share| share.max(LEAST_SHARE).ln())
}

/// The term that an entry explains: the first cell of a row, what stands before the colon of an item.
pub(super) fn term<'t>(unit: &Unit<'_>, part: &'t str) -> Option<&'t str> {
    match unit.form {
        Form::Row => cells(part).first().copied(),
        Form::List => {
            let item = part.trim_start_matches("- ");
            let at = item.find([':', '\u{2013}', '\u{2014}', '?'])?;
            Some(&item[..at]).filter(|term| term.split_whitespace().count() <= LONGEST_TERM_WORDS)
        }
        Form::Prose => None,
    }
}

/// Whether a term or heading is one of the names in the question.
fn defines(question: &Question, term: Option<&str>) -> bool {
    let Some(runs) = term.map(Runs::of) else {
        return false;
    };
    question.names.iter().any(|name| runs.find(name).is_some())
}

/// What of a unit tells most.
struct Telling {
    part: usize,
    margin: f32,
    cosine: Option<f32>,
}

/// The most telling part of a unit, how far it is ahead, and the cosine of the unit.
fn telling(question: &Question, unit: &Unit<'_>, section: &Section<'_>) -> Telling {
    let weights: Vec<f32> = unit
        .parts
        .iter()
        .map(|part| part_weight(question, part, section))
        .collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|a, b| weights[*b].total_cmp(&weights[*a]));
    let part = order.first().copied().unwrap_or(0);
    let second = order.get(1).map_or(0.0, |second| weights[*second]);
    let nearest = unit
        .parts
        .iter()
        .filter_map(|part| part.cosine)
        .reduce(f32::max);
    let own = unit.parts[part].cosine.or(nearest);
    Telling {
        part,
        margin: weights[part] - second,
        cosine: own.map(|cosine| match unit.form {
            // What a list says stands in all of its items.
            Form::List => nearest.unwrap_or(cosine),
            Form::Prose | Form::Row => cosine,
        }),
    }
}

fn part_weight(question: &Question, part: &Part, section: &Section<'_>) -> f32 {
    let text = &section.text[part.range.clone()];
    let mut weight = WEIGHTS.cosine * part.cosine.unwrap_or(0.0)
        + TELLING_WORDS * question.weight_in(&stems(text)) / question.weight().max(f32::EPSILON);
    if holds_figure(text, &question.expected) {
        weight += WEIGHTS.figure;
    }
    weight += READING.part * log_share(section, &part.range);
    if text.ends_with([':', '?']) {
        weight -= LEADING;
    }
    if question.asks_to_do && forbids(text) {
        weight += FORBIDDING;
    }
    weight
}

/// A heading says what follows: what the question asks for when it holds the heading's words.
fn heading_share(question: &Question, unit: &Unit<'_>) -> f32 {
    let heading = unit
        .path
        .last()
        .map(|heading| stems(heading))
        .unwrap_or_default();
    if heading.is_empty() {
        return 0.0;
    }
    let held = question
        .terms
        .iter()
        .filter(|(stem, _)| heading.contains(stem));
    held.count() as f32 / heading.len() as f32
}

fn holds_figure(text: &str, expected: &AnswerType) -> bool {
    if *expected == AnswerType::Number {
        return text.contains(|c: char| c.is_ascii_digit());
    }
    expected.is_figure() && expected.is_in(text)
}
