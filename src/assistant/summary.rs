//! Composes an answer and proves its citations.

use std::sync::Arc;

use super::answer_cache::{Cached, Contexts, Scope, Wanted};
use super::bounds;
use super::brackets::without_markup;
use super::cite::compose;
use super::prepared::Prepared;
use super::sources::{Source, find, foreign_blocks, sections};
use super::{Assistant, AssistantError, SummaryRequest};
use crate::generate::evidence;
use crate::generate::extractive::{self, Asked, Found, Passage, Vocabulary};
use crate::language::terms;
use crate::model::{Answer, Filter, OwnedSession, Owner, SessionId, UnitVector};
use crate::reader::calibration;
use crate::retrieve::{InContext, contextual_query, in_context, with_earlier};
use crate::runtime::stages;
use crate::snapshot::Generation;
use crate::store::StoreError;

/// Contexts retrieved when the caller sends none.
const CONTEXTS: usize = 6;
/// The most contexts of the caller's own that are read; what lies beyond is ignored.
const MOST_CONTEXTS: usize = 50;

impl Assistant {
    /// Finds what an answer to the last question is made from, and the answer in its own words: the
    /// one that is given where no model is asked, or none answers.
    pub async fn prepare(&self, request: SummaryRequest) -> Result<Prepared, AssistantError> {
        let history = if let Some(history) = request.history {
            history
        } else {
            let is_needed = request.contexts.is_none();
            self.session_history(request.owner, &request.session, is_needed)
                .await?
        };
        let history = bounds::read(history);
        if let Some(prepared) = self.curated(&history).await? {
            return Ok(prepared);
        }
        let mut read = history.clone();
        let corrected = self.correct(&self.live.current(), &mut read).await;
        let messages: Vec<&str> = read.iter().map(String::as_str).collect();
        let question = contextual_query(&messages).filter(|question| !question.trim().is_empty());
        let asked = in_context(&messages);
        let (generation, sources, scores) = match (request.contexts, &question) {
            (Some(supplied), _) => {
                let generation = self.live.current();
                let supplied = supplied.into_iter().take(MOST_CONTEXTS);
                let mut sources: Vec<Source> =
                    supplied.map(|context| find(&generation, context)).collect();
                bounds::cut(&mut sources);
                (generation, sources, None)
            }
            (None, Some(question)) => {
                let asked = asked.unwrap_or_else(|| InContext::alone(question));
                let ranked = self.search(&asked, CONTEXTS, &Filter::default()).await?;
                let sources = ranked
                    .chunks
                    .iter()
                    .map(|chunk| Source::Stored { row: chunk.row })
                    .collect();
                let scores = ranked.chunks.iter().map(|chunk| chunk.score).collect();
                (ranked.generation, sources, Some(scores))
            }
            (None, None) => (self.live.current(), Vec::new(), None),
        };
        let query = match &question {
            Some(question) => Some(
                self.retriever
                    .embed(question)
                    .await
                    .map_err(|error| AssistantError::Embedder(error.to_string()))?,
            ),
            None => None,
        };
        let (extractive, passages) = self
            .answer(&generation, &messages, query.as_ref(), &sources)
            .await?;
        let contexts = match &scores {
            Some(_) => Contexts::Retrieved(CONTEXTS),
            None => Contexts::Supplied(&sources),
        };
        let wanted = query
            .and_then(|query| self.wanted(request.owner, &generation, &history, &contexts, query));
        let scores = scores.unwrap_or_else(|| passages.iter().map(|p| p.standing).collect());
        let mut prepared = Prepared {
            generation,
            history,
            sources,
            scores,
            passages,
            extractive,
            cached: Cached::Bypass,
            corrected,
            is_curated: false,
        };
        prepared.cached = self.look_up(&prepared, wanted).await;
        Ok(prepared)
    }

    /// The reply to the last message, if one is there before it is searched for.
    async fn curated(&self, history: &[String]) -> Result<Option<Prepared>, AssistantError> {
        let (Some(replies), Some(message)) = (&self.replies, history.last()) else {
            return Ok(None);
        };
        if message.trim().is_empty() {
            return Ok(None);
        }
        let vector = self
            .retriever
            .embed(message)
            .await
            .map_err(|error| AssistantError::Embedder(error.to_string()))?;
        let generation = self.live.current();
        let Some(reply) = replies.find(message, &vector) else {
            return Ok(None);
        };
        let answer = Answer {
            text: reply.say(&generation),
            answered: reply.answers,
            citations: Vec::new(),
            sentences: Vec::new(),
        };
        Ok(Some(Prepared {
            generation,
            history: history.to_vec(),
            sources: Vec::new(),
            scores: Vec::new(),
            passages: Vec::new(),
            extractive: answer,
            cached: Cached::Bypass,
            corrected: None,
            is_curated: true,
        }))
    }

    /// What to look for in the cache; `None` without a model, whose answers alone are kept.
    fn wanted(
        &self,
        owner: Owner,
        generation: &Generation,
        history: &[String],
        contexts: &Contexts<'_>,
        vector: UnitVector,
    ) -> Option<Wanted> {
        let model = self.chat_model.as_ref()?;
        let (question, earlier) = history.split_last()?;
        Some(Wanted {
            scope: Scope::new(owner, generation, model, earlier, contexts),
            question: question.clone(),
            vector,
        })
    }

    /// The messages of a session. One that does not exist has none, unless they are all there is to
    /// answer from.
    async fn session_history(
        &self,
        owner: Owner,
        session: &str,
        is_needed: bool,
    ) -> Result<Vec<String>, AssistantError> {
        let found = match SessionId::parse(session) {
            Some(id) => match self.store.messages(OwnedSession { owner, id }).await {
                Err(StoreError::SessionNotFound(_)) => None,
                found => Some(found?),
            },
            None => None,
        };
        match found {
            Some(messages) => Ok(messages.into_iter().map(|message| message.text).collect()),
            None if is_needed => Err(AssistantError::SessionNotFound),
            None => Ok(Vec::new()),
        }
    }

    async fn answer(
        &self,
        generation: &Arc<Generation>,
        messages: &[&str],
        query: Option<&UnitVector>,
        sources: &[Source],
    ) -> Result<(Answer, Vec<Passage>), AssistantError> {
        let passages = self.passages(generation, sources, query).await?;
        let (question, earlier, continues) = with_earlier(messages).unwrap_or_default();
        let blocks = foreign_blocks(sources);
        let sections = sections(generation, sources, &blocks, &passages);
        let found = stages::timed_now("generate", || {
            let asked = Asked {
                question,
                earlier,
                continues,
            };
            let rarity = |term: &str| generation.lexical.rarity(term);
            let knows = |word: &str| terms(word).all(|term| generation.lexical.knows(&term));
            let vocabulary = Vocabulary {
                rarity: &rarity,
                knows: &knows,
            };
            extractive::answer(&asked, &sections, &vocabulary)
        });
        let answer = match found {
            Found::Missing(text) => refusal(text),
            Found::Nothing => not_covered(generation, sources),
            Found::Answer {
                statements,
                is_sure,
            } => {
                // Without a question the contexts themselves are summarised: nothing can miss the point.
                let asked = contextual_query(messages).filter(|asked| !asked.trim().is_empty());
                let is_answered = match asked {
                    Some(asked) if !is_sure => {
                        self.is_answered(&asked, generation, sources, &passages)
                            .await
                    }
                    Some(_) | None => true,
                };
                if is_answered {
                    stages::timed_now("verify", || {
                        compose(generation, sources, &sections, &statements)
                    })
                } else {
                    not_covered(generation, sources)
                }
            }
        };
        Ok((answer, passages))
    }

    /// Whether the contexts answer, as the reader says, or what retrieval found where there is none.
    async fn is_answered(
        &self,
        question: &str,
        generation: &Generation,
        sources: &[Source],
        passages: &[Passage],
    ) -> bool {
        match self.chance(question, generation, sources, passages).await {
            Some(chance) => chance >= calibration::ANSWERED,
            None => evidence::is_answered(passages, generation.lexical.known_share(question)),
        }
    }
}

/// Says that the sources do not cover the question, and what they do cover nearby.
pub(super) fn not_covered(generation: &Generation, sources: &[Source]) -> Answer {
    let mut topics: Vec<&str> = Vec::new();
    for source in sources {
        if let Source::Stored { row } = source {
            let title = generation
                .records
                .document_of(generation.chunk(*row))
                .title
                .as_str();
            if !topics.contains(&title) && topics.len() < 3 {
                topics.push(title);
            }
        }
    }
    let mut text = "The sources do not cover this question.".to_owned();
    if !topics.is_empty() {
        text.push_str(&format!(
            " The nearest topics in them: {}.",
            without_markup(&topics.join("; "))
        ));
    }
    refusal(text)
}

/// A reply that answers nothing.
pub(super) fn refusal(text: String) -> Answer {
    Answer {
        text,
        answered: false,
        citations: Vec::new(),
        sentences: Vec::new(),
    }
}
