//! Finds the contexts of a question: mends its words, reads it in the light of its conversation,
//! retrieves, and has the reader order what was found.

mod reading;

use std::sync::Arc;

pub(super) use self::reading::{Reads, excerpt_of_row};
use super::request::{Question, Retrieved};
use super::{AssistantError, bounds};
use crate::embed::Embedder;
use crate::model::{Filter, Message, UnitVector};
use crate::reader::READ;
use crate::retrieve::{Coverage, InContext, Ranked, Retriever, in_context};
use crate::snapshot::Generation;
use crate::snapshot::live::Live;
use crate::store::SessionStore;

/// Contexts for questions.
pub struct Search {
    pub(super) store: Arc<dyn SessionStore>,
    pub(super) live: Arc<Live>,
    pub(super) retriever: Retriever,
    pub(super) embedder: Arc<dyn Embedder>,
    pub(super) reader: Option<Reads>,
    pub(super) mends_words: bool,
}

impl Search {
    /// The `k` best contexts for a question among those that `filter` admits. A session without messages,
    /// or a blank question, has no contexts.
    pub async fn retrieve(
        &self,
        question: &Question,
        k: usize,
        filter: &Filter,
    ) -> Result<Retrieved, AssistantError> {
        let history = match question {
            Question::Session(session) => self.store.messages(*session).await?,
            Question::Text(_) | Question::Conversation(_) => Vec::new(),
        };
        let messages: Vec<String> = match question {
            Question::Session(_) => texts(&history).into_iter().map(str::to_owned).collect(),
            Question::Conversation(messages) => messages.clone(),
            Question::Text(text) => vec![text.clone()],
        };
        let mut messages = bounds::read(messages);
        let corrected = self.correct(&self.live.current(), &mut messages).await;
        let messages: Vec<&str> = messages.iter().map(String::as_str).collect();
        let text = in_context(&messages);
        let ranked = match text.filter(|text| !text.question.trim().is_empty()) {
            Some(text) => Some(self.ranked(self.live.current(), &text, k, filter).await?),
            None => None,
        };
        Ok(Retrieved {
            contexts: ranked.as_ref().map(Ranked::contexts).unwrap_or_default(),
            corrected,
            history,
            coverage: ranked
                .as_ref()
                .map_or(Coverage::NONE, |ranked| ranked.coverage),
            covered: ranked.as_ref().is_some_and(|ranked| ranked.covered),
            generation: ranked.map_or_else(
                || self.live.current().id().to_string(),
                |ranked| ranked.generation.id().to_string(),
            ),
        })
    }

    /// Mends mistyped words in the last message, and tells it if there were any.
    pub(super) async fn correct(
        &self,
        generation: &Arc<Generation>,
        messages: &mut [String],
    ) -> Option<String> {
        let last = messages.last_mut().filter(|_| self.mends_words)?;
        let mended = self.retriever.mend(generation, last).await?;
        last.clone_from(&mended);
        Some(mended)
    }

    /// The `k` best chunks, in the order in which they answer.
    pub(super) async fn ranked(
        &self,
        generation: Arc<Generation>,
        text: &InContext,
        k: usize,
        filter: &Filter,
    ) -> Result<Ranked, AssistantError> {
        // The best is chosen among those that are read, however few are wanted.
        let looked_at = if self.reader.is_some() {
            k.max(READ)
        } else {
            k
        };
        let mut ranked = self
            .retriever
            .retrieve(generation, text, looked_at, filter)
            .await?;
        if let Some(reader) = &self.reader {
            reader
                .reorder(text, &ranked.generation, &mut ranked.chunks)
                .await;
        }
        ranked.chunks.truncate(k);
        Ok(ranked)
    }

    /// The vector of a text that is searched for.
    pub(super) async fn vector(&self, text: &str) -> Result<UnitVector, AssistantError> {
        Ok(self.retriever.embed(text).await?)
    }
}

fn texts(history: &[Message]) -> Vec<&str> {
    history
        .iter()
        .map(|message| message.text.as_str())
        .collect()
}
