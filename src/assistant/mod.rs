//! The use cases, in the product's own words: open a session, ask, retrieve, summarise, save.
//!
//! Knows nothing of HTTP. Start reading at [`Assistant`].

pub mod access;
pub mod admin;
pub mod answer_cache;
mod answering;
mod bounds;
mod brackets;
mod branch;
mod chat;
mod cite;
mod documents;
mod draft;
mod embedding;
pub mod errand;
mod error;
#[cfg(test)]
pub(crate) mod fixture;
mod foreign;
mod kinds;
mod parts;
mod passage;
mod prepared;
mod question_log;
mod reading;
mod refusals;
mod replies;
mod request;
mod respond;
mod sessions;
mod sources;
mod summary;
mod topics;
pub mod upkeep;

pub use branch::Position;
pub use chat::{Begun, Chat};
pub use documents::{DocumentFile, DocumentInfo, DocumentList, DocumentText, is_web};
pub use embedding::EmbeddingInfo;
pub use error::AssistantError;
pub use passage::{Surroundings, SurroundingsRequest};
pub use prepared::Prepared;
pub use question_log::{QuestionLog, ask_again};
pub use replies::{Replies, RepliesError, SHIPPED as SHIPPED_REPLIES};
pub use request::{
    AnswerEvent, ChatRequest, Degraded, GenerationInfo, Outcome, Question, Reason, Render,
    Retrieved, Summary, SummaryRequest, SuppliedContext,
};
pub use respond::AnswerEvents;
pub use topics::Topic;

use std::sync::Arc;
use std::time::Duration;

use self::answer_cache::AnswerCache;
use self::foreign::Tongues;
use self::reading::Reads;
use crate::embed::Embedder;
use crate::generate::ChatModel;
use crate::model::{Filter, GenerationId, Message, Once, Owner};
use crate::reader::{READ, Reader};
use crate::retrieve::{Coverage, InContext, Ranked, RetrievalParameters, Retriever, in_context};
use crate::runtime::keyed_mutex::KeyedMutex;
use crate::snapshot::Generation;
use crate::snapshot::live::Live;
use crate::store::SessionStore;

/// Answers questions from a snapshot and keeps conversations in a store.
pub struct Assistant {
    store: Arc<dyn SessionStore>,
    live: Arc<Live>,
    retriever: Retriever,
    embedder: Arc<dyn Embedder>,
    chat_model: Option<Arc<ChatModel>>,
    answer_cache: Option<Arc<AnswerCache>>,
    replies: Option<Arc<Replies>>,
    question_log: Option<QuestionLog>,
    reads: Option<Reads>,
    mends_words: bool,
    tongues: Tongues,
    errands: errand::Descriptions,
    /// A repetition waits for the one that it repeats.
    repeatable: KeyedMutex<(Owner, Once)>,
}

impl Assistant {
    /// Puts the parts together.
    pub fn new(
        store: Arc<dyn SessionStore>,
        live: Arc<Live>,
        embedder: Arc<dyn Embedder>,
        parameters: RetrievalParameters,
    ) -> Self {
        Self {
            store,
            live,
            retriever: Retriever::new(Arc::clone(&embedder), parameters),
            embedder,
            chat_model: None,
            answer_cache: None,
            replies: None,
            question_log: None,
            reads: None,
            mends_words: true,
            tongues: Tongues::default(),
            errands: errand::Descriptions::default(),
            repeatable: KeyedMutex::default(),
        }
    }

    /// Lets a language model write the answers.
    #[must_use]
    pub fn with_chat_model(mut self, chat_model: Option<Arc<ChatModel>>) -> Self {
        self.chat_model = chat_model;
        self
    }

    /// Gives answers of the model again where the same is asked.
    #[must_use]
    pub fn with_answer_cache(mut self, cache: Option<Arc<AnswerCache>>) -> Self {
        self.answer_cache = cache;
        self
    }

    /// Replies to small talk, and the owner's own, before anything is searched.
    #[must_use]
    pub fn with_replies(mut self, replies: Option<Arc<Replies>>) -> Self {
        self.replies = replies;
        self
    }

    /// Lets a reader order the first contexts and tell whether they answer.
    #[must_use]
    pub fn with_reader(mut self, reader: Option<Arc<dyn Reader>>) -> Self {
        self.reads = reader.map(Reads::new);
        self
    }

    /// Takes every word as it is typed, to measure what mending them is worth.
    #[must_use]
    pub fn without_speller(mut self) -> Self {
        self.mends_words = false;
        self
    }

    /// The `k` best contexts for a question. A session without messages, or a blank question, has
    /// no contexts.
    pub async fn retrieve(
        &self,
        question: &Question,
        k: usize,
    ) -> Result<Retrieved, AssistantError> {
        self.retrieve_where(question, k, &Filter::default()).await
    }

    /// The `k` best contexts for a question among those that `filter` admits.
    pub async fn retrieve_where(
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
            Some(text) => Some(self.search(self.live.current(), &text, k, filter).await?),
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

    async fn search(
        &self,
        generation: Arc<Generation>,
        text: &InContext,
        k: usize,
        filter: &Filter,
    ) -> Result<Ranked, AssistantError> {
        // The best is chosen among those that are read, however few are wanted.
        let looked_at = if self.reads.is_some() { k.max(READ) } else { k };
        let mut ranked = self
            .retriever
            .retrieve(generation, text, looked_at, filter)
            .await
            .map_err(|error| AssistantError::Embedder(error.to_string()))?;
        self.reorder(text, &ranked.generation, &mut ranked.chunks)
            .await;
        ranked.chunks.truncate(k);
        Ok(ranked)
    }

    /// Proves that a question could be answered now: the store works, the embedder embeds and the
    /// live generation can be searched.
    pub async fn probe(&self) -> Result<(), AssistantError> {
        const QUESTION: &str = "ready?";
        in_time("session store", PROBE_LIMIT, self.store.probe()).await??;
        // Not by way of the retriever, which would remember the vector of the first probe.
        in_time("embedder", PROBE_LIMIT, self.embedder.embed_query(QUESTION))
            .await?
            .map_err(|error| AssistantError::Embedder(error.to_string()))?;
        let (question, filter) = (InContext::alone(QUESTION), Filter::default());
        let search = self.search(self.live.current(), &question, 1, &filter);
        in_time("index", PROBE_LIMIT, search).await??;
        Ok(())
    }

    /// The id of what answers now.
    pub fn generation_id(&self) -> GenerationId {
        self.live.current().id().clone()
    }

    /// What answers now.
    pub fn generation(&self) -> GenerationInfo {
        let generation = self.live.current();
        let manifest = &generation.records.manifest;
        GenerationInfo {
            id: manifest.generation.to_string(),
            documents: manifest.counts.documents,
            chunks: manifest.counts.chunks,
            embedder: format!("{}/{}", manifest.embedder.adapter, manifest.embedder.model),
            created_at: manifest.created_at,
        }
    }
}

/// How long each part may take to answer a probe.
const PROBE_LIMIT: Duration = Duration::from_secs(5);

/// The work's result, or that `part` was silent for too long.
async fn in_time<T>(
    part: &'static str,
    limit: Duration,
    work: impl Future<Output = T>,
) -> Result<T, AssistantError> {
    let seconds = limit.as_secs();
    tokio::time::timeout(limit, work)
        .await
        .map_err(|_| AssistantError::Silent { part, seconds })
}

fn texts(history: &[Message]) -> Vec<&str> {
    history
        .iter()
        .map(|message| message.text.as_str())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::assistant::fixture::fake_embedder::HashEmbedder;
    use crate::embed::{EmbedError, Passage, PassageVectors, QueryVectors};
    use crate::model::EmbedderFingerprint;

    /// An embedder that may be away.
    struct Fickle {
        embedder: HashEmbedder,
        away: AtomicBool,
    }

    #[async_trait]
    impl Embedder for Fickle {
        fn fingerprint(&self) -> &EmbedderFingerprint {
            self.embedder.fingerprint()
        }

        fn count_tokens(&self, text: &str) -> usize {
            self.embedder.count_tokens(text)
        }

        fn max_tokens(&self) -> usize {
            self.embedder.max_tokens()
        }

        async fn embed_passages(
            &self,
            passages: Vec<Passage>,
        ) -> Result<Vec<PassageVectors>, EmbedError> {
            self.embedder.embed_passages(passages).await
        }

        async fn embed_query(&self, text: &str) -> Result<QueryVectors, EmbedError> {
            if self.away.load(Ordering::Relaxed) {
                return Err(EmbedError::Inference("away".to_owned()));
            }
            self.embedder.embed_query(text).await
        }
    }

    #[tokio::test]
    async fn every_probe_asks_the_embedder_anew() {
        let directory = tempfile::tempdir().unwrap();
        let embedder = Arc::new(Fickle {
            embedder: HashEmbedder::named("fake"),
            away: AtomicBool::new(false),
        });
        let shared = Arc::clone(&embedder) as Arc<dyn Embedder>;
        let (assistant, _) = fixture::assistant_with(directory.path(), shared);
        for away in [false, true, false] {
            embedder.away.store(away, Ordering::Relaxed);
            assert_eq!(assistant.probe().await.is_err(), away);
        }
    }

    #[tokio::test]
    async fn a_part_that_does_not_answer_is_named() {
        let hangs = std::future::pending::<()>();
        let silent = in_time("index", Duration::from_millis(1), hangs).await;
        assert!(matches!(
            silent,
            Err(AssistantError::Silent { part: "index", .. })
        ));
        let answer = in_time("index", PROBE_LIMIT, async { 7 }).await;
        assert!(matches!(answer, Ok(7)));
    }
}
