//! What can go wrong in a use case.

use thiserror::Error;

use crate::retrieve::RetrieveError;
use crate::snapshot::search::IndexError;
use crate::store::StoreError;

/// Why a use case gave no result.
#[derive(Debug, Error)]
pub enum AssistantError {
    /// No session has this id.
    #[error("session not found")]
    SessionNotFound,
    /// The live generation has no such passage.
    #[error("citation not found")]
    CitationNotFound,
    /// The live generation has no such document.
    #[error("document not found")]
    DocumentNotFound,
    /// A document was not read from a file, or its file is not there any more, or not as it was read.
    #[error("the document has no file that is as it was read")]
    NoFile,
    /// The session holds as much as one session may.
    #[error("session is full")]
    SessionFull,
    /// The name of a repeatable write was used before, for a write that said something else.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The server has as much work as it can do; try again later.
    #[error("overloaded")]
    Overloaded,
    /// The store has no room for more; deleting still works.
    #[error("the session store has no room for more")]
    NoRoom(#[source] StoreError),
    /// The store's database was deleted or replaced while it was open.
    #[error("the session store's database is gone")]
    StateLost(#[source] StoreError),
    /// The store failed.
    #[error("the session store failed")]
    Store(#[source] StoreError),
    /// The embedder failed or is out of reach.
    #[error("the embedder failed: {0}")]
    Embedder(String),
    /// The index is out of reach, or cannot be read.
    #[error("the index failed: {0}")]
    Index(String),
    /// A part did not answer a probe in time, as on a disk that hangs.
    #[error("the {part} did not answer within {seconds} s")]
    Silent {
        /// Which part.
        part: &'static str,
        /// For how long it was waited.
        seconds: u64,
    },
    /// Something that must not happen did; the details are in the log.
    #[error("internal failure: {0}")]
    Internal(String),
}

impl From<IndexError> for AssistantError {
    fn from(error: IndexError) -> Self {
        Self::Index(error.to_string())
    }
}

impl From<RetrieveError> for AssistantError {
    fn from(error: RetrieveError) -> Self {
        match error {
            RetrieveError::Embed(error) => Self::Embedder(error.to_string()),
            RetrieveError::Index(error) => error.into(),
        }
    }
}

impl From<StoreError> for AssistantError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::SessionNotFound(_) => Self::SessionNotFound,
            StoreError::SessionFull(_) => Self::SessionFull,
            StoreError::KeyReused => Self::KeyReused,
            StoreError::Overloaded => Self::Overloaded,
            full @ StoreError::NoRoom { .. } => Self::NoRoom(full),
            lost @ StoreError::Lost { .. } => Self::StateLost(lost),
            other @ (StoreError::InUse { .. }
            | StoreError::Open { .. }
            | StoreError::TooNew { .. }
            | StoreError::NotMigrated { .. }
            | StoreError::Database(_)
            | StoreError::Engine { .. }
            | StoreError::Closed) => Self::Store(other),
        }
    }
}
