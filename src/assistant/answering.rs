//! Composes an answer and proves its citations, or says why there is none.

use super::cite::compose;
use super::refusals::{not_covered, refusal};
use super::sources::{Source, foreign_blocks, sections};
use super::{Assistant, Outcome, Reason};
use crate::generate::evidence;
use crate::generate::extractive::{self, Asked, Considered, Found, Passage, Section, Vocabulary};
use crate::language::terms;
use crate::model::Answer;
use crate::reader::calibration;
use crate::retrieve::{contextual_query, with_earlier};
use crate::runtime::stages;
use crate::snapshot::Generation;

impl Assistant {
    /// The answer to the last of `messages` out of what is known, its markers behind `cited` others.
    pub(super) async fn answer(&self, messages: &[&str], known: &Known<'_>, cited: usize) -> Said {
        let Known {
            generation,
            sources,
            passages,
            scores,
        } = *known;
        let blocks = foreign_blocks(sources);
        let sections = sections(generation, sources, &blocks, passages);
        // Without a question the contexts themselves are summarised: nothing can miss the point.
        let asked = contextual_query(messages).filter(|asked| !asked.trim().is_empty());
        let found = self
            .found(messages, asked.as_deref(), generation, &sections)
            .await;
        let retrieved = scores.first().copied().unwrap_or(0.0).clamp(0.0, 1.0);
        let (statements, is_sure) = match found {
            Found::Missing(text) => return Said::refusal(text, Reason::IdentifierMissing, 0.0),
            Found::Nothing => {
                let text = not_covered(generation, sources).text;
                return Said::refusal(text, Reason::NotCovered, 0.0);
            }
            Found::Answer {
                statements,
                is_sure,
            } => (statements, is_sure),
        };
        let judged = match asked {
            Some(asked) => {
                self.judge(&asked, is_sure, generation, sources, passages)
                    .await
            }
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

    /// What the sections say to the last of `messages`, which is `asked` with what it continues.
    async fn found(
        &self,
        messages: &[&str],
        asked: Option<&str>,
        generation: &Generation,
        sections: &[Section<'_>],
    ) -> Found {
        let (question, earlier, continues) = with_earlier(messages).unwrap_or_default();
        let considered = stages::timed_now("generate", || {
            let rarity = |term: &str| generation.lexical.rarity(term);
            let knows = |word: &str| terms(word).all(|term| generation.lexical.knows(&term));
            let vocabulary = Vocabulary {
                rarity: &rarity,
                knows: &knows,
            };
            let asked = Asked {
                question,
                earlier,
                continues,
            };
            extractive::consider(&asked, sections, &vocabulary)
        });
        let mut choice = match considered {
            Considered::Settled(found) => return found,
            Considered::Open(choice) => choice,
        };
        let answers = match asked {
            Some(asked) => self.read_offers(asked, choice.offers(sections)).await,
            None => None,
        };
        stages::timed_now("generate", || {
            choice.decide(&answers.unwrap_or_default(), sections)
        })
    }

    /// Whether the contexts answer, as the reader says, or what retrieval found where there is none.
    /// `is_held`: what is quoted has the name that was asked for, or every word of the question.
    async fn judge(
        &self,
        question: &str,
        is_held: bool,
        generation: &Generation,
        sources: &[Source],
        passages: &[Passage],
    ) -> Judged {
        let chance = self
            .chance(question, is_held, generation, sources, passages)
            .await;
        let is_answered = match chance {
            Some(chance) => chance >= calibration::ANSWERED,
            None => {
                is_held || evidence::is_answered(passages, generation.lexical.known_share(question))
            }
        };
        Judged {
            is_answered,
            chance,
        }
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
