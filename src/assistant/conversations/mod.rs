//! Conversations: open, write to, read, list, delete.

mod branch;

use std::sync::Arc;

pub use self::branch::Position;
use super::AssistantError;
use super::answer_cache::AnswerCache;
use super::question_log::QuestionLog;
use super::search::Search;
use crate::model::{
    Message, NewRecord, Once, OwnedSession, Owner, Rating, SessionDetails, SessionId,
    SessionSummary,
};
use crate::store::SessionStore;

/// The conversations of a store.
pub struct Conversations {
    pub(super) store: Arc<dyn SessionStore>,
    pub(super) search: Arc<Search>,
    pub(super) answer_cache: Option<Arc<AnswerCache>>,
    pub(super) question_log: Option<Arc<QuestionLog>>,
}

impl Conversations {
    /// Begins a conversation.
    pub async fn open(
        &self,
        owner: Owner,
        once: Option<Once>,
    ) -> Result<SessionId, AssistantError> {
        Ok(self.store.create_session(owner, once).await?)
    }

    /// Adds a user's message to a conversation. It is durable when this returns.
    pub async fn ask(
        &self,
        session: OwnedSession,
        message: String,
        once: Option<Once>,
    ) -> Result<Message, AssistantError> {
        Ok(self.store.append_message(session, message, once).await?)
    }

    /// The messages of a conversation, oldest first.
    pub async fn history(&self, session: OwnedSession) -> Result<Vec<Message>, AssistantError> {
        Ok(self.store.messages(session).await?)
    }

    /// Keeps a summary of a session. `details` is JSON text. Durable when this returns.
    pub async fn save(
        &self,
        session: OwnedSession,
        summary: String,
        details: String,
        once: Option<Once>,
    ) -> Result<(), AssistantError> {
        let record = NewRecord {
            summary,
            details,
            reply: None,
        };
        self.store.save_record(session, record, once).await?;
        Ok(())
    }

    /// Keeps a verdict on a session. Durable when this returns.
    pub async fn rate(
        &self,
        session: OwnedSession,
        rating: Rating,
        comment: String,
        once: Option<Once>,
    ) -> Result<(), AssistantError> {
        let bad = (rating == Rating::Down).then(|| comment.clone());
        self.store
            .save_feedback(session, rating, comment, once)
            .await?;
        if let (Some(log), Some(comment)) = (&self.question_log, bad) {
            log.bad(&self.search, self.store.as_ref(), session, &comment)
                .await;
        }
        Ok(())
    }

    /// An owner's conversations, newest first, beginning behind `after`.
    pub async fn list(
        &self,
        owner: Owner,
        after: Option<SessionId>,
        at_most: u32,
    ) -> Result<Vec<SessionSummary>, AssistantError> {
        Ok(self.store.sessions(owner, after, at_most).await?)
    }

    /// Everything that is kept of a conversation.
    pub async fn session(&self, session: OwnedSession) -> Result<SessionDetails, AssistantError> {
        Ok(self.store.session(session).await?)
    }

    /// Gives a conversation a name. Durable when this returns.
    pub async fn rename(&self, session: OwnedSession, title: String) -> Result<(), AssistantError> {
        Ok(self.store.rename_session(session, title).await?)
    }

    /// Deletes a conversation and all that is kept of it.
    pub async fn delete(&self, session: OwnedSession) -> Result<(), AssistantError> {
        self.store.delete_session(session).await?;
        // What was asked in it may stand there too.
        if let Some(cache) = &self.answer_cache {
            cache.forget(session.owner).await?;
        }
        Ok(())
    }
}
