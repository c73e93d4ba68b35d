//! Chooses the sentences that answer a question.
//!
//! Every sentence is weighed by its nearness to the question (cosine of its own vector), by the
//! question's words that it holds, and by the standing of the context it is from; then sentences
//! are taken greedily, each weighed again by what it adds to those already taken (maximal marginal
//! relevance, Carbonell and Goldstein 1998).

use std::collections::HashSet;
use std::ops::Range;

use crate::language::terms;

/// The most sentences in an answer.
const MOST_SENTENCES: usize = 5;
/// The most words in an answer.
const MOST_WORDS: usize = 110;
/// A sentence that scores less than this share of the best one adds more noise than news.
const SHARE_OF_BEST: f32 = 0.72;
/// A sentence that shares more than this of its terms with one already taken says it again.
const TOO_SIMILAR: f32 = 0.7;

/// Weights of the evidence; they sum to one with the context's standing.
const COSINE_WEIGHT: f32 = 0.55;
const WORDS_WEIGHT: f32 = 0.25;
const CONTEXT_WEIGHT: f32 = 0.2;
/// What a word of the question counts when it stands only in a heading.
const HEADING_SHARE: f32 = 0.5;
/// For a figure in a sentence when the question asks for one.
const FIGURE_BONUS: f32 = 0.08;

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
}

/// A run of neighbouring sentences of one passage, to be quoted as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// Which passage.
    pub passage: usize,
    /// Bytes of its text.
    pub range: Range<usize>,
}

struct Candidate {
    passage: usize,
    sentence: usize,
    score: f32,
    terms: HashSet<String>,
    words: usize,
}

/// Chooses quotes that answer `question`, in reading order: passage by passage as they were given,
/// and from front to back within each. Empty only when no passage has a sentence.
pub fn choose(question: &str, passages: &[Passage]) -> Vec<Quote> {
    let mut candidates = weigh(question, passages);
    candidates.sort_by(|a, b| {
        b.score
            .total_cmp(&a.score)
            .then((a.passage, a.sentence).cmp(&(b.passage, b.sentence)))
    });
    let Some(best) = candidates.first().map(|candidate| candidate.score) else {
        return Vec::new();
    };

    let mut taken: Vec<&Candidate> = Vec::new();
    let mut words = 0;
    for candidate in &candidates {
        if taken.len() == MOST_SENTENCES || candidate.score < best * SHARE_OF_BEST {
            break;
        }
        let repeats = taken
            .iter()
            .any(|other| overlap(&candidate.terms, &other.terms) > TOO_SIMILAR);
        let fits = taken.is_empty() || words + candidate.words <= MOST_WORDS;
        if !repeats && fits {
            words += candidate.words;
            taken.push(candidate);
        }
    }
    taken.sort_by_key(|candidate| (candidate.passage, candidate.sentence));
    join_neighbours(&taken, passages)
}

fn weigh(question: &str, passages: &[Passage]) -> Vec<Candidate> {
    let wanted: HashSet<String> = terms(question).collect();
    let wants_figure = asks_for_a_figure(question);
    let mut candidates = Vec::new();
    for (passage_position, passage) in passages.iter().enumerate() {
        let above: HashSet<String> = terms(&passage.headings).collect();
        for (position, sentence) in passage.sentences.iter().enumerate() {
            let text = &passage.text[sentence.range.clone()];
            let own: HashSet<String> = terms(text).collect();
            let shared = words_shared(&wanted, &own, &above);
            let figure = if wants_figure && text.contains(|c: char| c.is_ascii_digit()) {
                FIGURE_BONUS
            } else {
                0.0
            };
            // Without sentence vectors the words have to carry the cosine's weight too.
            let nearness = sentence.cosine.unwrap_or(shared).max(0.0);
            candidates.push(Candidate {
                passage: passage_position,
                sentence: position,
                score: COSINE_WEIGHT * nearness
                    + WORDS_WEIGHT * shared
                    + CONTEXT_WEIGHT * passage.standing
                    + figure,
                terms: own,
                words: text.split_whitespace().count(),
            });
        }
    }
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

/// Whether the question wants a number: how much, how many, what temperature, which rate.
fn asks_for_a_figure(question: &str) -> bool {
    const OPENINGS: [&str; 14] = [
        "how much",
        "how many",
        "how long",
        "how often",
        "how thick",
        "how hot",
        "how warm",
        "how far",
        "how big",
        "what temperature",
        "what percentage",
        "what rate",
        "cost",
        "price",
    ];
    let question = question.to_lowercase();
    OPENINGS.iter().any(|opening| question.contains(opening))
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

/// Joins sentences that follow each other within one paragraph.
fn join_neighbours(taken: &[&Candidate], passages: &[Passage]) -> Vec<Quote> {
    let mut quotes: Vec<Quote> = Vec::new();
    for candidate in taken {
        let passage = &passages[candidate.passage];
        let range = passage.sentences[candidate.sentence].range.clone();
        let continues = |quote: &Quote| {
            let gap = passage.text.get(quote.range.end..range.start);
            quote.passage == candidate.passage
                && gap.is_some_and(|gap| !gap.contains('\n') && gap.trim().is_empty())
        };
        match quotes.last_mut() {
            Some(quote) if continues(quote) => quote.range.end = range.end,
            _ => quotes.push(Quote {
                passage: candidate.passage,
                range,
            }),
        }
    }
    quotes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::sentences;

    fn passage(text: &str, cosines: &[f32]) -> Passage {
        let sentences = sentences(text, 0..text.len())
            .into_iter()
            .zip(cosines)
            .map(|(range, cosine)| Sentence {
                range,
                cosine: Some(*cosine),
            })
            .collect();
        Passage {
            text: text.to_owned(),
            headings: String::new(),
            sentences,
            standing: 0.5,
        }
    }

    fn texts<'a>(passages: &'a [Passage], quotes: &[Quote]) -> Vec<&'a str> {
        quotes
            .iter()
            .map(|quote| &passages[quote.passage].text[quote.range.clone()])
            .collect()
    }

    #[test]
    fn the_sentence_with_the_figure_answers_how_much() {
        let passages = [passage(
            "Loft insulation is a popular measure everywhere. Lay 270 mm of mineral wool in the loft. Wear a mask there.",
            &[0.60, 0.58, 0.1],
        )];
        let quotes = choose("How much insulation should I lay in the loft?", &passages);
        assert!(
            texts(&passages, &quotes)
                .iter()
                .any(|text| text.contains("270 mm"))
        );
        assert!(
            !texts(&passages, &quotes)
                .iter()
                .any(|text| text.contains("mask"))
        );
    }

    #[test]
    fn the_same_sentence_is_not_said_twice() {
        let text = "Bleed your radiators every autumn before heating.";
        let passages = [passage(text, &[0.7]), passage(text, &[0.7])];
        assert_eq!(choose("When should I bleed radiators?", &passages).len(), 1);
    }

    #[test]
    fn neighbours_are_quoted_as_one_and_in_reading_order() {
        let passages = [passage(
            "Close the curtains at dusk every day. Heavy lining keeps more warmth inside the room.",
            &[0.60, 0.65],
        )];
        let quotes = choose("Do curtains keep warmth?", &passages);
        assert_eq!(texts(&passages, &quotes), [passages[0].text.as_str()]);
    }

    #[test]
    fn without_sentences_there_is_no_answer() {
        assert!(choose("Why?", &[]).is_empty());
    }
}
