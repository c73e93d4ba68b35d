//! Questions that got no answer, half of one or a bad one: what the owner of the sources should write
//! next. Kept only where the operator has asked for it.

use async_trait::async_trait;

use super::StoreError;
use crate::model::OwnedSession;

/// So many are kept; the oldest go first.
pub const MOST_QUESTIONS: u32 = 10_000;

/// What was wrong with the answer to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lack {
    /// The sources do not cover the question.
    Refused,
    /// They cover a part of it.
    Partial,
    /// Whoever asked has said that the answer is bad.
    Bad,
}

impl Lack {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Refused, Self::Partial, Self::Bad];

    /// As stores write it.
    pub fn number(self) -> i64 {
        match self {
            Self::Refused => 1,
            Self::Partial => 2,
            Self::Bad => 3,
        }
    }

    /// Reads what [`Self::number`] wrote.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|lack| lack.number() == number)
    }
}

/// A question, and what it got.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedQuestion {
    /// The conversation that it was asked in, with which it goes; `None` where no conversation is
    /// kept.
    pub session: Option<OwnedSession>,
    /// What was wrong.
    pub lack: Lack,
    /// The question in the light of its conversation.
    pub question: String,
    /// The question's unit vector.
    pub vector: Vec<f32>,
    /// Digest of the embedder's fingerprint; vectors of others cannot be compared.
    pub embedder: [u8; 32],
    /// What was answered.
    pub answer: String,
    /// What was said of the answer; empty if nothing.
    pub comment: String,
    /// The generation that was asked.
    pub generation: String,
    /// Seconds since the Unix epoch.
    pub asked_at: i64,
}

/// A question as it is read back.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptQuestion {
    /// Its number in the store.
    pub number: i64,
    /// The question. Whose it is stays in the store: `session` is `None`.
    pub logged: LoggedQuestion,
    /// The generation that answers it, if a later one does.
    pub answered_in: Option<String>,
}

/// Keeps questions for a while.
#[async_trait]
pub trait QuestionStore: Send + Sync {
    /// Keeps a question and deletes the oldest beyond [`MOST_QUESTIONS`]. The same question with the same
    /// lack in the same conversation takes the place of the one before. Keeps nothing if the
    /// conversation is gone.
    async fn log_question(&self, question: LoggedQuestion) -> Result<(), StoreError>;

    /// Up to `at_most` questions asked since then, newest first.
    async fn logged_questions(
        &self,
        since: i64,
        at_most: u32,
    ) -> Result<Vec<KeptQuestion>, StoreError>;

    /// Notes which generation was asked again for these questions, and for each whether it answers;
    /// one that does not was asked by its own generation until then, and by this one from now on.
    async fn note_answers(
        &self,
        generation: String,
        asked: Vec<(i64, bool)>,
    ) -> Result<(), StoreError>;

    /// Deletes all questions that were asked before this second.
    async fn forget_questions_before(&self, second: i64) -> Result<(), StoreError>;
}
