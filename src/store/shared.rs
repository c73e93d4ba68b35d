//! What servers on one store tell each other.

use async_trait::async_trait;

use super::StoreError;
use super::answers::AnswerStore;
use super::questions::QuestionStore;
use super::{KeyStore, SessionStore};
use crate::model::Owner;

/// Something that another server, or another command, did to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A key was made or revoked.
    Keys,
    /// An owner's kept answers were deleted.
    Answers(Owner),
    /// Changes may have been missed, as while a connection was broken.
    Unknown,
}

/// A store that several servers may use at once. What stands here is what a store that one server has
/// alone does.
#[async_trait]
pub trait SharedStore: Send + Sync {
    /// Waits for the next change; for ever where nobody else makes any. For one caller at a time.
    async fn next_change(&self) -> Change {
        std::future::pending().await
    }

    /// Notes that this server lives, and says how many do, this one among them.
    async fn count_servers(&self) -> Result<u32, StoreError> {
        Ok(1)
    }
}

/// All that a server keeps.
pub trait StateStore: SessionStore + KeyStore + AnswerStore + QuestionStore + SharedStore {}

impl<S: SessionStore + KeyStore + AnswerStore + QuestionStore + SharedStore> StateStore for S {}
