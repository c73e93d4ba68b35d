//! Where the sources speak of a claim, and whether its words and figures stand there.
//!
//! The sentence that is nearest to a claim is cited, and others that hold words or figures that it
//! lacks. Whether they support the claim is for the reader to say; without one nearly all words have
//! to stand there.

use std::collections::HashSet;
use std::ops::Range;

use super::extractive::{Passage, Purpose};
use super::quantities::{Quantity, quantities};
use crate::language::terms;

/// The most sentences of the sources that one claim is checked against.
const MOST_SPANS: usize = 3;
/// Without a reader: the share of a claim's words that must stand in its spans.
const WORDS_NEEDED: f32 = 0.8;
/// With vectors: a sentence below this cosine is about something else.
const TOO_FAR: f32 = 0.3;
/// A further sentence is cited for so much of the claim's words that the others lack.
const NEWS: f32 = 0.15;
/// A further sentence must share so much with the claim.
const SHARED: f32 = 0.15;
/// For the source that the model itself named: it decides between equals.
const NAMED_BONUS: f32 = 0.05;

/// Moves with every change of what counts as supported: an answer that was checked by other rules is
/// not given again.
pub const RULES: u8 = 4;

/// Sentences of the sources, ready to be compared.
pub struct Sources {
    sentences: Vec<Sentence>,
    headings: Vec<HashSet<String>>,
}

struct Sentence {
    passage: usize,
    position: usize,
    range: Range<usize>,
    terms: HashSet<String>,
    quantities: Vec<Quantity>,
}

/// What was found for a claim.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Whether nearly all its words stand in the spans.
    pub supported: bool,
    /// Whether the sources say anything near it.
    pub is_near: bool,
    /// Whether each number in it stands in one of the spans.
    pub numbers_verified: bool,
    /// Passage and bytes of its text, the best one first. Empty if nothing is near.
    pub spans: Vec<(usize, Range<usize>)>,
}

/// For each passage the cosine of each of its sentences with the claim; an empty list where there
/// are none.
pub type Cosines = [Vec<f32>];

/// A claim, ready to be compared.
struct Wanted {
    /// Stems of its content words.
    words: HashSet<String>,
    figures: Vec<Quantity>,
}

impl Sources {
    /// Prepares passages.
    pub fn new(passages: &[Passage]) -> Self {
        let mut sentences = Vec::new();
        for (passage_position, passage) in passages.iter().enumerate() {
            for (position, sentence) in passage.sentences.iter().enumerate() {
                if sentence.purpose == Purpose::Command {
                    continue;
                }
                let text = &passage.text[sentence.range.clone()];
                sentences.push(Sentence {
                    passage: passage_position,
                    position,
                    range: sentence.range.clone(),
                    terms: terms(text).collect(),
                    quantities: quantities(text),
                });
            }
        }
        let headings = passages
            .iter()
            .map(|passage| terms(&passage.headings).collect())
            .collect();
        Self {
            sentences,
            headings,
        }
    }

    /// Judges one sentence of an answer. `named` are the sources that the model gave for it, from 1.
    pub fn judge(&self, claim: &str, named: &[usize], cosines: &Cosines) -> Verdict {
        let wanted = Wanted {
            words: terms(claim).collect(),
            figures: quantities(claim),
        };
        let cosine = |sentence: &Sentence| {
            let of_passage = cosines.get(sentence.passage)?;
            of_passage.get(sentence.position).copied()
        };
        let score = |sentence: &Sentence| {
            let words = self.words(&wanted, &[sentence]);
            let bonus = if named.contains(&(sentence.passage + 1)) {
                NAMED_BONUS
            } else {
                0.0
            };
            bonus + cosine(sentence).map_or(words, |cosine| 0.5 * (words + cosine.max(0.0)))
        };
        let best = self
            .sentences
            .iter()
            .filter(|sentence| !sentence.terms.is_disjoint(&wanted.words))
            .map(|sentence| (score(sentence), sentence))
            // Of equals the first, which is from the better context.
            .reduce(|best, next| if next.0 > best.0 { next } else { best });
        let Some((_, best)) = best else {
            return Verdict {
                supported: false,
                is_near: false,
                numbers_verified: wanted.figures.is_empty(),
                spans: Vec::new(),
            };
        };
        let spans = self.complete(best, &wanted);
        let is_near = cosine(best).is_none_or(|cosine| cosine >= TOO_FAR);
        Verdict {
            supported: is_near && self.words(&wanted, &spans) >= WORDS_NEEDED,
            is_near,
            numbers_verified: wanted
                .figures
                .iter()
                .all(|figure| stands_in(figure, &spans)),
            spans: spans
                .iter()
                .map(|sentence| (sentence.passage, sentence.range.clone()))
                .collect(),
        }
    }

    /// Adds sentences to the best one for words and figures that it lacks.
    fn complete<'a>(&'a self, best: &'a Sentence, wanted: &Wanted) -> Vec<&'a Sentence> {
        let mut spans = vec![best];
        while spans.len() < MOST_SPANS {
            let before = self.words(wanted, &spans);
            let lacking: Vec<&Quantity> = wanted
                .figures
                .iter()
                .filter(|figure| !stands_in(figure, &spans))
                .collect();
            let gain = |sentence: &Sentence| {
                // Only what is about the same adds anything.
                if self.words(wanted, &[sentence]) < SHARED {
                    return 0.0;
                }
                let mut with = spans.clone();
                with.push(sentence);
                let figures = lacking
                    .iter()
                    .filter(|figure| figure.is_in(&sentence.quantities))
                    .count();
                self.words(wanted, &with) - before + figures as f32
            };
            let next = self
                .sentences
                .iter()
                .filter(|sentence| !spans.iter().any(|span| std::ptr::eq(*span, *sentence)))
                .map(|sentence| (gain(sentence), sentence))
                .reduce(|best, next| if next.0 > best.0 { next } else { best });
            match next {
                Some((gain, sentence)) if gain >= NEWS => spans.push(sentence),
                Some(_) | None => break,
            }
        }
        spans
    }

    /// The share of a claim's words that sentences, or the headings above them, hold.
    fn words(&self, wanted: &Wanted, spans: &[&Sentence]) -> f32 {
        let is_held = |word: &&String| {
            spans.iter().any(|span| {
                span.terms.contains(*word) || self.headings[span.passage].contains(*word)
            })
        };
        let held = wanted.words.iter().filter(is_held).count();
        held as f32 / wanted.words.len().max(1) as f32
    }
}

fn stands_in(figure: &Quantity, spans: &[&Sentence]) -> bool {
    spans.iter().any(|span| figure.is_in(&span.quantities))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::extractive;
    use crate::language::sentences;

    fn sources(texts: &[&str]) -> Sources {
        let passages: Vec<Passage> = texts
            .iter()
            .map(|text| Passage {
                text: (*text).to_owned(),
                headings: String::new(),
                sentences: sentences(text, 0..text.len())
                    .into_iter()
                    .map(|range| extractive::Sentence {
                        range,
                        cosine: None,
                        purpose: Purpose::Statement,
                    })
                    .collect(),
                standing: 0.5,
            })
            .collect();
        Sources::new(&passages)
    }

    const LOFT: &str = "Lay 270 mm of mineral wool across the joists of the loft. A mask and gloves are needed. \
        Professional installers charge about £1,200 for a semi-detached house.";
    const TANK: &str =
        "It is not safe to cover recessed lights. Insulate the water tank but not beneath it.";

    fn judge(claim: &str) -> Verdict {
        sources(&[LOFT, TANK]).judge(claim, &[], &[])
    }

    #[test]
    fn what_the_sources_say_is_supported_and_quoted() {
        let verdict = judge("You should lay 270 mm of mineral wool in the loft.");
        assert!(verdict.supported && verdict.numbers_verified);
        assert_eq!(verdict.spans[0].0, 0);
        assert_eq!(
            &LOFT[verdict.spans[0].1.clone()],
            "Lay 270 mm of mineral wool across the joists of the loft."
        );
    }

    #[test]
    fn what_they_do_not_say_is_not() {
        for claim in [
            "The government pays for all of this.",
            "Paris is the capital of France.",
            "Yes.",
        ] {
            assert!(!judge(claim).supported, "{claim}: {:?}", judge(claim));
        }
    }

    #[test]
    fn a_number_that_is_not_in_the_spans_is_noticed() {
        let verdict = judge("Lay 300 mm of mineral wool across the joists of the loft.");
        assert!(!verdict.numbers_verified, "{verdict:?}");
        let verdict = judge("Installers charge about £1,200 for a semi-detached house.");
        assert!(verdict.numbers_verified && verdict.supported, "{verdict:?}");
    }

    #[test]
    fn a_claim_may_rest_on_two_sentences() {
        let verdict = judge(
            "Lay 270 mm of mineral wool, which installers do for about £1,200 in a semi-detached house.",
        );
        assert!(verdict.supported && verdict.numbers_verified, "{verdict:?}");
        assert_eq!(verdict.spans.len(), 2);
    }

    #[test]
    fn what_is_about_something_else_is_not_near() {
        let claim = "Lay 270 mm of mineral wool across the joists of the loft.";
        let judge = |cosine: f32| sources(&[LOFT]).judge(claim, &[], &[vec![cosine, 0.1, 0.2]]);
        assert!(judge(0.6).is_near && judge(0.6).supported);
        assert!(!judge(0.2).is_near && !judge(0.2).supported);
    }

    #[test]
    fn of_equals_the_source_that_the_model_named_is_cited() {
        let sources = sources(&["Bleed the radiators.", "Bleed the radiators."]);
        assert_eq!(
            sources.judge("Bleed the radiators.", &[], &[]).spans[0].0,
            0
        );
        assert_eq!(
            sources.judge("Bleed the radiators.", &[2], &[]).spans[0].0,
            1
        );
    }
}
