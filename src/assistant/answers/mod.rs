//! Answers questions: [`prepare`] finds what an answer is made from and the answer in the sources' own
//! words, [`respond`] has a model write it where there is one, and checks what that says.

mod brackets;
mod cite;
mod draft;
mod extractive;
mod foreign;
mod kinds;
mod prepare;
mod prepared;
mod refusals;
mod replies;
mod respond;
mod sources;
mod turns;

use std::sync::Arc;

use self::draft::Draft;
use self::foreign::Languages;
pub use self::prepared::Prepared;
pub use self::replies::{Replies, RepliesError, SHIPPED as SHIPPED_REPLIES};
pub use self::respond::AnswerEvents;
pub(super) use self::respond::{Outlet, drive};
pub(super) use self::sources::Source;
use super::AssistantError;
use super::answer_cache::AnswerCache;
use super::question_log::QuestionLog;
use super::request::{Summary, SummaryRequest};
use super::search::Search;
use crate::generate::ChatModel;
use crate::generate::claims::Claim;
use crate::model::Owner;

/// Cited answers.
pub struct Answers {
    pub(super) search: Arc<Search>,
    pub(super) question_log: Option<Arc<QuestionLog>>,
    chat_model: Option<Arc<ChatModel>>,
    answer_cache: Option<Arc<AnswerCache>>,
    replies: Option<Arc<Replies>>,
    languages: Languages,
}

/// What writes answers, besides the sources.
pub(super) struct Writers {
    pub(super) question_log: Option<Arc<QuestionLog>>,
    pub(super) chat_model: Option<Arc<ChatModel>>,
    pub(super) answer_cache: Option<Arc<AnswerCache>>,
    pub(super) replies: Option<Arc<Replies>>,
}

impl Answers {
    pub(super) fn new(search: Arc<Search>, writers: Writers) -> Self {
        Self {
            search,
            question_log: writers.question_log,
            chat_model: writers.chat_model,
            answer_cache: writers.answer_cache,
            replies: writers.replies,
            languages: Languages::default(),
        }
    }

    /// Answers the last question from the contexts, with verified citations.
    pub async fn answer(&self, request: SummaryRequest) -> Result<Summary, AssistantError> {
        let prepared = self.prepare(request).await?;
        Ok(self.finish(prepared).await)
    }

    /// Answers what was prepared.
    pub async fn finish(&self, prepared: Prepared) -> Summary {
        self.respond(&prepared, &Outlet(None)).await
    }

    /// The same, told while it happens.
    pub fn events(self: Arc<Self>, prepared: Prepared) -> AnswerEvents {
        drive(move |outlet| async move { Ok(self.respond(&prepared, &outlet).await) })
    }

    /// Whether `sentence` would go out as supported, all its numbers verified, in a model's answer to
    /// `question`.
    pub async fn would_pass(&self, question: &str, sentence: &str) -> Result<bool, AssistantError> {
        let prepared = self
            .prepare(SummaryRequest {
                owner: Owner::OPERATOR,
                session: String::new(),
                contexts: None,
                history: Some(vec![question.to_owned()]),
            })
            .await?;
        let mut draft = Draft::new(&prepared, &self.search, true);
        let claim = Claim {
            gap: String::new(),
            text: sentence.to_owned(),
            named: Vec::new(),
        };
        Ok(draft.take(claim).await.is_some())
    }
}
