//! Where answers of a language model are kept, to be given again.

use async_trait::async_trait;

use super::StoreError;
use crate::model::Owner;

/// An answer and the question that it was given to.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptAnswer {
    /// Digest of everything besides the question that the answer depends on.
    pub scope: [u8; 32],
    /// Whose question it was.
    pub owner: Owner,
    /// The generation that it was checked against.
    pub generation: String,
    /// The question as it was asked.
    pub question: String,
    /// The question's vector.
    pub vector: Vec<f32>,
    /// The answer as JSON text.
    pub answer: String,
    /// Seconds since the Unix epoch.
    pub created_at: i64,
}

impl KeptAnswer {
    /// About the bytes that it takes up.
    pub fn size(&self) -> u64 {
        (self.question.len() + self.answer.len() + self.vector.len() * 4 + 128) as u64
    }
}

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnswerRoom {
    /// Answers at most; the oldest go first.
    pub entries: u32,
    /// Bytes at most.
    pub bytes: u64,
    /// Older ones go.
    pub seconds: i64,
}

/// Keeps answers of one generation at a time.
#[async_trait]
pub trait AnswerStore: Send + Sync {
    /// Keeps an answer in the place of an earlier one to the same question, and deletes what there
    /// is no room for, what is too old, and what belongs to another generation.
    async fn keep_answer(&self, answer: KeptAnswer, room: AnswerRoom) -> Result<(), StoreError>;

    /// The answers of a generation that were given since then, oldest first.
    async fn answers(&self, generation: String, since: i64) -> Result<Vec<KeptAnswer>, StoreError>;

    /// Deletes an owner's answers.
    async fn forget_answers(&self, owner: Owner) -> Result<(), StoreError>;

    /// Deletes all answers that were given before this second.
    async fn forget_answers_before(&self, second: i64) -> Result<(), StoreError>;
}
