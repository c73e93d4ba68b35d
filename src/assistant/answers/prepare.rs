//! Finds what an answer is made from, and the answer in the sources' own words.

use std::sync::Arc;

use super::Answers;
use super::extractive::{Known, Said, answer};
use super::foreign::Foreign;
use super::prepared::Prepared;
use super::sources::{Source, cut, find, passages};
use super::turns::{Part, join, turns};
use crate::assistant::answer_cache::{Cached, Contexts, Scope, Wanted};
use crate::assistant::request::{Outcome, Reason, SummaryRequest, SuppliedContext};
use crate::assistant::{AssistantError, bounds};
use crate::model::{Answer, Filter, OwnedSession, Owner, SessionId};
use crate::retrieve::{InContext, contextual_query, in_context};
use crate::snapshot::Generation;
use crate::store::StoreError;

/// Contexts retrieved when the caller sends none.
const CONTEXTS: usize = 6;
/// The most contexts of the caller's own that are read; what lies beyond is ignored.
const MOST_CONTEXTS: usize = 50;

impl Answers {
    /// Finds what an answer to the last question is made from, and the answer in its own words: the
    /// one that is given where no model is asked, or none answers.
    pub async fn prepare(&self, request: SummaryRequest) -> Result<Prepared, AssistantError> {
        let (owner, id) = (request.owner, SessionId::parse(&request.session));
        let session = id.map(|id| OwnedSession { owner, id });
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
        let generation = self.search.live.current();
        let mut read = history.clone();
        let last = read.last().map(String::as_str).unwrap_or_default();
        let foreign = match request.contexts {
            Some(_) => None,
            None => self.languages.foreign(last, &generation),
        };
        let corrected = match foreign {
            Some(_) => None,
            None => self.search.correct(&generation, &mut read).await,
        };
        let turns = turns(&read);
        let supplied = request.contexts;
        let supplied = supplied.map(|supplied| supplied_sources(&generation, supplied));
        let mut parts: Vec<Part> = Vec::new();
        for turn in &turns {
            let messages: Vec<&str> = turn.iter().map(String::as_str).collect();
            let cited = parts.iter().map(|part| part.answer.citations.len()).sum();
            let part = self.part(&generation, &messages, supplied.as_deref(), foreign, cited);
            let mut part = part.await?;
            part.forget_repetition(&parts);
            parts.push(part);
        }
        let whole: Vec<&str> = read.iter().map(String::as_str).collect();
        let wanted = self.wanted(
            request.owner,
            &generation,
            &history,
            &whole,
            supplied.as_deref(),
        );
        let wanted = wanted.await?;
        let mut prepared = join(generation, history, parts);
        prepared.corrected = corrected;
        prepared.session = session;
        prepared.cached = self.cached(&prepared, wanted).await;
        Ok(prepared)
    }

    /// What the cache knows of a question.
    async fn cached(&self, prepared: &Prepared, wanted: Option<Wanted>) -> Cached {
        match (&self.answer_cache, wanted) {
            // What the sources do not cover is never put to the model.
            (Some(cache), Some(wanted)) if prepared.extractive.answered => {
                let (generation, sources) = (&prepared.generation, &prepared.sources);
                cache.look_up(generation, sources, wanted).await
            }
            _ => Cached::Bypass,
        }
    }

    /// Answers the last of `messages`, which asks one thing, from `supplied` or from what is found.
    async fn part(
        &self,
        generation: &Arc<Generation>,
        messages: &[&str],
        supplied: Option<&[Source]>,
        foreign: Option<Foreign>,
        cited: usize,
    ) -> Result<Part, AssistantError> {
        let question = contextual_query(messages).filter(|question| !question.trim().is_empty());
        let (sources, scores) = match (supplied, &question) {
            (Some(supplied), _) => (supplied.to_vec(), None),
            (None, Some(question)) => {
                let asked = in_context(messages).unwrap_or_else(|| InContext::alone(question));
                let all = Filter::default();
                let found = self
                    .search
                    .ranked(Arc::clone(generation), &asked, CONTEXTS, &all);
                let chunks = found.await?.chunks;
                let sources = chunks.iter().map(|chunk| Source::Stored { row: chunk.row });
                let scores: Vec<f32> = chunks.iter().map(|chunk| chunk.score).collect();
                (sources.collect(), Some(scores))
            }
            (None, None) => (Vec::new(), Some(Vec::new())),
        };
        let query = match &question {
            Some(question) => Some(self.search.vector(question).await?),
            None => None,
        };
        let passages = passages(
            self.search.embedder.as_ref(),
            generation,
            &sources,
            query.as_ref(),
        )
        .await?;
        let scores = scores.unwrap_or_else(|| passages.iter().map(|p| p.standing).collect());
        let known = Known {
            generation,
            sources: &sources,
            passages: &passages,
            scores: &scores,
        };
        let said = if let Some(foreign) = foreign {
            Said::refusal(foreign.say(), Reason::OtherLanguage, 0.0)
        } else {
            answer(self.search.reader.as_ref(), messages, &known, cited).await
        };
        Ok(Part {
            question: messages.last().copied().unwrap_or_default().to_owned(),
            sources,
            scores,
            passages,
            answer: said.answer,
            outcome: said.outcome,
        })
    }

    /// The reply to the last message, if one is there before it is searched for.
    async fn curated(&self, history: &[String]) -> Result<Option<Prepared>, AssistantError> {
        let (Some(replies), Some(message)) = (&self.replies, history.last()) else {
            return Ok(None);
        };
        if message.trim().is_empty() {
            return Ok(None);
        }
        let vector = self.search.vector(message).await?;
        let generation = self.search.live.current();
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
            outcome: Outcome {
                reason: Reason::Curated,
                confidence: 1.0,
            },
            cached: Cached::Bypass,
            corrected: None,
            session: None,
        }))
    }

    /// What to look for in the cache; `None` without a model, whose answers alone are kept.
    async fn wanted(
        &self,
        owner: Owner,
        generation: &Generation,
        history: &[String],
        read: &[&str],
        supplied: Option<&[Source]>,
    ) -> Result<Option<Wanted>, AssistantError> {
        let question = contextual_query(read).filter(|question| !question.trim().is_empty());
        let (Some(model), Some((last, earlier)), Some(question)) =
            (&self.chat_model, history.split_last(), question)
        else {
            return Ok(None);
        };
        let contexts = match supplied {
            Some(sources) => Contexts::Supplied(sources),
            None => Contexts::Retrieved(CONTEXTS),
        };
        Ok(Some(Wanted {
            scope: Scope::new(
                owner,
                generation,
                model,
                self.search.reader.is_some(),
                earlier,
                &contexts,
            ),
            question: last.clone(),
            vector: self.search.vector(&question).await?,
        }))
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
            Some(id) => match self.search.store.messages(OwnedSession { owner, id }).await {
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
}

/// The caller's own contexts, those of the snapshot found again, as far as they are read.
fn supplied_sources(generation: &Generation, supplied: Vec<SuppliedContext>) -> Vec<Source> {
    let supplied = supplied.into_iter().take(MOST_CONTEXTS);
    let mut sources: Vec<Source> = supplied.map(|context| find(generation, context)).collect();
    cut(&mut sources);
    sources
}
