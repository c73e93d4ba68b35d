//! The use cases, one file or folder each: conversations, search, answers, turns of a conversation
//! (`chats`), documents, errands, embeddings, and who may call (`access`).
//!
//! Knows nothing of HTTP. Start reading at [`Assistant`].

pub mod access;
pub mod admin;
pub mod answer_cache;
mod answers;
mod bounds;
mod chats;
mod conversations;
mod documents;
mod embeddings;
pub mod errand;
mod error;
#[cfg(test)]
pub(crate) mod fixture;
mod question_log;
mod request;
mod search;
mod unanswered;
pub(crate) mod upkeep;

pub use answers::{AnswerEvents, Answers, Prepared, Replies, RepliesError, SHIPPED_REPLIES};
pub use chats::{Begun, Chat, Chats};
pub use conversations::{Conversations, Position};
pub use documents::{
    DocumentFile, DocumentInfo, DocumentList, DocumentText, Documents, Surroundings,
    SurroundingsRequest, Topic, is_web,
};
pub use embeddings::{EmbeddingInfo, Embeddings};
pub use error::AssistantError;
pub use question_log::QuestionLog;
pub use request::{
    AnswerEvent, ChatRequest, Degraded, GenerationInfo, Outcome, Question, Reason, Render,
    Retrieved, Summary, SummaryRequest, SuppliedContext,
};
pub use search::Search;
pub(crate) use unanswered::ask_again;

use std::sync::Arc;
use std::time::Duration;

use self::answer_cache::AnswerCache;
use self::answers::Writers;
use self::errand::Errands;
use self::search::Reads;
use crate::embed::Embedder;
use crate::generate::ChatModel;
use crate::model::{Filter, GenerationId};
use crate::reader::Reader;
use crate::retrieve::{InContext, RetrievalParameters, Retriever};
use crate::runtime::blocking;
use crate::snapshot::live::Live;
use crate::store::SessionStore;

/// What an assistant is made of.
pub struct AssistantParts {
    /// Where conversations are kept.
    pub store: Arc<dyn SessionStore>,
    /// The generation that answers.
    pub live: Arc<Live>,
    /// What makes vectors.
    pub embedder: Arc<dyn Embedder>,
    /// How retrieval weighs its evidence.
    pub retrieval: RetrievalParameters,
    /// Lets a language model write the answers.
    pub chat_model: Option<Arc<ChatModel>>,
    /// Gives answers of the model again where the same is asked.
    pub answer_cache: Option<Arc<AnswerCache>>,
    /// Replies to small talk, and the owner's own, before anything is searched.
    pub replies: Option<Arc<Replies>>,
    /// Keeps the questions that have no answer, or a bad one.
    pub question_log: Option<QuestionLog>,
    /// Orders the first contexts and tells whether they answer.
    pub reader: Option<Arc<dyn Reader>>,
    /// Whether mistyped words are mended before they are searched for.
    pub mends_words: bool,
}

impl AssistantParts {
    /// What every assistant has; it mends words.
    pub fn new(
        store: Arc<dyn SessionStore>,
        live: Arc<Live>,
        embedder: Arc<dyn Embedder>,
        retrieval: RetrievalParameters,
    ) -> Self {
        Self {
            store,
            live,
            embedder,
            retrieval,
            chat_model: None,
            answer_cache: None,
            replies: None,
            question_log: None,
            reader: None,
            mends_words: true,
        }
    }
}

/// Answers questions from a snapshot and keeps conversations in a store: each use case by itself.
pub struct Assistant {
    /// Begin, write to, read, rate, list and delete conversations.
    pub conversations: Conversations,
    /// Find contexts.
    pub search: Arc<Search>,
    /// Answer a question.
    pub answers: Arc<Answers>,
    /// Keep a message, answer it, keep the answer.
    pub chats: Arc<Chats>,
    /// Look into the documents.
    pub documents: Documents,
    /// Do what front ends ask about a conversation.
    pub errands: Errands,
    /// Make vectors for callers.
    pub embeddings: Embeddings,
}

impl Assistant {
    /// Puts the parts together.
    pub fn new(parts: AssistantParts) -> Self {
        let AssistantParts { store, live, .. } = parts;
        let question_log = parts.question_log.map(Arc::new);
        let search = Arc::new(Search {
            store: Arc::clone(&store),
            live: Arc::clone(&live),
            retriever: Retriever::new(Arc::clone(&parts.embedder), parts.retrieval),
            embedder: Arc::clone(&parts.embedder),
            reader: parts.reader.map(Reads::new),
            mends_words: parts.mends_words,
        });
        let writers = Writers {
            question_log: question_log.clone(),
            chat_model: parts.chat_model,
            answer_cache: parts.answer_cache.clone(),
            replies: parts.replies,
        };
        let answers = Arc::new(Answers::new(Arc::clone(&search), writers));
        let documents = Documents(live);
        Self {
            conversations: Conversations {
                store: Arc::clone(&store),
                search: Arc::clone(&search),
                answer_cache: parts.answer_cache,
                question_log,
            },
            chats: Arc::new(Chats::new(store, Arc::clone(&answers))),
            errands: Errands::new(Arc::clone(&search), documents.clone()),
            embeddings: Embeddings(parts.embedder),
            documents,
            answers,
            search,
        }
    }

    /// Proves that a question could be answered now: the store works, the embedder embeds and the
    /// live generation can be searched.
    pub async fn probe(&self) -> Result<(), AssistantError> {
        const QUESTION: &str = "ready?";
        in_time("session store", PROBE_LIMIT, self.search.store.probe()).await??;
        // Not by way of the retriever, which would remember the vector of the first probe.
        in_time(
            "embedder",
            PROBE_LIMIT,
            self.search.embedder.embed_query(QUESTION),
        )
        .await?
        .map_err(|error| AssistantError::Embedder(error.to_string()))?;
        let (question, filter) = (InContext::alone(QUESTION), Filter::default());
        let search = self
            .search
            .ranked(self.search.live.current(), &question, 1, &filter);
        in_time("index", PROBE_LIMIT, search).await??;
        // The search is remembered; whether the next question could be asked is not.
        let generation = self.search.live.current();
        let asked = blocking::run(move || generation.probe());
        Ok(in_time("index", PROBE_LIMIT, asked).await??)
    }

    /// The id of what answers now.
    pub fn generation_id(&self) -> GenerationId {
        self.search.live.current().id().clone()
    }

    /// What answers now.
    pub fn generation(&self) -> GenerationInfo {
        let generation = self.search.live.current();
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
