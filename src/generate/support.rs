//! What the sources say to a claim.
//!
//! A claim's words are looked for in every sentence of the sources, together with the nearness of
//! the vectors where there are any; the best sentence is cited, and others that hold what it lacks.

use std::collections::HashSet;
use std::ops::Range;

use super::extractive::Passage;
use super::quantities::{Quantity, quantities};
use crate::language::terms;

/// The most sentences of the sources that one claim is checked against.
const MOST_SPANS: usize = 3;
/// Share of a claim's words that must stand in its spans.
const WORDS_NEEDED: f32 = 0.6;
/// With vectors: fewer words will do where the nearness is this high.
const WORDS_NEEDED_WHEN_NEAR: f32 = 0.35;
const NEAR: f32 = 0.75;
/// With vectors: whatever the words, below this it is about something else.
const TOO_FAR: f32 = 0.3;
/// A further sentence is cited for so much of the claim's words that the others lack.
const NEWS: f32 = 0.15;
/// For the source that the model itself named.
const NAMED_BONUS: f32 = 0.05;
/// What a word counts that stands only in the headings above.
const HEADING_SHARE: f32 = 0.5;

/// Words that turn a sentence round.
const NEGATIONS: [&str; 9] = [
    "not", "no", "never", "cannot", "without", "nor", "neither", "none", "nothing",
];

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
    is_negated: bool,
}

/// What was found for a claim.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Whether the sources say it.
    pub supported: bool,
    /// Whether each number in it stands in one of the spans.
    pub numbers_verified: bool,
    /// Passage and bytes of its text, the best one first. Empty if nothing is near.
    pub spans: Vec<(usize, Range<usize>)>,
}

impl Sources {
    /// Prepares passages.
    pub fn new(passages: &[Passage]) -> Self {
        let mut sentences = Vec::new();
        for (passage_position, passage) in passages.iter().enumerate() {
            for (position, sentence) in passage.sentences.iter().enumerate() {
                let text = &passage.text[sentence.range.clone()];
                sentences.push(Sentence {
                    passage: passage_position,
                    position,
                    range: sentence.range.clone(),
                    terms: terms(text).collect(),
                    quantities: quantities(text),
                    is_negated: is_negated(text),
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

    /// Judges one sentence of an answer. `named` are the sources that the model gave for it, from 1;
    /// `cosines` has, for each passage, the nearness of its sentences to the claim, or nothing.
    pub fn judge(&self, claim: &str, named: &[usize], cosines: &[Vec<f32>]) -> Verdict {
        let wanted: HashSet<String> = terms(claim).collect();
        let figures = quantities(claim);
        let nothing = Verdict {
            supported: false,
            numbers_verified: figures.is_empty(),
            spans: Vec::new(),
        };
        let score = |sentence: &Sentence| {
            let words = self.words(&wanted, &[sentence]);
            let bonus = if named.contains(&(sentence.passage + 1)) {
                NAMED_BONUS
            } else {
                0.0
            };
            let cosine = cosine(cosines, sentence);
            bonus + cosine.map_or(words, |cosine| 0.5 * (words + cosine.max(0.0)))
        };
        let best = self
            .sentences
            .iter()
            .map(|sentence| (score(sentence), sentence))
            .filter(|(_, sentence)| !wanted.is_disjoint(&sentence.terms))
            // Of equals the first, which is from the better context.
            .reduce(|best, next| if next.0 > best.0 { next } else { best });
        let Some((_, best)) = best else {
            return nothing;
        };
        let spans = self.complete(best, &wanted, &figures);
        let words = self.words(&wanted, &spans);
        let enough = match cosine(cosines, best) {
            Some(cosine) if cosine < TOO_FAR => false,
            Some(cosine) if cosine >= NEAR => words >= WORDS_NEEDED_WHEN_NEAR,
            Some(_) | None => words >= WORDS_NEEDED,
        };
        Verdict {
            supported: enough && best.is_negated == is_negated(claim),
            numbers_verified: figures.iter().all(|figure| stands_in(figure, &spans)),
            spans: spans
                .iter()
                .map(|sentence| (sentence.passage, sentence.range.clone()))
                .collect(),
        }
    }

    /// Adds sentences to the best one for words and figures that it lacks.
    fn complete<'a>(
        &'a self,
        best: &'a Sentence,
        wanted: &HashSet<String>,
        figures: &[Quantity],
    ) -> Vec<&'a Sentence> {
        let mut spans = vec![best];
        while spans.len() < MOST_SPANS {
            let before = self.words(wanted, &spans);
            let lacking: Vec<&Quantity> = figures
                .iter()
                .filter(|figure| !stands_in(figure, &spans))
                .collect();
            let gain = |sentence: &Sentence| {
                let mut with = spans.clone();
                with.push(sentence);
                let found = lacking
                    .iter()
                    .filter(|figure| figure.is_in(&sentence.quantities))
                    .count();
                // A figure counts only from a sentence that is about the same.
                let shared = self.words(wanted, &[sentence]);
                let figures = if shared >= NEWS { found as f32 } else { 0.0 };
                self.words(wanted, &with) - before + figures
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

    /// The share of a claim's words that sentences hold, headings counting for less.
    fn words(&self, wanted: &HashSet<String>, spans: &[&Sentence]) -> f32 {
        if wanted.is_empty() {
            return 0.0;
        }
        let weight = |term: &String| {
            if spans.iter().any(|span| span.terms.contains(term)) {
                1.0
            } else if spans
                .iter()
                .any(|span| self.headings[span.passage].contains(term))
            {
                HEADING_SHARE
            } else {
                0.0
            }
        };
        wanted.iter().map(weight).sum::<f32>() / wanted.len() as f32
    }
}

fn stands_in(figure: &Quantity, spans: &[&Sentence]) -> bool {
    spans.iter().any(|span| figure.is_in(&span.quantities))
}

fn cosine(cosines: &[Vec<f32>], sentence: &Sentence) -> Option<f32> {
    cosines
        .get(sentence.passage)?
        .get(sentence.position)
        .copied()
}

fn is_negated(text: &str) -> bool {
    text.to_lowercase()
        .replace('\u{2019}', "'")
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .any(|word| NEGATIONS.contains(&word) || word.ends_with("n't"))
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
                        form: extractive::Form::Prose,
                        is_reference: false,
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
            "It is safe to cover recessed lights.",
            "Yes.",
        ] {
            assert!(!judge(claim).supported, "{claim}: {:?}", judge(claim));
        }
        assert!(judge("It is not safe to cover recessed lights.").supported);
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
    fn vectors_decide_where_words_differ() {
        let claim = "Wool of 270 mm belongs between ceiling beams.";
        let words_only = sources(&[LOFT]).judge(claim, &[], &[]);
        assert!(!words_only.supported);
        let near = sources(&[LOFT]).judge(claim, &[], &[vec![0.8, 0.1, 0.2]]);
        assert!(near.supported, "{near:?}");
        let far =
            sources(&[LOFT]).judge("Lay mineral wool in the loft.", &[], &[vec![0.1, 0.1, 0.1]]);
        assert!(!far.supported, "{far:?}");
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
