//! Composes an answer and proves its citations, or says why there is none.

use super::cite::compose;
use super::refusals::{not_covered, refusal};
use super::sources::{Source, excerpt, foreign_blocks, sections};
use crate::assistant::request::{Outcome, Reason};
use crate::assistant::search::Reads;
use crate::generate::evidence;
use crate::generate::extractive::{self, Asked, Found, Passage, Section, Vocabulary, Words};
use crate::language::terms;
use crate::model::Answer;
use crate::reader::{READ, Reading, calibration};
use crate::retrieve::{contextual_query, with_earlier};
use crate::runtime::stages;
use crate::snapshot::Generation;

/// The answer to the last of `messages` out of what is known, its markers behind `cited` others.
pub(super) async fn answer(
    reader: Option<&Reads>,
    messages: &[&str],
    known: &Known<'_>,
    cited: usize,
) -> Said {
    let Known {
        generation,
        sources,
        passages,
        scores,
    } = *known;
    // Without a question the contexts themselves are summarised: nothing can miss the point.
    let asked = contextual_query(messages).filter(|asked| !asked.trim().is_empty());
    let readings = match (reader, &asked) {
        (Some(reader), Some(asked)) => readings(reader, asked, known).await,
        _ => None,
    };
    let blocks = foreign_blocks(sources);
    let mut sections = sections(generation, sources, &blocks, passages);
    for (section, reading) in sections.iter_mut().zip(readings.iter().flatten()) {
        section.reading = Some(reading.clone());
    }
    let found = stages::timed_now("generate", || found(messages, generation, &sections));
    let retrieved = scores.first().copied().unwrap_or(0.0).clamp(0.0, 1.0);
    let (statements, words) = match found {
        Found::Missing(text) => return Said::refusal(text, Reason::IdentifierMissing, 0.0),
        Found::Nothing => {
            let text = not_covered(generation, sources).text;
            return Said::refusal(text, Reason::NotCovered, 0.0);
        }
        Found::Answer { statements, words } => (statements, words),
    };
    let judged = match asked {
        Some(asked) => judge(&asked, words, generation, passages, readings.as_deref()),
        None => Judged {
            is_answered: true,
            chance: None,
        },
    };
    let confidence = judged.chance.unwrap_or(retrieved);
    if !judged.is_answered {
        let text = not_covered(generation, sources).text;
        return Said::refusal(text, Reason::NotCovered, confidence);
    }
    let answer = stages::timed_now("verify", || {
        compose(generation, sources, &sections, &statements, cited)
    });
    Said {
        outcome: Outcome {
            reason: if answer.answered {
                Reason::Answered
            } else {
                Reason::NotCovered
            },
            confidence,
        },
        answer,
    }
}
/// Readings of the first contexts, up to one that answers for certain; `None` where the reader failed.
async fn readings(reader: &Reads, question: &str, known: &Known<'_>) -> Option<Vec<Reading>> {
    let first = known.sources.iter().zip(known.passages).take(READ);
    let excerpts = first.map(|(source, passage)| excerpt(known.generation, source, passage));
    reader
        .read_until_certain(question, excerpts.collect())
        .await
}

/// What the sections say to the last of `messages`.
fn found(messages: &[&str], generation: &Generation, sections: &[Section<'_>]) -> Found {
    let (question, earlier, continues) = with_earlier(messages).unwrap_or_default();
    let rarity = |term: &str| generation.terms().rarity(term);
    let knows = |word: &str| terms(word).all(|term| generation.terms().knows(&term));
    let vocabulary = Vocabulary {
        rarity: &rarity,
        knows: &knows,
    };
    let asked = Asked {
        question,
        earlier,
        continues,
    };
    extractive::answer(&asked, sections, &vocabulary)
}

/// Whether the contexts answer: as the reader says, with what the words of the answer add to it, or
/// where there is no reader, as retrieval and these words say.
fn judge(
    question: &str,
    words: Words,
    generation: &Generation,
    passages: &[Passage],
    readings: Option<&[Reading]>,
) -> Judged {
    let added = match words.of_row {
        Some(share) => calibration::ROW_HOLDS * (share - calibration::ROW_SHARE),
        None if words.is_sure => calibration::HELD,
        None => 0.0,
    };
    let odds = readings.and_then(calibration::pooled);
    let chance = odds.map(|odds| calibration::chance(odds + added));
    tracing::debug!(odds, added, "whether the sources answer");
    let is_answered = match chance {
        Some(chance) => chance >= calibration::ANSWERED,
        None => {
            words.is_sure
                || evidence::is_answered(passages, generation.terms().known_share(question))
        }
    };
    Judged {
        is_answered,
        chance,
    }
}

/// What an answer is looked for in.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) generation: &'a Generation,
    pub(super) sources: &'a [Source],
    pub(super) passages: &'a [Passage],
    /// Of the sources, in their order.
    pub(super) scores: &'a [f32],
}

/// Whether the contexts answer.
struct Judged {
    is_answered: bool,
    /// The reader's chance of that.
    chance: Option<f32>,
}

/// An answer and what became of the question.
pub(super) struct Said {
    pub(super) answer: Answer,
    pub(super) outcome: Outcome,
}

impl Said {
    pub(super) fn refusal(text: String, reason: Reason, confidence: f32) -> Self {
        Self {
            answer: refusal(text),
            outcome: Outcome { reason, confidence },
        }
    }
}
