//! Sessions, messages and records that outlive the process.
//!
//! A method that returns `Ok` has made its effect durable: a `kill -9` or a power cut right after
//! it loses nothing. Messages are appended, never read, changed and written back.

#[cfg(test)]
pub(crate) mod contract;
mod error;
pub mod memory;
pub mod sqlite;

use async_trait::async_trait;

pub use error::StoreError;

use crate::model::{Message, Record, SessionId};

/// Where conversations live.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Creates an empty session and returns its fresh id.
    async fn create_session(&self) -> Result<SessionId, StoreError>;

    /// Appends a message; concurrent appends to one session are all kept, each with its own
    /// sequence number. [`StoreError::SessionNotFound`] if there is no such session.
    async fn append_message(&self, session: SessionId, text: String)
    -> Result<Message, StoreError>;

    /// The session's messages, oldest first. [`StoreError::SessionNotFound`] if there is no such
    /// session.
    async fn messages(&self, session: SessionId) -> Result<Vec<Message>, StoreError>;

    /// Keeps a summary; a session may have many. `details` is JSON text.
    /// [`StoreError::SessionNotFound`] if there is no such session.
    async fn save_record(
        &self,
        session: SessionId,
        summary: String,
        details: String,
    ) -> Result<Record, StoreError>;

    /// The session's saved records, oldest first. [`StoreError::SessionNotFound`] if there is no
    /// such session.
    async fn records(&self, session: SessionId) -> Result<Vec<Record>, StoreError>;

    /// Proves that the store can be written and read, for readiness probes.
    async fn probe(&self) -> Result<(), StoreError>;
}
