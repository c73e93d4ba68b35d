//! What the sources say to a claim.
//!
//! A claim's words are looked for in every sentence of the sources, together with the nearness of
//! the vectors where there are any; the best sentence is cited, and others that hold what it lacks.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

use super::extractive::{Passage, Purpose};
use super::quantities::{Quantity, quantities};
use crate::language::terms;

/// The most sentences of the sources that one claim is checked against.
const MOST_SPANS: usize = 3;
/// Share of a claim's words, by weight, that must stand in its spans. Chosen on the `dev` half of
/// `data/claims.jsonl`; `docs/answers.md` has what it lets through.
const WORDS_NEEDED: f32 = 0.8;
/// The cosine of two words in their sentences below which they have nothing in common, and the one
/// from which they mean the same. Unequal words of unlike sentences lie around .2, equal ones around .7.
const UNLIKE: f32 = 0.35;
const ALIKE: f32 = 0.6;
/// With vectors: whatever the words, a sentence below this is about something else.
const TOO_FAR: f32 = 0.3;
/// A further sentence is cited for so much of the claim's words that the others lack.
const NEWS: f32 = 0.15;
/// A further sentence must share so much with the claim.
const SHARED: f32 = 0.15;
/// For the source that the model itself named.
const NAMED_BONUS: f32 = 0.05;
/// What a word counts that stands only in the headings above.
const HEADING_SHARE: f32 = 0.8;
/// What a word weighs that any sentence may hold.
const PLAIN_WEIGHT: f32 = 0.3;

/// Words that any sentence may hold, in any of their forms.
const PLAIN: [&str; 36] = [
    "always",
    "ask",
    "choose",
    "cost",
    "give",
    "go",
    "keep",
    "kept",
    "look",
    "make",
    "mean",
    "must",
    "need",
    "often",
    "one",
    "paid",
    "pay",
    "roughly",
    "hold",
    "sense",
    "said",
    "say",
    "show",
    "shown",
    "stay",
    "take",
    "typically",
    "use",
    "usually",
    "nearly",
    "around",
    "approximately",
    "generally",
    "commonly",
    "put",
    "want",
];

/// Their stems.
static PLAIN_STEMS: LazyLock<HashSet<String>> =
    LazyLock::new(|| PLAIN.iter().flat_map(|word| terms(word)).collect());

/// Moves with every change of what counts as supported: an answer that was checked by other rules is
/// not given again.
pub const RULES: u8 = 3;

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
    /// Whether they say anything near it.
    pub is_near: bool,
    /// Whether each number in it stands in one of the spans.
    pub numbers_verified: bool,
    /// Passage and bytes of its text, the best one first. Empty if nothing is near.
    pub spans: Vec<(usize, Range<usize>)>,
}

/// How near the sources are to a claim, where the embedder tells.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Nearness {
    /// For each passage the cosine of each of its sentences with the claim; an empty list where there
    /// are none.
    pub cosines: Vec<Vec<f32>>,
    /// For each passage and each of its sentences, how near its nearest word is to each content word
    /// of the claim, as cosines; an empty list where there are none.
    pub words: Vec<Vec<Vec<f32>>>,
}

impl Nearness {
    fn cosine(&self, sentence: &Sentence) -> Option<f32> {
        let passage = self.cosines.get(sentence.passage)?;
        passage.get(sentence.position).copied()
    }

    fn word(&self, sentence: &Sentence, word: usize) -> Option<f32> {
        let passage = self.words.get(sentence.passage)?;
        passage.get(sentence.position)?.get(word).copied()
    }
}

/// A claim, ready to be compared.
struct Wanted<'a> {
    /// Stems of its content words in order, and what each weighs.
    words: Vec<(String, f32)>,
    figures: Vec<Quantity>,
    is_negated: bool,
    near: &'a Nearness,
}

impl<'a> Wanted<'a> {
    fn of(claim: &str, near: &'a Nearness) -> Self {
        let words = terms(claim).map(|term| {
            let is_plain = PLAIN_STEMS.contains(&term);
            let weight = if is_plain { PLAIN_WEIGHT } else { 1.0 };
            (term, weight)
        });
        Self {
            words: words.collect(),
            figures: quantities(claim),
            is_negated: is_negated(claim),
            near,
        }
    }
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

    /// Judges one sentence of an answer. `named` are the sources that the model gave for it, from 1.
    pub fn judge(&self, claim: &str, named: &[usize], near: &Nearness) -> Verdict {
        let wanted = Wanted::of(claim, near);
        let score = |sentence: &Sentence| {
            let words = self.words(&wanted, &[sentence]);
            let bonus = if named.contains(&(sentence.passage + 1)) {
                NAMED_BONUS
            } else {
                0.0
            };
            let cosine = near.cosine(sentence);
            bonus + cosine.map_or(words, |cosine| 0.5 * (words + cosine.max(0.0)))
        };
        let best = self
            .sentences
            .iter()
            .map(|sentence| (score(sentence), sentence))
            .filter(|(_, sentence)| {
                let mut words = wanted.words.iter();
                words.any(|(word, _)| sentence.terms.contains(word))
            })
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
        let words = self.words(&wanted, &spans);
        let is_near = near.cosine(best).is_none_or(|cosine| cosine >= TOO_FAR);
        let enough = is_near && words >= WORDS_NEEDED;
        Verdict {
            supported: enough && best.is_negated == wanted.is_negated,
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
    fn complete<'a>(&'a self, best: &'a Sentence, wanted: &Wanted<'_>) -> Vec<&'a Sentence> {
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

    /// The share of a claim's words, by weight, that sentences hold: as they are, or in words that
    /// mean the same; headings count for less.
    fn words(&self, wanted: &Wanted<'_>, spans: &[&Sentence]) -> f32 {
        let held = |position: usize, word: &String| {
            let in_span = |span: &&Sentence| {
                if span.terms.contains(word) {
                    return 1.0;
                }
                let heading = if self.headings[span.passage].contains(word) {
                    HEADING_SHARE
                } else {
                    0.0
                };
                let meaning = wanted.near.word(span, position);
                meaning.map_or(heading, |cosine| {
                    heading.max(((cosine - UNLIKE) / (ALIKE - UNLIKE)).clamp(0.0, 1.0))
                })
            };
            spans.iter().map(in_span).fold(0.0, f32::max)
        };
        let (mut sum, mut all) = (0.0, 0.0);
        for (position, (word, weight)) in wanted.words.iter().enumerate() {
            sum += weight * held(position, word);
            all += weight;
        }
        if all > 0.0 { sum / all } else { 0.0 }
    }
}

fn stands_in(figure: &Quantity, spans: &[&Sentence]) -> bool {
    spans.iter().any(|span| figure.is_in(&span.quantities))
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
        sources(&[LOFT, TANK]).judge(claim, &[], &Nearness::default())
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
    fn no_plain_word_is_passed_over_anyway() {
        assert_eq!(PLAIN_STEMS.len(), PLAIN.len(), "{PLAIN_STEMS:?}");
    }

    #[test]
    fn vectors_decide_where_words_differ() {
        let claim = "Wool of 270 mm belongs between ceiling beams.";
        let words_only = sources(&[LOFT]).judge(claim, &[], &Nearness::default());
        assert!(!words_only.supported);
        // wool, 270, mm, belongs, between, ceiling, beams
        let alike = vec![0.7, 0.7, 0.7, 0.6, 0.6, 0.65, 0.65];
        let near = |beams: f32, sentence: f32| {
            let mut first = alike.clone();
            first[5..].fill(beams);
            Nearness {
                cosines: vec![vec![sentence, 0.1, 0.2]],
                words: vec![vec![first, vec![0.1; 7], vec![0.1; 7]]],
            }
        };
        let judge = |near: &Nearness| sources(&[LOFT]).judge(claim, &[], near).supported;
        assert!(judge(&near(0.65, 0.6)));
        assert!(!judge(&near(0.2, 0.6)), "beams are something else");
        assert!(
            !judge(&near(0.65, 0.1)),
            "the sentence is about something else"
        );
    }

    #[test]
    fn of_equals_the_source_that_the_model_named_is_cited() {
        let sources = sources(&["Bleed the radiators.", "Bleed the radiators."]);
        assert_eq!(
            sources
                .judge("Bleed the radiators.", &[], &Nearness::default())
                .spans[0]
                .0,
            0
        );
        assert_eq!(
            sources
                .judge("Bleed the radiators.", &[2], &Nearness::default())
                .spans[0]
                .0,
            1
        );
    }
}
