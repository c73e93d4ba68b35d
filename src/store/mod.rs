//! Sessions, messages, records and keys that outlive the process.
//!
//! A method that returns `Ok` has made its effect durable: a `kill -9` or a power cut right after
//! it loses nothing. Messages are appended, never read, changed and written back.

pub mod answers;
#[cfg(test)]
pub(crate) mod contract;
mod error;
pub mod lock;
pub mod memory;
pub mod postgres;
#[cfg(test)]
mod question_contract;
pub mod questions;
pub mod shared;
pub mod sqlite;

use async_trait::async_trait;

pub use error::StoreError;

use crate::model::{
    Key, KeyId, Message, NewRecord, Once, OwnedSession, Owner, Rating, SessionDetails, SessionId,
    SessionSummary,
};

/// How much one session may hold, so that reading it back cannot exhaust memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// Messages, records and feedback taken together.
    pub entries: u64,
    /// Bytes of text in them.
    pub bytes: u64,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            entries: 10_000,
            bytes: 16 << 20,
        }
    }
}

/// What is old enough to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    /// Sessions last written to before this second since the Unix epoch.
    pub sessions_before: Option<i64>,
    /// Memories of repeatable writes made before this second.
    pub receipts_before: i64,
    /// At most so many sessions, and as many receipts, in one step.
    pub at_most: u32,
}

/// Where conversations live. A session exists for its owner only; to anybody else every method says
/// [`StoreError::SessionNotFound`].
///
/// A write that carries a [`Once`] has its effect at most once for a day: repeated, it returns what
/// it returned before. [`StoreError::KeyReused`] if the name stood for another write. Effect and
/// memory of it become durable together.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Creates an empty session and returns its fresh id.
    async fn create_session(
        &self,
        owner: Owner,
        once: Option<Once>,
    ) -> Result<SessionId, StoreError>;

    /// Appends a message; concurrent appends to one session are all kept, each with its own
    /// sequence number. [`StoreError::SessionFull`] beyond the session's limits.
    async fn append_message(
        &self,
        session: OwnedSession,
        text: String,
        once: Option<Once>,
    ) -> Result<Message, StoreError>;

    /// The session's messages, oldest first.
    async fn messages(&self, session: OwnedSession) -> Result<Vec<Message>, StoreError>;

    /// Keeps a record; a session may have many. With a [`Once`] its reply is kept for
    /// [`reply`](Self::reply).
    async fn save_record(
        &self,
        session: OwnedSession,
        record: NewRecord,
        once: Option<Once>,
    ) -> Result<(), StoreError>;

    /// The reply that was kept under this name; `None` if there is none, or its session is gone.
    async fn reply(&self, owner: Owner, once: Once) -> Result<Option<String>, StoreError>;

    /// Keeps a verdict on a session; it may have many.
    async fn save_feedback(
        &self,
        session: OwnedSession,
        rating: Rating,
        comment: String,
        once: Option<Once>,
    ) -> Result<(), StoreError>;

    /// Everything that is kept of a session, as of one moment.
    async fn session(&self, session: OwnedSession) -> Result<SessionDetails, StoreError>;

    /// An owner's sessions, newest first, beginning behind `after`; none if that is no session of
    /// theirs.
    async fn sessions(
        &self,
        owner: Owner,
        after: Option<SessionId>,
        at_most: u32,
    ) -> Result<Vec<SessionSummary>, StoreError>;

    /// Gives a session a name, which is not counted among what it holds: callers bound its length.
    async fn rename_session(&self, session: OwnedSession, title: String) -> Result<(), StoreError>;

    /// Deletes a session and all that is kept of it.
    async fn delete_session(&self, session: OwnedSession) -> Result<(), StoreError>;

    /// Deletes what is old and says whether there may be more of it.
    async fn expire(&self, expiry: Expiry) -> Result<bool, StoreError>;

    /// Proves that the store can be written and read, for readiness probes.
    async fn probe(&self) -> Result<(), StoreError>;
}

/// Where keys live, hashed.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// Keeps a new key.
    async fn add_key(&self, key: Key) -> Result<(), StoreError>;

    /// Every key there ever was, oldest first.
    async fn keys(&self) -> Result<Vec<Key>, StoreError>;

    /// Ends a key's validity; false if there is no such key.
    async fn revoke_key(&self, id: KeyId, at: i64) -> Result<bool, StoreError>;

    /// Notes when keys were last used.
    async fn touch_keys(&self, used: Vec<(KeyId, i64)>) -> Result<(), StoreError>;
}

/// The bytes that a record adds to its session.
fn size_of_record(record: &NewRecord) -> u64 {
    let reply = record.reply.as_deref().unwrap_or_default();
    size_of(&[&record.summary, &record.details, reply])
}

/// The bytes that a write adds to its session.
fn size_of(texts: &[&str]) -> u64 {
    texts.iter().map(|text| text.len() as u64).sum()
}
