//! Everything that an answer is made from.

use std::sync::Arc;

use super::sources::Source;
use crate::assistant::answer_cache::{CacheStatus, Cached};
use crate::assistant::request::{Degraded, Outcome, Reason, Summary};
use crate::generate::extractive::Passage;
use crate::generate::injection::without_injections;
use crate::generate::prompt::{Asked, Excerpt};
use crate::model::{Answer, Context, OwnedSession};
use crate::retrieve::contextual_query;
use crate::snapshot::Generation;

/// What a generator without a model is called.
pub(super) const EXTRACTIVE: &str = "extractive";
/// What is said to have written a reply that was there before the question.
const CURATED: &str = "curated";

/// What a model is asked where the caller sent contexts and no question.
const NO_QUESTION: &str = "What do the sources say?";

/// A question with its contexts and the answer in their own words.
pub struct Prepared {
    pub(super) generation: Arc<Generation>,
    /// The conversation, oldest first; the last entry is the question.
    pub(super) history: Vec<String>,
    pub(super) sources: Vec<Source>,
    pub(super) scores: Vec<f32>,
    pub(super) passages: Vec<Passage>,
    pub(in crate::assistant) extractive: Answer,
    /// What became of the question.
    pub(in crate::assistant) outcome: Outcome,
    pub(super) cached: Cached,
    /// The last message as it was read, where words of it were mistyped.
    pub(super) corrected: Option<String>,
    /// The conversation that the question stands in, if the request names one.
    pub(in crate::assistant) session: Option<OwnedSession>,
}

impl Prepared {
    /// The generation that the contexts are from.
    pub fn generation(&self) -> String {
        self.generation.id().to_string()
    }

    /// Whether the answer comes from the cache.
    pub fn cache_status(&self) -> CacheStatus {
        match self.cached {
            Cached::Hit(_) => CacheStatus::Hit,
            Cached::Miss(_) => CacheStatus::Miss,
            Cached::Bypass => CacheStatus::Bypass,
        }
    }

    /// The contexts that stand in the snapshot.
    pub fn contexts(&self) -> Vec<Context> {
        self.sources
            .iter()
            .zip(&self.scores)
            .filter_map(|(source, score)| match source {
                Source::Stored { row } => {
                    Some(self.generation.context(*row, score.clamp(0.0, 1.0)))
                }
                Source::Foreign { .. } => None,
            })
            .collect()
    }

    /// The extractive answer.
    pub(super) fn extractive(&self, degraded: Option<Degraded>) -> Summary {
        let generator = if self.outcome.reason == Reason::Curated {
            CURATED
        } else {
            EXTRACTIVE
        };
        Summary {
            answer: self.extractive.clone(),
            outcome: self.outcome,
            corrected: self.corrected.clone(),
            generation: self.generation(),
            generator: generator.to_owned(),
            degraded,
        }
    }

    /// The question in the light of its conversation, as it was read; `None` if nothing is asked.
    pub(in crate::assistant) fn read_alone(&self) -> Option<String> {
        let mut messages: Vec<&str> = self.history.iter().map(String::as_str).collect();
        if let (Some(last), Some(corrected)) = (messages.last_mut(), &self.corrected) {
            *last = corrected;
        }
        contextual_query(&messages).filter(|question| !question.trim().is_empty())
    }

    /// Titles and texts for a prompt, in order.
    pub(super) fn excerpts(&self) -> Vec<Excerpt<'_>> {
        self.sources
            .iter()
            .zip(&self.passages)
            .map(|(source, passage)| Excerpt {
                title: match source {
                    Source::Stored { row } => {
                        let chunk = self.generation.chunk(*row);
                        &self.generation.records.document_of(chunk).title
                    }
                    Source::Foreign { .. } => "",
                },
                text: without_injections(&passage.text),
            })
            .collect()
    }

    /// The last question, and those before it, for a prompt.
    pub(super) fn asked<'a>(&'a self, earlier: &'a mut Vec<&'a str>) -> Asked<'a> {
        let (question, before) = match self.history.split_last() {
            Some((last, before)) if !last.trim().is_empty() => (last.as_str(), before),
            Some(_) | None => (NO_QUESTION, &[][..]),
        };
        earlier.extend(before.iter().map(String::as_str));
        Asked { question, earlier }
    }
}
